# Records of one zone sorted by owner name in bounded memory: an arena of blocks, sorted runs in a temporary file, their merge.
#
# Owns: blocks (one owner name and records that came one after the other), their order. Never: what records mean, names of files.
# A block is a BlockHead, the key, the owner name as spelled, then records, each a RecordHead and its rdata; nothing is
# aligned. Key: the owner key (keys.pxd) without the apex and its separator; empty for the apex itself.
# Blocks come out in ascending key order; those of one key in the order they came in.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    ARENA_LEAST = 524288        # octets: room for any one record
    WRITE_OCTETS = 1048576      # written to the temporary file at once

cdef enum PutResult:
    PUT_OK = 0
    PUT_FULL = 1                # spill() first, then again
    PUT_FOREIGN = 2             # not a name at or below the apex


cdef struct BlockHead:
    uint32_t size               # octets of all records together
    uint16_t key_len
    uint8_t name_len            # 1..255
    uint8_t wild                # 1: holds no records, says that "*" exists below this name


cdef struct RecordHead:
    uint32_t ttl
    uint32_t line               # where it stood
    uint16_t file               # in which file, by the caller's count
    uint16_t type
    uint16_t length             # octets of rdata
    uint16_t unused


cdef struct Slot:               # what is sorted
    uint64_t prefix             # eight octets of the key, the first ones at the start
    uint64_t at                 # offset of the block in the arena


cdef struct Cursor:             # reads one run
    const uint8_t* block        # the one it stands on; NULL = at its end
    const uint8_t* end          # of a run in the file; unused for the arena
    const Slot* slot            # of the arena; NULL for a run in the file
    size_t left                 # slots behind this one


cdef class Runs:
    cdef uint8_t* arena
    cdef size_t size            # octets of the arena: blocks from its start upwards, slots from its end downwards
    cdef size_t used
    cdef size_t slots
    cdef size_t last            # offset of the last block, when `slots` is not 0
    cdef uint8_t apex_key[512]  # owner key of the apex, with its separator
    cdef uint32_t apex_key_len
    cdef uint8_t apex_labels
    cdef int fd                 # of the temporary file, closed with this object; -1 = none yet
    cdef uint64_t spilled       # octets in it
    cdef uint64_t* run_ends     # where each run ends in it
    cdef uint32_t runs
    cdef uint8_t* mapped        # the temporary file while it is read
    cdef Cursor* cursors
    cdef uint32_t* heap         # run numbers, the one with the least block first
    cdef uint32_t heaped
    cdef PutResult put(self, const uint8_t* owner, uint32_t owner_len, const RecordHead* head, const uint8_t* rdata) noexcept nogil
    cdef void unmap(self) noexcept nogil
    cdef bint fits(self, size_t octets) noexcept nogil
    cdef void begin(self, const uint8_t* key, uint32_t key_len, const uint8_t* name, uint32_t name_len, bint wild) noexcept nogil
    cdef void begin_above_asterisks(self, const uint8_t* key, uint32_t key_len, const uint8_t* name, uint32_t name_len) noexcept nogil
    cdef Slot* sorted_slots(self) noexcept nogil
    cdef int write_out(self, const uint8_t* p, size_t n) noexcept nogil
    cdef bint before(self, uint32_t a, uint32_t b) noexcept nogil
    cdef void sink(self, uint32_t i) noexcept nogil
    # Sort what is in memory and write it behind what is in the file: 0, or errno. fd must be set.
    cdef int spill(self) noexcept nogil
    # No more records: make ready to be read, and read from the start. 0, or errno.
    cdef int rewind(self) noexcept nogil
    # The block next in order, or NULL; and go on to the one behind it.
    cdef const uint8_t* peek(self) noexcept nogil
    cdef void advance(self) noexcept nogil


cdef inline const uint8_t* block_key(const uint8_t* block) noexcept nogil:
    return block + sizeof(BlockHead)
