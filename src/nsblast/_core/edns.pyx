"""EDNS(0): the request's OPT in, the response's OPT out, and DNS cookies.

Owns: the OPT's fields, the options, making and judging server cookies. Never: the position of the OPT in a message
(decode, encode), or what follows from its contents.
Invariants: edns_size foretells edns_write to the octet; an option nobody asked for is not sent, EDE apart.
What a request's options must look like:
- NSID: any data in it is passed over (RFC 5001 2.1).
- COOKIE: 8 or 16..40 octets, else FORMERR (RFC 7873 5.2.2); the first one counts (RFC 7873 5). Off: not looked at.
- TCP KEEPALIVE: counts when empty (RFC 7828 3.2.1), is answered on TCP only (3.3.1).
- ZONEVERSION: any data in it is passed over (RFC 9660 3.2).
- All others, known or not, are passed over (RFC 6891 6.1.2).
A server cookie is version, three zero octets, time, SipHash-2-4 over client cookie, those 8 octets and the client's
address (RFC 9018 4); good for an hour, five minutes ahead, sent back unchanged for half an hour (RFC 9018 4.3).
"""

from libc.string cimport memcpy, memset

from nsblast._core.proto cimport (
    COOKIE_CLIENT, COOKIE_SERVER, COOKIE_SERVER_MAX, COOKIE_SERVER_MIN, COOKIE_VERSION, EDNS_DO, EDNS_VERSION, OPT_FIXED,
    OPTION_COOKIE, OPTION_EDE, OPTION_EXPIRE, OPTION_FIXED, OPTION_KEEPALIVE, OPTION_NSID, OPTION_ZONEVERSION, TYPE_OPT,
    UDP_PLAIN_MAX,
)
from nsblast._core.siphash cimport siphash24
from nsblast._core.status cimport BADVERS, FORMERR, OK
from nsblast._core.wire cimport (
    reader_bad, reader_left, reader_open, reader_take, reader_u8, reader_u16, reader_u32, writer_bytes, writer_left,
    writer_open, writer_u8, writer_u16, writer_u32,
)

cdef enum:
    VERSION_OCTETS = 6      # of the ZONEVERSION option: labels, type, serial
    VERSION_SOA_SERIAL = 0  # its type: RFC 9660 2.1
    COOKIE_OUT = 24         # COOKIE_CLIENT + COOKIE_SERVER
    COOKIE_AGE = 3600       # seconds a server cookie is good for
    COOKIE_AHEAD = 300      # seconds it may come from the future, for clocks of other servers of the same address
    COOKIE_RENEW = 1800     # seconds after which a new one is sent
    COOKIE_INPUT = 32       # hashed: client cookie, 8 octets of head, address of 4 or 16


cdef void edns_clear(Edns* edns) noexcept nogil:
    memset(edns, 0, sizeof(Edns))
    edns.udp_size = UDP_PLAIN_MAX
    edns.ede = EDE_NONE


cdef void seal(uint8_t* cookie, const uint8_t* secret, const uint8_t* client, uint8_t client_len) noexcept nogil:
    """Write the hash, octets 16..23 of `cookie`, over the sixteen before it and the client's address."""
    cdef uint8_t octets[COOKIE_INPUT]
    cdef uint32_t length = client_len if client_len <= 16 else 16
    cdef uint64_t h
    cdef uint32_t i
    memcpy(octets, cookie, 16)
    memcpy(octets + 16, client, length)
    h = siphash24(secret, octets, 16 + length)
    for i in range(8):
        cookie[16 + i] = <uint8_t> (h >> (8 * i))


cdef bint alike(const uint8_t* a, const uint8_t* b) noexcept nogil:
    """Eight octets the same, in a time that does not tell how many."""
    cdef uint8_t differ = 0
    cdef uint32_t i
    for i in range(8):
        differ |= a[i] ^ b[i]
    return differ == 0


cdef void make_cookie(Edns* edns, const EdnsConfig* config, const uint8_t* client, uint8_t client_len,
                      uint32_t now) noexcept nogil:
    """A new server cookie behind the client cookie."""
    cdef Writer w
    writer_open(&w, edns.cookie_out + COOKIE_CLIENT, COOKIE_SERVER)
    writer_u8(&w, COOKIE_VERSION)
    writer_u8(&w, 0)
    writer_u16(&w, 0)
    writer_u32(&w, now)
    seal(edns.cookie_out, config.secret, client, client_len)


