"""def wrappers over cdef functions of the core, for tests only.

Every input is copied into a block of exactly its size, so that the sanitizer build sees a read one octet beyond it.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from nsblast._core.decode cimport decode as core_decode
from nsblast._core.edns cimport Edns, EdnsConfig, edns_read, edns_size, edns_write
from nsblast._core.encode cimport encode as core_encode, encode_bare, encode_chaos
from nsblast._core.hints cimport Hint, Hints, hints_before, hints_close, hints_drop, hints_open, hints_put
from nsblast._core.name cimport (
    Name, Seed, hash_apex, hash_label, hash_root, name_load, name_read, name_same, name_span, name_wildcard,
)
from nsblast._core.nsec3 cimport Params, Sha1, nsec3_hash, sha1_of_hashlib, sha1_there
from nsblast._core.plan cimport ITEM_SYNTH, Item, plan_add, plan_clear
from nsblast._core.rrset cimport Rrset
from nsblast._core.siphash cimport siphash24
from nsblast._core.stats cimport miss_put
from nsblast._core.status cimport Status
from nsblast._core.suffix cimport Suffixes, suffixes_clear, suffixes_forget, suffixes_learn, suffixes_put
from nsblast._core.txn cimport Txn, Work
from nsblast._core.view cimport View
from nsblast._core.wire cimport Reader, Writer, reader_open, reader_seek, writer_bytes, writer_open, writer_rewind

STATUS = {
    <int> Status.OK: "OK", <int> Status.SILENT: "SILENT", <int> Status.FORMERR: "FORMERR", <int> Status.NOTIMP: "NOTIMP",
    <int> Status.BADVERS: "BADVERS", <int> Status.BADCOOKIE: "BADCOOKIE", <int> Status.COOKIE_ONLY: "COOKIE_ONLY",
    <int> Status.CHAOS: "CHAOS", <int> Status.HAND_OVER: "HAND_OVER", <int> Status.NO_ZONE: "NO_ZONE",
    <int> Status.CORRUPT: "CORRUPT", <int> Status.TRUNCATED: "TRUNCATED",
}

cdef enum:
    CANARY = 0xa5
    SPARE = 64              # octets of canary behind an answer's room


cdef class Block:
    """Octets copied into memory of exactly their size."""

    cdef uint8_t* at
    cdef uint32_t size

    def __cinit__(self, bytes data not None):
        self.size = <uint32_t> len(data)
        self.at = <uint8_t*> malloc(self.size if self.size else 1)
        if self.at == NULL:
            raise MemoryError
        memcpy(self.at, <const char*> data, self.size)

    def __dealloc__(self):
        free(self.at)


cdef Seed seed_of(tuple seed):
    cdef Seed s
    s.a = seed[0]
    s.b = seed[1]
    return s


cdef dict told(const Name* name):
    return {
        "wire": name.wire[:name.len], "labels": name.labels, "folded": bool(name.folded),
        "at": [name.at[k] for k in range(name.labels + 1)], "hash": [name.hash[k] for k in range(name.labels + 1)],
    }


cdef int load(Name* name, bytes wire, const Seed* seed) except -1:
    cdef Block block = Block(wire)
    if name_load(name, block.at, block.size, seed) != Status.OK:
        raise ValueError(wire)
    return 0


# -- names --

def read_name(bytes packet not None, int at=0, tuple seed=(1, 2)):
    """(what name_read found or None, where the cursor then stands)."""
    cdef Block block = Block(packet)
    cdef Seed s = seed_of(seed)
    cdef Reader r
    cdef Name name
    reader_open(&r, block.at, block.size)
    reader_seek(&r, at)
    if name_read(&name, &r, &s) != Status.OK:
        return None, r.at
    return told(&name), r.at


def load_name(bytes wire not None, tuple seed=(1, 2)):
    cdef Seed s = seed_of(seed)
    cdef Name name
    load(&name, wire, &s)
    return told(&name)


def wildcard(bytes wire not None, int k, tuple seed=(1, 2)):
    cdef Seed s = seed_of(seed)
    cdef Name name, of
    load(&of, wire, &s)
    return told(&name) if name_wildcard(&name, &of, k, &s) == Status.OK else None


def span(bytes wire not None):
    cdef Block block = Block(wire)
    return name_span(block.at, block.size)


def same(bytes a not None, bytes b not None):
    cdef Block x = Block(a)
    cdef Block y = Block(b)
    return bool(name_same(x.at, y.at, x.size))


def hashes(bytes label not None, uint64_t parent, tuple seed=(1, 2)):
    """(hash of the root, of the label before parent, of parent as an apex)."""
    cdef Seed s = seed_of(seed)
    cdef Block block = Block(label)
    return hash_root(&s), hash_label(parent, block.at, &s), hash_apex(parent)


def sip(bytes key not None, bytes data not None):
    cdef Block k = Block(key)
    cdef Block d = Block(data)
    return siphash24(k.at, d.at, d.size)


# -- compression --

def missed(View segment not None, index, bytes name not None):
    """A worker notes that a name was not cached: whether control may have to be woken."""
    cdef Block block = Block(name)
    return bool(miss_put(&segment.map, segment._slot(index), block.at, block.size))


def nsec3_label(bytes wire not None, bytes salt not None, uint16_t iterations):
    """The label of a name's NSEC3, or None where hashlib's functions cannot be had."""
    cdef Sha1 sha1
    cdef Params params
    cdef uint8_t label[32]
    cdef Block block = Block(wire)
    cdef Block salted = Block(salt)
    sha1_of_hashlib(&sha1)
    if not sha1_there(&sha1):
        return None
    params.iterations = iterations
    params.salt = salted.at
    params.salt_len = <uint8_t> salted.size
    nsec3_hash(&sha1, &params, block.at, block.size, label)
    return (<const char*> label)[:32]


cdef class HintSet:
    """hints.pxd's set: keys of zones, in order."""

    cdef Hints hints

    def __cinit__(self, uint64_t octets):
        if not hints_open(&self.hints, octets):
            raise MemoryError

    def __dealloc__(self):
        hints_close(&self.hints)

    def put(self, uint64_t zone, bytes key not None):
        cdef Block block = Block(key)
        hints_put(&self.hints, zone, block.at, block.size)

    def drop(self, uint64_t zone, bytes key not None):
        cdef Block block = Block(key)
        hints_drop(&self.hints, zone, block.at, block.size)

    def before(self, uint64_t zone, bytes key not None):
        cdef Block block = Block(key)
        cdef const Hint* hint = hints_before(&self.hints, zone, block.at, block.size)
        return None if hint == NULL else (<const char*> hint.key)[:hint.len]

    def listed(self):
        """(zone, key) of every hint in order."""
        cdef const Hint* hint
        cdef uint32_t i, j
        found = []
        for i in range(self.hints.n_signs):
            for j in range(self.hints.signs[i].count):
                hint = &self.hints.pages[self.hints.signs[i].page].hint[j]
                found.append((hint.zone, (<const char*> hint.key)[:hint.len]))
        return found


