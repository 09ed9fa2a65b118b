"""Negative answers' SOA records, kept as encoded (tails.pxd).

Kept is what does not depend on the question but for the place of the apex in it. A name of the SOA that goes on to the left
of the apex with the very label the question has there could be pointed to further left: such a question is encoded
anew, so that an answer's octets never tell what was asked before.
A zone is kept when it is asked for twice in a row of those that share its slot: a flood over many zones keeps nothing.
"""

from libc.string cimport memcmp, memcpy

from nsblast._core.proto cimport POINTER_MARK
from nsblast._core.wire cimport writer_left, writer_take

cdef enum:
    HEAD = 12               # octets of a record before its rdata, the owner being a pointer
    NUMBERS = 20            # octets of a SOA after its two names
    LABELS = 40             # of the two names as written: with the question's, the table of suffixes holds all


cdef inline uint32_t tag_of(uint64_t hash) noexcept nogil:
    return <uint32_t> (hash >> 32) | 1


cdef inline bint same_label(const uint8_t* a, const uint8_t* b) noexcept nogil:
    """Both have their octets: one in the question, one in a tail."""
    return a[0] == b[0] and memcmp(a, b, <size_t> a[0] + 1) == 0


cdef inline bint goes_on(const Tail* tail, const uint8_t* left) noexcept nogil:
    """Whether a name of the SOA and the question share the label left of the apex."""
    if left == NULL:
        return False
    return tail.beside[0] != 0 and same_label(left, tail.octets + tail.beside[0]) \
        or tail.beside[1] != 0 and same_label(left, tail.octets + tail.beside[1])


cdef bint tail_write(const Tails* tails, const Wanted* wanted, Writer* w) noexcept nogil:
    cdef const Tail* tail = &tails.tail[wanted.hash & (TAILS - 1)]
    cdef uint8_t* p
    cdef uint8_t* at
    cdef uint32_t i, to
    cdef uint32_t moved = w.at - tail.question_end
    if tail.length == 0 or tail.ttl != wanted.ttl or tail.apex_len != wanted.apex_len or tail.rdata_len != wanted.rdata_len \
            or memcmp(tail.apex, wanted.apex, tail.apex_len) != 0 \
            or memcmp(tail.rdata + 2, wanted.rdata, tail.rdata_len) != 0 \
            or goes_on(tail, wanted.left) or tail.length > writer_left(w):
        return False
    p = writer_take(w, tail.length)
    if p == NULL:
        return False
    memcpy(p, tail.octets, tail.length)
    for i in range(tail.pointers):
        at = p + tail.pointer[i]
        to = ((<uint32_t> at[0] << 8) | at[1]) + moved      # 0xc000 and the offset: far from carrying into each other
        at[0] = <uint8_t> ((to >> 8) & 0xff)
        at[1] = <uint8_t> (to & 0xff)
    return True


cdef Tail* tail_begin(Tails* tails, const Wanted* wanted) noexcept nogil:
    cdef Tail* tail = &tails.tail[wanted.hash & (TAILS - 1)]
    cdef uint32_t tag = tag_of(wanted.hash)
    if tail.tag != tag:
        tail.tag = tag
        return NULL
    if wanted.rdata_len > TAIL_RDATA or wanted.apex_len > TAIL_APEX or tail.apex_len == wanted.apex_len \
            and tail.length and goes_on(tail, wanted.left):
        return NULL                     # too large; or what is kept stays good for other questions
    tail.length = 0
    tail.rdata[0] = <uint8_t> (wanted.rdata_len >> 8)
    tail.rdata[1] = <uint8_t> (wanted.rdata_len & 0xff)
    memcpy(tail.rdata + 2, wanted.rdata, wanted.rdata_len)
    return tail


cdef void tail_keep(Tail* tail, const Wanted* wanted, const uint8_t* octets, uint32_t length, uint32_t question_end) noexcept nogil:
    cdef uint32_t apex_at = question_end - 4 - wanted.apex_len
    cdef uint32_t at = HEAD
    cdef uint32_t labels = 0
    cdef uint32_t last, to, size
    cdef uint8_t i
    if length > TAIL_OCTETS or length < HEAD + NUMBERS:
        return
    tail.pointers = 1
    tail.pointer[0] = 0
    for i in range(2):
        tail.beside[i] = 0
        last = 0
        while True:
            if at >= length - NUMBERS:
                return
            size = octets[at]
            if size == 0:
                at += 1
                break
            if size >= POINTER_MARK:
                to = ((size & 0x3f) << 8) | octets[at + 1]
                if to < apex_at:
                    return              # to the left of the apex: another question has something else there
                if to == apex_at:
                    tail.beside[i] = <uint8_t> last
                tail.pointer[tail.pointers] = <uint8_t> at
                tail.pointers += 1
                at += 2
                break
            last = at
            labels += 1
            at += size + 1
    if at + NUMBERS != length or labels > LABELS or octets[0] < POINTER_MARK:
        return
    memcpy(tail.octets, octets, length)
    memcpy(tail.apex, wanted.apex, wanted.apex_len)
    tail.apex_len = wanted.apex_len
    tail.rdata_len = wanted.rdata_len
    tail.ttl = wanted.ttl
    tail.question_end = <uint16_t> question_end
    tail.length = <uint16_t> length
    if goes_on(tail, wanted.left):
        tail.length = 0
