"""Fields of rdata written as digits or by list. The face and its promises: coded.pxd."""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memset

from nsblast._core.fields cimport STRING_OCTETS, number_from_token
from nsblast._core.mnemonic cimport type_from_text
from nsblast._core.token cimport TOK_END, TOK_WORD, Text, Token, token_fail, token_hold, token_is, token_next, token_word
from nsblast._core.wire cimport Writer, writer_bytes, writer_u8, writer_u16

cdef extern from *:
    """
    #include <stdint.h>
    /* Digits of base64 (RFC 4648 4), base32hex (section 7) and hex; 255 = none. Made at compile time from ranges. */
    static inline unsigned nsb_base64(unsigned char c) {
        return c >= 'A' && c <= 'Z' ? c - 'A' + 0u : c >= 'a' && c <= 'z' ? c - 'a' + 26u : c >= '0' && c <= '9' ? c - '0' + 52u
             : c == '+' ? 62u : c == '/' ? 63u : 255u;
    }
    static inline unsigned nsb_base32(unsigned char c) {
        return c >= '0' && c <= '9' ? c - '0' + 0u : c >= 'A' && c <= 'V' ? c - 'A' + 10u : c >= 'a' && c <= 'v' ? c - 'a' + 10u : 255u;
    }
    static inline unsigned nsb_hex(unsigned char c) {
        return c >= '0' && c <= '9' ? c - '0' + 0u : c >= 'A' && c <= 'F' ? c - 'A' + 10u : c >= 'a' && c <= 'f' ? c - 'a' + 10u : 255u;
    }
    typedef struct { const char *name; unsigned char len, number; } nsb_algorithm;
    #define NSB_ALGORITHM(n, v) { n, sizeof(n) - 1, v }
    static const nsb_algorithm nsb_algorithms[] = {
        NSB_ALGORITHM("RSAMD5", 1), NSB_ALGORITHM("DH", 2), NSB_ALGORITHM("DSA", 3), NSB_ALGORITHM("ECC", 4),
        NSB_ALGORITHM("RSASHA1", 5), NSB_ALGORITHM("DSA-NSEC3-SHA1", 6), NSB_ALGORITHM("DSANSEC3SHA1", 6),
        NSB_ALGORITHM("RSASHA1-NSEC3-SHA1", 7), NSB_ALGORITHM("RSASHA1NSEC3SHA1", 7), NSB_ALGORITHM("RSASHA256", 8),
        NSB_ALGORITHM("RSASHA512", 10), NSB_ALGORITHM("ECC-GOST", 12), NSB_ALGORITHM("ECCGOST", 12),
        NSB_ALGORITHM("ECDSAP256SHA256", 13), NSB_ALGORITHM("ECDSAP384SHA384", 14), NSB_ALGORITHM("ED25519", 15),
        NSB_ALGORITHM("ED448", 16), NSB_ALGORITHM("INDIRECT", 252), NSB_ALGORITHM("PRIVATEDNS", 253),
        NSB_ALGORITHM("PRIVATEOID", 254),
    };
    enum { NSB_ALGORITHMS = sizeof(nsb_algorithms) / sizeof(nsb_algorithms[0]) };
    """
    uint32_t base64_digit "nsb_base64"(uint8_t) noexcept nogil
    uint32_t base32_digit "nsb_base32"(uint8_t) noexcept nogil
    uint32_t hex_digit "nsb_hex"(uint8_t) noexcept nogil
    ctypedef struct Algorithm "nsb_algorithm":
        const char* name
        uint8_t len
        uint8_t number
    enum:
        ALGORITHMS "NSB_ALGORITHMS"
    const Algorithm* algorithms "nsb_algorithms"

cdef enum:
    NO_DIGIT = 255


cdef void put_hex(Text* t, bint may_be_empty, Writer* w) noexcept nogil:
    cdef Token token
    cdef Token last
    cdef uint32_t i, digit, high = NO_DIGIT
    cdef bint empty = True
    last.len = 0
    while token_next(t, &token) == TOK_WORD:
        last = token
        for i in range(token.len):
            digit = hex_digit(token.at[i])
            if digit == NO_DIGIT:
                token_fail(t, &token, b"hexadecimal digits")
                return
            if high == NO_DIGIT:
                high = digit
            else:
                writer_u8(w, <uint8_t> (high << 4 | digit))
                high = NO_DIGIT
                empty = False
    if token.kind != TOK_END or (empty and high == NO_DIGIT and not may_be_empty):
        token_fail(t, &token, b"hexadecimal digits")
    elif high != NO_DIGIT:
        token_fail(t, &last, b"an even number of hexadecimal digits")
    token_hold(t, &token)