cdef class Message:
    """A message under construction, with its table of suffixes."""

    cdef Writer w
    cdef Suffixes known
    cdef uint8_t* room

    def __cinit__(self, uint32_t limit, bytes start=b"\0" * 12):
        self.room = <uint8_t*> malloc(limit)
        if self.room == NULL:
            raise MemoryError
        writer_open(&self.w, self.room, limit)
        suffixes_clear(&self.known)
        writer_bytes(&self.w, <const uint8_t*> <const char*> start, <uint32_t> len(start))

    def __dealloc__(self):
        free(self.room)

    def put(self, bytes name not None, bint compress=True):
        """False when it did not fit or is no name."""
        cdef Block block = Block(name)
        suffixes_put(&self.known, &self.w, block.at, block.size, compress)
        cdef bint bad = self.w.bad
        writer_rewind(&self.w, self.w.at)
        return not bad

    def raw(self, bytes data not None):
        writer_bytes(&self.w, <const uint8_t*> <const char*> data, <uint32_t> len(data))

    def learn(self, uint32_t at):
        suffixes_learn(&self.known, &self.w, at)

    def cut(self, uint32_t at):
        writer_rewind(&self.w, at)
        suffixes_forget(&self.known, at)

    @property
    def known_at(self):
        return [self.known.at[i] for i in range(self.known.count)]

    def __bytes__(self):
        return self.room[:self.w.at]


