"""Queries that the core hands over because of their zone: who may ask, zones that have expired or never came, EDNS EXPIRE.

Owns: the decision, and what is answered when it is no. Never: looking names up (the core does, once it is told that it may), signatures,
the socket. A zone whose access rule is not "everybody" carries ZONE_SPECIAL at its apex like one that expired; where the server's own
rule is not "everybody", the core hands over what clients outside of its networks ask. A chain of aliases ends before a zone that
is not open to all: the client asks for the target itself and is judged by that zone's rule.
RFC 7314 3.2, 8914 4.19 and 4.25.
"""

import time
from collections.abc import Mapping

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from nsblast._core.name import fold, labels, parent
from nsblast._core.rrset import unpack_entry
from nsblast.access.records_v1 import TsigKey
from nsblast.serve.handover import bare_answer, default_answer
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import ZoneRecord
from nsblast.transfer.reply import EXPIRE, PAYLOAD, expire_of, with_option
from nsblast.transfer.rules import Act, may_query
from nsblast.types import Wire

_SOA = 6


class Guard:
    """One worker's; its reader must have followed to what is visible."""

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self.defaults: Mapping[Act, tuple[str, ...]] = {}
        """Rules of zones that have none of their own."""

    def judge(self, plain: bytes, client: bytes, key: TsigKey | None) -> bytes | None:
        """The refusal of a query without its signature; None when it may be answered."""
        try:
            query = dns.message.from_wire(plain, keyring=False)
        except dns.exception.DNSException:
            return default_answer(plain)
        if len(query.question) != 1:
            return default_answer(plain)
        question = query.question[0]
        name = fold(question.name.to_wire() or b"\0")
        zones = [self._reader.find_zone(name)]
        if question.rdtype == dns.rdatatype.DS and zones[0] is not None and zones[0][0] == name != b"\0":
            zones.append(self._reader.find_zone(parent(name)))  # who answers, when it is here
        for found in zones:
            if found is None:
                continue
            apex, record = found
            if not may_query(record, client, key, self.defaults):
                return _refusal(query, plain, dns.rcode.REFUSED, dns.edns.EDECode.PROHIBITED, "")
            if record.expired:
                why = "the zone has expired"
                return _refusal(query, plain, dns.rcode.SERVFAIL, dns.edns.EDECode.INVALID_DATA, why)
            if not self._has_contents(apex):
                why = "the zone was not transferred yet"
                return _refusal(query, plain, dns.rcode.SERVFAIL, dns.edns.EDECode.INVALID_DATA, why)
        return None if zones[0] is not None else default_answer(plain)

    def _has_contents(self, apex: Wire) -> bool:
        blob = self._reader.fetch_in(apex, labels(apex)).blob
        return bool(blob) and any(rdtype == _SOA for rdtype, _, _ in unpack_entry(blob).rrsets)

    def finish(self, plain: bytes, answer: bytes, limit: int) -> bytes:
        """The core's answer, with EXPIRE when a query for an SOA asked for it and it fits."""
        try:
            query = dns.message.from_wire(plain, keyring=False)
        except dns.exception.DNSException:
            return answer
        if len(query.question) != 1 or query.question[0].rdtype != dns.rdatatype.SOA:
            return answer
        if not any(option.otype == EXPIRE for option in query.options) or not answer[2] & 4 or answer[6:8] == b"\0\0":
            return answer
        name = fold(query.question[0].name.to_wire() or b"\0")
        record = self._reader.zone(name)
        expire = self._expire(name, record) if record is not None else None
        if expire is None:
            return answer
        whole = with_option(answer, EXPIRE, expire.to_bytes(4, "big"))
        return whole if len(whole) <= limit else answer

    def _expire(self, apex: Wire, record: ZoneRecord) -> int | None:
        blob = self._reader.fetch_in(apex, labels(apex)).blob
        soa = (
            next((rdatas[0] for rdtype, _, rdatas in unpack_entry(blob).rrsets if rdtype == _SOA), None)
            if blob
            else None
        )
        return None if soa is None else expire_of(self._reader.database, apex, record, soa, time.time())


def _refusal(
    query: dns.message.Message, plain: bytes, rcode: dns.rcode.Rcode, code: dns.edns.EDECode, why: str
) -> bytes:
    """With EDNS the reason too."""
    if query.edns < 0:
        return bare_answer(plain, rcode)
    answer = dns.message.make_response(query, our_payload=PAYLOAD)
    option = dns.edns.EDEOption(code, why or None)
    answer.use_edns(0, query.ednsflags & dns.flags.DO, PAYLOAD, options=[option])
    answer.flags &= ~dns.flags.RA
    answer.set_rcode(rcode)
    return answer.to_wire()
