# The shared segment: one memory file, made by the supervisor, mapped by every process of the server.
#
# Owns: its layout and its discipline. One writer (control), many readers (workers), no locks.
# Memory order: a writer makes a bucket's version odd, changes it, makes it even; a reader takes the version
# (acquire), reads, and at the very end of its answer compares (acquire fence first). A zone's stripe says the number of the last
# commit that touched it, set before the first change; a reader notes head.done before its first look and starts
# anew when a stripe it used has moved past that. So one answer is made from one version of a zone.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from nsblast._core.status cimport Status

cdef extern from *:
    """
    #define nsb_load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
    #define nsb_load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
    #define nsb_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
    #define nsb_store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
    #define nsb_add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
    #define nsb_fence_acquire() __atomic_thread_fence(__ATOMIC_ACQUIRE)
    #define nsb_fence_release() __atomic_thread_fence(__ATOMIC_RELEASE)
    #define nsb_fence_full() __atomic_thread_fence(__ATOMIC_SEQ_CST)
    #define nsb_prefetch(p) __builtin_prefetch((p), 0, 3)
    #if defined(__x86_64__) || defined(__i386__)
    #define nsb_pause() __builtin_ia32_pause()
    #elif defined(__aarch64__)
    #define nsb_pause() __asm__ __volatile__("yield")
    #else
    #define nsb_pause() ((void) 0)
    #endif
    #include <stdint.h>
    /* The high half of the product: spreads a hash over n places that are no power of two. */
    static inline uint64_t nsb_place(uint64_t hash, uint64_t n) {
        __extension__ unsigned __int128 product = (unsigned __int128) hash * n;
        return (uint64_t) (product >> 64);
    }
    """
    uint64_t load64_acquire "nsb_load_acquire"(const uint64_t*) noexcept nogil
    uint64_t load64 "nsb_load_relaxed"(const uint64_t*) noexcept nogil
    uint32_t load32_acquire "nsb_load_acquire"(const uint32_t*) noexcept nogil
    uint32_t load32 "nsb_load_relaxed"(const uint32_t*) noexcept nogil
    uint16_t load16 "nsb_load_relaxed"(const uint16_t*) noexcept nogil
    uint8_t load8 "nsb_load_relaxed"(const uint8_t*) noexcept nogil
    void store64_release "nsb_store_release"(uint64_t*, uint64_t) noexcept nogil
    void store64 "nsb_store_relaxed"(uint64_t*, uint64_t) noexcept nogil
    void store32_release "nsb_store_release"(uint32_t*, uint32_t) noexcept nogil
    void store32 "nsb_store_relaxed"(uint32_t*, uint32_t) noexcept nogil
    void store16 "nsb_store_relaxed"(uint16_t*, uint16_t) noexcept nogil
    void store8 "nsb_store_relaxed"(uint8_t*, uint8_t) noexcept nogil
    void add64 "nsb_add_relaxed"(uint64_t*, uint64_t) noexcept nogil
    void fence_acquire "nsb_fence_acquire"() noexcept nogil
    void fence_release "nsb_fence_release"() noexcept nogil
    void fence_full "nsb_fence_full"() noexcept nogil
    void prefetch "nsb_prefetch"(const void*) noexcept nogil
    void pause "nsb_pause"() noexcept nogil
    uint64_t place "nsb_place"(uint64_t hash, uint64_t n) noexcept nogil

cdef enum:
    SEGMENT_VERSION = 1
    STRIPES = 4096          # zones share 4096 change marks
    BUCKET_WAYS = 7         # entries a bucket (one cache line) holds
    BUCKET_REACH = 8        # an entry lies at most so many buckets behind its home
    WORKERS_MAX = 256
    MISS_RING = 65536       # octets of a worker's ring of missed names, when the cache is not tiny
    PAGE = 4096

    # Sizes of the counter arrays in a WorkerSlot.
    COUNT_OUTCOMES = 32     # by Status
    COUNT_RCODES = 32       # 0..30, the last one for all others
    COUNT_QTYPES = 264      # 0..262, the last one for all others
    COUNT_LATENCIES = 32    # bucket i counts answers that took less than 2**i microseconds, the last one all others
    COUNT_CONNECTIONS = 16


cdef struct Stripe:
    uint64_t last           # number of the last commit that touched a zone of this stripe
    uint64_t floor          # cached entries stamped below this are stale (after a bulk change)
    uint64_t special        # zones here with ZONE_SPECIAL at their apex
    uint64_t unused


cdef struct Bucket:         # 64 octets, one cache line
    uint32_t version        # even: stands still; odd: being changed
    uint16_t overflow       # entries whose home is here but that lie in a later bucket; never too low
    uint16_t reach          # how many buckets further the farthest of them may lie, 0..BUCKET_REACH
    uint64_t way[7]         # tag << 40 | offset of the block in the arena in units of 8 octets; offset 0 = free


cdef struct Block:          # in the arena, 8-aligned; followed by the name (lower-case wire form), then the blob
    uint64_t stamp          # number of the commit this was true at
    uint32_t blob_len       # 0 = this name certainly does not exist (a tombstone, or an absence looked up)
    uint8_t name_len        # 1..255
    uint8_t pinned          # 1 = may not be dropped before every worker has reached `stamp`
    uint8_t unused[2]


