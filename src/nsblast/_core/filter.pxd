# The name filter: a blocked Bloom filter over the hash of every existing owner name and every apex (hash_apex).
#
# Owns: bits. "Not there" is certain. Only ever gains bits; a worn one is rebuilt in the other half.

from libc.stdint cimport uint64_t

from nsblast._core.shm cimport Map

cdef bint filter_maybe(const Map* map, uint64_t hash) noexcept nogil    # True also when no filter is built
cdef void filter_prefetch(const Map* map, uint64_t hash) noexcept nogil
