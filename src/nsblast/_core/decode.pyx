"""Stage 1: octets to Txn, and the first verdict on them.

Owns: header rules, the question, finding OPT and TSIG, the size an answer may have, which packets go no further and why.
Never: looks anything up, writes an octet, touches txn.work (a batch is decoded before its first packet is answered).
Invariants: all octets go through one Reader; nothing but SILENT depends on what was not read.

What deserves what (RFC 8906: silence only where an answer would do harm):
- SILENT: fewer than 12 octets, or a response (answering one could start a ping-pong between servers).
- NOTIMP: opcodes other than QUERY, NOTIFY, UPDATE, whatever else the packet holds; QTYPEs of the meta range 128..255
  this server does not have (MAILA, MAILB, TKEY and those without a name: RFC 6895 3.1, 8906 3.1.2).
- FORMERR: more than one question (RFC 9619); none without a COOKIE option (RFC 7873 5.4); a compression pointer in
  the question's name (there is nothing before it to point to); counts, names or lengths that do not add up, octets
  left over after the last record (as BIND, Knot and NSD have it); OPT twice, below a name, or outside the additional
  section (RFC 6891 6.1.1); TSIG anywhere but at the very end (RFC 8945 5.1); OPT or TSIG asked for as if they were data.
- Records in answer and authority of a query are passed over: IXFR has one there, and the others do no harm.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from nsblast._core.edns cimport COOKIE_ABSENT, COOKIE_BAD, COOKIE_GOOD, edns_clear, edns_read
from nsblast._core.name cimport name_read
from nsblast._core.proto cimport (
    CLASS_ANY, CLASS_CH, CLASS_IN, FLAG_QR, HEADER_OCTETS, LABEL_OCTETS, MESSAGE_MAX, OPCODE_MASK, OPCODE_NOTIFY,
    OPCODE_QUERY, OPCODE_SHIFT, OPCODE_UPDATE, POINTER_MARK, RCODE_NOERROR, TYPE_ANY, TYPE_AXFR, TYPE_IXFR, TYPE_META_FIRST,
    TYPE_META_LAST, TYPE_OPT, TYPE_SOA, TYPE_TSIG, UDP_PLAIN_MAX,
)
from nsblast._core.status cimport (
    BADCOOKIE, CHAOS, COOKIE_ONLY, FORMERR, HAND_OVER, NO_ZONE, NOTIMP, OK, SILENT,
)
from nsblast._core.txn cimport ACCESS_DECIDED, TCP
from nsblast._core.wire cimport (
    Reader, reader_bad, reader_fail, reader_left, reader_open, reader_take, reader_u8, reader_u16, reader_u32,
)

cdef enum:
    ANSWER = 0              # sections after the question, in the header's order
    AUTHORITY = 1
    ADDITIONAL = 2


cdef inline void wipe(Txn* txn) noexcept nogil:
    """Forget the packet before; the search's own fields are respond's to set."""
    txn.id = 0
    txn.flags = 0
    txn.opcode = 0
    txn.qtype = 0
    txn.qclass = 0
    txn.has_question = False
    txn.question_end = HEADER_OCTETS
    txn.tsig_at = 0
    txn.aa = False
    txn.tc = False
    txn.rcode = RCODE_NOERROR
    txn.answer_len = 0
    edns_clear(&txn.edns)


cdef inline uint32_t limit_of(const Txn* txn, const EdnsConfig* config) noexcept nogil:
    """Octets the answer may have: RFC 1035 4.2, 6891 6.2.5, and never more than there is room for."""
    cdef uint32_t limit = UDP_PLAIN_MAX
    if txn.transport == TCP:
        limit = MESSAGE_MAX
    elif txn.edns.present:
        limit = txn.edns.udp_size if txn.edns.udp_size < config.udp_max else config.udp_max
        if limit < UDP_PLAIN_MAX:
            limit = UDP_PLAIN_MAX
    return limit if limit < txn.out_size else txn.out_size


cdef inline bint skip_name(Reader* r) noexcept nogil:
    """Pass over an owner name, compressed or not; True when it is the root in plain."""
    cdef uint32_t size = reader_u8(r)
    if size == 0:
        return True
    while size:
        if size >= POINTER_MARK:
            reader_u8(r)
            return False
        if size > LABEL_OCTETS:
            reader_fail(r)
            return False
        reader_take(r, size)
        size = reader_u8(r)         # 0 at the end of a packet cut short: the caller sees the latch
    return False


cdef Status record(Txn* txn, Reader* r, uint32_t section, bint last, const EdnsConfig* config) noexcept nogil:
    """One RR after the question: OK, FORMERR, or BADVERS of an OPT."""
    cdef uint32_t start = r.at
    cdef bint root = skip_name(r)
    cdef uint16_t rrtype = reader_u16(r)
    cdef uint16_t rrclass = reader_u16(r)
    cdef uint32_t ttl = reader_u32(r)
    cdef uint16_t rdlength = reader_u16(r)
    cdef const uint8_t* rdata = reader_take(r, rdlength)
    cdef Reader options
    if reader_bad(r):
        return FORMERR
    if rrtype == TYPE_OPT:
        if section != ADDITIONAL or not root or txn.edns.present:
            return FORMERR
        reader_open(&options, rdata, rdlength)
        return edns_read(&txn.edns, rrclass, ttl, &options, config, txn.client, txn.client_len, txn.now)
    if rrtype == TYPE_TSIG:
        if section != ADDITIONAL or not last:
            return FORMERR
        txn.tsig_at = start
    return OK


cdef Status sections(Txn* txn, Reader* r, const EdnsConfig* config, const Seed* seed) noexcept nogil:
    """All after the header's flags: OK, FORMERR or BADVERS."""
    cdef uint32_t counts[3]
    cdef uint32_t questions = reader_u16(r)
    cdef uint32_t section, i
    cdef Status status
    cdef Status worst = OK
    for section in range(3):
        counts[section] = reader_u16(r)
    if questions > 1:
        return FORMERR
    if questions:
        if name_read(&txn.qname, r, seed) != OK:
            return FORMERR
        txn.qtype = reader_u16(r)
        txn.qclass = reader_u16(r)
        if reader_bad(r):
            return FORMERR
        txn.has_question = True
        txn.question_end = <uint16_t> r.at
    for section in range(3):
        for i in range(counts[section]):
            status = record(txn, r, section, i + 1 == counts[section], config)
            if status == FORMERR:
                return FORMERR
            if status != OK:
                worst = status
    return worst if reader_left(r) == 0 else FORMERR


