# Messages of a zone transfer: as many records in each as fit, in the order they are given. RFC 5936 2.2, 3.4.
#
# Owns: one message under construction, the places of suffixes in it. Never: which records, signatures, OPT, the network.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from nsblast._core.status cimport Status
from nsblast._core.wire cimport Writer

cdef enum:
    PLACES = 2048           # slots of the table of suffixes, a power of two
    MESSAGE_OCTETS = 65535


cdef class Packer:
    cdef Writer w
    cdef uint8_t* memory        # 65535 octets
    cdef uint16_t* places       # PLACES offsets of suffixes in the message by hash, 0 = none; later ones replace earlier ones
    cdef uint32_t head          # octets of header and question
    cdef uint32_t limit         # octets a message may have
    cdef uint32_t most          # octets one with a single large record may have
    cdef uint16_t count         # records in the message
    cdef uint16_t rrset_at      # put_entries: RRsets of the entry under way that stand in messages already
    cdef uint16_t rr_at         # and RRs of the next one
    cdef uint32_t begun         # messages begun so far

    cdef void begin(self) noexcept nogil
    cdef void put_name(self, const uint8_t* name, uint32_t length) noexcept nogil
    # Makes the suffixes known of a well-formed name of `length` octets that stands in the message, uncompressed.
    cdef void learn(self, uint32_t start, uint32_t length) noexcept nogil
    # OK, TRUNCATED when the message is full, CORRUPT for what is no record.
    cdef Status put_rr(self, const uint8_t* owner, uint32_t owner_len, uint16_t rrtype, uint32_t ttl,
                       const uint8_t* rdata, uint16_t rdlength) noexcept nogil
    cdef Status try_rr(self, const uint8_t* owner, uint32_t owner_len, uint16_t rrtype, uint32_t ttl,
                       const uint8_t* rdata, uint16_t rdlength) noexcept nogil
    cdef Status put_entry(self, const uint8_t* key, uint32_t key_len, const uint8_t* blob, uint32_t blob_len,
                          bint soa) noexcept nogil
