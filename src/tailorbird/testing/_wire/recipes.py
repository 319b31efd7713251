"""What a program must be told to use a wire application: addresses, profiles, variables."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tailorbird.testing._wire import identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.testing._wire.app import WireApp
    from tailorbird.testing._wire.world import World
    from tailorbird.types.models import RoleModel

KEY_VARIABLE = "TAILORBIRD_FAKE_KEY"
"""Variable by which the profiles name the server's key."""

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - who listens everywhere is reached here


def origin_of(host: str, port: int) -> str:
    """Give the address by which a server is reached from its own machine."""
    reached = _ANY.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def base_urls(app: WireApp, origin: str) -> Mapping[str, str]:
    """Give the base URL of each flavor that is served, as OpenAI's clients want it."""
    return {world.flavor.name: origin + world.dialect.base for world in app.worlds}


def environment(app: WireApp, origin: str) -> Mapping[str, str]:
    """Give the variables by which the usual clients find the server."""
    found: dict[str, str] = {}
    for world in app.worlds:
        settings = world.settings
        key = settings.api_keys[0]
        found[KEY_VARIABLE] = key
        if world.dialect.services:
            found |= {
                "AZURE_OPENAI_ENDPOINT": origin,
                "AZURE_OPENAI_API_KEY": key,
                "AZURE_SEARCH_ENDPOINT": origin,
                "AZURE_SEARCH_API_KEY": settings.search_keys[0],
                "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
                "IDENTITY_ENDPOINT": origin + identity.PATH,
                "IDENTITY_HEADER": key,
            }
        else:
            found |= {"OPENAI_BASE_URL": origin + world.dialect.base, "OPENAI_API_KEY": key}
    return found


def profiles(app: WireApp, origin: str) -> str:
    """Give a `tailorbird.toml` with a profile for each flavor that is served."""
    parts = [f'default_profile = "{app.worlds[0].flavor.name}"\n']
    for world in app.worlds:
        make = _azure if world.dialect.services else _openai
        parts.append(make(world, origin))
    return "\n".join(parts)


def _openai(world: World, origin: str) -> str:
    name = world.flavor.name
    offered = [one.capability for one in world.flavor.capabilities if one.available]
    listed = "".join(f'    "{one.value}",\n' for one in offered)
    return (
        f"[profiles.{name}]\n"
        f'provider = "openai"\n'
        f'base_url = "{origin}{world.dialect.base}"\n'
        f'api_key_env = "{KEY_VARIABLE}"\n'
        f"{_insecure(name, origin)}"
        f"[profiles.{name}.server] # another server than OpenAI's says what it offers\n"
        f"capabilities = [\n{listed}]\n"
        f"{_roles(name, world.flavor.roles)}"
    )


def _azure(world: World, origin: str) -> str:
    name, settings = world.flavor.name, world.settings
    return (
        f"[profiles.{name}]\n"
        f'provider = "azure"\n'
        f'endpoint = "{origin}"\n'
        f'api_key_env = "{KEY_VARIABLE}"\n'
        f'management_endpoint = "{origin}"\n'
        f"{_insecure(name, origin)}"
        f"[profiles.{name}.deploy]\n"
        f'subscription_id = "{settings.subscription_id}"\n'
        f'resource_group = "{settings.resource_group}"\n'
        f'account = "{settings.account}"\n'
        f"[profiles.{name}.search]\n"
        f'endpoint = "{origin}"\n'
        f'api_key_env = "AZURE_SEARCH_API_KEY"\n'
        f"{_roles(name, world.flavor.roles)}"
    )


def _insecure(name: str, origin: str) -> str:
    """Allow plain HTTP by name where the host is not this machine's own."""
    host = urlsplit(origin).hostname or ""
    return "" if _is_loopback(host) else f'[profiles.{name}.http]\ninsecure_hosts = ["{host}"]\n'


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _roles(name: str, roles: Mapping[str, RoleModel]) -> str:
    lines = [f"[profiles.{name}.models]\n"]
    for role, one in roles.items():
        if one.deployment is None:
            lines.append(f'{role} = "{one.model}"\n')
        else:
            lines.append(f'{role} = {{ deployment = "{one.deployment}", model = "{one.model}" }}\n')
    return "".join(lines)
