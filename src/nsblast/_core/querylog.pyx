"""The query log's ring and its text forms (querylog.pxd).

A record is complete before `written` passes it, and is not touched again before `read` has: neither side ever waits.
Text is made here, octet by octet, since a busy server's log is the one thing it writes a line of for every packet.
"""

import ipaddress
import os

import cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset
from libc.time cimport gmtime_r, time_t, tm
from posix.time cimport CLOCK_REALTIME, clock_gettime, timespec

from nsblast._core.name cimport name_span
from nsblast._core.shm cimport load64, load64_acquire, store64, store64_release

cdef extern from "arpa/inet.h" nogil:
    int AF_INET
    int AF_INET6
    const char* inet_ntop(int family, const void* address, char* text, unsigned int size)

cdef enum:
    LINE_MAX = 2048         # octets of the longest line: a name of 255 octets takes 5 for each in JSON
    RCODE_REST = 31         # bit of all rcodes from here on

FLAGS = ((LOG_AA, "aa"), (LOG_TC, "tc"), (LOG_RD, "rd"), (LOG_CD, "cd"), (LOG_EDNS, "edns"), (LOG_DO, "do"), (LOG_COOKIE, "cookie"))


# -- the producer ------------------------------------------------------------------------------------------------------

cdef inline bint in_prefix(const Prefix* prefix, const uint8_t* client, uint8_t length) noexcept nogil:
    cdef uint32_t i
    cdef uint32_t whole = prefix.bits // 8
    if prefix.len != length:
        return False
    for i in range(whole):
        if prefix.octets[i] != client[i]:
            return False
    return prefix.bits % 8 == 0 or (prefix.octets[whole] ^ client[whole]) >> (8 - prefix.bits % 8) == 0


cdef bint querylog_wants(Log* log, const uint8_t* client, uint8_t client_len, uint16_t qtype, uint16_t rcode) noexcept nogil:
    cdef uint32_t i
    if client == NULL or (client_len != 4 and client_len != 16):
        client_len = 0
    # The cheapest come first.
    if not log.rcodes >> (rcode if rcode < RCODE_REST else RCODE_REST) & 1:
        return False
    if log.sample != <uint64_t> -1:
        log.random ^= log.random << 13
        log.random ^= log.random >> 7
        log.random ^= log.random << 17
        # The generator never gives 0, so the sample is of 1 .. 2**64 - 1.
        if log.random > log.sample:
            return False
    if log.n_qtypes:
        for i in range(log.n_qtypes):
            if log.qtypes[i] == qtype:
                break
        else:
            return False
    if log.n_prefixes:
        for i in range(log.n_prefixes):
            if in_prefix(&log.prefixes[i], client, client_len):
                break
        else:
            return False
    return True


cdef bint querylog_write(Log* log, uint8_t transport, const uint8_t* client, uint8_t client_len, uint16_t id,
                         const uint8_t* qname, uint32_t qname_len, uint16_t qtype, uint16_t qclass, uint16_t rcode,
                         uint8_t flags, uint32_t answer_len, uint32_t latency_ns) noexcept nogil:
    cdef Record* record
    cdef timespec now
    if client == NULL or (client_len != 4 and client_len != 16):
        client_len = 0
    if log.written - load64_acquire(&log.read) >= log.size:
        store64(&log.dropped, log.dropped + 1)
        return False
    record = log.ring + (log.written & (log.size - 1))
    clock_gettime(CLOCK_REALTIME, &now)
    record.time_ns = <uint64_t> now.tv_sec * 1000000000 + <uint64_t> now.tv_nsec
    record.latency_ns = latency_ns
    record.answer_len = answer_len
    record.id = id
    record.qtype = qtype
    record.qclass = qclass
    record.rcode = rcode
    record.flags = flags
    record.transport = transport
    record.client_len = client_len
    if client_len:
        memcpy(record.client, client, client_len)
    record.qname_len = 0
    if qname != NULL and qname_len and qname_len <= 255 and name_span(qname, qname_len) == qname_len:
        record.qname_len = <uint8_t> qname_len
        memcpy(record.qname, qname, qname_len)
    store64_release(&log.written, log.written + 1)
    return True


# -- text --------------------------------------------------------------------------------------------------------------

