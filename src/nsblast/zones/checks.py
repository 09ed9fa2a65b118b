"""What an entry and a zone must obey before a change is committed.

Owns: the rules; each raises InputError naming owner and type. Never: the store, structure (edit.py), advice (zone check).
RFC 1034 3.6.2, 1035 3.3, 2181 5.2, 8 and 10.1, 4034 2.5 and 3, 6672 2.3 and 2.4, 6895 3.1.
"""

from collections.abc import Callable

import dns.exception
import dns.name
import dns.rdatatype

from nsblast._core.rrset import HAS_CNAME, HAS_DNAME, IS_APEX, IS_CUT, IS_OCCLUDED
from nsblast.errors import Conflict, InputError
from nsblast.records import name_from_text
from nsblast.store import layout
from nsblast.store.overlay import Node
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.types import RawRrset, Wire

A, NS, CNAME, SOA, DNAME, OPT, RRSIG, NSEC = 1, 2, 5, 6, 39, 41, 46, 47
META = range(128, 256)
BESIDE_CNAME = frozenset((CNAME, RRSIG, NSEC))
SINGLE = frozenset((CNAME, DNAME, SOA))
TTL_MAX = 0x7FFFFFFF
RRSET_OCTETS = 65535 - 12 - (255 + 4) - 64
"""What one message carries: 65535 less header, the longest question, and room for OPT."""
RR_HEAD = 12
"""Octets of an RR before its rdata, the owner being a compression pointer."""
ENTRY_OCTETS = 8 << 20
_NOTHING: dict[int, RawRrset] = {}


def text(name: Wire) -> str:
    """Presentation form, for messages."""
    try:
        return dns.name.from_wire(name, 0)[0].to_text()
    except dns.exception.DNSException:
        return repr(name)


def type_text(rrtype: int) -> str:
    """Mnemonic of a type."""
    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rrtype))


def check_rrset(owner: Wire, rrset: RawRrset, *, apex: bool) -> None:
    """One RRset by itself."""
    rrtype, ttl, rdatas = rrset
    if rrtype == 0 or rrtype == OPT or rrtype in META or rrtype > 0xFFFF:
        raise InputError(f"{text(owner)}: type {type_text(rrtype)} cannot stand in a zone")
    if not 0 <= ttl <= TTL_MAX:
        raise InputError(f"{text(owner)} {type_text(rrtype)}: TTL {ttl} is not within 0 to {TTL_MAX}")
    if rrtype in SINGLE and len(rdatas) > 1:
        raise InputError(f"{text(owner)}: {len(rdatas)} {type_text(rrtype)} records, there can be only one")
    if rrtype == SOA and not apex:
        raise InputError(f"{text(owner)}: a SOA can stand at the zone's apex only")
    if sum([len(rdata) + RR_HEAD for rdata in rdatas]) > RRSET_OCTETS:
        raise InputError(f"{text(owner)} {type_text(rrtype)}: the RRset is larger than one message carries")


def check_entry(owner: Wire, node: Node, before: Node | None = None) -> None:
    """One owner name, as it would be stored; RRsets that stand as before need no second look."""
    flags, sets = node.flags, node.sets
    had = before.sets if before is not None else _NOTHING
    for key, rrset in sets.items():
        if had.get(key) != rrset:
            check_rrset(owner, rrset, apex=flags & IS_APEX != 0)
    if flags & HAS_CNAME:
        types = {rrset[0] for rrset in sets.values()}
        if not types <= BESIDE_CNAME:
            other = type_text(min(types - BESIDE_CNAME))
            raise InputError(f"{text(owner)}: a CNAME must stand alone, there is also {other}")
    if flags & HAS_DNAME and flags & IS_CUT:
        raise InputError(f"{text(owner)}: a DNAME cannot stand beside NS below the apex (RFC 6672 2.4)")
    if len(node.pack()) > ENTRY_OCTETS:
        raise InputError(f"{text(owner)}: the name holds more than {ENTRY_OCTETS} octets")