# -- EDNS --

cdef EdnsConfig config_of(dict options) except *:
    cdef EdnsConfig c
    cdef bytes octets
    memset(&c, 0, sizeof(EdnsConfig))
    c.udp_max = options.get("udp_max", 1232)
    octets = options.get("nsid", b"")
    c.nsid_len = len(octets)
    memcpy(c.nsid, <const char*> octets, c.nsid_len)
    c.cookies = options.get("cookies", True)
    c.cookies_required = options.get("cookies_required", False)
    octets = options.get("secret", b"0123456789abcdef")
    memcpy(c.secret, <const char*> octets, 16)
    if "secret_old" in options:
        octets = options["secret_old"]
        memcpy(c.secret_old, <const char*> octets, 16)
        c.has_old = True
    c.keepalive = options.get("keepalive", 0)
    return c


cdef dict edns_told(const Edns* e):
    return {
        "present": bool(e.present), "udp_size": e.udp_size, "version": e.version, "do": bool(e.do), "nsid": bool(e.nsid),
        "keepalive": bool(e.keepalive), "expire": bool(e.expire), "zoneversion": bool(e.zoneversion),
        "cookie": <int> e.cookie, "cookie_out": e.cookie_out[:24] if e.cookie else b"", "ede": e.ede,
    }


def opt(bytes rdata not None, *, int rrclass=1232, uint32_t ttl=0, bytes client=b"\x7f\0\0\1", uint32_t now=0, bint tcp=False,
        int rcode=0, int ede=-1, **options):
    """(status, what was read, the response's OPT); checks that its size was foretold."""
    cdef EdnsConfig c = config_of(options)
    cdef Block block = Block(rdata)
    cdef Block address = Block(client)
    cdef Reader r
    cdef Edns e
    cdef Writer w
    cdef uint8_t room[512]
    cdef Status status
    reader_open(&r, block.at, block.size)
    status = edns_read(&e, rrclass, ttl, &r, &c, address.at, address.size, now)
    if ede >= 0:
        e.ede = ede
    writer_open(&w, room, edns_size(&e, &c, tcp))
    edns_write(&e, &c, tcp, rcode, &w)
    assert not w.bad and w.at == w.limit
    return STATUS[<int> status], edns_told(&e), room[:w.at]


# -- stages --