cdef inline Status verdict(const Txn* txn, const EdnsConfig* config) noexcept nogil:
    """What a packet without faults of form asks of us."""
    cdef bint doubtful = config.cookies_required and txn.transport != TCP       # a spoofed address is possible
    if not txn.has_question:
        if txn.opcode != OPCODE_QUERY or txn.tsig_at or txn.edns.cookie == COOKIE_ABSENT:
            return FORMERR
        return BADCOOKIE if doubtful and txn.edns.cookie == COOKIE_BAD else COOKIE_ONLY
    if txn.tsig_at or txn.opcode != OPCODE_QUERY:
        return HAND_OVER
    if txn.edns.expire and txn.qtype == TYPE_SOA and not txn.access & ACCESS_DECIDED:
        return HAND_OVER            # how long a secondary's zone is good for only Python knows (RFC 7314)
    if txn.qtype == TYPE_OPT or txn.qtype == TYPE_TSIG:
        return FORMERR
    if doubtful and txn.edns.cookie != COOKIE_ABSENT and txn.edns.cookie != COOKIE_GOOD:
        return BADCOOKIE
    if txn.qclass != CLASS_IN and txn.qclass != CLASS_ANY:      # RFC 1035 3.2.5: * is any class, and we have one
        return CHAOS if txn.qclass == CLASS_CH else NO_ZONE
    if TYPE_META_FIRST <= txn.qtype <= TYPE_META_LAST and txn.qtype != TYPE_ANY:
        return HAND_OVER if txn.qtype == TYPE_AXFR or txn.qtype == TYPE_IXFR else NOTIMP
    return OK


cdef Status decode(Txn* txn, const EdnsConfig* config, const Seed* seed) noexcept nogil:
    cdef Reader r
    cdef Status status
    wipe(txn)
    txn.limit = limit_of(txn, config)
    reader_open(&r, txn.packet, txn.packet_len)
    if reader_left(&r) < HEADER_OCTETS:
        return SILENT
    txn.id = reader_u16(&r)
    txn.flags = reader_u16(&r)
    if txn.flags & FLAG_QR:
        return SILENT
    txn.opcode = <uint8_t> ((txn.flags >> OPCODE_SHIFT) & OPCODE_MASK)
    status = sections(txn, &r, config, seed)
    txn.limit = limit_of(txn, config)
    if txn.opcode != OPCODE_QUERY and txn.opcode != OPCODE_NOTIFY and txn.opcode != OPCODE_UPDATE:
        return NOTIMP
    if status != OK:
        return status
    return verdict(txn, config)
