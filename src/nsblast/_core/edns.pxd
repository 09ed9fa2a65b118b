# EDNS(0), RFC 6891: read the request's OPT, size and write the response's. Options: NSID 5001, COOKIE 7873/9018,
# TCP KEEPALIVE 7828, EDE 8914, ZONEVERSION 9660; EXPIRE 7314 is read here and answered by Python.
# Cookies are SipHash-2-4 server cookies of RFC 9018 4.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from nsblast._core.status cimport Status
from nsblast._core.wire cimport Reader, Writer

cdef enum EdeCode:          # RFC 8914 5.2
    EDE_NONE = 0xffff
    EDE_OTHER = 0
    EDE_NOT_READY = 14
    EDE_PROHIBITED = 18
    EDE_NOT_AUTHORITATIVE = 20
    EDE_NOT_SUPPORTED = 21
    EDE_INVALID_DATA = 24


cdef enum CookieState:      # what the request's COOKIE option is worth
    COOKIE_ABSENT = 0       # none, or cookies are off
    COOKIE_CLIENT_ONLY      # the client knows no server cookie yet
    COOKIE_BAD              # its server part is not ours, too old or from the future
    COOKIE_GOOD             # ours and fresh


cdef struct EdnsConfig:     # one per worker, from the settings
    uint16_t udp_max        # largest UDP answer and the size we announce, 512..4096
    uint8_t nsid[128]
    uint8_t nsid_len        # 0 = off
    bint cookies            # answer cookies
    bint cookies_required   # UDP queries with a client cookie but without a good server cookie get BADCOOKIE
    uint8_t secret[16]      # the secret in use
    uint8_t secret_old[16]  # still accepted
    bint has_old
    uint16_t keepalive      # in units of 100 ms, told on TCP when asked; 0 = off


cdef struct Edns:
    bint present
    uint16_t udp_size       # as asked, at least 512
    uint8_t version
    bint do                 # DNSSEC OK, RFC 3225
    bint nsid               # asked for
    bint keepalive          # asked for
    bint expire             # asked for
    bint zoneversion        # asked for
    bint versioned          # tell the zone's version: the two that follow
    uint8_t version_labels  # of the zone's name, the root not counted
    uint32_t version_serial
    CookieState cookie      # of the request
    uint8_t cookie_out[24]  # client and server cookie to be sent, unless COOKIE_ABSENT
    uint16_t ede            # EdeCode to tell, EDE_NONE = nothing


# As if the request had no OPT.
cdef void edns_clear(Edns* edns) noexcept nogil
# Reads the rdata of the request's OPT (class, ttl and rdata given): OK, FORMERR, BADVERS. `present` is set in each case.
cdef Status edns_read(Edns* edns, uint16_t rrclass, uint32_t ttl, Reader* rdata, const EdnsConfig* config,
                      const uint8_t* client, uint8_t client_len, uint32_t now) noexcept nogil
# Octets edns_write will write, exactly; 0 when the request had no OPT.
cdef uint32_t edns_size(const Edns* edns, const EdnsConfig* config, bint tcp) noexcept nogil
# Appends the response's OPT, whole or not at all (w.bad); rcode is the full 12-bit one.
cdef void edns_write(const Edns* edns, const EdnsConfig* config, bint tcp, uint16_t rcode, Writer* w) noexcept nogil
