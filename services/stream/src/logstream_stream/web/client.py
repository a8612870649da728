"""Finds the client of a request: the nearest address on its way that is not a trusted proxy."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

_NONE: Final = "none"
# A household or a machine has an IPv6 network of this size.
_CLIENT_PREFIX: Final = 64


@dataclass(frozen=True)
class Networks:
    """Networks as they are written in settings."""

    networks: Sequence[IPv4Network | IPv6Network] = ()

    def __contains__(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self.networks)

    def __str__(self) -> str:
        return ",".join(map(str, self.networks)) or _NONE


def read_networks(text: Any) -> Networks:
    """Reads addresses and networks separated by commas, or `none`. Raises ValueError."""
    if isinstance(text, Networks):
        return text
    if str(text).strip() == _NONE:
        return Networks()
    try:
        return Networks(tuple(ip_network(part.strip()) for part in str(text).split(",")))
    except ValueError as error:
        example = "10.0.0.0/8,192.168.1.7"
        raise ValueError(f"{error}; expected addresses and networks such as {example}, or {_NONE}") from error


TrustedNetworks = Annotated[Networks, BeforeValidator(read_networks)]
# The host itself and private networks, among them containers, pods and the page's nginx. Several clouds give pods addresses
# in 100.64.0.0/10.
PRIVATE: Final = read_networks("127.0.0.0/8,::1/128,10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fc00::/7")


def client_of(peer: str, forwarded_for: str, trusted: Networks) -> str:
    """A name for the client behind a connection.

    peer: the address of the other side. forwarded_for: X-Forwarded-For, to which each proxy appends the address of its own
    client. It is read from its end, and only as far as trusted proxies wrote it, since anybody can invent what is before. If
    an entry cannot be read, the client is the last address that could be read.
    """
    address = _read(peer)
    if address is None:
        return peer
    for text in reversed(forwarded_for.split(",")):
        if address not in trusted:
            break
        before = _read(text)
        if before is None:
            break
        address = before
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, _CLIENT_PREFIX), strict=False))
    return str(address)


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """Reads an address; some proxies add a port."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
