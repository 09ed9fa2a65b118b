"""What an UPDATE means: prerequisites become a guard, updates become one operation for each owner name.

Owns: RFC 2136 3.2 and 3.4: the order of checks, response codes, what is silently passed over. Never: the packet (update_message.py), who
may (update.py), the commit. Operations on different names do not touch one another's data, so taking a message's updates name by
name, in their order within each, gives what taking them one by one gives; whole-zone rules are the commit's.
RFC 2136, 2181 8, 3007 3, 4034 6.2.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import dns.exception
import dns.rdata
import dns.rdataclass
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from nsblast.store.overlay import RRSIG, SetKey, set_key
from nsblast.transfer.update_message import ANY, IN, NONE, Refused, Rr, malformed
from nsblast.types import Wire
from nsblast.zones.checks import BESIDE_CNAME, CNAME, DNAME, NS, SOA, is_newer, soa_serial, text, type_text
from nsblast.zones.model import Contents, EditName, RRset

OPT, WKS, TYPE_ANY = 41, 11, 255
_META = range(128, 256)
_NAMES_ONLY = frozenset((2, 3, 4, 5, 7, 8, 9, 12, 39))
"""Types whose rdata is one name: MD to DNAME."""
_NAME_BEHIND_TWO = frozenset((15, 18, 21, 36))
"""MX, AFSDB, RT, KX: a number of 16 bits and a name."""
_NAMED = frozenset((6, 14, 17, 24, 26, 30, 33, 35, 38, 46, 47))
"""Other types with names in their rdata (RFC 4034 6.2): dnspython knows where they stand."""

MayChange = Callable[[Wire, int], bool]
"""Whether a name (lower case) may have records of a type changed."""


class Check(NamedTuple):
    """One prerequisite, or the response code the message has earned at this place of the sequence."""

    rcode: Rcode
    message: str
    """Why it fails; what stands behind the name in it, when there is an owner."""
    owner: Wire = b""
    type: int = 0
    wanted: bool = True
    """Whether it must be there. With no owner the check always fails."""

    def failure(self) -> Refused:
        """The error; its words are made only now, because most checks hold."""
        if not self.owner:
            return Refused(self.rcode, self.message)
        what = "" if self.type == TYPE_ANY else f" {type_text(self.type)}"
        return Refused(self.rcode, f"{text(self.owner)}{what} {self.message}")


class Wanted(NamedTuple):
    """An RRset that must be exactly this (RFC 2136 2.4.2)."""

    owner: Wire
    type: int
    rdatas: frozenset[bytes]
    """In canonical form."""


class Add(NamedTuple):
    """Add to an RRset (RFC 2136 2.5.1)."""

    type: int
    ttl: int
    rdata: bytes


class DeleteSet(NamedTuple):
    """Delete an RRset; of type ANY, all of the name (2.5.2, 2.5.3)."""

    type: int


class DeleteOne(NamedTuple):
    """Delete an RR from an RRset (2.5.4)."""

    type: int
    rdata: bytes


Step = Add | DeleteSet | DeleteOne
InZone = Callable[[Wire, int], bool]
"""Whether records of that type at that name (lower case) are the zone's own: in it, and not in a zone below it that is here too."""


def canonical(rrtype: int, rdata: bytes) -> bytes:
    """What equal rdata have in common: names in lower case."""
    if rrtype in _NAMES_ONLY:
        return rdata.lower()  # a length octet is below every letter
    if rrtype in _NAME_BEHIND_TWO:
        return rdata[:2] + rdata[2:].lower()
    if rrtype in _NAMED:
        try:
            known = dns.rdata.from_wire(dns.rdataclass.IN, RdataType.make(rrtype), rdata, 0, len(rdata))
            return known.to_digestable()
        except (dns.exception.DNSException, ValueError):
            return rdata
    return rdata


# -- prerequisites


