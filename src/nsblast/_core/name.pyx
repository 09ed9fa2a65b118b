"""Domain names in wire form: read, fold, hash each suffix, compare. The face and its promises: name.pxd.

Owns: the one walk over the labels of an uncompressed name, and the hash every table of the core is addressed by.
Never: writes anything but the Name it was given; follows a compression pointer (no name this server reads may hold one).
Invariants: Name.wire is well-formed and lower case whenever OK was returned; no hash is 0 (tables mark free slots so).
The hash is keyed multiply-and-fold over labels from right to left: 64 x 64 -> 128 bits, the halves xored. One chain
gives the hash of every suffix, and a name below a known one costs its own labels only. It reads octets in the
machine's order, so a table of hashes belongs to machines of one byte order.
RFC 1035 2.3.4 and 3.1, 4343.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcmp, memcpy

from nsblast._core.proto cimport LABEL_OCTETS
from nsblast._core.status cimport FORMERR, OK
from nsblast._core.wire cimport reader_left, reader_take

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    static inline uint64_t nsb_fold_multiply(uint64_t a, uint64_t b) {
        __extension__ unsigned __int128 product = (unsigned __int128) a * b;
        return (uint64_t) product ^ (uint64_t) (product >> 64);
    }
    static inline uint64_t nsb_octets8(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }
    static inline uint64_t nsb_octets4(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
    static inline void nsb_put8(uint8_t *p, uint64_t v) { memcpy(p, &v, 8); }
    /* 0x20 in each of eight octets that is an ASCII capital: the bits that turn it into its small letter. */
    static inline uint64_t nsb_capitals(uint64_t v) {
        const uint64_t ones = 0x0101010101010101u;
        uint64_t low = v & (ones * 0x7f);
        uint64_t from_a = low + ones * (0x80 - 'A');
        uint64_t above_z = low + ones * (0x7f - 'Z');
        return ((from_a ^ above_z) & ~v & (ones * 0x80)) >> 2;
    }
    """
    uint64_t fold_multiply "nsb_fold_multiply"(uint64_t, uint64_t) noexcept nogil
    uint64_t octets8 "nsb_octets8"(const uint8_t*) noexcept nogil
    uint64_t octets4 "nsb_octets4"(const uint8_t*) noexcept nogil
    void put8 "nsb_put8"(uint8_t*, uint64_t) noexcept nogil
    uint64_t capitals "nsb_capitals"(uint64_t) noexcept nogil


cdef inline uint64_t hash_step(uint64_t parent, const uint8_t* p, uint32_t n, const Seed* seed) noexcept nogil:
    """Hash of the n octets of a label, length octet included (2..64), before a suffix of hash `parent`."""
    cdef uint64_t h = parent
    cdef uint64_t x, y
    while n > 16:
        h = fold_multiply(octets8(p) ^ seed.a, octets8(p + 8) ^ h)
        p += 16
        n -= 16
    # The length octet comes first, so the overlap of the two reads cannot make two labels alike.
    if n >= 8:
        x = octets8(p)
        y = octets8(p + n - 8)
    elif n >= 4:
        x = octets4(p)
        y = octets4(p + n - 4)
    else:
        x = <uint64_t> p[0] | (<uint64_t> p[n >> 1] << 8) | (<uint64_t> p[n - 1] << 16)
        y = 0
    h = fold_multiply(x ^ seed.a, y ^ h) ^ seed.b
    return h + <uint64_t> (h == 0)


cdef inline bint fold_copy(uint8_t* to, const uint8_t* src, uint32_t n) noexcept nogil:
    """Copy n octets in lower case; True when one was a capital. Length octets are below 'A' and pass unchanged."""
    cdef uint64_t v, up
    cdef uint64_t any_up = 0
    cdef uint32_t i = 0
    while i + 8 <= n:
        v = octets8(src + i)
        up = capitals(v)
        any_up |= up
        put8(to + i, v | up)
        i += 8
    if i < n:
        if n >= 8:
            v = octets8(src + n - 8)    # reads some octets twice rather than one beyond the end
            up = capitals(v)
            put8(to + n - 8, v | up)
        else:
            v = 0
            memcpy(&v, src, n)
            up = capitals(v)
            v |= up
            memcpy(to, &v, n)
        any_up |= up
    return any_up != 0


