# Messages of TCP connections that wait for the store or for Python: copies, in the order they came, a bounded number.
#
# Owns: their memory and order. Never: what they wait for comes about here.
# Invariant: a place keeps its number until room_tidy(), also when it is done with.

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from posix.time cimport timespec

from nsblast._core.nodes cimport Miss
from nsblast._core.status cimport Status

cdef enum:
    ROOM = 1024             # messages that may wait


cdef struct Parked:
    uint8_t* message        # NULL = the place is free or done with
    uint32_t length
    uint32_t conn           # place of its connection in the pool
    Status why              # MISS, BUSY or HAND_OVER
    Miss miss
    timespec since


cdef struct Room:
    Parked* parked
    uint16_t order[1024]    # places as they came, done ones among them
    uint16_t spare[1024]    # free places
    uint32_t queued         # entries of order
    uint32_t spares         # entries of spare
    uint32_t done           # entries of order that are done with


cdef bint room_open(Room* room) noexcept nogil      # False: no memory
cdef void room_close(Room* room) noexcept nogil
# A copy of a message gets a place; NULL: none is free, or no memory. miss is to be set by the caller.
cdef Parked* room_put(Room* room, const uint8_t* message, uint32_t length, uint32_t conn, Status why,
                      const timespec* since) noexcept nogil
cdef void room_done(Room* room, Parked* parked) noexcept nogil
# All messages of a connection are done with.
cdef void room_forget(Room* room, uint32_t conn) noexcept nogil
# Places that are done with are free again.
cdef void room_tidy(Room* room) noexcept nogil


cdef inline uint32_t room_waiting(const Room* room) noexcept nogil:
    return room.queued - room.done
