# One connection's turn: what is owed goes out, once is read, all whole messages are answered, their answers leave in one write.
#
# Owns: framing (RFC 1035 4.2.2, RFC 7766 8), order and parking (6.2.1.1), backpressure, half-closed ends (6.2.4).
# Never: accepts, limits, what an answer says. All that is held for a connection is bounded: a message under way by its
# length, input by what one read gives, output by one turn's room and HIGH.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from posix.time cimport timespec

from nsblast._core.conns cimport Conn, Pool
from nsblast._core.engine cimport Engine
from nsblast._core.parked cimport Parked, Room
from nsblast._core.status cimport Status
from nsblast._core.txn cimport Txn
from nsblast._core.wire cimport Reader

cdef enum:
    BUDGET = 1024           # messages answered before the event loop gets its turn; other costs are counted in them


cdef class Streams:
    cdef Engine engine
    cdef Pool pool
    cdef Room room
    cdef int epoll
    cdef bint news                      # a connection with messages in Python's hands has room again, or is gone
    cdef Txn* txn
    cdef Status verdict[16]
    cdef uint32_t ends[16]              # where each message of a batch ends in its stream
    cdef uint8_t* input
    cdef uint8_t* out
    cdef uint32_t used                  # octets of `out`
    cdef uint32_t answers               # in them
    cdef uint32_t wall                  # seconds since 1970
    cdef uint64_t now                   # nanoseconds of CLOCK_MONOTONIC, at the beginning of a run

    cdef void clock(self) noexcept nogil
    cdef bint watch(self, int op, int fd, uint64_t data, uint32_t events) noexcept nogil
    cdef uint64_t token(self, uint32_t place) noexcept nogil
    # The connection's place, NOBODY when it is gone.
    cdef uint32_t find(self, uint64_t token) noexcept nogil
    # Close it, whatever is under way.
    cdef void drop(self, uint32_t place) noexcept nogil
    # One turn; how many messages were answered. The connection may be gone then.
    cdef int turn(self, uint32_t place, bint readable) noexcept nogil
    # One turn for each that can go on without the network; the cost.
    cdef int run_ready(self) noexcept nogil
    # Wait for what comes next, or close it when all is done.
    cdef void settle(self, uint32_t place) noexcept nogil
    # An answer of so many octets behind the first two of `out` is owed to a connection.
    cdef bint owe(self, uint32_t place, uint32_t length) noexcept nogil
    # Try again all that wait for the store; the oldest get SERVFAIL.
    cdef void again(self) noexcept nogil

    cdef bint flush(self, uint32_t place) noexcept nogil
    cdef bint send_out(self, uint32_t place) noexcept nogil
    cdef bint receive(self, uint32_t place, uint8_t* to, uint32_t room, uint32_t* size) noexcept nogil
    cdef bint read_on(self, uint32_t place) noexcept nogil
    cdef int frame(self, const Conn* conn, Reader* r) noexcept nogil
    cdef uint32_t answer(self, uint32_t place, const uint8_t* data, uint32_t size) noexcept nogil
    cdef void add(self, const Txn* txn) noexcept nogil
    cdef bint park(self, uint32_t place, const Txn* txn, Status why, const timespec* since) noexcept nogil
    cdef void unpark(self, Parked* parked) noexcept nogil
    cdef void measure(self, const timespec* start) noexcept nogil
