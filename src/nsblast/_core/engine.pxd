# One worker's state and its door for Python.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from posix.time cimport timespec

from nsblast._core.hints cimport Hints
from nsblast._core.nodes cimport Fill, Miss, MissKind, Sources, Wishes
from nsblast._core.querylog cimport Log, QueryLog
from nsblast._core.respond cimport Config
from nsblast._core.status cimport Status
from nsblast._core.turn cimport pthread_mutex_t
from nsblast._core.txn cimport Txn, Work


cdef class Engine:
    cdef Sources src
    cdef Config config
    cdef Fill* fills
    cdef uint32_t* asked    # names missed of late
    cdef Wishes* wishes
    cdef uint64_t noted_at  # how far the ring of missed names was written when Python last asked
    cdef Hints hints
    cdef Work* work
    cdef Txn* txn           # the packet of answer()
    cdef uint8_t* out       # its answer
    cdef Log* log           # NULL = no query log
    cdef QueryLog querylog
    cdef bint gso           # UDP answers of one batch may leave together (outbox.pxd)
    cdef list kept          # objects the fills point into
    cdef pthread_mutex_t turn   # held for a batch by a thread that stands in for the loop (serve_udp.pyx)
    cdef object __weakref__

    # Ask the store for one missed entry, unless it has been asked. Raises what find_apex and get raise.
    cdef bint fetch(self, const Miss* miss, tuple store) except -1
    # The same for all wishes; how many were asked for.
    cdef int fetch_wishes(self, tuple store) except -1
    cdef Fill* slot(self, uint64_t hash, MissKind kind, uint8_t apex, bytes asked, bytes owner, bytes blob) except NULL
    cdef int allow(self, list networks) except -1
    cdef uint64_t hints_octets(self) noexcept nogil
    cdef void count(self, const Txn* txn, const timespec* begin) noexcept nogil
