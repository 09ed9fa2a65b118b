# Stage 5: after an answer, the counters and the query log. Never changes an answer, never waits.

from libc.stdint cimport int64_t, uint64_t
from posix.time cimport timespec

from nsblast._core.querylog cimport Log
from nsblast._core.shm cimport WorkerSlot
from nsblast._core.txn cimport Txn

# One packet has been answered (or met with silence) by respond, resume or turn_down. slot and log may be NULL;
# since: when it came, by CLOCK_MONOTONIC; the clock is read again only for what is logged.
cdef void tally(const Txn* txn, WorkerSlot* slot, Log* log, const timespec* since) noexcept nogil

cdef inline uint64_t elapsed(const timespec* start, const timespec* end) noexcept nogil:
    """Nanoseconds, 0 where the start lies behind the end."""
    cdef int64_t ns = <int64_t> (end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec
    return <uint64_t> ns if ns > 0 else 0
