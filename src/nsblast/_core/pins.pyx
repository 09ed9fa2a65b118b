"""Sums of pinned octets by commit (pins.pxd)."""

from libc.stdlib cimport free, realloc
from libc.string cimport memmove, memset


cdef uint64_t first_from(const PinList* pins, uint64_t commit) noexcept nogil:
    """Index of the first element not below this commit."""
    cdef uint64_t low = 0
    cdef uint64_t high = pins.count
    cdef uint64_t middle
    while low < high:
        middle = (low + high) // 2
        if pins.commits[middle].commit < commit:
            low = middle + 1
        else:
            high = middle
    return low


cdef void pins_add(PinList* pins, uint64_t commit, uint64_t octets) noexcept nogil:
    cdef uint64_t i = first_from(pins, commit)
    cdef Pins* grown
    if i == pins.count or pins.commits[i].commit != commit:
        if pins.count == pins.room:
            grown = <Pins*> realloc(pins.commits, (pins.room * 2 + 64) * sizeof(Pins))
            if grown == NULL:
                return
            pins.commits = grown
            pins.room = pins.room * 2 + 64
        memmove(pins.commits + i + 1, pins.commits + i, (pins.count - i) * sizeof(Pins))
        memset(pins.commits + i, 0, sizeof(Pins))
        pins.commits[i].commit = commit
        pins.count += 1
    pins.commits[i].octets += octets
    pins.commits[i].blocks += 1
    pins.octets += octets
    pins.blocks += 1


cdef void pins_take(PinList* pins, uint64_t commit, uint64_t octets) noexcept nogil:
    cdef uint64_t i = first_from(pins, commit)
    if i < pins.count and pins.commits[i].commit == commit and pins.commits[i].blocks:
        pins.commits[i].octets -= octets
        pins.commits[i].blocks -= 1
        pins.octets -= octets
        pins.blocks -= 1


cdef void pins_drop(PinList* pins, uint64_t commit) noexcept nogil:
    cdef uint64_t i
    cdef uint64_t count = 0
    while count < pins.count and pins.commits[count].commit <= commit:
        count += 1
    for i in range(count):
        pins.octets -= pins.commits[i].octets
        pins.blocks -= pins.commits[i].blocks
    pins.count -= count
    if count:
        memmove(pins.commits, pins.commits + count, pins.count * sizeof(Pins))


cdef void pins_free(PinList* pins) noexcept nogil:
    free(pins.commits)
    memset(pins, 0, sizeof(PinList))