cdef uint32_t put_text(char* to, uint32_t at, const char* text, size_t n) noexcept nogil:
    memcpy(to + at, text, n)
    return at + <uint32_t> n


cdef uint32_t put_name(char* to, uint32_t at, const Record* record, bint json) noexcept nogil:
    """The name in presentation form (RFC 1035 5.1), its backslashes doubled for JSON."""
    cdef uint32_t i = 0
    cdef uint32_t end
    cdef uint8_t c
    if record.qname_len == 1:
        return put_text(to, at, b".", 1)
    while i < record.qname_len and record.qname[i]:
        end = i + 1 + record.qname[i]
        i += 1
        while i < end:
            c = record.qname[i]
            i += 1
            if c <= 32 or c >= 127 or c in (c'"', c'.', c'\\', c';', c'(', c')', c'@', c'$'):
                if json:
                    to[at] = c'\\'
                    at += 1
                to[at] = c'\\'
                at += 1
                if c == c'\\' or c == c'"':
                    if json:
                        to[at] = c'\\'
                        at += 1
                    to[at] = <char> c
                    at += 1
                elif c <= 32 or c >= 127:
                    to[at] = <char> (48 + c // 100)
                    to[at + 1] = <char> (48 + c // 10 % 10)
                    to[at + 2] = <char> (48 + c % 10)
                    at += 3
                else:
                    to[at] = <char> c
                    at += 1
            else:
                to[at] = <char> c
                at += 1
        to[at] = c'.'
        at += 1
    return at


cdef uint32_t put_time(char* to, uint32_t at, uint64_t ns) noexcept nogil:
    """UTC in the form of RFC 3339, to the microsecond."""
    cdef time_t seconds = <time_t> (ns // 1000000000)
    cdef tm parts
    gmtime_r(&seconds, &parts)
    return at + <uint32_t> snprintf(
        to + at, 40, b"%04d-%02d-%02dT%02d:%02d:%02d.%06uZ", (parts.tm_year + 1900) % 10000, parts.tm_mon + 1, parts.tm_mday,
        parts.tm_hour, parts.tm_min, parts.tm_sec, <unsigned int> (ns // 1000 % 1000000))


cdef uint32_t put_client(char* to, uint32_t at, const Record* record) noexcept nogil:
    cdef uint32_t n = 0
    if record.client_len == 0:
        return put_text(to, at, b"-", 1)
    if inet_ntop(AF_INET if record.client_len == 4 else AF_INET6, record.client, to + at, 48) != NULL:
        while to[at + n]:
            n += 1
    return at + n


cdef uint32_t put_flags(char* to, uint32_t at, uint8_t flags) noexcept nogil:
    """Their names with commas between, - for none."""
    cdef uint32_t start = at
    cdef uint32_t i
    cdef const char* names = b"aa    tc    rd    cd    edns  do    cookie"
    for i in range(7):
        if flags >> i & 1:
            if at != start:
                at = put_text(to, at, b",", 1)
            at = put_text(to, at, names + i * 6, 2 if i < 4 or i == 5 else (4 if i == 4 else 6))
    return at if at != start else put_text(to, at, b"-", 1)


cdef bytes name_of(const Record* record):
    """The question's name in presentation form."""
    cdef char text[2048]
    return PyBytes_FromStringAndSize(text, put_name(text, 0, record, False))


@cython.final
@cython.auto_pickle(False)
cdef class QueryLog:

    def __cinit__(self, types=None, rcodes=None):
        memset(&self.log, 0, sizeof(Log))

    def __init__(self, types=None, rcodes=None):
        self.types = {int(k): str(v).encode("ascii") for k, v in (types or {}).items()}
        self.rcodes = {int(k): str(v).encode("ascii") for k, v in (rcodes or {}).items()}
        for text in [*self.types.values(), *self.rcodes.values()]:
            if len(text) > 32 or not text.replace(b"-", b"").isalnum():
                raise ValueError(f"{text!r} is no mnemonic")

    def __dealloc__(self):
        free(self.log.ring)

    def configure(self, mode, *, sample=1, types=(), rcodes=(), clients=(), room=8192):
        cdef Log* log = &self.log
        cdef uint32_t mask
        cdef Record* ring
        if mode not in ("off", "errors", "sampled", "all"):
            raise ValueError(f"query log mode {mode!r}: expected off, errors, sampled or all")
        if sample < 1:
            raise ValueError(f"query log sample {sample}: expected 1 or more")
        if len(types) > LOG_QTYPES:
            raise ValueError(f"query log: {len(types)} types; at most {LOG_QTYPES} can be chosen")
        if len(clients) > LOG_PREFIXES:
            raise ValueError(f"query log: {len(clients)} client networks; at most {LOG_PREFIXES} can be chosen")
        qtypes = [int(t) for t in types]
        if any(not 0 <= t <= 0xffff for t in qtypes):
            raise ValueError(f"query log types {qtypes}: expected 0 to 65535")
        networks = [ipaddress.ip_network(c) for c in clients]
        mask = 0xffffffff
        if rcodes:
            mask = 0
            for rcode in rcodes:
                mask |= <uint32_t> 1 << <uint32_t> min(int(rcode), RCODE_REST)
        if mode == "errors":
            mask &= ~<uint32_t> 0b1001      # all but NOERROR and NXDOMAIN
        if mode != "off" and log.ring == NULL:
            size = 1 << max(4, (room - 1).bit_length())
            ring = <Record*> calloc(size, sizeof(Record))
            if ring == NULL:
                raise MemoryError("no memory for the query log")
            log.size = size
            log.ring = ring
        log.on = False
        log.rcodes = mask
        log.sample = <uint64_t> -1
        if mode == "sampled" and sample > 1:
            log.sample = (1 << 64) // sample
        log.random = int.from_bytes(os.urandom(8), "little") | 1
        log.n_qtypes = 0
        for i, number in enumerate(qtypes):
            log.qtypes[<uint32_t> i] = number
        log.n_qtypes = len(qtypes)
        log.n_prefixes = 0
        for i, network in enumerate(networks):
            octets = network.network_address.packed
            memcpy(log.prefixes[<uint32_t> i].octets, <const uint8_t*> PyBytes_AS_STRING(octets), PyBytes_GET_SIZE(octets))
            log.prefixes[<uint32_t> i].len = len(octets)
            log.prefixes[<uint32_t> i].bits = network.prefixlen
        log.n_prefixes = len(networks)
        log.on = mode != "off"

    @property
    def on(self):
        return bool(self.log.on)

    @property
    def written(self):
        return load64(&self.log.written)

    @property
    def dropped(self):
        return load64(&self.log.dropped) + load64(&self.log.lost)

    def lose(self, lines):
        store64(&self.log.lost, self.log.lost + <uint64_t> lines)

    @property
    def waiting(self):
        return load64_acquire(&self.log.written) - self.log.read

    def note(self, *, bytes client=b"", tcp=False, id=0, bytes qname=b"", qtype=0, qclass=1, rcode=0, flags=0, size=0,
             latency_ns=0):
        cdef uint8_t client_len = <uint8_t> min(PyBytes_GET_SIZE(client), 255)
        if not self.log.on or not querylog_wants(&self.log, <const uint8_t*> PyBytes_AS_STRING(client), client_len, qtype, rcode):
            return False
        return bool(querylog_write(
            &self.log, 1 if tcp else 0, <const uint8_t*> PyBytes_AS_STRING(client), client_len,
            id, <const uint8_t*> PyBytes_AS_STRING(qname), <uint32_t> min(PyBytes_GET_SIZE(qname), 256), qtype, qclass, rcode,
            flags, size, latency_ns))

    cdef const Record* _next(self) noexcept:
        """The oldest record not yet taken, NULL when there is none."""
        if self.log.read == load64_acquire(&self.log.written):
            return NULL
        return self.log.ring + (self.log.read & (self.log.size - 1))

    cdef void _taken(self) noexcept:
        store64_release(&self.log.read, self.log.read + 1)

    def drain(self, limit=1000):
        cdef const Record* record
        records = []
        while len(records) < limit:
            record = self._next()
            if record == NULL:
                break
            records.append({
                "time_ns": record.time_ns,
                "client": PyBytes_FromStringAndSize(<const char*> record.client, record.client_len),
                "transport": "tcp" if record.transport else "udp",
                "id": record.id,
                "qname": PyBytes_FromStringAndSize(<const char*> record.qname, record.qname_len),
                "qname_text": name_of(record).decode("ascii") if record.qname_len else "",
                "qtype": record.qtype,
                "qclass": record.qclass,
                "rcode": record.rcode,
                "flags": [name for bit, name in FLAGS if record.flags & bit],
                "size": record.answer_len,
                "latency_ns": record.latency_ns,
            })
            self._taken()
        return records

    cdef uint32_t _mnemonic(self, char* to, uint32_t at, dict names, const char* form, unsigned int number):
        """A number's name, or the form RFC 3597 gives the nameless."""
        name = names.get(number)
        if name is not None:
            return put_text(to, at, PyBytes_AS_STRING(name), <size_t> PyBytes_GET_SIZE(name))
        return at + <uint32_t> snprintf(to + at, 20, form, number)

    cdef uint32_t _line(self, char* to, const Record* r, bint json):
        """One record's line, its newline included; octets written."""
        cdef uint32_t at = 0
        at = put_text(to, at, b'{"time":"', 9) if json else at
        at = put_time(to, at, r.time_ns)
        at = put_text(to, at, b'","client":"', 12) if json else put_text(to, at, b" ", 1)
        at = put_client(to, at, r)
        at = put_text(to, at, b'","transport":"', 15) if json else put_text(to, at, b" ", 1)
        at = put_text(to, at, b"tcp" if r.transport else b"udp", 3)
        if json:
            at += <uint32_t> snprintf(to + at, 24, b'","id":%u,"qname":"', <unsigned int> r.id)
        else:
            at += <uint32_t> snprintf(to + at, 24, b" %u ", <unsigned int> r.id)
        at = put_name(to, at, r, json) if r.qname_len else put_text(to, at, b"-", 1)
        at = put_text(to, at, b'","qclass":"', 12) if json else put_text(to, at, b" ", 1)
        if r.qclass == 1:
            at = put_text(to, at, b"IN", 2)
        else:
            at += <uint32_t> snprintf(to + at, 20, b"CLASS%u", <unsigned int> r.qclass)
        at = put_text(to, at, b'","qtype":"', 11) if json else put_text(to, at, b" ", 1)
        at = self._mnemonic(to, at, self.types, b"TYPE%u", r.qtype)
        at = put_text(to, at, b'","rcode":"', 11) if json else put_text(to, at, b" ", 1)
        at = self._mnemonic(to, at, self.rcodes, b"RCODE%u", r.rcode)
        at = put_text(to, at, b'","flags":"', 11) if json else put_text(to, at, b" ", 1)
        at = put_flags(to, at, r.flags)
        if json:
            at += <uint32_t> snprintf(to + at, 40, b'","size":%u', <unsigned int> r.answer_len)
            if r.latency_ns:
                at += <uint32_t> snprintf(to + at, 40, b',"latency_us":%u.%03u', <unsigned int> (r.latency_ns // 1000),
                                          <unsigned int> (r.latency_ns % 1000))
            at = put_text(to, at, b"}\n", 2)
        else:
            at += <uint32_t> snprintf(to + at, 20, b" %u", <unsigned int> r.answer_len)
            if r.latency_ns:
                at += <uint32_t> snprintf(to + at, 40, b" %u.%03uus\n", <unsigned int> (r.latency_ns // 1000),
                                          <unsigned int> (r.latency_ns % 1000))
            else:
                at = put_text(to, at, b" -\n", 3)
        return at

    def drain_lines(self, limit=1000, *, bint json=True):
        cdef const Record* record
        cdef uint64_t count = min(max(limit, 0), self.waiting)
        cdef uint64_t _i
        cdef size_t at = 0
        cdef char* text
        # In pieces, so that a long backlog takes no room for its longest possible lines all at once.
        pieces = []
        text = <char*> malloc(64 * LINE_MAX)
        if text == NULL:
            raise MemoryError("no memory for the query log's lines")
        try:
            for _i in range(count):
                record = self._next()
                if record == NULL:
                    break
                if at + LINE_MAX > 64 * LINE_MAX:
                    pieces.append(PyBytes_FromStringAndSize(text, at))
                    at = 0
                at += self._line(text + at, record, json)
                self._taken()
            pieces.append(PyBytes_FromStringAndSize(text, at))
        finally:
            free(text)
        return b"".join(pieces)
