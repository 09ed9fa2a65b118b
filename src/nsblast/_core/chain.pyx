"""The search in an NSEC or NSEC3 chain (chain.pxd). RFC 4034 4.1.1 and 6.1, RFC 5155 3.1.7 and 7.2.

Inside, NO_ZONE says "not this way": the chain leads elsewhere, is broken, or is too long from here; the store decides then.
Invariant: a node returned as covering lies in the trail, its owner is at or before what is sought and its record's next owner
after it, both as its entry says, so that trail_holds() proves the whole.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from nsblast._core.entries cimport entries_stood_still
from nsblast._core.hints cimport Hint, hints_before, hints_drop, hints_put, hints_short
from nsblast._core.keys cimport KEY_OCTETS, NO_APEX, key_read, key_write_rest
from nsblast._core.name cimport Name, name_load_near, name_span
from nsblast._core.nodes cimport MissKind, Node, Sources, node_get, node_special
from nsblast._core.nsec3 cimport (
    HASHED, ITERATIONS_MAX, Params, Record, nsec3_hash, nsec3_label, nsec3_params, nsec3_record, sha1_there,
)
from nsblast._core.proto cimport TYPE_NSEC, TYPE_NSEC3
from nsblast._core.rrset cimport Rrset, entry_find, rrset_next
from nsblast._core.status cimport Status
from nsblast._core.txn cimport Txn
from nsblast._core.wire cimport Reader, Writer, reader_open, writer_bytes, writer_open

cdef enum:
    STEPS = 64              # owners looked at from one hint: some 200 ns each, where the store takes 20 to 40 us and the GIL
    STEPS_APART = 8         # hints that a long way leaves behind; a shorter one is worth a hint while there is room
    STALE = 4               # hints without an entry passed over in one search

cdef extern from *:
    """
    #define NSB_HASHED_CHAIN 0x6a09e667f3bcc909u    /* tells a zone's NSEC3 hints from its NSEC hints */
    """
    uint64_t HASHED_CHAIN "NSB_HASHED_CHAIN"


cdef inline int compare(const uint8_t* a, uint32_t a_len, const uint8_t* b, uint32_t b_len) noexcept nogil:
    """Canonical order of two owner keys' rests."""
    cdef int order = memcmp(a, b, a_len if a_len < b_len else b_len)
    return order if order else <int> a_len - <int> b_len


cdef inline Status unreadable(const Node* node, Status verdict) noexcept nogil:
    """A record that tells nothing: torn while it was read, or what `verdict` says."""
    return Status.BUSY if node.seen.bucket != NULL and not entries_stood_still(&node.seen) else verdict


cdef inline bint has_type(const Node* node, uint16_t rrtype) noexcept nogil:
    cdef Rrset rrset
    return entry_find(&node.entry, rrtype, &rrset) == Status.OK


cdef Status load_step(Txn* txn, const Sources* src, const uint8_t* labels, uint32_t length) noexcept nogil:
    """work.step = these labels below the zone's apex."""
    cdef uint8_t wire[256]
    cdef Writer w
    writer_open(&w, wire, 255)
    writer_bytes(&w, labels, length)
    writer_bytes(&w, txn.sname.wire + txn.sname.at[txn.apex], txn.sname.len - txn.sname.at[txn.apex])
    if w.bad or name_load_near(&txn.work.step, wire, w.at, txn.sname, txn.apex, &src.seed) != Status.OK:
        return Status.NO_ZONE
    return Status.OK


cdef Status take_step(Txn* txn, const Sources* src, uint16_t* at) noexcept nogil:
    """The entry of work.step as this zone has it."""
    cdef Name* step = &txn.work.step
    cdef uint16_t before = txn.work.trail.count
    cdef Status status = node_get(src, &txn.work.trail, step, step.labels, at)
    if status != Status.OK or txn.work.trail.node[at[0]].entry.apex == txn.apex:
        return status
    txn.work.trail.count = before       # a cut that is the apex of another zone of ours: that zone's entry hides this one's
    return node_special(src, &txn.work.trail, MissKind.MISS_IN_ZONE, step, step.labels, txn.apex, at)


