# Reader and Writer: the only doors to packet and blob memory; every bounds check of the project.
#
# Owns: cursors over octets. Never: DNS meaning, allocation, the GIL.
# A failed read or write latches: the cursor moves to its end, `bad` is set, reads give 0 and writes do
# nothing from then on, so that a stage tests `bad` once, at its end (RFC-independent; big-endian throughout).
# Nothing else in the package indexes packet or blob memory: tests/architecture checks it.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #include <assert.h>
    #include <endian.h>
    #include <stdint.h>
    #include <string.h>
    static inline void nsb_put_be32(uint8_t *p, uint32_t v) { v = htobe32(v); memcpy(p, &v, 4); }
    static inline void nsb_put_be64(uint8_t *p, uint64_t v) { v = htobe64(v); memcpy(p, &v, 8); }
    #ifdef NSB_DEBUG
    #define nsb_invariant(true_always) assert(true_always)
    #else
    #define nsb_invariant(true_always) ((void) 0)
    #endif
    """
    void put_be32 "nsb_put_be32"(uint8_t*, uint32_t) noexcept nogil
    void put_be64 "nsb_put_be64"(uint8_t*, uint64_t) noexcept nogil
    void invariant "nsb_invariant"(bint) noexcept nogil         # checked in debug and sanitize builds only


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


cdef inline const uint8_t* reader_here(const Reader* r) noexcept nogil:
    """The next octet's place; reader_left(r) octets may be read from there."""
    return r.base + r.at


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


cdef inline void writer_rr(Writer* w, uint16_t owner, uint16_t rrtype, uint16_t rrclass, uint32_t ttl,
                           const uint8_t* rdata, uint16_t rdlength) noexcept nogil:
    """A whole RR whose owner name is a compression pointer, in three stores and a copy."""
    cdef uint8_t* p = writer_take(w, 12 + <uint32_t> rdlength)
    if p != NULL:
        put_be64(p, (<uint64_t> owner << 48) | (<uint64_t> rrtype << 32) | (<uint64_t> rrclass << 16) | (ttl >> 16))
        put_be32(p + 8, (ttl << 16) | rdlength)
        if rdlength == 4:                   # A, the commonest: no call
            memcpy(p + 12, rdata, 4)
        elif rdlength == 16:                # AAAA
            memcpy(p + 12, rdata, 16)
        else:
            memcpy(p + 12, rdata, rdlength)


cdef inline void writer_rr_head(Writer* w, uint16_t rrtype, uint16_t rrclass, uint32_t ttl, uint16_t rdlength) noexcept nogil:
    """What stands between an RR's owner name and its rdata."""
    cdef uint8_t* p = writer_take(w, 10)
    if p != NULL:
        put_be64(p, (<uint64_t> rrtype << 48) | (<uint64_t> rrclass << 32) | ttl)
        p[8] = <uint8_t> (rdlength >> 8)
        p[9] = <uint8_t> (rdlength & 0xff)


cdef inline uint16_t writer_peek_u16(const Writer* w, uint32_t at) noexcept nogil:
    """Two octets written before, 0 when they were not."""
    if at + 2 > w.at:
        return 0
    return <uint16_t> ((<uint16_t> w.base[at] << 8) | w.base[at + 1])


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
