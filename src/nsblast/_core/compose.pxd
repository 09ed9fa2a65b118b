# RRsets of nodes into the Plan, with their signatures when asked for. Used by answer, additional and prove.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from nsblast._core.nodes cimport Node, Sources
from nsblast._core.rrset cimport Rrset
from nsblast._core.status cimport Status
from nsblast._core.txn cimport Txn

# The set goes into the section under its node's stored name, or under the name searched for when `as_sname`; with DO
# its RRSIGs follow. OK or CORRUPT.
cdef Status put_rrset(Txn* txn, uint8_t section, uint16_t at, const Rrset* rrset, bint as_sname, uint8_t flags) noexcept nogil
# The node's set of this type, if it has one and the section does not hold it yet: OK, ABSENT or CORRUPT.
cdef Status put_type(Txn* txn, uint8_t section, uint16_t at, uint16_t rrtype, uint8_t flags) noexcept nogil
# txn.apex_node is fetched once: OK, MISS, BUSY, CORRUPT.
cdef Status need_apex(Txn* txn, const Sources* src) noexcept nogil
# The SOA of a negative answer, TTL capped (RFC 2308 section 3 and 5).
cdef Status put_soa(Txn* txn, const Sources* src) noexcept nogil
# Have the answer tell the serial of the zone that the look-up ended in (RFC 9660): OK, MISS and the like, CORRUPT.
cdef Status note_version(Txn* txn, const Sources* src) noexcept nogil
