"""Stage 4: Plan to octets.

Owns: the order of octets of an answer, compression, what happens when something does not fit, TC, OPT, the counts.
Never: decides what an answer holds; trusts a stored RRset (it may be torn or corrupt: CORRUPT, and nothing is sent).
Invariants: answer_len <= txn.limit; an RRset stands whole or not at all (RFC 2181 5.1); room for OPT is kept from the
start and used to the octet; counts are what was written.

What does not fit:
- in answer or authority: TC, and the answer ends before that RRset. What fitted stays, each RRset whole (RFC 2181 9: the
  receiver asks again over TCP and uses none of it).
- in additional: left out, later and smaller RRsets still get their chance; TC only for glue a referral cannot do
  without (ITEM_MUST, RFC 9471 2.1), never for a signature alone (RFC 4035 3.1.1). A signature never comes without its RRset.

The header of an answer: id, opcode and RD as asked (RFC 1035 4.1.1), QR, AA and TC as they are, RA, Z, AD and CD clear
(RFC 4035 3.1.6: authoritative data is not claimed to be verified, and CD is for those who verify).
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from nsblast._core.edns cimport edns_size, edns_write
from nsblast._core.name cimport name_span
from nsblast._core.plan cimport (
    Item, ITEM_CAPPED, ITEM_MUST, ITEM_SYNTH, SECTION_ADDITIONAL, SECTION_ANSWER, SECTION_AUTHORITY,
)
from nsblast._core.proto cimport (
    CLASS_CH, CLASS_IN, FLAG_AA, FLAG_QR, FLAG_RD, FLAG_TC, HEADER_ANCOUNT, HEADER_ARCOUNT, HEADER_FLAGS,
    HEADER_NSCOUNT, HEADER_OCTETS, HEADER_QDCOUNT, OPCODE_MASK, OPCODE_SHIFT, POINTER_MAX, RCODE_MASK, TYPE_A, TYPE_AAAA,
    TYPE_RRSIG, TYPE_SIG, TYPE_TXT,
)
from nsblast._core.rrset cimport Layout, Rrset, layout_of, rrset_next
from nsblast._core.status cimport ABSENT, CORRUPT, OK, TRUNCATED
from nsblast._core.suffix cimport Suffixes, suffixes_clear, suffixes_forget, suffixes_learn, suffixes_put
from nsblast._core.tails cimport TAIL_QUESTION, Tail, Wanted, tail_begin, tail_keep, tail_write
from nsblast._core.txn cimport TCP
from nsblast._core.wire cimport (
    Reader, Writer, invariant, reader_bad, reader_here, reader_left, reader_open, reader_take, writer_bytes, writer_open,
    writer_patch_u16, writer_peek_u16, writer_rewind, writer_rr, writer_rr_head, writer_u8,
)

cdef enum:
    POINTER = 0xc000
    QUESTION_TAIL = 4       # octets of a question after its name
    SECTIONS = 3


cdef struct Pen:                # what encode carries from RRset to RRset
    Writer* w
    Suffixes* known
    uint32_t question_at        # where the question's name stands, 0 = no question
    const uint8_t* owner        # the owner name written last, NULL = none
    uint16_t owner_len
    uint16_t owner_is           # the pointer that stands for it
    uint16_t counts[3]          # RRs written, by section


cdef inline void open_message(Txn* txn, uint32_t limit) noexcept nogil:
    """Header and question as they came; w.bad when even that does not fit."""
    writer_open(&txn.w, txn.out, limit)
    writer_bytes(&txn.w, txn.packet, txn.question_end)


cdef void close_message(Txn* txn, const EdnsConfig* config, const uint16_t* counts) noexcept nogil:
    """OPT, then flags and counts: the answer is done."""
    cdef Writer* w = &txn.w
    cdef uint16_t additional = counts[SECTION_ADDITIONAL]
    cdef bint asked = txn.has_question and w.at > HEADER_OCTETS
    cdef uint32_t flags = FLAG_QR | (txn.flags & ((OPCODE_MASK << OPCODE_SHIFT) | FLAG_RD))
    w.limit = txn.limit
    if txn.edns.present:
        edns_write(&txn.edns, config, txn.transport == TCP, txn.rcode, w)
        if w.bad:
            writer_rewind(w, w.at)
        else:
            additional += 1
    if txn.aa:
        flags |= FLAG_AA
    if txn.tc:
        flags |= FLAG_TC
    writer_patch_u16(w, HEADER_FLAGS, <uint16_t> (flags | (txn.rcode & RCODE_MASK)))
    writer_patch_u16(w, HEADER_QDCOUNT, 1 if asked else 0)
    writer_patch_u16(w, HEADER_ANCOUNT, counts[SECTION_ANSWER])
    writer_patch_u16(w, HEADER_NSCOUNT, counts[SECTION_AUTHORITY])
    writer_patch_u16(w, HEADER_ARCOUNT, additional)
    txn.answer_len = w.at


cdef inline void know_question(Pen* pen) noexcept nogil:
    """The question's suffixes are learned when the first name is at hand: most answers need none."""
    if pen.known.count == 0 and pen.question_at:
        suffixes_learn(pen.known, pen.w, pen.question_at)


