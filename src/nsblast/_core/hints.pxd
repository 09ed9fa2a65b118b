# Where in a zone's NSEC or NSEC3 chain a search had best begin: owner keys of one worker, in order.
#
# Owns: a bounded, ordered set of (zone, key). Never: whether a key's owner still exists: what reads a hint looks at the entry
# behind it and believes nothing else (chain.pyx), so hints may be old, and none is ever told of a change.
# A directory of pages in order; a page has up to PAGE_HINTS hints in order. When no page is free, every second hint goes: what is
# left still leads near any place of the chain.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef enum:
    HINT_KEY = 71           # octets of the longest key kept; longer ones are not
    PAGE_HINTS = 32


cdef struct Hint:           # 80 octets
    uint64_t zone           # hash that stands for one chain of one zone
    uint8_t len             # 1..HINT_KEY
    uint8_t key[71]         # the owner key's rest, below the zone's apex; zeroes follow


cdef struct Page:
    Hint hint[32]


cdef struct Sign:           # of the directory
    uint64_t zone           # of the page's first hint
    uint64_t front          # first eight octets of its key, as a number
    uint32_t page
    uint32_t count          # hints in the page, 1..PAGE_HINTS


cdef struct Hints:
    Page* pages
    Sign* signs             # used ones first, in order
    uint32_t* spare         # pages not in use, a stack
    uint32_t room           # pages there are, 0 = no hints are kept
    uint32_t n_signs
    uint32_t n_spare


# Memory for `octets` of hints (taken from the system as it fills); False when there is none.
cdef bint hints_open(Hints* hints, uint64_t octets) noexcept nogil
cdef void hints_close(Hints* hints) noexcept nogil
# The last hint of the zone at or before a key, or NULL; valid until the next change.
cdef const Hint* hints_before(const Hints* hints, uint64_t zone, const uint8_t* key, uint32_t length) noexcept nogil
# Keep a key, unless it is there or too long.
cdef void hints_put(Hints* hints, uint64_t zone, const uint8_t* key, uint32_t length) noexcept nogil
cdef void hints_drop(Hints* hints, uint64_t zone, const uint8_t* key, uint32_t length) noexcept nogil
# Whether more than half of the pages are in use: then only hints that spare many steps are worth their place.
cdef bint hints_short(const Hints* hints) noexcept nogil
