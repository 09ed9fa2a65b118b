"""The ring of missed names and the counters' names (stats.pxd).

The ring has one producer (the worker) and one consumer (control): positions only grow, each written by one side. A name is
a length octet and its octets; both ends wrap octet by octet. A worker's slot is the one thing control reads that another
process writes, so every length and position in it is tested.
"""

from nsblast._core.name cimport name_span
from nsblast._core.shm cimport PAGE, load64_acquire

OUTCOMES = (
    "ok", "silent", "formerr", "notimp", "badvers", "badcookie", "cookie_only", "chaos", "hand_over", "found", "nxdomain",
    "delegation", "dname", "no_zone", "follow", "absent", "miss", "busy", "truncated", "corrupt", "servfail",
)
CONNECTIONS = ("accepted", "open", "refused", "idle", "slow", "evicted")
TRANSFERS = ("axfr", "ixfr", "current", "whole", "refused", "broken", "messages", "octets")


cdef inline uint8_t* ring_of(const WorkerSlot* slot) noexcept nogil:
    """The ring stands behind the counters, on pages of its own."""
    return <uint8_t*> slot + (sizeof(WorkerSlot) + PAGE - 1) // PAGE * PAGE


cdef bint miss_put(const Map* map, WorkerSlot* slot, const uint8_t* name, uint32_t length) noexcept nogil:
    cdef uint64_t size, at, taken
    cdef uint8_t* ring
    cdef uint32_t i
    if slot == NULL or length == 0 or length > 255:
        return False
    size = map.head.miss_ring
    at = slot.miss_written
    taken = load64_acquire(&slot.miss_read)
    if at - taken > size or size - (at - taken) < length + 1:
        stats_add(&slot.miss_dropped, 1)
        return False
    ring = ring_of(slot)
    ring[at & (size - 1)] = <uint8_t> length
    for i in range(length):
        ring[(at + 1 + i) & (size - 1)] = name[i]
    store64_release(&slot.miss_written, at + 1 + length)
    return at == taken


cdef uint32_t miss_take(const Map* map, WorkerSlot* slot, uint8_t* name) noexcept nogil:
    cdef uint64_t size = map.head.miss_ring
    cdef uint64_t at = slot.miss_read
    cdef uint64_t end = load64_acquire(&slot.miss_written)
    cdef const uint8_t* ring = ring_of(slot)
    cdef uint32_t i, length
    while at != end:
        length = ring[at & (size - 1)]
        if end - at > size or end - at < length + 1:
            break                               # not what miss_put writes: begin anew where the worker is
        for i in range(length):
            name[i] = ring[(at + 1 + i) & (size - 1)]
        at += length + 1
        store64_release(&slot.miss_read, at)
        if length and name_span(name, length) == length:
            return length
    store64_release(&slot.miss_read, end)
    return 0


cdef dict stats_dict(const WorkerSlot* slot):
    cdef uint32_t i, t
    cdef dict d = {
        "pid": load64(&slot.pid),
        "position": load64(&slot.position),
        "heartbeat_ns": load64(&slot.heartbeat),
        "starts": load64(&slot.starts),
        "latency_ns": load64(&slot.latency_ns),
        "answers": load64(&slot.answers),
        "truncated": load64(&slot.truncated),
        "octets_in": load64(&slot.octets_in),
        "octets_out": load64(&slot.octets_out),
        "cache_hits": load64(&slot.cache_hits),
        "cache_misses": load64(&slot.cache_misses),
        "filter_hits": load64(&slot.filter_hits),
        "retries": load64(&slot.retries),
        "batches": load64(&slot.batches),
        "send_errors": load64(&slot.send_errors),
        "log_written": load64(&slot.log_written),
        "log_dropped": load64(&slot.log_dropped),
        "misses_dropped": load64(&slot.miss_dropped),
    }
    for t, transport in enumerate(("udp", "tcp")):
        for i, outcome in enumerate(OUTCOMES):
            d[f"outcome.{transport}.{outcome}"] = load64(&slot.outcome[t][i])
    for i in range(<uint32_t> COUNT_RCODES):
        d[f"rcode.{i}" if i < COUNT_RCODES - 1 else "rcode.other"] = load64(&slot.rcode[i])
    for i in range(<uint32_t> COUNT_QTYPES):
        if slot.qtype[i]:
            d[f"qtype.{i}" if i < COUNT_QTYPES - 1 else "qtype.other"] = load64(&slot.qtype[i])
    for i in range(<uint32_t> COUNT_LATENCIES):
        d[f"latency.{1 << i}us" if i < COUNT_LATENCIES - 1 else "latency.more"] = load64(&slot.latency[i])
    for i, what in enumerate(CONNECTIONS):
        d[f"connections.{what}"] = load64(&slot.connections[i])
    for i, what in enumerate(TRANSFERS):
        d[f"transfers.{what}"] = load64(&slot.connections[FIRST_TRANSFER + i])
    return d
