"""The one place of precedence: argument, environment, profile, file, default. No source lends its key to another's gateway."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from .._core.secrets import Secret, redact
from .._core.urls import Origin, parse_base_url
from ..exceptions import ConfigError
from .file import ConfigFile, Entry, load_file, stated
from .keys import (
    ALIASES,
    DEFAULT_PORTS,
    DEFAULTS,
    PROVIDER_SETTINGS,
    SETTINGS,
    is_secret,
    parse_secret,
    parse_text,
    variables_of,
)

__all__ = ["CLIENT_NAMES", "Explained", "Resolved", "Setting", "explain", "resolve"]

PROFILE_VARIABLE = "SMARTFLOW_PROFILE"
SERVICE_URLS = tuple(f"{service}_url" for service in DEFAULT_PORTS)
# What belongs to one gateway, and must not reach another. (An attestation belongs to the agent, wherever it calls.)
BOUND = ("api_key", *SERVICE_URLS)
CLIENT_NAMES = ("gateway_url", "api_key", "attestation", *SERVICE_URLS, "timeout", "max_retries")
NAMES = (*CLIENT_NAMES, *(name for name in SETTINGS if name not in CLIENT_NAMES))


class Setting(NamedTuple):
    """One setting: its value (None if nothing sets it), where the value came from, and its name there for messages."""

    name: str
    value: Any
    source: str
    place: str = ""


class Explained(NamedTuple):
    """One row for people: the value as text, secrets masked, and where it came from."""

    name: str
    value: str
    source: str


@dataclass(frozen=True)
class Resolved:
    """Every setting with its value and its source; secrets are `Secret`.

    Attributes:
        mode: `gateway` when a gateway's URL is configured, else `direct`.
        profile: The profile in use; its value is None when there is none.
        file: What the configuration file says.
        settings: Every setting by its name.
    """

    mode: str
    profile: Setting
    file: ConfigFile
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Setting:
        return self.settings[ALIASES.get(name, name)]

    def value(self, name: str) -> Any:
        """The value of a setting, or None."""
        return self[name].value


class _Source:
    """One level of precedence: what it sets, and the gateway that its key and service URLs belong to."""

    def __init__(self, entries: Mapping[str, Setting], home: Optional[str] = None, free: Sequence[str] = ()) -> None:
        self.entries = entries
        self.home = _origin(home if home is not None else _value(entries, "gateway_url"))
        # What goes to whichever gateway is used, when the source names none itself.
        self.free = free

    def may_serve(self, name: str, gateway: Optional[Origin]) -> bool:
        """Whether a gateway that a higher source named may get this source's setting."""
        if name not in BOUND or gateway is None:
            return True
        unbound = name in self.free and "gateway_url" not in self.entries
        return unbound or self.home == gateway


def resolve(
    arguments: Optional[Mapping[str, Any]] = None,
    *,
    profile: Optional[str] = None,
    file: Optional[ConfigFile] = None,
    names: Sequence[str] = NAMES,
) -> Resolved:
    """Every setting with its value and its source; a ConfigError names what is wrong and where.

    Args:
        arguments: What the caller set, by name (`gateway_url`, `api_key`, ...); what is missing was not set.
        profile: The profile to use; by default `SMARTFLOW_PROFILE`, then the file's `default_profile`.
        file: The configuration file, if it was read already.
        names: The settings to look up, `gateway_url` first; by default all of them.
    """
    resolved = _resolved(arguments or {}, profile, load_file() if file is None else file, names)
    if resolved.mode == "direct" and stated() and not resolved.file.exists:
        # Calls would go past the gateway that the missing file names.
        raise ConfigError(
            f"SMARTFLOW_CONFIG names {resolved.file.path}, which does not exist: create it with `smartflow configure`, "
            "correct the path, or unset SMARTFLOW_CONFIG"
        )
    return resolved


def explain(profile: Optional[str] = None) -> List[Explained]:
    """Every setting as a client without arguments would use it, in rows for people; secrets are masked."""
    resolved = _resolved({}, profile, load_file(), NAMES)
    file = resolved.file
    gateway = resolved["gateway_url"]
    chosen = resolved.profile
    rows = [
        Explained("mode", resolved.mode, gateway.source),
        Explained(
            "config_file",
            str(file.path),
            ("environment SMARTFLOW_CONFIG" if stated() else "default") + ("" if file.exists else ", does not exist"),
        ),
        Explained("profile", chosen.value or "", chosen.source),
    ]
    origin = parse_base_url(gateway.value, gateway.place) if gateway.value else None
    for name, setting in resolved.settings.items():
        value, source = setting.value, setting.source
        if value is None and origin is not None and name in SERVICE_URLS:
            value, source = origin.sibling(DEFAULT_PORTS[name[: -len("_url")]]).url, f"{source}, beside gateway_url"
        rows.append(Explained(name, _shown(value), source))
    return rows


