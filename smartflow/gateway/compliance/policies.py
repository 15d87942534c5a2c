"""Reads the policy files: which kinds count, how severe each is, and from which risk on what is done.

A file `policies/NAME.yaml` holds exactly these keys:

    name: NAME                    equal to the file's name
    description: text             one or two sentences for a person
    min_confidence: 0..1          what a rule is less sure of does not count
    thresholds:                   the action at or above each risk; below the lowest one it is Allow
      AllowAndLog: 0..1
      Review: 0..1                not below AllowAndLog
      Block: 0..1                 not below Review
    kinds:                        at least one; a kind that is not named here does not count
      KIND: {severity: low|medium|high|critical, frameworks: [text, ...]}
    patterns:                     may be left out; a category that is not named here does not count
      CATEGORY: {severity: ..., frameworks: [...]}

Files of a folder of the user join the built-in ones; a file with the name of a built-in policy takes its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

import yaml

from smartflow.gateway.compliance.finding import CATEGORIES, KINDS, SEVERITIES, Severity
from smartflow.gateway.errors import bad_request

Action = Literal["Allow", "AllowAndLog", "Review", "Block"]
DEFAULT_POLICY: Final = "enterprise_standard"
_FOLDER = Path(__file__).parent / "policies"
_ACTIONS = get_args(Action)[1:]
_KEYS = ("name", "description", "min_confidence", "thresholds", "kinds")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)


class PolicyFileError(ValueError):
    """A policy file is not of the documented shape; the message names the file, the key and what belongs there."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy, checked."""

    name: str
    description: str
    min_confidence: float
    thresholds: Mapping[Action, float]
    severities: Mapping[str, Severity]
    frameworks: Mapping[str, tuple[str, ...]]
    """Of kinds and of categories."""
    patterns: Mapping[str, Severity] = field(default_factory=dict)
    """Severity of each category of violation pattern that counts."""

    def action(self, risk_score: float) -> Action:
        """What to do at this risk: the strictest action whose threshold it reaches."""
        reached: Action = "Allow"
        for action, threshold in self.thresholds.items():
            if risk_score >= threshold:
                reached = action
        return reached


class Policies:
    """The built-in policies and those of the user's folder, by name; all of them are read and checked at once."""

    def __init__(self, folder: Path = _FOLDER, own: Path | None = None) -> None:
        self._policies = {path.stem: read_policy(path) for path in sorted(folder.glob("*.yaml"))}
        if own is not None:
            self._policies |= {path.stem: read_policy(path) for path in _own_files(own)}
        if DEFAULT_POLICY not in self._policies:
            raise PolicyFileError(f"{folder}: the default policy {DEFAULT_POLICY}.yaml is missing")

    @property
    def names(self) -> list[str]:
        """The names that a request may give."""
        return list(self._policies)

    def require(self, name: str | None) -> None:
        """Refuse a configured name that no policy has."""
        if name is not None and name not in self._policies:
            raise PolicyFileError(f"there is no policy {name!r}; known are {', '.join(self.names)}")

    def get(self, name: str | None) -> Policy:
        """The policy of this name, the default one without a name; 400 when there is none."""
        policy = self._policies.get(name or DEFAULT_POLICY)
        if policy is None:
            raise bad_request(f"there is no such policy; known are {', '.join(self.names)}", "policy", "unknown_policy")
        return policy


def _own_files(folder: Path) -> list[Path]:
    """The policy files of a user's folder; whatever else looks like one is refused, so that no typing error switches one off."""
    if not folder.is_dir():
        raise PolicyFileError(f"{folder}: there is no such folder; make it, or leave the option out")
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    for path in files:
        if path.suffix in (".yml", ".json") or (path.suffix == ".yaml" and not _NAME.fullmatch(path.stem)):
            raise PolicyFileError(
                f"{path}: a policy file is called NAME.yaml, with a name of a-z, 0-9, _ and - (at most 64 characters)"
            )
    return [path for path in files if path.suffix == ".yaml"]


def read_policy(path: Path) -> Policy:
    """The checked policy of one file."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise PolicyFileError(f"{path}: not valid YAML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyFileError(f"{path}: cannot be read as UTF-8: {error}") from error
    reader = _Reader(path)
    whole = reader.mapping(data, "the file", required=_KEYS, optional=("patterns",))
    if whole["name"] != path.stem:
        raise reader.wrong("name", f"the file's name {path.stem!r}")
    kinds = reader.mapping(whole["kinds"], "kinds", allowed=tuple(KINDS))
    if not kinds:
        raise reader.wrong("kinds", "at least one kind")
    patterns = reader.mapping(whole.get("patterns", {}), "patterns", allowed=CATEGORIES)
    severities, frameworks = reader.weights(kinds, "kinds")
    pattern_severities, pattern_frameworks = reader.weights(patterns, "patterns")
    return Policy(
        name=path.stem,
        description=reader.text(whole["description"], "description"),
        min_confidence=reader.fraction(whole["min_confidence"], "min_confidence"),
        thresholds=reader.thresholds(whole["thresholds"]),
        severities=severities,
        frameworks={**pattern_frameworks, **frameworks},
        patterns=pattern_severities,
    )


class _Reader:
    """Checks the values of one file, and says where one is wrong."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def wrong(self, key: str, wanted: str) -> PolicyFileError:
        return PolicyFileError(f"{self._path}: {key} must be {wanted}")

    def mapping(
        self,
        value: object,
        key: str,
        *,
        required: tuple[str, ...] = (),
        optional: tuple[str, ...] = (),
        allowed: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            raise self.wrong(key, "a mapping")
        known = (*required, *optional, *allowed)
        if unknown := sorted(set(value) - set(known)):
            raise PolicyFileError(
                f"{self._path}: {key} has the unknown key {unknown[0]!r}; known are {', '.join(known)}"
            )
        if missing := [name for name in required if name not in value]:
            raise PolicyFileError(f"{self._path}: {key} lacks {missing[0]!r}")
        return value

    def weights(
        self, rules: Mapping[str, object], where: str
    ) -> tuple[dict[str, Severity], dict[str, tuple[str, ...]]]:
        """Severity and frameworks of each kind or category."""
        checked = {
            name: self.mapping(rule, f"{where}.{name}", required=("severity", "frameworks"))
            for name, rule in rules.items()
        }
        return (
            {name: self.severity(rule["severity"], f"{where}.{name}.severity") for name, rule in checked.items()},
            {name: self.texts(rule["frameworks"], f"{where}.{name}.frameworks") for name, rule in checked.items()},
        )

    def text(self, value: object, key: str) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, "a text")
        return value

    def texts(self, value: object, key: str) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise self.wrong(key, "a list of texts")
        return tuple(self.text(item, f"{key}.{index}") for index, item in enumerate(value))

    def fraction(self, value: object, key: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise self.wrong(key, "a number from 0 to 1")
        return float(value)

    def severity(self, value: object, key: str) -> Severity:
        for severity in SEVERITIES:
            if value == severity:
                return severity
        raise self.wrong(key, f"one of {', '.join(SEVERITIES)}")

    def thresholds(self, value: object) -> dict[Action, float]:
        given = self.mapping(value, "thresholds", required=_ACTIONS)
        checked: dict[Action, float] = {
            action: self.fraction(given[action], f"thresholds.{action}") for action in _ACTIONS
        }
        if list(checked.values()) != sorted(checked.values()):
            raise self.wrong("thresholds", "rising: AllowAndLog, then Review, then Block")
        return checked