cdef inline void put_name(Pen* pen, const uint8_t* name, uint32_t length) noexcept nogil:
    """A name, compressed."""
    know_question(pen)
    suffixes_put(pen.known, pen.w, name, length, True)


cdef inline uint16_t known_owner(const Pen* pen, const Item* item) noexcept nogil:
    """The pointer that stands for the item's owner name, 0 when it must be written."""
    if item.owner_len <= 1:
        return 0                            # the root is shorter than a pointer
    if HEADER_OCTETS <= item.owner_at < pen.w.at and item.owner_at <= POINTER_MAX:
        return <uint16_t> (POINTER | item.owner_at)
    if item.owner == pen.owner and item.owner_len == pen.owner_len:
        return pen.owner_is
    return 0


cdef uint16_t put_owner(Pen* pen, const Item* item) noexcept nogil:
    """Write the owner name; the pointer that stands for it from now on, 0 when there is none."""
    cdef Writer* w = pen.w
    cdef uint32_t at = w.at
    put_name(pen, item.owner, item.owner_len)
    if w.bad or at > POINTER_MAX or item.owner_len <= 1:
        return 0
    pen.owner = item.owner
    pen.owner_len = item.owner_len
    # A name that became a pointer is stood for by that pointer, not by one to it.
    pen.owner_is = writer_peek_u16(w, at) if w.at - at == 2 else <uint16_t> (POINTER | at)
    return pen.owner_is


cdef Status put_names(Pen* pen, const Layout* layout, const uint8_t* rdata, uint16_t rdlength) noexcept nogil:
    """Rdata with compressible names, its length before it made good: OK (or w.bad), or CORRUPT."""
    cdef Writer* w = pen.w
    cdef uint32_t start = w.at
    cdef uint32_t size
    cdef Reader r
    cdef uint8_t _i
    cdef const uint8_t* part
    reader_open(&r, rdata, rdlength)
    part = reader_take(&r, layout.skip)
    if reader_bad(&r):
        return CORRUPT
    writer_bytes(w, part, layout.skip)
    for _i in range(layout.names):
        part = reader_here(&r)
        size = name_span(part, reader_left(&r))
        if size == 0:
            return CORRUPT
        put_name(pen, part, size)
        reader_take(&r, size)
    size = reader_left(&r)
    writer_bytes(w, reader_take(&r, size), size)
    if not w.bad:
        writer_patch_u16(w, start - 2, <uint16_t> (w.at - start))
    return OK


