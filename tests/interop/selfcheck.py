"""What must hold for each answer of nsblast by itself, whatever the peers say.

Size and truncation (RFC 2181 9, 6891 6.2.3, 9471), spelling (RFC 4343), order of a chain (RFC 1034 4.3.2), additional
records that are true and complete (RFC 1035 3.3, 2782, 3403, 9460), the question echoed octet by octet.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.interop.queries import Question
from tests.interop.views import is_referral
from tests.interop.wireform import LAYOUT, Answer, Record, parse, read_name
from tests.reference.model import CNAME, DNAME, NS, RRSIG, World, Zone, ancestors

A, AAAA, SRV, NAPTR, SVCB, HTTPS = 1, 28, 33, 35, 64, 65
UDP_MAX = 1232
ANY = 255
LOOKED_UP = {15: 2, 18: 2, 36: 2, SRV: 6}  # MX, AFSDB, KX, SRV: octets of rdata before the host


def faults(question: Question, wire: bytes | None, world: World) -> Iterator[str]:
    """What is wrong with an answer; nothing when all is well."""
    if wire is None or question.odd:
        return
    limit = question.way.limit if question.way.tcp else min(question.way.limit, UDP_MAX)
    if len(wire) > limit:
        yield f"{len(wire)} octets where {limit} are allowed"
    answer = parse(wire)
    end = len(question.name) + 16
    if wire[12:end] != question.wire[12:end]:
        yield "the question is not echoed as it was asked"
    if question.kind == "meta":
        return
    if not answer.tc:
        yield from wrong_order(question, answer)
    yield from wrong_spelling(question, answer, world)
    yield from untrue_additional(answer, world)
    if question.way.tcp:
        yield from missing_additional(answer, world)


def wrong_order(question: Question, answer: Answer) -> Iterator[str]:
    """The answer section is read from its first record on: each alias stands before what it leads to."""
    name = question.name.lower()
    seen = {name}
    dnames: set[bytes] = set()
    for record in answer.answer:
        if record.rdtype == DNAME:
            dnames.add(record.name)
            seen.add(record.name)
        if record.rdtype == RRSIG and record.name in seen:
            continue
        if record.name not in seen:
            yield f"a record stands before the alias that leads to it: {record.name!r}"
        if record.rdtype == CNAME:
            seen.add(record.rdata)


def wrong_spelling(question: Question, answer: Answer, world: World) -> Iterator[str]:
    """Owner names stand as they are stored; where a wildcard or DNAME made them, as they were asked for."""
    for spelled, record in zip(answer.owners, answer.answer, strict=True):
        zones = [world.zones[up] for up in ancestors(record.name) if up in world.zones]
        if zones and zones[0].apex != record.name:
            zones = zones[:1]  # what zones above have below another's apex is not served
        holders = [
            zone
            for zone in zones
            if record.rdtype in zone.nodes.get(record.name, {}) and not zone.occluder(record.name)
        ]
        stored = holders[0].spelling[record.name] if holders else None
        if stored is None:
            stored = question.name if record.name == question.name.lower() else None
        if stored is not None and spelled != stored and record.rdtype != RRSIG:
            yield f"owner spelled {spelled!r}, not {stored!r}"


def exists(record: Record, zone: Zone) -> bool:
    """Is it a record of the zone as it stands?"""
    node = zone.nodes.get(record.name, {})
    if record.rdtype == RRSIG:
        return any(record.rdata in found.sigs for found in node.values())
    found = node.get(record.rdtype)
    return found is not None and found.ttl == record.ttl and record.rdata in found.rdatas


def untrue_additional(answer: Answer, world: World) -> Iterator[str]:
    """Each additional record is one of a zone that is served."""
    for record in answer.additional:
        zones = [world.zones[up] for up in ancestors(record.name) if up in world.zones]
        if not any(exists(record, zone) for zone in zones):
            yield f"additional record that no zone holds: {record}"


def hosts_of(record: Record, owner: bytes) -> Iterator[bytes]:
    """Names in rdata whose addresses a client asks for next."""
    data = record.rdata
    if record.rdtype in LOOKED_UP:
        yield data[LOOKED_UP[record.rdtype] :]
    elif record.rdtype in (SVCB, HTTPS):
        target = read_name(data, 2)[0]
        if target != b"\0":
            yield target
        elif data[:2] != b"\0\0":
            yield owner
    elif record.rdtype == NAPTR and data[4:6] in (b"\x01a", b"\x01A"):
        pos = 4
        for _ in range(3):
            pos += data[pos] + 1
        yield data[pos:]


def missing_additional(answer: Answer, world: World) -> Iterator[str]:
    """Addresses in the same zone of what an RRset names are given along when there is room."""
    if is_referral(answer) or len(answer.answer) > 100 or answer.questions[0][1] == ANY:
        return
    given = {(record.name, record.rdtype) for record in (*answer.additional, *answer.answer)}
    for record in answer.answer:
        if record.rdtype not in LAYOUT:
            continue
        zone = world.deepest(record.name)
        for host in hosts_of(record, record.name):
            if zone is None or world.deepest(host) is not zone or zone.occluder(host) or zone.is_cut(host):
                continue
            node = zone.nodes.get(host, {})
            for rdtype in (A, AAAA):
                if rdtype in node and CNAME not in node and NS not in node and (host, rdtype) not in given:
                    yield f"no additional {rdtype} of {host!r}"


def needless_truncation(truncated: bytes, whole: bytes, question: Question) -> Iterator[str]:
    """A truncated answer whose whole form, asked for over TCP, would have fitted."""
    limit = min(question.way.limit, UDP_MAX)
    if parse(truncated).tc and len(whole) <= limit:
        yield f"TC though the answer has {len(whole)} octets and {limit} are allowed"
