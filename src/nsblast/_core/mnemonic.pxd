# Names of the types this server knows, both ways; TYPEnnn for all others (RFC 3597 5).

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t

# The number of a type's name, ASCII case aside, TYPEnnn included; -1 for anything else.
cdef int32_t type_from_text(const uint8_t* p, uint32_t n) noexcept nogil
# Writes the name (or TYPEnnn) into out, 16 octets; returns its length.
cdef uint32_t type_to_text(uint16_t rrtype, uint8_t* out) noexcept nogil
