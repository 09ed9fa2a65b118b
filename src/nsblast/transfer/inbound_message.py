"""Messages of a transfer as the client sends and reads them: queries for SOA, AXFR and IXFR, and what comes back.

Owns: the form on the wire, in both directions; rdata that the core leaves to be looked at. Never: the order of records (inbound.py),
signatures, sockets. What is malformed is a Fault, and never believed in part. RFC 1995 3, 5936 2.1 and 2.2, 7314 3, 1035 4.1.
"""

import struct
from typing import NamedTuple

import dns.exception
import dns.rdata
import dns.rdataclass
from dns.rdatatype import RdataType

from nsblast._core.name import fold
from nsblast._core.rdshow import rdata_to_text
from nsblast._core.unpack import after_rrs, read_rrs
from nsblast.errors import NsblastError
from nsblast.records import known_types
from nsblast.types import Rr, Wire

HEADER = 12
SOA, OPT, IXFR, AXFR = 6, 41, 251, 252
EXPIRE = 9
"""EDNS option (RFC 7314)."""
PAYLOAD = 1232
_IN = 1
_KNOWN = frozenset(known_types().values())
_META = range(128, 256)
_REFUSALS = (dns.exception.DNSException, ValueError, OverflowError, AssertionError, IndexError, TypeError)
_COUNTS = struct.Struct("!6H")
_SOA_NUMBERS = struct.Struct("!5I")


class Fault(NsblastError):
    """A master did not do what it should; it says what, and is never the zone's end."""


class Times(NamedTuple):
    """The numbers of an SOA."""

    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int


class Message(NamedTuple):
    """One message from a master, without its signature."""

    rcode: int
    rrs: list[Rr]
    """The answer section."""
    expire: int | None
    """What the EXPIRE option says, in seconds."""
    truncated: bool


def times_of(soa: bytes) -> Times:
    """Of well-formed rdata."""
    return Times(*_SOA_NUMBERS.unpack(soa[-_SOA_NUMBERS.size :]))


def query(ident: int, apex: Wire, rrtype: int, *, serial: int | None = None, edns: bool = False) -> bytes:
    """A request. serial: of the version we have, for IXFR."""
    head = _COUNTS.pack(ident, 0, 1, 0, int(serial is not None), int(edns))
    message = head + apex + struct.pack("!HH", rrtype, _IN)
    if serial is not None:
        numbers = _SOA_NUMBERS.pack(serial, 0, 0, 0, 0)
        message += apex + struct.pack("!HHIH", SOA, _IN, 0, 2 + len(numbers)) + b"\0\0" + numbers
    if edns:
        message += b"\0" + struct.pack("!HHIHHH", OPT, PAYLOAD, 0, 4, EXPIRE, 0)
    return message


def read(plain: bytes, ident: int, apex: Wire, rrtype: int) -> Message:
    """A response to such a request; Fault when it is none. It may leave the question out, as all but the first of many do (RFC 5936 2.2.2)."""
    if len(plain) < HEADER:
        raise Fault("a message is shorter than a header")
    found, flags, questions, answers, authority, additional = _COUNTS.unpack_from(plain)
    if found != ident:
        raise Fault("an answer has another id than the question")
    if not flags & 0x8000 or flags >> 11 & 15:
        raise Fault("a message is no answer to a query")
    rcode = flags & 15
    try:
        if rcode:
            return Message(rcode, [], None, False)
        at = _after_question(plain, questions, apex, rrtype)
        rrs, others, at = read_rrs(plain, at, answers)
        for index, place, length in others:
            owner, kind, ttl, _ = rrs[index]
            rrs[index] = (owner, kind, ttl, _rdata(plain, kind, place, length))
        at = after_rrs(plain, at, authority)
        expire = _expire(plain, at, additional)
    except ValueError as error:
        raise Fault(f"a message is malformed: {error}") from None
    return Message(rcode, rrs, expire, bool(flags & 0x0200))


def _after_question(plain: bytes, questions: int, apex: Wire, rrtype: int) -> int:
    if questions == 0:
        return HEADER
    end = HEADER + len(apex) + 4
    if questions != 1 or len(plain) < end:
        raise ValueError("its question is not the one asked")
    name = plain[HEADER : HEADER + len(apex)]
    try:
        same = fold(name) == apex
    except ValueError:
        same = False
    if not same or plain[end - 4 : end] != struct.pack("!HH", rrtype, _IN):
        raise ValueError("its question is not the one asked")
    return end


def _expire(plain: bytes, at: int, additional: int) -> int | None:
    """The EXPIRE option of the OPT record, which has the root as its owner."""
    for _ in range(additional):
        end = after_rrs(plain, at, 1)
        if plain[at : at + 3] == b"\0\0\x29":
            at += 11
            while at + 4 <= end:
                option, length = struct.unpack_from("!HH", plain, at)
                at += 4
                if option == EXPIRE and length == 4 and at + 4 <= end:
                    return int.from_bytes(plain[at : at + 4], "big")
                at += length
        at = end
    return None


def _rdata(plain: bytes, rrtype: int, at: int, length: int) -> bytes:
    """Well-formed and uncompressed; types nobody knows hold anything (RFC 3597)."""
    rdata = plain[at : at + length]
    if rrtype in _META or rrtype in (0, OPT):
        raise ValueError(f"type {rrtype} cannot stand in a zone")
    if rrtype not in _KNOWN or rdata_to_text(rrtype, rdata) is not None:
        return rdata
    try:
        wire = dns.rdata.from_wire(dns.rdataclass.IN, RdataType.make(rrtype), plain, at, length).to_wire()
    except _REFUSALS:
        raise ValueError(f"rdata of type {rrtype}") from None
    if wire is None or len(wire) > 0xFFFF:
        raise ValueError(f"rdata of type {rrtype} is too long")
    return wire
