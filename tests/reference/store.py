"""What the store would give the compiled core for its misses, made from the plain model: entries and their flags.

Owns: the neighbour flags of entries. Never: RocksDB; the product's own writer of flags is tested elsewhere.
"""

from __future__ import annotations

from nsblast._core import engine as core
from nsblast._core import rrset as blob
from tests.reference.model import NSEC3PARAM, RRSIG, World, Zone, ancestors, labels


def entry(zone: Zone, name: bytes) -> bytes:
    """The blob of one owner name of a zone; b"" when the zone has no such name."""
    node = zone.nodes.get(name)
    if node is None:
        return b""
    flags = 0
    if name == zone.apex:
        flags |= blob.IS_APEX
        if zone.nsec:
            flags |= blob.ZONE_NSEC
        if NSEC3PARAM in node:
            flags |= blob.ZONE_NSEC3
    if zone.is_cut(name):
        flags |= blob.IS_CUT
    if zone.occluder(name) is not None:
        flags |= blob.IS_OCCLUDED
    if len(name) <= 253 and b"\x01*" + name in zone.nodes:
        flags |= blob.HAS_WILDCARD
    rrsets = [(found.rdtype, found.ttl, found.written) for found in node.values()]
    rrsets += [(RRSIG, found.sig_ttl, found.sigs) for found in node.values() if found.sigs]
    written = zone.spelling.get(name, name)
    return blob.pack_entry(
        rrsets, apex_labels=len(labels(zone.apex)), flags=flags, spelling=b"" if written == name else written
    )


def fetch(world: World, kind: int, apex_labels: int, name: bytes) -> tuple[bytes, bytes]:
    """(owner, blob) as the store's reader gives it; blob b"" = nothing."""
    if kind == core.MISS_ENTRY:
        zone = world.deepest(name)
        return name, entry(zone, name) if zone else b""
    zone = world.zones[ancestors(name)[len(labels(name)) - apex_labels]]
    if kind == core.MISS_IN_ZONE:
        return name, entry(zone, name)
    if kind == core.MISS_NSEC_COVER:
        owner = zone.nsec_at_or_before(name)
    elif kind == core.MISS_NSEC3_MATCH:
        owner = zone.nsec3_match(name)
    else:
        owner = zone.nsec3_cover(name)
    return (owner, entry(zone, owner)) if owner else (name, b"")


def answer(engine: core.Engine, world: World, packet: bytes, *, tcp: bool = False) -> bytes:
    """One packet through the compiled core, every miss filled from the model; b"" is silence."""
    for _ in range(2000):
        got = engine.answer(packet, b"\x7f\0\0\1", tcp)
        if isinstance(got, bytes):
            return got
        if got != core.MISS:
            raise AssertionError(f"status {got} where only a miss can be")
        kind, apex, name = engine.miss()
        owner, found = fetch(world, kind, apex, name)
        engine.fill(kind, apex, name, owner, found)
    raise AssertionError("a packet that never stops missing")
