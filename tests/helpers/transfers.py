"""Transfers as a client sees them: messages as they came, contents in canonical form, differences applied by the book."""

import socket
import struct
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.rrset
import dns.tsig

Record = tuple[str, str, int, str]
"""Owner, type, TTL, rdata; lower case, absolute."""


def question(zone: str, serial: int | None = None, key: dns.tsig.Key | None = None) -> dns.message.Message:
    """AXFR, or IXFR from a serial."""
    query = dns.message.make_query(zone, "AXFR" if serial is None else "IXFR", use_edns=False)
    query.flags = dns.flags.Flag(0)
    if serial is not None:
        soa = dns.rrset.from_text(zone, 0, "IN", "SOA", f". . {serial} 0 0 0 0")
        query.authority.append(soa)
    if key is not None:
        query.use_tsig(key)
    return query


def stream(query: dns.message.Message, place: tuple[str, int], timeout: float = 10.0) -> Iterator[bytes]:
    """Messages that come over one connection, until the end of the transfer is for the caller to see."""
    with socket.create_connection(place, timeout) as sock:
        wire = query.to_wire()
        sock.sendall(struct.pack("!H", len(wire)) + wire)
        with sock.makefile("rb") as reader:
            while head := reader.read(2):
                yield reader.read(struct.unpack("!H", head)[0])


def show(name: dns.name.Name, ttl: int, rdata: dns.rdata.Rdata) -> Record:
    """In one spelling, so that two are the same when their canonical forms are."""
    return name.to_text().lower(), dns.rdatatype.to_text(rdata.rdtype), ttl, rdata.to_digestable().hex()


def records(messages: list[dns.message.Message]) -> list[tuple[dns.name.Name, int, dns.rdata.Rdata]]:
    """All answers one by one, in the order they came."""
    return [(rrset.name, rrset.ttl, rdata) for m in messages for rrset in m.answer for rdata in rrset]


def take(
    query: dns.message.Message, place: tuple[str, int], key: dns.tsig.Key | None = None
) -> list[tuple[dns.name.Name, int, dns.rdata.Rdata]]:
    """A whole transfer's records; AssertionError for a refusal, with its rcode. Signatures are checked."""
    found: list[dns.message.Message] = []
    context = None
    soas = 0
    for wire in stream(query, place):
        message = dns.message.from_wire(
            wire,
            keyring=key,
            request_mac=query.mac if key else b"",
            xfr=True,
            one_rr_per_rrset=True,
            tsig_ctx=context,
            multi=True,
        )
        assert key is None or message.had_tsig
        context = message.tsig_ctx
        assert message.rcode() == dns.rcode.NOERROR, dns.rcode.to_text(message.rcode())
        assert message.id == query.id
        found.append(message)
        got = records(found[-1:])
        soas += sum(rdata.rdtype == dns.rdatatype.SOA for _, _, rdata in got)
        if _ended(found, soas):
            return records(found)
    raise AssertionError("the connection ended before the transfer")


def _ended(found: list[dns.message.Message], soas: int) -> bool:
    every = records(found) if len(found) < 3 or soas > 1 else []
    if not every:
        return False
    first = every[0][2]
    if len(every) == 1:
        return found[0].question[0].rdtype == dns.rdatatype.IXFR and _asked(found[0], first)
    last = every[-1][2]
    if every[1][2].rdtype == dns.rdatatype.SOA and len(every) > 1:
        ends = sum(rdata == first for _, _, rdata in every)
        return last == first and ends >= 3
    return last == first


def _asked(message: dns.message.Message, soa: dns.rdata.Rdata) -> bool:
    """A lone SOA in the first message of an IXFR is the whole answer when nothing else is in it."""
    return len(message.answer) == 1


def contents(found: list[tuple[dns.name.Name, int, dns.rdata.Rdata]]) -> frozenset[Record]:
    """A whole zone as a set; the closing SOA must be the opening one."""
    assert found[0][2].rdtype == dns.rdatatype.SOA
    assert found[0][2] == found[-1][2]
    shown = [show(*one) for one in found[:-1]]
    assert len(set(shown)) == len(shown), "a record came twice"
    return frozenset(shown)


def apply(zone: frozenset[Record], found: list[tuple[dns.name.Name, int, dns.rdata.Rdata]]) -> frozenset[Record]:
    """What a secondary makes of an IXFR answer (RFC 1995 4); each removal must find what it removes."""
    if len(found) == 1:
        return zone
    if found[1][2].rdtype != dns.rdatatype.SOA:
        return contents(found)
    now = set(zone)
    removing = False
    for one in found[1:-1]:
        if one[2].rdtype == dns.rdatatype.SOA:
            removing = not removing
        if removing:
            now.remove(show(*one))
        else:
            assert show(*one) not in now
            now.add(show(*one))
    assert show(*found[-1]) in now
    return frozenset(now)


def serial_of(zone: frozenset[Record]) -> int:
    """The serial of the zone's SOA."""
    (soa,) = [bytes.fromhex(rdata) for _, rdtype, _, rdata in zone if rdtype == "SOA"]
    return int.from_bytes(soa[-20:-16], "big")
