# The writer's half of the entry cache: where blocks go, which go away, how a bucket is changed under its readers.
#
# Owns: the log of the arena, its cleaning, pins, the buckets' ways. Never: commits and zones (segment.pyx), Python.
# The arena is a log of equal segments. A block is appended to the current one; when all but one are taken, the oldest is
# cleaned: blocks nobody used since the last round go, used and pinned ones move to the front (the segment kept back has
# room for all of them). Memory is only written again after every way to it has been changed under its bucket's version.
# The books are private and rebuilt from the buckets when a writer attaches: whatever a killed writer left half done is a
# block no way leads to, an odd version whose ways are each the old or the new one, or an overflow count that is too high.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from nsblast._core.name cimport Seed
from nsblast._core.pins cimport PinList
from nsblast._core.shm cimport Map

cdef enum:
    LOG_HEAD = 16           # octets before a log segment's first block: its number, and room
    BLOB_MAX = 4194304      # octets of the largest blob that is cached


cdef struct LogSegment:
    uint64_t number         # when it was begun, ascending; 0 = free
    uint32_t fill           # octets in use, dead blocks and LOG_HEAD included
    uint32_t live           # octets of blocks a way leads to
    uint32_t staged         # blocks placed and not yet linked: not to be cleaned


cdef struct Books:
    Map map
    Seed seed
    LogSegment* log
    uint32_t segments
    uint32_t free           # segments without a live block, the current one not counted
    uint32_t current        # appended to; == segments: none yet
    uint64_t number         # of the segment begun last
    PinList pins            # which commits keep how much
    uint64_t dropped        # highest stamp of a block that was dropped for want of room
    uint64_t lost           # existing entries dropped, evicted or never placed since a scan of all began


# Books over a map that control may write. False: no memory.
cdef bint books_open(Books* books, const Map* map) noexcept nogil
cdef void books_close(Books* books) noexcept nogil
# Take what buckets first..last-1 hold into the books, and mend them; when all were read, books_resume.
cdef void books_read(Books* books, uint64_t first, uint64_t last) noexcept nogil
cdef void books_resume(Books* books) noexcept nogil

# Write a block that no way leads to yet; its offset in units of 8 octets, 0 = no room (or too large, or too much is pinned).
# Without make_room nothing is dropped for it.
cdef uint64_t block_place(Books* books, const uint8_t* name, uint8_t length, const uint8_t* blob, uint32_t blob_len,
                          bint pin, bint make_room) noexcept nogil
# Make a placed block the name's entry, true at commit `stamp`. False: no way free, the block and the name's old one are gone.
cdef bint block_link(Books* books, uint64_t hash, uint64_t unit, uint64_t stamp) noexcept nogil
# Give a placed block up.
cdef void block_forget(Books* books, uint64_t unit) noexcept nogil
# The name is no longer cached: True when it was.
cdef bint name_drop(Books* books, uint64_t hash, const uint8_t* name, uint8_t length) noexcept nogil
# The unit of the name's block, 0 = not cached.
cdef uint64_t name_unit(const Books* books, uint64_t hash, const uint8_t* name, uint8_t length) noexcept nogil
# Pins of commits up to this one go.
cdef void pins_release(Books* books, uint64_t commit) noexcept nogil
