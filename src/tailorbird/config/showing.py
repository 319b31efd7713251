"""Show values of a configuration without the passwords that may stand in them."""

from __future__ import annotations

from urllib.parse import urlsplit

_UNREADABLE = "an address that cannot be read"


def shown(value: str) -> str:
    """Give a value as it may be shown: an address without user, password, query and fragment."""
    if "://" not in value:
        return value
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        return _UNREADABLE
    if host is None:
        return _UNREADABLE
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{parts.path}"


def shown_proxy(value: str) -> str:
    """Give a proxy as it may be shown; `user:password@proxy:3128` is an address, too."""
    return shown(value) if "://" in value else value.rpartition("@")[2]
