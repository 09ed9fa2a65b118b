"""Whom a zone's changes are told to: the addresses configured for it, and the hosts of its NS set.

Owns: the form of a configured secondary in settings, the NS set without who needs no telling (RFC 1996 2.1: the host the SOA names as
master; our own addresses; a secondary's masters). Never: resolving names outside our zones, sending.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from nsblast._core.name import fold, labels
from nsblast._core.rrset import unpack_entry
from nsblast.access.records_v1 import TsigKey
from nsblast.backend.local import LocalBackend
from nsblast.records.names import name_to_text
from nsblast.settings import Settings
from nsblast.store.layout import FIRST_TENANT
from nsblast.store.values_v1 import ZoneRecord
from nsblast.transfer.hosts import Hosts, literal
from nsblast.transfer.masters import source_of
from nsblast.transfer.sources import is_local
from nsblast.types import Wire

SETTING = "notify"
MOST = 64
"""Secondaries of one zone."""
PORT = 53
_NS, _SOA = 2, 6


class Target(NamedTuple):
    """One secondary of a zone."""

    address: str
    port: int
    tsig: str = ""
    """Name of the key its messages are signed with."""
    name: str = ""
    """Of the host, when it is one of the NS set; "" = it is configured."""


class Plan(NamedTuple):
    """A zone as it is now, and whom to tell."""

    apex: Wire
    serial: int
    owner: Wire
    """The apex as spelled."""
    ttl: int
    soa: bytes
    targets: tuple[Target, ...]
    outside: tuple[Wire, ...]
    """Hosts of the NS set that our zones have no addresses of."""
    tenant: str = FIRST_TENANT
    """The zone's."""


def may_sign(plan: Plan, key: TsigKey) -> bool:
    """Whether the key is one that the zone's setting can mean: names become free, and another tenant may make a key of that name."""
    return (key.tenant or FIRST_TENANT) in (plan.tenant or FIRST_TENANT, FIRST_TENANT)


def defaults_of(settings: Settings) -> tuple[Target, ...]:
    """The secondaries of zones that name none themselves."""
    return tuple(from_item(item) for item in settings.notify)


def from_item(item: str) -> Target:
    """An item of that setting, as settings.notify_item() gives it."""
    place, _, key = item.partition(" key:")
    address, _, port = place.partition("@")
    return Target(address, int(port or PORT), key)


def configured_of(record: ZoneRecord, defaults: tuple[Target, ...]) -> tuple[Target, ...]:
    """Those of a zone: its own list, which may be empty, stands instead of the server's."""
    own: list[dict[str, Any]] | None = record.settings.get(SETTING)
    if own is None:
        return defaults
    return tuple(Target(each["address"], each.get("port", PORT), each.get("tsig", "")) for each in own)


class Ourselves:
    """Which addresses are this server's."""

    def __init__(self, settings: Settings) -> None:
        self._port = settings.udp_port
        self._addresses = frozenset(settings.dns_endpoint)
        self._families = {":" in address for address in self._addresses if address in ("0.0.0.0", "::")}
        self._known: dict[str, bool] = {}

    def has(self, address: str, port: int) -> bool:
        """Whether a message sent there would come to us."""
        if port != self._port:
            return False
        if address in self._addresses:
            return True
        if (":" in address) not in self._families:
            return False
        if len(self._known) > 10_000:
            self._known.clear()
        known = self._known.get(address)
        if known is None:
            known = self._known[address] = is_local(address)
        return known


def plan_of(
    backend: LocalBackend,
    hosts: Hosts,
    apex: Wire,
    defaults: tuple[Target, ...],
    ours: Callable[[str, int], bool],
    *,
    name_servers: bool,
) -> Plan | None:
    """Read a zone; None when it is gone or has no contents yet. In a thread. name_servers: tell its NS set too."""
    record = backend.zone(apex)
    entry = backend.entry(apex, labels(apex)) if record is not None else None
    if record is None or entry is None:
        return None
    data = unpack_entry(entry.blob)
    sets = {rdtype: (ttl, rdatas) for rdtype, ttl, rdatas in data.rrsets if rdtype in (_NS, _SOA)}
    if _SOA not in sets:
        return None
    ttl, (soa,) = sets[_SOA]
    targets = {(each.address, each.port): each for each in configured_of(record, defaults)}
    outside = []
    if name_servers:
        source = source_of(record.settings)
        masters = {literal(each.host) for each in source.masters} if source is not None else set()
        for name in _hosts_of(soa, sets.get(_NS, (0, []))[1]):
            found = hosts.own(name)
            if not found:
                outside.append(name)
            for each in named(name, found, ours):
                if each.address not in masters:
                    targets.setdefault((each.address, each.port), each)
    serial = int.from_bytes(soa[-20:-16], "big")
    told = tuple(targets.values())[:MOST]
    return Plan(apex, serial, data.spelling or apex, ttl, soa, told, tuple(outside[:MOST]), record.tenant)


def _hosts_of(soa: bytes, rdatas: Iterable[bytes]) -> list[Wire]:
    """The NS set without the SOA's own master."""
    at = 0
    while soa[at]:
        at += soa[at] + 1
    mname = fold(soa[: at + 1])
    return [name for rdata in rdatas if (name := fold(rdata)) != mname and name != b"\0"]


def named(name: Wire, addresses: Iterable[str], ours: Callable[[str, int], bool]) -> list[Target]:
    """A host of the NS set, once for each address that is not ours."""
    shown = name_to_text(name)
    return [Target(address, PORT, "", shown) for address in addresses if not ours(address, PORT)]
