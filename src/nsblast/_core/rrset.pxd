# The stored entry (version 1): everything one zone holds at one owner name. Read here in C, written here from Python.
#
# Owns: the blob format in both directions and which rdata holds names where. Never: lookups, packets.
#
# All integers big-endian:
#   0  u8   version = 1
#   1  u8   labels of the zone's apex: the entry knows its zone
#   2  u16  flags (EntryFlag)
#   4  u16  number of RRsets
#   6  u8   octets of the stored spelling, 0 when it is all lower case (RFC 4343)
#   7  u8   reserved, 0
#   8       spelling: the owner name as it was written, wire form
#   ..      index, one of 12 octets an RRset, in ascending (type, covered type):
#             u16 type, u32 ttl, u16 count, u32 offset of its first RR from the blob's start
#   ..      RRs: u16 rdlength, rdata (uncompressed); the RRs of a set in canonical order (RFC 4034 6.3)
# RRSIGs are kept as one set per covered type. An entry without RRsets is an empty non-terminal.
# Blobs are read where they lie, in memory that may change or be corrupt: every read goes through a Reader.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from nsblast._core.status cimport Status
from nsblast._core.wire cimport Reader

cdef enum:
    ENTRY_VERSION = 1
    ENTRY_HEAD = 8
    ENTRY_INDEX = 12

cdef enum EntryFlag:
    IS_APEX = 1             # owner of the zone's SOA
    IS_CUT = 2              # delegation point: NS here, not at the apex
    IS_OCCLUDED = 4         # below a zone cut or a DNAME of its own zone: glue, or invisible
    HAS_DNAME = 8
    HAS_CNAME = 16
    HAS_WILDCARD = 32       # "*" exists directly below
    IS_ENT = 64             # empty non-terminal: RFC 4592 2.2.2
    HAS_SIG = 128           # holds RRSIGs
    ZONE_NSEC = 256         # at the apex: the zone is signed, with NSEC
    ZONE_NSEC3 = 512        # at the apex: the zone is signed, with NSEC3
    ZONE_SPECIAL = 1024     # at the apex: expired or restricted, Python decides
    ONLY_NSEC3 = 2048       # holds nothing but NSEC3 and its RRSIGs: not part of the name space, RFC 5155 7.2.8
    CONTENT_FLAGS = 8 | 16 | 64 | 128 | 2048    # those that follow from the contents; pack() sets them


cdef struct Entry:
    const uint8_t* blob     # first octet
    uint32_t len            # octets that may be read
    uint16_t flags          # EntryFlag
    uint16_t rrsets         # 0..65535
    uint8_t apex            # labels of the zone's apex
    uint8_t spelling        # octets of the stored spelling, 0 = lower case
    uint32_t index          # offset of the index


cdef struct Rrset:
    uint16_t type
    uint16_t count          # RRs, 1..
    uint32_t ttl            # seconds
    Reader rrs              # stands on the first RR


# OK or CORRUPT.
cdef Status entry_open(Entry* entry, const uint8_t* blob, uint32_t length) noexcept nogil
# OK, ABSENT or CORRUPT. For RRSIGs use entry_sigs.
cdef Status entry_find(const Entry* entry, uint16_t rrtype, Rrset* out) noexcept nogil
# The RRSIGs that cover rrtype.
cdef Status entry_sigs(const Entry* entry, uint16_t covered, Rrset* out) noexcept nogil
# The i-th RRset in index order.
cdef Status entry_at(const Entry* entry, uint16_t i, Rrset* out) noexcept nogil
# Next rdata of the set: pointer and length, or NULL at the end or when corrupt (then rrs.bad).
cdef const uint8_t* rrset_next(Rrset* rrset, uint16_t* rdlength) noexcept nogil


cdef struct Layout:
    uint8_t skip            # octets before the first name
    uint8_t names           # 0, 1 or 2 names follow one another
    bint compress           # they may be compressed on output: RFC 3597 4


# Where the names lie in the rdata of a type.
cdef Layout layout_of(uint16_t rrtype) noexcept nogil


cdef struct Rec             # one collected RR


cdef class EntryBuilder:
    cdef Rec* recs
    cdef uint8_t* data
    cdef uint32_t count, room       # RRs collected, RRs there is room for
    cdef uint32_t used, space       # octets of rdata collected, octets there is room for
    cdef void clear(self) noexcept nogil
    cdef int add(self, uint16_t rrtype, uint32_t ttl, const uint8_t* rdata, uint16_t length) except -1 nogil
    cdef bytes pack(self, uint8_t apex_labels, uint16_t flags, const uint8_t* spelling, uint8_t spelling_len)
    cdef uint16_t content_flags(self, uint32_t kept) noexcept nogil
    cdef uint32_t ttl_of(self, uint32_t first, uint32_t end) noexcept nogil
