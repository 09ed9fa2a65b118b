# The shared entry cache, the readers' half: find the block of a name, prove afterwards that it stood still.
#
# Owns: buckets, blocks, the arena (the writer's half is the Python class Segment). Keyed by hash, the name compared in full.
# Never: zones, filters, the meaning of a blob.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from nsblast._core.shm cimport Bucket, Map
from nsblast._core.status cimport Status


cdef struct Seen:           # what a reader relies on, to be proved at the end
    const Bucket* bucket    # NULL = private memory, nothing to prove
    uint32_t version
    uint64_t stamp
    const uint8_t* name     # in the arena, name_len octets
    const uint8_t* blob
    uint32_t blob_len       # 0 = certainly absent
    uint32_t name_len


cdef void entries_prefetch(const Map* map, uint64_t hash) noexcept nogil            # the bucket
cdef void entries_prefetch_block(const Map* map, uint64_t hash) noexcept nogil      # the block its tag points to
# OK: seen is filled (blob_len may be 0); ABSENT: not cached; BUSY: the bucket would not stand still.
cdef Status entries_find(const Map* map, uint64_t hash, const uint8_t* name, uint32_t length, Seen* seen) noexcept nogil
cdef bint entries_stood_still(const Seen* seen) noexcept nogil
