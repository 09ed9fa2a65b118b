"""One worker's state: its view of the segment, what the store gave it, its settings; and answer() for single messages.

Owns: memory of transactions and fills. Batches (serve_udp, serve_tcp), tests, fuzzers and benchmarks
all come through here to the same respond().
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from nsblast._core.filter cimport filter_maybe
from nsblast._core.hints cimport Page, hints_close, hints_open
from nsblast._core.keys cimport key_write
from nsblast._core.name cimport Name, hash_apex, name_load
from nsblast._core.nodes cimport (
    ASKED, FILLS, Fill, Miss, MissKind, Wishes, fill_find, fill_slot, fills_clear,
)
from nsblast._core.nsec3 cimport sha1_of_hashlib
from nsblast._core.querylog cimport QueryLog
from nsblast._core.respond cimport Network, respond
from nsblast._core.shm cimport map_close, map_open
from nsblast._core.stats cimport stats_latency
from nsblast._core.status cimport Status
from nsblast._core.tally cimport elapsed, tally
from nsblast._core.turn cimport pthread_mutex_destroy, pthread_mutex_init
from nsblast._core.txn cimport ACCESS_DECIDED, Transport, Txn, Work
from nsblast._core.wire cimport Reader, Writer, reader_open, reader_u8, writer_bytes, writer_open

import time

cdef enum:
    ANSWER_MAX = 65535
    # Hints of all workers together may be as large as this part of the segment, but never less than so many pages each.
    HINTS_PART = 32
    HINT_PAGES_LEAST = 512
    HINT_PAGES_ALONE = 16   # without a segment

_UNKNOWN = object()          # a parent whose zone has not been looked for

# What answer() returns when Python must do something first.
MISS = <int> Status.MISS
BUSY = <int> Status.BUSY
HAND_OVER = <int> Status.HAND_OVER
OK = <int> Status.OK
# Kinds of miss: what the store is asked.
MISS_ENTRY = <int> MissKind.MISS_ENTRY
MISS_IN_ZONE = <int> MissKind.MISS_IN_ZONE
MISS_NSEC_COVER = <int> MissKind.MISS_NSEC_COVER
MISS_NSEC3_MATCH = <int> MissKind.MISS_NSEC3_MATCH
MISS_NSEC3_COVER = <int> MissKind.MISS_NSEC3_COVER


cdef class Engine:
    """All state of one worker (engine.pyi tells the arguments)."""

    def __cinit__(self):
        self.fills = <Fill*> calloc(FILLS, sizeof(Fill))
        self.work = <Work*> calloc(1, sizeof(Work))
        self.txn = <Txn*> calloc(1, sizeof(Txn))
        self.out = <uint8_t*> calloc(1, ANSWER_MAX)
        if self.fills == NULL or self.work == NULL or self.txn == NULL or self.out == NULL:
            raise MemoryError
        self.asked = NULL
        self.wishes = <Wishes*> calloc(1, sizeof(Wishes))
        if self.wishes == NULL:
            raise MemoryError
        self.kept = []
        pthread_mutex_init(&self.turn, NULL)

    def __init__(self, int fd=-1, *, int worker=0, int udp_max=1232, bytes nsid=b"", bint cookies=True,
                 bint cookies_required=False, bytes cookie_secret=b"", bytes cookie_secret_old=b"",
                 int tcp_keepalive=0, bytes version=b"", bytes server_id=b"", bint any_full=False, bint gso=True,
                 QueryLog querylog=None,
                 list allowed=None):
        cdef Status status
        if fd >= 0:
            status = map_open(&self.src.map, fd, worker)
            if status != Status.OK:
                raise OSError(f"descriptor {fd} is no shared segment of this version")
            self.src.seed.a = self.src.map.head.seed_a
            self.src.seed.b = self.src.map.head.seed_b
            if self.asked == NULL:
                self.asked = <uint32_t*> calloc(ASKED, sizeof(uint32_t))
        if not 512 <= udp_max <= 4096:
            raise ValueError(f"udp_max {udp_max}: 512 to 4096 octets")
        if len(nsid) > 128:
            raise ValueError(f"nsid of {len(nsid)} octets: at most 128")
        if len(version) > 255 or len(server_id) > 255:
            raise ValueError("version and server_id: at most 255 octets (RFC 1035 section 3.3)")
        if not 0 <= tcp_keepalive <= 0xffff:
            raise ValueError(f"tcp_keepalive {tcp_keepalive}: 0 to 65535 units of 100 ms")
        for secret in (cookie_secret, cookie_secret_old):
            if len(secret) not in (0, 16):
                raise ValueError(f"cookie secret of {len(secret)} octets: 16 (RFC 9018 section 4)")
        self.src.fills = self.fills
        self.src.n_fills = 0
        self.src.asked = self.asked
        self.src.wishes = self.wishes
        if not hints_open(&self.hints, self.hints_octets()):
            raise MemoryError
        self.src.hints = &self.hints
        sha1_of_hashlib(&self.src.sha1)
        self.config.edns.udp_max = <uint16_t> udp_max
        memcpy(self.config.edns.nsid, PyBytes_AS_STRING(nsid), len(nsid))
        self.config.edns.nsid_len = <uint8_t> len(nsid)
        self.config.edns.cookies = cookies and len(cookie_secret) == 16
        self.config.edns.cookies_required = cookies_required
        if len(cookie_secret) == 16:
            memcpy(self.config.edns.secret, PyBytes_AS_STRING(cookie_secret), 16)
        if len(cookie_secret_old) == 16:
            memcpy(self.config.edns.secret_old, PyBytes_AS_STRING(cookie_secret_old), 16)
        self.config.edns.has_old = len(cookie_secret_old) == 16
        self.config.edns.keepalive = <uint16_t> tcp_keepalive
        self.config.any_full = any_full
        self.gso = gso
        memcpy(self.config.version, PyBytes_AS_STRING(version), len(version))
        self.config.version_len = <uint8_t> len(version)
        memcpy(self.config.server_id, PyBytes_AS_STRING(server_id), len(server_id))
        self.config.server_id_len = <uint8_t> len(server_id)
        self.allow(allowed)
        self.txn.work = self.work
        self.querylog = querylog
        if querylog is not None:
            self.log = &querylog.log

    def __dealloc__(self):
        map_close(&self.src.map)
        hints_close(&self.hints)
        free(self.fills)
        free(self.config.allowed)
        free(self.asked)
        free(self.wishes)
        free(self.work)
        free(self.txn)
        free(self.out)
        pthread_mutex_destroy(&self.turn)

    cdef int allow(self, list networks) except -1:
        """Who may ask about zones without a rule of their own: (network, mask), 4 or 16 octets each; None = everybody."""
        cdef Network* network
        cdef bytes octets
        cdef bytes mask
        free(self.config.allowed)
        self.config.allowed = NULL
        self.config.n_allowed = 0
        self.config.restricted = networks is not None
        if networks is None:
            return 0
        self.config.allowed = <Network*> calloc(len(networks) or 1, sizeof(Network))
        if self.config.allowed == NULL:
            raise MemoryError
        for octets, mask in networks:
            if len(octets) not in (4, 16) or len(mask) != len(octets):
                raise ValueError(f"network of {len(octets)} octets with a mask of {len(mask)}: 4 or 16 of both")
            network = self.config.allowed + self.config.n_allowed
            memcpy(network.octets, PyBytes_AS_STRING(octets), len(octets))
            memcpy(network.mask, PyBytes_AS_STRING(mask), len(mask))
            network.size = <uint8_t> len(octets)
            self.config.n_allowed += 1
        return 0

    cdef uint64_t hints_octets(self) noexcept nogil:
        """Memory this worker's hints may take; what is not used is never taken from the system."""
        cdef uint64_t least = HINT_PAGES_LEAST * sizeof(Page)
        cdef uint64_t part
        if self.src.map.base == NULL:
            return HINT_PAGES_ALONE * sizeof(Page)
        part = self.src.map.head.size // HINTS_PART // self.src.map.head.workers
        return part if part > least else least

    def answer(self, bytes packet not None, bytes client=b"", bint tcp=False, uint32_t now=0, double since=0,
               *, bint decided=False):
        """The answer to one message; b"" = silence; MISS, BUSY or HAND_OVER when Python must do something first."""
        cdef Txn* txn = self.txn
        cdef Status status
        cdef timespec begin
        if len(packet) > ANSWER_MAX:
            raise ValueError(f"message of {len(packet)} octets: at most {ANSWER_MAX}")
        if len(client) not in (0, 4, 16):
            raise ValueError(f"client address of {len(client)} octets: 4 or 16")
        txn.packet = <const uint8_t*> PyBytes_AS_STRING(packet)
        txn.packet_len = <uint32_t> len(packet)
        memcpy(txn.client, PyBytes_AS_STRING(client), len(client))
        txn.client_len = <uint8_t> len(client)
        txn.transport = Transport.TCP if tcp else Transport.UDP
        txn.now = now if now else <uint32_t> time.time()
        txn.access = ACCESS_DECIDED if decided else 0
        txn.out = self.out
        txn.out_size = ANSWER_MAX
        self.work.shared.name = NULL
        with nogil:
            set_begin(&begin, since)
            status = respond(txn, &self.src, &self.config)
            if status == Status.OK:
                self.count(txn, &begin)
        if status == Status.OK:
            return PyBytes_FromStringAndSize(<const char*> txn.out, txn.answer_len)
        return <int> status

    cdef void count(self, const Txn* txn, const timespec* begin) noexcept nogil:
        """Counters and query log of an answer that leaves by Python's hands."""
        cdef timespec end
        tally(txn, self.src.map.slot, self.log, begin)
        if self.src.map.slot != NULL and txn.answer_len:
            clock_gettime(CLOCK_MONOTONIC, &end)
            stats_latency(self.src.map.slot, elapsed(begin, &end), 1)

    def miss(self) -> tuple[int, int, bytes]:
        """What the last answer() that returned MISS wants: (kind, labels of the apex, name)."""
        return (self.work.trail.miss.kind, self.work.trail.miss.apex,
                PyBytes_FromStringAndSize(<const char*> self.work.trail.miss.name, self.work.trail.miss.len))

    cdef Fill* slot(self, uint64_t hash, MissKind kind, uint8_t apex, bytes asked, bytes owner, bytes blob) except NULL:
        """A fill with all but its stamp; what it points into is kept."""
        cdef Fill* fill
        if self.src.n_fills > FILLS // 2:
            self.drop_fills()
        fill = fill_slot(&self.src, hash, kind, apex, <const uint8_t*> PyBytes_AS_STRING(asked), <uint32_t> len(asked))
        self.kept.append(asked)
        self.kept.append(blob)
        if owner is not asked:
            self.kept.append(owner)
        fill.asked = <const uint8_t*> PyBytes_AS_STRING(asked)
        fill.asked_len = <uint8_t> len(asked)
        fill.owner = <const uint8_t*> PyBytes_AS_STRING(owner)
        fill.name_len = <uint8_t> len(owner)
        fill.blob = <const uint8_t*> PyBytes_AS_STRING(blob)
        fill.blob_len = <uint32_t> len(blob)
        return fill

    def fill(self, int kind, int apex, bytes asked not None, bytes owner not None, bytes blob not None,
             uint64_t position=0) -> None:
        """What the store holds for a miss: the owner name found (for entries: `asked`) and its blob, b"" = nothing."""
        cdef Name name
        if name_load(&name, <const uint8_t*> PyBytes_AS_STRING(asked), <uint32_t> len(asked), &self.src.seed) != Status.OK:
            raise ValueError(f"not a name in wire form: {asked!r}")
        if len(owner) > 255:
            raise ValueError(f"owner of {len(owner)} octets: at most 255")
        if name.folded:
            asked = PyBytes_FromStringAndSize(<const char*> name.wire, name.len)
        self.slot(name.hash[name.labels], <MissKind> kind, <uint8_t> apex, asked, owner, blob).stamp = position

    cdef bint fetch(self, const Miss* miss, tuple store) except -1:
        cdef bytes name, blob, key, prefix
        cdef dict known
        cdef Reader r
        cdef Writer w
        cdef uint8_t out[600]
        cdef object labels, found
        cdef uint8_t size
        if miss.kind != MissKind.MISS_ENTRY \
                or fill_find(&self.src, miss.hash, MissKind.MISS_ENTRY, 0, miss.name, miss.len) != NULL:
            return False
        find_apex, get, known, prefix, position = store
        name = PyBytes_FromStringAndSize(<const char*> miss.name, miss.len)
        labels = _UNKNOWN
        if not filter_maybe(&self.src.map, hash_apex(miss.hash)):
            # Not an apex: it lies in its parent's zone.
            reader_open(&r, miss.name, miss.len)
            size = reader_u8(&r)
            labels = known.get(name[size + 1:], _UNKNOWN)
        if labels is _UNKNOWN:
            labels = find_apex(name)
        blob = b""
        if labels is not None:
            writer_open(&w, out, sizeof(out))
            writer_bytes(&w, <const uint8_t*> PyBytes_AS_STRING(prefix), <uint32_t> len(prefix))
            if key_write(&w, miss.name, miss.len, <uint8_t> labels) != Status.OK:
                raise ValueError(f"not a name in wire form below an apex of {labels} labels: {name!r}")
            key = PyBytes_FromStringAndSize(<const char*> out, w.at)
            found = get(key)
            if found is not None:
                blob = found
        self.slot(miss.hash, MissKind.MISS_ENTRY, 0, name, name, blob).stamp = position
        return True

    cdef int fetch_wishes(self, tuple store) except -1:
        cdef uint32_t i
        cdef int n = 0
        cdef uint32_t count = self.wishes.count
        self.wishes.count = 0
        for i in range(count):
            n += self.fetch(&self.wishes.miss[i], store)
        return n

    def fill_wishes(self, tuple store not None) -> int:
        """Fetch what the answers tried of late will want besides what they missed; how many entries."""
        return self.fetch_wishes(store)

    def noted(self) -> bool:
        """Whether names for control to cache were noted since this was asked last."""
        cdef uint64_t written
        if self.src.map.slot == NULL:
            return False
        written = self.src.map.slot.miss_written
        if written == self.noted_at:
            return False
        self.noted_at = written
        return True

    def drop_fills(self) -> None:
        """Forget what the store gave: after every catch-up."""
        if self.src.n_fills:
            fills_clear(&self.src)
            self.kept.clear()


cdef inline void set_begin(timespec* begin, double since) noexcept nogil:
    """When a message came, in seconds of CLOCK_MONOTONIC; 0 = now."""
    clock_gettime(CLOCK_MONOTONIC, begin)
    if since > 0:
        begin.tv_sec = <long> since
        begin.tv_nsec = <long> ((since - <double> begin.tv_sec) * 1e9)