def compile_prerequisites(rrs: Sequence[Rr], in_zone: InZone) -> tuple[list[Check], list[Wanted]]:
    """RFC 2136 3.2.5, in its order; what is wrong in a record fails in its turn, after those before it."""
    checks: list[Check] = []
    wanted: dict[tuple[Wire, int], set[bytes]] = {}
    for rr in rrs:
        fault = _prerequisite_fault(rr, in_zone)
        if fault is not None:
            return [*checks, fault], []
        if rr.rclass == IN:
            wanted.setdefault((rr.name, rr.type), set()).add(canonical(rr.type, rr.rdata))
        elif rr.rclass == ANY:
            rcode = Rcode.NXDOMAIN if rr.type == TYPE_ANY else Rcode.NXRRSET
            checks.append(Check(rcode, "is not there", rr.name, rr.type))
        else:
            rcode = Rcode.YXDOMAIN if rr.type == TYPE_ANY else Rcode.YXRRSET
            checks.append(Check(rcode, "is there", rr.name, rr.type, False))
    return checks, [Wanted(name, rrtype, frozenset(rdatas)) for (name, rrtype), rdatas in wanted.items()]


def _prerequisite_fault(rr: Rr, in_zone: InZone) -> Check | None:
    if rr.ttl:
        return Check(Rcode.FORMERR, f"prerequisite of {text(rr.owner)}: the TTL is not 0")
    if not in_zone(rr.name, rr.type):
        return Check(Rcode.NOTZONE, f"prerequisite: {text(rr.owner)} is not in the zone")
    if rr.rclass in (ANY, NONE):
        if rr.rdata:
            return Check(Rcode.FORMERR, f"prerequisite of {text(rr.owner)}: there is rdata")
    elif rr.rclass != IN:
        return Check(Rcode.FORMERR, f"prerequisite of {text(rr.owner)}: class {rr.rclass}")
    elif _is_meta(rr.type):
        return Check(Rcode.FORMERR, f"prerequisite of {text(rr.owner)}: no RRset has type {rr.type}")
    return None


def check_prerequisites(checks: Iterable[Check], wanted: Iterable[Wanted], contents: Contents) -> None:
    """Refused with the code of the first that does not hold, as the zone stands now."""
    for check in checks:
        if not check.owner:
            raise check.failure()
        there = [rrset.type for rrset in contents.rrsets(check.owner)]
        found = bool(there) if check.type == TYPE_ANY else check.type in there
        if found is not check.wanted:
            raise check.failure()
    for one in wanted:
        sets = [rrset for rrset in contents.rrsets(one.owner) if rrset.type == one.type]
        stored = {canonical(one.type, rdata) for rrset in sets for rdata in rrset.rdatas}
        if stored != one.rdatas:
            raise Refused(Rcode.NXRRSET, f"{text(one.owner)}: the {type_text(one.type)} RRset is not as given")


# -- updates


def compile_updates(rrs: Sequence[Rr], apex: Wire, in_zone: InZone, may: MayChange) -> list[EditName]:
    """RFC 2136 3.3 and 3.4: every record is looked at before anything is done. Refused: FORMERR, NOTZONE, REFUSED."""
    for rr in rrs:
        if not may(rr.name, rr.type):
            raise Refused(Rcode.REFUSED, f"{text(rr.owner)} {type_text(rr.type)} may not be changed")
    steps: dict[Wire, list[Step]] = {}
    owners: dict[Wire, Wire] = {}
    for rr in rrs:
        step = _step(rr, in_zone)
        if rr.name not in steps:
            steps[rr.name] = []
            owners[rr.name] = rr.owner
        steps[rr.name].append(step)
    return [EditName(owners[name], _editing(name, name == apex, todo, may)) for name, todo in steps.items()]


def _step(rr: Rr, in_zone: InZone) -> Step:
    """RFC 2136 3.4.1: what a record asks for; Refused."""
    if not in_zone(rr.name, rr.type):
        raise Refused(Rcode.NOTZONE, f"{text(rr.owner)} is not in the zone")
    if rr.rclass == IN:
        if _is_meta(rr.type):
            raise malformed(f"{text(rr.owner)}: type {rr.type} cannot be added")
        return Add(rr.type, rr.ttl, rr.rdata)
    if rr.ttl:
        raise malformed(f"{text(rr.owner)}: a deletion's TTL is not 0")
    if rr.rclass == ANY:
        if rr.rdata or (rr.type != TYPE_ANY and _is_meta(rr.type)):
            raise malformed(f"{text(rr.owner)}: a deletion of an RRset with rdata, or of type {rr.type}")
        return DeleteSet(rr.type)
    if rr.rclass == NONE:
        if _is_meta(rr.type):
            raise malformed(f"{text(rr.owner)}: no RR has type {rr.type}")
        return DeleteOne(rr.type, rr.rdata)
    raise malformed(f"{text(rr.owner)}: class {rr.rclass}")


