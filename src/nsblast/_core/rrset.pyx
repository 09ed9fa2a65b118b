"""The stored entry: format, reading in C, writing from Python (rrset.pxd tells the format).

Reading never trusts a blob: it lies in shared memory that may change while it is read, or in a store that may be
corrupt. Every read is bounded by a Reader; nonsense gives CORRUPT or ABSENT, never a read outside the blob.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, qsort, realloc
from libc.string cimport memcpy

from nsblast._core.name cimport name_span
from nsblast._core.status cimport Status
from nsblast._core.wire cimport (
    Reader, Writer, reader_bad, reader_open, reader_seek, reader_take, reader_u8, reader_u16, reader_u32, writer_bytes,
    writer_open, writer_u8, writer_u16, writer_u32,
)

from typing import NamedTuple

cdef enum:
    NS = 2
    MD = 3
    MF = 4
    CNAME = 5
    SOA = 6
    MB = 7
    MG = 8
    MR = 9
    PTR = 12
    MINFO = 14
    MX = 15
    RP = 17
    AFSDB = 18
    RT = 21
    SIG = 24
    PX = 26
    SRV = 33
    KX = 36
    DNAME = 39
    RRSIG = 46
    NSEC3 = 50
    MOST_RRS = 0xffff
    SOA_TAIL = 20           # octets of a SOA's five numbers, the serial first

ENTRY_FLAGS = ("IS_APEX", "IS_CUT", "IS_OCCLUDED", "HAS_DNAME", "HAS_CNAME", "HAS_WILDCARD", "IS_ENT", "HAS_SIG",
               "ZONE_NSEC", "ZONE_NSEC3", "ZONE_SPECIAL", "ONLY_NSEC3")
globals().update({flag: 1 << i for i, flag in enumerate(ENTRY_FLAGS)})


cdef Layout layout_of(uint16_t rrtype) noexcept nogil:
    cdef Layout layout
    layout.skip = 0
    layout.names = 0
    layout.compress = False
    if rrtype in (NS, CNAME, PTR, MD, MF, MB, MG, MR):
        layout.names = 1
        layout.compress = True
    elif rrtype == SOA or rrtype == MINFO:
        layout.names = 2
        layout.compress = True
    elif rrtype == MX:
        layout.skip = 2
        layout.names = 1
        layout.compress = True
    elif rrtype == RP:
        layout.names = 2
    elif rrtype in (AFSDB, RT, KX):
        layout.skip = 2
        layout.names = 1
    elif rrtype == PX:
        layout.skip = 2
        layout.names = 2
    elif rrtype == SRV:
        layout.skip = 6
        layout.names = 1
    elif rrtype == DNAME:
        layout.names = 1
    elif rrtype == RRSIG or rrtype == SIG:
        layout.skip = 18
        layout.names = 1
    return layout


cdef Status entry_open(Entry* entry, const uint8_t* blob, uint32_t length) noexcept nogil:
    cdef Reader r
    reader_open(&r, blob, length)
    entry.blob = blob
    entry.len = length
    if reader_u8(&r) != ENTRY_VERSION:
        return Status.CORRUPT
    entry.apex = reader_u8(&r)
    entry.flags = reader_u16(&r)
    entry.rrsets = reader_u16(&r)
    entry.spelling = reader_u8(&r)
    reader_u8(&r)
    entry.index = ENTRY_HEAD + <uint32_t> entry.spelling
    reader_seek(&r, entry.index)
    reader_take(&r, ENTRY_INDEX * <uint32_t> entry.rrsets)
    return Status.CORRUPT if reader_bad(&r) else Status.OK


cdef Status entry_at(const Entry* entry, uint16_t i, Rrset* out) noexcept nogil:
    cdef Reader r
    cdef uint32_t offset
    if i >= entry.rrsets:
        return Status.ABSENT
    reader_open(&r, entry.blob, entry.len)
    reader_seek(&r, entry.index + ENTRY_INDEX * <uint32_t> i)
    out.type = reader_u16(&r)
    out.ttl = reader_u32(&r)
    out.count = reader_u16(&r)
    offset = reader_u32(&r)
    reader_seek(&r, offset)
    out.rrs = r
    return Status.CORRUPT if reader_bad(&r) else Status.OK


cdef Status entry_find(const Entry* entry, uint16_t rrtype, Rrset* out) noexcept nogil:
    cdef uint16_t i, found
    cdef Reader r
    reader_open(&r, entry.blob, entry.len)
    for i in range(entry.rrsets):
        reader_seek(&r, entry.index + ENTRY_INDEX * <uint32_t> i)
        found = reader_u16(&r)
        if reader_bad(&r):
            return Status.CORRUPT
        if found >= rrtype:
            return entry_at(entry, i, out) if found == rrtype else Status.ABSENT
    return Status.ABSENT


cdef Status entry_sigs(const Entry* entry, uint16_t covered, Rrset* out) noexcept nogil:
    cdef uint16_t i
    cdef Reader peek
    cdef Status status
    for i in range(entry.rrsets):
        status = entry_at(entry, i, out)
        if status != Status.OK:
            return status
        if out.type > RRSIG:
            return Status.ABSENT
        if out.type == RRSIG:
            peek = out.rrs
            reader_u16(&peek)
            if reader_u16(&peek) == covered and not reader_bad(&peek):
                return Status.OK
    return Status.ABSENT


cdef const uint8_t* rrset_next(Rrset* rrset, uint16_t* rdlength) noexcept nogil:
    if rrset.count == 0:
        return NULL
    rrset.count -= 1
    rdlength[0] = reader_u16(&rrset.rrs)
    if reader_bad(&rrset.rrs):      # an empty rdata could be taken even here
        return NULL
    return reader_take(&rrset.rrs, rdlength[0])


# -- writing --

cdef struct Span:
    uint32_t start          # the names of an rdata, whose case does not count when RRs are compared
    uint32_t end


cdef Span names_of(uint16_t rrtype, const uint8_t* rdata, uint32_t length) noexcept nogil:
    cdef Layout layout = layout_of(rrtype)
    cdef Span span
    cdef uint8_t _i
    span.start = layout.skip
    span.end = layout.skip
    for _i in range(layout.names):
        if span.end < length:
            span.end += name_span(rdata + span.end, length - span.end)
    return span


cdef inline uint8_t lower(uint8_t c) noexcept nogil:
    return c | 0x20 if 65 <= c <= 90 else c


cdef int compare_rdata(uint16_t rrtype, const uint8_t* a, uint32_t a_len, const uint8_t* b, uint32_t b_len) noexcept nogil:
    """Canonical order of two rdata of one type, RFC 4034 6.2 and 6.3."""
    cdef Span in_a = names_of(rrtype, a, a_len)
    cdef Span in_b = names_of(rrtype, b, b_len)
    cdef uint32_t i
    cdef uint8_t x, y
    for i in range(a_len if a_len < b_len else b_len):
        x = lower(a[i]) if in_a.start <= i < in_a.end else a[i]
        y = lower(b[i]) if in_b.start <= i < in_b.end else b[i]
        if x != y:
            return -1 if x < y else 1
    return (a_len > b_len) - (a_len < b_len)


cdef struct Rec:
    const uint8_t* rdata
    uint32_t ttl
    uint32_t order          # position of arrival: the first TTL of a set counts, RFC 2181 5.2
    uint16_t len
    uint16_t type
    uint16_t covered        # RRSIG only


cdef int compare_recs(const void* pa, const void* pb) noexcept nogil:
    cdef const Rec* a = <const Rec*> pa
    cdef const Rec* b = <const Rec*> pb
    cdef int c
    if a.type != b.type:
        return -1 if a.type < b.type else 1
    if a.covered != b.covered:
        return -1 if a.covered < b.covered else 1
    c = compare_rdata(a.type, a.rdata, a.len, b.rdata, b.len)
    if c:
        return c
    return -1 if a.order < b.order else 1


cdef class EntryBuilder:
    """Collects the RRs of one owner name in any order and packs them into a blob."""

    def __cinit__(self):
        self.recs = NULL
        self.data = NULL
        self.count = self.room = self.used = self.space = 0

    def __dealloc__(self):
        free(self.recs)
        free(self.data)

    cdef void clear(self) noexcept nogil:
        """Start with a new owner name."""
        self.count = 0
        self.used = 0

    cdef int add(self, uint16_t rrtype, uint32_t ttl, const uint8_t* rdata, uint16_t length) except -1 nogil:
        """One RR; the rdata is copied. MemoryError when there is no room."""
        cdef Rec* rec
        cdef void* p
        cdef uint32_t want
        if self.count == self.room:
            want = self.room * 2 if self.room else 16
            p = realloc(self.recs, want * sizeof(Rec))
            if p == NULL:
                with gil:
                    raise MemoryError
            self.recs = <Rec*> p
            self.room = want
        if self.used + length > self.space:
            want = (self.used + length) * 2 + 256
            p = realloc(self.data, want)
            if p == NULL:
                with gil:
                    raise MemoryError
            self.data = <uint8_t*> p
            self.space = want
        rec = &self.recs[self.count]
        rec.rdata = <const uint8_t*> <size_t> self.used     # an offset until pack(): data may still move
        rec.ttl = ttl
        rec.order = self.count
        rec.len = length
        rec.type = rrtype
        rec.covered = 0
        if length:      # the memory is there only once an octet was kept
            memcpy(self.data + self.used, rdata, length)
        if rrtype == RRSIG and length >= 2:
            rec.covered = <uint16_t> ((rdata[0] << 8) | rdata[1])
        self.used += length
        self.count += 1
        return 0

    cdef bytes pack(self, uint8_t apex_labels, uint16_t flags, const uint8_t* spelling, uint8_t spelling_len):
        """The blob. Sorted, without duplicates. ValueError when a set has more RRs than the format can count."""
        cdef uint32_t i, first, kept = 0, sets = 0, at, size
        cdef Rec* rec
        cdef Rec* last = NULL
        cdef Writer w, index
        cdef bytes blob
        cdef uint16_t n
        for i in range(self.count):
            self.recs[i].rdata = self.data + <size_t> self.recs[i].rdata
        if self.count > 1:
            qsort(self.recs, self.count, sizeof(Rec), compare_recs)
        size = ENTRY_HEAD + spelling_len
        for i in range(self.count):
            rec = &self.recs[i]
            if last != NULL and last.type == rec.type and last.covered == rec.covered:
                if compare_rdata(rec.type, last.rdata, last.len, rec.rdata, rec.len) == 0:
                    continue
            else:
                sets += 1
                size += ENTRY_INDEX
            size += 2 + <uint32_t> rec.len
            self.recs[kept] = rec[0]
            last = &self.recs[kept]
            kept += 1
        self.count = kept
        if sets > MOST_RRS:
            raise ValueError(f"{sets} RRsets at one name: at most {MOST_RRS}")
        blob = PyBytes_FromStringAndSize(NULL, size)
        writer_open(&w, <uint8_t*> PyBytes_AS_STRING(blob), size)
        writer_u8(&w, ENTRY_VERSION)
        writer_u8(&w, apex_labels)
        writer_u16(&w, (flags & ~<uint16_t> CONTENT_FLAGS) | self.content_flags(kept))
        writer_u16(&w, <uint16_t> sets)
        writer_u8(&w, spelling_len)
        writer_u8(&w, 0)
        writer_bytes(&w, spelling, spelling_len)
        index = w
        w.at += sets * ENTRY_INDEX
        i = 0
        while i < kept:
            first = i
            at = w.at
            while i < kept and self.recs[i].type == self.recs[first].type and self.recs[i].covered == self.recs[first].covered:
                writer_u16(&w, self.recs[i].len)
                writer_bytes(&w, self.recs[i].rdata, self.recs[i].len)
                i += 1
            if i - first > MOST_RRS:
                raise ValueError(f"{i - first} RRs in one RRset: at most {MOST_RRS}")
            n = <uint16_t> (i - first)
            writer_u16(&index, self.recs[first].type)
            writer_u32(&index, self.ttl_of(first, i))
            writer_u16(&index, n)
            writer_u32(&index, at)
        return blob

    cdef uint16_t content_flags(self, uint32_t kept) noexcept nogil:
        """The flags that follow from which types are present."""
        cdef uint16_t flags = 0 if kept else IS_ENT
        cdef uint32_t i, nsec3 = 0
        for i in range(kept):
            if self.recs[i].type == CNAME:
                flags |= HAS_CNAME
            elif self.recs[i].type == DNAME:
                flags |= HAS_DNAME
            elif self.recs[i].type == RRSIG:
                flags |= HAS_SIG
            if self.recs[i].type == NSEC3 or (self.recs[i].type == RRSIG and self.recs[i].covered == NSEC3):
                nsec3 += 1
        return flags | (ONLY_NSEC3 if kept and nsec3 == kept else 0)

    cdef uint32_t ttl_of(self, uint32_t first, uint32_t end) noexcept nogil:
        """TTL of the RR that came first."""
        cdef uint32_t i, best = first
        for i in range(first, end):
            if self.recs[i].order < self.recs[best].order:
                best = i
        return self.recs[best].ttl


class EntryData(NamedTuple):
    """A stored entry as Python values; rrsets: (type, TTL in seconds, [rdata in wire form])."""

    apex_labels: int
    flags: int
    spelling: bytes
    rrsets: list


def pack_entry(rrsets, *, int apex_labels, int flags, bytes spelling=b"") -> bytes:
    """The blob of one owner name's RRsets, each (type, ttl, [rdata, ...]). ValueError when a value is out of range."""
    cdef EntryBuilder builder = EntryBuilder()
    cdef bytes rdata
    if not 0 <= apex_labels <= 127:
        raise ValueError(f"apex_labels {apex_labels}: 0 to 127")
    if not 0 <= flags <= 0xffff:
        raise ValueError(f"flags {flags}: 0 to 65535")
    if len(spelling) > 255:
        raise ValueError(f"spelling of {len(spelling)} octets: at most 255")
    for rrtype, ttl, rdatas in rrsets:
        if not 0 <= rrtype <= 0xffff:
            raise ValueError(f"type {rrtype}: 0 to 65535")
        if not 0 <= ttl <= 0x7fffffff:
            raise ValueError(f"TTL {ttl}: 0 to 2147483647 (RFC 2181 section 8)")
        for rdata in rdatas:
            if len(rdata) > 0xffff:
                raise ValueError(f"rdata of {len(rdata)} octets: at most 65535")
            builder.add(<uint16_t> rrtype, <uint32_t> ttl, <const uint8_t*> PyBytes_AS_STRING(rdata),
                        <uint16_t> len(rdata))
    return builder.pack(<uint8_t> apex_labels, <uint16_t> flags,
                        <const uint8_t*> PyBytes_AS_STRING(spelling), <uint8_t> len(spelling))