cdef void judge_cookie(Edns* edns, const uint8_t* given, uint32_t length, const EdnsConfig* config, const uint8_t* client,
                       uint8_t client_len, uint32_t now) noexcept nogil:
    """Set cookie and cookie_out for a COOKIE option of 8 or 16..40 octets."""
    cdef uint8_t ours[COOKIE_OUT]
    cdef Reader r
    cdef uint32_t version, age
    cdef bint renew
    memcpy(edns.cookie_out, given, COOKIE_CLIENT)
    if length == COOKIE_CLIENT:
        edns.cookie = COOKIE_CLIENT_ONLY
        make_cookie(edns, config, client, client_len, now)
        return
    edns.cookie = COOKIE_BAD
    if length == COOKIE_OUT:
        reader_open(&r, given, length)
        reader_take(&r, COOKIE_CLIENT)
        version = reader_u8(&r)
        renew = reader_u8(&r) != 0
        renew = (reader_u16(&r) != 0) or renew
        age = now - reader_u32(&r)      # modulo 2**32: RFC 1982, as RFC 9018 4.3 wants
        if version == COOKIE_VERSION and (age <= COOKIE_AGE or age >= <uint32_t> -COOKIE_AHEAD):
            memcpy(ours, given, COOKIE_OUT)
            seal(ours, config.secret, client, client_len)
            if alike(ours + 16, given + 16):
                edns.cookie = COOKIE_GOOD
                if not renew and (age <= COOKIE_RENEW or age > COOKIE_AGE):
                    memcpy(edns.cookie_out, ours, COOKIE_OUT)
                    return
            elif config.has_old:
                seal(ours, config.secret_old, client, client_len)
                if alike(ours + 16, given + 16):
                    edns.cookie = COOKIE_GOOD
    make_cookie(edns, config, client, client_len, now)


cdef Status edns_read(Edns* edns, uint16_t rrclass, uint32_t ttl, Reader* rdata, const EdnsConfig* config,
                      const uint8_t* client, uint8_t client_len, uint32_t now) noexcept nogil:
    cdef uint32_t code, length
    cdef const uint8_t* data
    edns_clear(edns)
    edns.present = True
    if rrclass > UDP_PLAIN_MAX:         # lower values count as 512: RFC 6891 6.2.5
        edns.udp_size = rrclass
    edns.version = <uint8_t> ((ttl >> 16) & 0xff)
    edns.do = (ttl & EDNS_DO) != 0
    if edns.version > EDNS_VERSION:
        return BADVERS                  # its options may have another meaning
    while reader_left(rdata):
        code = reader_u16(rdata)
        length = reader_u16(rdata)
        data = reader_take(rdata, length)
        if reader_bad(rdata):
            return FORMERR
        if code == OPTION_COOKIE:
            if config.cookies and edns.cookie == COOKIE_ABSENT:
                if length != COOKIE_CLIENT and not (COOKIE_CLIENT + COOKIE_SERVER_MIN <= length <=
                                                    COOKIE_CLIENT + COOKIE_SERVER_MAX):
                    return FORMERR
                judge_cookie(edns, data, length, config, client, client_len, now)
        elif code == OPTION_NSID:
            edns.nsid = True
        elif code == OPTION_KEEPALIVE:
            edns.keepalive = edns.keepalive or length == 0
        elif code == OPTION_EXPIRE:
            edns.expire = True
        elif code == OPTION_ZONEVERSION:
            edns.zoneversion = True
    return OK


cdef uint32_t edns_size(const Edns* edns, const EdnsConfig* config, bint tcp) noexcept nogil:
    cdef uint32_t size = OPT_FIXED
    if not edns.present:
        return 0
    if edns.nsid and config.nsid_len:
        size += OPTION_FIXED + config.nsid_len
    if edns.cookie != COOKIE_ABSENT:
        size += OPTION_FIXED + COOKIE_OUT
    if edns.keepalive and tcp and config.keepalive:
        size += OPTION_FIXED + 2
    if edns.versioned:
        size += OPTION_FIXED + VERSION_OCTETS
    if edns.ede != EDE_NONE:
        size += OPTION_FIXED + 2
    return size


cdef void edns_write(const Edns* edns, const EdnsConfig* config, bint tcp, uint16_t rcode, Writer* w) noexcept nogil:
    cdef uint32_t size = edns_size(edns, config, tcp)
    if size == 0:
        return
    if size > writer_left(w):
        w.bad = True
        return
    writer_u8(w, 0)
    writer_u16(w, TYPE_OPT)
    writer_u16(w, config.udp_max)
    writer_u32(w, (<uint32_t> (rcode >> 4) << 24) | (<uint32_t> EDNS_DO if edns.do else 0))
    writer_u16(w, <uint16_t> (size - OPT_FIXED))
    if edns.nsid and config.nsid_len:
        writer_u16(w, OPTION_NSID)
        writer_u16(w, config.nsid_len)
        writer_bytes(w, config.nsid, config.nsid_len)
    if edns.cookie != COOKIE_ABSENT:
        writer_u16(w, OPTION_COOKIE)
        writer_u16(w, COOKIE_OUT)
        writer_bytes(w, edns.cookie_out, COOKIE_OUT)
    if edns.keepalive and tcp and config.keepalive:
        writer_u16(w, OPTION_KEEPALIVE)
        writer_u16(w, 2)
        writer_u16(w, config.keepalive)
    if edns.versioned:
        writer_u16(w, OPTION_ZONEVERSION)
        writer_u16(w, VERSION_OCTETS)
        writer_u8(w, edns.version_labels)
        writer_u8(w, VERSION_SOA_SERIAL)
        writer_u32(w, edns.version_serial)
    if edns.ede != EDE_NONE:
        writer_u16(w, OPTION_EDE)
        writer_u16(w, 2)
        writer_u16(w, edns.ede)
