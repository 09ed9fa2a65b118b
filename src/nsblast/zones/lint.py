"""`zone check`: everything that is wrong or looks wrong in a zone file, not only the first thing.

Owns: the advice. Never: refusing an import (that is _core.collect; everything it refuses is an error here too).
An error breaks an RFC; a warning is served as written but is hardly what was meant. Memory grows with the number of different
names that NS, MX, SRV and CNAME point to inside the zone, not with the zone.
RFC 1034 3.6.2 and 4.2.1, 1912 2, 2181 5.2 and 10.3, 2782, 4034 5, 4592 4.2, 6672 2.4, 9471.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from nsblast._core.collect import Collector
from nsblast._core.keys import name_key
from nsblast._core.name import fold
from nsblast.errors import ZoneFileError
from nsblast.records import name_to_text, type_name
from nsblast.types import Wire
from nsblast.zones.collect import MEMORY, room_for
from nsblast.zones.zonefile import FOREIGN, GENERATE_LIMIT, Source, ZoneReader, find_apex

ERROR = "error"
WARNING = "warning"
MOST = 100_000
"""Problems reported, unless told otherwise."""

_A, _NS, _CNAME, _SOA, _PTR, _MX, _AAAA, _SRV, _DNAME, _DS, _RRSIG, _NSEC = 1, 2, 5, 6, 12, 15, 28, 33, 39, 43, 46, 47
_NAME_AT = {_NS: 0, _CNAME: 0, _PTR: 0, _DNAME: 0, _MX: 2, 18: 2, 36: 2, _SRV: 6}
_FOLLOWED = (_NS, _MX, _SRV, _CNAME)
_BESIDE_CNAME = {_CNAME, _RRSIG, _NSEC}
_AT_CUT = {_NS, _DS, _RRSIG, _NSEC, _A, _AAAA}
_SINGLE = {_SOA: "several-soas", _CNAME: "several-cnames", _DNAME: "several-dnames"}
_RRSET_OCTETS = 65200
_RR_HEAD = 12

_Rr: TypeAlias = tuple[bytes, int, int, bytes, int, int]
"""Owner as spelled, type, TTL, rdata, file, line."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong; column 0 = the line as a whole, line 0 = the file as a whole."""

    file: str
    line: int
    column: int
    severity: str
    code: str
    message: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(slots=True)
class _Want:
    """Who points to a name of the zone."""

    rrtype: int
    owner: Wire
    file: int
    line: int


class _EnoughError(Exception):
    """The most problems that may be reported are there."""


def suffixes(name: Wire) -> Iterator[Wire]:
    """The name itself, then each name above it, the root last."""
    at = 0
    while True:
        yield name[at:]
        if not name[at]:
            return
        at += name[at] + 1


def is_below(name: Wire, above: Wire) -> bool:
    """Is it `above` itself or a name under it? Both lower case."""
    return name.endswith(above) and above in suffixes(name)


def check_zone(
    source: Source,
    origin: Wire | None = None,
    *,
    title: str = "",
    spill_dir: str | None = None,
    generate_limit: int = GENERATE_LIMIT,
    most: int = MOST,
) -> list[Problem]:
    """All problems, by file and line. OSError when the file itself cannot be read."""
    return _Lint(source, origin, title, spill_dir, generate_limit, most).run()


