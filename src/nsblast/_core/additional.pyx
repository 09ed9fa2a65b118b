"""Additional records: what the names inside chosen RRsets lead to, as far as it lies in the same zone.

Glue below the cut is a must (RFC 9471 2.1): the answer is truncated rather than sent without it. All else is left
out silently when it does not fit. Never fails an answer for want of an additional record. A name that must be fetched
from the store does not end the walk: all of a pass are fetched together, so that a cold referral takes two passes and not one a name.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from nsblast._core.compose cimport put_type
from nsblast._core.name cimport Name, name_load, name_load_near, name_span
from nsblast._core.nodes cimport NODES_MAX, Sources, node_get, wish
from nsblast._core.plan cimport ITEM_MUST, SECTION_ADDITIONAL
from nsblast._core.proto cimport (
    TYPE_A, TYPE_AAAA, TYPE_AFSDB, TYPE_HTTPS, TYPE_KX, TYPE_MX, TYPE_NAPTR, TYPE_NS, TYPE_SRV, TYPE_SVCB,
)
from nsblast._core.rrset cimport HAS_CNAME, IS_OCCLUDED, Rrset, rrset_next
from nsblast._core.status cimport Status
from nsblast._core.txn cimport Txn
from nsblast._core.wire cimport (
    Reader, reader_bad, reader_left, reader_open, reader_take, reader_u8, reader_u16,
)

cdef enum:
    ITEM_OCTETS = 16        # the least an RRset with an address takes: one A behind a pointer
    ROOM_LEFT = 64          # nodes kept free for proofs: additional data stops before they are gone

cdef enum Round:
    HOSTS           # targets of MX, SRV, ...: authoritative data only
    SERVERS         # targets of an apex's NS set: glue is as good
    IN_DOMAIN       # targets of a cut's NS set below the cut: they must be there
    SIBLING         # its other targets


cdef Status put_addresses(Txn* txn, uint16_t at, uint8_t flags) noexcept nogil:
    cdef Status status = put_type(txn, SECTION_ADDITIONAL, at, TYPE_A, flags)
    if status == Status.OK or status == Status.ABSENT:
        status = put_type(txn, SECTION_ADDITIONAL, at, TYPE_AAAA, flags)
    return Status.OK if status == Status.ABSENT else status


cdef inline bint within(const Name* name, const Name* of, uint8_t k) noexcept nogil:
    """Whether `name` is at or below the suffix of k labels of `of`."""
    return name.labels >= k and name.hash[k] == of.hash[k]


cdef Status put_target(Txn* txn, const Sources* src, const uint8_t* wire, uint32_t length, uint16_t also, Round which,
                       bint* others) noexcept nogil:
    """A and AAAA (and sets of type `also`, when not 0) at a name of this zone; occluded ones only for NS sets.

    `others` is set when a target of the zone was left to the round SIBLING.
    """
    cdef uint16_t at = 0
    cdef bint cut = which == Round.IN_DOMAIN or which == Round.SIBLING
    cdef uint8_t flags = ITEM_MUST if which == Round.IN_DOMAIN else 0
    cdef bint below
    cdef Status status
    if txn.work.plan.count * <uint32_t> ITEM_OCTETS > txn.limit:
        return Status.OK        # what is planned does not fit as it is: glue that is a must has set TC by now
    if txn.work.trail.count + ROOM_LEFT > NODES_MAX:
        return Status.OK
    if name_load_near(&txn.work.scratch, wire, length, txn.sname, txn.encloser if cut else txn.apex, &src.seed) != Status.OK:
        return Status.OK
    if not within(&txn.work.scratch, txn.sname, txn.apex):
        return Status.OK
    if cut:
        below = within(&txn.work.scratch, txn.sname, txn.encloser)
        if below != (which == Round.IN_DOMAIN):
            others[0] = True
            return Status.OK
    status = node_get(src, &txn.work.trail, &txn.work.scratch, txn.work.scratch.labels, &at)
    if status == Status.ABSENT:
        return Status.OK
    if status != Status.OK:
        return status
    if txn.work.trail.node[at].entry.flags & HAS_CNAME or (txn.work.trail.node[at].entry.flags & IS_OCCLUDED and which == Round.HOSTS):
        return Status.OK
    if also:
        status = put_type(txn, SECTION_ADDITIONAL, at, also, flags)
        if status != Status.OK and status != Status.ABSENT:
            return status
    return put_addresses(txn, at, flags)


cdef Status put_naptr(Txn* txn, const Sources* src, Reader* r) noexcept nogil:
    """RFC 3403 4.1: the replacement's SRV with flag S, its addresses with flag A."""
    cdef const uint8_t* flag
    cdef const uint8_t* rest
    cdef uint8_t length, kind = 0
    cdef uint16_t at = 0
    cdef uint32_t left
    cdef bint others = False
    cdef Status status
    reader_take(r, 4)
    length = reader_u8(r)
    flag = reader_take(r, length)
    if flag != NULL and length == 1:
        kind = flag[0] | 0x20
    reader_take(r, reader_u8(r))
    reader_take(r, reader_u8(r))
    left = reader_left(r)
    rest = reader_take(r, left)
    if reader_bad(r) or rest == NULL or (kind != 97 and kind != 115):
        return Status.OK
    if kind == 97:
        return put_target(txn, src, rest, left, 0, Round.HOSTS, &others)
    if txn.work.trail.count + ROOM_LEFT > NODES_MAX or name_load(&txn.work.scratch, rest, left, &src.seed) != Status.OK \
            or not within(&txn.work.scratch, txn.sname, txn.apex):
        return Status.OK
    status = node_get(src, &txn.work.trail, &txn.work.scratch, txn.work.scratch.labels, &at)
    if status == Status.OK and not txn.work.trail.node[at].entry.flags & IS_OCCLUDED:
        status = put_type(txn, SECTION_ADDITIONAL, at, TYPE_SRV, 0)
    return Status.OK if status == Status.ABSENT else status


