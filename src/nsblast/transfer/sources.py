"""Which address of ours other name servers are spoken to from.

Owns: that choice: what `transfer_source` says; else the one address that is served, so that a master's list of permitted addresses and a
secondary's list of masters can name it; else the system's. Never: sockets.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address


def is_local(address: str) -> bool:
    """Only an address of this machine can be bound to."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return False
        return True


class Sources:
    """See the file's head. An address is chosen by the one spoken to: its family, and whether it is of this machine alone (loopback)."""

    def __init__(self, told: Iterable[str], served: Iterable[str]) -> None:
        """told: by the setting, at most one of each family."""
        self._told: dict[int, str] = {}
        for one in map(ip_address, told):
            self._told[one.version] = "" if one.is_unspecified else str(one)
        self._served = [ip_address(one) for one in served]
        self._chosen: dict[tuple[int, bool], str] = {}

    def to(self, address: str) -> str:
        """Where a connection to there leaves from; "" = as the system likes."""
        there = ip_address(address)
        told = self._told.get(there.version)
        if told is not None:
            return told
        kind = there.version, there.is_loopback
        if kind not in self._chosen:
            self._chosen[kind] = self._only(there)
        return self._chosen[kind]

    def _only(self, there: IPv4Address | IPv6Address) -> str:
        """The one address served of its kind; "" when there are several, or all are served, or it is not here (yet)."""
        family = [one for one in self._served if one.version == there.version]
        alike = [one for one in family if one.is_loopback == there.is_loopback]
        if len(alike) != 1 or any(one.is_unspecified for one in family):
            return ""
        (found,) = map(str, alike)
        return found if is_local(found) else ""
