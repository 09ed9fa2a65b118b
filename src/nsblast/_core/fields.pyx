"""Fields of rdata, from a token to octets. The face and its promises: fields.pxd."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from nsblast._core.proto cimport LABEL_OCTETS, TTL_MAX
from nsblast._core.token cimport (
    TOK_END, TOK_ERROR, TOK_QUOTED, TOK_WORD, Text, Token, TokenKind, token_fail, token_hold, token_next, token_word,
)
from nsblast._core.wire cimport Writer, writer_bytes, writer_take, writer_u8, writer_u16, writer_u32

cdef extern from "arpa/inet.h" nogil:
    int inet_pton(int family, const char* text, void* out)
    enum:
        AF_INET6

cdef inline int32_t escape(const uint8_t* p, uint32_t left, uint32_t* used) noexcept nogil:
    """The octet that the escape at p (behind its backslash) stands for, -1 when it is none."""
    cdef uint32_t value
    if left == 0:
        return -1
    if p[0] < c'0' or p[0] > c'9':
        used[0] = 1
        return p[0]
    if left < 3 or p[1] < c'0' or p[1] > c'9' or p[2] < c'0' or p[2] > c'9':
        return -1
    value = (p[0] - <uint32_t> c'0') * 100 + (p[1] - <uint32_t> c'0') * 10 + (p[2] - <uint32_t> c'0')
    used[0] = 3
    return <int32_t> value if value <= 255 else -1


cdef uint32_t name_from_token(Text* t, const Token* token, const Origin* origin, uint8_t* out) noexcept nogil:
    cdef const uint8_t* p = token.at
    cdef const uint8_t* end = p + token.len
    cdef uint32_t start = 0     # the length octet of the label being read
    cdef uint32_t at = 1
    cdef uint32_t used = 0
    cdef int32_t value
    cdef uint8_t c
    if token.kind != TOK_WORD:
        token_fail(t, token, b"a domain name")
        return 0
    if token.len == 1:
        if p[0] == c'.':
            out[0] = 0
            return 1
        if p[0] == c'@':
            if origin.len == 0:
                token_fail(t, token, b"a name that ends in a dot: no origin is known here")
                return 0
            memcpy(out, origin.wire, origin.len)
            return origin.len
    while p < end:
        c = p[0]
        p += 1
        if c == c'.':
            if at - start == 1:
                token_fail(t, token, b"a name without empty labels")
                return 0
            if at - start - 1 > LABEL_OCTETS:
                token_fail(t, token, b"labels of at most 63 octets")
                return 0
            out[start] = <uint8_t> (at - start - 1)
            start = at
            at += 1
        else:
            if c == c'\\':
                value = escape(p, <uint32_t> (end - p), &used)
                if value < 0:
                    token_fail(t, token, b"\\DDD with DDD from 000 to 255, or a backslash and one character")
                    return 0
                c = <uint8_t> value
                p += used
            out[at] = c
            at += 1
        if at > 255:
            token_fail(t, token, b"a name of at most 255 octets")
            return 0
    if at - start == 1:         # it ended in a dot
        out[start] = 0
        return at
    if at - start - 1 > LABEL_OCTETS:
        token_fail(t, token, b"labels of at most 63 octets")
        return 0
    out[start] = <uint8_t> (at - start - 1)
    if origin.len == 0:
        token_fail(t, token, b"a name that ends in a dot: no origin is known here")
        return 0
    if at + origin.len > 255:
        token_fail(t, token, b"a name of at most 255 octets with its origin")
        return 0
    memcpy(out + at, origin.wire, origin.len)
    return at + origin.len


cdef uint32_t number_from_token(Text* t, const Token* token, uint32_t most, const char* expected) noexcept nogil:
    cdef uint64_t value = 0
    cdef uint32_t i
    if token.kind != TOK_WORD or token.len > 10:
        token_fail(t, token, expected)
        return 0
    for i in range(token.len):
        if token.at[i] < c'0' or token.at[i] > c'9':
            token_fail(t, token, expected)
            return 0
        value = value * 10 + (token.at[i] - <uint32_t> c'0')
    if value > most:
        token_fail(t, token, expected)
        return 0
    return <uint32_t> value


cdef uint32_t period(Text* t, const Token* token, uint32_t most, const char* too_long) noexcept nogil:
    cdef uint64_t total = 0, value = 0
    cdef uint64_t unit
    cdef uint32_t i
    cdef uint8_t c
    cdef bint digits = False, units = False
    if token.kind != TOK_WORD:
        token_fail(t, token, b"a TTL: seconds, or numbers with units w d h m s")
        return 0
    for i in range(token.len):
        c = token.at[i]
        if c'0' <= c <= c'9':
            value = value * 10 + (c - <uint32_t> c'0')
            digits = True
            if value > most:
                token_fail(t, token, too_long)
                return 0
            continue
        c |= 0x20
        unit = 0
        if c == c's':
            unit = 1
        elif c == c'm':
            unit = 60
        elif c == c'h':
            unit = 3600
        elif c == c'd':
            unit = 86400
        elif c == c'w':
            unit = 604800
        if unit == 0 or not digits:
            token_fail(t, token, b"a TTL: seconds, or numbers with units w d h m s")
            return 0
        total += value * unit
        value = 0
        digits = False
        units = True
        if total > most:
            token_fail(t, token, too_long)
            return 0
    if units == digits:     # nothing at all, or a number without a unit behind one with
        token_fail(t, token, b"a TTL: seconds, or numbers with units w d h m s")
        return 0
    return <uint32_t> (total + value)


cdef uint32_t ttl_from_token(Text* t, const Token* token) noexcept nogil:
    return period(t, token, TTL_MAX, b"a TTL of at most 2147483647 seconds")


cdef int32_t octets_from_token(Text* t, const Token* token, uint8_t* out, uint32_t room) noexcept nogil:
    cdef const uint8_t* p = token.at
    cdef const uint8_t* end = p + token.len
    cdef uint32_t at = 0
    cdef uint32_t used = 0
    cdef int32_t value
    cdef uint8_t c
    if not token.escaped:
        if token.len > room:
            return -1
        memcpy(out, p, token.len)
        return <int32_t> token.len
    while p < end:
        c = p[0]
        p += 1
        if c == c'\\':
            value = escape(p, <uint32_t> (end - p), &used)
            if value < 0:
                token_fail(t, token, b"\\DDD with DDD from 000 to 255, or a backslash and one character")
                return -1
            c = <uint8_t> value
            p += used
        if at == room:
            return -1
        out[at] = c
        at += 1
    return <int32_t> at


cdef void put_name(Text* t, const Origin* origin, Writer* w) noexcept nogil:
    cdef Token token
    cdef uint8_t out[512]
    cdef uint32_t n
    if not token_word(t, &token, b"a domain name"):
        return
    n = name_from_token(t, &token, origin, out)
    writer_bytes(w, out, n)


cdef uint32_t put_u8(Text* t, const char* expected, Writer* w) noexcept nogil:
    cdef Token token
    cdef uint32_t value
    if not token_word(t, &token, expected):
        return 0
    value = number_from_token(t, &token, 0xff, expected)
    writer_u8(w, <uint8_t> value)
    return value


cdef uint32_t put_u16(Text* t, const char* expected, Writer* w) noexcept nogil:
    cdef Token token
    cdef uint32_t value
    if not token_word(t, &token, expected):
        return 0
    value = number_from_token(t, &token, 0xffff, expected)
    writer_u16(w, <uint16_t> value)
    return value


cdef void put_u32(Text* t, const char* expected, Writer* w) noexcept nogil:
    cdef Token token
    if token_word(t, &token, expected):
        writer_u32(w, number_from_token(t, &token, 0xffffffff, expected))


cdef void put_period(Text* t, Writer* w) noexcept nogil:
    cdef Token token
    if token_word(t, &token, b"a time span: seconds, or numbers with units w d h m s"):
        writer_u32(w, period(t, &token, 0xffffffff, b"a time span of at most 4294967295 seconds"))


cdef inline uint32_t two_digits(const uint8_t* p) noexcept nogil:
    return (p[0] - <uint32_t> c'0') * 10 + (p[1] - <uint32_t> c'0')


cdef int64_t days_from_1970(int64_t year, uint32_t month, uint32_t day) noexcept nogil:
    """Days of a date of the Gregorian calendar, years counted from March so that a leap day comes last."""
    cdef int64_t y = year - 1 if month <= 2 else year
    cdef int64_t m = month + 9 if month <= 2 else month - 3
    return 365 * y + y // 4 - y // 100 + y // 400 + (153 * m + 2) // 5 + day - 1 - 719468


cdef void put_time(Text* t, Writer* w) noexcept nogil:
    cdef Token token
    cdef const uint8_t* p
    cdef uint32_t i, month, day, last
    cdef int64_t year
    cdef int64_t seconds
    if not token_word(t, &token, b"a time: YYYYMMDDHHmmSS or seconds since 1970"):
        return
    if token.len != 14:
        writer_u32(w, number_from_token(t, &token, 0xffffffff, b"a time: YYYYMMDDHHmmSS or seconds since 1970"))
        return
    p = token.at
    for i in range(14):
        if p[i] < c'0' or p[i] > c'9':
            token_fail(t, &token, b"a time: YYYYMMDDHHmmSS or seconds since 1970")
            return
    year = two_digits(p) * 100 + two_digits(p + 2)
    month = two_digits(p + 4)
    day = two_digits(p + 6)
    last = 30 if month in (4, 6, 9, 11) else 31
    if month == 2:
        last = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    if (year < 1970 or month < 1 or month > 12 or day < 1 or day > last or two_digits(p + 8) > 23
            or two_digits(p + 10) > 59 or two_digits(p + 12) > 59):
        token_fail(t, &token, b"a time that exists, from 1970 on: YYYYMMDDHHmmSS")
        return
    seconds = days_from_1970(year, month, day) * 86400
    seconds += two_digits(p + 8) * 3600 + two_digits(p + 10) * 60 + two_digits(p + 12)
    writer_u32(w, <uint32_t> <uint64_t> seconds)     # RFC 4034 3.1.5: serial number arithmetic


cdef void put_a(Text* t, Writer* w) noexcept nogil:
    cdef Token token
    cdef uint32_t i, value = 0, digits = 0, parts = 0
    cdef uint8_t c
    cdef uint8_t out[4]
    if not token_word(t, &token, b"an IPv4 address"):
        return
    for i in range(token.len + 1):
        c = token.at[i] if i < token.len else <uint8_t> c'.'
        if c'0' <= c <= c'9' and not (digits and value == 0):
            value = value * 10 + (c - <uint32_t> c'0')
            digits += 1
            if value <= 255:
                continue
        elif c == c'.' and digits and parts < 4:
            out[parts] = <uint8_t> value
            parts += 1
            value = digits = 0
            continue
        parts = 0
        break
    if parts != 4:
        token_fail(t, &token, b"an IPv4 address")
    writer_bytes(w, out, 4)


cdef void put_aaaa(Text* t, Writer* w) noexcept nogil:
    cdef Token token
    cdef char text[48]
    cdef uint8_t out[16]
    if not token_word(t, &token, b"an IPv6 address"):
        return
    if token.len < sizeof(text):
        memcpy(text, token.at, token.len)
        text[token.len] = 0
        if inet_pton(AF_INET6, text, out) == 1:
            writer_bytes(w, out, 16)
            return
    token_fail(t, &token, b"an IPv6 address")


cdef void put_strings(Text* t, Writer* w) noexcept nogil:
    cdef Token token
    cdef uint8_t out[255]
    cdef int32_t n
    cdef uint32_t count = 0
    cdef TokenKind kind = token_next(t, &token)
    while kind == TOK_WORD or kind == TOK_QUOTED:
        n = octets_from_token(t, &token, out, STRING_OCTETS)
        if n < 0:
            token_fail(t, &token, b"a string of at most 255 octets")
            return
        writer_u8(w, <uint8_t> n)
        writer_bytes(w, out, <uint32_t> n)
        count += 1
        kind = token_next(t, &token)
    if count == 0:
        token_fail(t, &token, b"a string")
        return
    token_hold(t, &token)


cdef void put_rest(Text* t, Writer* w) noexcept nogil:
    cdef Token token
    cdef uint8_t* room
    cdef int32_t n
    cdef TokenKind kind = token_next(t, &token)
    if kind != TOK_WORD and kind != TOK_QUOTED:
        token_fail(t, &token, b"a string")
        return
    room = w.base + w.at
    n = octets_from_token(t, &token, room, w.limit - w.at)
    if n < 0:
        w.bad = True
        return
    writer_take(w, <uint32_t> n)


cdef void want_end(Text* t) noexcept nogil:
    cdef Token token
    cdef TokenKind kind = token_next(t, &token)
    if kind != TOK_END and kind != TOK_ERROR:
        token_fail(t, &token, b"the end of the record")
