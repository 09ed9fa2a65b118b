"""The short way for a message that is signed rightly: its key, and the answer signed with it, all on octets.

Owns: the TSIG record's form, what the MAC covers (RFC 8945 4.2, 4.3), of one message that is answered by one. Never: errors and how they
are answered, truncated MACs, MD5, transfers: whatever is not plainly right goes through tsig.py, which decides. Written on octets
because every update is verified and signed in one process, and objects for names and rdata cost ten times the hash.
"""

import hmac
import time
from collections.abc import Callable
from typing import NamedTuple

from nsblast._core.name import fold
from nsblast.access.records_v1 import TsigKey
from nsblast.records.names import name_to_text
from nsblast.types import Wire

HEADER = 12
FUDGE = 300
"""Seconds the other clock may differ, as we say it (RFC 8945 10)."""
_FIXED = 10
"""Octets between an owner and its rdata."""
_HASHES: dict[Wire, tuple[str, int]] = {
    b"\x09hmac-sha1\0": ("sha1", 20),
    b"\x0bhmac-sha224\0": ("sha224", 28),
    b"\x0bhmac-sha256\0": ("sha256", 32),
    b"\x0bhmac-sha384\0": ("sha384", 48),
    b"\x0bhmac-sha512\0": ("sha512", 64),
}


class Record(NamedTuple):
    """A TSIG record and the message it was taken from."""

    plain: bytes
    """The message without it."""
    name: Wire
    """Of the key, lower case."""
    algorithm: Wire
    """Lower case."""
    time: int
    fudge: int
    mac: bytes
    ident: bytes
    """The message's original id, 2 octets."""
    error: int
    other: bytes


class Verified:
    """A message whose signature is right and in time."""

    def __init__(self, record: Record, key: TsigKey) -> None:
        self._record = record
        self.plain = record.plain
        """The message without TSIG."""
        self.key = key

    def seal(self, answer: bytes) -> bytes:
        """The answer, signed with the key; its MAC covers the request's."""
        asked = self._record
        record = asked._replace(plain=answer, time=int(time.time()), fudge=FUDGE, ident=answer[:2], error=0, other=b"")
        return put_on(record._replace(mac=mac_of(record, self.key.secret, asked.mac)))


def verify(packet: bytes, find: Callable[[str], TsigKey | None]) -> Verified | None:
    """The message, when it is signed, rightly and in time, with an active key; None for all others, signed or not."""
    record = take_off(packet)
    if record is None or record.error:
        return None
    key = find(name_to_text(record.name))
    hashed = _HASHES.get(record.algorithm)
    if key is None or not key.active or hashed is None or record.algorithm[1:-1].decode() != key.algorithm:
        return None
    if len(record.mac) != hashed[1] or not hmac.compare_digest(mac_of(record, key.secret), record.mac):
        return None
    return Verified(record, key) if abs(time.time() - record.time) <= record.fudge else None


def take_off(packet: bytes) -> Record | None:
    """The TSIG record, which is the last one of a message; None when there is none, or none that can be read here."""
    if len(packet) < HEADER or packet[10:12] == b"\0\0":
        return None
    try:
        start = last_record(packet)
        at = _after_name(packet, start)
        end = at + _FIXED + int.from_bytes(packet[at + 8 : at + _FIXED], "big")
        if packet[at : at + 8] != b"\0\xfa\0\xff\0\0\0\0" or end != len(packet):
            return None
        name = fold(packet[start:at])  # ValueError when it is compressed: few do that, and tsig.py takes it
        at += _FIXED
        rest = _after_name(packet, at)
        algorithm = fold(packet[at:rest])
        behind = rest + 10 + int.from_bytes(packet[rest + 8 : rest + 10], "big")
        if behind + 6 > end or behind + 6 + int.from_bytes(packet[behind + 4 : behind + 6], "big") != end:
            return None
    except (IndexError, ValueError):
        return None
    count = int.from_bytes(packet[10:12], "big") - 1
    return Record(
        packet[:10] + count.to_bytes(2, "big") + packet[HEADER:start],
        name,
        algorithm,
        int.from_bytes(packet[rest : rest + 6], "big"),
        int.from_bytes(packet[rest + 6 : rest + 8], "big"),
        packet[rest + 10 : behind],
        packet[behind : behind + 2],
        int.from_bytes(packet[behind + 2 : behind + 4], "big"),
        packet[behind + 6 : end],
    )


def mac_of(record: Record, secret: bytes, request_mac: bytes = b"") -> bytes:
    """The whole MAC of a message (record.plain) whose TSIG record says the rest of the record. RFC 8945 4.3."""
    before = len(request_mac).to_bytes(2, "big") + request_mac if request_mac else b""
    covered = b"".join(
        (
            before,
            record.ident,
            record.plain[2:],
            record.name,
            b"\0\xff\0\0\0\0",
            record.algorithm,
            record.time.to_bytes(6, "big"),
            record.fudge.to_bytes(2, "big"),
            record.error.to_bytes(2, "big"),
            len(record.other).to_bytes(2, "big"),
            record.other,
        )
    )
    return hmac.digest(secret, covered, _HASHES[record.algorithm][0])


def put_on(record: Record) -> bytes:
    """The message with the TSIG record behind it."""
    rdata = b"".join(
        (
            record.algorithm,
            record.time.to_bytes(6, "big"),
            record.fudge.to_bytes(2, "big"),
            len(record.mac).to_bytes(2, "big"),
            record.mac,
            record.ident,
            record.error.to_bytes(2, "big"),
            len(record.other).to_bytes(2, "big"),
            record.other,
        )
    )
    plain = record.plain
    count = int.from_bytes(plain[10:12], "big") + 1
    head = b"\0\xfa\0\xff\0\0\0\0" + len(rdata).to_bytes(2, "big")
    return b"".join((plain[:10], count.to_bytes(2, "big"), plain[HEADER:], record.name, head, rdata))


def last_record(packet: bytes) -> int:
    """Where the last record of a message that has some begins; IndexError when it is cut short."""
    at = HEADER
    for _ in range(packet[4] << 8 | packet[5]):
        at = _after_name(packet, at) + 4
    left = sum(packet[count] << 8 | packet[count + 1] for count in (6, 8, 10))
    for _ in range(left - 1):
        at = _after_name(packet, at)
        at += _FIXED + (packet[at + 8] << 8 | packet[at + 9])
    return at


def _after_name(packet: bytes, at: int) -> int:
    while packet[at]:
        if packet[at] >= 0xC0:
            return at + 2
        at += packet[at] + 1
    return at + 1
