"""The shared segment's layout: how a size is split, and how a process maps it with no more rights than it needs.

Owns: the arithmetic of the layout, the mappings. Never: what the regions mean.
Invariants: everything together is never larger than the size asked for; every region begins on a page of its own, so
that a worker can write its own slot and the use marks and nothing else; a head that does not add up is refused.
"""

from libc.string cimport memset
from posix.mman cimport MAP_ANONYMOUS, MAP_FAILED, MAP_FIXED, MAP_PRIVATE, MAP_SHARED, PROT_NONE, PROT_READ, PROT_WRITE
from posix.mman cimport madvise, mmap, mprotect, munmap
from posix.stat cimport fstat, struct_stat

cdef extern from * nogil:
    """
    #include <sys/mman.h>
    #ifndef MADV_HUGEPAGE
    #define MADV_HUGEPAGE 14
    #endif
    #ifndef MADV_COLLAPSE
    #define MADV_COLLAPSE 25        /* Linux 6.1 */
    #endif
    """
    int MADV_HUGEPAGE
    int MADV_COLLAPSE
    int MAP_NORESERVE
    int mincore(void* address, size_t length, unsigned char* pages)

cdef enum:
    ENTRY_OCTETS = 110          # a block of the average entry, for the proportion of buckets to arena
    LOG_SEGMENT_MIN = 65536
    LOG_SEGMENT_MAX = 8388608   # cleaning one takes some 10 ms: no commit should wait longer
    FILTER_MIN = 65536
    FILTER_LEAST = 16777216     # octets of cache below which few names are served
    FILTER_SMALL = 33554432     # octets of a half for 22 million names: up to here it may have a twelfth of the cache
    HUGE = 2097152
    WORTH = 448                 # pages of the 512 that must be there already: memory grows by no more than a seventh


cdef uint64_t magic() noexcept nogil:
    return <uint64_t> 0x6e73626c61737401        # "nsblast" and a version of the head's own form


cdef inline uint64_t up(uint64_t n, uint64_t unit) noexcept nogil:
    return (n + unit - 1) // unit * unit


cdef bint layout_plan(Head* head, uint64_t cache_size, uint64_t workers) noexcept nogil:
    cdef uint64_t ring = MISS_RING
    cdef uint64_t unit = HUGE if cache_size >= <uint64_t> 128 * HUGE else PAGE
    cdef uint64_t at, rest, arena
    memset(head, 0, sizeof(Head))
    if workers == 0 or workers > WORKERS_MAX:
        return False
    while ring > PAGE and workers * (up(sizeof(WorkerSlot), PAGE) + ring) > cache_size // 8:
        ring //= 2
    head.magic = magic()
    head.version = SEGMENT_VERSION
    head.workers = workers
    head.miss_ring = ring
    head.worker_size = up(sizeof(WorkerSlot), PAGE) + ring
    head.stripes_at = PAGE
    head.workers_at = head.stripes_at + STRIPES * sizeof(Stripe)
    at = up(head.workers_at + workers * head.worker_size, unit)
    # A small cache before much data needs its filter most: without, each name that does not exist costs a read of the store.
    head.filter_size = cache_size // 12 if cache_size // 12 < FILTER_SMALL else FILTER_SMALL
    if cache_size < FILTER_LEAST:
        head.filter_size = 0
    if head.filter_size < cache_size // 32:
        head.filter_size = cache_size // 32
    head.filter_size = up(head.filter_size, PAGE)
    if head.filter_size < FILTER_MIN:
        head.filter_size = FILTER_MIN
    head.filter[0].offset = at
    head.filter[1].offset = at + head.filter_size
    at = up(at + 2 * head.filter_size, unit)
    # What is left over goes to buckets with their marks, and arena, so that the average entry fills both alike
    # at 65 % of the ways; three units for the rounding of the regions.
    if cache_size < at + 3 * unit + 4 * LOG_SEGMENT_MIN:
        return False
    rest = cache_size - at - 3 * unit
    head.buckets = rest // (sizeof(Bucket) + 8 + BUCKET_WAYS * 65 * ENTRY_OCTETS // 100)
    head.buckets_at = at
    head.used_at = up(at + head.buckets * sizeof(Bucket), unit)
    head.arena_at = up(head.used_at + head.buckets * 8, unit)
    arena = cache_size - head.arena_at
    head.log_segment = LOG_SEGMENT_MIN
    while head.log_segment < LOG_SEGMENT_MAX and head.log_segment * 2 <= arena // 64:
        head.log_segment *= 2
    head.arena_size = arena // head.log_segment * head.log_segment
    if head.buckets < 2 * BUCKET_REACH or head.arena_size < 4 * LOG_SEGMENT_MIN:
        return False
    # A way holds 40 bits of offset in units of 8 octets.
    if head.arena_size > <uint64_t> 1 << 43:
        head.arena_size = <uint64_t> 1 << 43
    head.size = head.arena_at + head.arena_size
    return True


