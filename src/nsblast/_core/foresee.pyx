"""Fetching ahead for a batch (foresee.pxd)."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from nsblast._core.entries cimport Seen, entries_peek, entries_prefetch, entries_prefetch_block
from nsblast._core.filter cimport filter_prefetch
from nsblast._core.name cimport Name, name_load_near
from nsblast._core.proto cimport TYPE_A, TYPE_MX, TYPE_NS, TYPE_SRV
from nsblast._core.rrset cimport IS_CUT, Entry, Layout, Rrset, entry_find, entry_open, layout_of, rrset_next
from nsblast._core.status cimport OK


cdef void foresee_buckets(const Map* map, const Txn* txn) noexcept nogil:
    cdef uint8_t k = txn.qname.labels
    entries_prefetch(map, txn.qname.hash[k])
    filter_prefetch(map, txn.qname.hash[k])
    if k > 1:
        entries_prefetch(map, txn.qname.hash[k - 1])


cdef void foresee_blocks(const Map* map, const Txn* txn, uint32_t i, Ahead* ahead) noexcept nogil:
    cdef uint8_t k = txn.qname.labels
    ahead.own[i] = entries_prefetch_block(map, txn.qname.hash[k])
    ahead.above[i] = 0
    # A host's address needs nothing of its parent; what is absent, or may lack the type, needs its zone's SOA or a cut.
    if k > 1 and (ahead.own[i] == 0 or txn.qtype != TYPE_A):
        ahead.above[i] = entries_prefetch_block(map, txn.qname.hash[k - 1])


cdef void foresee_targets(const Sources* src, Txn* txn, uint32_t i, Ahead* ahead) noexcept nogil:
    cdef uint8_t k = txn.qname.labels
    cdef uint16_t rrtype = TYPE_NS
    cdef uint16_t length = 0
    cdef uint8_t _n
    cdef Name* name = &txn.work.scratch
    cdef Layout layout
    cdef Entry entry
    cdef Rrset rrset
    cdef Seen seen
    cdef const uint8_t* rdata
    if ahead.own[i] == 0:
        k -= 1
    if not entries_peek(&src.map, ahead.own[i] if ahead.own[i] else ahead.above[i], &seen):
        return
    if entry_open(&entry, seen.blob, seen.blob_len) != OK or entry.apex > k:
        return
    if not entry.flags & IS_CUT:
        if ahead.own[i] == 0 or (txn.qtype != TYPE_MX and txn.qtype != TYPE_NS and txn.qtype != TYPE_SRV):
            return
        rrtype = txn.qtype
    if entry_find(&entry, rrtype, &rrset) != OK:
        return
    layout = layout_of(rrtype)
    for _n in range(<uint8_t> A_NAME):
        rdata = rrset_next(&rrset, &length)
        if rdata == NULL or length <= layout.skip or ahead.targets == FORESEEN:
            return
        if name_load_near(name, rdata + layout.skip, length - layout.skip, &txn.qname, k, &src.seed) != OK:
            continue
        if name.labels < entry.apex or name.hash[entry.apex] != txn.qname.hash[entry.apex]:
            continue                # of another zone: not asked for
        entries_prefetch(&src.map, name.hash[name.labels])
        ahead.target[ahead.targets] = name.hash[name.labels]
        ahead.targets += 1


cdef void foresee_target_blocks(const Map* map, const Ahead* ahead) noexcept nogil:
    cdef uint32_t i
    for i in range(ahead.targets):
        entries_prefetch_block(map, ahead.target[i])
