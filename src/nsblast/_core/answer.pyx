"""What the look-up found becomes a Plan: answer, authority, additional, in that order.

Owns: which RRsets an answer holds, AA, the rcode, where a chain goes next. Never writes a byte (encode.pyx).
RFC 1034 4.3.2 and 3.6.2, 2181 10.1, 2308, 4035 3.1, 6672 3.2, 8482, 9471.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from nsblast._core.additional cimport additional_of, glue_of
from nsblast._core.compose cimport put_rrset, put_soa, put_type
from nsblast._core.edns cimport EDE_NOT_AUTHORITATIVE
from nsblast._core.name cimport name_load, name_same, name_span
from nsblast._core.nodes cimport Node, Sources
from nsblast._core.plan cimport ITEM_SYNTH, Item, SECTION_ANSWER, SECTION_AUTHORITY, plan_add
from nsblast._core.proto cimport (
    CLASS_IN, RCODE_NXDOMAIN, RCODE_REFUSED, RCODE_YXDOMAIN, TYPE_ANY, TYPE_CNAME, TYPE_DNAME, TYPE_DS,
    TYPE_NS, TYPE_RRSIG,
)
from nsblast._core.prove cimport prove_insecure, prove_nodata, prove_nxdomain, prove_wildcard
from nsblast._core.rrset cimport HAS_CNAME, HAS_SIG, Rrset, entry_at, entry_find, rrset_next
from nsblast._core.status cimport Status
from nsblast._core.txn cimport CHAIN_MAX, Link, Txn


cdef bint seen_before(const Txn* txn, const uint8_t* wire, uint8_t length) noexcept nogil:
    """Whether the chain has been at this name."""
    cdef uint8_t i
    if length == txn.qname.len and name_same(wire, txn.qname.wire, length):
        return True
    for i in range(txn.links):
        if length == txn.work.chain[i].len and name_same(wire, txn.work.chain[i].wire, length):
            return True
    return False


cdef Status follow(Txn* txn, const Sources* src) noexcept nogil:
    """chain[links] holds the next name: go there, or end the answer when the chain is too long or bites its tail."""
    cdef Link* link = &txn.work.chain[txn.links]
    if txn.links >= CHAIN_MAX or seen_before(txn, link.wire, link.len):
        return Status.OK
    if name_load(&txn.work.sname_buf, link.wire, link.len, &src.seed) != Status.OK:
        return Status.CORRUPT
    txn.links += 1
    txn.sname = &txn.work.sname_buf
    txn.owner = link.wire
    txn.owner_len = link.len
    txn.owner_at = 0
    return Status.FOLLOW


cdef Status answer_cname(Txn* txn, const Sources* src, const Rrset* cname) noexcept nogil:
    cdef Rrset walk = cname[0]
    cdef uint16_t length = 0
    cdef const uint8_t* target = rrset_next(&walk, &length)
    cdef Link* link = &txn.work.chain[txn.links]
    cdef Status status
    if target == NULL or length == 0 or length > 255 or name_span(target, length) != length:
        return Status.CORRUPT
    memcpy(link.wire, target, length)
    link.len = <uint8_t> length
    status = put_rrset(txn, SECTION_ANSWER, txn.node, cname, txn.wildcard, 0)
    if status == Status.OK and txn.wildcard and txn.edns.do:
        status = prove_wildcard(txn, src)
    return follow(txn, src) if status == Status.OK else status


cdef Status answer_any(Txn* txn) noexcept nogil:
    """One RRset stands for all (RFC 8482 4.1); all signatures when RRSIG is asked for."""
    cdef const Node* node = &txn.work.trail.node[txn.node]
    cdef Rrset rrset
    cdef uint16_t i, put = 0
    cdef Status status
    for i in range(node.entry.rrsets):
        status = entry_at(&node.entry, i, &rrset)
        if status != Status.OK:
            return status
        if (rrset.type == TYPE_RRSIG) == (txn.qtype == TYPE_RRSIG):
            status = put_rrset(txn, SECTION_ANSWER, txn.node, &rrset, txn.wildcard, 0)
            if status != Status.OK or (txn.qtype == TYPE_ANY and not txn.any_full):
                return status
            put += 1
    return Status.OK if put else Status.ABSENT


cdef Status answer_found(Txn* txn, const Sources* src) noexcept nogil:
    cdef const Node* node = &txn.work.trail.node[txn.node]
    cdef Rrset rrset
    cdef Status status
    if txn.qtype == TYPE_ANY or txn.qtype == TYPE_RRSIG:
        status = answer_any(txn)
    else:
        status = entry_find(&node.entry, txn.qtype, &rrset)
        if status == Status.OK:
            status = put_rrset(txn, SECTION_ANSWER, txn.node, &rrset, txn.wildcard, 0)
            if status == Status.OK and txn.wildcard and txn.edns.do:
                status = prove_wildcard(txn, src)
            return additional_of(txn, src, &rrset) if status == Status.OK else status
        if status == Status.ABSENT and node.entry.flags & HAS_CNAME:
            status = entry_find(&node.entry, TYPE_CNAME, &rrset)
            if status == Status.OK:
                return answer_cname(txn, src, &rrset)
    if status == Status.OK and txn.wildcard and txn.edns.do:
        return prove_wildcard(txn, src)
    if status != Status.ABSENT:
        return status
    status = put_soa(txn, src)
    return prove_nodata(txn, src) if status == Status.OK and txn.edns.do else status


cdef Status answer_nxdomain(Txn* txn, const Sources* src) noexcept nogil:
    cdef Status status = put_soa(txn, src)
    txn.rcode = RCODE_NXDOMAIN
    return prove_nxdomain(txn, src) if status == Status.OK and txn.edns.do else status


cdef Status answer_delegation(Txn* txn, const Sources* src) noexcept nogil:
    cdef const Node* node = &txn.work.trail.node[txn.node]
    cdef Rrset ns
    cdef Status status = entry_find(&node.entry, TYPE_NS, &ns)
    if status != Status.OK:
        return Status.CORRUPT
    # The NS set of a cut is never signed (RFC 4035 2.2), so put_rrset adds nothing to it.
    status = put_rrset(txn, SECTION_AUTHORITY, txn.node, &ns, False, 0)
    if status == Status.OK and txn.edns.do:
        # A DS without a signature is of no use to anybody: the zone is not signed, and RFC 4035 3.1.4 speaks of signed ones.
        status = Status.ABSENT
        if node.entry.flags & HAS_SIG:
            status = put_type(txn, SECTION_AUTHORITY, txn.node, TYPE_DS, 0)
        if status == Status.ABSENT:
            status = prove_insecure(txn, src)
    return glue_of(txn, src, &ns) if status == Status.OK else status


cdef Status answer_dname(Txn* txn, const Sources* src) noexcept nogil:
    cdef const Node* node = &txn.work.trail.node[txn.node]
    cdef Link* link = &txn.work.chain[txn.links]
    cdef Rrset dname, walk, cname
    cdef Item* item
    cdef uint16_t length = 0
    cdef uint32_t kept
    cdef const uint8_t* target
    cdef Status status = entry_find(&node.entry, TYPE_DNAME, &dname)
    if status != Status.OK:
        return Status.CORRUPT
    walk = dname
    target = rrset_next(&walk, &length)
    if target == NULL or length == 0 or length > 255 or name_span(target, length) != length:
        return Status.CORRUPT
    # a chain may come through the same DNAME again: the set stands in the answer once
    status = put_type(txn, SECTION_ANSWER, txn.node, TYPE_DNAME, 0)
    if status != Status.OK:
        return status
    kept = txn.owner_len - (txn.sname.len - txn.sname.at[txn.encloser])
    # txn.owner and chain[links] never overlap: owner is the question or chain[links - 1]
    if kept + length > 255:
        txn.rcode = RCODE_YXDOMAIN          # RFC 6672 2.2
        return Status.OK
    memcpy(link.wire, txn.owner, kept)
    memcpy(link.wire + kept, target, length)
    link.len = <uint8_t> (kept + length)
    cname = dname
    cname.type = TYPE_CNAME
    cname.count = 1
    item = plan_add(&txn.work.plan, SECTION_ANSWER, &cname, txn.owner, txn.owner_len, txn.owner_at, ITEM_SYNTH)
    if item == NULL:
        return Status.SERVFAIL
    item.synth = link.wire
    item.synth_len = link.len
    if txn.qtype == TYPE_CNAME:
        return Status.OK                    # the CNAME just made is what was asked for
    return follow(txn, src)                 # for ANY too: RFC 6672 3.2 step 3C


cdef Status answer(Txn* txn, const Sources* src, Status found) noexcept nogil:
    if found == Status.NO_ZONE:
        if txn.links == 0:
            txn.rcode = RCODE_REFUSED
            txn.edns.ede = EDE_NOT_AUTHORITATIVE
        return Status.OK
    if txn.links == 0:
        # An answer to QCLASS * is never authoritative (RFC 1035 6.2): it does not cover all classes.
        txn.aa = found != Status.DELEGATION and txn.qclass == CLASS_IN
    if found == Status.FOUND:
        return answer_found(txn, src)
    if found == Status.NXDOMAIN:
        return answer_nxdomain(txn, src)
    if found == Status.DELEGATION:
        return answer_delegation(txn, src)
    if found == Status.DNAME:
        return answer_dname(txn, src)
    return found