cdef inline void learn(const Sources* src, uint64_t zone, const uint8_t* key, uint32_t length, uint32_t steps) noexcept nogil:
    """Spare the next search the way that this one went: a hint at its end, and on a long way others."""
    if src.hints != NULL and steps and (steps % STEPS_APART == 0 or not hints_short(src.hints)):
        hints_put(src.hints, zone, key, length)


# -- NSEC --------------------------------------------------------------------------------------------------------------

cdef Status nsec_next(Txn* txn, const Sources* src, uint16_t at, uint32_t* length) noexcept nogil:
    """work.step = the next owner of this node's NSEC, work.ahead = its key's rest, b"" at the chain's end."""
    cdef const Node* node = &txn.work.trail.node[at]
    cdef Name* step = &txn.work.step
    cdef Rrset rrset
    cdef Writer w
    cdef uint16_t size = 0
    cdef uint32_t span
    cdef const uint8_t* rdata
    if entry_find(&node.entry, TYPE_NSEC, &rrset) != Status.OK:
        return unreadable(node, Status.NO_ZONE)
    rdata = rrset_next(&rrset, &size)
    span = name_span(rdata, size) if rdata != NULL else 0
    if span == 0 or name_load_near(step, rdata, span, txn.sname, txn.apex, &src.seed) != Status.OK:
        return unreadable(node, Status.NO_ZONE)
    if step.labels < txn.apex or step.hash[txn.apex] != txn.sname.hash[txn.apex]:
        return unreadable(node, Status.NO_ZONE)
    writer_open(&w, txn.work.ahead, KEY_OCTETS)
    if key_write_rest(&w, step.wire, step.len, txn.apex) != Status.OK:
        return Status.NO_ZONE
    length[0] = w.at
    return Status.OK


cdef Status load_hint(Txn* txn, const Sources* src, const Hint* hint) noexcept nogil:
    """work.step and work.here from an NSEC hint."""
    cdef uint8_t wire[256]
    cdef uint8_t apex = NO_APEX
    cdef Reader r
    cdef Writer w
    memcpy(txn.work.here, hint.key, hint.len)
    reader_open(&r, txn.work.here, hint.len)
    writer_open(&w, wire, 255)
    if key_read(&r, &w, &apex) != Status.OK or apex != NO_APEX:
        return Status.NO_ZONE
    return load_step(txn, src, wire, w.at - 1)      # without the root's octet: the apex follows


cdef Status nsec_begin(Txn* txn, const Sources* src, uint64_t zone, uint32_t sought, uint16_t* at, uint32_t* here) noexcept nogil:
    """The node of the last usable hint at or before work.sought, work.here = its key's rest; the apex when there is none."""
    cdef const Hint* hint
    cdef uint16_t mark = txn.work.trail.count
    cdef uint32_t _i
    cdef Status status
    for _i in range(<uint32_t> STALE):
        hint = hints_before(src.hints, zone, txn.work.sought, sought) if src.hints != NULL else NULL
        if hint == NULL:
            break
        here[0] = hint.len
        status = load_hint(txn, src, hint)
        if status == Status.OK:
            status = take_step(txn, src, at)
        if status == Status.OK and not has_type(&txn.work.trail.node[at[0]], TYPE_NSEC):
            status = unreadable(&txn.work.trail.node[at[0]], Status.NO_ZONE)
        if status != Status.ABSENT and status != Status.NO_ZONE:
            return status
        txn.work.trail.count = mark
        hints_drop(src.hints, zone, txn.work.here, here[0])
    here[0] = 0
    at[0] = txn.apex_node
    return Status.OK


