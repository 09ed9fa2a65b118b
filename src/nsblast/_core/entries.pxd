# The shared entry cache, the readers' half: find the block of a name, prove afterwards that it stood still.
#
# Owns: reading buckets and blocks (the writer's half is arena.pyx). Keyed by hash, the name compared in full.
# Never: zones, filters, the meaning of a blob.
# Home bucket = high part of hash x number of buckets, tag = low 24 bits: they share no bit below 2**40 buckets.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from nsblast._core.shm cimport Bucket, Map
from nsblast._core.status cimport Status

cdef enum:
    OFFSET_BITS = 40        # of a way; the tag stands above


cdef struct Seen:           # what a reader relies on, to be proved at the end
    const Bucket* bucket    # NULL = private memory, nothing to prove
    uint32_t version
    uint64_t stamp
    const uint8_t* name     # in the arena, name_len octets
    const uint8_t* blob     # in the arena, blob_len octets, always inside it
    uint32_t blob_len       # 0 = certainly absent
    uint32_t name_len


cdef inline uint64_t way_tag(uint64_t hash) noexcept nogil:
    """The tag of a hash, where it stands in a way."""
    return (hash & 0xffffff) << OFFSET_BITS


cdef inline uint64_t way_unit(uint64_t way) noexcept nogil:
    """Offset of a way's block in units of 8 octets, 0 = the way is free."""
    return way & ((<uint64_t> 1 << OFFSET_BITS) - 1)


cdef void entries_prefetch(const Map* map, uint64_t hash) noexcept nogil            # the bucket
# The block its tag points to, in units of 8 octets; 0 = none in the home bucket. Prefetched, not looked at.
cdef uint64_t entries_prefetch_block(const Map* map, uint64_t hash) noexcept nogil
# Whatever stands at such a place: nothing in `seen` is proved but that it lies inside the arena. For hints only.
cdef bint entries_peek(const Map* map, uint64_t unit, Seen* seen) noexcept nogil
# OK: seen is filled (blob_len may be 0); ABSENT: not cached; BUSY: the bucket would not stand still.
# Notes the use when head.pressure is set.
cdef Status entries_find(const Map* map, uint64_t hash, const uint8_t* name, uint32_t length, Seen* seen) noexcept nogil
# Whether what entries_find gave was true all the time since. All that was read through `seen` must be read before.
cdef bint entries_stood_still(const Seen* seen) noexcept nogil