cdef Status put_rrset(Pen* pen, const Item* item) noexcept nogil:
    """All RRs of an item: OK, TRUNCATED (the caller rewinds), or CORRUPT."""
    cdef Writer* w = pen.w
    cdef Rrset rrset = item.rrset
    cdef uint16_t rrtype = rrset.type
    cdef uint32_t ttl = rrset.ttl
    cdef uint16_t owner = known_owner(pen, item)
    cdef uint16_t rdlength = 0
    cdef uint32_t written = 0
    cdef Layout layout
    cdef const uint8_t* rdata
    if item.flags & ITEM_CAPPED and item.ttl < ttl:
        ttl = item.ttl
    if item.flags & ITEM_SYNTH:
        reader_open(&rrset.rrs, NULL, 0)
        rrset.count = 0
    layout.skip = 0
    layout.names = 0
    layout.compress = False
    if rrtype != TYPE_A and rrtype != TYPE_AAAA and rrtype != TYPE_RRSIG and rrtype != TYPE_SIG:
        layout = layout_of(rrtype)
    while True:
        if item.flags & ITEM_SYNTH:
            rdata = item.synth if written == 0 else NULL
            rdlength = item.synth_len
        else:
            rdata = rrset_next(&rrset, &rdlength)
        if rdata == NULL:
            break
        if owner and not layout.compress:
            writer_rr(w, owner, rrtype, CLASS_IN, ttl, rdata, rdlength)
        else:
            if owner:
                writer_u8(w, <uint8_t> (owner >> 8))
                writer_u8(w, <uint8_t> (owner & 0xff))
            else:
                owner = put_owner(pen, item)
            writer_rr_head(w, rrtype, CLASS_IN, ttl, rdlength)
            if not layout.compress:
                writer_bytes(w, rdata, rdlength)
            elif put_names(pen, &layout, rdata, rdlength) != OK:
                return CORRUPT
        if w.bad:
            return TRUNCATED
        # A target that may not be compressed itself can still be pointed to, by the address records that follow.
        if layout.names and not layout.compress and rdlength > layout.skip:
            know_question(pen)
            suffixes_learn(pen.known, w, w.at - rdlength + layout.skip)
        written += 1
    if rrset.count or reader_bad(&rrset.rrs) or written == 0:
        return CORRUPT
    pen.counts[item.section] += <uint16_t> written
    return OK


cdef void take_back(Pen* pen, uint32_t at) noexcept nogil:
    """Forget what was written from `at` on."""
    writer_rewind(pen.w, at)
    suffixes_forget(pen.known, at)
    pen.owner = NULL


cdef Status put_items(Txn* txn, Pen* pen, uint8_t section) noexcept nogil:
    """The items of one section in plan order, or of all when they stand in order (section = SECTIONS)."""
    cdef const Item* item
    cdef const uint8_t* left_out = NULL     # owner of the additional RRset just left out
    cdef uint32_t at
    cdef uint16_t i
    cdef Status status
    for i in range(txn.work.plan.count):
        item = &txn.work.plan.item[i]
        if item.section >= SECTIONS:
            return CORRUPT
        if section != SECTIONS and item.section != section:
            continue
        if item.rrset.type == TYPE_RRSIG and left_out != NULL and item.owner == left_out:
            continue
        left_out = NULL
        at = pen.w.at
        status = put_rrset(pen, item)
        if status == OK:
            continue
        take_back(pen, at)
        if status != TRUNCATED:
            return CORRUPT
        if item.section != SECTION_ADDITIONAL:
            txn.tc = True
            break
        left_out = item.owner
        if item.flags & ITEM_MUST and item.rrset.type != TYPE_RRSIG:
            txn.tc = True
    return OK


cdef Status put_plan(Txn* txn, Pen* pen) noexcept nogil:
    """All items that fit, section by section; sets txn.tc. OK or CORRUPT."""
    cdef uint8_t section
    cdef Status status
    if not txn.work.plan.mixed:
        return put_items(txn, pen, SECTIONS)
    for section in range(SECTIONS):
        status = put_items(txn, pen, section)
        if status != OK:
            return status
        if txn.tc and section != SECTION_ADDITIONAL:
            break
    return OK


