"""DNSSEC proofs from the records in the zone (RFC 4035 3.1.3, RFC 5155 7.2).

Owns: which NSEC or NSEC3 an answer must show. Never: signing; where in the chain a record stands (chain.pyx).
A zone whose chain has a hole gets the proof without the missing part.
"""

from libc.stdint cimport uint8_t, uint16_t

from nsblast._core.chain cimport chain_find
from nsblast._core.compose cimport need_apex, put_type
from nsblast._core.name cimport Name, name_wildcard
from nsblast._core.nodes cimport MissKind, Sources
from nsblast._core.plan cimport SECTION_AUTHORITY
from nsblast._core.proto cimport TYPE_NSEC, TYPE_NSEC3
from nsblast._core.rrset cimport ZONE_NSEC, ZONE_NSEC3
from nsblast._core.status cimport Status
from nsblast._core.txn cimport Txn


cdef Status put_found(Txn* txn, const Sources* src, MissKind kind, const Name* name, uint8_t k) noexcept nogil:
    """The NSEC or NSEC3 that matches or covers the suffix of k labels; ABSENT when there is none."""
    cdef uint16_t at = 0
    cdef Status status = chain_find(txn, src, kind, name, k, &at)
    if status != Status.OK:
        return status
    status = put_type(txn, SECTION_AUTHORITY, at, TYPE_NSEC if kind == MissKind.MISS_NSEC_COVER else TYPE_NSEC3, 0)
    return Status.CORRUPT if status == Status.ABSENT else status


cdef Status put_optional(Txn* txn, const Sources* src, MissKind kind, const Name* name, uint8_t k) noexcept nogil:
    cdef Status status = put_found(txn, src, kind, name, k)
    return Status.OK if status == Status.ABSENT else status


cdef Status put_encloser(Txn* txn, const Sources* src, uint8_t k, uint8_t whole) noexcept nogil:
    """Closest provable encloser at or above the suffix of k labels of the suffix of `whole` labels of sname, and the
    cover of the next closer name when there is one (RFC 5155 7.2.1)."""
    cdef Status status
    while True:
        status = put_found(txn, src, MissKind.MISS_NSEC3_MATCH, txn.sname, k)
        if status != Status.ABSENT or k == txn.apex:
            break
        k -= 1
    if status != Status.OK and status != Status.ABSENT:
        return status
    if k < whole:
        return put_optional(txn, src, MissKind.MISS_NSEC3_COVER, txn.sname, k + 1)
    return Status.OK


cdef inline uint16_t signing(const Txn* txn) noexcept nogil:
    return txn.work.trail.node[txn.apex_node].entry.flags & (ZONE_NSEC | ZONE_NSEC3)


cdef Status prove_nxdomain(Txn* txn, const Sources* src) noexcept nogil:
    cdef Status status = need_apex(txn, src)
    cdef uint16_t chain
    cdef MissKind cover
    if status != Status.OK:
        return status
    chain = signing(txn)
    if chain == 0:
        return Status.OK
    if chain & ZONE_NSEC3:
        cover = MissKind.MISS_NSEC3_COVER
        status = put_encloser(txn, src, txn.encloser, txn.sname.labels)
    else:
        cover = MissKind.MISS_NSEC_COVER
        status = put_optional(txn, src, cover, txn.sname, txn.sname.labels)
    if status != Status.OK:
        return status
    if name_wildcard(&txn.work.scratch, txn.sname, txn.encloser, &src.seed) != Status.OK:
        return Status.OK
    return put_optional(txn, src, cover, &txn.work.scratch, txn.encloser + 1)


cdef Status prove_nodata(Txn* txn, const Sources* src) noexcept nogil:
    cdef Status status = need_apex(txn, src)
    cdef uint16_t chain
    if status != Status.OK:
        return status
    chain = signing(txn)
    if chain == 0:
        return Status.OK
    if chain & ZONE_NSEC3:
        if not txn.wildcard:
            return put_encloser(txn, src, txn.sname.labels, txn.sname.labels)
        status = put_encloser(txn, src, txn.encloser, txn.sname.labels)
        if status != Status.OK or name_wildcard(&txn.work.scratch, txn.sname, txn.encloser, &src.seed) != Status.OK:
            return status
        return put_optional(txn, src, MissKind.MISS_NSEC3_MATCH, &txn.work.scratch, txn.encloser + 1)
    status = put_type(txn, SECTION_AUTHORITY, txn.node, TYPE_NSEC, 0)
    if status == Status.ABSENT and txn.wildcard:
        if name_wildcard(&txn.work.scratch, txn.sname, txn.encloser, &src.seed) == Status.OK:
            status = put_optional(txn, src, MissKind.MISS_NSEC_COVER, &txn.work.scratch, txn.encloser + 1)
    if status == Status.ABSENT or (status == Status.OK and txn.wildcard):
        status = put_optional(txn, src, MissKind.MISS_NSEC_COVER, txn.sname, txn.sname.labels)
    return status


cdef Status prove_wildcard(Txn* txn, const Sources* src) noexcept nogil:
    cdef Status status = need_apex(txn, src)
    cdef uint16_t chain
    if status != Status.OK:
        return status
    chain = signing(txn)
    if chain & ZONE_NSEC3:
        return put_optional(txn, src, MissKind.MISS_NSEC3_COVER, txn.sname, txn.encloser + 1)
    if chain & ZONE_NSEC:
        return put_optional(txn, src, MissKind.MISS_NSEC_COVER, txn.sname, txn.sname.labels)
    return Status.OK


cdef Status prove_insecure(Txn* txn, const Sources* src) noexcept nogil:
    cdef Status status = need_apex(txn, src)
    cdef uint16_t chain
    if status != Status.OK:
        return status
    chain = signing(txn)
    if chain & ZONE_NSEC3:
        return put_encloser(txn, src, txn.encloser, txn.encloser)
    if chain & ZONE_NSEC:
        status = put_type(txn, SECTION_AUTHORITY, txn.node, TYPE_NSEC, 0)
        return Status.OK if status == Status.ABSENT else status
    return Status.OK
