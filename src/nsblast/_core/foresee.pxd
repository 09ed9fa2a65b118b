# What the answers of a batch will read is fetched into the processor's cache before it is read, in passes over the batch.
#
# Owns: guessing which buckets and blocks those are: of the name asked for, of its parent (a cut above it, the apex above a
# host), of the names that NS, MX and SRV lead to. Never: what an answer says. A wrong guess costs time only, so nothing
# here is proved, and what is read may be torn: it is read through bounded readers and decides nothing.

from libc.stdint cimport uint32_t, uint64_t

from nsblast._core.nodes cimport Sources
from nsblast._core.shm cimport Map
from nsblast._core.txn cimport Txn

cdef enum:
    FORESEEN = 256          # names of additional data one batch fetches ahead
    A_NAME = 4              # of them for one packet


cdef struct Ahead:
    uint64_t own[64]        # by packet of the batch: place of the block of the name asked for, 0 = not cached
    uint64_t above[64]      # of its parent's
    uint64_t target[256]    # hashes of names that additional data will be asked of
    uint32_t targets


# The passes, in this order, each over all packets before the next; i is the packet's place in the batch, below 64.
cdef void foresee_buckets(const Map* map, const Txn* txn) noexcept nogil
cdef void foresee_blocks(const Map* map, const Txn* txn, uint32_t i, Ahead* ahead) noexcept nogil
cdef void foresee_targets(const Sources* src, Txn* txn, uint32_t i, Ahead* ahead) noexcept nogil
cdef void foresee_target_blocks(const Map* map, const Ahead* ahead) noexcept nogil
