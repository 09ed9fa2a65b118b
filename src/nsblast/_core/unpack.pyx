"""Messages of a transfer to records: names decompressed, rdata of the common types checked. The other direction of pack.pyx.

Owns: reading records off a message that nobody vouches for, how far pointers may lead. Never: what a transfer is, headers, signatures,
rdata of rarer types: their places are told, so that the caller looks at them. RFC 1035 4.1, 2181 8, 3597 4.
Invariant: every octet is read through a Reader; a pointer leads to before where its name began, and a name has few, so that names end soon.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp

from nsblast._core.name cimport NAME_OCTETS
from nsblast._core.proto cimport CLASS_IN, HEADER_OCTETS, TYPE_A, TYPE_AAAA, TYPE_RRSIG, TYPE_SOA, TYPE_TXT
from nsblast._core.rrset cimport Layout, layout_of
from nsblast._core.wire cimport (
    Reader, Writer, reader_bad, reader_left, reader_open, reader_seek, reader_take, reader_u8, reader_u16, reader_u32,
    writer_bytes, writer_open, writer_u8,
)

cdef enum:
    RR_LEAST = 11               # octets of the shortest record
    HOPS_MOST = 127             # pointers of one name, as many as it can have labels: chains of thousands are an attack
    SOA_NUMBERS = 20


cdef bint name_to(Reader* r, Writer* w) noexcept nogil:
    """The name at the cursor, uncompressed; False when it is malformed. The cursor is behind it."""
    cdef Reader at = r[0]
    cdef uint32_t border = r.at
    cdef uint32_t behind = 0
    cdef uint32_t octets = 1
    cdef uint32_t hops = 0
    cdef uint32_t to
    cdef uint8_t size
    cdef const uint8_t* label
    while True:
        size = reader_u8(&at)
        if size >= 0xc0:
            to = (<uint32_t> (size & 0x3f) << 8) | reader_u8(&at)
            hops += 1
            if reader_bad(&at) or to < HEADER_OCTETS or to >= border or hops > HOPS_MOST:
                return False
            if behind == 0:
                behind = at.at
            border = to
            reader_seek(&at, to)
            continue
        if size >= 0x40 or reader_bad(&at):
            return False
        if size == 0:
            break
        octets += <uint32_t> size + 1
        label = reader_take(&at, size)
        if label == NULL or octets > NAME_OCTETS:
            return False
        writer_u8(w, size)
        writer_bytes(w, label, size)
    writer_u8(w, 0)
    reader_seek(r, behind if behind else at.at)
    return not w.bad


cdef bint rdata_to(Reader* r, uint16_t rrtype, uint32_t end, Writer* w, bint* known) noexcept nogil:
    """The rdata at the cursor, which ends at `end`, uncompressed; False when it is malformed. known: it was looked at whole."""
    cdef Layout layout = layout_of(rrtype)
    cdef uint32_t rest
    cdef uint8_t _i
    cdef uint8_t size
    if layout.names:
        known[0] = True
        if end - r.at < <uint32_t> layout.skip + layout.names:
            return False
        writer_bytes(w, reader_take(r, layout.skip), layout.skip)
        for _i in range(layout.names):
            if not name_to(r, w) or r.at > end:
                return False
        rest = end - r.at
        if rrtype == TYPE_SOA and rest != SOA_NUMBERS:
            return False
        if rrtype == TYPE_RRSIG and rest == 0:
            return False
        if rrtype != TYPE_SOA and rrtype != TYPE_RRSIG and rest:
            known[0] = False            # none of these has anything there: the caller says what is wrong
        writer_bytes(w, reader_take(r, rest), rest)
        return not w.bad
    rest = end - r.at
    known[0] = rrtype == TYPE_A and rest == 4 or rrtype == TYPE_AAAA and rest == 16
    if rrtype == TYPE_TXT and rest:
        known[0] = True
        while r.at < end:
            size = reader_u8(r)
            if <uint32_t> size > end - r.at:
                return False
            writer_u8(w, size)
            writer_bytes(w, reader_take(r, size), size)
        return not w.bad
    writer_bytes(w, reader_take(r, rest), rest)
    return not w.bad


def read_rrs(bytes packet not None, unsigned int at, unsigned int count):
    """The next `count` records from an offset: (records, those whose rdata is to be looked at: (index, offset, length), offset behind).

    ValueError when one is malformed or of another class than IN. A TTL with its highest bit set is 0 (RFC 2181 8).
    """
    cdef Reader r
    cdef Writer w
    cdef uint8_t owner[256]
    cdef uint8_t rdata[RDATA_OCTETS]
    cdef uint32_t owner_len
    cdef uint32_t i, end, began
    cdef uint16_t rrtype, rrclass, length
    cdef uint32_t ttl
    cdef bint known = False
    cdef bytes spelled = b""
    cdef list rrs = []
    cdef list others = []
    reader_open(&r, <const uint8_t*> PyBytes_AS_STRING(packet), <uint32_t> PyBytes_GET_SIZE(packet))
    reader_seek(&r, at)
    if reader_bad(&r) or count > reader_left(&r) // RR_LEAST:
        raise ValueError("a section is cut short")
    for i in range(count):
        writer_open(&w, owner, 256)
        if not name_to(&r, &w):
            raise ValueError("an owner name is malformed")
        owner_len = w.at
        rrtype = reader_u16(&r)
        rrclass = reader_u16(&r)
        ttl = reader_u32(&r)
        length = reader_u16(&r)
        if reader_bad(&r) or length > reader_left(&r):
            raise ValueError("a record is cut short")
        if rrclass != CLASS_IN:
            raise ValueError(f"a record is of class {rrclass}")
        if ttl & <uint32_t> 0x80000000:
            ttl = 0
        began = r.at
        end = began + length
        writer_open(&w, rdata, RDATA_OCTETS)
        if not rdata_to(&r, rrtype, end, &w, &known) or w.at > 0xffff:
            raise ValueError(f"rdata of type {rrtype} is malformed")
        if owner_len != <uint32_t> PyBytes_GET_SIZE(spelled) or memcmp(owner, PyBytes_AS_STRING(spelled), owner_len) != 0:
            spelled = PyBytes_FromStringAndSize(<const char*> owner, owner_len)
        if not known:
            others.append((i, began, length))
        rrs.append((spelled, rrtype, ttl, PyBytes_FromStringAndSize(<const char*> rdata, w.at)))
    return rrs, others, r.at


def after_rrs(bytes packet not None, unsigned int at, unsigned int count) -> int:
    """The offset behind `count` records, of which nothing is looked at but how long they are. ValueError when they are cut short."""
    cdef Reader r
    cdef uint32_t _i
    cdef uint8_t size
    reader_open(&r, <const uint8_t*> PyBytes_AS_STRING(packet), <uint32_t> PyBytes_GET_SIZE(packet))
    reader_seek(&r, at)
    for _i in range(count):
        while True:
            size = reader_u8(&r)
            if size >= 0xc0:
                reader_u8(&r)
                break
            if size == 0 or reader_bad(&r):
                break
            reader_take(&r, size)
        reader_take(&r, 8)
        reader_take(&r, reader_u16(&r))
        if reader_bad(&r):
            raise ValueError("a section is cut short")
    return r.at
