"""The collector of an import. The face and its promises: collect.pxd.

RFC 1034 3.6.2, 1035 3.3 and 5.2, 2181 5, 8 and 10.1, 4034 3, 4592 2.2.2, 6672 2.3 and 2.4.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memset

from nsblast._core.entry cimport EV_IO, EV_RR, Event
from nsblast._core.mnemonic cimport type_to_text
from nsblast._core.name cimport NAME_OCTETS, hash_label, hash_root, name_same, name_span
from nsblast._core.proto cimport (
    TYPE_CNAME, TYPE_DNAME, TYPE_NS, TYPE_NSEC, TYPE_NSEC3PARAM, TYPE_RRSIG, TYPE_SOA,
)
from nsblast._core.rrset cimport (
    HAS_WILDCARD, IS_APEX, IS_CUT, IS_OCCLUDED, ZONE_NSEC, ZONE_NSEC3, Entry, EntryBuilder, Rrset, entry_at, entry_open,
    rrset_next,
)
from nsblast._core.runs cimport PUT_FOREIGN, PUT_FULL, PUT_OK, BlockHead, PutResult, RecordHead, Runs, block_key
from nsblast._core.scan cimport Scanner
from nsblast._core.status cimport OK

import os as _os
import tempfile as _tempfile

cdef enum:
    RR_HEAD = 12            # octets of an RR beside its rdata, the owner being a compression pointer
    RRSET_OCTETS = 65200    # what one message carries: MESSAGE_MAX less header, the longest question, and room for OPT
    ENTRY_OCTETS = 8388608  # what one owner name may hold

for _name, _number in (("FED_PAUSE", FED_PAUSE), ("FED_FOREIGN", FED_FOREIGN)):
    globals()[_name] = int(_number)
del _name, _number


class ZoneFault(ValueError):
    """The zone breaks a rule; where: number of the file and line (0 = the zone as a whole)."""

    def __init__(self, file, line, expected, found):
        super().__init__(f"line {line}: expected {expected}" + (f", found {found}" if found else ""))
        self.file, self.line, self.expected, self.found = file, line, expected, found


cdef inline BlockHead head_of(const uint8_t* block) noexcept nogil:
    cdef BlockHead head
    memcpy(&head, block, sizeof(BlockHead))
    return head


cdef inline void lower_copy(uint8_t* to, const uint8_t* src, uint32_t n) noexcept nogil:
    cdef uint32_t i
    cdef uint8_t c
    for i in range(n):
        c = src[i]
        to[i] = c + 32 if c >= c'A' and c <= c'Z' else c


cdef str type_text(uint16_t rrtype):
    cdef uint8_t out[16]
    cdef uint32_t n = type_to_text(rrtype, out)
    return (<const char*> out)[:n].decode("ascii")


cdef class Collector:
    """Records of one zone: fed in any order, given out as entries."""

    def __cinit__(self):
        self.blocks = NULL
        self.hashes = NULL
        self.depth = 0

    def __dealloc__(self):
        free(self.blocks)
        free(self.hashes)

    def __init__(self, bytes apex not None, *, seed=(0, 0), size_t memory=268435456, spill_dir=None):
        """memory: octets before sorted runs go to a temporary file in spill_dir; seed: of the database's name hashes."""
        if name_span(<const uint8_t*> PyBytes_AS_STRING(apex), <uint32_t> min(len(apex), 256)) != len(apex):
            raise ValueError(f"not a name in wire form: {apex!r}")
        self.runs = Runs(apex, memory)
        self.builder = EntryBuilder()
        self.seed.a, self.seed.b = seed
        self.spill_dir = spill_dir

    # -- in --

    def feed(self, Scanner scanner not None, uint16_t file, unsigned long long octets) -> int:
        """Take records until something else comes, enough octets were read, or a record is outside the zone."""
        cdef Event event = EV_RR
        cdef PutResult put = PUT_OK
        cdef RecordHead head
        cdef uint64_t until = scanner.behind() + octets
        cdef unsigned long long taken = 0
        if self.finished:
            raise ValueError("no records may follow once entries were given out")
        head.file = file
        head.unused = 0
        while True:
            with nogil:
                while put != PUT_FULL or event != EV_RR:
                    event = scanner.step()
                    if event != EV_RR:
                        break
                    head.ttl = scanner.scan.ttl
                    head.line = scanner.scan.pinned_line or scanner.scan.line
                    head.type = scanner.scan.type
                    head.length = <uint16_t> scanner.scan.rdata.at
                    put = self.runs.put(scanner.scan.owners[scanner.scan.owner], scanner.scan.owner_len, &head,
                                        scanner.scan.rdata.base)
                    if put != PUT_OK:
                        break
                    taken += 1
                    if scanner.behind() >= until:
                        break
            while event == EV_RR and put == PUT_FULL:
                self.spill()
                put = self.runs.put(scanner.scan.owners[scanner.scan.owner], scanner.scan.owner_len, &head,
                                    scanner.scan.rdata.base)
                taken += put == PUT_OK
            if event != EV_RR or put == PUT_FOREIGN or scanner.behind() >= until:
                break
        self.records += taken
        if event == EV_IO:
            raise OSError(scanner.io_error, _os.strerror(scanner.io_error))
        if event != EV_RR:
            return <int> event
        return <int> (FED_FOREIGN if put == PUT_FOREIGN else FED_PAUSE)

    def add(self, bytes owner not None, uint16_t rrtype, uint32_t ttl, bytes rdata not None, uint16_t file, uint32_t line) -> bool:
        """Take one record; False when it is outside the zone."""
        cdef RecordHead head
        cdef PutResult put
        if self.finished:
            raise ValueError("no records may follow once entries were given out")
        if len(owner) > NAME_OCTETS or len(rdata) > 0xffff:
            raise ValueError("a name of at most 255 octets and rdata of at most 65535")
        head.ttl = ttl
        head.line = line
        head.file = file
        head.type = rrtype
        head.length = <uint16_t> len(rdata)
        head.unused = 0
        while True:
            put = self.runs.put(<const uint8_t*> PyBytes_AS_STRING(owner), <uint32_t> len(owner), &head,
                                <const uint8_t*> PyBytes_AS_STRING(rdata))
            if put != PUT_FULL:
                break
            self.spill()
        self.records += put == PUT_OK
        return put == PUT_OK

    def spill(self):
        """Write what is in memory to the temporary file, sorted."""
        cdef int error
        if self.runs.fd < 0:
            with _tempfile.TemporaryFile(prefix="nsblast-import-", dir=self.spill_dir) as file:
                self.runs.fd = _os.dup(file.fileno())       # it has no name; closed when the runs go
        with nogil:
            error = self.runs.spill()
        if error:
            raise OSError(error, _os.strerror(error), self.spill_dir)

    # -- out --

    def rewind(self) -> None:
        """entries() or groups() begin again."""
        cdef int error
        with nogil:
            error = self.runs.rewind()
        if error:
            raise OSError(error, _os.strerror(error), self.spill_dir)
        self.finished = True
        self.depth = 0
        self.names = 0
        self.n_hashes = 0
        self.apex_seen = False

    cdef int gather(self) except -1:
        """All blocks of the next owner name into `blocks`; how many, 0 at the end."""
        cdef const uint8_t* block
        cdef const uint8_t* first = NULL
        cdef BlockHead a, b
        cdef void* p
        self.n_blocks = 0
        while True:
            block = self.runs.peek()
            if block == NULL:
                break
            if first != NULL:
                a = head_of(first)
                b = head_of(block)
                if a.key_len != b.key_len or memcmp(block_key(first), block_key(block), a.key_len) != 0:
                    break
            else:
                first = block
            if self.n_blocks == self.block_room:
                p = realloc(self.blocks, (self.block_room * 2 + 16) * sizeof(void*))
                if p == NULL:
                    raise MemoryError
                self.blocks = <const uint8_t**> p
                self.block_room = self.block_room * 2 + 16
            self.blocks[self.n_blocks] = block
            self.n_blocks += 1
            self.runs.advance()
        return <int> self.n_blocks

    def groups(self, size_t most=1000) -> list:
        """The next (owner name, [(owner as spelled, type, TTL, rdata, file, line), ...]); nothing is checked."""
        cdef list out = []
        cdef list rrs
        cdef uint32_t i
        cdef BlockHead block
        cdef RecordHead head
        cdef const uint8_t* p
        cdef const uint8_t* end
        cdef bytes name
        cdef uint8_t lower[256]
        if not self.finished:
            self.rewind()
        while <size_t> len(out) < most and self.gather():
            rrs = []
            for i in range(self.n_blocks):
                block = head_of(self.blocks[i])
                p = self.blocks[i] + sizeof(BlockHead) + block.key_len
                name = PyBytes_FromStringAndSize(<const char*> p, block.name_len)
                lower_copy(lower, p, block.name_len)
                p += block.name_len
                end = p + block.size
                while p < end:
                    memcpy(&head, p, sizeof(RecordHead))
                    p += sizeof(RecordHead)
                    rrs.append((name, head.type, head.ttl, PyBytes_FromStringAndSize(<const char*> p, head.length), head.file,
                                head.line))
                    p += head.length
            if rrs:
                out.append((PyBytes_FromStringAndSize(<const char*> lower, block.name_len), rrs))
        return out

    def entries(self, size_t most=1000) -> list:
        """The next (owner key, owner name, entry blob), about `most` of them; empty at the end. ZoneFault."""
        cdef list out = []
        if not self.finished:
            self.rewind()
        while <size_t> len(out) < most:
            if not self.gather():
                if self.depth == 0:
                    raise ZoneFault(0, 0, "a SOA record at the zone's apex", "")
                break
            self.emit_group(out)
        return out

    def take_hashes(self) -> bytes:
        """Hashes of the names entries() gave out since the last call: native-endian u64 array."""
        cdef bytes out = PyBytes_FromStringAndSize(<const char*> self.hashes, self.n_hashes * sizeof(uint64_t)) \
            if self.n_hashes else b""
        self.n_hashes = 0
        return out

    cdef Tally tally(self) noexcept nogil:
        """Put all records of the owner name into the builder's hands, count them, and note the first that breaks a rule."""
        cdef Tally t
        cdef uint32_t i
        cdef BlockHead block
        cdef RecordHead head
        cdef const uint8_t* p
        cdef const uint8_t* end
        cdef const uint8_t* single[3]       # the rdata of the SOA, CNAME, DNAME seen first
        cdef uint16_t single_len[3]
        cdef int which
        cdef bint apex = head_of(self.blocks[0]).key_len == 0
        t.records = t.soas = t.nss = t.cnames = t.dnames = t.nsecs = t.params = t.others = 0
        t.octets = 0
        t.expected = NULL
        memset(&t.clash, 0, sizeof(RecordHead))
        single[0] = single[1] = single[2] = NULL
        for i in range(self.n_blocks):
            block = head_of(self.blocks[i])
            p = self.blocks[i] + sizeof(BlockHead) + block.key_len + block.name_len
            end = p + block.size
            while p < end:
                memcpy(&head, p, sizeof(RecordHead))
                p += sizeof(RecordHead)
                t.records += 1
                t.octets += RR_HEAD + head.length
                which = -1
                if head.type == TYPE_NS:
                    t.nss += 1
                    t.others += 1
                elif head.type == TYPE_CNAME:
                    t.cnames += 1
                    which = 1
                elif head.type == TYPE_SOA:
                    t.soas += 1
                    t.others += 1
                    which = 0
                elif head.type == TYPE_DNAME:
                    t.dnames += 1
                    t.others += 1
                    which = 2
                elif head.type == TYPE_NSEC:
                    t.nsecs += 1
                elif head.type == TYPE_NSEC3PARAM:
                    t.params += 1
                    t.others += 1
                elif head.type != TYPE_RRSIG:
                    t.others += 1
                if t.expected == NULL:
                    if which == 0 and not apex:
                        t.expected = b"a SOA record at the zone's apex only"
                    elif t.cnames and t.others:
                        t.expected = b"a CNAME record alone at its name"
                    elif t.dnames and t.nss and not apex:
                        t.expected = b"no DNAME record beside NS records below the apex"
                    elif which >= 0 and single[which] == NULL:
                        single[which] = p
                        single_len[which] = head.length
                    elif which >= 0 and not (single_len[which] == head.length and name_same(single[which], p, head.length)):
                        t.expected = (b"one SOA record in a zone" if which == 0 else b"one CNAME record at a name" if which == 1
                                      else b"one DNAME record at a name")
                    if t.expected != NULL:
                        t.clash = head
                p += head.length
        return t

    cdef int fill(self) except -1:
        """All records of the owner name into the builder."""
        cdef uint32_t i
        cdef BlockHead block
        cdef RecordHead head
        cdef const uint8_t* p
        cdef const uint8_t* end
        self.builder.clear()
        for i in range(self.n_blocks):
            block = head_of(self.blocks[i])
            p = self.blocks[i] + sizeof(BlockHead) + block.key_len + block.name_len
            end = p + block.size
            while p < end:
                memcpy(&head, p, sizeof(RecordHead))
                p += sizeof(RecordHead)
                self.builder.add(head.type, head.ttl, p, head.length)
                p += head.length
        return 0

    cdef int check_sizes(self, bytes blob) except -1:
        """Every RRset must fit into a message, and the entry into memory."""
        cdef Entry entry
        cdef Rrset rrset
        cdef uint16_t i, n = 0
        cdef uint64_t octets
        if len(blob) > ENTRY_OCTETS:
            raise self.fault_at(0, "at most 8388608 octets at one name", f"{len(blob)}")
        if entry_open(&entry, <const uint8_t*> PyBytes_AS_STRING(blob), <uint32_t> len(blob)) != OK:
            raise ValueError("not a stored entry")
        for i in range(entry.rrsets):
            entry_at(&entry, i, &rrset)
            octets = 0
            while rrset_next(&rrset, &n) != NULL:
                octets += RR_HEAD + n
            if octets > RRSET_OCTETS:
                raise self.fault_at(rrset.type, f"an RRset of at most {RRSET_OCTETS} octets, which fits into a message",
                                    f"{octets} octets of {type_text(rrset.type)}")
        return 0

    cdef object fault_at(self, uint16_t rrtype, expected, found):
        """A fault at the first record of a type at this owner name; of any type when it is 0."""
        cdef uint32_t i
        cdef BlockHead block
        cdef RecordHead head
        cdef const uint8_t* p
        cdef const uint8_t* end
        for i in range(self.n_blocks):
            block = head_of(self.blocks[i])
            p = self.blocks[i] + sizeof(BlockHead) + block.key_len + block.name_len
            end = p + block.size
            while p < end:
                memcpy(&head, p, sizeof(RecordHead))
                if rrtype == 0 or head.type == rrtype:
                    return ZoneFault(head.file, head.line, expected, found)
                p += sizeof(RecordHead) + head.length
        return ZoneFault(0, 0, expected, found)

    cdef int give(self, list out, const uint8_t* name, uint32_t name_len, uint32_t key_len, bytes blob, uint64_t hash) except -1:
        """One entry to the caller; its key is the first key_len octets of self.key."""
        cdef bytes key = PyBytes_FromStringAndSize(NULL, self.runs.apex_key_len + key_len)
        cdef size_t room
        cdef void* p
        memcpy(PyBytes_AS_STRING(key), self.runs.apex_key, self.runs.apex_key_len)
        memcpy(PyBytes_AS_STRING(key) + self.runs.apex_key_len, self.key, key_len)
        out.append((key, blob) if self.bare else (key, PyBytes_FromStringAndSize(<const char*> name, name_len), blob))
        if self.n_hashes == self.hash_room:
            room = self.hash_room * 2 + 1024
            p = realloc(self.hashes, room * sizeof(uint64_t))
            if p == NULL:
                raise MemoryError
            self.hashes = <uint64_t*> p
            self.hash_room = room
        self.hashes[self.n_hashes] = hash
        self.n_hashes += 1
        self.names += 1
        return 0

    cdef int start(self, const uint8_t* name, const uint8_t* starts, uint32_t labels) except -1:
        """Level 0 is the apex; its hash is that of the last apex_labels labels of any name of the zone."""
        cdef uint64_t h = hash_root(&self.seed)
        cdef uint32_t k
        for k in range(1, self.runs.apex_labels + 1):
            h = hash_label(h, name + starts[labels - k], &self.seed)
        self.levels[0].hash = h
        self.levels[0].key_end = 0
        self.levels[0].blocks = False
        return 0

    cdef int emit_group(self, list out) except -1:
        """The entry of the blocks gathered, and those of empty non-terminals above it."""
        cdef BlockHead head = head_of(self.blocks[0])
        cdef BlockHead other
        cdef const uint8_t* key = block_key(self.blocks[0])
        cdef const uint8_t* spelled = NULL
        cdef uint8_t name[256]
        cdef uint8_t starts[128]
        cdef uint32_t labels = 0, at = 0, i, common, level, end, first
        cdef uint16_t flags = 0
        cdef Tally t
        cdef bytes blob
        cdef bint wild = False
        for i in range(self.n_blocks):
            other = head_of(self.blocks[i])
            if other.wild:
                wild = True
            elif spelled == NULL:
                spelled = self.blocks[i] + sizeof(BlockHead) + other.key_len
        lower_copy(name, key + head.key_len, head.name_len)
        while name[at]:
            starts[labels] = <uint8_t> at
            labels += 1
            at += <uint32_t> name[at] + 1
        t = self.tally()
        if t.expected != NULL:
            raise ZoneFault(t.clash.file, t.clash.line, (<bytes> t.expected).decode("ascii"), type_text(t.clash.type))
        if self.depth == 0:
            if head.key_len or t.soas == 0:
                raise ZoneFault(0, 0, "a SOA record at the zone's apex", "")
            if t.nss == 0:
                raise ZoneFault(0, 0, "at least one NS record at the zone's apex", "")
            self.start(name, starts, labels)
            flags = IS_APEX | (ZONE_NSEC if t.nsecs else 0) | (ZONE_NSEC3 if t.params else 0)
            level = 0
        else:
            # Keep the levels this name shares with the one before it, make the others.
            common = 0
            while common < head.key_len and common < self.levels[self.depth - 1].key_end and key[common] == self.key[common]:
                common += 1
            while self.levels[self.depth - 1].key_end > common:
                self.depth -= 1
            level = self.depth
            end = self.levels[level - 1].key_end
            memcpy(self.key + end, key + end, head.key_len - end)
            while True:
                while key[end] != 0:        # escapes never hold a zero octet
                    end += 1
                end += 1
                self.levels[level].key_end = end
                self.levels[level].blocks = self.levels[level - 1].blocks
                first = starts[labels - self.runs.apex_labels - level]
                self.levels[level].hash = hash_label(self.levels[level - 1].hash, name + first, &self.seed)
                if end == head.key_len:
                    break
                self.builder.clear()
                blob = self.builder.pack(self.runs.apex_labels, IS_OCCLUDED if self.levels[level].blocks else 0, NULL, 0)
                self.give(out, name + first, head.name_len - first, end, blob, self.levels[level].hash)
                level += 1
            if self.levels[level].blocks:
                flags |= IS_OCCLUDED
            if t.nss:
                flags |= IS_CUT
        if wild:
            flags |= HAS_WILDCARD
        self.fill()
        if spelled != NULL and memcmp(spelled, name, head.name_len) == 0:
            spelled = NULL
        try:
            blob = self.builder.pack(self.runs.apex_labels, flags, spelled, head.name_len if spelled != NULL else 0)
        except ValueError:      # more RRs in a set than the format can count
            raise self.fault_at(0, f"an RRset of at most {RRSET_OCTETS} octets, which fits into a message",
                                f"{t.records} records") from None
        if t.octets > RRSET_OCTETS:
            self.check_sizes(blob)
        if t.nss and level or t.dnames:
            self.levels[level].blocks = True
        self.depth = level + 1
        self.give(out, name, head.name_len, head.key_len, blob, self.levels[level].hash)
        return 0
