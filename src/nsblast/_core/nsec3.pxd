# Hashed owner names (RFC 5155 5): a zone's parameters, the hash, its label.
#
# Owns: NSEC3PARAM and NSEC3 rdata as far as a search needs them. Never: SHA-1 itself: that is the libcrypto behind Python's hashlib,
# whose functions are looked up once for each engine; where they cannot be had, the store's reader hashes (sha1_there() is False).

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from nsblast._core.rrset cimport Entry
from nsblast._core.status cimport Status

cdef enum:
    SHA1_OCTETS = 20
    HASHED = 32             # characters of a SHA-1 in base32hex
    # Each question costs up to four hashes; what asks for more rounds is left to the store's reader, one answer at a time.
    ITERATIONS_MAX = 150

ctypedef int (*sha1_init)(void*) noexcept nogil
ctypedef int (*sha1_update)(void*, const void*, size_t) noexcept nogil
ctypedef int (*sha1_final)(uint8_t*, void*) noexcept nogil


cdef struct Sha1:
    sha1_init init          # NULL = not to be had
    sha1_update update
    sha1_final final


cdef struct Params:
    uint16_t iterations
    uint8_t salt_len
    const uint8_t* salt     # in the entry


cdef struct Record:         # of one NSEC3
    Params params
    const uint8_t* next     # SHA1_OCTETS octets, in the entry


cdef bint sha1_there(const Sha1* sha1) noexcept nogil
# Fills it from Python's hashlib, or with NULL.
cdef int sha1_of_hashlib(Sha1* sha1) except -1
# The entry's NSEC3PARAM of hash 1 and flags 0 (RFC 5155 4.1.2); ABSENT when there is none, CORRUPT.
cdef Status nsec3_params(const Entry* apex, Params* params) noexcept nogil
# The entry's NSEC3 with these parameters; ABSENT when there is none, CORRUPT.
cdef Status nsec3_record(const Entry* entry, const Params* params, Record* record) noexcept nogil
# The hash of a name, lower case, as the 32 lower-case characters of its label.
cdef void nsec3_hash(const Sha1* sha1, const Params* params, const uint8_t* wire, uint32_t length, uint8_t* label) noexcept nogil
# The characters of 20 octets.
cdef void nsec3_label(const uint8_t* digest, uint8_t* label) noexcept nogil
