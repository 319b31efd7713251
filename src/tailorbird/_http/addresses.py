"""Which addresses may be called: no key in clear text, none to a machine's own metadata."""

from __future__ import annotations

import ipaddress
import re
import socket
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tailorbird.exceptions import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection
    from urllib.parse import SplitResult

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA_HOSTS = frozenset({"metadata", "metadata.google.internal", "instance-data"})
_METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(address)
    for address in ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
# Addresses at which clouds hand out credentials, besides the link-local ones: Azure ("What is IP
# address 168.63.129.16?", learn.microsoft.com), Alibaba ("View instance metadata",
# alibabacloud.com), Oracle, and Amazon's over IPv6 ("Access instance metadata",
# docs.aws.amazon.com); names of Google and of Amazon's first images. All read 2026-11-22.

_DEFAULT_PORTS = {"http": 80, "https": 443}  # RFC 9110, 4.2.1 and 4.2.2

_PRINTABLE = re.compile(r"[!-~]+")


def checked_base_url(url: str, *, insecure_hosts: Collection[str] = (), place: str) -> str:
    """Check and tidy the address of an API.

    Blanks around it and slashes at its end are taken away, and repeated slashes within the path
    become one. `http://` is for loopback and for `insecure_hosts` only.

    Args:
        url: What the user wrote, e.g. `https://api.openai.com/v1`.
        insecure_hosts: Hosts that may be called without encryption; names in any case.
        place: Where it was written, for messages, e.g. `base_url of profile 'main'`.

    Returns:
        The address without a slash at its end.

    Raises:
        ConfigError: It is not an `http(s)` address of a host; it carries a user, a password, a
            query or a fragment; its host would get the key in clear text, or is one at which a
            machine's own credentials are handed out. The message never repeats a password.
    """
    text = url.strip()
    if not _PRINTABLE.fullmatch(text):
        raise ConfigError(
            f"{place} holds blanks, control characters or characters beyond ASCII (or is empty);"
            " write international names in their xn-- form"
        )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as exc:
        raise ConfigError(f"{place} is not an address: {exc}; write https://host/path") from None
    if "@" in parts.netloc:
        raise ConfigError(
            f"{place} holds a user name or password; take it out, and give the key by the"
            " environment variable that the settings name"
        )
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(
            f"{place} must begin with https:// and a host (http:// on this machine), got scheme"
            f" {parts.scheme!r} and host {parts.hostname!r}"
        )
    if "?" in text or "#" in text or "\\" in text:
        raise ConfigError(
            f"{place} holds a query, a fragment or a backslash; keep only https://host/path"
        )
    _check_host(parts.hostname, parts.scheme, insecure_hosts=insecure_hosts, place=place)
    shown = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = re.sub("/{2,}", "/", parts.path).rstrip("/")
    return f"{parts.scheme}://{shown}{'' if port is None else f':{port}'}{path}"


def host_of(url: str) -> str:
    """Give the host of an address that `checked_base_url` has checked, for messages."""
    return urlsplit(url).hostname or ""


def is_within(url: str, home: str) -> bool:
    """Say whether an address lies below another one: at its origin, and below its path.

    Spelled-out default ports and the case of host names make no difference (RFC 3986, 6.2.2 and
    6.2.3). What not every reader of addresses takes for the same host (a user name, a backslash, a
    control character) lies below none.

    Args:
        url: Where a key may be sent, or not; it came from outside.
        home: An address that `checked_base_url` has checked.
    """
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        return False
    try:
        parts, whole = urlsplit(url), urlsplit(home)
        same = _origin(parts) == _origin(whole)
    except ValueError:  # a port that is no number, brackets that do not close
        return False
    return same and "@" not in parts.netloc and parts.path.startswith(f"{whole.path}/")


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    port = _DEFAULT_PORTS.get(parts.scheme) if parts.port is None else parts.port
    return parts.scheme, parts.hostname, port


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine itself, by its name or number alone."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, 6.3
        return True
    address = _address_of(name)
    return address is not None and address.is_loopback


def _check_host(host: str, scheme: str, *, insecure_hosts: Collection[str], place: str) -> None:
    address = _address_of(host)
    if host.rstrip(".") in _METADATA_HOSTS or (address is not None and _is_metadata(address)):
        raise ConfigError(
            f"{place} names {host!r}, where a machine's own credentials are handed out; name the"
            " host of the API"
        )
    allowed = scheme == "https" or is_loopback(host)
    if not allowed and host not in {name.lower() for name in insecure_hosts}:
        raise ConfigError(
            f"{place} would send key and content to {host!r} in clear text; use https://, or add"
            f" {host!r} to `insecure_hosts` if the network between is yours"
        )


def _is_metadata(address: _Address) -> bool:
    return address.is_link_local or address in _METADATA_ADDRESSES


def _address_of(host: str) -> _Address | None:
    """Read a number in any spelling that the operating system would take for an address."""
    name = host.rstrip(".")
    with suppress(ValueError):
        address = ipaddress.ip_address(name)
        mapped = getattr(address, "ipv4_mapped", None)
        return mapped if isinstance(mapped, ipaddress.IPv4Address) else address
    with suppress(OSError):  # 2852039166 and 0xA9.254.43518 are addresses, too
        return ipaddress.IPv4Address(socket.inet_aton(name))
    return None
