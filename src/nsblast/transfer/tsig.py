"""TSIG: whether a message is signed and by whom, and signing what is answered.

Owns: finding the TSIG record, the order of the checks, errors as the RFC wants them answered, a message's MAC and those of the
messages that follow it. Never: hash functions (dns.tsig has them), what a key may do (rules.py), where keys are stored: whoever asks
gives find(). The same face serves queries, transfers, NOTIFY and UPDATE, here and at the other end (Signer.of_key, Follower).
Invariants: MACs are compared in constant time; nothing is believed of a message before its MAC was right. RFC 8945.
"""

import hmac
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.tsig

from nsblast._core.unpack import after_rrs
from nsblast.access.records_v1 import TsigKey

HEADER = 12
FUDGE = 300
"""Seconds two clocks may differ (RFC 8945 10)."""
MAC_SHORTEST = 10
"""Octets; or half the hash, whichever is more (RFC 8945 5.2.2.1)."""
UNSIGNED_MOST = 99
"""Messages of a transfer in a row that may do without a TSIG (RFC 8945 5.3.1)."""
MD5 = dns.tsig.HMAC_MD5
_SIZES: dict[dns.name.Name, int] = {
    MD5: 16,
    dns.tsig.HMAC_SHA1: 20,
    dns.tsig.HMAC_SHA224: 28,
    dns.tsig.HMAC_SHA256: 32,
    dns.tsig.HMAC_SHA384: 48,
    dns.tsig.HMAC_SHA512: 64,
}
# dnspython has no types for these.
_SIGN: Any = dns.tsig.sign
_VALIDATE: Any = dns.tsig.validate
_TSIG: Any = dns.rdtypes.ANY.TSIG.TSIG
_RR_FIXED = struct.Struct("!HHIH")

Find = Callable[[str], TsigKey | None]
"""The key of a name: absolute, lower case, with final dot; None when there is none."""


class Malformed(Exception):
    """The message's TSIG record cannot be read: FORMERR."""


@dataclass(frozen=True)
class Tsig:
    """A message's TSIG record and the message without it."""

    name: dns.name.Name
    rdata: dns.rdtypes.ANY.TSIG.TSIG
    plain: bytes


def take_off(packet: bytes) -> Tsig | None:
    """The TSIG record of a message, which is its last one; None when it has none. Malformed."""
    start = _last_record(packet)
    if start is None:
        return None
    try:
        name, used = dns.name.from_wire(packet, start)
        at = start + used
        rdtype, rdclass, ttl, length = _RR_FIXED.unpack_from(packet, at)
        if rdtype != dns.rdatatype.TSIG:
            return None
        at += _RR_FIXED.size
        if rdclass != dns.rdataclass.ANY or ttl or at + length != len(packet):
            raise Malformed
        rdata: Any = dns.rdata.from_wire(rdclass, rdtype, packet, at, length)
    except (dns.exception.DNSException, struct.error, ValueError):
        raise Malformed from None
    count = int.from_bytes(packet[10:12], "big") - 1
    return Tsig(name, rdata, packet[:10] + count.to_bytes(2, "big") + packet[12:start])


def _last_record(packet: bytes) -> int | None:
    """Where the last record of the additional section begins."""
    if len(packet) < HEADER:
        return None
    questions, answers, authority, additional = struct.unpack_from("!HHHH", packet, 4)
    if not additional:
        return None
    at = HEADER
    try:
        for _ in range(questions):
            at = _after_name(packet, at) + 4
        return after_rrs(packet, at, answers + authority + additional - 1)
    except (IndexError, ValueError):
        raise Malformed from None


def _after_name(packet: bytes, at: int) -> int:
    while packet[at]:
        if packet[at] >= 0xC0:
            return at + 2
        at += packet[at] + 1
    return at + 1


class Signer:
    """Signs messages with one key: the answers to one request, or requests of ours.

    The first MAC covers the request's; each later one the MAC before it and the times only (RFC 8945 5.3.1).
    """

    def __init__(
        self, key: dns.tsig.Key, request_mac: bytes = b"", *, error: int = 0, clock: float | None = None
    ) -> None:
        self._key = key
        self._ctx: Any = None
        self._error = error
        self._clock = clock
        self.mac = request_mac
        """The request's MAC, then that of the message signed last."""
        other = 6 if error == dns.rcode.BADTIME else 0
        self.octets = (
            len(_wire(key.name)) + _RR_FIXED.size + len(_wire(key.algorithm)) + 16 + _SIZES[key.algorithm] + other
        )
        """By how much a message grows."""

    @classmethod
    def of_key(cls, record: TsigKey) -> "Signer":
        """For a request of ours."""
        return cls(key_of(record))

    def sign(self, message: bytes) -> bytes:
        """The message with its TSIG record behind it."""
        now = int(time.time())
        other = b""
        if self._error == dns.rcode.BADTIME and self._clock is not None:
            other, now = now.to_bytes(6, "big"), int(self._clock)
        bare = _rdata(self._key.algorithm, now, b"", message[:2], self._error, other)
        signed, self._ctx = _SIGN(message, self._key, bare, now, self.mac, self._ctx, True)
        self.mac = signed.mac
        return _append(message, self._key.name, signed)


