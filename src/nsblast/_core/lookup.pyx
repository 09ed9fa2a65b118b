"""From a name to what it is: RFC 1034 4.3.2 as amended by 2181, 2308, 4592, 6672 and 8020.

The look-up goes from the name upwards until something exists. What exists knows its zone and whether it lies below
a cut, so that the common case is one look. Never chooses records (answer.pyx), never writes.
"""

from libc.stdint cimport uint8_t, uint16_t

from nsblast._core.name cimport name_wildcard
from nsblast._core.nodes cimport MissKind, Node, Sources, node_get, node_special
from nsblast._core.proto cimport TYPE_DS
from nsblast._core.rrset cimport HAS_DNAME, HAS_WILDCARD, IS_APEX, IS_CUT, IS_OCCLUDED, ONLY_NSEC3, ZONE_SPECIAL
from nsblast._core.shm cimport load64, stripe_of
from nsblast._core.status cimport Status
from nsblast._core.txn cimport ACCESS_DECIDED, ACCESS_DOUBTFUL, Txn


cdef Status covered(Txn* txn, const Sources* src, uint8_t k) noexcept nogil:
    """The suffix of k labels is occluded: the topmost cut or DNAME of its zone above it decides."""
    cdef uint16_t at = 0
    cdef uint8_t j
    cdef Status status
    cdef const Node* node
    for j in range(txn.apex, k):
        status = node_get(src, &txn.work.trail, txn.sname, j, &at)
        if status == Status.ABSENT:
            return Status.CORRUPT       # an ancestor in the same zone always exists
        if status != Status.OK:
            return status
        node = &txn.work.trail.node[at]
        if node.entry.apex != txn.apex:
            return Status.CORRUPT
        if node.entry.flags & HAS_DNAME:
            txn.node = at
            txn.encloser = j
            return Status.DNAME
        if node.entry.flags & IS_CUT:
            txn.node = at
            txn.encloser = j
            return Status.DELEGATION
    return Status.CORRUPT


cdef Status parent_side(Txn* txn, const Sources* src) noexcept nogil:
    """A DS is asked for at an apex of ours: the zone above answers when it is ours too (RFC 4035 3.1.4.1)."""
    cdef uint8_t labels = txn.sname.labels
    cdef uint8_t k = labels
    cdef uint16_t at = 0
    cdef Status status = Status.ABSENT
    while k and status == Status.ABSENT:
        k -= 1
        status = node_get(src, &txn.work.trail, txn.sname, k, &at)
    if status == Status.ABSENT:
        return Status.FOUND
    if status != Status.OK:
        return status
    k = txn.work.trail.node[at].entry.apex
    status = node_special(src, &txn.work.trail, MissKind.MISS_IN_ZONE, txn.sname, labels, k, &at)
    if status == Status.ABSENT:
        return Status.FOUND             # the parent does not know of it: the child answers
    if status != Status.OK:
        return status
    if txn.work.trail.node[at].entry.flags & IS_CUT and not txn.work.trail.node[at].entry.flags & IS_OCCLUDED:
        txn.node = at
        txn.apex = k
    return Status.FOUND


cdef inline bint is_decided(Txn* txn) noexcept nogil:
    """Whether Python has let the client in to this very zone."""
    if txn.links == 0:
        txn.first_apex = txn.apex
    return txn.apex == txn.first_apex and txn.sname.hash[txn.apex] == txn.qname.hash[txn.first_apex]


cdef inline Status closed(const Txn* txn) noexcept nogil:
    """Python decides about the zone asked for; a chain that leads into another ends before it, as at a zone that is not here."""
    return Status.NO_ZONE if txn.links else Status.HAND_OVER


cdef Status special(Txn* txn, const Sources* src) noexcept nogil:
    """OK, or that the zone has expired or is restricted: see closed()."""
    cdef uint16_t at = 0
    cdef Status status
    if txn.access:
        if txn.access & ACCESS_DECIDED and is_decided(txn):
            return Status.OK
        if txn.access & ACCESS_DOUBTFUL:
            return closed(txn)
    if src.map.base == NULL or load64(&src.map.stripes[stripe_of(txn.sname.hash[txn.apex])].special) == 0:
        return Status.OK
    status = node_get(src, &txn.work.trail, txn.sname, txn.apex, &at)
    if status != Status.OK:
        return Status.CORRUPT if status == Status.ABSENT else status
    return closed(txn) if txn.work.trail.node[at].entry.flags & ZONE_SPECIAL else Status.OK


cdef Status resolve(Txn* txn, const Sources* src) noexcept nogil:
    cdef uint8_t labels = txn.sname.labels
    cdef uint8_t k = labels
    cdef uint16_t at = 0, flags
    cdef Status status
    while True:
        status = node_get(src, &txn.work.trail, txn.sname, k, &at)
        if status == Status.OK:
            flags = txn.work.trail.node[at].entry.flags
            if not flags & ONLY_NSEC3:
                break
        elif status != Status.ABSENT:
            return status
        if k == 0:
            return Status.NO_ZONE
        k -= 1
    txn.node = at
    txn.apex = txn.work.trail.node[at].entry.apex
    txn.encloser = k
    if flags & IS_OCCLUDED:
        return covered(txn, src, k)
    if k == labels:
        if flags & IS_CUT and txn.qtype != TYPE_DS:
            return Status.DELEGATION
        if flags & IS_APEX and txn.qtype == TYPE_DS and labels:
            return parent_side(txn, src)
        return Status.FOUND
    if flags & IS_CUT:
        return Status.DELEGATION
    if flags & HAS_DNAME:
        return Status.DNAME
    if not flags & HAS_WILDCARD:
        return Status.NXDOMAIN
    if name_wildcard(&txn.work.scratch, txn.sname, k, &src.seed) != Status.OK:
        return Status.NXDOMAIN
    status = node_get(src, &txn.work.trail, &txn.work.scratch, k + 1, &at)
    if status == Status.ABSENT:
        return Status.CORRUPT           # the flag says that it exists
    if status != Status.OK:
        return status
    txn.node = at
    txn.wildcard = True
    return Status.FOUND


cdef Status lookup(Txn* txn, const Sources* src) noexcept nogil:
    cdef Status found, status
    txn.wildcard = False
    txn.apex_node = 0xffff
    found = resolve(txn, src)
    if found in (Status.FOUND, Status.NXDOMAIN, Status.DELEGATION, Status.DNAME):
        status = special(txn, src)
        if status != Status.OK:
            return status
    return found