cdef void put_base64(Text* t, bint may_be_empty, Writer* w) noexcept nogil:
    cdef Token token
    cdef Token last
    cdef uint32_t i, digit, bits = 0, have = 0, pads = 0
    cdef bint empty = True
    last.len = 0
    while token_next(t, &token) == TOK_WORD:
        last = token
        empty = False
        for i in range(token.len):
            if token.at[i] == c'=':
                pads += 1
                continue
            digit = base64_digit(token.at[i])
            if digit == NO_DIGIT or pads:
                token_fail(t, &token, b"base64")
                return
            bits = bits << 6 | digit
            have += 1
            if have == 4:
                writer_u8(w, <uint8_t> (bits >> 16 & 0xff))
                writer_u8(w, <uint8_t> (bits >> 8 & 0xff))
                writer_u8(w, <uint8_t> (bits & 0xff))
                have = 0
                bits = 0
    if token.kind != TOK_END or (empty and not may_be_empty):
        token_fail(t, &token, b"base64")
    elif have == 2 and pads == 2 and bits & 0xf == 0:
        writer_u8(w, <uint8_t> (bits >> 4))
    elif have == 3 and pads == 1 and bits & 0x3 == 0:
        writer_u8(w, <uint8_t> (bits >> 10 & 0xff))
        writer_u8(w, <uint8_t> (bits >> 2 & 0xff))
    elif have or pads:
        token_fail(t, &last, b"base64 with its padding")
    token_hold(t, &token)


cdef void put_salt(Text* t, Writer* w) noexcept nogil:
    cdef Token token
    cdef uint32_t i, high, low
    if not token_word(t, &token, b"a salt: hexadecimal digits, or - for none"):
        return
    if token.len == 1 and token.at[0] == c'-':
        writer_u8(w, 0)
        return
    if token.len % 2 or token.len > 2 * STRING_OCTETS:
        token_fail(t, &token, b"a salt: hexadecimal digits, or - for none")
        return
    writer_u8(w, <uint8_t> (token.len // 2))
    for i in range(token.len // 2):
        high = hex_digit(token.at[2 * i])
        low = hex_digit(token.at[2 * i + 1])
        if high == NO_DIGIT or low == NO_DIGIT:
            token_fail(t, &token, b"a salt: hexadecimal digits, or - for none")
            return
        writer_u8(w, <uint8_t> (high << 4 | low))


cdef void put_base32(Text* t, Writer* w) noexcept nogil:
    cdef Token token
    cdef uint32_t i, digit, bits = 0, have = 0
    if not token_word(t, &token, b"a hashed name in base32hex"):
        return
    if token.len * 5 // 8 > STRING_OCTETS or token.len % 8 in (1, 3, 6) or token.len == 0:
        token_fail(t, &token, b"a hashed name in base32hex")
        return
    writer_u8(w, <uint8_t> (token.len * 5 // 8))
    for i in range(token.len):
        digit = base32_digit(token.at[i])
        if digit == NO_DIGIT:
            token_fail(t, &token, b"a hashed name in base32hex")
            return
        bits = (bits << 5 | digit) & 0xfff
        have += 5
        if have >= 8:
            have -= 8
            writer_u8(w, <uint8_t> (bits >> have & 0xff))
    if bits & ((1 << have) - 1):
        token_fail(t, &token, b"a hashed name in base32hex")


cdef void put_types(Text* t, Writer* w) noexcept nogil:
    cdef Token token
    cdef int32_t number
    cdef uint8_t maps[8192]     # a bit for every type
    cdef uint32_t window, used
    cdef bint seen[256]
    memset(seen, 0, sizeof(seen))
    while token_next(t, &token) == TOK_WORD:
        number = type_from_text(token.at, token.len)
        if number < 0:
            token_fail(t, &token, b"a record type")
            return
        window = <uint32_t> number >> 8
        if not seen[window]:
            memset(maps + 32 * window, 0, 32)
            seen[window] = True
        maps[<uint32_t> number >> 3] |= <uint8_t> (0x80 >> (number & 7))
    if token.kind != TOK_END:
        token_fail(t, &token, b"a record type")
        return
    for window in range(256):
        if not seen[window]:
            continue
        used = 32
        while maps[32 * window + used - 1] == 0:
            used -= 1
        writer_u8(w, <uint8_t> window)
        writer_u8(w, <uint8_t> used)
        writer_bytes(w, maps + 32 * window, used)
    token_hold(t, &token)


cdef void put_type(Text* t, Writer* w) noexcept nogil:
    cdef Token token
    cdef int32_t number
    if not token_word(t, &token, b"a record type"):
        return
    number = type_from_text(token.at, token.len)
    if number < 0:
        token_fail(t, &token, b"a record type")
        return
    writer_u16(w, <uint16_t> number)


cdef void put_algorithm(Text* t, Writer* w) noexcept nogil:
    cdef Token token
    cdef uint32_t i
    if not token_word(t, &token, b"a DNSSEC algorithm"):
        return
    if token.at[0] >= c'A':
        for i in range(<uint32_t> ALGORITHMS):
            if token_is(&token, algorithms[i].name, algorithms[i].len):
                writer_u8(w, algorithms[i].number)
                return
    writer_u8(w, <uint8_t> number_from_token(t, &token, 0xff, b"a DNSSEC algorithm"))


cdef void put_tag(Text* t, Writer* w) noexcept nogil:
    cdef Token token
    cdef uint32_t i
    cdef uint8_t c
    if not token_word(t, &token, b"a property tag of letters and digits"):
        return
    for i in range(token.len):
        c = token.at[i]
        if not (c'0' <= c <= c'9' or c'a' <= (c | 0x20) <= c'z'):
            token_fail(t, &token, b"a property tag of letters and digits")
            return
    if token.len > STRING_OCTETS:
        token_fail(t, &token, b"a property tag of at most 255 letters and digits")
        return
    writer_u8(w, <uint8_t> token.len)
    writer_bytes(w, token.at, token.len)
