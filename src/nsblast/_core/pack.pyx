"""Records of a zone to messages of a transfer: no Python object for a record, whole slices of entries in one call.

Owns: the way from stored entries, and from records of the journal, to messages; compression over a whole message. Never: the order of
records, signatures, the network. An answer's few names are suffix.pyx's; a message of a transfer has hundreds, so that suffixes
are found by hash here, and only a proof octet by octet makes a pointer.
Invariants: a message is within its limit, but one record that is larger alone gets up to `most`; a record stands whole in one message;
stored entries are not trusted (CORRUPT). RFC 1035 4.1.4, 3597 4, 5936 3.4.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from nsblast._core.keys cimport key_read
from nsblast._core.name cimport NAME_OCTETS, name_span
from nsblast._core.proto cimport CLASS_IN, HEADER_ANCOUNT, HEADER_OCTETS, POINTER_MAX, TYPE_SOA
from nsblast._core.rrset cimport (
    ENTRY_HEAD, Entry, IS_APEX, Layout, Rrset, entry_at, entry_open, layout_of, rrset_next,
)
from nsblast._core.status cimport CORRUPT, OK, TRUNCATED, Status
from nsblast._core.suffix cimport spells
from nsblast._core.wire cimport (
    Reader, Writer, reader_bad, reader_here, reader_left, reader_open, reader_seek, reader_take, reader_u8, writer_bytes,
    writer_open, writer_patch_u16, writer_rewind, writer_rr_head, writer_u16,
)

cdef enum:
    FIRST_FACTOR = 0x9e3779b1
    COUNT_MAX = 65535
    LABELS = 128


cdef inline uint32_t mixed(uint32_t hash, Reader* label) noexcept nogil:
    """The hash of a suffix, one label longer."""
    hash = (hash ^ <uint32_t> (reader_left(label) + 1)) * <uint32_t> FIRST_FACTOR
    while reader_left(label):
        hash = (hash ^ reader_u8(label)) * <uint32_t> 0x01000193
    return hash


cdef inline uint32_t labels_of(Reader* r, uint32_t* at) noexcept nogil:
    """How many labels the name at the cursor has; at: where each begins, and the root behind them."""
    cdef uint32_t labels = 0
    cdef uint8_t size
    while labels < LABELS:
        at[labels] = r.at
        size = reader_u8(r)
        if size == 0 or reader_bad(r):
            break
        reader_take(r, size)
        labels += 1
    return labels


cdef inline uint32_t longer(uint32_t hash, Reader* r, uint32_t at) noexcept nogil:
    """The hash of a suffix, with the label there before it."""
    cdef Reader label
    cdef uint8_t size
    cdef const uint8_t* octets
    reader_seek(r, at)
    size = reader_u8(r)
    octets = reader_take(r, size)
    reader_open(&label, octets, size if octets != NULL else 0)
    return mixed(hash, &label)


cdef inline uint32_t slot_of(uint32_t hash) noexcept nogil:
    """Which of the places a suffix has."""
    return (hash ^ (hash >> 16)) & (PLACES - 1)


cdef class Packer:
    def __cinit__(self, bytes head not None, unsigned int limit=16384, unsigned int most=65535):
        self.memory = <uint8_t*> malloc(MESSAGE_OCTETS)
        self.places = <uint16_t*> calloc(PLACES, sizeof(uint16_t))
        if self.memory == NULL or self.places == NULL:
            raise MemoryError
        self.head = <uint32_t> PyBytes_GET_SIZE(head)
        self.most = min(most, <unsigned int> MESSAGE_OCTETS)
        self.limit = min(limit, self.most)
        if self.head < HEADER_OCTETS or self.head > self.limit:
            raise ValueError("no header, or a limit below it")
        writer_open(&self.w, self.memory, MESSAGE_OCTETS)
        writer_bytes(&self.w, <const uint8_t*> PyBytes_AS_STRING(head), self.head)
        self.begin()

    def __dealloc__(self):
        free(self.memory)
        free(self.places)

    @property
    def records(self):
        """In the message under construction."""
        return self.count

    @property
    def octets(self):
        """Of the message under construction, header and question included."""
        return self.w.at

    @property
    def inside(self):
        """Whether part of an entry stands in messages already."""
        return self.rrset_at != 0 or self.rr_at != 0

    cdef void begin(self) noexcept nogil:
        """An empty message: header and question stand from the first one on."""
        cdef uint32_t start = self.head
        writer_rewind(&self.w, start)
        self.w.limit = self.limit
        self.count = 0
        self.begun += 1
        memset(self.places, 0, PLACES * sizeof(uint16_t))

    cdef void put_name(self, const uint8_t* name, uint32_t length) noexcept nogil:
        """A well-formed name; suffixes that are new are remembered. w.bad when it does not fit."""
        cdef uint32_t at[LABELS]
        cdef uint32_t slot[LABELS]
        cdef Reader r
        cdef uint32_t k, labels, known, place
        cdef uint32_t hash = FIRST_FACTOR
        cdef uint32_t start = self.w.at
        cdef uint32_t pointed = 0
        reader_open(&r, name, length)
        labels = labels_of(&r, at)
        known = labels                      # label from which on a pointer stands for the rest
        for k in range(labels):
            hash = longer(hash, &r, at[labels - 1 - k])
            slot[labels - 1 - k] = slot_of(hash)
            if known == labels - k:         # the suffix before was known, or was the root
                place = self.places[slot[labels - 1 - k]]
                if place and spells(&self.w, place, name + at[labels - 1 - k]):
                    known = labels - 1 - k
                    pointed = place
        if pointed == 0:
            writer_bytes(&self.w, name, length)
            known = labels
        else:
            writer_bytes(&self.w, name, at[known])
            writer_u16(&self.w, <uint16_t> (0xc000 | pointed))
        if not self.w.bad:
            for k in range(known):
                if start + at[k] <= POINTER_MAX:
                    self.places[slot[k]] = <uint16_t> (start + at[k])

    cdef void learn(self, uint32_t start, uint32_t length) noexcept nogil:
        cdef Reader r
        cdef uint32_t at[LABELS]
        cdef uint32_t k, labels
        cdef uint32_t hash = FIRST_FACTOR
        reader_open(&r, self.w.base, min(start + length, self.w.at))
        reader_seek(&r, start)
        labels = labels_of(&r, at)
        for k in range(labels):
            hash = longer(hash, &r, at[labels - 1 - k])
            if at[labels - 1 - k] <= POINTER_MAX:
                self.places[slot_of(hash)] = <uint16_t> at[labels - 1 - k]

    cdef Status try_rr(self, const uint8_t* owner, uint32_t owner_len, uint16_t rrtype, uint32_t ttl,
                       const uint8_t* rdata, uint16_t rdlength) noexcept nogil:
        """The record, or w.bad (TRUNCATED), or CORRUPT; the caller takes back what was begun."""
        cdef Writer* w = &self.w
        cdef Layout layout = layout_of(rrtype)
        cdef Reader r
        cdef uint32_t start, size
        cdef uint8_t _i
        cdef const uint8_t* part
        self.put_name(owner, owner_len)
        writer_rr_head(w, rrtype, CLASS_IN, ttl, rdlength)
        if not layout.compress:
            writer_bytes(w, rdata, rdlength)
            return TRUNCATED if w.bad else OK
        start = w.at
        reader_open(&r, rdata, rdlength)
        part = reader_take(&r, layout.skip)
        if reader_bad(&r):
            return CORRUPT
        writer_bytes(w, part, layout.skip)
        for _i in range(layout.names):
            part = reader_here(&r)
            size = name_span(part, reader_left(&r))
            if size == 0:
                return CORRUPT
            self.put_name(part, size)
            reader_take(&r, size)
        size = reader_left(&r)
        writer_bytes(w, reader_here(&r), size)
        if w.bad:
            return TRUNCATED
        writer_patch_u16(w, start - 2, <uint16_t> (w.at - start))
        return OK

    cdef Status put_rr(self, const uint8_t* owner, uint32_t owner_len, uint16_t rrtype, uint32_t ttl,
                       const uint8_t* rdata, uint16_t rdlength) noexcept nogil:
        cdef uint32_t start = self.w.at
        cdef Status status
        if self.count == COUNT_MAX:
            return TRUNCATED
        status = self.try_rr(owner, owner_len, rrtype, ttl, rdata, rdlength)
        if status == OK:
            self.count += 1
            return OK
        # Places noted for a record that is taken back prove themselves wrong (spells) or right again.
        writer_rewind(&self.w, start)
        if status == TRUNCATED and self.count == 0:
            if self.w.limit >= self.most:
                return CORRUPT
            self.w.limit = self.most
            status = self.put_rr(owner, owner_len, rrtype, ttl, rdata, rdlength)
            self.w.limit = max(self.limit, self.w.at)       # it is alone
            return status
        return status

    cdef Status put_entry(self, const uint8_t* key, uint32_t key_len, const uint8_t* blob, uint32_t blob_len,
                          bint soa) noexcept nogil:
        """What of an entry stands in no message yet, as far as it fits."""
        cdef uint8_t name[NAME_OCTETS]
        cdef const uint8_t* owner = name
        cdef uint32_t owner_len
        cdef uint8_t apex
        cdef Reader r
        cdef Writer w
        cdef Entry entry
        cdef Rrset rrset
        cdef uint16_t _done, rdlength
        cdef const uint8_t* rdata
        cdef Status status
        if entry_open(&entry, blob, blob_len) != OK:
            return CORRUPT
        if entry.rrsets == 0:
            return OK
        if entry.spelling:
            reader_open(&r, blob, blob_len)
            reader_seek(&r, ENTRY_HEAD)
            owner = reader_take(&r, entry.spelling)
            owner_len = entry.spelling
            if owner == NULL or name_span(owner, owner_len) != owner_len:
                return CORRUPT
        else:
            reader_open(&r, key, key_len)
            writer_open(&w, name, NAME_OCTETS)
            if key_read(&r, &w, &apex) != OK:
                return CORRUPT
            owner_len = w.at
        while self.rrset_at < entry.rrsets:
            if entry_at(&entry, self.rrset_at, &rrset) != OK:
                return CORRUPT
            if rrset.type != TYPE_SOA or soa or not entry.flags & IS_APEX:
                for _done in range(self.rr_at):
                    rrset_next(&rrset, &rdlength)
                while rrset.count:
                    rdata = rrset_next(&rrset, &rdlength)
                    if rdata == NULL:
                        return CORRUPT
                    status = self.put_rr(owner, owner_len, rrset.type, rrset.ttl, rdata, rdlength)
                    if status != OK:
                        return status
                    self.rr_at += 1
            self.rrset_at += 1
            self.rr_at = 0
        self.rrset_at = 0
        return OK

    def put(self, bytes owner not None, unsigned int rrtype, unsigned int ttl, bytes rdata not None):
        """Add one record; False when the message is full: take() it, then put the record again. ValueError for what is none."""
        cdef uint32_t owner_len = <uint32_t> min(PyBytes_GET_SIZE(owner), NAME_OCTETS + 1)
        cdef const uint8_t* name = <const uint8_t*> PyBytes_AS_STRING(owner)
        cdef Status status = CORRUPT
        if owner_len and name_span(name, owner_len) == owner_len and PyBytes_GET_SIZE(rdata) <= 65535 and rrtype <= 65535:
            status = self.put_rr(name, owner_len, <uint16_t> rrtype, ttl, <const uint8_t*> PyBytes_AS_STRING(rdata),
                                 <uint16_t> PyBytes_GET_SIZE(rdata))
        if status == OK:
            return True
        if status == TRUNCATED:
            return False
        raise ValueError(f"not a record of type {rrtype} that a message can hold, at {owner!r}")

    def put_rrs(self, list rrs not None, Py_ssize_t start=0):
        """Add records from the start-th on; the index of the first that did not fit, len(rrs) when all did."""
        cdef Py_ssize_t i
        for i in range(start, len(rrs)):
            owner, rrtype, ttl, rdata = rrs[i]
            if not self.put(owner, rrtype, ttl, rdata):
                return i
        return len(rrs)

    def put_entries(self, list entries not None, Py_ssize_t start=0, unsigned int skip=1, bint soa=False):
        """The same with stored entries (key after `skip` octets, blob), all their records but the apex's SOA unless soa."""
        cdef Py_ssize_t i
        cdef bytes key, blob
        cdef Status status
        for i in range(start, len(entries)):
            key, blob = <tuple?> entries[i]
            if skip > <size_t> PyBytes_GET_SIZE(key):
                raise ValueError(f"not the key of an entry: {key!r}")
            if PyBytes_GET_SIZE(blob) == 0:
                continue                    # deleted
            status = self.put_entry(
                <const uint8_t*> PyBytes_AS_STRING(key) + skip, <uint32_t> PyBytes_GET_SIZE(key) - skip,
                <const uint8_t*> PyBytes_AS_STRING(blob), <uint32_t> PyBytes_GET_SIZE(blob), soa,
            )
            if status == TRUNCATED:
                return i
            if status != OK:
                raise ValueError(f"the entry of key {key!r} is damaged, or no message can hold it")
        return len(entries)

    def take(self):
        """The message so far; the next begins empty."""
        cdef bytes message
        writer_patch_u16(&self.w, HEADER_ANCOUNT, self.count)
        message = PyBytes_FromStringAndSize(<const char*> self.memory, self.w.at)
        self.begin()
        return message