cdef Status nsec_cover(Txn* txn, const Sources* src, const Name* name, uint8_t k, uint16_t* at) noexcept nogil:
    """The node whose NSEC covers the suffix of k labels, or is at it."""
    cdef uint64_t zone = txn.sname.hash[txn.apex]
    cdef uint16_t mark = txn.work.trail.count
    cdef uint32_t sought, step
    cdef uint32_t here = 0, ahead = 0
    cdef Writer w
    cdef Status status
    writer_open(&w, txn.work.sought, KEY_OCTETS)
    if key_write_rest(&w, name.wire + name.at[k], name.len - name.at[k], txn.apex) != Status.OK:
        return Status.NO_ZONE
    sought = w.at
    status = nsec_begin(txn, src, zone, sought, at, &here)
    if status != Status.OK:
        return status
    for step in range(<uint32_t> STEPS):
        status = nsec_next(txn, src, at[0], &ahead)
        if status != Status.OK:
            return status
        if ahead == 0 or compare(txn.work.sought, sought, txn.work.ahead, ahead) < 0:
            learn(src, zone, txn.work.here, here, step)
            return Status.OK
        if compare(txn.work.ahead, ahead, txn.work.here, here) <= 0:
            return Status.NO_ZONE       # backwards: no chain
        if step % STEPS_APART == 0:
            learn(src, zone, txn.work.here, here, step)
        txn.work.trail.count = mark
        status = take_step(txn, src, at)
        if status != Status.OK:
            # the store finds the place in one question: entries on the way there are not worth one each
            return Status.NO_ZONE if status == Status.ABSENT or status == Status.MISS else status
        memcpy(txn.work.here, txn.work.ahead, ahead)
        here = ahead
    return Status.NO_ZONE


# -- NSEC3 -------------------------------------------------------------------------------------------------------------

cdef Status take_hashed(Txn* txn, const Sources* src, const uint8_t* label, uint16_t* at) noexcept nogil:
    """The node that has this hash as its first label."""
    cdef uint8_t first[33]
    cdef Status status
    first[0] = HASHED
    memcpy(first + 1, label, HASHED)
    status = load_step(txn, src, first, HASHED + 1)
    return take_step(txn, src, at) if status == Status.OK else status


cdef Status hash_of(Txn* txn, const Sources* src, const Name* name, uint8_t k, Params* params, uint8_t* label) noexcept nogil:
    """The label of the suffix of k labels, by the zone's parameters."""
    cdef const Node* apex = &txn.work.trail.node[txn.apex_node]
    if not sha1_there(&src.sha1) or nsec3_params(&apex.entry, params) != Status.OK or params.iterations > ITERATIONS_MAX:
        return Status.NO_ZONE
    nsec3_hash(&src.sha1, params, name.wire + name.at[k], name.len - name.at[k], label)
    return Status.OK


cdef Status nsec3_match(Txn* txn, const Sources* src, const Name* name, uint8_t k, uint16_t* at) noexcept nogil:
    """The node whose NSEC3 matches the suffix of k labels; ABSENT is certain."""
    cdef Params params
    cdef uint8_t label[32]
    cdef Status status = hash_of(txn, src, name, k, &params, label)
    if status == Status.OK:
        status = take_hashed(txn, src, label, at)
    if status == Status.OK and not has_type(&txn.work.trail.node[at[0]], TYPE_NSEC3):
        return unreadable(&txn.work.trail.node[at[0]], Status.ABSENT)
    return status


cdef Status nsec3_begin(Txn* txn, const Sources* src, uint64_t zone, const Params* params, uint16_t* at) noexcept nogil:
    """The node of the last usable hint before work.sought, around the end of the chain if need be; else the apex's."""
    cdef const Hint* hint
    cdef uint8_t highest[32]
    cdef uint16_t mark = txn.work.trail.count
    cdef uint32_t _i
    cdef Status status
    memset(highest, 0xff, HASHED)
    for _i in range(<uint32_t> STALE):
        hint = NULL
        if src.hints != NULL:
            hint = hints_before(src.hints, zone, txn.work.sought, HASHED)
            if hint == NULL:
                hint = hints_before(src.hints, zone, highest, HASHED)
        if hint == NULL:
            break
        memcpy(txn.work.here, hint.key, HASHED)
        status = take_hashed(txn, src, txn.work.here, at)
        if status != Status.ABSENT and status != Status.NO_ZONE:
            return status
        txn.work.trail.count = mark
        hints_drop(src.hints, zone, txn.work.here, HASHED)
    nsec3_hash(&src.sha1, params, txn.sname.wire + txn.sname.at[txn.apex], txn.sname.len - txn.sname.at[txn.apex], txn.work.here)
    status = take_hashed(txn, src, txn.work.here, at)
    return Status.NO_ZONE if status == Status.ABSENT else status