cdef inline Status end_of_walk(const Rrset* walk, bint missed) noexcept nogil:
    """What a walk over a set that came to its end amounts to."""
    if reader_bad(&walk.rrs):
        return Status.CORRUPT
    return Status.MISS if missed else Status.OK


cdef Status additional_of(Txn* txn, const Sources* src, const Rrset* rrset) noexcept nogil:
    cdef Rrset walk = rrset[0]
    cdef Reader r
    cdef uint16_t length = 0, priority = 0, also = 0
    cdef uint32_t skip, left
    cdef bint others = False
    cdef Round which = Round.SERVERS if rrset.type == TYPE_NS else Round.HOSTS
    cdef const uint8_t* rdata
    cdef const uint8_t* name
    cdef Status status
    cdef bint missed = False
    if rrset.type == TYPE_NS:
        skip = 0
    elif rrset.type in (TYPE_MX, TYPE_AFSDB, TYPE_KX):
        skip = 2
    elif rrset.type == TYPE_SRV:
        skip = 6
    elif rrset.type in (TYPE_SVCB, TYPE_HTTPS, TYPE_NAPTR):
        skip = 2
    else:
        return Status.OK
    while True:
        rdata = rrset_next(&walk, &length)
        if rdata == NULL:
            return end_of_walk(&walk, missed)
        reader_open(&r, rdata, length)
        if rrset.type == TYPE_NAPTR:
            status = put_naptr(txn, src, &r)
        else:
            if rrset.type in (TYPE_SVCB, TYPE_HTTPS):
                priority = reader_u16(&r)
                also = rrset.type if priority == 0 else 0       # AliasMode leads to more of its kind: RFC 9460 4.1
            else:
                reader_take(&r, skip)
            left = reader_left(&r)
            name = reader_take(&r, left)
            if reader_bad(&r) or left == 0:
                return Status.CORRUPT
            left = name_span(name, left)
            if left == 1 and rrset.type in (TYPE_SVCB, TYPE_HTTPS):
                if priority == 0:
                    continue                                    # the service does not exist: RFC 9460 2.5.1
                name = txn.sname.wire                           # "." is the owner itself: RFC 9460 2.5.2
                left = txn.sname.len
            status = put_target(txn, src, name, left, also, which, &others) if left else Status.OK
        if status == Status.MISS and wish(src, &txn.work.trail):
            missed = True
        elif status != Status.OK:
            return status


cdef Status glue_round(Txn* txn, const Sources* src, const Rrset* rrset, Round which, bint* others) noexcept nogil:
    cdef Rrset walk = rrset[0]
    cdef uint16_t length = 0
    cdef const uint8_t* rdata
    cdef Status status
    cdef bint missed = False
    while True:
        rdata = rrset_next(&walk, &length)
        if rdata == NULL:
            return end_of_walk(&walk, missed)
        status = put_target(txn, src, rdata, length, 0, which, others)
        if status == Status.MISS and wish(src, &txn.work.trail):
            missed = True
        elif status != Status.OK:
            return status


cdef Status glue_of(Txn* txn, const Sources* src, const Rrset* rrset) noexcept nogil:
    cdef bint others = False
    cdef Status sibling
    cdef Status status = glue_round(txn, src, rrset, Round.IN_DOMAIN, &others)
    if not others or (status != Status.OK and status != Status.MISS):
        return status
    sibling = glue_round(txn, src, rrset, Round.SIBLING, &others)
    return sibling if sibling != Status.OK else status