cdef inline uint32_t walk(const uint8_t* p, uint32_t left, uint8_t* starts, uint32_t* labels) noexcept nogil:
    """Octets of the name at p, 0 when it is none; where its labels start (room for 128) and how many they are."""
    cdef uint32_t at = 0
    cdef uint32_t count = 0
    cdef uint32_t size
    if left > NAME_OCTETS:
        left = NAME_OCTETS
    while at < left:
        size = p[at]
        if size == 0:
            labels[0] = count
            return at + 1
        if size > LABEL_OCTETS:
            return 0
        starts[count] = <uint8_t> at    # 127 labels at most fit into 255 octets
        count += 1
        at += size + 1
    return 0


cdef inline void index(Name* name, uint32_t length, const uint8_t* starts, uint32_t count, const Seed* seed) noexcept nogil:
    """Everything but wire and folded, from a walk over wire."""
    cdef uint64_t h = hash_root(seed)
    cdef uint32_t k, at
    name.len = <uint8_t> length
    name.labels = <uint8_t> count
    name.at[0] = <uint8_t> (length - 1)
    name.hash[0] = h
    for k in range(1, count + 1):
        at = starts[count - k]
        h = hash_step(h, name.wire + at, <uint32_t> name.wire[at] + 1, seed)
        name.at[k] = <uint8_t> at
        name.hash[k] = h


cdef Status name_read(Name* name, Reader* r, const Seed* seed) noexcept nogil:
    cdef uint8_t starts[128]
    cdef uint32_t count = 0
    cdef uint32_t used = walk(r.base + r.at, reader_left(r), starts, &count)
    if used == 0:
        return FORMERR
    name.folded = fold_copy(name.wire, reader_take(r, used), used)
    index(name, used, starts, count, seed)
    return OK


cdef Status name_load(Name* name, const uint8_t* wire, uint32_t length, const Seed* seed) noexcept nogil:
    cdef uint8_t starts[128]
    cdef uint32_t count = 0
    if length == 0 or length > NAME_OCTETS:
        return FORMERR
    # Copied before it is walked: it may lie in shared memory that changes.
    name.folded = fold_copy(name.wire, wire, length)
    if walk(name.wire, length, starts, &count) != length:
        return FORMERR
    index(name, length, starts, count, seed)
    return OK


cdef Status name_load_near(Name* name, const uint8_t* wire, uint32_t length, const Name* of, uint8_t k,
                           const Seed* seed) noexcept nogil:
    cdef uint8_t starts[128]
    cdef uint32_t cut = of.at[k]
    cdef uint32_t tail = of.len - cut
    cdef uint32_t count = 0
    cdef uint32_t at = 0
    cdef uint32_t head, j, size
    cdef uint64_t h
    if length <= tail or length > NAME_OCTETS:
        return name_load(name, wire, length, seed)
    head = length - tail
    name.folded = fold_copy(name.wire, wire, length)
    if memcmp(name.wire + head, of.wire + cut, tail) == 0:
        while at < head:
            size = name.wire[at]
            if size == 0 or size > LABEL_OCTETS:
                return FORMERR
            starts[count] = <uint8_t> at
            count += 1
            at += size + 1
    if at != head:                  # the octets alike do not begin at a label
        return name_load(name, wire, length, seed)
    for j in range(<uint32_t> k + 1):
        name.at[j] = <uint8_t> (of.at[j] - cut + head)
        name.hash[j] = of.hash[j]
    h = of.hash[k]
    for j in range(1, count + 1):
        at = starts[count - j]
        h = hash_step(h, name.wire + at, <uint32_t> name.wire[at] + 1, seed)
        name.at[k + j] = <uint8_t> at
        name.hash[k + j] = h
    name.len = <uint8_t> length
    name.labels = <uint8_t> (k + count)
    return OK


