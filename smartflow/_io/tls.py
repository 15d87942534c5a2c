"""One TLS context for all clients that ask for the same thing: making one costs 27 ms and 700 KB."""

from __future__ import annotations

import functools
import os
import ssl
import warnings
from typing import Union

from ..exceptions import ConfigError

__all__ = ["context_for"]

Verify = Union[bool, str, ssl.SSLContext]


def context_for(verify: Verify) -> ssl.SSLContext:
    """The context for a `verify` argument: True, the path of a CA file or folder, a context of the user's, or False."""
    if isinstance(verify, ssl.SSLContext):
        return verify
    if verify is False:
        warnings.warn(
            "verify=False: certificates are not checked, keys and prompts can be read on the way", stacklevel=4
        )
    return _shared(str(verify) if isinstance(verify, (str, os.PathLike)) else bool(verify))


@functools.lru_cache(maxsize=8)
def _shared(verify: Union[bool, str]) -> ssl.SSLContext:
    if isinstance(verify, str):
        return _from_path(verify)
    context = ssl.create_default_context()
    if verify:
        import certifi

        # The system's store knows a company's own CA; certifi knows the public ones where there is no system store.
        context.load_verify_locations(certifi.where())
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _from_path(path: str) -> ssl.SSLContext:
    try:
        if os.path.isdir(path):
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"verify: no CA certificates can be read from {path!r}: {error}") from None
