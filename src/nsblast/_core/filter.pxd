# The name filter: a blocked Bloom filter over the hash of every existing owner name and every apex (hash_apex).
#
# Owns: bits. "Not there" is certain. Only ever gains bits; a worn one is rebuilt in the other half.
# A name sets 6 bits of one 64-octet line. The line comes from the high bits of the hash, the bits in it from all of the
# hash mixed anew, so that names of one line do not share them.
# Clearing a half a reader may still be in is safe: the half's epoch is odd from before the first octet goes until it is
# the active one, and a reader who finds a bit missing believes it only when the epoch was even and has not moved.

from libc.stdint cimport uint32_t, uint64_t

from nsblast._core.shm cimport Map

cdef enum:
    FILTER_BITS = 6         # bits a name sets
    FILTER_PER_NAME = 12    # bits of memory a name is given


cdef bint filter_maybe(const Map* map, uint64_t hash) noexcept nogil    # True also when no filter is built
cdef void filter_prefetch(const Map* map, uint64_t hash) noexcept nogil

# -- the writer's half
# Set the bits of a hash in a half of `lines` lines, whether it is active or being built; True when one was not set before.
cdef bint filter_set(const Map* map, uint32_t half, uint64_t lines, uint64_t hash) noexcept nogil
# Empty a half and declare its word void; returns the lines to build it with for this many names.
cdef uint64_t filter_open(const Map* map, uint32_t half, uint64_t names) noexcept nogil
# The half stands from now on and is the active one.
cdef void filter_publish(const Map* map, uint32_t half, uint64_t lines, uint64_t names) noexcept nogil
