# How much of the arena which commits keep pinned: a block is pinned until every worker has reached its commit.
#
# Owns: the sums. Never: the blocks (a block knows its commit, and Head.released how far all workers are: arena.pyx).

from libc.stdint cimport uint64_t


cdef struct Pins:           # of one commit
    uint64_t commit
    uint64_t octets
    uint64_t blocks


cdef struct PinList:
    Pins* commits           # ascending by commit
    uint64_t count
    uint64_t room           # elements allocated
    uint64_t octets         # of all
    uint64_t blocks


# A pinned block of this commit got linked. Without memory for the list it stays pinned, only uncounted.
cdef void pins_add(PinList* pins, uint64_t commit, uint64_t octets) noexcept nogil
# A pinned block of this commit is gone: a later commit replaced it.
cdef void pins_take(PinList* pins, uint64_t commit, uint64_t octets) noexcept nogil
# Nothing up to this commit is pinned any more.
cdef void pins_drop(PinList* pins, uint64_t commit) noexcept nogil
cdef void pins_free(PinList* pins) noexcept nogil
