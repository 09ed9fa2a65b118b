# The query log of one worker: a ring of fixed-size records, written after an answer, drained by Python.
#
# Owns: which answers are logged (qtypes, rcodes, client prefixes, 1 of N), the ring, its text forms.
# Never: waits, allocates on the packet path, files. Off costs one branch. A full ring counts a drop.
# One producer (who answers) and one consumer (who drains); they may be two threads.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    LOG_QTYPES = 32         # types a filter may name
    LOG_PREFIXES = 64       # client prefixes a filter may name

cdef enum LogFlag:          # what else is worth telling of an answer
    LOG_AA = 1
    LOG_TC = 2
    LOG_RD = 4
    LOG_CD = 8
    LOG_EDNS = 16
    LOG_DO = 32
    LOG_COOKIE = 64         # a good server cookie came with the query


cdef struct Record:
    uint64_t time_ns        # since 1970, when it was logged
    uint32_t latency_ns     # 0 = not known
    uint32_t answer_len     # octets, 0 = silence
    uint16_t id
    uint16_t qtype
    uint16_t qclass
    uint16_t rcode          # 12 bits
    uint8_t flags           # LogFlag
    uint8_t transport       # 0 UDP, 1 TCP
    uint8_t client_len      # 4 or 16; 0 = none
    uint8_t qname_len       # 0 = no question
    uint8_t client[16]
    uint8_t qname[255]      # wire form, as asked


cdef struct Prefix:
    uint8_t octets[16]
    uint8_t len             # 4 or 16
    uint8_t bits            # 0..128


cdef struct Log:
    bint on                 # the one branch when it is off
    uint32_t rcodes         # bit r: answers with rcode r are logged; bit 31: all rcodes above 30
    uint64_t sample         # logged when the next random number is at most this; all ones = every one
    uint64_t random
    uint16_t n_qtypes       # 0 = all
    uint16_t n_prefixes     # 0 = all
    uint16_t qtypes[32]
    Prefix prefixes[64]
    Record* ring            # NULL = never configured
    uint64_t size           # records in the ring, a power of two
    uint64_t written        # records, by the producer
    uint64_t read           # records, by the consumer
    uint64_t dropped        # by the producer: the ring was full
    uint64_t lost           # by the consumer: drained, but written nowhere


cdef class QueryLog:
    cdef Log log
    cdef dict types         # number -> mnemonic as bytes
    cdef dict rcodes

    cdef const Record* _next(self) noexcept
    cdef void _taken(self) noexcept
    cdef uint32_t _mnemonic(self, char* to, uint32_t at, dict names, const char* form, unsigned int number)
    cdef uint32_t _line(self, char* to, const Record* r, bint json)


# Whether the filters let this answer through, and the sample takes it; client_len other than 4 and 16 means none.
cdef bint querylog_wants(Log* log, const uint8_t* client, uint8_t client_len, uint16_t qtype, uint16_t rcode) noexcept nogil

# One wanted answer (or silence) went out. qname may be NULL. True: it was logged, there was room.
cdef bint querylog_write(Log* log, uint8_t transport, const uint8_t* client, uint8_t client_len, uint16_t id,
                         const uint8_t* qname, uint32_t qname_len, uint16_t qtype, uint16_t qclass, uint16_t rcode,
                         uint8_t flags, uint32_t answer_len, uint32_t latency_ns) noexcept nogil


cdef inline bint querylog_on(const Log* log) noexcept nogil:
    """Whether querylog_wants is to be asked at all."""
    return log.on
