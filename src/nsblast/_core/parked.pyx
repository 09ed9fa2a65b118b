"""A bounded room of messages that wait (parked.pxd)."""

from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy


cdef bint room_open(Room* room) noexcept nogil:
    cdef uint32_t i
    room.parked = <Parked*> calloc(ROOM, sizeof(Parked))
    for i in range(<uint32_t> ROOM):
        room.spare[i] = <uint16_t> (ROOM - 1 - i)
    room.spares = ROOM
    room.queued = room.done = 0
    return room.parked != NULL


cdef void room_close(Room* room) noexcept nogil:
    cdef uint32_t i
    if room.parked != NULL:
        for i in range(<uint32_t> ROOM):
            free(room.parked[i].message)
    free(room.parked)
    room.parked = NULL


cdef Parked* room_put(Room* room, const uint8_t* message, uint32_t length, uint32_t conn, Status why,
                      const timespec* since) noexcept nogil:
    cdef Parked* parked
    cdef uint8_t* copy
    if room.spares == 0 and room.done:
        room_tidy(room)
    if room.spares == 0:
        return NULL
    copy = <uint8_t*> malloc(length if length else 1)
    if copy == NULL:
        return NULL
    memcpy(copy, message, length)
    room.spares -= 1
    parked = &room.parked[room.spare[room.spares]]
    room.order[room.queued] = room.spare[room.spares]
    room.queued += 1
    parked.message = copy
    parked.length = length
    parked.conn = conn
    parked.why = why
    parked.since = since[0]
    return parked


cdef void room_done(Room* room, Parked* parked) noexcept nogil:
    free(parked.message)
    parked.message = NULL
    room.done += 1


cdef void room_forget(Room* room, uint32_t conn) noexcept nogil:
    cdef uint32_t i
    cdef Parked* parked
    for i in range(room.queued):
        parked = &room.parked[room.order[i]]
        if parked.message != NULL and parked.conn == conn:
            room_done(room, parked)


cdef void room_tidy(Room* room) noexcept nogil:
    cdef uint32_t i, n = 0
    for i in range(room.queued):
        if room.parked[room.order[i]].message != NULL:
            room.order[n] = room.order[i]
            n += 1
        else:
            room.spare[room.spares] = room.order[i]
            room.spares += 1
    room.queued = n
    room.done = 0
