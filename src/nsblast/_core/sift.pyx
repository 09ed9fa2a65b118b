"""Records of one message of a transfer into others: those of names that did not change, in their order, by key.

Owns: which records go over, where one stops for a name that comes between, pointers of records that move. Never: messages (pack.pyx),
reading names and rdata (unpack.pyx), which names changed. A record goes over as it stands when all its pointers lead to what went over so
as well; else it is packed. Neither makes an object of Python. Reading a stored entry costs many times that.
Invariants: the apex's records never go over, its SOA at the end of a transfer among them; a pointer leads to the octets it led to before;
what cannot be read is an error.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, memcpy

from nsblast._core.keys cimport KEY_OCTETS, key_write_rest
from nsblast._core.pack cimport Packer
from nsblast._core.proto cimport POINTER_MAX
from nsblast._core.rrset cimport Layout, layout_of
from nsblast._core.status cimport CORRUPT, OK, SERVFAIL, TRUNCATED, Status
from nsblast._core.unpack cimport RDATA_OCTETS, name_to, rdata_to
from nsblast._core.wire cimport (
    Reader, Writer, reader_bad, reader_here, reader_open, reader_seek, reader_take, reader_u8, reader_u16, reader_u32, writer_bytes,
    writer_open, writer_patch_u16, writer_rewind,
)

DONE = 0
FULL = 1
STOP = 2

cdef enum:
    MOVES = 32              # stretches whose place in the new message is known; what goes over beyond is pointed to no more
    COUNT_MAX = 65535
    NAMES = 3               # names in a record that may be pointers: its owner and two in its rdata


cdef struct Move:
    uint32_t start          # offset of the first octet in the message read
    uint32_t end            # behind the last
    int32_t by              # what to add to be where it stands now


cdef struct Record:
    uint32_t start          # offset of its owner
    uint32_t pointer        # offset of the pointer its owner ends in, 0 = spelled in full
    uint32_t behind         # behind the owner
    uint32_t rdata
    uint32_t end            # behind the record
    uint32_t ttl
    uint16_t type
    uint16_t length         # of the rdata


cdef inline int compared(const uint8_t* a, uint32_t a_len, const uint8_t* b, uint32_t b_len) noexcept nogil:
    """The order of keys."""
    cdef int found = memcmp(a, b, min(a_len, b_len))
    if found:
        return found
    return <int> a_len - <int> b_len


cdef uint32_t pass_name(Reader* r) noexcept nogil:
    """Behind the name at the cursor; the offset of the pointer it ends in, 0 when there is none."""
    cdef uint32_t at
    cdef uint8_t size
    while True:
        at = r.at
        size = reader_u8(r)
        if size >= 0xc0:
            reader_u8(r)
            return at
        if size == 0:
            return 0
        reader_take(r, size)


cdef class Sift:
    cdef bytes message
    cdef bytes passed_key           # whose records stay behind, or None
    cdef Reader r
    cdef Record record              # the next one
    cdef uint32_t left              # records that were not dealt with
    cdef uint32_t labels            # of the zone's apex
    cdef bint ends                  # the apex's records may be here
    cdef bint over                  # no record of passed_key is to come
    cdef bint looked                # owner and at are those of the next record
    cdef uint8_t owner[256]
    cdef uint32_t owner_len         # 0 = none was read yet
    cdef uint8_t at[KEY_OCTETS]     # the owner's key below the apex
    cdef uint32_t at_len
    cdef uint32_t done              # offset of the record that went over last, 0 = none did
    cdef Move moves[MOVES]
    cdef uint32_t moved             # of them
    cdef uint32_t begun             # which of the packer's messages they are in

    def __cinit__(self, bytes message not None, unsigned int head, unsigned int labels, bytes passed=None, bint ends=True):
        reader_open(&self.r, <const uint8_t*> PyBytes_AS_STRING(message), <uint32_t> PyBytes_GET_SIZE(message))
        reader_seek(&self.r, 6)
        self.left = reader_u16(&self.r)
        reader_seek(&self.r, head)
        if reader_bad(&self.r) or labels > 127:
            raise ValueError("no message of a transfer")
        self.message = message
        self.labels = labels
        self.ends = ends
        self.skip(passed)
        self.record.start = head

    @property
    def key(self):
        """Below the apex, of the next record's owner; None at the end."""
        if not self.left or self.look(self.record.start) != OK:
            return None
        return PyBytes_FromStringAndSize(<const char*> self.at, self.at_len)

    @property
    def last(self):
        """The same of the record that went over last; None when none did."""
        cdef Status status
        if not self.done:
            return None
        self.looked = False
        status = self.look(self.done)
        self.looked = False
        return PyBytes_FromStringAndSize(<const char*> self.at, self.at_len) if status == OK else None

    def skip(self, bytes key):
        """Records of the owner with this key, which lies before all others to come, stay behind."""
        self.passed_key = key
        self.over = key is None

    cdef Status look(self, uint32_t start) noexcept nogil:
        """Read the owner of the record there, unless that is done."""
        cdef uint8_t name[256]
        cdef Writer w
        if self.looked:
            return OK
        reader_seek(&self.r, start)
        writer_open(&w, name, 256)
        if not name_to(&self.r, &w):
            return CORRUPT
        if w.at != self.owner_len or memcmp(name, self.owner, w.at) != 0:
            self.owner_len = w.at
            memcpy(self.owner, name, self.owner_len)
            writer_open(&w, self.at, KEY_OCTETS)
            if key_write_rest(&w, self.owner, self.owner_len, <uint8_t> self.labels) != OK:
                self.owner_len = 0
                return CORRUPT
            self.at_len = w.at
        self.looked = True
        return OK

    cdef Status measure(self) noexcept nogil:
        """Where the parts of the next record are."""
        cdef Record* record = &self.record
        reader_seek(&self.r, record.start)
        record.pointer = pass_name(&self.r)
        record.behind = self.r.at
        record.type = reader_u16(&self.r)
        reader_u16(&self.r)
        record.ttl = reader_u32(&self.r)
        record.length = reader_u16(&self.r)
        record.rdata = self.r.at
        reader_take(&self.r, record.length)
        record.end = self.r.at
        return CORRUPT if reader_bad(&self.r) else OK

    cdef uint32_t place_of(self, uint32_t pointer) noexcept nogil:
        """Where what a pointer at this offset leads to stands now; 0 when that cannot be pointed to."""
        cdef uint32_t to, k
        reader_seek(&self.r, pointer)
        to = reader_u16(&self.r) & 0x3fff
        for k in range(self.moved):
            if self.moves[k].start <= to < self.moves[k].end:
                to = <uint32_t> (<int32_t> to + self.moves[k].by)
                return to if to <= POINTER_MAX else 0
        return 0

    cdef Status copied(self, Packer packer) noexcept nogil:
        """The next record over as it stands. SERVFAIL when it cannot be; TRUNCATED when it does not fit."""
        cdef Record* record = &self.record
        cdef Layout layout = layout_of(record.type)
        cdef Move* last
        cdef uint32_t at[NAMES]
        cdef uint32_t to[NAMES]
        cdef uint32_t pointers = 0
        cdef uint32_t dest = packer.w.at
        cdef uint32_t _k, k, next_name
        if packer.count == COUNT_MAX:
            return TRUNCATED
        if record.pointer:
            at[0] = record.pointer
            pointers = 1
        if layout.compress:
            next_name = record.rdata + layout.skip
            for _k in range(layout.names):
                reader_seek(&self.r, next_name)
                at[pointers] = pass_name(&self.r)
                next_name = self.r.at
                if next_name > record.end or reader_bad(&self.r):
                    return CORRUPT
                pointers += at[pointers] != 0
        for k in range(pointers):
            to[k] = self.place_of(at[k])
            if to[k] == 0:
                return SERVFAIL
        reader_seek(&self.r, record.start)
        writer_bytes(&packer.w, reader_here(&self.r), record.end - record.start)
        if packer.w.bad:
            writer_rewind(&packer.w, dest)
            return TRUNCATED if packer.count else SERVFAIL
        for k in range(pointers):
            writer_patch_u16(&packer.w, dest + at[k] - record.start, <uint16_t> (0xc000 | to[k]))
        packer.count += 1
        if record.pointer == 0:
            packer.learn(dest, record.behind - record.start)
        last = &self.moves[self.moved - 1] if self.moved else NULL
        if last != NULL and last.end == record.start and last.by == <int32_t> dest - <int32_t> record.start:
            last.end = record.end
        elif self.moved < MOVES:
            self.moves[self.moved].start = record.start
            self.moves[self.moved].end = record.end
            self.moves[self.moved].by = <int32_t> dest - <int32_t> record.start
            self.moved += 1
        return OK

    cdef Status packed(self, Packer packer) noexcept nogil:
        """The next record over, packed anew."""
        cdef Record* record = &self.record
        cdef Writer w
        cdef uint8_t rdata[RDATA_OCTETS]
        cdef const uint8_t* octets
        cdef uint32_t length = record.length
        cdef bint known = False
        if self.look(record.start) != OK:
            return CORRUPT
        reader_seek(&self.r, record.rdata)
        if layout_of(record.type).compress:
            writer_open(&w, rdata, RDATA_OCTETS)
            if not rdata_to(&self.r, record.type, record.end, &w, &known) or w.at > 0xffff:
                return CORRUPT
            octets = rdata
            length = w.at
        else:
            octets = reader_take(&self.r, length)
        return packer.put_rr(self.owner, self.owner_len, record.type, record.ttl, octets, <uint16_t> length)

    cdef bint stays(self, const uint8_t* passed, uint32_t passed_len) noexcept nogil:
        """Whether the next record, whose owner was looked at, does not go over."""
        cdef int order
        if self.at_len == 0:
            return True
        if self.over:
            return False
        order = compared(self.at, self.at_len, passed, passed_len)
        self.over = order > 0
        return order == 0

    def into(self, Packer packer not None, bytes stop=None):
        """Go on until the message is full (FULL: take() it, then go on), a key at or behind `stop` is next (STOP), or all is done (DONE).

        ValueError when a record cannot be read.
        """
        cdef const uint8_t* passed = NULL
        cdef uint32_t passed_len = 0
        cdef const uint8_t* border = NULL
        cdef uint32_t border_len = 0
        cdef Status status = OK
        if self.passed_key is not None:
            passed = <const uint8_t*> PyBytes_AS_STRING(self.passed_key)
            passed_len = <uint32_t> PyBytes_GET_SIZE(self.passed_key)
        if stop is not None:
            border = <const uint8_t*> PyBytes_AS_STRING(stop)
            border_len = <uint32_t> PyBytes_GET_SIZE(stop)
        if self.begun != packer.begun:
            self.begun = packer.begun
            self.moved = 0
        while self.left:
            if border != NULL or self.ends or not self.over:
                status = self.look(self.record.start)
                if status != OK:
                    break
                if border != NULL and compared(self.at, self.at_len, border, border_len) >= 0:
                    return STOP
            status = self.measure()
            if status != OK:
                break
            if not self.looked or not self.stays(passed, passed_len):
                status = self.copied(packer)
                if status == SERVFAIL:
                    status = self.packed(packer)
                if status != OK:
                    break
                self.done = self.record.start
            self.record.start = self.record.end
            self.looked = False
            self.left -= 1
        if status == OK:
            return DONE
        if status == TRUNCATED:
            return FULL
        raise ValueError("a message of an earlier transfer is damaged")
