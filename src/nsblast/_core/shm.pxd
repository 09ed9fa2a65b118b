# The shared segment: one memory file, made by the supervisor, mapped by every process of the server.
#
# Owns: its layout and its discipline. One writer (control), many readers (workers), no locks.
# Memory order: a writer makes a bucket's version odd, changes it, makes it even; a reader takes the version
# (acquire), reads, and at the very end of its answer compares (acquire fence first). A zone's stripe says the number of the last
# commit that touched it, set before the first change; a reader notes head.done before its first look and starts
# anew when a stripe it used has moved past that. So one answer is made from one version of a zone.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

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
    """
    uint64_t load64_acquire "nsb_load_acquire"(const uint64_t*) noexcept nogil
    uint64_t load64 "nsb_load_relaxed"(const uint64_t*) noexcept nogil
    uint32_t load32_acquire "nsb_load_acquire"(const uint32_t*) noexcept nogil
    uint32_t load32 "nsb_load_relaxed"(const uint32_t*) noexcept nogil
    uint8_t load8 "nsb_load_relaxed"(const uint8_t*) noexcept nogil
    void store64_release "nsb_store_release"(uint64_t*, uint64_t) noexcept nogil
    void store64 "nsb_store_relaxed"(uint64_t*, uint64_t) noexcept nogil
    void store32_release "nsb_store_release"(uint32_t*, uint32_t) noexcept nogil
    void store32 "nsb_store_relaxed"(uint32_t*, uint32_t) noexcept nogil
    void store8 "nsb_store_relaxed"(uint8_t*, uint8_t) noexcept nogil
    void add64 "nsb_add_relaxed"(uint64_t*, uint64_t) noexcept nogil
    void fence_acquire "nsb_fence_acquire"() noexcept nogil
    void fence_release "nsb_fence_release"() noexcept nogil
    void fence_full "nsb_fence_full"() noexcept nogil
    void prefetch "nsb_prefetch"(const void*) noexcept nogil

cdef enum:
    SEGMENT_VERSION = 1
    STRIPES = 4096          # zones share 4096 change marks
    BUCKET_WAYS = 7         # entries a bucket (one cache line) holds
    WORKERS_MAX = 256
    MISS_RING = 65536       # octets of a worker's ring of missed names


cdef struct Stripe:
    uint64_t last           # number of the last commit that touched a zone of this stripe
    uint64_t floor          # cached entries stamped below this are stale (after a bulk change)
    uint64_t special        # zones here with ZONE_SPECIAL at their apex
    uint64_t unused


cdef struct Bucket:         # 64 octets, one cache line
    uint32_t version        # even: stands still; odd: being changed
    uint16_t overflow       # entries whose home is here but that lie in a later bucket
    uint16_t unused
    uint64_t way[7]         # tag << 40 | offset of the block in the arena in units of 8 octets; 0 = free


cdef struct Block:          # in the arena, 8-aligned; followed by the name (lower-case wire form), then the blob
    uint64_t stamp          # number of the commit this was true at
    uint32_t blob_len       # 0 = this name certainly does not exist (a tombstone, or an absence looked up)
    uint8_t name_len        # 1..255
    uint8_t unused[3]


cdef struct FilterHalf:
    uint64_t offset         # of its first 64-octet line from the segment's start
    uint64_t lines          # 0 = not built: everything may exist


cdef struct Head:           # first page of the segment
    uint64_t magic
    uint64_t size           # octets of the whole segment
    uint64_t seed_a         # Seed of the database's hashes
    uint64_t seed_b
    uint64_t done           # number of the last commit that is visible here
    uint64_t generation     # raised when runtime settings change; workers then read them again
    uint64_t complete       # 1 = every existing entry is cached: what is not here does not exist
    uint64_t pressure       # 1 = the arena is full: readers note what they use
    uint64_t filter_active  # 0 or 1, which half readers use
    FilterHalf filter[2]
    uint64_t stripes_at     # offsets from the segment's start
    uint64_t buckets_at
    uint64_t buckets        # number of buckets, not a power of two
    uint64_t used_at        # one octet a way, 8 a bucket, set by readers
    uint64_t arena_at
    uint64_t arena_size
    uint64_t workers_at     # WorkerSlot, one of worker_size octets each
    uint64_t worker_size
    uint64_t workers
    uint64_t entries        # cached now
    uint64_t evictions      # since start
    uint64_t arena_used     # octets of live blocks
    uint64_t filter_names   # names in the active half
    uint64_t ready          # 1 = control has opened the store and follows this segment


# One process's view of the segment.
cdef struct Map:
    uint8_t* base           # NULL = no cache: everything is a MISS
    Head* head
    Stripe* stripes
    Bucket* buckets
    uint8_t* used           # writable in workers; the rest is mapped read-only there
    const uint8_t* arena
    uint64_t n_buckets
    uint64_t arena_units    # arena size in units of 8 octets


cdef inline uint32_t stripe_of(uint64_t apex_hash) noexcept nogil:
    return <uint32_t> (apex_hash >> 52)