cdef class Packet:
    """One Txn with everything it points to."""

    cdef Txn* txn
    cdef EdnsConfig config
    cdef Block packet
    cdef list kept              # memory the plan points into
    cdef uint8_t* out
    cdef readonly str status

    def __cinit__(self, bytes packet not None, *, bytes client=b"\x7f\0\0\1", bint tcp=False, uint32_t now=0,
                  uint32_t room=65535, tuple seed=(1, 2), **options):
        cdef Seed s = seed_of(seed)
        self.kept = []
        self.packet = Block(packet)
        self.config = config_of(options)
        self.txn = <Txn*> calloc(1, sizeof(Txn))
        self.out = <uint8_t*> malloc(room + SPARE)
        if self.txn == NULL or self.out == NULL:
            raise MemoryError
        self.txn.work = <Work*> calloc(1, sizeof(Work))
        if self.txn.work == NULL:
            raise MemoryError
        memset(self.out, CANARY, room + SPARE)
        self.txn.packet = self.packet.at
        self.txn.packet_len = self.packet.size
        self.txn.client_len = len(client)
        memcpy(self.txn.client, <const char*> client, len(client))
        self.txn.transport = tcp
        self.txn.now = now
        self.txn.out = self.out
        self.txn.out_size = room
        self.status = STATUS[<int> core_decode(self.txn, &self.config, &s)]
        plan_clear(&self.txn.work.plan)

    def __dealloc__(self):
        if self.txn != NULL:
            free(self.txn.work)
        free(self.txn)
        free(self.out)

    def told(self):
        """What decode found."""
        t = self.txn
        return {
            "status": self.status, "id": t.id, "flags": t.flags, "opcode": t.opcode, "has_question": bool(t.has_question),
            "qname": t.qname.wire[:t.qname.len] if t.has_question else b"", "qtype": t.qtype if t.has_question else 0,
            "qclass": t.qclass if t.has_question else 0, "question_end": t.question_end, "limit": t.limit,
            "tsig_at": t.tsig_at, "edns": edns_told(&t.edns),
        }

    def set(self, *, int rcode=0, bint aa=False, int ede=-1):
        self.txn.rcode = rcode
        self.txn.aa = aa
        if ede >= 0:
            self.txn.edns.ede = ede

    def add(self, int section, bytes owner not None, int rrtype, uint32_t ttl, list rdatas not None, *, int flags=0,
            int owner_at=0, int cap=-1, int count=-1, bytes blob=None):
        """Append to the plan; count and blob (u16 length and rdata, one after another) may be forged."""
        cdef Rrset rrset
        cdef Item* item
        cdef Block name, data
        if blob is None:
            blob = b"".join(len(rdata).to_bytes(2, "big") + rdata for rdata in rdatas)
        for item_name in self.kept:         # one owner, one place in memory, as in a stored entry
            if (<Block> item_name).at[:(<Block> item_name).size] == owner:
                name = item_name
                break
        else:
            name = Block(owner)
            self.kept.append(name)
        data = Block(blob)
        self.kept.append(data)
        memset(&rrset, CANARY, sizeof(Rrset))
        rrset.type = rrtype
        rrset.ttl = ttl
        rrset.count = count if count >= 0 else len(rdatas)
        if not flags & ITEM_SYNTH:
            reader_open(&rrset.rrs, data.at, data.size)
        item = plan_add(&self.txn.work.plan, section, &rrset, name.at, name.size, owner_at, flags)
        assert item != NULL
        if flags & ITEM_SYNTH:
            data = Block(rdatas[0])
            self.kept.append(data)
            item.synth = data.at
            item.synth_len = data.size
        if cap >= 0:
            item.ttl = cap

    cdef bytes answer(self):
        cdef uint32_t i
        assert self.txn.answer_len <= self.txn.limit
        for i in range(self.txn.limit, self.txn.out_size + SPARE):
            assert self.out[i] == CANARY, f"octet {i} written, limit {self.txn.limit}"
        return self.out[:self.txn.answer_len]

    def spin(self, uint32_t times, bint encoding, tuple seed=(1, 2)):
        """Decode, or encode what is planned, this many times: for measuring."""
        cdef Seed s = seed_of(seed)
        cdef uint32_t _i
        with nogil:
            for _i in range(times):
                if encoding:
                    core_encode(self.txn, &self.config)
                else:
                    core_decode(self.txn, &self.config, &s)

    def encode(self):
        """(status, answer); nothing may have been written beyond the limit."""
        cdef Status status
        with nogil:
            status = core_encode(self.txn, &self.config)
        return STATUS[<int> status], self.answer()

    def bare(self):
        encode_bare(self.txn, &self.config)
        return self.answer()

    def chaos(self, bytes text not None):
        encode_chaos(self.txn, &self.config, text, len(text))
        return self.answer()
