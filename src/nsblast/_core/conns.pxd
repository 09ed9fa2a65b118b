# The TCP connections of one worker: a pool of fixed-size places, how long each has been silent, how many an address has.
#
# Owns: places, their order, their buffers' memory. Never: sockets, DNS meaning, the clock.
# Invariants: a place with fd -1 is free and holds no memory; every open one is in the line of silence; one is in at most
# one of the queues. A place may move in memory when the pool grows (pool_grow, Python's turn only): keep its number.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    NOBODY = 0xffffffff     # no place

cdef enum:                  # the lines a place can be in
    LINK_SILENCE = 0        # all open ones, the longest silent first
    LINK_QUEUE = 1          # those with work to be done without the network, or those held up

cdef enum:                  # Conn.queue
    QUEUE_NONE = 0
    QUEUE_READY = 1         # goes on in the next turn
    QUEUE_HELD = 2          # has whole messages, and goes on when one of those that wait is done


cdef struct Buffer:         # octets between `at` and `end`; memory grows with what is put in and goes when all is taken
    uint8_t* base           # NULL = no memory
    uint32_t at
    uint32_t end
    uint32_t size


cdef struct Link:
    uint32_t before         # a place, NOBODY = none
    uint32_t behind


cdef struct Line:
    uint32_t first
    uint32_t last


cdef struct Conn:
    int fd                  # -1 = the place is free
    uint32_t generation     # changes with each connection that has the place
    Link link[2]            # by LINK_…; a free place's link[0].behind is the next free one
    uint8_t queue           # QUEUE_…
    uint8_t client_len      # 4 or 16
    uint8_t client[16]
    bint ended              # the client sends no more, or we read no more of it
    bint whole              # `incoming` begins with a whole message
    uint32_t interest       # what epoll was asked for
    bint known              # epoll knows the descriptor
    uint16_t parked         # messages of it that wait in this process
    uint16_t handed         # messages of it in the hands of Python
    uint32_t taken          # octets the client took since `blocked`
    uint64_t key            # what counts as its address
    uint64_t born           # nanoseconds of CLOCK_MONOTONIC, as all below
    uint64_t last           # when it last said something or was told something that waited
    uint64_t begun          # when the message under way began, 0 = none
    uint64_t blocked        # since when the client takes too little, 0 = it does not
    Buffer incoming         # octets not answered yet
    Buffer outgoing         # octets not taken yet


cdef struct AddressCount:
    uint64_t key
    uint32_t count          # 0 = the slot is free


cdef struct Pool:
    Conn* conn
    uint32_t size           # places
    uint32_t most           # connections allowed, at most `size`
    uint32_t used           # places ever used: those above need no look
    uint32_t open           # connections
    uint32_t free           # the first free place
    Line line[3]            # [0] silence; [QUEUE_READY], [QUEUE_HELD]
    AddressCount* address   # open addressing, a power of two of at least twice `size`
    uint32_t mask
    uint8_t secret[16]      # key of the addresses' hash: nobody chooses collisions


# Places for `most` connections; more than before or fewer. False: no memory, nothing changed.
cdef bint pool_grow(Pool* pool, uint32_t most) noexcept nogil
cdef void pool_close(Pool* pool) noexcept nogil
# A place for a descriptor, last in the line of silence; NOBODY when all allowed ones are taken.
cdef uint32_t pool_take(Pool* pool, int fd, const uint8_t* client, uint8_t client_len, uint64_t now) noexcept nogil
# Give the place back, its buffers and its memory.
cdef void pool_release(Pool* pool, uint32_t place) noexcept nogil
# How many connections the address has.
cdef uint32_t pool_count(const Pool* pool, uint64_t key) noexcept nogil
# It has just said something: last in the line of silence.
cdef void pool_heard(Pool* pool, uint32_t place, uint64_t now) noexcept nogil
# The longest silent one with nothing under way, of the first `looks` in the line; where few are, the longest silent one that
# owes us the rest of a message, or does not take its answers: as many as there may be would else keep everybody else out.
cdef uint32_t pool_idle(const Pool* pool, uint32_t looks) noexcept nogil
# Put it into a queue, or out of both.
cdef void pool_queue(Pool* pool, uint32_t place, uint8_t queue) noexcept nogil
# All that were held up are ready again.
cdef void pool_release_held(Pool* pool) noexcept nogil

# Append; False: no memory.
cdef bint buffer_put(Buffer* buffer, const uint8_t* data, uint32_t length) noexcept nogil
# Room for `length` octets behind the end, all unused memory before; NULL: no memory.
cdef uint8_t* buffer_room(Buffer* buffer, uint32_t length) noexcept nogil
# So many octets from the front are done with.
cdef void buffer_take(Buffer* buffer, uint32_t length) noexcept nogil
cdef void buffer_free(Buffer* buffer) noexcept nogil


cdef inline uint32_t buffer_left(const Buffer* buffer) noexcept nogil:
    return buffer.end - buffer.at


cdef inline bint conn_idle(const Conn* conn) noexcept nogil:
    """Nothing is under way, in either direction."""
    return conn.incoming.end == 0 and conn.outgoing.end == 0 and conn.parked == 0 and conn.handed == 0


cdef inline bint conn_owes(const Conn* conn) noexcept nogil:
    """It keeps us waiting, for the rest of a message or for taking its answers, and nothing of it waits for us."""
    if conn.parked or conn.handed:
        return False
    if conn.outgoing.end:
        return conn.blocked != 0
    return conn.incoming.end != 0 and not conn.whole


cdef inline uint64_t conn_key(const uint8_t* client, uint8_t client_len) noexcept nogil:
    """What counts as one address: an IPv4 address, an IPv6 /64. ff00::/8 is never a source, so the two do not meet."""
    cdef uint64_t key = ~<uint64_t> 0
    if client_len == 4:
        memcpy(<uint8_t*> &key + 4, client, 4)
    else:
        memcpy(&key, client, 8)
    return key
