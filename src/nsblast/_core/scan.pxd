# The scanner: entries of a master file out of bytes or a file descriptor, through a window that holds the entry under way.
#
# Owns: the window. Never: what an entry means (entry.pyx), zones, other files.

from libc.stdint cimport uint8_t, uint64_t

from nsblast._core.entry cimport Event, Scan

cdef enum:
    WINDOW_FIRST = 1048576          # octets of a file looked at first
    WINDOW_MOST = 268435456         # no entry, comments inside it counted, may be longer than this


cdef class Scanner:
    cdef Scan* scan
    cdef uint8_t* window        # malloc'd when reading from a file
    cdef size_t room            # octets it has
    cdef size_t filled          # octets read into it
    cdef object source          # keeps given bytes alive
    cdef const uint8_t* first   # of given bytes
    cdef int fd                 # -1 = bytes were given
    cdef int io_error
    cdef uint64_t read_octets   # octets read from the file so far
    cdef Event step(self) noexcept nogil
    cdef int refill(self) noexcept nogil
    cdef uint64_t behind(self) noexcept nogil       # octets of the source taken
