"""One request for a transfer as it was read, and answers of one message.

Owns: reading the question and the IXFR client's serial, header and question of every message, OPT, where messages are sealed.
Never: zones, access. RFC 1995 3, 5936 2.1, 2.2, 7314 3, 7828 3.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from nsblast._core.name import fold
from nsblast._core.pack import Packer
from nsblast.store.engine import Database
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.transfer.mac import last_record
from nsblast.transfer.secondary_state import expires_in
from nsblast.transfer.tsig import Checked
from nsblast.types import Wire

HEADER = 12
EXPIRE = 9
KEEPALIVE = 11
PAYLOAD = 1232
"""Octets of a datagram we say to take (RFC 6891 6.2.5)."""
MESSAGE = 16384
"""Octets of a transfer's messages: in so many every name can be pointed to (RFC 1035 4.1.4)."""
_OPT_OCTETS = 11
_UDP_PLAIN = 512
_QR_AA = 0x84
_SOA_NUMBERS = 20


@dataclass(frozen=True)
class Asked:
    """What is asked for."""

    checked: Checked
    name: Wire
    rdtype: int
    rdclass: int
    edns: bool
    dnssec_ok: bool
    payload: int
    """Octets of a datagram the client takes."""
    serial: int | None
    """The version an IXFR client has; None when the request does not say."""
    wants_expire: bool = False
    """It asks how long the zone is good for (RFC 7314 3.1)."""
    wants_keepalive: bool = False
    """It asks how long a connection may be idle (RFC 7828 3.2.1)."""
    options: bytes = b""
    """EDNS options of the first message."""

    @property
    def question(self) -> bytes:
        """As it was asked, in its spelling."""
        return self.checked.plain[HEADER : HEADER + len(self.name) + 4]

    @property
    def head(self) -> bytes:
        """Header and question of each message: AA (RFC 5936 2.2.1), RD as it came, nothing else."""
        plain = self.checked.plain
        flags = bytes((_QR_AA | plain[2] & 1, 0))
        return plain[:2] + flags + b"\0\1" + bytes(6) + self.question

    def packer(self, limit: int = MESSAGE, most: int = 65535, room: int = 0) -> Packer:
        """For messages that leave room for what seal() adds, or as much as is asked for."""
        signer = self.checked.signer
        kept = (signer.octets if signer is not None else 0) + (_OPT_OCTETS + len(self.options) if self.edns else 0)
        return Packer(self.head, max(limit - max(kept, room), len(self.head)), most - kept)

    def seal(self, message: bytes, *, first: bool = True) -> bytes:
        """A message as it goes out: OPT in the first one (RFC 5936 2.2.5), and a signature."""
        if first and self.edns:
            flags = b"\0\0\x80\0" if self.dnssec_ok else bytes(4)
            opt = b"\0" + dns.rdatatype.OPT.to_bytes(2, "big") + PAYLOAD.to_bytes(2, "big") + flags
            message = _added(message, opt + len(self.options).to_bytes(2, "big") + self.options)
        return self.checked.seal(message)

    def refusal(self, rcode: dns.rcode.Rcode) -> bytes:
        """The question with a response code and nothing else; AA is clear."""
        head = self.head
        return self.seal(head[:2] + bytes((head[2] & ~4, rcode)) + head[4:])

    def records(self, rrs: Iterable[tuple[bytes, int, int, bytes]], limit: int) -> bytes | None:
        """One message with these records; None when they are more than the limit."""
        packer = self.packer(limit, limit)
        for owner, rdtype, ttl, rdata in rrs:
            try:
                if not packer.put(owner, rdtype, ttl, rdata):
                    return None
            except ValueError:
                return None  # more than the whole message holds
        return self.seal(packer.take())


def option(code: int, data: bytes) -> bytes:
    """An EDNS option (RFC 6891 6.1.2)."""
    return code.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data


def with_option(message: bytes, code: int, data: bytes) -> bytes:
    """The message with an option more in its OPT, which is its last record; as it is when it has none."""
    try:
        at = last_record(message)
    except IndexError:
        return message
    length = int.from_bytes(message[at + 9 : at + 11], "big")
    if message[at : at + 3] != b"\0\0\x29" or at + 11 + length != len(message):
        return message
    more = option(code, data)
    return message[: at + 9] + (length + len(more)).to_bytes(2, "big") + message[at + 11 :] + more


def expire_of(database: Database, apex: Wire, record: ZoneRecord, soa: bytes, now: float) -> int | None:
    """What EXPIRE says (RFC 7314 3.2): a primary's SOA field, the time a secondary has left; None = that is not known."""
    if record.kind is ZoneKind.PRIMARY:
        return int.from_bytes(soa[-8:-4], "big")
    return expires_in(database, apex, record, now)


def _added(message: bytes, record: bytes) -> bytes:
    count = int.from_bytes(message[10:12], "big") + 1
    return message[:10] + count.to_bytes(2, "big") + message[HEADER:] + record


def read(checked: Checked) -> Asked | None:
    """The request of a message that the core found well-formed so far; None when it is none of a transfer."""
    try:
        message = dns.message.from_wire(checked.plain, keyring=False)
    except dns.exception.DNSException:
        return None
    if len(message.question) != 1:
        return None
    question = message.question[0]
    serial = None
    if question.rdtype == dns.rdatatype.IXFR:
        for rrset in message.authority:
            if rrset.rdtype == dns.rdatatype.SOA and rrset.name == question.name and len(rrset) == 1:
                serial = int(rrset[0].serial)
    edns = message.edns >= 0
    return Asked(
        checked,
        fold(question.name.to_wire() or b"\0"),
        question.rdtype,
        question.rdclass,
        edns,
        bool(message.ednsflags & dns.flags.DO),
        max(message.payload, _UDP_PLAIN) if edns else _UDP_PLAIN,
        serial,
        any(option.otype == EXPIRE for option in message.options),
        any(option.otype == KEEPALIVE and not option.to_wire() for option in message.options),
    )


def serial_of(soa: bytes) -> int:
    """The serial in an SOA's rdata."""
    return int.from_bytes(soa[-_SOA_NUMBERS : -_SOA_NUMBERS + 4], "big")
