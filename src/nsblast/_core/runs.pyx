"""Records of one zone sorted by owner name in bounded memory. The face and its promises: runs.pxd."""

from libc.errno cimport EINTR, ENOMEM, errno
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort, realloc
from libc.string cimport memchr, memcmp, memcpy
from posix.mman cimport MAP_FAILED, MAP_PRIVATE, PROT_READ, mmap, munmap
from posix.unistd cimport close, write

from nsblast._core.keys cimport KEY_OCTETS, key_write
from nsblast._core.shm cimport prefetch
from nsblast._core.status cimport OK
from nsblast._core.wire cimport Writer, writer_open

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    /* Eight octets as a number that orders as they do; what is behind the end counts as zero. */
    static inline uint64_t nsb_prefix(const uint8_t *p, size_t n) {
        uint64_t v = 0;
        memcpy(&v, p, n < 8 ? n : 8);
        return __builtin_bswap64(v);
    }
    """
    uint64_t prefix_of "nsb_prefix"(const uint8_t*, size_t) noexcept nogil


cdef enum:
    AHEAD = 8               # blocks asked for before they are needed


cdef inline BlockHead head_of(const uint8_t* block) noexcept nogil:
    cdef BlockHead head
    memcpy(&head, block, sizeof(BlockHead))
    return head


cdef inline size_t block_size(const BlockHead* head) noexcept nogil:
    return sizeof(BlockHead) + head.key_len + head.name_len + head.size


cdef uint32_t asterisks(const uint8_t* name, uint32_t n) noexcept nogil:
    """Labels that may be "*": a bound from above, and 0 for nearly all names."""
    cdef uint32_t count = 0
    cdef const uint8_t* end = name + n
    cdef const uint8_t* p = <const uint8_t*> memchr(name, c'*', n)
    while p != NULL:
        count += 1
        p = <const uint8_t*> memchr(p + 1, c'*', end - p - 1)
    return count


cdef int compare_keys(const uint8_t* a, const uint8_t* b) noexcept nogil:
    cdef BlockHead x = head_of(a)
    cdef BlockHead y = head_of(b)
    cdef int c = memcmp(block_key(a), block_key(b), x.key_len if x.key_len < y.key_len else y.key_len)
    return c if c else (x.key_len > y.key_len) - (x.key_len < y.key_len)


cdef int compare_slots(const void* a, const void* b) noexcept nogil:
    cdef const Slot* x = <const Slot*> a
    cdef const Slot* y = <const Slot*> b
    if x.prefix != y.prefix:
        return -1 if x.prefix < y.prefix else 1
    return -1 if x.at < y.at else 1


cdef bint in_order(const uint8_t* arena, const Slot* slots, size_t n) noexcept nogil:
    """Do the keys ascend already, those of one key in order of arrival? Prefixes are the first eight octets."""
    cdef size_t i
    cdef int c
    for i in range(1, n):
        if slots[i - 1].prefix > slots[i].prefix:
            return False
        if slots[i - 1].prefix == slots[i].prefix:
            c = compare_keys(arena + slots[i - 1].at, arena + slots[i].at)
            if c > 0 or (c == 0 and slots[i - 1].at > slots[i].at):
                return False
    return True


cdef void sort_slots(const uint8_t* arena, Slot* slots, size_t n, uint32_t depth) noexcept nogil:
    """Sort slots whose keys agree in their first `depth` octets; prefixes are those behind. Eight octets at a time, so
    that keys are looked up in the arena once a level and not once a comparison."""
    cdef size_t first = 0, i, j
    cdef BlockHead head
    qsort(slots, n, sizeof(Slot), compare_slots)
    while first < n:
        i = first + 1
        while i < n and slots[i].prefix == slots[first].prefix:
            i += 1
        # A key never holds two zero octets in a row: when one ends before the prefix does, all of them end there. One that
        # ends with the prefix may be followed by longer ones.
        head = head_of(arena + slots[first].at)
        if i - first > 1 and head.key_len >= depth + 8:
            for j in range(first, i):
                if j + AHEAD < i:
                    prefetch(arena + slots[j + AHEAD].at)
                head = head_of(arena + slots[j].at)
                slots[j].prefix = prefix_of(block_key(arena + slots[j].at) + depth + 8, head.key_len - depth - 8)
            sort_slots(arena, slots + first, i - first, depth + 8)
        first = i


cdef class Runs:
    """Records of one zone, sorted by owner name."""

    def __cinit__(self):
        self.fd = -1

    def __init__(self, bytes apex not None, size_t size):
        cdef Writer w
        cdef uint8_t labels = 0
        cdef const uint8_t* p = apex
        free(self.arena)
        self.size = size if size > ARENA_LEAST else ARENA_LEAST
        self.arena = <uint8_t*> malloc(self.size)   # untouched pages cost nothing
        if self.arena == NULL:
            raise MemoryError
        self.size -= self.size % sizeof(Slot)
        while p[0]:
            labels += 1
            p += p[0] + 1
        self.apex_labels = labels
        writer_open(&w, self.apex_key, sizeof(self.apex_key))
        if key_write(&w, apex, <uint32_t> len(apex), labels) != OK:
            raise ValueError(f"not a name in wire form: {apex!r}")
        self.apex_key_len = w.at

    def __dealloc__(self):
        self.unmap()
        if self.fd >= 0:
            close(self.fd)
        free(self.arena)
        free(self.run_ends)
        free(self.cursors)
        free(self.heap)

    cdef void unmap(self) noexcept nogil:
        if self.mapped != NULL:
            munmap(self.mapped, self.spilled)
            self.mapped = NULL

    cdef bint fits(self, size_t octets) noexcept nogil:
        return self.used + octets + (self.slots + 2) * sizeof(Slot) <= self.size

    cdef void begin(self, const uint8_t* key, uint32_t key_len, const uint8_t* name, uint32_t name_len, bint wild) noexcept nogil:
        """A new block; there is room."""
        cdef BlockHead head
        cdef Slot* slot
        cdef uint8_t* p = self.arena + self.used
        head.size = 0
        head.key_len = <uint16_t> key_len
        head.name_len = <uint8_t> name_len
        head.wild = wild
        memcpy(p, &head, sizeof(BlockHead))
        memcpy(p + sizeof(BlockHead), key, key_len)
        memcpy(p + sizeof(BlockHead) + key_len, name, name_len)
        self.slots += 1
        slot = <Slot*> (self.arena + self.size) - self.slots
        slot.prefix = prefix_of(key, key_len)
        slot.at = self.used
        self.last = self.used
        self.used += sizeof(BlockHead) + key_len + name_len

    cdef void begin_above_asterisks(self, const uint8_t* key, uint32_t key_len, const uint8_t* name, uint32_t name_len) noexcept nogil:
        """Note for every "*" in a name (RFC 4592 2.2.2: it exists by what lies below it) the name above it, within the zone."""
        cdef uint32_t at = 0
        cdef uint32_t i
        cdef bint wild
        while key_len:
            wild = name[at] == 1 and name[at + 1] == c'*'
            key_len -= 1
            for i in range(at + 1, at + 1 + <uint32_t> name[at]):
                key_len -= 2 if name[i] <= 1 else 1
            at += 1 + <uint32_t> name[at]
            if wild:
                self.begin(key, key_len, name + at, name_len - at, True)

    cdef PutResult put(self, const uint8_t* owner, uint32_t owner_len, const RecordHead* head, const uint8_t* rdata) noexcept nogil:
        cdef BlockHead block
        cdef Writer w
        cdef uint8_t key[512]
        cdef uint8_t* p
        cdef const uint8_t* rest
        cdef uint32_t rest_len, wilds
        cdef size_t need = sizeof(RecordHead) + head.length
        cdef bint same = False
        if self.slots:
            block = head_of(self.arena + self.last)
            same = (not block.wild and block.name_len == owner_len
                    and memcmp(self.arena + self.last + sizeof(BlockHead) + block.key_len, owner, owner_len) == 0)
        if not same:
            writer_open(&w, key, KEY_OCTETS)
            if key_write(&w, owner, owner_len, self.apex_labels) != OK or w.at < self.apex_key_len:
                return PUT_FOREIGN
            if memcmp(key, self.apex_key, self.apex_key_len) != 0:
                return PUT_FOREIGN
            rest = key + self.apex_key_len
            rest_len = w.at - self.apex_key_len
            wilds = asterisks(owner, owner_len)
            if not self.fits(need + (1 + wilds) * (sizeof(BlockHead) + rest_len + owner_len + sizeof(Slot))):
                return PUT_FULL
            if wilds:
                self.begin_above_asterisks(rest, rest_len, owner, owner_len)
            self.begin(rest, rest_len, owner, owner_len, False)
        elif not self.fits(need):
            return PUT_FULL
        p = self.arena + self.used
        memcpy(p, head, sizeof(RecordHead))
        memcpy(p + sizeof(RecordHead), rdata, head.length)
        self.used += need
        block = head_of(self.arena + self.last)
        block.size += <uint32_t> need
        memcpy(self.arena + self.last, &block, sizeof(BlockHead))
        return PUT_OK

    cdef Slot* sorted_slots(self) noexcept nogil:
        """Slots in order; they were laid down from the end of the arena downwards."""
        cdef Slot* first = <Slot*> (self.arena + self.size) - self.slots
        cdef Slot* low = first
        cdef Slot* high = first + self.slots
        cdef Slot swap
        while low + 1 < high:
            high -= 1
            swap = low[0]
            low[0] = high[0]
            high[0] = swap
            low += 1
        if not in_order(self.arena, first, self.slots):
            sort_slots(self.arena, first, self.slots, 0)
        return first

    cdef int spill(self) noexcept nogil:
        cdef Slot* slots = self.sorted_slots()
        cdef uint8_t* buffer = <uint8_t*> malloc(WRITE_OCTETS)
        cdef uint64_t* ends = <uint64_t*> realloc(self.run_ends, (self.runs + 1) * sizeof(uint64_t))
        cdef size_t filled = 0, i, n, piece
        cdef const uint8_t* p
        cdef BlockHead head
        cdef int error = 0
        if ends != NULL:
            self.run_ends = ends
        if buffer == NULL or ends == NULL:
            free(buffer)
            return ENOMEM
        for i in range(self.slots):
            p = self.arena + slots[i].at
            head = head_of(p)
            n = block_size(&head)
            while n and not error:
                piece = WRITE_OCTETS - filled if n > WRITE_OCTETS - filled else n
                memcpy(buffer + filled, p, piece)
                filled += piece
                p += piece
                n -= piece
                if filled == WRITE_OCTETS:
                    error = self.write_out(buffer, filled)
                    filled = 0
        if not error:
            error = self.write_out(buffer, filled)
        free(buffer)
        if error:
            return error
        self.run_ends[self.runs] = self.spilled
        self.runs += 1
        self.used = self.slots = 0
        return 0

    cdef int write_out(self, const uint8_t* p, size_t n) noexcept nogil:
        cdef ssize_t done
        while n:
            done = write(self.fd, p, n)
            if done < 0:
                if errno == EINTR:
                    continue
                return errno
            p += done
            n -= <size_t> done
            self.spilled += <uint64_t> done
        return 0

    cdef int rewind(self) noexcept nogil:
        cdef uint32_t i
        cdef int error
        cdef void* p
        cdef uint64_t start = 0
        if self.cursors == NULL:                # the first time: put everything in order
            if self.runs and self.slots:
                error = self.spill()
                if error:
                    return error
            self.cursors = <Cursor*> calloc(self.runs + 1, sizeof(Cursor))
            self.heap = <uint32_t*> calloc(self.runs + 1, sizeof(uint32_t))
            if self.cursors == NULL or self.heap == NULL:
                return ENOMEM
            if self.runs:
                free(self.arena)
                self.arena = NULL
                p = mmap(NULL, self.spilled, PROT_READ, MAP_PRIVATE, self.fd, 0)
                if p == MAP_FAILED:
                    return errno
                self.mapped = <uint8_t*> p
            else:
                self.sorted_slots()
        self.heaped = 0
        if not self.runs:
            if self.slots:
                self.cursors[0].slot = <Slot*> (self.arena + self.size) - self.slots
                self.cursors[0].left = self.slots - 1
                self.cursors[0].block = self.arena + self.cursors[0].slot.at
                self.heap[0] = 0
                self.heaped = 1
            return 0
        for i in range(self.runs):
            self.cursors[i].slot = NULL
            self.cursors[i].block = self.mapped + start
            start = self.run_ends[i]
            self.cursors[i].end = self.mapped + start
            self.heap[i] = i
        self.heaped = self.runs
        i = self.heaped // 2
        while i:
            i -= 1
            self.sink(i)
        return 0

    cdef bint before(self, uint32_t a, uint32_t b) noexcept nogil:
        """Does run a's block come before run b's?"""
        cdef int c = compare_keys(self.cursors[a].block, self.cursors[b].block)
        return c < 0 or (c == 0 and a < b)

    cdef void sink(self, uint32_t i) noexcept nogil:
        """Restore the heap below position i."""
        cdef uint32_t child, run = self.heap[i]
        while True:
            child = 2 * i + 1
            if child >= self.heaped:
                break
            if child + 1 < self.heaped and self.before(self.heap[child + 1], self.heap[child]):
                child += 1
            if not self.before(self.heap[child], run):
                break
            self.heap[i] = self.heap[child]
            i = child
        self.heap[i] = run

    cdef const uint8_t* peek(self) noexcept nogil:
        return self.cursors[self.heap[0]].block if self.heaped else NULL

    cdef void advance(self) noexcept nogil:
        cdef Cursor* c
        cdef BlockHead head
        if not self.heaped:
            return
        c = &self.cursors[self.heap[0]]
        if c.slot != NULL:
            if c.left == 0:
                self.heaped = 0
                return
            c.left -= 1
            c.slot += 1
            if c.left >= AHEAD:         # blocks lie in order of arrival: each is a cache miss unless asked for in time
                prefetch(self.arena + c.slot[AHEAD].at)
                prefetch(self.arena + c.slot[AHEAD].at + 64)
            c.block = self.arena + c.slot.at
            return
        head = head_of(c.block)
        c.block += block_size(&head)
        if c.block >= c.end:
            self.heaped -= 1
            if not self.heaped:
                return
            self.heap[0] = self.heap[self.heaped]
        self.sink(0)
