# The collector: scanned records of one zone in, stored entries in canonical order out, with the rules a zone must obey.
#
# Owns: grouping by owner, empty non-terminals, flags of entries, the hard errors of an import. Never: files, text, advice.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from nsblast._core.name cimport Seed
from nsblast._core.rrset cimport EntryBuilder
from nsblast._core.runs cimport PutResult, RecordHead, Runs
from nsblast._core.scan cimport Scanner

cdef enum Fed:              # what feed() may return beside an Event
    FED_PAUSE = 16          # enough was read for now
    FED_FOREIGN = 17        # the record is outside the zone; it was not taken


cdef struct Level:          # one name on the way from the apex to the owner name at hand
    uint32_t key_end        # octets of its key
    bint blocks             # names below are occluded
    uint64_t hash


cdef struct Tally:          # what one owner name holds
    uint32_t records
    uint32_t soas, nss, cnames, dnames, nsecs, params, others
    uint64_t octets         # of rdata, and what an RR takes in a message beside it
    RecordHead clash        # the record that made it wrong
    const char* expected    # NULL = nothing is wrong


cdef class Collector:
    cdef Runs runs
    cdef EntryBuilder builder
    cdef Seed seed
    cdef object spill_dir
    cdef bint finished
    cdef public bint bare                       # entries() gives (key, blob) without the name
    cdef bint apex_seen
    cdef readonly unsigned long long records    # taken so far
    cdef readonly unsigned long long names      # entries given out so far, empty non-terminals included
    cdef const uint8_t** blocks                 # of the owner name at hand
    cdef uint32_t block_room, n_blocks
    cdef Level levels[129]
    cdef uint32_t depth                         # levels in use; 0 = nothing given out yet
    cdef uint8_t key[512]                       # of the deepest level
    cdef uint64_t* hashes
    cdef size_t n_hashes, hash_room
    cdef int gather(self) except -1
    cdef Tally tally(self) noexcept nogil
    cdef int fill(self) except -1
    cdef int check_sizes(self, bytes blob) except -1
    cdef object fault_at(self, uint16_t rrtype, expected, found)
    cdef int give(self, list out, const uint8_t* name, uint32_t name_len, uint32_t key_len, bytes blob, uint64_t hash) except -1
    cdef int start(self, const uint8_t* name, const uint8_t* starts, uint32_t labels) except -1
    cdef int emit_group(self, list out) except -1
