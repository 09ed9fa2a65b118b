"""Rdata of the common types as text, and whole entries as lines of a master file.

Owns: the text form in the other direction than rdtext.pyx, and room for it. Never: files, the order of names.
Whatever is written here, rdtext.pyx reads back to the same octets; rdata that has no such text is left to the caller.
RFC 1035 5.1, 4034 2.2 3.2 4.2 5.3, 5155 3.3 4.3.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from nsblast._core.mnemonic cimport type_to_text
from nsblast._core.name cimport name_span
from nsblast._core.proto cimport (
    TYPE_A, TYPE_AAAA, TYPE_CAA, TYPE_CDNSKEY, TYPE_CDS, TYPE_CNAME, TYPE_DNAME, TYPE_DNSKEY, TYPE_DS, TYPE_MX, TYPE_NS,
    TYPE_NSEC, TYPE_NSEC3, TYPE_NSEC3PARAM, TYPE_OPENPGPKEY, TYPE_PTR, TYPE_RRSIG, TYPE_SMIMEA, TYPE_SOA, TYPE_SPF, TYPE_SRV,
    TYPE_SSHFP, TYPE_TLSA, TYPE_TXT,
)
from nsblast._core.rrset cimport Entry, Rrset, entry_at, entry_open, rrset_next
from nsblast._core.status cimport OK
from nsblast._core.wire cimport (
    Reader, reader_bad, reader_fail, reader_left, reader_open, reader_take, reader_u8, reader_u16, reader_u32,
)

cdef extern from "arpa/inet.h" nogil:
    const char* inet_ntop(int family, const void* src, char* dst, uint32_t size)
    enum:
        AF_INET
        AF_INET6

cdef extern from *:
    """
    static const char nsb_digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char nsb_digits32[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
    static const char nsb_digits16[] = "0123456789ABCDEF";
    """
    const char* digits64 "nsb_digits64"
    const char* digits32 "nsb_digits32"
    const char* digits16 "nsb_digits16"

cdef enum:
    OWNER_TEXT = 1100       # a name's text (255 octets, each at most 4 characters), TTL, class, type, blanks
    EXPANSION = 8           # characters one octet of rdata can become, separators included
    EXPANSION_TYPES = 96    # the same for type bit maps: eight names of types


cdef struct Out:            # text under construction; callers make room first, so that the put functions need no test
    uint8_t* base
    size_t at
    size_t room


cdef bint make_room(Out* o, size_t more) noexcept nogil:
    cdef size_t want
    cdef void* p
    if o.room - o.at >= more:
        return True
    want = (o.at + more) * 2
    p = realloc(o.base, want)
    if p == NULL:
        return False
    o.base = <uint8_t*> p
    o.room = want
    return True


cdef inline void put(Out* o, uint8_t c) noexcept nogil:
    o.base[o.at] = c
    o.at += 1


cdef inline void put_text(Out* o, const char* s, size_t n) noexcept nogil:
    memcpy(o.base + o.at, s, n)
    o.at += n


cdef void put_number(Out* o, uint32_t value) noexcept nogil:
    cdef uint8_t digits[10]
    cdef uint32_t n = 0
    while True:
        digits[n] = <uint8_t> (c'0' + value % 10)
        n += 1
        value //= 10
        if value == 0:
            break
    while n:
        n -= 1
        put(o, digits[n])


cdef inline void put_padded(Out* o, uint32_t value, uint32_t width) noexcept nogil:
    cdef uint32_t i
    for i in range(width):
        o.base[o.at + width - 1 - i] = <uint8_t> (c'0' + value % 10)
        value //= 10
    o.at += width


cdef inline void put_octet(Out* o, uint8_t c, bint quoted) noexcept nogil:
    """One octet of a name or a string, escaped where it must be (RFC 1035 5.1)."""
    if c < 0x21 or c > 0x7e:
        if c == 0x20 and quoted:
            put(o, c)
            return
        put(o, c'\\')
        put_padded(o, c, 3)
        return
    if c == c'"' or c == c'\\' or (not quoted and (c == c'.' or c == c';' or c == c'(' or c == c')' or c == c'@' or c == c'$')):
        put(o, c'\\')
    put(o, c)


cdef void put_name(Out* o, const uint8_t* p) noexcept nogil:
    """A well-formed name, absolute."""
    cdef uint32_t i
    if p[0] == 0:
        put(o, c'.')
    while p[0]:
        for i in range(1, <uint32_t> p[0] + 1):
            put_octet(o, p[i], False)
        put(o, c'.')
        p += p[0] + 1


cdef void show_name(Out* o, Reader* r) noexcept nogil:
    cdef uint32_t n = name_span(r.base + r.at, reader_left(r))
    if n == 0:
        reader_fail(r)
        return
    put_name(o, reader_take(r, n))


cdef inline void show_u8(Out* o, Reader* r) noexcept nogil:
    put_number(o, reader_u8(r))
    put(o, c' ')


cdef inline void show_u16(Out* o, Reader* r) noexcept nogil:
    put_number(o, reader_u16(r))
    put(o, c' ')


cdef inline void show_u32(Out* o, Reader* r) noexcept nogil:
    put_number(o, reader_u32(r))
    put(o, c' ')


cdef void show_time(Out* o, Reader* r) noexcept nogil:
    """YYYYMMDDHHmmSS: RFC 4034 3.2."""
    cdef uint32_t seconds = reader_u32(r)
    cdef uint32_t days = seconds // 86400 + 719468      # since 1 March of year 0
    cdef uint32_t rest = seconds % 86400
    cdef uint32_t era = days // 146097
    cdef uint32_t of_era = days % 146097
    cdef uint32_t year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    cdef uint32_t of_year = of_era - (365 * year + year // 4 - year // 100)
    cdef uint32_t month = (5 * of_year + 2) // 153      # 0 = March
    cdef uint32_t day = of_year - (153 * month + 2) // 5 + 1
    year += era * 400
    if month >= 10:
        year += 1
        month -= 9
    else:
        month += 3
    put_padded(o, year, 4)
    put_padded(o, month, 2)
    put_padded(o, day, 2)
    put_padded(o, rest // 3600, 2)
    put_padded(o, rest // 60 % 60, 2)
    put_padded(o, rest % 60, 2)
    put(o, c' ')


cdef void show_address(Out* o, Reader* r, int family, uint32_t n) noexcept nogil:
    cdef char text[48]
    cdef const uint8_t* p = reader_take(r, n)
    cdef size_t i = 0
    if p == NULL or inet_ntop(family, p, text, sizeof(text)) == NULL:
        return
    while text[i]:
        i += 1
    put_text(o, text, i)


cdef void show_string(Out* o, Reader* r, uint32_t n) noexcept nogil:
    cdef const uint8_t* p = reader_take(r, n)
    cdef uint32_t i
    if p == NULL:
        return
    put(o, c'"')
    for i in range(n):
        put_octet(o, p[i], True)
    put(o, c'"')


cdef void show_strings(Out* o, Reader* r) noexcept nogil:
    if reader_left(r) == 0:
        reader_fail(r)
    while reader_left(r):
        show_string(o, r, reader_u8(r))
        if reader_left(r):
            put(o, c' ')


cdef void show_hex(Out* o, Reader* r, uint32_t n) noexcept nogil:
    cdef const uint8_t* p = reader_take(r, n) if n else NULL
    cdef uint32_t i
    if p == NULL:           # nothing would be written, and nothing is no word
        reader_fail(r)
        return
    for i in range(n):
        put(o, <uint8_t> digits16[p[i] >> 4])
        put(o, <uint8_t> digits16[p[i] & 15])


cdef void show_base64(Out* o, Reader* r) noexcept nogil:
    cdef uint32_t n = reader_left(r)
    cdef const uint8_t* p = reader_take(r, n) if n else NULL
    cdef uint32_t i = 0
    cdef uint32_t bits
    if p == NULL:
        reader_fail(r)
        return
    while i < n:
        bits = <uint32_t> p[i] << 16
        if i + 1 < n:
            bits |= <uint32_t> p[i + 1] << 8
        if i + 2 < n:
            bits |= p[i + 2]
        put(o, <uint8_t> digits64[bits >> 18])
        put(o, <uint8_t> digits64[bits >> 12 & 63])
        put(o, <uint8_t> digits64[bits >> 6 & 63] if i + 1 < n else c'=')
        put(o, <uint8_t> digits64[bits & 63] if i + 2 < n else c'=')
        i += 3


cdef void show_base32(Out* o, Reader* r, uint32_t n) noexcept nogil:
    cdef const uint8_t* p = reader_take(r, n) if n else NULL
    cdef uint32_t i, bits = 0, have = 0
    if p == NULL:
        reader_fail(r)
        return
    for i in range(n):
        bits = (bits << 8 | p[i]) & 0xfff
        have += 8
        while have >= 5:
            have -= 5
            put(o, <uint8_t> digits32[bits >> have & 31])
    if have:
        put(o, <uint8_t> digits32[bits << (5 - have) & 31])


cdef void show_salt(Out* o, Reader* r) noexcept nogil:
    cdef uint8_t n = reader_u8(r)
    if n:
        show_hex(o, r, n)
    else:
        put(o, c'-')


cdef void show_type(Out* o, uint16_t rrtype) noexcept nogil:
    cdef uint8_t name[16]
    cdef uint32_t n = type_to_text(rrtype, name)
    put_text(o, <const char*> name, n)


cdef void show_types(Out* o, Reader* r) noexcept nogil:
    """Type bit maps; each must be as short as can be, or the text would not give it back."""
    cdef int window, last = -1
    cdef uint32_t n, i
    cdef const uint8_t* p
    while reader_left(r):
        window = reader_u8(r)
        n = reader_u8(r)
        p = reader_take(r, n)
        if p == NULL or n == 0 or n > 32 or p[n - 1] == 0 or window <= last:
            reader_fail(r)
            return
        last = window
        for i in range(8 * n):
            if p[i >> 3] & (0x80 >> (i & 7)):
                put(o, c' ')
                show_type(o, <uint16_t> (<uint32_t> window << 8 | i))


cdef void show_caa(Out* o, Reader* r) noexcept nogil:
    cdef uint8_t n
    cdef uint8_t i
    cdef const uint8_t* p
    show_u8(o, r)
    n = reader_u8(r)
    p = reader_take(r, n) if n else NULL
    if p == NULL:
        reader_fail(r)
        return
    for i in range(n):
        if not (c'0' <= p[i] <= c'9' or c'a' <= (p[i] | 0x20) <= c'z'):
            reader_fail(r)
            return
    put_text(o, <const char*> p, n)
    put(o, c' ')
    show_string(o, r, reader_left(r))


cdef void show_rrsig(Out* o, Reader* r) noexcept nogil:
    show_type(o, reader_u16(r))
    put(o, c' ')
    show_u8(o, r)
    show_u8(o, r)
    show_u32(o, r)
    show_time(o, r)
    show_time(o, r)
    show_u16(o, r)
    show_name(o, r)
    put(o, c' ')
    show_base64(o, r)


cdef bint show_rdata(Out* o, uint16_t rrtype, const uint8_t* rdata, uint32_t length) noexcept nogil:
    """Append the text; False, with nothing appended, when there is none to give. Room must have been made."""
    cdef Reader r
    cdef size_t start = o.at
    reader_open(&r, rdata, length)
    if rrtype == TYPE_A:
        show_address(o, &r, AF_INET, 4)
    elif rrtype == TYPE_AAAA:
        show_address(o, &r, AF_INET6, 16)
    elif rrtype in (TYPE_NS, TYPE_CNAME, TYPE_PTR, TYPE_DNAME):
        show_name(o, &r)
    elif rrtype == TYPE_MX:
        show_u16(o, &r)
        show_name(o, &r)
    elif rrtype == TYPE_TXT or rrtype == TYPE_SPF:
        show_strings(o, &r)
    elif rrtype == TYPE_SOA:
        show_name(o, &r)
        put(o, c' ')
        show_name(o, &r)
        put(o, c' ')
        show_u32(o, &r)
        show_u32(o, &r)
        show_u32(o, &r)
        show_u32(o, &r)
        put_number(o, reader_u32(&r))
    elif rrtype == TYPE_SRV:
        show_u16(o, &r)
        show_u16(o, &r)
        show_u16(o, &r)
        show_name(o, &r)
    elif rrtype == TYPE_RRSIG:
        show_rrsig(o, &r)
    elif rrtype == TYPE_NSEC:
        show_name(o, &r)
        show_types(o, &r)
    elif rrtype == TYPE_NSEC3:
        show_u8(o, &r)
        show_u8(o, &r)
        show_u16(o, &r)
        show_salt(o, &r)
        put(o, c' ')
        show_base32(o, &r, reader_u8(&r))
        show_types(o, &r)
    elif rrtype == TYPE_NSEC3PARAM:
        show_u8(o, &r)
        show_u8(o, &r)
        show_u16(o, &r)
        show_salt(o, &r)
    elif rrtype == TYPE_DS or rrtype == TYPE_CDS:
        show_u16(o, &r)
        show_u8(o, &r)
        show_u8(o, &r)
        show_hex(o, &r, reader_left(&r))
    elif rrtype == TYPE_DNSKEY or rrtype == TYPE_CDNSKEY:
        show_u16(o, &r)
        show_u8(o, &r)
        show_u8(o, &r)
        show_base64(o, &r)
    elif rrtype == TYPE_CAA:
        show_caa(o, &r)
    elif rrtype == TYPE_TLSA or rrtype == TYPE_SMIMEA:
        show_u8(o, &r)
        show_u8(o, &r)
        show_u8(o, &r)
        show_hex(o, &r, reader_left(&r))
    elif rrtype == TYPE_SSHFP:
        show_u8(o, &r)
        show_u8(o, &r)
        show_hex(o, &r, reader_left(&r))
    elif rrtype == TYPE_OPENPGPKEY:
        show_base64(o, &r)
    else:
        reader_fail(&r)
    if reader_bad(&r) or reader_left(&r):
        o.at = start
        return False
    return True


cdef inline size_t expansion(uint16_t rrtype, uint32_t length) noexcept nogil:
    return <size_t> length * (EXPANSION_TYPES if rrtype == TYPE_NSEC or rrtype == TYPE_NSEC3 else EXPANSION) + 64


def rdata_to_text(uint16_t rrtype, bytes rdata not None):
    """Text on one line, names absolute; None when the type is not compiled or the rdata is not what it should hold."""
    cdef Out o
    cdef uint32_t n = <uint32_t> len(rdata)
    o.base = NULL
    o.at = o.room = 0
    try:
        if not make_room(&o, expansion(rrtype, n)):
            raise MemoryError
        if not show_rdata(&o, rrtype, <const uint8_t*> PyBytes_AS_STRING(rdata), n):
            return None
        return (<const char*> o.base)[:o.at].decode("ascii")
    finally:
        free(o.base)


cdef int lines(Out* o, const Entry* entry, const uint8_t* owner, other, uint16_t only, uint16_t but) except -1:
    cdef Rrset rrset
    cdef const uint8_t* rdata
    cdef uint16_t i, n = 0
    cdef bytes text
    for i in range(entry.rrsets):
        if entry_at(entry, i, &rrset) != OK:
            raise ValueError(f"RRset {i} of a stored entry is out of bounds")
        if (only and rrset.type != only) or (but and rrset.type == but):
            continue
        while True:
            rdata = rrset_next(&rrset, &n)
            if rdata == NULL:
                break
            if not make_room(o, OWNER_TEXT + expansion(rrset.type, n)):
                raise MemoryError
            put_name(o, owner)
            put(o, c' ')
            put_number(o, rrset.ttl)
            put_text(o, b" IN ", 4)
            show_type(o, rrset.type)
            put(o, c' ')
            if not show_rdata(o, rrset.type, rdata, n):
                text = other(rrset.type, PyBytes_FromStringAndSize(<const char*> rdata, n)).encode("ascii")
                if not make_room(o, len(text) + 1):
                    raise MemoryError
                put_text(o, PyBytes_AS_STRING(text), len(text))
            put(o, c'\n')
        if reader_bad(&rrset.rrs):
            raise ValueError(f"RRset {i} of a stored entry is out of bounds")
    return 0


def entry_lines(bytes owner not None, bytes blob not None, other, uint16_t only=0, uint16_t but=0) -> bytes:
    """Each RR of a stored entry as a line "owner TTL IN type rdata"; only, but: a type to choose or to leave out, 0 = none.

    other gives the text of what rdata_to_text does not. ValueError when the blob breaks its format.
    """
    cdef Out o
    cdef Entry entry
    if (entry_open(&entry, <const uint8_t*> PyBytes_AS_STRING(blob), <uint32_t> len(blob)) != OK
            or name_span(<const uint8_t*> PyBytes_AS_STRING(owner), <uint32_t> min(len(owner), 256)) != len(owner)):
        raise ValueError("not a stored entry")
    o.base = NULL
    o.at = o.room = 0
    try:
        lines(&o, &entry, <const uint8_t*> PyBytes_AS_STRING(owner), other, only, but)
        return PyBytes_FromStringAndSize(<const char*> o.base, o.at) if o.at else b""
    finally:
        free(o.base)
