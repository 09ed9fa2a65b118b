# Entries of a master file: from text to (owner, type, TTL, rdata), RFC 1035 5.1, 2308 4 ($TTL), 3597 5.
#
# Owns: what stands in which order in an entry, origin and TTL in force. Never: other files ($INCLUDE and $GENERATE are handed
# to Python), rdata of rarer types (handed to Python as text), zones.
# Invariant: a call of scan_next either takes a whole entry or, with EV_MORE, takes nothing.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from nsblast._core.fields cimport Origin
from nsblast._core.token cimport Text
from nsblast._core.wire cimport Writer

cdef enum:
    RDATA_OCTETS = 65535            # RFC 1035 3.2.1

cdef enum Event:
    EV_END = 0          # nothing is left
    EV_RR = 1           # a record: owner, type, ttl, rdata
    EV_TEXT = 2         # a record whose rdata Python must read, from `rest`
    EV_INCLUDE = 3      # $INCLUDE; its arguments are in `rest`
    EV_GENERATE = 4     # $GENERATE; the same
    EV_ERROR = 5        # text.expected and what stands beside it tell
    EV_IO = 6           # reading failed: errno in io_error
    EV_MORE = 7         # inside only: the window ends within the entry


cdef struct Scan:
    Text text
    Origin origin
    uint8_t owners[2][256]  # the last owner name as it was written, completed; and room for the next
    uint32_t owner_len      # 0 = none yet
    uint8_t owner           # which of the two
    bint has_default        # $TTL was seen
    uint32_t default_ttl
    bint has_last           # a record stated its TTL
    uint32_t last_ttl
    uint32_t pinned_line    # when not 0: the line all records are said to stand in ($GENERATE)
    bint searching          # only the SOA's owner is wanted: while no origin is known, names in rdata are completed with the root
    bint skipping           # behind an error: go on to the next entry first
    # -- the entry just read
    const uint8_t* mark     # where it begins
    uint32_t line           # where its owner, or its first word, stands
    uint16_t type
    uint32_t ttl
    bint ttl_guessed        # an SOA without any TTL: its minimum was taken
    Text rest               # EV_TEXT, EV_INCLUDE, EV_GENERATE: the text from the first argument on
    Writer rdata


cdef Event scan_next(Scan* s) noexcept nogil
