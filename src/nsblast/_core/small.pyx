"""Small zone files, each taken in one go: what most files of a folder with very many are.

Owns: reading many of them without the GIL, the short way through scanner and collector, in two passes over the text (the apex,
then all). Never: which files, directives that lead to other text, messages. What is not right in all, or needs Python on its way,
is None: the long way (zones.zonefile) takes it up from the start and says what is wrong. RFC 1035 5, 5.2.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free, malloc

from nsblast._core.collect cimport Collector
from nsblast._core.entry cimport EV_END, EV_RR, Event
from nsblast._core.proto cimport TYPE_SOA
from nsblast._core.scan cimport Scanner

from nsblast._core.collect import ZoneFault as _ZoneFault

cdef extern from "fcntl.h" nogil:
    int c_open "open"(const char* path, int flags)
    enum:
        O_RDONLY
        O_CLOEXEC
        O_NONBLOCK

cdef extern from "unistd.h" nogil:
    ssize_t c_read "read"(int fd, void* to, size_t n)
    int c_close "close"(int fd)

cdef extern from "sys/stat.h" nogil:
    struct stat_t "stat":
        uint32_t st_mode
        long long st_size
    int fstat(int fd, stat_t* out)
    bint S_ISREG(uint32_t mode)

cdef enum:
    ROOM = 65536            # octets for the records of a file, and those for each octet of it
    ROOM_OCTET = 32


def read_files(list paths not None, size_t most) -> list:
    """Contents of each (bytes) path; None for what is no ordinary file, is empty, has more octets than `most` or cannot be read."""
    cdef Py_ssize_t n = len(paths), i
    cdef const char** names = <const char**> malloc(n * sizeof(char*) + 1)
    cdef ssize_t* sizes = <ssize_t*> malloc(n * sizeof(ssize_t) + 1)
    cdef uint8_t* octets = <uint8_t*> malloc(n * most + 1)
    try:
        if names == NULL or sizes == NULL or octets == NULL:
            raise MemoryError
        for i in range(n):
            names[i] = PyBytes_AS_STRING(<bytes?> paths[i])
        with nogil:
            for i in range(n):
                sizes[i] = read_whole(names[i], octets + i * most, most)
        return [PyBytes_FromStringAndSize(<const char*> octets + i * most, sizes[i]) if sizes[i] > 0 else None for i in range(n)]
    finally:
        free(names)
        free(sizes)
        free(octets)


cdef ssize_t read_whole(const char* path, uint8_t* to, size_t most) noexcept nogil:
    """Octets read; -1 when that is not the whole file."""
    cdef stat_t status
    cdef ssize_t got = -1
    cdef int fd = c_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if fd < 0:
        return -1
    if fstat(fd, &status) == 0 and S_ISREG(status.st_mode) and status.st_size <= <long long> most:
        got = c_read(fd, to, most)
        if got != status.st_size:
            got = -1
    c_close(fd)
    return got


def read_small(bytes text not None, bytes origin=None):
    """(apex, records read, [(owner key, entry blob), ...] ascending), or None. origin: as zones.collect.read_zone has it."""
    cdef Event event = EV_RR
    cdef bytes apex = origin
    cdef list out = []
    cdef list part
    cdef Scanner scanner
    cdef Collector collector
    if origin is None:
        scanner = Scanner(text, searching=True)
        with nogil:
            while event == EV_RR:
                event = scanner.step()
                if event == EV_RR and scanner.scan.type == TYPE_SOA:
                    break
        if event != EV_RR:
            return None
        apex = lower_name(scanner.scan.owners[scanner.scan.owner], scanner.scan.owner_len)
    else:
        apex = lower_name(<const uint8_t*> PyBytes_AS_STRING(origin), <uint32_t> len(origin))
    scanner = Scanner(text, origin=origin if origin is not None else apex)
    collector = Collector(apex, memory=ROOM + ROOM_OCTET * <size_t> len(text))
    if collector.feed(scanner, 0, <unsigned long long> len(text) + 1) != <int> EV_END:
        return None
    collector.bare = True
    try:
        collector.rewind()
        while True:
            part = collector.entries(1024)
            if not part:
                return apex, collector.records, out
            out += part
    except _ZoneFault:
        return None


cdef bytes lower_name(const uint8_t* name, uint32_t length):
    """A name in lower case; lengths of labels lie below the letters."""
    cdef bytes out = PyBytes_FromStringAndSize(<const char*> name, length)
    cdef uint8_t* p = <uint8_t*> PyBytes_AS_STRING(out)
    cdef uint32_t i
    for i in range(length):
        if p[i] >= c'A' and p[i] <= c'Z':
            p[i] += 32
    return out
