# SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of octets to 64 bits, for DNS cookies (RFC 9018 4.4).
#
# Owns: the function. Never: keys.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

# The number whose little-endian octets are the usual notation of the result.
cdef uint64_t siphash24(const uint8_t* key, const uint8_t* data, uint32_t length) noexcept nogil    # key: 16 octets
