"""Names of types, both ways: RFC 1035 3.2.2 and what the registry has added; RFC 3597 5 for the rest.

The table stands in the order of how often a zone file holds the type: it is searched from its start, a name being
compared as two machine words.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #include <stdint.h>
    typedef struct { char name[16]; uint16_t number; uint16_t len; } nsb_type_name;
    #define NSB_TYPE(n, v) { n, v, sizeof(n) - 1 }
    static const nsb_type_name nsb_types[] = {
        NSB_TYPE("A", 1), NSB_TYPE("NS", 2), NSB_TYPE("AAAA", 28), NSB_TYPE("CNAME", 5), NSB_TYPE("MX", 15),
        NSB_TYPE("TXT", 16), NSB_TYPE("RRSIG", 46), NSB_TYPE("NSEC3", 50), NSB_TYPE("DS", 43), NSB_TYPE("PTR", 12),
        NSB_TYPE("NSEC", 47), NSB_TYPE("SRV", 33), NSB_TYPE("CAA", 257), NSB_TYPE("SOA", 6), NSB_TYPE("DNAME", 39),
        NSB_TYPE("TLSA", 52), NSB_TYPE("HTTPS", 65), NSB_TYPE("SVCB", 64), NSB_TYPE("SPF", 99), NSB_TYPE("SSHFP", 44),
        NSB_TYPE("DNSKEY", 48), NSB_TYPE("CDS", 59), NSB_TYPE("CDNSKEY", 60), NSB_TYPE("NSEC3PARAM", 51),
        NSB_TYPE("NAPTR", 35), NSB_TYPE("HINFO", 13), NSB_TYPE("RP", 17), NSB_TYPE("LOC", 29), NSB_TYPE("AFSDB", 18),
        NSB_TYPE("APL", 42), NSB_TYPE("CERT", 37), NSB_TYPE("CSYNC", 62), NSB_TYPE("DHCID", 49), NSB_TYPE("EUI48", 108),
        NSB_TYPE("EUI64", 109), NSB_TYPE("HIP", 55), NSB_TYPE("IPSECKEY", 45), NSB_TYPE("KEY", 25), NSB_TYPE("KX", 36),
        NSB_TYPE("OPENPGPKEY", 61), NSB_TYPE("SMIMEA", 53), NSB_TYPE("URI", 256), NSB_TYPE("ZONEMD", 63),
        NSB_TYPE("X25", 19), NSB_TYPE("ISDN", 20), NSB_TYPE("RT", 21), NSB_TYPE("NSAP", 22), NSB_TYPE("NSAP-PTR", 23),
        NSB_TYPE("PX", 26), NSB_TYPE("GPOS", 27), NSB_TYPE("WKS", 11), NSB_TYPE("NINFO", 56), NSB_TYPE("NID", 104),
        NSB_TYPE("L32", 105), NSB_TYPE("L64", 106), NSB_TYPE("LP", 107), NSB_TYPE("AVC", 258), NSB_TYPE("AMTRELAY", 260),
        NSB_TYPE("RESINFO", 261), NSB_TYPE("WALLET", 262), NSB_TYPE("DSYNC", 66), NSB_TYPE("DLV", 32769),
        NSB_TYPE("MD", 3), NSB_TYPE("MF", 4), NSB_TYPE("MB", 7), NSB_TYPE("MG", 8), NSB_TYPE("MR", 9),
        NSB_TYPE("NULL", 10), NSB_TYPE("MINFO", 14), NSB_TYPE("SIG", 24), NSB_TYPE("NXT", 30), NSB_TYPE("A6", 38),
        NSB_TYPE("HHIT", 67), NSB_TYPE("BRID", 68), NSB_TYPE("UNSPEC", 103), NSB_TYPE("OPT", 41),
        NSB_TYPE("TKEY", 249), NSB_TYPE("TSIG", 250), NSB_TYPE("IXFR", 251), NSB_TYPE("AXFR", 252), NSB_TYPE("MAILB", 253),
        NSB_TYPE("MAILA", 254), NSB_TYPE("ANY", 255), NSB_TYPE("TA", 32768),
    };
    enum { NSB_TYPES = sizeof(nsb_types) / sizeof(nsb_types[0]) };
    """
    ctypedef struct TypeName "nsb_type_name":
        char[16] name
        uint16_t number
        uint16_t len
    enum:
        TYPES "NSB_TYPES"
    const TypeName* types "nsb_types"


cdef int32_t generic_number(const uint8_t* p, uint32_t n) noexcept nogil:
    """The number of TYPEnnn, in upper case already; -1 for anything else."""
    cdef uint32_t i, value = 0
    if n < 5 or n > 9 or p[0] != c'T' or p[1] != c'Y' or p[2] != c'P' or p[3] != c'E':
        return -1
    for i in range(4, n):
        if p[i] < c'0' or p[i] > c'9':
            return -1
        value = value * 10 + (p[i] - c'0')
    return <int32_t> value if value <= 0xffff else -1


cdef int32_t type_from_text(const uint8_t* p, uint32_t n) noexcept nogil:
    cdef uint8_t word[16]
    cdef uint64_t low = 0, high = 0, a, b
    cdef uint32_t i
    cdef uint8_t c
    if n == 0 or n > 12:
        return -1
    memcpy(word, &low, 8)
    memcpy(word + 8, &high, 8)
    for i in range(n):
        c = p[i]
        word[i] = c - 32 if c >= 97 and c <= 122 else c
    memcpy(&low, word, 8)
    memcpy(&high, word + 8, 8)
    for i in range(<uint32_t> TYPES):
        memcpy(&a, types[i].name, 8)
        if a == low:
            memcpy(&b, types[i].name + 8, 8)
            if b == high:
                return types[i].number
    return generic_number(word, n)


cdef uint32_t type_to_text(uint16_t rrtype, uint8_t* out) noexcept nogil:
    cdef uint32_t i, n
    cdef uint8_t digits[5]
    cdef uint32_t value = rrtype
    for i in range(<uint32_t> TYPES):
        if types[i].number == rrtype:
            memcpy(out, types[i].name, 16)
            return types[i].len
    memcpy(out, b"TYPE", 4)
    n = 0
    while True:
        digits[n] = <uint8_t> (c'0' + value % 10)
        n += 1
        value //= 10
        if value == 0:
            break
    for i in range(n):
        out[4 + i] = digits[n - 1 - i]
    return 4 + n


def type_number(str text not None) -> int:
    """The number of a type's name or of TYPEnnn; ValueError for anything else."""
    cdef bytes word = text.encode("utf-8")
    cdef int32_t number = type_from_text(<const uint8_t*> <const char*> word, <uint32_t> min(len(word), 255))
    if number < 0:
        raise ValueError(f"not a record type: {text!r}")
    return number


def type_name(int number) -> str:
    """The type's name, or TYPEnnn; ValueError outside 0..65535."""
    cdef uint8_t out[16]
    cdef uint32_t n
    if not 0 <= number <= 0xffff:
        raise ValueError(f"not a record type: {number}")
    n = type_to_text(<uint16_t> number, out)
    return (<const char*> out)[:n].decode("ascii")


def known_types() -> dict:
    """Every type that has a name here."""
    return {types[i].name[:types[i].len].decode("ascii"): types[i].number for i in range(TYPES)}
