# Stage 5: after an answer, the counters and the query log. Never changes an answer, never waits.

from libc.stdint cimport uint32_t

from nsblast._core.querylog cimport Log
from nsblast._core.shm cimport WorkerSlot
from nsblast._core.txn cimport Txn

# One packet has been answered (or met with silence) by respond, resume or turn_down. slot and log may be NULL;
# latency in nanoseconds, 0 = not known.
cdef void tally(const Txn* txn, WorkerSlot* slot, Log* log, uint32_t latency_ns) noexcept nogil
