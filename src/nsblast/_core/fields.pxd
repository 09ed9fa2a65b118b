# Fields of rdata, from a token to octets: names, numbers, times, addresses, strings.
#
# Owns: the text form of one field each (RFC 1035 5.1, 3596 2.4, 4034 3.2). Never: which fields a type has (rdtext.pyx).
# All are sticky through Text: after an error they read and write nothing of worth, and the first error stands.
# Written through a Writer of the longest rdata; `bad` there means it was too long.

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from nsblast._core.token cimport Text, Token
from nsblast._core.wire cimport Writer

cdef enum:
    STRING_OCTETS = 255     # RFC 1035 3.3


cdef struct Origin:
    uint8_t wire[256]       # what relative names are completed with, spelling kept
    uint32_t len            # 0 = none known


# The name `token` in wire form into out (256 octets), completed with origin; octets written, 0 after token_fail.
cdef uint32_t name_from_token(Text* t, const Token* token, const Origin* origin, uint8_t* out) noexcept nogil
# A decimal number of at most `most`; 0 after token_fail.
cdef uint32_t number_from_token(Text* t, const Token* token, uint32_t most, const char* expected) noexcept nogil
# A TTL in seconds or with units (1h30m): RFC 2308 section 4's $TTL, BIND's units. 0 after token_fail.
cdef uint32_t ttl_from_token(Text* t, const Token* token) noexcept nogil
# Undo the escapes of a token into out, at most `room` octets: octets written, or -1 after token_fail.
cdef int32_t octets_from_token(Text* t, const Token* token, uint8_t* out, uint32_t room) noexcept nogil

cdef void put_name(Text* t, const Origin* origin, Writer* w) noexcept nogil
cdef uint32_t put_u8(Text* t, const char* expected, Writer* w) noexcept nogil        # returns the value
cdef uint32_t put_u16(Text* t, const char* expected, Writer* w) noexcept nogil
cdef void put_u32(Text* t, const char* expected, Writer* w) noexcept nogil
cdef void put_period(Text* t, Writer* w) noexcept nogil         # as a TTL, but of 32 bits: SOA timers, RRSIG's original TTL
cdef void put_time(Text* t, Writer* w) noexcept nogil           # YYYYMMDDHHmmSS, or seconds since 1970 modulo 2^32
cdef void put_a(Text* t, Writer* w) noexcept nogil
cdef void put_aaaa(Text* t, Writer* w) noexcept nogil
cdef void put_strings(Text* t, Writer* w) noexcept nogil        # one or more, to the end of the entry
cdef void put_rest(Text* t, Writer* w) noexcept nogil           # CAA: one string of any length, without a length octet
cdef void want_end(Text* t) noexcept nogil                      # the entry must end here
