# Name compression (RFC 1035 4.1.4): which suffixes already stand in the message, and where.
#
# Owns: a small table of suffixes. Match is exact to the octet, so that stored spelling survives (RFC 4343);
# only offsets below 0x4000 are pointed to. The root is never kept: a pointer is longer than it.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from nsblast._core.wire cimport Writer

cdef enum:
    SUFFIX_SLOTS = 64       # suffixes remembered; later ones are written in full


cdef struct Suffixes:
    uint16_t count          # slots in use, 0..64, the first ones
    uint16_t at[64]         # offset of the suffix in the message, 12..0x3fff
    uint32_t tag[64]        # what tells most suffixes apart at a glance: length, first label's size, its ends


cdef inline void suffixes_clear(Suffixes* s) noexcept nogil:
    s.count = 0


# Makes the suffixes of the uncompressed name that stands at w.base[at] known. A malformed one teaches nothing.
cdef void suffixes_learn(Suffixes* s, const Writer* w, uint32_t at) noexcept nogil
# Forgets what stands at or after `at` (the message was cut back).
cdef void suffixes_forget(Suffixes* s, uint32_t at) noexcept nogil
# Writes the uncompressed, well-formed name of `length` octets, compressed where a suffix is known when `compress`,
# and learns its new suffixes. w.bad when it does not fit or the name is malformed; nothing is written or learned then.
cdef void suffixes_put(Suffixes* s, Writer* w, const uint8_t* name, uint32_t length, bint compress) noexcept nogil
# Whether the name at this place of the message (whole, or ending in a pointer to a lower place) spells the suffix.
cdef bint spells(const Writer* w, uint32_t place, const uint8_t* suffix) noexcept nogil
