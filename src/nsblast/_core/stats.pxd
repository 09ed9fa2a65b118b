# One worker's counters and its ring of missed names, in its WorkerSlot of the segment (shm.pxd).
#
# Owns: what is counted. Never: who reads it. Only the worker itself writes (plain adds, no locked ones); readers of other
# processes see each counter whole, and a set of counters nearly of one moment. A map without slot counts nothing.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from nsblast._core.shm cimport COUNT_LATENCIES, COUNT_OUTCOMES, COUNT_QTYPES, COUNT_RCODES, Map, WorkerSlot
from nsblast._core.shm cimport load64, store64, store64_release
from nsblast._core.status cimport Status

cdef extern from *:
    """
    #define nsb_bits(n) ((n) ? 64 - (unsigned) __builtin_clzll(n) : 0u)
    """
    uint32_t bits_of "nsb_bits"(uint64_t) noexcept nogil

cdef enum Connection:       # index into WorkerSlot.connections
    CONN_ACCEPTED = 0
    CONN_OPEN = 1           # now; goes up and down
    CONN_REFUSED = 2        # over a limit
    CONN_IDLE = 3           # closed for idleness
    CONN_SLOW = 4           # cut off: read or wrote too slowly
    CONN_EVICTED = 5        # an idle or slow one, closed to make room for a new one
    FIRST_TRANSFER = 8      # from here on what stats.TRANSFERS names


cdef inline void stats_add(uint64_t* counter, uint64_t n) noexcept nogil:
    """Add to a counter only this worker writes; n = 2**64 - 1 takes one away."""
    store64(counter, load64(counter) + n)


cdef inline void stats_packet(WorkerSlot* slot, uint8_t transport, Status outcome) noexcept nogil:
    """One packet came to this end; silence included."""
    if slot != NULL:
        stats_add(&slot.outcome[transport & 1][<uint32_t> outcome % COUNT_OUTCOMES], 1)


cdef inline void stats_question(WorkerSlot* slot, uint16_t qtype) noexcept nogil:
    if slot != NULL:
        stats_add(&slot.qtype[qtype if qtype < COUNT_QTYPES - 1 else COUNT_QTYPES - 1], 1)


cdef inline void stats_answer(WorkerSlot* slot, uint16_t rcode, bint truncated, uint32_t octets_in,
                              uint32_t octets_out) noexcept nogil:
    if slot != NULL:
        stats_add(&slot.rcode[rcode if rcode < COUNT_RCODES - 1 else COUNT_RCODES - 1], 1)
        if truncated:
            stats_add(&slot.truncated, 1)
        stats_add(&slot.octets_in, octets_in)
        stats_add(&slot.octets_out, octets_out)


cdef inline void stats_latency(WorkerSlot* slot, uint64_t ns, uint64_t answers) noexcept nogil:
    """So many answers took `ns` nanoseconds each (a batch: from its receipt to its sending)."""
    cdef uint32_t i
    if slot != NULL:
        i = bits_of(ns // 1000)         # less than 2**i microseconds, and no less than half of it
        stats_add(&slot.latency[i if i < COUNT_LATENCIES - 1 else COUNT_LATENCIES - 1], answers)
        stats_add(&slot.latency_ns, ns * answers)
        stats_add(&slot.answers, answers)


cdef inline void stats_alive(WorkerSlot* slot, uint64_t now_ns) noexcept nogil:
    if slot != NULL:
        store64(&slot.heartbeat, now_ns)


# Tell control that this name (wire form, lower case) was not cached. Never waits: a full ring counts a drop.
# True when the ring was empty before: control may be asleep.
cdef bint miss_put(const Map* map, WorkerSlot* slot, const uint8_t* name, uint32_t length) noexcept nogil


cdef inline bint miss_note(const Map* map, const uint8_t* name, uint32_t length) noexcept nogil:
    """The same for the map's own worker."""
    return miss_put(map, map.slot, name, length)


# Control's end: the next name of a worker's ring into `name` (256 octets); its length, 0 = none. Trusts nothing in the slot.
cdef uint32_t miss_take(const Map* map, WorkerSlot* slot, uint8_t* name) noexcept nogil
# All of one slot's counters for Python.
cdef dict stats_dict(const WorkerSlot* slot)
