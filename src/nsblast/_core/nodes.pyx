"""Where a node comes from: cache first, then filter, then what the store gave before; else MISS (nodes.pxd).

Invariant: whatever node_get returns was true at one moment not before trail.done was read, or trail_holds() says False.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from nsblast._core.entries cimport entries_find, entries_stood_still
from nsblast._core.filter cimport filter_maybe
from nsblast._core.name cimport Name
from nsblast._core.rrset cimport entry_open
from nsblast._core.shm cimport fence_acquire, load64, load64_acquire, stripe_of
from nsblast._core.stats cimport miss_note, stats_add
from nsblast._core.status cimport Status


cdef void trail_start(Trail* trail, const Sources* src) noexcept nogil:
    trail.done = load64_acquire(&src.map.head.done) if src.map.base != NULL else 0
    trail.count = 0
    trail.zones = 0


cdef inline Status note_zone(Trail* trail, uint64_t apex_hash) noexcept nogil:
    """Remember that the answer rests on the zone with this apex."""
    cdef uint16_t stripe = <uint16_t> stripe_of(apex_hash)
    cdef uint16_t i
    for i in range(trail.zones):
        if trail.stripe[trail.zones - 1 - i] == stripe:
            return Status.OK
    if trail.zones == ZONES_MAX:
        return Status.SERVFAIL
    trail.stripe[trail.zones] = stripe
    trail.zones += 1
    return Status.OK


cdef inline uint64_t fill_key(uint64_t hash, MissKind kind, uint8_t apex) noexcept nogil:
    """What a fill is found by; never 0, which marks a free slot."""
    return (hash ^ (<uint64_t> kind * 0x9e3779b97f4a7c15ULL) ^ (<uint64_t> apex << 56)) | 1


cdef const Fill* find_fill(const Sources* src, uint64_t key, MissKind kind, uint8_t apex, const uint8_t* name,
                           uint32_t length) noexcept nogil:
    """The fill of this question, or NULL. Open addressing, linear probing; the table is never full."""
    cdef uint32_t i, at = <uint32_t> (key >> 20) & (FILLS - 1)
    cdef const Fill* fill
    if src.n_fills == 0:
        return NULL
    for i in range(<uint32_t> FILLS):
        fill = &src.fills[(at + i) & (FILLS - 1)]
        if fill.hash == 0:
            return NULL
        if fill.hash == key and fill.kind == kind and fill.apex == apex and fill.asked_len == length \
                and memcmp(fill.asked, name, length) == 0:
            return fill
    return NULL


cdef const Fill* fill_find(const Sources* src, uint64_t hash, MissKind kind, uint8_t apex, const uint8_t* name,
                           uint32_t length) noexcept nogil:
    return find_fill(src, fill_key(hash, kind, apex), kind, apex, name, length)


cdef bint wish(const Sources* src, const Trail* trail) noexcept nogil:
    cdef Wishes* wishes = src.wishes
    if wishes == NULL or wishes.count >= WISHES:
        return False
    wishes.miss[wishes.count] = trail.miss
    wishes.count += 1
    return True


cdef Status note_miss(Trail* trail, MissKind kind, uint64_t hash, uint8_t apex, const uint8_t* name,
                      uint32_t length) noexcept nogil:
    trail.miss.kind = kind
    trail.miss.apex = apex
    trail.miss.len = <uint8_t> length
    trail.miss.hash = hash
    memcpy(trail.miss.name, name, length)
    return Status.MISS


cdef Status from_fill(const Fill* fill, Node* out) noexcept nogil:
    if fill.blob_len == 0:
        return Status.ABSENT
    out.seen.bucket = NULL
    out.name = fill.owner
    out.name_len = fill.name_len
    return entry_open(&out.entry, fill.blob, fill.blob_len)


cdef bint absence_is_fresh(const Sources* src, const Name* name, uint8_t k, uint64_t stamp) noexcept nogil:
    """Whether no zone that could hold the name was changed in bulk since its absence was noted."""
    cdef uint8_t i
    for i in range(k + 1):
        if load64(&src.map.stripes[stripe_of(name.hash[i])].floor) > stamp:
            return False
    return True


cdef inline Status keep(Trail* trail, uint64_t apex_hash, uint16_t* at) noexcept nogil:
    """The node just filled in becomes part of the trail."""
    cdef Status status = note_zone(trail, apex_hash)
    if status == Status.OK:
        at[0] = trail.count
        trail.count += 1
    return status


cdef inline void count_hit(const Sources* src) noexcept nogil:
    if src.map.slot != NULL:
        stats_add(&src.map.slot.cache_hits, 1)


cdef inline bint asked_again(const Sources* src, uint64_t hash) noexcept nogil:
    """Whether control should cache the name: always while there is room, else only what was missed before and not long ago.

    Else names asked for once would push out one another, and each would cost control as much as its worker.
    """
    cdef uint32_t tag = <uint32_t> hash | 1
    cdef uint32_t* slot
    if src.asked == NULL or not load64(&src.map.head.pressure):
        return True
    slot = &src.asked[(hash >> 32) & (ASKED - 1)]
    if slot[0] == tag:
        return True
    slot[0] = tag
    return False


cdef Status node_get(const Sources* src, Trail* trail, const Name* name, uint8_t k, uint16_t* at) noexcept nogil:
    cdef const uint8_t* wire = name.wire + name.at[k]
    cdef uint32_t length = name.len - name.at[k]
    cdef uint64_t hash = name.hash[k]
    cdef const Fill* fill
    cdef Node* out = &trail.node[trail.count]
    cdef Status status = Status.ABSENT
    if trail.count == NODES_MAX:
        return Status.SERVFAIL
    if src.map.base != NULL:
        status = entries_find(&src.map, hash, wire, length, &out.seen)
        if status == Status.OK:
            if out.seen.blob_len == 0:
                if not entries_stood_still(&out.seen):
                    return Status.BUSY
                if absence_is_fresh(src, name, k, out.seen.stamp):
                    return Status.ABSENT
            else:
                status = entry_open(&out.entry, out.seen.blob, out.seen.blob_len)
                if status == Status.OK and out.entry.apex > k:
                    status = Status.CORRUPT
                if status != Status.OK:
                    return status if entries_stood_still(&out.seen) else Status.BUSY
                if out.seen.stamp >= load64(&src.map.stripes[stripe_of(name.hash[out.entry.apex])].floor):
                    out.name = out.seen.name
                    out.name_len = <uint8_t> out.seen.name_len
                    count_hit(src)
                    return keep(trail, name.hash[out.entry.apex], at)
        elif status == Status.BUSY:
            return status
        elif load64(&src.map.head.complete):
            return Status.ABSENT
        if not filter_maybe(&src.map, hash):
            if src.map.slot != NULL:
                stats_add(&src.map.slot.filter_hits, 1)
            return Status.ABSENT
    fill = find_fill(src, fill_key(hash, MissKind.MISS_ENTRY, 0), MissKind.MISS_ENTRY, 0, wire, length)
    if fill == NULL:
        if src.map.slot != NULL:
            stats_add(&src.map.slot.cache_misses, 1)
            if asked_again(src, hash):
                miss_note(&src.map, wire, length)
        return note_miss(trail, MissKind.MISS_ENTRY, hash, 0, wire, length)
    status = from_fill(fill, out)
    if status == Status.OK:
        if out.entry.apex > k:
            return Status.CORRUPT
        return keep(trail, name.hash[out.entry.apex], at)
    return status


cdef Status node_special(const Sources* src, Trail* trail, MissKind kind, const Name* name, uint8_t k, uint8_t apex,
                         uint16_t* at) noexcept nogil:
    cdef const uint8_t* wire = name.wire + name.at[k]
    cdef uint32_t length = name.len - name.at[k]
    cdef const Fill* fill = find_fill(src, fill_key(name.hash[k], kind, apex), kind, apex, wire, length)
    cdef Status status
    cdef uint64_t last
    if src.map.base != NULL:
        last = load64_acquire(&src.map.stripes[stripe_of(name.hash[apex])].last)
        if last > trail.done:
            return Status.BUSY      # under change: whatever the store says now would be asked again, without end
        if fill != NULL and last > fill.stamp:
            fill = NULL             # the zone has changed since: ask again
    if fill == NULL:
        return note_miss(trail, kind, name.hash[k], apex, wire, length)
    if trail.count == NODES_MAX:
        return Status.SERVFAIL
    status = from_fill(fill, &trail.node[trail.count])
    if status != Status.OK:
        return status
    return keep(trail, name.hash[apex], at)


cdef bint trail_holds(const Sources* src, const Trail* trail) noexcept nogil:
    cdef uint16_t i
    if src.map.base == NULL:
        return True
    fence_acquire()
    for i in range(trail.count):
        if trail.node[i].seen.bucket != NULL and not entries_stood_still(&trail.node[i].seen):
            return False
    for i in range(trail.zones):
        if load64(&src.map.stripes[trail.stripe[i]].last) > trail.done:
            return False
    return True


cdef void fills_clear(Sources* src) noexcept nogil:
    cdef uint32_t i
    for i in range(<uint32_t> FILLS):
        src.fills[i].hash = 0
    src.n_fills = 0


cdef Fill* fill_slot(Sources* src, uint64_t hash, MissKind kind, uint8_t apex, const uint8_t* asked,
                     uint32_t length) noexcept nogil:
    cdef uint64_t key = fill_key(hash, kind, apex)
    cdef uint32_t i, at = <uint32_t> (key >> 20) & (FILLS - 1)
    cdef Fill* fill
    for i in range(<uint32_t> FILLS):
        fill = &src.fills[(at + i) & (FILLS - 1)]
        if fill.hash == 0:
            src.n_fills += 1
            break
        if fill.hash == key and fill.kind == kind and fill.apex == apex and fill.asked_len == length \
                and memcmp(fill.asked, asked, length) == 0:
            break
    fill.hash = key
    fill.kind = kind
    fill.apex = apex
    return fill
