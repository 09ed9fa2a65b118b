"""What of an answer is compared: aspects, each a hashable value in which lawful variety is already gone.

Lawful variety: order within a section, optional NS in authority of a positive answer, additional records that no
resolver needs (RFC 2181 5.4.1, 9471), truncation that follows from each server's own size limit (judged apart).
"""

from __future__ import annotations

from tests.interop.queries import Question
from tests.interop.wireform import Answer, Malformed, Record, parse

NS, SOA, A, AAAA, DS, NSEC, RRSIG, NSEC3 = 2, 6, 1, 28, 43, 47, 46, 50
ASPECTS = ("form", "rcode", "aa", "answer", "authority", "glue", "flags", "opt", "question")

View = dict[str, object]


def is_below(name: bytes, ancestor: bytes) -> bool:
    """Is a wire name at or below another (both lower case)?"""
    pos = 0
    while True:
        if name[pos:] == ancestor:
            return True
        if name[pos] == 0:
            return False
        pos += name[pos] + 1


def is_referral(answer: Answer) -> bool:
    """NS records in authority and no SOA: the answer points elsewhere (RFC 1034 4.3.2 step 3b)."""
    types = {record.rdtype for record in answer.authority}
    return answer.rcode == 0 and NS in types and SOA not in types and (not answer.aa or not ends_here(answer))


def ends_here(answer: Answer) -> bool:
    """Does the answer section end in data of another kind than an alias?"""
    return any(record.rdtype not in (5, 39, RRSIG) for record in answer.answer)


def needed_glue(answer: Answer) -> frozenset[Record]:
    """Addresses in additional of name servers at or below the cut: what RFC 9471 calls in-domain glue."""
    cuts = {record.name for record in answer.authority if record.rdtype == NS}
    hosts = {record.rdata for record in answer.authority if record.rdtype == NS}
    return frozenset(
        record
        for record in answer.additional
        if record.rdtype in (A, AAAA) and record.name in hosts and any(is_below(record.name, cut) for cut in cuts)
    )


def authority_of(answer: Answer) -> frozenset[Record]:
    """The authority section; without apex NS beside a full answer, which is optional."""
    if ends_here(answer) and answer.aa:
        return frozenset(
            record
            for record in answer.authority
            if record.rdtype != NS and not (record.rdtype == RRSIG and record.rdata[:2] == b"\0\x02")
        )
    return frozenset(answer.authority)


def view_of(wire: bytes | None, question: Question) -> View:
    """All aspects of what a server sent for a question; of a truncated answer only those that truncation leaves alone."""
    if wire is None:
        return {"form": "silence"}
    try:
        answer = parse(wire)
    except Malformed as error:
        return {"form": f"malformed: {error}"}
    sections = (answer.answer, answer.authority, answer.additional)
    view: View = {
        "form": "twice the same record"
        if any(len(set(section)) != len(section) for section in sections)
        else "message",
        "rcode": answer.rcode,
        "aa": answer.aa,
        "flags": answer.flags & 0xF9F0,  # QR, opcode, RD, RA, Z, AD, CD
        "opt": None if answer.opt is None else (answer.opt[1], answer.opt[2]),
        "question": answer.questions if question.odd else tuple((q[0].lower(), *q[1:]) for q in answer.questions),
    }
    if not answer.tc:
        view["answer"] = frozenset(answer.answer)
        view["authority"] = authority_of(answer)
        view["glue"] = needed_glue(answer) if is_referral(answer) else frozenset()
    return view


def show(value: object) -> str:
    """An aspect's value for people; records in presentation form."""
    if isinstance(value, frozenset):
        return "{" + "; ".join(sorted(show_record(record) for record in value)) + "}"
    return str(value)


def show_record(record: Record) -> str:
    """One record as a line, rdata in hex when no library can show it."""
    import dns.name
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype

    name = dns.name.from_wire(record.name, 0)[0].to_text()
    kind = dns.rdatatype.to_text(record.rdtype)
    try:
        text = dns.rdata.from_wire(record.rdclass, record.rdtype, record.rdata, 0, len(record.rdata)).to_text()
    except Exception:  # any malformed rdata is still to be shown
        text = record.rdata.hex()
    return f"{name} {record.ttl} {kind} {text}"[:160]