def survey(list entries not None, unsigned int flags, size_t most) -> tuple[int, list]:
    """(octets of all keys and blobs, indexes of those (key, blob) that have one of the flags or a blob of more octets)."""
    cdef Entry entry
    cdef bytes key, blob
    cdef Py_ssize_t i
    cdef size_t octets = 0
    cdef list out = []
    for i in range(len(entries)):
        key, blob = entries[i]
        octets += <size_t> len(key) + <size_t> len(blob)
        if entry_open(&entry, <const uint8_t*> PyBytes_AS_STRING(blob), <uint32_t> min(len(blob), 0xffffffff)) != Status.OK:
            raise ValueError("not a stored entry")
        if entry.flags & flags or <size_t> len(blob) > most:
            out.append(i)
    return octets, out


def with_serial(bytes blob not None, uint32_t serial) -> tuple[bytes, int, bytes, bytes]:
    """The same entry with another serial in its one SOA: (blob, TTL of the SOA, its rdata before, and after).

    ValueError when there is no such SOA.
    """
    cdef Entry entry
    cdef Rrset rrset
    cdef Writer w
    cdef uint16_t rdlength = 0
    cdef uint32_t offset
    cdef const uint8_t* base = <const uint8_t*> PyBytes_AS_STRING(blob)
    cdef const uint8_t* rdata = NULL
    cdef bytes after
    if entry_open(&entry, base, <uint32_t> len(blob)) == Status.OK and entry_find(&entry, SOA, &rrset) == Status.OK \
            and rrset.count == 1:
        rdata = rrset_next(&rrset, &rdlength)
    if rdata == NULL or rdlength < SOA_TAIL + 2:
        raise ValueError("no entry with one SOA")
    offset = <uint32_t> (rdata - base) + rdlength - SOA_TAIL
    after = PyBytes_FromStringAndSize(<const char*> base, <Py_ssize_t> len(blob))
    writer_open(&w, <uint8_t*> PyBytes_AS_STRING(after), <uint32_t> len(blob))
    w.at = offset
    writer_u32(&w, serial)
    offset -= rdlength - SOA_TAIL
    return after, rrset.ttl, blob[offset:offset + rdlength], after[offset:offset + rdlength]


