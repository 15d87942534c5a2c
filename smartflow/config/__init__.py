"""Where a client finds its settings: arguments, the environment, and `~/.smartflow/config.yaml`."""

from __future__ import annotations

from .._lazy import lazy
from .file import ConfigFile, Entry, config_path, load_file
from .keys import PROVIDER_SETTINGS
from .precedence import Explained, Resolved, Setting, explain, resolve
from .settings import DEFAULT_TIMEOUT, Settings, environment_proxy, make_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .variables import Variables
    from .writing import save

__all__ = [
    "DEFAULT_TIMEOUT",
    "PROVIDER_SETTINGS",
    "ConfigFile",
    "Entry",
    "Explained",
    "Resolved",
    "Setting",
    "Settings",
    "Variables",
    "config_path",
    "environment_proxy",
    "explain",
    "load_file",
    "make_settings",
    "resolve",
    "save",
]

# Writing needs PyYAML, which a client without a configuration file must not load; variables are for direct mode.
__getattr__, __dir__ = lazy(__name__, globals(), {"variables": ["Variables"], "writing": ["save"]})
