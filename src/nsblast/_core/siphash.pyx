"""SipHash-2-4, octet order independent of the machine; checked against its authors' vectors in the tests."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef extern from *:
    """
    #include <endian.h>
    #include <stdint.h>
    #include <string.h>
    static inline uint64_t nsb_little8(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return le64toh(v); }
    """
    uint64_t little8 "nsb_little8"(const uint8_t*) noexcept nogil


cdef struct State:
    uint64_t v0
    uint64_t v1
    uint64_t v2
    uint64_t v3


cdef inline uint64_t turn(uint64_t x, uint32_t bits) noexcept nogil:
    return (x << bits) | (x >> (64 - bits))


cdef inline uint64_t little(const uint8_t* p, uint32_t n) noexcept nogil:
    """n octets (0..7), least significant first."""
    cdef uint64_t x = 0
    while n:
        n -= 1
        x = (x << 8) | p[n]
    return x


cdef inline void mix(State* s) noexcept nogil:
    s.v0 += s.v1
    s.v1 = turn(s.v1, 13) ^ s.v0
    s.v0 = turn(s.v0, 32)
    s.v2 += s.v3
    s.v3 = turn(s.v3, 16) ^ s.v2
    s.v0 += s.v3
    s.v3 = turn(s.v3, 21) ^ s.v0
    s.v2 += s.v1
    s.v1 = turn(s.v1, 17) ^ s.v2
    s.v2 = turn(s.v2, 32)


cdef inline void absorb(State* s, uint64_t m) noexcept nogil:
    s.v3 ^= m
    mix(s)
    mix(s)
    s.v0 ^= m


cdef uint64_t siphash24(const uint8_t* key, const uint8_t* data, uint32_t length) noexcept nogil:
    cdef uint64_t k0 = little8(key)
    cdef uint64_t k1 = little8(key + 8)
    cdef uint32_t at = 0
    cdef State s
    s.v0 = k0 ^ 0x736f6d6570736575u
    s.v1 = k1 ^ 0x646f72616e646f6du
    s.v2 = k0 ^ 0x6c7967656e657261u
    s.v3 = k1 ^ 0x7465646279746573u
    while length - at >= 8:
        absorb(&s, little8(data + at))
        at += 8
    absorb(&s, (<uint64_t> length << 56) | little(data + at, length - at))
    s.v2 ^= 0xff
    mix(&s)
    mix(&s)
    mix(&s)
    mix(&s)
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3