def _rdata(algorithm: dns.name.Name, now: int, mac: bytes, ident: bytes, error: int, other: bytes) -> Any:
    return _TSIG(
        dns.rdataclass.ANY,
        dns.rdatatype.TSIG,
        algorithm,
        now,
        FUDGE,
        mac,
        int.from_bytes(ident, "big"),
        error,
        other,
    )


def _wire(name: dns.name.Name) -> bytes:
    return name.to_wire() or b""


def _append(message: bytes, name: dns.name.Name, rdata: Any) -> bytes:
    wire: bytes = rdata.to_wire()
    fixed = _RR_FIXED.pack(dns.rdatatype.TSIG, dns.rdataclass.ANY, 0, len(wire))
    count = int.from_bytes(message[10:12], "big") + 1
    return message[:10] + count.to_bytes(2, "big") + message[12:] + _wire(name) + fixed + wire


@dataclass(frozen=True)
class Checked:
    """What became of a request's signature."""

    plain: bytes
    """The request without TSIG."""
    key: TsigKey | None = None
    """Who signed it; None: nobody, or not rightly (then error says why)."""
    signer: Signer | None = None
    """Signs the answer, where it is to be signed."""
    error: int = 0
    """TSIG error: BADSIG, BADKEY, BADTIME, BADTRUNC; the answer's rcode is NOTAUTH then. Or FORMERR."""
    _tsig: Tsig | None = None

    def seal(self, answer: bytes) -> bytes:
        """An answer of one message as it goes out: signed, with a TSIG record that names the error, or as it is."""
        if self.signer is not None:
            return self.signer.sign(answer)
        if self._tsig is None or self.error not in (dns.rcode.BADSIG, dns.rcode.BADKEY):
            return answer
        # RFC 8945 5.2.1, 5.2.2: not signed, so that nobody learns anything from it.
        rdata = _rdata(self._tsig.rdata.algorithm, self._tsig.rdata.time_signed, b"", answer[:2], self.error, b"")
        return _append(answer, self._tsig.name, rdata)

    @property
    def rcode(self) -> dns.rcode.Rcode:
        """Of the answer to a request that goes no further; NOERROR when it may."""
        if not self.error:
            return dns.rcode.NOERROR
        return dns.rcode.FORMERR if self.error == dns.rcode.FORMERR else dns.rcode.NOTAUTH


def check(packet: bytes, find: Find, *, md5: bool = False, now: float | None = None) -> Checked:
    """Verify a request: key, MAC, time, length of the MAC, in this order (RFC 8945 5.2)."""
    try:
        tsig = take_off(packet)
    except Malformed:
        return Checked(packet, error=dns.rcode.FORMERR)
    if tsig is None:
        return Checked(packet)
    rdata = tsig.rdata
    record = find(tsig.name.to_text().lower())
    if (
        record is None
        or not record.active
        or rdata.algorithm not in _SIZES
        or rdata.algorithm.to_text().lower().rstrip(".") != record.algorithm
        or (rdata.algorithm == MD5 and not md5)
    ):
        return Checked(tsig.plain, error=dns.rcode.BADKEY, _tsig=tsig)
    key = dns.tsig.Key(tsig.name, record.secret, rdata.algorithm)
    whole = _SIZES[rdata.algorithm]
    if not max(MAC_SHORTEST, whole // 2) <= len(rdata.mac) <= whole:
        return Checked(tsig.plain, error=dns.rcode.FORMERR)
    right, _ = _SIGN(tsig.plain, key, rdata, rdata.time_signed)
    if not hmac.compare_digest(right.mac[: len(rdata.mac)], rdata.mac):
        return Checked(tsig.plain, error=dns.rcode.BADSIG, _tsig=tsig)
    clock = time.time() if now is None else now
    error = 0
    if abs(clock - rdata.time_signed) > rdata.fudge:
        error = dns.rcode.BADTIME
    elif len(rdata.mac) < whole:
        error = dns.rcode.BADTRUNC
    signer = Signer(key, rdata.mac, error=error, clock=rdata.time_signed)
    return Checked(tsig.plain, None if error else record, signer, error, tsig)


def key_of(record: TsigKey) -> dns.tsig.Key:
    """As dnspython has it."""
    return dns.tsig.Key(dns.name.from_text(record.name), record.secret, dns.name.from_text(record.algorithm))


class Follower:
    """Checks the answers to a request of ours, one message or many. RFC 8945 5.3, 5.4."""

    def __init__(self, record: TsigKey, request_mac: bytes) -> None:
        self._key = key_of(record)
        self._mac = request_mac
        self._ctx: Any = None
        self._unsigned = 0

    @property
    def settled(self) -> bool:
        """Whether the message taken last was signed: then all before it is proved too."""
        return self._ctx is not None and not self._unsigned

    def take(self, message: bytes, *, last: bool = False) -> bytes:
        """The message without TSIG. dns.tsig's and dns.exception's errors when it is not what the key's holder sent."""
        try:
            tsig = take_off(message)
        except Malformed:
            raise dns.exception.FormError from None
        if tsig is None:
            self._unsigned += 1
            if self._ctx is None or last or self._unsigned > UNSIGNED_MOST:
                raise dns.tsig.BadSignature
            self._ctx.update(message)
            return message
        self._unsigned = 0
        start = len(tsig.plain)
        self._ctx = _VALIDATE(
            message, self._key, tsig.name, tsig.rdata, int(time.time()), self._mac, start, self._ctx, True
        )
        return tsig.plain
