"""Catalog zones (RFC 9432): how they say which zones there are. Names and records of members, both directions.

Owns: labels of member nodes, what a member's records are, reading them, and what makes a catalog broken. Never: when a catalog is made or followed
(catalog_producer.py, catalog_consumer.py), zone settings (catalog_settings.py).
A member is a PTR at <label>.zones.<catalog>; below it group (TXT) and coo (PTR). What is not understood is passed over (RFC 9432 3); what
is understood and wrong makes the whole catalog broken, and nothing of it is followed. TTLs mean nothing.
"""

from base64 import b32hexencode
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

from nsblast._core.name import fold
from nsblast._core.rrset import unpack_entry
from nsblast.errors import InputError
from nsblast.records import name_to_text
from nsblast.store import layout
from nsblast.types import RawRrset, Wire
from nsblast.zones.model import NameOp, PutName, RRset

TTL = 0
PTR = 12
TXT = 16
VERSION = b"2"
VERSION_OWNER = b"\x07version"
ZONES = b"\x05zones"
GROUP = b"\x05group"
COO = b"\x03coo"
LABEL_OCTETS = 15
GROUP_LONGEST = 255

Rrsets = Callable[[Wire], Iterable[RawRrset]]
"""The RRsets of a name of the catalog; () when there are none."""


class Broken(InputError):
    """The catalog is not one that may be followed (RFC 9432 5.1)."""


class Member(NamedTuple):
    """One member node."""

    label: bytes
    """With its length in front, lower case."""
    zone: Wire
    """Lower case."""
    groups: tuple[bytes, ...] = ()
    coo: Wire | None = None
    """The catalog it goes to."""


def label_of(apex: Wire, incarnation: int) -> bytes:
    """A zone's label, in every catalog the same: another when the zone is made anew, which resets it at consumers (RFC 9432 5.4, 5.6)."""
    octets = blake2b(apex + incarnation.to_bytes(8, "big"), digest_size=LABEL_OCTETS).digest()
    label = b32hexencode(octets).lower()
    return bytes((len(label),)) + label


def zones_of(catalog: Wire) -> Wire:
    """The name above all member nodes."""
    return ZONES + catalog


def version_ops(catalog: Wire) -> tuple[NameOp, ...]:
    """RFC 9432 4.3.1."""
    return (PutName(VERSION_OWNER + catalog, (RRset(TXT, TTL, (_text(VERSION),)),)),)


def put_ops(catalog: Wire, label: bytes, zone: Wire, group: str = "", coo: Wire | None = None) -> tuple[NameOp, ...]:
    """Make the member's records these."""
    node = label + zones_of(catalog)
    groups = (RRset(TXT, TTL, (_text(group.encode()),)),) if group else ()
    to = (RRset(PTR, TTL, (coo,)),) if coo is not None else ()
    return PutName(node, (RRset(PTR, TTL, (zone,)),)), PutName(GROUP + node, groups), PutName(COO + node, to)


def drop_ops(catalog: Wire, label: bytes) -> tuple[NameOp, ...]:
    """Take the member away."""
    node = label + zones_of(catalog)
    return tuple(PutName(owner, ()) for owner in (COO + node, GROUP + node, node))


def _text(octets: bytes) -> bytes:
    return bytes((len(octets),)) + octets


# -- reading


def check_version(catalog: Wire, rrsets: Rrsets) -> None:
    """Broken unless there is one version, and it is ours."""
    found = [rdata for rrtype, _, rdatas in rrsets(VERSION_OWNER + catalog) if rrtype == TXT for rdata in rdatas]
    if not found:
        raise Broken(f"there is no TXT at version.{name_to_text(catalog)}")
    if len(found) > 1:
        raise Broken(f"there are {len(found)} TXT at version.{name_to_text(catalog)}")
    if found[0] != _text(VERSION):
        shown = found[0][1:40].decode("ascii", "backslashreplace")
        raise Broken(f'the version is "{shown}", this server follows "2"')


def member_of(catalog: Wire, label: bytes, rrsets: Rrsets) -> Member | None:
    """The member at a label; None when there is none. Broken."""
    node = label + zones_of(catalog)
    names = _pointers(node, rrsets(node))
    if not names:
        return None
    groups = [rdata for rrtype, _, rdatas in rrsets(GROUP + node) if rrtype == TXT for rdata in rdatas]
    coo = _pointers(COO + node, rrsets(COO + node))
    return Member(label, names[0], tuple(sorted(map(_first_text, groups))), coo[0] if coo else None)


def _pointers(owner: Wire, rrsets: Iterable[RawRrset]) -> list[Wire]:
    found = [fold(rdata) for rrtype, _, rdatas in rrsets if rrtype == PTR for rdata in rdatas]
    if len(found) > 1:
        raise Broken(f"there are {len(found)} PTR at {name_to_text(owner)}")
    return found


def _first_text(rdata: bytes) -> bytes:
    """All strings of a TXT, as one."""
    parts = []
    at = 0
    while at < len(rdata):
        parts.append(rdata[at + 1 : at + 1 + rdata[at]])
        at += 1 + rdata[at]
    return b"".join(parts)


def label_at(catalog: Wire, owner: Wire) -> bytes | None:
    """The label of the member node an owner name lies at or below; None when it lies elsewhere."""
    zones = zones_of(catalog)
    owner = fold(owner)
    if len(owner) <= len(zones) or not owner.endswith(zones):
        return None
    for name in layout.suffixes(owner):
        if name[name[0] + 1 :] == zones:
            return name[: name[0] + 1]
    return None


def members(catalog: Wire, entries: Iterable[tuple[Wire, bytes]], wrong: list[bytes] | None = None) -> Iterator[Member]:
    """All members, of the entries at and below zones.<catalog> in canonical order.

    Broken at the first that is wrong; or the labels of these are appended to `wrong`, when it is given.
    """
    label: bytes | None = None
    held: dict[Wire, list[RawRrset]] = {}

    def done() -> Member | None:
        if label is None:
            return None
        try:
            return member_of(catalog, label, lambda owner: held.get(owner, ()))
        except Broken:
            if wrong is None:
                raise
            wrong.append(label)
            return None

    for owner, blob in entries:
        here = label_at(catalog, owner)
        if here is None:
            continue
        if here != label:
            found = done()
            if found is not None:
                yield found
            label, held = here, {}
        held[owner] = unpack_entry(blob).rrsets
    found = done()
    if found is not None:
        yield found
