"""The readers' half of the entry cache (entries.pxd).

Invariants: nothing a torn or stale read can yield leads outside the arena: offsets and lengths are tested against its size
before they are used. ABSENT is only said when every bucket looked at stood still while it was looked at.
"""

from libc.string cimport memcmp

from nsblast._core.shm cimport BUCKET_REACH, BUCKET_WAYS, Block, fence_acquire, load8, load16, load32, load32_acquire, load64
from nsblast._core.shm cimport pause, place, prefetch, store8

cdef enum:
    SPINS = 100             # looks at a bucket under change: far more than one change takes


cdef void entries_prefetch(const Map* map, uint64_t hash) noexcept nogil:
    if map.base != NULL:
        prefetch(map.buckets + place(hash, map.n_buckets))


cdef uint64_t entries_prefetch_block(const Map* map, uint64_t hash) noexcept nogil:
    cdef const Bucket* bucket
    cdef uint64_t way, tag = way_tag(hash)
    cdef uint32_t i
    if map.base == NULL:
        return 0
    bucket = map.buckets + place(hash, map.n_buckets)
    for i in range(<uint32_t> BUCKET_WAYS):
        way = load64(&bucket.way[i])
        if (way ^ tag) >> OFFSET_BITS == 0 and way_unit(way) and way_unit(way) < map.arena_units:
            prefetch(map.arena + way_unit(way) * 8)
            prefetch(map.arena + way_unit(way) * 8 + 64)    # a hint may point past the end: it never faults
            return way_unit(way)
    return 0


cdef bint entries_peek(const Map* map, uint64_t unit, Seen* seen) noexcept nogil:
    cdef uint64_t at = unit * 8
    cdef uint64_t left
    cdef const Block* block
    if unit == 0 or at >= map.arena_size or map.arena_size - at < sizeof(Block) + 256:
        return False
    block = <const Block*> (map.arena + at)
    left = map.arena_size - at - sizeof(Block)
    seen.bucket = NULL
    seen.stamp = 0
    seen.name = <const uint8_t*> block + sizeof(Block)
    seen.name_len = load8(&block.name_len)
    seen.blob = seen.name + seen.name_len
    seen.blob_len = load32(&block.blob_len)
    return seen.blob_len <= left - seen.name_len


cdef inline bint same_name(const Map* map, uint64_t unit, const uint8_t* name, uint32_t length, Seen* seen) noexcept nogil:
    """Whether the block at `unit` is this name's; fills in all of `seen` but the bucket."""
    cdef uint64_t at = unit * 8
    cdef const Block* block
    cdef uint32_t blob_len
    if at >= map.arena_size or map.arena_size - at < sizeof(Block) + length:
        return False
    block = <const Block*> (map.arena + at)
    if load8(&block.name_len) != length or memcmp(<const uint8_t*> block + sizeof(Block), name, length) != 0:
        return False
    blob_len = load32(&block.blob_len)
    if map.arena_size - at - sizeof(Block) - length < blob_len:
        return False
    seen.stamp = load64(&block.stamp)
    seen.name = <const uint8_t*> block + sizeof(Block)
    seen.name_len = length
    seen.blob = seen.name + length
    seen.blob_len = blob_len
    return True


cdef Status entries_find(const Map* map, uint64_t hash, const uint8_t* name, uint32_t length, Seen* seen) noexcept nogil:
    cdef uint64_t tag = way_tag(hash)
    cdef uint64_t at, way
    cdef const Bucket* bucket
    cdef uint32_t version, i, spins
    cdef uint32_t step = 0
    cdef uint32_t reach = 0
    if map.base == NULL:
        return Status.ABSENT
    at = place(hash, map.n_buckets)
    while True:
        bucket = map.buckets + at
        spins = 0
        while True:
            version = load32_acquire(&bucket.version)
            if version & 1 == 0:
                if step == 0:
                    reach = load16(&bucket.reach)
                for i in range(<uint32_t> BUCKET_WAYS):
                    way = load64(&bucket.way[i])
                    if (way ^ tag) >> OFFSET_BITS == 0 and way_unit(way) \
                            and same_name(map, way_unit(way), name, length, seen):
                        seen.bucket = bucket
                        seen.version = version
                        # Only the first reader of a round writes, so that the marks' lines stay shared.
                        if load64(&map.head.pressure) and map.used != NULL and not load8(map.used + at * 8 + i):
                            store8(map.used + at * 8 + i, 1)
                        return Status.OK
                fence_acquire()
                if load32(&bucket.version) == version:
                    break
            spins += 1
            if spins > SPINS:
                return Status.BUSY
            pause()
        if step >= reach or step >= BUCKET_REACH:
            return Status.ABSENT
        step += 1
        at += 1
        if at == map.n_buckets:
            at = 0


cdef bint entries_stood_still(const Seen* seen) noexcept nogil:
    fence_acquire()
    return seen.bucket == NULL or load32(&seen.bucket.version) == seen.version
