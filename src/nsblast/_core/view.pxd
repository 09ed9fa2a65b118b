# The shared segment as any process may look at it, for Python: mapped read-only but for the workers' slots.

from libc.stdint cimport uint64_t

from nsblast._core.name cimport Name
from nsblast._core.shm cimport Map, WorkerSlot


cdef class View:
    cdef Map map
    cdef bint writer        # mapped writable: control

    # ValueError when it was closed.
    cdef int _open(self) except -1
    # ValueError for what is no name.
    cdef int _load(self, bytes wire, Name* name) except -1
    cdef uint64_t _hash(self, bytes wire) except? 0
    # IndexError.
    cdef WorkerSlot* _slot(self, index) except NULL
