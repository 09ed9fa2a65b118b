# One worker's state and its door for Python.

from libc.stdint cimport uint8_t, uint32_t
from posix.time cimport timespec

from nsblast._core.nodes cimport Fill, Sources
from nsblast._core.querylog cimport Log, QueryLog
from nsblast._core.respond cimport Config
from nsblast._core.status cimport Status
from nsblast._core.txn cimport Txn, Work


cdef class Engine:
    cdef Sources src
    cdef Config config
    cdef Fill* fills
    cdef Work* work
    cdef Txn* txn           # the packet of answer()
    cdef uint8_t* out       # its answer
    cdef Log* log           # NULL = no query log
    cdef QueryLog querylog
    cdef list kept          # objects the fills point into
    cdef object __weakref__

    cdef void count(self, const Txn* txn, const timespec* begin) noexcept nogil
