# The conductor: one packet in; one answer, silence, or a question to Python out. Reading respond() is reading the server.
#
# Owns: the order of the stages, and what each Status means for the rcode. No stage calls another stage.

from libc.stdint cimport uint8_t, uint32_t

from nsblast._core.edns cimport EdnsConfig
from nsblast._core.nodes cimport Sources
from nsblast._core.status cimport Status
from nsblast._core.txn cimport Txn


cdef struct Network:        # of an access rule
    uint8_t octets[16]      # network and mask, 4 or 16 octets
    uint8_t mask[16]
    uint8_t size


cdef struct Config:         # one per worker, from the settings
    EdnsConfig edns
    bint any_full           # ANY gets all RRsets rather than one (RFC 8482)
    uint8_t version[256]    # text of version.bind and version.server, CH TXT
    uint8_t version_len     # 0 = refused
    uint8_t server_id[256]  # text of id.server and hostname.bind, CH TXT (RFC 4892)
    uint8_t server_id_len   # 0 = refused
    bint restricted         # not everybody may ask about zones that have no rule of their own
    Network* allowed        # who may
    uint32_t n_allowed


# One packet. OK: txn.answer_len octets are to be sent, 0 = silence; MISS: ask the store for txn.work.trail.miss, then
# resume(); BUSY: resume() in a millisecond; HAND_OVER: Python serves it.
cdef Status respond(Txn* txn, const Sources* src, const Config* config) noexcept nogil
# The same for a packet that was decoded already.
cdef Status resume(Txn* txn, const Sources* src, const Config* config) noexcept nogil
# decode() said `verdict`, which is not OK: the answer to that.
cdef Status turn_down(Txn* txn, const Config* config, Status verdict) noexcept nogil
