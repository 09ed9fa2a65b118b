"""RRsets of nodes into the Plan, with their signatures (RFC 4035 3.1.1) when the query has DO set.

Owns: under which owner name, spelling and known offset a set is written. Never: which sets an answer needs.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp

from nsblast._core.name cimport name_same
from nsblast._core.nodes cimport Node, Sources, node_get
from nsblast._core.plan cimport ITEM_CAPPED, Item, SECTION_AUTHORITY, plan_add
from nsblast._core.proto cimport TYPE_RRSIG, TYPE_SOA
from nsblast._core.rrset cimport ENTRY_HEAD, HAS_SIG, Rrset, entry_find, entry_sigs, rrset_next
from nsblast._core.status cimport Status
from nsblast._core.txn cimport Txn
from nsblast._core.wire cimport Reader, reader_bad, reader_open, reader_seek, reader_u32


cdef struct Owner:
    const uint8_t* wire
    uint8_t len
    uint16_t at             # offset in the answer where it stands already, 0 = unknown


cdef Owner owner_of(const Txn* txn, const Node* node, bint as_sname) noexcept nogil:
    """Name and spelling a set of this node is written under; a pointer into the question where that is the same."""
    cdef Owner owner
    owner.at = 0
    if as_sname:
        owner.wire = txn.owner
        owner.len = txn.owner_len
        owner.at = txn.owner_at
        return owner
    # A damaged spelling would be pointed into in the middle of a label.
    if node.entry.spelling and node.entry.spelling == node.name_len \
            and name_same(node.entry.blob + ENTRY_HEAD, node.name, node.name_len):
        owner.wire = node.entry.blob + ENTRY_HEAD
        owner.len = node.entry.spelling
    else:
        owner.wire = node.name
        owner.len = node.name_len
    if txn.owner_at and owner.len <= txn.owner_len \
            and memcmp(txn.owner + (txn.owner_len - owner.len), owner.wire, owner.len) == 0:
        owner.at = txn.owner_at + (txn.owner_len - owner.len)
    return owner


cdef Status put_rrset(Txn* txn, uint8_t section, uint16_t at, const Rrset* rrset, bint as_sname, uint8_t flags) noexcept nogil:
    cdef const Node* node = &txn.work.trail.node[at]
    cdef Owner owner = owner_of(txn, node, as_sname)
    cdef Rrset sigs
    cdef Status status
    plan_add(&txn.work.plan, section, rrset, owner.wire, owner.len, owner.at, flags)
    if txn.edns.do and node.entry.flags & HAS_SIG and rrset.type != TYPE_RRSIG:
        status = entry_sigs(&node.entry, rrset.type, &sigs)
        if status == Status.OK:
            plan_add(&txn.work.plan, section, &sigs, owner.wire, owner.len, owner.at, flags)
        elif status != Status.ABSENT:
            return status
    return Status.OK


cdef Status put_type(Txn* txn, uint8_t section, uint16_t at, uint16_t rrtype, uint8_t flags) noexcept nogil:
    cdef const Node* node = &txn.work.trail.node[at]
    cdef Rrset rrset
    cdef const Item* item
    cdef Owner owner
    cdef uint16_t i
    cdef Status status = entry_find(&node.entry, rrtype, &rrset)
    if status != Status.OK:
        return status
    owner = owner_of(txn, node, False)
    for i in range(txn.work.plan.count):
        item = &txn.work.plan.item[i]
        if item.rrset.type == rrtype and item.owner_len == owner.len \
                and (item.owner == owner.wire or memcmp(item.owner, owner.wire, owner.len) == 0):
            return Status.OK
    return put_rrset(txn, section, at, &rrset, False, flags)


cdef Status need_apex(Txn* txn, const Sources* src) noexcept nogil:
    cdef Status status
    if txn.apex_node != 0xffff:
        return Status.OK
    if txn.work.trail.node[txn.node].name_len == txn.sname.len - txn.sname.at[txn.apex] and not txn.wildcard:
        txn.apex_node = txn.node
        return Status.OK
    status = node_get(src, &txn.work.trail, txn.sname, txn.apex, &txn.apex_node)
    return Status.CORRUPT if status == Status.ABSENT else status


cdef Status put_soa(Txn* txn, const Sources* src) noexcept nogil:
    cdef Rrset rrset, peek
    cdef Reader r
    cdef uint16_t first, i, length = 0
    cdef const uint8_t* rdata
    cdef uint32_t minimum
    cdef Status status = need_apex(txn, src)
    if status != Status.OK:
        return status
    status = entry_find(&txn.work.trail.node[txn.apex_node].entry, TYPE_SOA, &rrset)
    if status != Status.OK:
        return Status.CORRUPT
    peek = rrset
    rdata = rrset_next(&peek, &length)
    if rdata == NULL or length < 22:
        return Status.CORRUPT
    reader_open(&r, rdata, length)
    reader_seek(&r, length - 4)
    minimum = reader_u32(&r)
    if reader_bad(&r):
        return Status.CORRUPT
    first = txn.work.plan.count
    status = put_rrset(txn, SECTION_AUTHORITY, txn.apex_node, &rrset, False, ITEM_CAPPED)
    for i in range(first, txn.work.plan.count):
        txn.work.plan.item[i].ttl = minimum if minimum < rrset.ttl else rrset.ttl
    return status


cdef Status note_version(Txn* txn, const Sources* src) noexcept nogil:
    cdef Rrset rrset
    cdef Reader r
    cdef uint16_t length = 0
    cdef const uint8_t* rdata
    cdef Status status = need_apex(txn, src)
    if status != Status.OK:
        return status
    status = entry_find(&txn.work.trail.node[txn.apex_node].entry, TYPE_SOA, &rrset)
    if status != Status.OK:
        return Status.CORRUPT
    rdata = rrset_next(&rrset, &length)
    if rdata == NULL or length < 22:
        return Status.CORRUPT
    reader_open(&r, rdata, length)
    reader_seek(&r, length - 20)
    txn.edns.version_serial = reader_u32(&r)
    txn.edns.version_labels = txn.apex
    txn.edns.versioned = True
    return Status.CORRUPT if reader_bad(&r) else Status.OK