cdef inline bint covers(const uint8_t* owner, const uint8_t* following, const uint8_t* sought) noexcept nogil:
    """Whether a hash lies between two, the last of the chain leading on to the first (RFC 5155 1.3)."""
    cdef bint after = memcmp(owner, sought, HASHED) < 0
    cdef bint before = memcmp(sought, following, HASHED) < 0
    return (after and before) if memcmp(owner, following, HASHED) < 0 else (after or before)


cdef Status nsec3_cover(Txn* txn, const Sources* src, const Name* name, uint8_t k, uint16_t* at) noexcept nogil:
    """The node whose NSEC3 covers the suffix of k labels."""
    cdef uint64_t zone = txn.sname.hash[txn.apex] ^ HASHED_CHAIN
    cdef uint16_t mark = txn.work.trail.count
    cdef uint32_t step
    cdef const Node* node
    cdef Params params
    cdef Record record
    cdef Status status = hash_of(txn, src, name, k, &params, txn.work.sought)
    if status == Status.OK:
        status = nsec3_begin(txn, src, zone, &params, at)
    if status != Status.OK:
        return status
    for step in range(<uint32_t> STEPS):
        node = &txn.work.trail.node[at[0]]
        if nsec3_record(&node.entry, &params, &record) != Status.OK:
            return unreadable(node, Status.NO_ZONE)
        if memcmp(txn.work.here, txn.work.sought, HASHED) == 0:
            return Status.NO_ZONE       # it matches, and covers all but that
        nsec3_label(record.next, txn.work.ahead)
        if covers(txn.work.here, txn.work.ahead, txn.work.sought):
            learn(src, zone, txn.work.here, HASHED, step)
            return Status.OK
        if step % STEPS_APART == 0:
            learn(src, zone, txn.work.here, HASHED, step)
        txn.work.trail.count = mark
        memcpy(txn.work.here, txn.work.ahead, HASHED)
        status = take_hashed(txn, src, txn.work.here, at)
        if status != Status.OK:
            return Status.NO_ZONE if status == Status.ABSENT or status == Status.MISS else status
    return Status.NO_ZONE


# -- all ---------------------------------------------------------------------------------------------------------------

cdef void learn_found(Txn* txn, const Sources* src, MissKind kind, const Node* node) noexcept nogil:
    """The store has told an owner: the next search of this part of the chain begins there."""
    cdef uint64_t zone = txn.sname.hash[txn.apex]
    cdef Writer w
    if src.hints == NULL:
        return
    if kind == MissKind.MISS_NSEC3_COVER:
        if node.name_len > HASHED and node.name[0] == HASHED:
            hints_put(src.hints, zone ^ HASHED_CHAIN, node.name + 1, HASHED)
    elif kind == MissKind.MISS_NSEC_COVER:
        writer_open(&w, txn.work.here, KEY_OCTETS)
        if key_write_rest(&w, node.name, node.name_len, txn.apex) == Status.OK:
            hints_put(src.hints, zone, txn.work.here, w.at)


cdef Status chain_find(Txn* txn, const Sources* src, MissKind kind, const Name* name, uint8_t k, uint16_t* at) noexcept nogil:
    cdef uint16_t mark = txn.work.trail.count
    cdef Status status
    if kind == MissKind.MISS_NSEC_COVER:
        status = nsec_cover(txn, src, name, k, at)
    elif kind == MissKind.MISS_NSEC3_MATCH:
        status = nsec3_match(txn, src, name, k, at)
    else:
        status = nsec3_cover(txn, src, name, k, at)
    if status != Status.NO_ZONE:
        return status
    txn.work.trail.count = mark
    status = node_special(src, &txn.work.trail, kind, name, k, txn.apex, at)
    if status == Status.OK:
        learn_found(txn, src, kind, &txn.work.trail.node[at[0]])
    return status