def check_apex(owner: Wire, node: Node) -> None:
    """A zone needs one SOA and at least one NS."""
    if SOA not in node.sets:
        raise InputError(f"{text(owner)}: the zone's apex must have a SOA")
    if NS not in node.sets:
        raise InputError(f"{text(owner)}: the zone's apex must have at least one NS")
    if CNAME in node.sets:
        raise InputError(f"{text(owner)}: a CNAME cannot stand at the zone's apex")
    soa_serial(owner, node.sets[SOA][2][0])


def check_below_dname(owner: Wire, node: Node, dname: Wire) -> None:
    """Nothing may be added below a DNAME (RFC 6672 2.3)."""
    if node.sets and node.flags & IS_OCCLUDED:
        raise InputError(f"{text(owner)}: nothing can stand below the DNAME at {text(dname)} (RFC 6672 2.3)")


def check_master(apex: Wire, record: ZoneRecord | None, *, inbound: bool) -> None:
    """Conflict for a change of a secondary's contents that does not come from its master."""
    if record is not None and record.kind is ZoneKind.SECONDARY and not inbound:
        raise Conflict(f"the contents of {text(apex)} come from its master")


def check_catalog(apex: Wire, record: ZoneRecord, zone: Callable[[Wire], ZoneRecord | None], *, inbound: bool) -> None:
    """Conflict for a deletion by hand of a zone that a catalog followed here made, and would make again (RFC 9432 5)."""
    origin = record.settings.get(layout.ORIGIN_SETTING)
    if inbound or record.kind is not ZoneKind.SECONDARY or not isinstance(origin, dict):
        return
    name = str(origin.get("catalog"))
    catalog = zone(name_from_text(name))
    if catalog is None or (catalog.tenant or layout.FIRST_TENANT) != (record.tenant or layout.FIRST_TENANT):
        return  # it is gone, or another tenant's of that name
    role = catalog.settings.get(layout.CATALOG_SETTING)
    if isinstance(role, dict) and role.get("role") == "consumer":
        raise Conflict(
            f"{text(apex)} is a member of the catalog {name}, which is followed here: it goes when the catalog gives it up, "
            "or can be deleted when that is followed no more"
        )


# -- the SOA's serial --


def soa_serial(owner: Wire, rdata: bytes) -> int:
    """Serial of a SOA's rdata; InputError when that is malformed."""
    at = _serial_at(rdata)
    if at is None:
        raise InputError(f"{text(owner)} SOA: the rdata is malformed")
    return int.from_bytes(rdata[at : at + 4], "big")


def with_serial(rdata: bytes, serial: int) -> bytes:
    """The same (well-formed) SOA rdata with another serial."""
    at = len(rdata) - 20
    return rdata[:at] + serial.to_bytes(4, "big") + rdata[at + 4 :]


def check_signed_serial(owner: Wire, node: Node, given: int, served: int) -> None:
    """A replacement signed elsewhere must bring a serial of its own: raising it here would break the SOA's signature."""
    if RRSIG | SOA << 16 in node.sets:
        raise InputError(
            f"{text(owner)}: the zone is signed with serial {given}, but {served} is served already: "
            f"sign it with a newer one"
        )


def is_newer(serial: int, than: int) -> bool:
    """RFC 1982 3.2: serial > than. The undefined middle counts as not newer."""
    return 0 < (serial - than) & 0xFFFFFFFF < 0x80000000


def next_serial(serial: int) -> int:
    """The serial plus one; 0 is left out, since some take it for "none"."""
    return (serial + 1) & 0xFFFFFFFF or 1


def _serial_at(rdata: bytes) -> int | None:
    at = 0
    for _ in range(2):
        while at < len(rdata) and rdata[at]:
            if rdata[at] > 63:
                return None
            at += rdata[at] + 1
        at += 1
    return at if at + 20 == len(rdata) else None