class _Lint:
    def __init__(
        self, source: Source, origin: Wire | None, title: str, spill_dir: str | None, limit: int, most: int
    ) -> None:
        self.problems: list[Problem] = []
        self.most = most
        self.spill_dir = spill_dir
        self.reader = ZoneReader(source, origin=origin, title=title, generate_limit=limit, on_problem=self._from_reader)
        self.apex = fold(origin) if origin is not None else b""
        self.find = origin is None
        self.limit = limit
        self.wants: dict[Wire, list[_Want]] = {}
        self.wildcards: dict[Wire, set[int]] = {}
        self.cut: Wire | None = None
        """The zone cut or DNAME whose descendants are going by."""
        self.cut_is_dname = False

    def run(self) -> list[Problem]:
        try:
            self._check()
        except _EnoughError:
            self.problems.append(
                Problem(self.reader.title, 0, 0, WARNING, "more", f"only the first {self.most} problems are shown")
            )
        return sorted(self.problems)

    # -- reports --

    def _add(self, problem: Problem) -> None:
        if len(self.problems) >= self.most:
            raise _EnoughError
        self.problems.append(problem)

    def _from_reader(self, error: ZoneFileError) -> None:
        code, message = "syntax", f"expected {error.expected}" + (f", found {error.found}" if error.found else "")
        if error.expected is FOREIGN:
            code, message = "out-of-zone", f"{error.found} is not in the zone"
        self._add(Problem(error.path, error.line, error.column, ERROR, code, message))

    def _say(self, severity: str, code: str, rr: _Rr | _Want | None, message: str) -> None:
        if rr is None:
            file, line = 0, 0
        elif isinstance(rr, _Want):
            file, line = rr.file, rr.line
        else:
            file, line = rr[4], rr[5]
        path = self.reader.files[file] if self.reader.files else self.reader.title
        self._add(Problem(path, line, 0, severity, code, message))

    # -- the way --

    def _check(self) -> None:
        if self.find:
            try:
                self.apex = find_apex(
                    self.reader.source, title=self.reader.title, generate_limit=self.limit, tolerant=True
                )
            except ZoneFileError:
                self._say(ERROR, "no-soa", None, "there is no SOA record, so the zone's name is not known")
                self.apex = b"\0"
        collector = Collector(self.apex, memory=room_for(self.reader.source, MEMORY), spill_dir=self.spill_dir)
        if self.reader.origin is None and self.apex != b"\0":
            self.reader.origin = self.apex
        self.reader.read(collector)
        if self.apex == b"\0" and self.problems and any(problem.code == "no-soa" for problem in self.problems):
            return
        self._each_name(collector)
        self._each_target(collector)

    def _groups(self, collector: Collector) -> Iterator[tuple[Wire, list[_Rr], bool]]:
        """(owner name, its records, whether it lies below a zone cut or DNAME) in canonical order."""
        self.cut = None
        collector.rewind()
        while batch := collector.groups(1000):
            for name, rrs in batch:
                if self.cut is not None and not is_below(name, self.cut):
                    self.cut = None
                occluded = self.cut is not None
                yield name, rrs, occluded
                if not occluded:
                    types = {rr[1] for rr in rrs}
                    if _DNAME in types or (_NS in types and name != self.apex):
                        self.cut = name
                        self.cut_is_dname = _DNAME in types

    def _each_name(self, collector: Collector) -> None:
        """What can be seen by looking at one name; who points where is noted."""
        first = True
        for name, rrs, occluded in self._groups(collector):
            types = {rr[1] for rr in rrs}
            if first and (name != self.apex or _SOA not in types):
                self._say(ERROR, "no-soa", None, f"there is no SOA record at {name_to_text(self.apex)}")
            if first and (name != self.apex or _NS not in types):
                self._say(ERROR, "no-ns", None, f"there is no NS record at {name_to_text(self.apex)}")
            first = False
            self._sets(name, rrs)
            self._company(name, rrs, types)
            self._names(name, rrs, occluded)
            if occluded:
                self._occluded(name, rrs)
            elif name.startswith(b"\1*"):
                self.wildcards[name] = types
        if first:
            self._say(ERROR, "no-soa", None, f"there is no SOA record at {name_to_text(self.apex)}")

    def _sets(self, name: Wire, rrs: list[_Rr]) -> None:
        """Duplicates, TTLs that differ, sets that are too large or may hold one record only."""
        sets: dict[tuple[int, bytes], _Rr] = {}
        octets: dict[tuple[int, bytes], int] = {}
        seen: dict[tuple[int, bytes], _Rr] = {}
        for rr in rrs:
            _, rrtype, ttl, rdata, _, _ = rr
            what = f"{name_to_text(name)} {type_name(rrtype)}"
            kind = (rrtype, rdata[:2] if rrtype == _RRSIG else b"")
            first = sets.setdefault(kind, rr)
            same = (rrtype, rdata.lower() if rrtype in _NAME_AT or rrtype == _SOA else rdata)
            if same in seen:
                self._say(WARNING, "duplicate", rr, f"{what}: the same record stands in line {seen[same][5]}")
            else:
                seen[same] = rr
                octets[kind] = octets.get(kind, 0) + _RR_HEAD + len(rdata)
                if rrtype in _SINGLE and first is not rr:
                    self._say(
                        ERROR, _SINGLE[rrtype], rr, f"{what}: there can be only one, another stands in line {first[5]}"
                    )
            if ttl != first[2]:
                said = f"{what}: TTL {ttl}, but {first[2]} in line {first[5]}; the first one counts for the whole RRset"
                self._say(WARNING, "ttl-mismatch", rr, said)
        for kind, size in octets.items():
            if size > _RRSET_OCTETS:
                said = f"{name_to_text(name)} {type_name(kind[0])}: {size} octets do not fit into a message"
                self._say(ERROR, "too-large", sets[kind], said)

    def _company(self, name: Wire, rrs: list[_Rr], types: set[int]) -> None:
        """Types that may not stand where they stand, or not side by side."""
        shown = name_to_text(name)
        apex = name == self.apex
        by_type: dict[int, _Rr] = {}
        for rr in rrs:
            by_type.setdefault(rr[1], rr)
        if _CNAME in types and not types <= _BESIDE_CNAME:
            others = ", ".join(type_name(other) for other in sorted(types - _BESIDE_CNAME))
            self._say(
                ERROR, "cname-and-other", by_type[_CNAME], f"{shown}: a CNAME must stand alone, there is also {others}"
            )
        if _SOA in types and not apex:
            self._say(ERROR, "soa-below-apex", by_type[_SOA], f"{shown}: a SOA can stand at the zone's apex only")
        if _DNAME in types and _NS in types and not apex:
            self._say(ERROR, "dname-and-ns", by_type[_DNAME], f"{shown}: a DNAME cannot stand beside NS below the apex")
        if _DS in types and apex:
            self._say(ERROR, "ds-at-apex", by_type[_DS], f"{shown}: DS records belong into the parent zone")
        elif _DS in types and _NS not in types:
            self._say(WARNING, "ds-without-ns", by_type[_DS], f"{shown}: DS records without a delegation")
        if name.startswith(b"\1*") and (_NS in types or _DNAME in types):
            rr = by_type.get(_NS) or by_type[_DNAME]
            self._say(
                WARNING,
                "wildcard-cut",
                rr,
                f"{shown}: {type_name(rr[1])} at a wildcard name is not defined (RFC 4592 4)",
            )
        if _NS in types and not apex:
            for other in sorted(types - _AT_CUT):
                if other not in (_CNAME, _SOA, _DNAME):
                    said = f"{shown} {type_name(other)}: not served, the name is delegated here"
                    self._say(WARNING, "occluded", by_type[other], said)
        if _SOA in types and apex:
            mail = rdata_names(by_type[_SOA])[1]
            if b"@" in mail:
                said = f"{shown} SOA: the mail address is written with a dot in place of the @"
                self._say(WARNING, "soa-mail", by_type[_SOA], said)

    def _names(self, name: Wire, rrs: list[_Rr], occluded: bool) -> None:
        """Missing final dots; who points to which name of this zone."""
        doubled = self.apex[:-1] + self.apex if self.apex != b"\0" else None
        if doubled is not None and is_below(name, doubled):
            said = f"the owner {name_to_text(name)} ends in the zone's name twice: is a final dot missing?"
            self._say(WARNING, "missing-dot", rrs[0], said)
        for rr in rrs:
            rrtype = rr[1]
            for target in rdata_names(rr):
                what = f"{name_to_text(name)} {type_name(rrtype)}: {name_to_text(target)}"
                if rrtype in (_NS, _MX, _SRV) and _is_address(target):
                    self._say(ERROR, "address-as-name", rr, f"{what} is an address, not a name")
                elif doubled is not None and is_below(target, doubled):
                    said = f"{what} ends in the zone's name twice: is a final dot missing?"
                    self._say(WARNING, "missing-dot", rr, said)
                elif rrtype in _FOLLOWED and not occluded and target != b"\0" and is_below(target, self.apex):
                    self.wants.setdefault(target, []).append(_Want(rrtype, name, rr[4], rr[5]))

    def _occluded(self, name: Wire, rrs: list[_Rr]) -> None:
        assert self.cut is not None
        told: set[int] = set()
        for rr in rrs:
            rrtype = rr[1]
            if rrtype in told:
                continue
            told.add(rrtype)
            what = f"{name_to_text(name)} {type_name(rrtype)}"
            if self.cut_is_dname:
                said = f"{what}: nothing may stand below the DNAME at {name_to_text(self.cut)}"
                self._say(ERROR, "below-dname", rr, said)
            elif rrtype not in (_A, _AAAA):
                said = f"{what}: cannot be reached, {name_to_text(self.cut)} is delegated"
                self._say(WARNING, "occluded", rr, said)

    def _each_target(self, collector: Collector) -> None:
        """Follow what points into the zone, in one pass in the order of names."""
        waiting = sorted((name_key(target), target) for target in self.wants)
        at = 0
        for name, rrs, occluded in self._groups(collector):
            key = name_key(name)
            while at < len(waiting) and waiting[at][0] < key:
                # What lies below the cut gone by is not here, but in the child zone.
                self._target(waiting[at][1], None, key)
                at += 1
            if at < len(waiting) and waiting[at][0] == key:
                self._target(name, {rr[1] for rr in rrs}, key, occluded)
                at += 1
            elif occluded and not self.cut_is_dname:
                for rr in rrs:
                    if rr[1] in (_A, _AAAA):
                        said = f"{name_to_text(name)}: an address below a delegation that no NS record needs"
                        self._say(WARNING, "unused-glue", rr, said)
                        break
        for _, target in waiting[at:]:
            self._target(target, None, b"\xff")

    def _target(self, target: Wire, types: set[int] | None, next_key: bytes, occluded: bool = False) -> None:
        """Report on everything that points to a name, given the types there; None = no records there."""
        shown = name_to_text(target)
        cut = self.cut if self.cut is not None and is_below(target, self.cut) else None
        if types is None and cut is None:
            above = list(suffixes(target))[1:]
            types = next((self.wildcards[b"\1*" + name] for name in above if b"\1*" + name in self.wildcards), None)
        exists = types is not None or next_key.startswith(name_key(target))
        for want in self.wants[target]:
            what = f"{name_to_text(want.owner)} {type_name(want.rrtype)}"
            addresses = types is not None and bool(types & {_A, _AAAA})
            if want.rrtype == _NS and not addresses and (cut is None or is_below(target, want.owner)):
                if types is not None and _CNAME in types:
                    self._say(ERROR, "ns-to-cname", want, f"{what}: {shown} is a CNAME (RFC 2181 10.3)")
                elif is_below(target, want.owner) and want.owner != self.apex:
                    self._say(
                        ERROR,
                        "missing-glue",
                        want,
                        f"{what}: {shown} lies below the delegation and has no address here",
                    )
                else:
                    self._say(
                        ERROR,
                        "missing-address",
                        want,
                        f"{what}: {shown} has no address in this zone" + self._dot(target),
                    )
            elif cut is not None or occluded or want.rrtype == _NS:
                continue
            elif not exists:
                said = f"{what}: {shown} does not exist in this zone" + self._dot(target)
                self._say(WARNING, "no-target", want, said)
            elif want.rrtype != _CNAME and types is not None and _CNAME in types:
                rfc = "RFC 2181 10.3" if want.rrtype == _MX else "RFC 2782"
                self._say(
                    ERROR, f"{type_name(want.rrtype).lower()}-to-cname", want, f"{what}: {shown} is a CNAME ({rfc})"
                )
            elif want.rrtype != _CNAME and not addresses:
                self._say(WARNING, "no-address", want, f"{what}: {shown} has no address")

    def _dot(self, target: Wire) -> str:
        """A guess at why a name is not there: two labels and more before the zone's name look like a whole name."""
        own = target[: len(target) - len(self.apex)]
        return ": is a final dot missing?" if own and len(own) > own[0] + 1 else ""


def rdata_names(rr: _Rr) -> list[Wire]:
    """Names in the rdata of the types that are checked, lower case."""
    _, rrtype, _, rdata, _, _ = rr
    if rrtype == _SOA:
        mname = _first_name(rdata)
        return [fold(mname), fold(_first_name(rdata[len(mname) :]))]
    at = _NAME_AT.get(rrtype)
    return [] if at is None else [fold(rdata[at:])]


def _first_name(rdata: bytes) -> Wire:
    at = 0
    while rdata[at]:
        at += rdata[at] + 1
    return rdata[: at + 1]


def _is_address(name: Wire) -> bool:
    """Do its first four labels read like an IPv4 address?"""
    labels = [suffix[1 : suffix[0] + 1] for suffix in suffixes(name)][:4]
    return len(labels) == 4 and all(label.isdigit() and len(label) <= 3 and int(label) < 256 for label in labels)
