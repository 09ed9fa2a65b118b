"""Requests the compiled core does not answer itself: AXFR, IXFR, NOTIFY, UPDATE. A registry and the default answers.

A handler gets the whole request and gives one answer, or (over TCP) an asynchronous generator of many. It never touches
the socket: udp.py and tcp.py frame, send and hold back. Without a handler an operation is NOTIMP (RFC 1035 4.1.1), and
a transfer, which is a query type and not an operation, REFUSED (RFC 5936 2.2.1).
A query or NOTIFY that is larger than any is FORMERR, and is not read: anybody may send one over TCP, and reading 64 KiB of
records in Python holds up a worker's other clients for half a second.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype

_HEADER = 12
_FLAG_OCTET = 2
OCTETS_MOST = 4096
RECORDS_MOST = 32
"""Of a query or NOTIFY. The largest there are have an SOA, its signatures, OPT with padding, and TSIG."""
_PAYLOAD = 1232  # octets of a datagram we say to take (RFC 6891 6.2.5, as the core says by default)


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    packet: bytes
    client: bytes  # 4 or 16 octets
    tcp: bool


Answers = bytes | AsyncGenerator[bytes, None]
Handler = Callable[[Request], Awaitable[Answers]]


class HandOver:
    """Handlers by opcode, and by query type for opcode QUERY, with one for all other queries."""

    def __init__(self) -> None:
        self._opcodes: dict[int, Handler] = {}
        self._types: dict[int, Handler] = {}
        self._other: Handler | None = None

    def on_opcode(self, opcode: dns.opcode.Opcode, handler: Handler) -> None:
        """Serve all requests of an opcode (NOTIFY, UPDATE)."""
        self._opcodes[opcode] = handler

    def on_type(self, rdtype: dns.rdatatype.RdataType, handler: Handler) -> None:
        """Serve queries for a type (AXFR, IXFR)."""
        self._types[rdtype] = handler

    def on_other(self, handler: Handler) -> None:
        """Serve what else of opcode QUERY the core hands over: see foreign.py."""
        self._other = handler

    def find(self, request: Request) -> Handler | None:
        """Who serves this request; None = default_answer() does."""
        packet = request.packet
        if len(packet) < _HEADER:
            return None
        opcode = packet[_FLAG_OCTET] >> 3 & 15
        if _is_too_large(packet, opcode):
            return None
        if opcode != dns.opcode.QUERY:
            return self._opcodes.get(opcode)
        if not self._types:
            return self._other
        try:
            question = dns.message.from_wire(packet, question_only=True).question
        except dns.exception.DNSException:
            return None
        return self._types.get(question[0].rdtype, self._other) if question else None


def default_answer(packet: bytes) -> bytes:
    """The right refusal of a request nobody serves; b"" = silence, for what is no request at all."""
    if len(packet) < _HEADER:
        return b""
    opcode = packet[_FLAG_OCTET] >> 3 & 15
    if _is_too_large(packet, opcode):
        return bare_answer(packet, dns.rcode.FORMERR)
    return bare_answer(packet, dns.rcode.REFUSED if opcode == dns.opcode.QUERY else dns.rcode.NOTIMP)


def _is_large(packet: bytes) -> bool:
    """Whether reading all of its records here takes longer than other clients should wait."""
    counts = (int.from_bytes(packet[at : at + 2], "big") for at in (6, 8, 10))
    return len(packet) > OCTETS_MOST or sum(counts) > RECORDS_MOST


def _is_too_large(packet: bytes, opcode: int) -> bool:
    return opcode in (dns.opcode.QUERY, dns.opcode.NOTIFY) and _is_large(packet)


def bare_answer(packet: bytes, rcode: dns.rcode.Rcode) -> bytes:
    """The request's question with a response code and nothing else; to a large one without OPT, which is not looked for."""
    if len(packet) < _HEADER or packet[_FLAG_OCTET] & 0x80:
        return b""
    try:
        message = dns.message.from_wire(packet, keyring=False, ignore_trailing=True, question_only=_is_large(packet))
        answer = dns.message.make_response(message, our_payload=_PAYLOAD)
        answer.flags &= ~dns.flags.RA
        answer.set_rcode(rcode)
        return answer.to_wire()
    except dns.exception.DNSException:
        # Not to be read beyond the header: id, opcode and RD go back, nothing else (RFC 8906 3).
        flags = bytes((packet[_FLAG_OCTET] & 0x79 | 0x80, dns.rcode.FORMERR))
        return packet[:2] + flags + bytes(8)
