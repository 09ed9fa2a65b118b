"""Values and shorthands that tests of zones and of the store share."""

from typing import Any

import dns.name
import dns.rdata

from nsblast.store import layout
from nsblast.store.engine import Database
from nsblast.store.overlay import Base, Overlay
from nsblast.types import Rr
from nsblast.zones.build import entries_of
from nsblast.zones.checks import soa_serial
from nsblast.zones.edit import apply
from nsblast.zones.model import ChangeSet, CreateZone, PutName, Result, RRset

A, NS, CNAME, SOA, TXT, DNAME, RRSIG = 1, 2, 5, 6, 16, 39, 46
A1, A2, A3 = (bytes((192, 0, 2, last)) for last in (1, 2, 3))


def wire(text: str) -> bytes:
    return dns.name.from_text(text).to_wire()


def rdata(rrtype: str, text: str) -> bytes:
    value = dns.rdata.from_text("IN", rrtype, text).to_wire()
    assert value is not None
    return value


APEX = wire("example.")


def soa(serial: int) -> bytes:
    return rdata("SOA", f"ns.example. admin.example. {serial} 3600 600 86400 300")


def a(*addresses: bytes, ttl: int = 60) -> tuple[RRset, ...]:
    return (RRset(A, ttl, addresses),)


def start(serial: int = 1, apex: bytes = APEX) -> tuple[Any, ...]:
    """Operations that make a zone with SOA and NS."""
    sets = (RRset(SOA, 300, (soa(serial),)), RRset(NS, 300, (wire("ns.example."),)))
    return CreateZone(), PutName(apex, sets)


def put(name: str, *addresses: bytes, apex: bytes = APEX, **more: Any) -> ChangeSet:
    return ChangeSet(apex, (PutName(wire(name), a(*addresses)),), **more)


class Zone:
    """One zone edited in a layer, with checks that hold after every change."""

    def __init__(self, database: Database) -> None:
        self.view = Overlay(Base(database))
        self.number = 0

    def do(self, *ops: Any, apex: bytes = APEX, **more: Any) -> Result:
        child = Overlay(self.view)
        self.number += 1
        applied = apply(ChangeSet(apex, ops, **more), child, self.number, 1000.0)
        if applied.zone is not None:
            self.view.take(child)
        self.check(apex)
        self.applied = applied
        result = applied.result
        assert isinstance(result, Result)
        return result

    def contents(self, apex: bytes = APEX) -> dict[bytes, Any]:
        return {layout.entry_of(key)[0]: node for key, node in self.view.walk(*layout.entries_range(apex))}

    def rrs(self, apex: bytes = APEX) -> list[Rr]:
        return [rr for name, node in self.contents(apex).items() for rr in node.rrs(name)]

    def flags(self, name: str) -> int:
        node = self.view.node(layout.entry_key(wire(name), 1))
        assert node is not None, name
        return node.flags

    def has(self, name: str) -> bool:
        return self.view.node(layout.entry_key(wire(name), 1)) is not None

    def serial(self) -> int:
        record = self.view.zone(APEX)
        assert record is not None
        return record.serial

    def check(self, apex: bytes) -> None:
        """The layer holds just what building the zone anew from its RRs gives, byte for byte."""
        record = self.view.zone(apex)
        low, high = layout.entries_range(apex)
        stored = {key[1:]: node.pack() for key, node in self.view.walk(low, high)}
        if record is None:
            assert stored == {}
            return
        assert stored == dict(entries_of(apex, self.rrs(apex)))
        assert record.names == len(stored)
        if SOA in self.contents(apex)[apex].sets:
            assert record.serial == soa_serial(apex, self.contents(apex)[apex].sets[SOA][2][0])
