# Reader and Writer: the only doors to packet and blob memory; every bounds check of the project.
#
# Owns: cursors over octets. Never: DNS meaning, allocation, the GIL.
# A failed read or write latches: the cursor moves to its end, `bad` is set, reads give 0 and writes do
# nothing from then on, so that a stage tests `bad` once, at its end (RFC-independent; big-endian throughout).
# Nothing else in the package indexes packet or blob memory: tests/architecture checks it.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy


cdef struct Reader:
    const uint8_t* base     # first octet of the message or blob
    uint32_t end            # octets that may be read
    uint32_t at             # next octet, 0..end
    bint bad                # a read went beyond the end


cdef struct Writer:
    uint8_t* base           # first octet of the message under construction
    uint32_t limit          # octets that may be written, reserve taken off
    uint32_t at             # next octet, 0..limit
    bint bad                # a write did not fit; nothing of that write was done


cdef inline void reader_open(Reader* r, const uint8_t* base, uint32_t length) noexcept nogil:
    r.base = base
    r.end = length
    r.at = 0
    r.bad = False


cdef inline void reader_fail(Reader* r) noexcept nogil:
    r.at = r.end
    r.bad = True


cdef inline bint reader_bad(const Reader* r) noexcept nogil:
    return r.bad


cdef inline uint32_t reader_left(const Reader* r) noexcept nogil:
    return r.end - r.at


cdef inline void reader_seek(Reader* r, uint32_t at) noexcept nogil:
    if at > r.end:
        reader_fail(r)
    else:
        r.at = at


cdef inline const uint8_t* reader_take(Reader* r, uint32_t n) noexcept nogil:
    """n octets in place, or NULL."""
    cdef const uint8_t* p
    if n > r.end - r.at:
        reader_fail(r)
        return NULL
    p = r.base + r.at
    r.at += n
    return p


cdef inline uint8_t reader_u8(Reader* r) noexcept nogil:
    cdef const uint8_t* p = reader_take(r, 1)
    return p[0] if p != NULL else 0


cdef inline uint16_t reader_u16(Reader* r) noexcept nogil:
    cdef const uint8_t* p = reader_take(r, 2)
    return <uint16_t> ((<uint16_t> p[0] << 8) | p[1]) if p != NULL else 0


cdef inline uint32_t reader_u32(Reader* r) noexcept nogil:
    cdef const uint8_t* p = reader_take(r, 4)
    if p == NULL:
        return 0
    return (<uint32_t> p[0] << 24) | (<uint32_t> p[1] << 16) | (<uint32_t> p[2] << 8) | p[3]


cdef inline void writer_open(Writer* w, uint8_t* base, uint32_t limit) noexcept nogil:
    w.base = base
    w.limit = limit
    w.at = 0
    w.bad = False


cdef inline uint32_t writer_left(const Writer* w) noexcept nogil:
    return w.limit - w.at


cdef inline uint8_t* writer_take(Writer* w, uint32_t n) noexcept nogil:
    """Room for n octets, or NULL."""
    cdef uint8_t* p
    if w.bad or n > w.limit - w.at:
        w.bad = True
        return NULL
    p = w.base + w.at
    w.at += n
    return p


cdef inline void writer_u8(Writer* w, uint8_t v) noexcept nogil:
    cdef uint8_t* p = writer_take(w, 1)
    if p != NULL:
        p[0] = v


cdef inline void writer_u16(Writer* w, uint16_t v) noexcept nogil:
    cdef uint8_t* p = writer_take(w, 2)
    if p != NULL:
        p[0] = <uint8_t> (v >> 8)
        p[1] = <uint8_t> (v & 0xff)


cdef inline void writer_u32(Writer* w, uint32_t v) noexcept nogil:
    cdef uint8_t* p = writer_take(w, 4)
    if p != NULL:
        p[0] = <uint8_t> (v >> 24)
        p[1] = <uint8_t> ((v >> 16) & 0xff)
        p[2] = <uint8_t> ((v >> 8) & 0xff)
        p[3] = <uint8_t> (v & 0xff)


cdef inline void writer_bytes(Writer* w, const uint8_t* src, uint32_t n) noexcept nogil:
    cdef uint8_t* p = writer_take(w, n)
    if p != NULL and n:
        memcpy(p, src, n)


cdef inline void writer_patch_u16(Writer* w, uint32_t at, uint16_t v) noexcept nogil:
    """Overwrite two octets written before."""
    if at + 2 <= w.at:
        w.base[at] = <uint8_t> (v >> 8)
        w.base[at + 1] = <uint8_t> (v & 0xff)


cdef inline void writer_rewind(Writer* w, uint32_t at) noexcept nogil:
    """Forget everything from `at` on."""
    if at <= w.at:
        w.at = at
    w.bad = False