cdef Status put_negative(Txn* txn, Pen* pen) noexcept nogil:
    """The one item of the plan when it is the SOA of a negative answer, from a tail kept (tails.pxd) where that may be.

    OK: it is written. ABSENT: it is not, and encoding goes its ordinary way. CORRUPT.
    """
    cdef Item* item = &txn.work.plan.item[0]
    cdef Rrset peek = item.rrset
    cdef uint32_t at = pen.w.at
    cdef Wanted wanted
    cdef Tail* tail
    cdef Status status
    wanted.rdata_len = 0
    wanted.apex_len = item.owner_len
    if peek.count != 1 or item.owner_len <= 1 or item.owner_at < HEADER_OCTETS \
            or <uint32_t> item.owner_at + item.owner_len + QUESTION_TAIL != at or txn.qname.labels > TAIL_QUESTION \
            or txn.apex > txn.qname.labels or txn.qname.len - txn.qname.at[txn.apex] != item.owner_len:
        return ABSENT
    wanted.hash = txn.qname.hash[txn.apex]
    wanted.apex = txn.packet + item.owner_at
    wanted.left = NULL
    if txn.apex < txn.qname.labels:
        wanted.left = txn.packet + HEADER_OCTETS + txn.qname.at[txn.apex + 1]
    wanted.rdata = rrset_next(&peek, &wanted.rdata_len)
    wanted.ttl = item.ttl
    if wanted.rdata == NULL:
        return CORRUPT
    if tail_write(&txn.work.tails, &wanted, pen.w):
        pen.counts[item.section] = 1
        return OK
    tail = tail_begin(&txn.work.tails, &wanted)
    if tail == NULL:
        return ABSENT
    # What is kept is encoded from the tail's own copy: what lies in shared memory may be another thing the next moment.
    reader_open(&item.rrset.rrs, tail.rdata, <uint32_t> wanted.rdata_len + 2)
    status = put_rrset(pen, item)
    if status == OK:
        tail_keep(tail, &wanted, txn.out + at, pen.w.at - at, at)
    elif status == TRUNCATED:
        take_back(pen, at)
        txn.tc = True
        return OK
    return status


cdef Status encode(Txn* txn, const EdnsConfig* config) noexcept nogil:
    cdef Pen pen
    cdef Status status = ABSENT
    cdef uint32_t reserve = edns_size(&txn.edns, config, txn.transport == TCP)
    cdef uint8_t i
    txn.tc = txn.work.plan.full
    txn.answer_len = 0
    open_message(txn, txn.limit - reserve if reserve <= txn.limit else 0)
    if txn.w.bad:
        encode_bare(txn, config)
        return OK
    suffixes_clear(&txn.work.suffixes)
    pen.w = &txn.w
    pen.known = &txn.work.suffixes
    pen.question_at = HEADER_OCTETS if txn.has_question else 0
    pen.owner = NULL
    pen.owner_len = 0
    pen.owner_is = 0
    for i in range(SECTIONS):
        pen.counts[i] = 0
    if txn.work.plan.count == 1 and txn.work.plan.item[0].flags & ITEM_CAPPED:
        status = put_negative(txn, &pen)
    if status == ABSENT:
        status = put_plan(txn, &pen)
    if status != OK:
        txn.tc = False
        return CORRUPT
    close_message(txn, config, pen.counts)
    invariant(txn.answer_len <= txn.limit)
    return OK


cdef void encode_bare(Txn* txn, const EdnsConfig* config) noexcept nogil:
    cdef uint16_t counts[3]
    cdef uint8_t i
    for i in range(SECTIONS):
        counts[i] = 0
    open_message(txn, txn.limit)
    if txn.w.bad:                       # a room smaller than any this server offers: at least the header
        writer_rewind(&txn.w, 0)
        writer_bytes(&txn.w, txn.packet, HEADER_OCTETS)
        if txn.w.bad:
            txn.answer_len = 0
            return
    close_message(txn, config, counts)


cdef void encode_chaos(Txn* txn, const EdnsConfig* config, const unsigned char* text, unsigned char length) noexcept nogil:
    cdef uint16_t counts[3]
    cdef uint32_t reserve = edns_size(&txn.edns, config, txn.transport == TCP)
    cdef uint32_t at
    cdef uint8_t i
    cdef Writer* w = &txn.w
    for i in range(SECTIONS):
        counts[i] = 0
    open_message(txn, txn.limit - reserve if reserve <= txn.limit else 0)
    if not txn.has_question or w.bad:
        encode_bare(txn, config)
        return
    at = w.at
    writer_u8(w, POINTER >> 8)
    writer_u8(w, HEADER_OCTETS)
    writer_rr_head(w, TYPE_TXT, CLASS_CH, 0, <uint16_t> (length + 1))
    writer_u8(w, length)
    writer_bytes(w, text, length)
    if w.bad:
        writer_rewind(w, at)
        txn.tc = True
    else:
        counts[SECTION_ANSWER] = 1
    close_message(txn, config, counts)