cdef struct FilterHalf:
    uint64_t offset         # of its first 64-octet line from the segment's start
    uint64_t lines          # 0 = not built: everything may exist
    uint64_t epoch          # odd: being cleared or filled, its word counts for nothing; even: stands


cdef struct Head:           # first page of the segment; what readers need is apart from what each commit changes
    uint64_t magic
    uint64_t size           # octets of the whole segment
    uint64_t seed_a         # Seed of the database's hashes
    uint64_t seed_b
    uint64_t unused0
    uint64_t complete       # 1 = every existing entry is cached: what is not here does not exist. Read it after the look-up
    uint64_t pressure       # 1 = the arena fills up: readers note what they use
    uint64_t ready          # 1 = control has opened the store and follows this segment
    # -- second line
    uint64_t filter_active  # 0 or 1, which half readers use
    FilterHalf filter[2]
    uint64_t version        # SEGMENT_VERSION
    # -- third line
    uint64_t done           # number of the last commit that is visible here
    uint64_t unused[7]
    # -- offsets from the segment's start, sizes in octets; constant
    uint64_t stripes_at
    uint64_t buckets_at
    uint64_t buckets        # number of buckets, not a power of two
    uint64_t used_at        # one octet a way, 8 a bucket, set by readers
    uint64_t arena_at
    uint64_t arena_size
    uint64_t log_segment    # octets of one segment of the arena's log, a power of two
    uint64_t filter_size    # octets each half may use
    uint64_t workers_at     # WorkerSlot, one of worker_size octets each
    uint64_t worker_size
    uint64_t workers
    uint64_t miss_ring      # octets of each worker's ring of missed names, a power of two
    uint64_t unused2[4]
    # -- the writer's counters
    uint64_t entries        # cached now
    uint64_t evictions      # since start
    uint64_t arena_used     # octets of live blocks
    uint64_t filter_names   # names added to the active half
    uint64_t released       # every worker has reached this commit


# One worker's counters, written by this worker only (miss_read by control). They outlive the worker.
cdef struct WorkerSlot:
    uint64_t pid            # 0 = nobody
    uint64_t position       # commit number its store view has reached
    uint64_t heartbeat      # clock of the last sign of life, in ns of CLOCK_MONOTONIC
    uint64_t starts         # workers that have had this slot
    uint64_t outcome[2][32]     # packets by transport (UDP, TCP) and Status
    uint64_t rcode[32]          # answers by rcode
    uint64_t qtype[264]         # questions by type
    uint64_t latency[32]        # answers by time taken
    uint64_t latency_ns         # sum of all times
    uint64_t answers            # answers timed
    uint64_t truncated          # answers with TC
    uint64_t octets_in
    uint64_t octets_out
    uint64_t cache_hits         # look-ups answered from the cache
    uint64_t cache_misses       # look-ups that had to ask the store
    uint64_t filter_hits        # look-ups ended by the filter: certainly absent
    uint64_t retries            # answers made anew because a zone changed meanwhile
    uint64_t batches            # UDP batches
    uint64_t send_errors        # answers the kernel would not take
    uint64_t connections[16]    # TCP: accepted, open now, refused, timed out, cut for slowness, evicted, room; from 8 on: transfers
    uint64_t log_written        # query log: records written
    uint64_t log_dropped        # query log: records lost because the ring or the disk was full
    # -- the ring of missed names: a length octet, then the name; positions grow without end
    uint64_t miss_written       # octets written, by the worker
    uint64_t miss_read          # octets read, by control
    uint64_t miss_dropped       # names that found no room


# One process's view of the segment.
cdef struct Map:
    uint8_t* base           # NULL = no cache: everything is a MISS
    Head* head
    Stripe* stripes
    Bucket* buckets
    uint8_t* used           # writable in workers, where the rest is mapped read-only; NULL in a map for reading only
    const uint8_t* arena
    uint64_t n_buckets
    uint64_t arena_units    # arena size in units of 8 octets
    uint64_t arena_size
    uint64_t size           # octets mapped
    WorkerSlot* slot        # this worker's own, writable; NULL when the map is not a worker's


cdef enum MapUse:
    MAP_READ = -1           # read everything
    MAP_WRITE = -2          # control: write everything


# Map the segment behind fd. `worker` >= 0: that worker's slot and the use marks are writable, all else is not; or a MapUse.
# OK; ABSENT: the kernel would not map it; CORRUPT: not a segment of this version. The descriptor may be closed afterwards.
cdef Status map_open(Map* map, int fd, int worker) noexcept nogil
# Unmap; the map is then one without cache.
cdef void map_close(Map* map) noexcept nogil
# Make the n-th 2 MiB behind the counters one huge page, when nearly all of it is in use. 2: it is one now; 1: it is not
# in use; 0: there is no such part; -1: this kernel will not, or has no memory for it now. Takes milliseconds; readers that touch
# the part meanwhile wait in the kernel.
cdef int map_gather(const Map* map, uint64_t n) noexcept nogil
# Slot of a worker, or NULL; writable only as far as the map is.
cdef WorkerSlot* map_slot(const Map* map, uint64_t worker) noexcept nogil
# Size and lay out a fresh, all-zero memory file of at most `cache_size` octets: the head it needs, or False when too small.
cdef bint layout_plan(Head* head, uint64_t cache_size, uint64_t workers) noexcept nogil


cdef inline uint32_t stripe_of(uint64_t apex_hash) noexcept nogil:
    return <uint32_t> (apex_hash >> 52)
