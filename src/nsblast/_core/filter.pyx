"""The name filter's bits (filter.pxd)."""

from libc.string cimport memset
from posix.mman cimport madvise

from nsblast._core.shm cimport FilterHalf, fence_acquire, fence_full, load64, load64_acquire, place, prefetch, store64
from nsblast._core.shm cimport store64_release

cdef extern from * nogil:
    """
    #include <sys/mman.h>
    """
    int MADV_REMOVE

cdef enum:
    LINE = 64               # octets
    LINE_WORDS = 8
    SMALL = 1048576         # octets that are faster wiped than given back to the kernel


cdef inline uint64_t mixed(uint64_t hash) noexcept nogil:
    """Bits that tell nothing of which line the hash belongs to."""
    hash ^= hash >> 32
    hash *= <uint64_t> 0xd6e8feb86659fd93
    hash ^= hash >> 32
    hash *= <uint64_t> 0xd6e8feb86659fd93
    return hash ^ (hash >> 32)


cdef bint filter_maybe(const Map* map, uint64_t hash) noexcept nogil:
    cdef const FilterHalf* half
    cdef const uint64_t* line
    cdef uint64_t epoch, lines, bits
    cdef uint32_t _i
    if map.base == NULL:
        return True
    half = &map.head.filter[load64_acquire(&map.head.filter_active) & 1]
    epoch = load64_acquire(&half.epoch)
    lines = load64(&half.lines)
    if epoch & 1 or lines == 0:
        return True
    line = <const uint64_t*> (map.base + half.offset) + place(hash, lines) * LINE_WORDS
    bits = mixed(hash)
    for _i in range(<uint32_t> FILTER_BITS):
        if not load64(line + (bits >> 6 & 7)) >> (bits & 63) & 1:
            fence_acquire()
            return load64(&half.epoch) != epoch
        bits >>= 9
    return True


cdef void filter_prefetch(const Map* map, uint64_t hash) noexcept nogil:
    cdef const FilterHalf* half
    if map.base != NULL:
        half = &map.head.filter[load64(&map.head.filter_active) & 1]
        prefetch(map.base + half.offset + place(hash, load64(&half.lines)) * LINE)


cdef bint filter_set(const Map* map, uint32_t half, uint64_t lines, uint64_t hash) noexcept nogil:
    cdef uint64_t* line
    cdef uint64_t* word
    cdef uint64_t bits
    cdef uint32_t _i
    cdef bint fresh = False
    if lines == 0:
        return False
    line = <uint64_t*> (map.base + map.head.filter[half].offset) + place(hash, lines) * LINE_WORDS
    bits = mixed(hash)
    for _i in range(<uint32_t> FILTER_BITS):
        word = line + (bits >> 6 & 7)
        if not word[0] >> (bits & 63) & 1:
            store64(word, word[0] | <uint64_t> 1 << (bits & 63))
            fresh = True
        bits >>= 9
    return fresh


cdef uint64_t filter_open(const Map* map, uint32_t half, uint64_t names) noexcept nogil:
    cdef FilterHalf* f = &map.head.filter[half]
    cdef uint64_t most = map.head.filter_size // LINE
    cdef uint64_t lines = most
    store64(&f.epoch, f.epoch | 1)
    fence_full()            # no reader believes this half before the first octet of it goes
    store64(&f.lines, 0)
    # Room for a quarter more names, so that a growing zone does not wear it out at once.
    if names < most * (LINE * 8) // FILTER_PER_NAME // 5 * 4:
        lines = (names + names // 4) * FILTER_PER_NAME // (LINE * 8) + LINE
        lines = lines if lines < most else most
    # All of it, since an interrupted build says nothing of how many lines it used; given back rather than wiped, unless small.
    if map.head.filter_size <= SMALL or madvise(map.base + f.offset, map.head.filter_size, MADV_REMOVE) != 0:
        memset(map.base + f.offset, 0, map.head.filter_size)
    return lines


cdef void filter_publish(const Map* map, uint32_t half, uint64_t lines, uint64_t names) noexcept nogil:
    cdef FilterHalf* f = &map.head.filter[half]
    store64(&f.lines, lines)
    store64_release(&f.epoch, (f.epoch | 1) + 1)
    store64_release(&map.head.filter_active, half)
    store64(&map.head.filter_names, names)