def _resolved(arguments: Mapping[str, Any], profile: Optional[str], file: ConfigFile, names: Sequence[str]) -> Resolved:
    chosen = _profile(profile, file)
    entries = file.profiles.get(chosen.value, {}) if chosen.value is not None else {}
    top = _Source(_of_file(file.settings, f"file {file.path}", file))
    lower_url = _value(entries, "gateway_url") or _value(file.settings, "gateway_url")
    sources = [
        _Source({name: Setting(name, value, "argument", _argument(name)) for name, value in arguments.items()}),
        _Source(_of_environment(names), free=("api_key",)),
        _Source(_of_file(entries, f"profile {chosen.value} in {file.path}", file), lower_url),
        top,
    ]
    found = {"gateway_url": _choose("gateway_url", sources, None)}
    # What stands above the URL adds to it; what stands below it was meant for the URL that stands there.
    gateway = _origin(found["gateway_url"].value)
    level = next((at for at, source in enumerate(sources) if "gateway_url" in source.entries), len(sources))
    for name in names[1:]:
        allowed = [source for at, source in enumerate(sources) if at <= level or source.may_serve(name, gateway)]
        found[name] = _choose(name, allowed, sources)
    mode = "gateway" if found["gateway_url"].value is not None else "direct"
    return Resolved(mode, chosen, file, found)


def _choose(name: str, allowed: Sequence[_Source], everything: Optional[Sequence[_Source]]) -> Setting:
    for source in allowed:
        if name in source.entries:
            return _parsed(source.entries[name])
    void = [source.entries[name].source for source in everything or () if name in source.entries]
    why = f"default ({void[0]} is not used: it belongs to another gateway)" if void else "default"
    return Setting(name, DEFAULTS.get(name), why)


def _parsed(setting: Setting) -> Setting:
    """The setting with its text of the environment read as a value; other sources have values already."""
    if setting.source.startswith("environment "):
        return setting._replace(value=parse_text(setting.name, setting.value, setting.place))
    if is_secret(setting.name):
        return setting._replace(value=parse_secret(setting.value, setting.place))
    return setting


def _of_environment(names: Sequence[str]) -> Dict[str, Setting]:
    found: Dict[str, Setting] = {}
    for name in names:
        for variable in variables_of(name):
            text = os.environ.get(variable)
            # An empty URL of a gateway is a mistake that must not lead past it; an empty api_key means none. Systems
            # that build programs set a provider's key to nothing where they have none.
            empty_counts = variable.startswith("SMARTFLOW_") and name != "attestation"
            if text is not None and (text.strip() or empty_counts):
                found[name] = Setting(name, text, f"environment {variable}", variable)
                break
    return found


def _of_file(entries: Mapping[str, Entry], label: str, file: ConfigFile) -> Dict[str, Setting]:
    return {
        name: Setting(name, entry.value, f"{label}:{entry.line}", f"{name} ({file.path}:{entry.line})")
        for name, entry in entries.items()
    }


def _profile(argument: Optional[str], file: ConfigFile) -> Setting:
    named = os.environ.get(PROFILE_VARIABLE)
    if argument is not None:
        chosen = Setting("profile", argument, "argument", "profile")
    elif named is not None and named.strip():
        chosen = Setting("profile", named.strip(), f"environment {PROFILE_VARIABLE}", PROFILE_VARIABLE)
    elif file.default_profile is not None:
        line = file.default_profile.line
        return Setting("profile", file.default_profile.value, f"file {file.path}:{line}", f"{file.path}:{line}")
    else:
        return Setting("profile", None, "default")
    if not isinstance(chosen.value, str):
        raise ConfigError(f"profile must be the name of a profile, not {type(chosen.value).__name__}")
    if chosen.value not in file.profiles:
        known = ", ".join(sorted(file.profiles)) or "none"
        missing = "" if file.exists else ", which does not exist"
        raise ConfigError(
            f"{chosen.place}: there is no profile {redact(chosen.value)[:64]!r} in {file.path}{missing}: known are {known}"
        )
    return chosen


def _argument(name: str) -> str:
    if name in PROVIDER_SETTINGS:
        return f"providers[{name!r}]"
    return "base_url" if name == "gateway_url" else name


def _value(entries: Mapping[str, Any], name: str) -> Any:
    return entries[name].value if name in entries else None


def _origin(url: Any) -> Optional[Origin]:
    """The gateway that a URL means, for comparing; None for one that is none."""
    try:
        return None if url is None else parse_base_url(url)._replace(explicit_port=False)
    except ConfigError:
        return None


def _shown(value: Any) -> str:
    if isinstance(value, Secret):
        return "***"
    return "" if value is None else redact(str(value))
