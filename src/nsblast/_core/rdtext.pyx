"""Rdata of the common types, from text to octets. RFC 1035 3.3, 2782, 3596, 4034, 4255, 5155, 6672, 6698, 7344, 7929, 8659."""

from libc.stdint cimport uint16_t

from nsblast._core.coded cimport (
    put_algorithm, put_base32, put_base64, put_hex, put_salt, put_tag, put_type, put_types,
)
from nsblast._core.fields cimport (
    Origin, put_a, put_aaaa, put_name, put_period, put_rest, put_strings, put_time, put_u8, put_u16, put_u32, want_end,
)
from nsblast._core.proto cimport (
    TYPE_A, TYPE_AAAA, TYPE_CAA, TYPE_CDNSKEY, TYPE_CDS, TYPE_CNAME, TYPE_DNAME, TYPE_DNSKEY, TYPE_DS, TYPE_MX, TYPE_NS,
    TYPE_NSEC, TYPE_NSEC3, TYPE_NSEC3PARAM, TYPE_OPENPGPKEY, TYPE_PTR, TYPE_RRSIG, TYPE_SMIMEA, TYPE_SOA, TYPE_SPF, TYPE_SRV,
    TYPE_SSHFP, TYPE_TLSA, TYPE_TXT,
)
from nsblast._core.token cimport Text
from nsblast._core.wire cimport Writer


cdef bint rdata_is_compiled(uint16_t rrtype) noexcept nogil:
    return rrtype in (TYPE_A, TYPE_NS, TYPE_CNAME, TYPE_SOA, TYPE_PTR, TYPE_MX, TYPE_TXT, TYPE_AAAA, TYPE_SRV, TYPE_DNAME, TYPE_DS,
                      TYPE_SSHFP, TYPE_RRSIG, TYPE_NSEC, TYPE_DNSKEY, TYPE_NSEC3, TYPE_NSEC3PARAM, TYPE_TLSA, TYPE_SMIMEA, TYPE_CDS,
                      TYPE_CDNSKEY, TYPE_OPENPGPKEY, TYPE_SPF, TYPE_CAA)


cdef void soa(Text* t, const Origin* origin, Writer* w) noexcept nogil:
    put_name(t, origin, w)
    put_name(t, origin, w)
    put_u32(t, b"a serial, 0 to 4294967295", w)
    put_period(t, w)
    put_period(t, w)
    put_period(t, w)
    put_period(t, w)


cdef void rrsig(Text* t, const Origin* origin, Writer* w) noexcept nogil:
    put_type(t, w)
    put_algorithm(t, w)
    put_u8(t, b"a number of labels, 0 to 255", w)
    put_period(t, w)
    put_time(t, w)
    put_time(t, w)
    put_u16(t, b"a key tag, 0 to 65535", w)
    put_name(t, origin, w)
    put_base64(t, False, w)


cdef void rdata_from_text(Text* t, uint16_t rrtype, const Origin* origin, Writer* w) noexcept nogil:
    if rrtype == TYPE_A:
        put_a(t, w)
    elif rrtype == TYPE_AAAA:
        put_aaaa(t, w)
    elif rrtype in (TYPE_NS, TYPE_CNAME, TYPE_PTR, TYPE_DNAME):
        put_name(t, origin, w)
    elif rrtype == TYPE_MX:
        put_u16(t, b"a preference, 0 to 65535", w)
        put_name(t, origin, w)
    elif rrtype == TYPE_TXT or rrtype == TYPE_SPF:
        put_strings(t, w)
    elif rrtype == TYPE_RRSIG:
        rrsig(t, origin, w)
    elif rrtype == TYPE_NSEC:
        put_name(t, origin, w)
        put_types(t, w)
    elif rrtype == TYPE_NSEC3:
        put_u8(t, b"a hash algorithm, 0 to 255", w)
        put_u8(t, b"flags, 0 to 255", w)
        put_u16(t, b"a number of iterations, 0 to 65535", w)
        put_salt(t, w)
        put_base32(t, w)
        put_types(t, w)
    elif rrtype == TYPE_DS or rrtype == TYPE_CDS:
        put_u16(t, b"a key tag, 0 to 65535", w)
        put_algorithm(t, w)
        put_u8(t, b"a digest type, 0 to 255", w)
        put_hex(t, False, w)
    elif rrtype == TYPE_DNSKEY or rrtype == TYPE_CDNSKEY:
        put_u16(t, b"flags, 0 to 65535", w)
        put_u8(t, b"a protocol, 0 to 255", w)
        put_algorithm(t, w)
        put_base64(t, False, w)
    elif rrtype == TYPE_SOA:
        soa(t, origin, w)
    elif rrtype == TYPE_SRV:
        put_u16(t, b"a priority, 0 to 65535", w)
        put_u16(t, b"a weight, 0 to 65535", w)
        put_u16(t, b"a port, 0 to 65535", w)
        put_name(t, origin, w)
    elif rrtype == TYPE_NSEC3PARAM:
        put_u8(t, b"a hash algorithm, 0 to 255", w)
        put_u8(t, b"flags, 0 to 255", w)
        put_u16(t, b"a number of iterations, 0 to 65535", w)
        put_salt(t, w)
    elif rrtype == TYPE_CAA:
        put_u8(t, b"flags, 0 to 255", w)
        put_tag(t, w)
        put_rest(t, w)
    elif rrtype == TYPE_TLSA or rrtype == TYPE_SMIMEA:
        put_u8(t, b"a certificate usage, 0 to 255", w)
        put_u8(t, b"a selector, 0 to 255", w)
        put_u8(t, b"a matching type, 0 to 255", w)
        put_hex(t, False, w)
    elif rrtype == TYPE_SSHFP:
        put_u8(t, b"an algorithm, 0 to 255", w)
        put_u8(t, b"a fingerprint type, 0 to 255", w)
        put_hex(t, False, w)
    elif rrtype == TYPE_OPENPGPKEY:
        put_base64(t, False, w)
    want_end(t)