def _is_meta(rrtype: int) -> bool:
    """RFC 2136 names ANY, AXFR, MAILA and MAILB; the others of their range have no data either (RFC 6895 3.1)."""
    return rrtype in _META or rrtype in (0, OPT)


def _editing(
    name: Wire, apex: bool, steps: list[Step], may: MayChange
) -> Callable[[tuple[RRset, ...]], Iterator[RRset]]:
    def edit(had: tuple[RRset, ...]) -> Iterator[RRset]:
        node = _Name(name, apex, had)
        for step in steps:
            if isinstance(step, Add):
                node.add(step)
            elif isinstance(step, DeleteOne):
                node.delete_one(step)
            elif step.type == TYPE_ANY:
                node.delete_all(may)
            else:
                node.delete_set(step.type)
        return node.rrsets()

    return edit


class _Set:
    """One RRset under way."""

    __slots__ = ("rdatas", "ttl", "type")

    def __init__(self, rrtype: int, ttl: int, rdatas: Iterable[bytes]) -> None:
        self.type = rrtype
        self.ttl = ttl
        self.rdatas = {canonical(rrtype, rdata): rdata for rdata in rdatas}


class _Name:
    """One owner name under way. RFC 2136 3.4.2."""

    def __init__(self, name: Wire, apex: bool, had: tuple[RRset, ...]) -> None:
        self._name = name
        self._apex = apex
        self._sets: dict[SetKey, _Set] = {set_key(one.type, one.rdatas[0]): _Set(*one) for one in had}

    def rrsets(self) -> Iterator[RRset]:
        """What there is now."""
        for one in self._sets.values():
            yield RRset(one.type, one.ttl, tuple(one.rdatas.values()))

    def add(self, step: Add) -> None:
        """3.4.2.2: what cannot stand beside what is there is passed over."""
        rrtype, ttl, rdata = step
        key = set_key(rrtype, rdata)
        there = self._sets.get(key)
        if rrtype == SOA:
            if not self._apex or there is None:
                return
            (served,) = there.rdatas.values()
            if not is_newer(soa_serial(self._name, rdata), soa_serial(self._name, served)):
                return
        elif rrtype == CNAME:
            if any(one.type not in BESIDE_CNAME for one in self._sets.values()):
                return
        elif rrtype not in BESIDE_CNAME and CNAME in self._sets:
            return
        if there is None or rrtype in (SOA, CNAME, DNAME):
            self._sets[key] = _Set(rrtype, ttl, (rdata,))
            return
        if rrtype == WKS:  # one RR an address and protocol
            there.rdatas = {form: other for form, other in there.rdatas.items() if other[:5] != rdata[:5]}
        there.ttl = ttl
        there.rdatas[canonical(rrtype, rdata)] = rdata

    def delete_set(self, rrtype: int) -> None:
        """3.4.2.3, a type: the apex keeps SOA and NS. What signed the RRset goes with it."""
        if self._apex and rrtype in (SOA, NS):
            return
        gone = RRSIG | rrtype << 16
        self._sets = {key: one for key, one in self._sets.items() if one.type != rrtype and key != gone}

    def delete_all(self, may: MayChange) -> None:
        """3.4.2.3, all types: the apex keeps SOA and NS. Each type that goes must be one that may be changed."""
        kept = {key: one for key, one in self._sets.items() if self._apex and one.type in (SOA, NS)}
        for one in self._sets.values():
            if one.type not in (SOA, NS) or not self._apex:
                self._demand(one.type, may)
        self._sets = kept

    def _demand(self, rrtype: int, may: MayChange) -> None:
        if not may(self._name, rrtype):
            raise Refused(Rcode.REFUSED, f"{text(self._name)} {type_text(rrtype)} may not be changed")

    def delete_one(self, step: DeleteOne) -> None:
        """3.4.2.4: the apex keeps its SOA and its last NS."""
        key = set_key(step.type, step.rdata)
        there = self._sets.get(key)
        if there is None or (self._apex and step.type == SOA):
            return
        form = canonical(step.type, step.rdata)
        if form not in there.rdatas or (self._apex and step.type == NS and len(there.rdatas) == 1):
            return
        del there.rdatas[form]
        if not there.rdatas:
            del self._sets[key]
            if step.type != RRSIG:
                self._sets.pop(RRSIG | step.type << 16, None)