cdef Status name_wildcard(Name* name, const Name* of, uint8_t k, const Seed* seed) noexcept nogil:
    cdef uint32_t cut, tail, j
    if k > of.labels:
        return FORMERR
    cut = of.at[k]
    tail = of.len - cut
    if tail + 2 > NAME_OCTETS:
        return FORMERR
    name.wire[0] = 1
    name.wire[1] = c"*"
    memcpy(name.wire + 2, of.wire + cut, tail)
    name.len = <uint8_t> (tail + 2)
    name.labels = <uint8_t> (k + 1)
    name.folded = False
    for j in range(<uint32_t> k + 1):
        name.at[j] = <uint8_t> (of.at[j] - cut + 2)
        name.hash[j] = of.hash[j]
    name.at[k + 1] = 0
    name.hash[k + 1] = hash_step(of.hash[k], name.wire, 2, seed)
    return OK


cdef uint32_t name_span(const uint8_t* p, uint32_t left) noexcept nogil:
    cdef uint32_t at = 0
    if left > NAME_OCTETS:
        left = NAME_OCTETS
    while at < left:
        if p[at] == 0:
            return at + 1
        if p[at] > LABEL_OCTETS:
            return 0
        at += <uint32_t> p[at] + 1
    return 0


cdef bint name_same(const uint8_t* a, const uint8_t* b, uint32_t n) noexcept nogil:
    cdef uint64_t x = 0
    cdef uint64_t y = 0
    cdef uint32_t i = 0
    while i + 8 <= n:
        x = octets8(a + i)
        y = octets8(b + i)
        if (x | capitals(x)) != (y | capitals(y)):
            return False
        i += 8
    if i < n:
        x = 0
        y = 0
        memcpy(&x, a + i, n - i)
        memcpy(&y, b + i, n - i)
        return (x | capitals(x)) == (y | capitals(y))
    return True


cdef uint64_t hash_root(const Seed* seed) noexcept nogil:
    cdef uint64_t h = fold_multiply(seed.a ^ 0xa0761d6478bd642fu, seed.b ^ 0xe7037ed1a0b428dbu)
    return h + <uint64_t> (h == 0)


cdef uint64_t hash_label(uint64_t parent, const uint8_t* label, const Seed* seed) noexcept nogil:
    return hash_step(parent, label, <uint32_t> label[0] + 1, seed)


cdef uint64_t hash_apex(uint64_t hash) noexcept nogil:
    cdef uint64_t h = (hash ^ 0x8ebc6af09c88c6e3u) * 0x589965cc75374cc3u
    h ^= h >> 32
    return h + <uint64_t> (h == 0)


cdef int load(Name* name, bytes wire, uint64_t a, uint64_t b) except -1:
    """The Python door's way in: ValueError unless `wire` is one whole name."""
    cdef Seed seed
    seed.a = a
    seed.b = b
    if name_load(name, <const uint8_t*> PyBytes_AS_STRING(wire), <uint32_t> min(len(wire), 256), &seed) != OK:
        raise ValueError(f"not a domain name in wire form: {wire!r}")
    return 0


def fold(bytes wire not None):
    """The name in lower case."""
    cdef Name name
    load(&name, wire, 0, 0)
    return PyBytes_FromStringAndSize(<const char*> name.wire, name.len)


def labels(bytes wire not None):
    """Number of labels, the root not counted."""
    cdef Name name
    load(&name, wire, 0, 0)
    return name.labels


def parent(bytes wire not None):
    """The name without its leftmost label, spelling kept; ValueError for the root."""
    cdef Name name
    load(&name, wire, 0, 0)
    if name.labels == 0:
        raise ValueError("the root has no parent")
    return wire[<Py_ssize_t> name.at[name.labels - 1]:]


def hash_name(bytes wire not None, seed not None):
    """The name's 64-bit hash, never 0, the same for every spelling; seed is the pair (a, b) of 64-bit numbers."""
    cdef Name name
    cdef uint64_t a, b
    a, b = seed
    load(&name, wire, a, b)
    return name.hash[name.labels]