cdef bint adds_up(const Head* head, uint64_t size) noexcept nogil:
    """Whether every region lies inside the file, as the reader's arithmetic relies on."""
    return (head.magic == magic() and head.version == SEGMENT_VERSION and head.size == size
            and head.workers >= 1 and head.workers <= WORKERS_MAX
            and head.miss_ring >= PAGE and (head.miss_ring & (head.miss_ring - 1)) == 0 and head.miss_ring <= MISS_RING
            and head.worker_size == up(sizeof(WorkerSlot), PAGE) + head.miss_ring
            and head.stripes_at == PAGE and head.workers_at == PAGE + STRIPES * sizeof(Stripe)
            and head.filter_size < size and head.filter[0].offset < size
            and head.workers_at + head.workers * head.worker_size <= head.filter[0].offset
            and head.filter[1].offset == head.filter[0].offset + head.filter_size
            and head.filter[1].offset + head.filter_size <= head.buckets_at
            and head.buckets >= 2 * BUCKET_REACH and head.buckets < size // sizeof(Bucket)
            and head.buckets_at + head.buckets * sizeof(Bucket) <= head.used_at
            and head.used_at + head.buckets * 8 <= head.arena_at
            and (head.buckets_at | head.used_at | head.arena_at) % PAGE == 0
            and head.log_segment >= LOG_SEGMENT_MIN and head.log_segment <= LOG_SEGMENT_MAX
            and (head.log_segment & (head.log_segment - 1)) == 0
            and head.arena_size % head.log_segment == 0 and head.arena_size <= <uint64_t> 1 << 43
            and head.arena_at < size and head.arena_size == size - head.arena_at)


cdef void* map_whole(uint64_t size, int protection, int fd) noexcept nogil:
    """The file where its huge pages can be mapped as such: at an address that a huge page may begin at. Or MAP_FAILED."""
    cdef uint64_t room, start
    cdef void* p
    if size < <uint64_t> 128 * HUGE:
        return mmap(NULL, size, protection, MAP_SHARED, fd, 0)
    room = up(size, HUGE) + HUGE
    p = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    if p == MAP_FAILED:
        return p
    start = up(<uint64_t> p, HUGE)
    if start != <uint64_t> p:
        munmap(p, start - <uint64_t> p)
    munmap(<void*> (start + up(size, PAGE)), <uint64_t> p + room - start - up(size, PAGE))
    return mmap(<void*> start, size, protection, MAP_SHARED | MAP_FIXED, fd, 0)


cdef int map_gather(const Map* map, uint64_t n) noexcept nogil:
    cdef unsigned char here[512]        # one octet a page
    cdef uint64_t at = map.head.filter[0].offset + n * HUGE
    cdef uint32_t i
    cdef uint32_t present = 0
    if map.size < <uint64_t> 128 * HUGE or at + HUGE > map.size:
        return 0
    if mincore(map.base + at, HUGE, here) != 0:
        return -1
    for i in range(<uint32_t> (HUGE // PAGE)):
        present += here[i] & 1
    if present < WORTH:
        return 1
    return 2 if madvise(map.base + at, HUGE, MADV_COLLAPSE) == 0 else -1


cdef Status map_open(Map* map, int fd, int worker) noexcept nogil:
    cdef struct_stat st
    cdef void* p
    cdef Head* head
    cdef uint64_t size
    memset(map, 0, sizeof(Map))
    if fstat(fd, &st) != 0 or st.st_size < PAGE:
        return Status.CORRUPT
    size = <uint64_t> st.st_size
    p = map_whole(size, PROT_READ | PROT_WRITE if worker == MAP_WRITE else PROT_READ, fd)
    if p == MAP_FAILED:
        return Status.ABSENT
    head = <Head*> p
    if not adds_up(head, size) or worker >= <int> head.workers:
        munmap(p, size)
        return Status.CORRUPT
    map.base = <uint8_t*> p
    map.head = head
    map.size = size
    map.stripes = <Stripe*> (map.base + head.stripes_at)
    map.buckets = <Bucket*> (map.base + head.buckets_at)
    map.n_buckets = head.buckets
    if worker != MAP_READ:
        map.used = map.base + head.used_at
    map.arena = map.base + head.arena_at
    map.arena_size = head.arena_size
    map.arena_units = head.arena_size // 8
    if worker >= 0:
        map.slot = map_slot(map, worker)
        if mprotect(map.slot, head.worker_size, PROT_READ | PROT_WRITE) != 0 \
                or mprotect(map.used, head.arena_at - head.used_at, PROT_READ | PROT_WRITE) != 0:
            map_close(map)
            return Status.ABSENT
    # Advice: a kernel that does not want huge pages in memory files says no, and nothing is lost.
    if size >= <uint64_t> 128 * HUGE:
        madvise(map.base + head.filter[0].offset, size - head.filter[0].offset, MADV_HUGEPAGE)
    return Status.OK


cdef void map_close(Map* map) noexcept nogil:
    if map.base != NULL:
        munmap(map.base, map.size)
    memset(map, 0, sizeof(Map))


cdef WorkerSlot* map_slot(const Map* map, uint64_t worker) noexcept nogil:
    if map.base == NULL or worker >= map.head.workers:
        return NULL
    return <WorkerSlot*> (map.base + map.head.workers_at + worker * map.head.worker_size)