def plain_serial(bytes blob not None) -> int:
    """Serial of the apex of an ordinary zone, with one SOA, NS and no flag beside that of an apex; -1: take a closer look."""
    cdef Entry entry
    cdef Rrset rrset
    cdef uint16_t rdlength = 0
    cdef const uint8_t* rdata = NULL
    cdef const uint8_t* base = <const uint8_t*> PyBytes_AS_STRING(blob)
    if entry_open(&entry, base, <uint32_t> min(len(blob), 0xffffffff)) != Status.OK or entry.flags & ~HAS_WILDCARD != IS_APEX:
        return -1
    if entry_find(&entry, NS, &rrset) != Status.OK or rrset_next(&rrset, &rdlength) == NULL:
        return -1
    if entry_find(&entry, SOA, &rrset) == Status.OK and rrset.count == 1:
        rdata = rrset_next(&rrset, &rdlength)
    if rdata == NULL or rdlength < SOA_TAIL + 2:
        return -1
    rdata += rdlength - SOA_TAIL
    return <long long> (<uint32_t> rdata[0] << 24 | <uint32_t> rdata[1] << 16 | <uint32_t> rdata[2] << 8 | rdata[3])


def unpack_entry(bytes blob not None) -> EntryData:
    """What pack_entry packed. ValueError when the blob breaks the format."""
    cdef Entry entry
    cdef Rrset rrset
    cdef uint16_t i, rdlength = 0, number
    cdef uint64_t taken = 0
    cdef const uint8_t* rdata
    cdef const uint8_t* base = <const uint8_t*> PyBytes_AS_STRING(blob)
    if entry_open(&entry, base, <uint32_t> len(blob)) != Status.OK:
        raise ValueError("not a stored entry")
    rrsets = []
    for i in range(entry.rrsets):
        if entry_at(&entry, i, &rrset) != Status.OK:
            raise ValueError(f"RRset {i} of a stored entry is out of bounds")
        number = rrset.type
        ttl = rrset.ttl
        rdatas = []
        while True:
            rdata = rrset_next(&rrset, &rdlength)
            if rdata == NULL:
                break
            taken += 2 + <uint64_t> rdlength
            if taken > <uint64_t> len(blob):
                raise ValueError(f"RRset {i} of a stored entry overlaps another one")   # and could fill all memory
            rdatas.append(PyBytes_FromStringAndSize(<const char*> rdata, rdlength))
        if reader_bad(&rrset.rrs):
            raise ValueError(f"RRset {i} of a stored entry is out of bounds")
        rrsets.append((number, ttl, rdatas))
    return EntryData(entry.apex, entry.flags, blob[ENTRY_HEAD:ENTRY_HEAD + entry.spelling], rrsets)
