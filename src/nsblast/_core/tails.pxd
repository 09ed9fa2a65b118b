# SOA records of negative answers as they were encoded before, for the next answer that holds nothing else.
#
# A tail is a function of octets alone: the apex as it stands in the question, the SOA's rdata, the TTL. These are
# compared each time, so nothing here can be stale and no change of a zone need be told. Where the question ends, and so
# every offset, is one number: the compression pointers are moved by the difference.
# Owns: the table, what may be kept. Never: reads shared memory more than once for what it keeps.
# RFC 1035 4.1.4, 2308 3.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from nsblast._core.wire cimport Writer

cdef enum:
    TAILS = 128             # slots, by the apex; power of two
    TAIL_APEX = 64          # octets of an apex, of rdata and of a tail that is kept; a larger one is encoded each time
    TAIL_RDATA = 160
    TAIL_OCTETS = 136
    TAIL_QUESTION = 16      # labels of the question's name at most: more, and the table of suffixes might not hold all


cdef struct Tail:
    uint32_t tag            # of the apex asked for last, which need not be the one kept
    uint32_t ttl
    uint16_t question_end   # of the answer it was taken from
    uint16_t length         # of octets, 0 = nothing is kept
    uint16_t rdata_len
    uint8_t apex_len
    uint8_t pointers        # 1..3
    uint8_t pointer[4]      # where in octets
    uint8_t beside[2]       # labels of octets that stand directly left of the apex, 0 = none
    uint8_t apex[64]
    uint8_t octets[136]
    uint8_t rdata[164]      # two octets of length, as in an entry, then rdata


cdef struct Tails:
    Tail tail[128]


cdef struct Wanted:         # what a tail is found by
    uint64_t hash           # of the apex
    const uint8_t* apex     # in the question, spelled as it is there
    const uint8_t* left     # the label left of it in the question, NULL = none
    const uint8_t* rdata    # may lie in shared memory
    uint32_t ttl
    uint16_t rdata_len
    uint8_t apex_len        # 2..


# The record, written from a tail that is kept: True, or False and nothing is written.
cdef bint tail_write(const Tails* tails, const Wanted* wanted, Writer* w) noexcept nogil
# The record is to be encoded: NULL, or the tail to keep it in, whose own copy of the rdata must be what is encoded.
cdef Tail* tail_begin(Tails* tails, const Wanted* wanted) noexcept nogil
# It was encoded: length octets that begin at octets, the question's end.
cdef void tail_keep(Tail* tail, const Wanted* wanted, const uint8_t* octets, uint32_t length, uint32_t question_end) noexcept nogil
