"""The shared segment's Python door, control's half: commits and the name filter (everybody's half: view.pyx).

Owns: the order in which one commit becomes visible. Never: the store, the meaning of a blob.
A commit: blobs are placed in the arena by stage() or put() where no way leads to them; begin() marks the zones' stripes, from
when on readers of these zones wait; finish() switches all ways in one loop without the GIL and raises head.done. Stage
before begin, and the zones' readers wait for that loop only; switch() is both, with no turn for other threads between them.
What could not be cached (arena full of pins, entry too large) is dropped instead and makes finish() say False once:
the caller then waits until every worker's view of the store has reached the commit, and calls finish() again.
"""

import os

import cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy

from nsblast._core.arena cimport Books, block_forget, block_link, block_place, books_close, books_open, books_read
from nsblast._core.arena cimport books_resume, name_drop, name_unit, pins_release
from nsblast._core.entries cimport entries_prefetch
from nsblast._core.filter cimport FILTER_PER_NAME, filter_maybe, filter_open, filter_publish, filter_set
from nsblast._core.keys cimport NO_APEX, key_read
from nsblast._core.name cimport Name, Seed, hash_apex, name_load
from nsblast._core.shm cimport Block, Bucket, Head, Stripe, fence_full, load64_acquire, store64, store64_release, stripe_of
from nsblast._core.status cimport Status
from nsblast._core.view cimport View
from nsblast._core.wire cimport Reader, Writer, reader_open, reader_take, writer_open

from nsblast._core import filter_file

cdef extern from *:
    """
    #define NSB_READ 0x100      /* PyBUF_READ */
    #define NSB_WRITE 0x200     /* PyBUF_WRITE */
    """
    int NSB_READ
    int NSB_WRITE

cdef enum:
    AHEAD = 8               # changes whose buckets are fetched before they are made


cdef struct Change:         # one name, to be switched by finish()
    uint64_t hash
    uint64_t unit           # the block placed; 0 = drop the name
    const uint8_t* name     # for a drop; the bytes object is held by Segment.held
    uint8_t name_len


@cython.final
@cython.auto_pickle(False)
cdef class Segment(View):
    cdef Books books
    cdef Change* changes
    cdef uint64_t n_changes
    cdef uint64_t changes_room
    cdef uint64_t number        # of the open commit, 0 = none
    cdef uint64_t left_out      # names of the open commit that found no room
    cdef uint64_t build_lines   # of the filter half being built, 0 = none
    cdef uint64_t build_names
    cdef list held              # names of drops
    cdef list floors            # stripes to be raised by finish()

    def __init__(self, fd, *, writer=False):
        View.__init__(self, fd, writer=writer)
        self.held = []
        self.floors = []
        if not writer:
            return
        if not books_open(&self.books, &self.map):
            raise MemoryError("no memory for the writer's books")
        self._read_buckets(fd)

    def __dealloc__(self):
        books_close(&self.books)
        free(self.changes)

    def close(self):
        books_close(&self.books)
        View.close(self)
        self.n_changes = 0
        self.number = 0
        self.build_lines = 0
        self.held.clear()
        self.floors.clear()

    cdef _read_buckets(self, int fd):
        """Rebuild the books from those buckets the file has memory for: the others were never written."""
        cdef uint64_t start = self.map.head.buckets_at
        cdef uint64_t end = start + self.map.n_buckets * sizeof(Bucket)
        cdef uint64_t at = start
        cdef uint64_t hole, first, last
        while at < end:
            try:
                at = os.lseek(fd, at, os.SEEK_DATA)
            except OSError:         # ENXIO: nothing but a hole up to the end
                break
            if at >= end:
                break
            hole = min(os.lseek(fd, at, os.SEEK_HOLE), end)
            first = (at - start) // sizeof(Bucket)
            last = (hole - start) // sizeof(Bucket)
            with nogil:
                books_read(&self.books, first, last)
            at = hole
        books_resume(&self.books)

    # -- checks --------------------------------------------------------------------------------------------------------

    cdef int _writing(self) except -1:
        self._open()
        if not self.writer:
            raise PermissionError("this process only reads the segment")
        return 0

    cdef int _committing(self) except -1:
        self._writing()
        if self.number == 0:
            raise ValueError("no commit is open: begin() comes first")
        return 0

    # -- head ----------------------------------------------------------------------------------------------------------

    @property
    def pinned_bytes(self):
        self._writing()
        return self.books.pins.octets

    def set_seed(self, a, b):
        cdef Head* head
        cdef bint used
        self._writing()
        head = self.map.head
        used = head.entries != 0 or head.filter[0].lines != 0 or head.filter[1].lines != 0 or head.done != 0
        if (head.seed_a, head.seed_b) != (a, b) and used:
            raise ValueError("the segment already serves a database with another seed")
        head.seed_a = a
        head.seed_b = b
        self.books.seed.a = a
        self.books.seed.b = b

    def set_done(self, number):
        self._writing()
        if number < self.map.head.done or self.number:
            raise ValueError(f"commit {number} cannot follow commit {self.number or self.map.head.done} unseen")
        store64_release(&self.map.head.done, number)

    def set_ready(self, ready):
        self._writing()
        store64_release(&self.map.head.ready, 1 if ready else 0)

    def start_scan(self):
        self._writing()
        store64_release(&self.map.head.complete, 0)
        self.books.lost = 0

    def set_complete(self, complete):
        self._writing()
        if not complete:
            self.books.lost += 1    # whoever says so in the middle of a scan has made it worthless
        store64_release(&self.map.head.complete, 1 if complete and self.books.lost == 0 else 0)
        return complete and self.books.lost == 0

    # -- commits -------------------------------------------------------------------------------------------------------

    cdef Change* _change(self) except NULL:
        """Room for one more change."""
        cdef Change* grown
        if self.n_changes == self.changes_room:
            grown = <Change*> realloc(self.changes, (self.changes_room * 2 + 64) * sizeof(Change))
            if grown == NULL:
                raise MemoryError("no memory for a change-set")
            self.changes = grown
            self.changes_room = self.changes_room * 2 + 64
        return self.changes + self.n_changes

    cdef _drop_later(self, uint64_t hash, const Name* name):
        cdef Change* change = self._change()
        cdef bytes wire = PyBytes_FromStringAndSize(<const char*> name.wire, name.len)
        self.held.append(wire)
        change.hash = hash
        change.unit = 0
        change.name = <const uint8_t*> PyBytes_AS_STRING(wire)
        change.name_len = name.len
        self.n_changes += 1

    cdef bint _filter_hash(self, uint64_t hash) noexcept nogil:
        """The name's bits in the active half and in the one being built."""
        cdef Head* head = self.map.head
        cdef uint32_t active = <uint32_t> (head.filter_active & 1)
        cdef bint fresh = False
        if head.filter[active].epoch & 1 == 0 and filter_set(&self.map, active, head.filter[active].lines, hash):
            store64(&head.filter_names, head.filter_names + 1)
            fresh = True
        if self.build_lines and filter_set(&self.map, 1 - active, self.build_lines, hash):
            self.build_names += 1
        return fresh

    def stage(self, bytes name not None, bytes blob not None, *, bint pin=True):
        cdef Name loaded
        cdef Change* change
        cdef uint64_t hash, unit
        self._writing()
        self._load(name, &loaded)
        hash = loaded.hash[loaded.labels]
        if len(blob):
            self._filter_hash(hash)
        change = self._change()
        unit = 0
        if len(blob) < 1 << 31:
            unit = block_place(&self.books, loaded.wire, loaded.len, <const uint8_t*> PyBytes_AS_STRING(blob),
                               <uint32_t> PyBytes_GET_SIZE(blob), pin, True)
        if unit == 0:
            self._drop_later(hash, &loaded)
            self.left_out += 1
            return False
        change.hash = hash
        change.unit = unit
        change.name = NULL
        change.name_len = 0
        self.n_changes += 1
        return True

    def forget_staged(self):
        cdef uint64_t i
        self._writing()
        if self.number:
            raise ValueError(f"commit {self.number} is open: it can only be finished")
        for i in range(self.n_changes):
            if self.changes[i].unit:
                block_forget(&self.books, self.changes[i].unit)
        self.n_changes = 0
        self.left_out = 0
        self.held.clear()

    def begin(self, number, apexes):
        cdef uint64_t n = number
        cdef list stripes = []
        cdef uint32_t i
        self._writing()
        if self.number:
            raise ValueError(f"commit {self.number} is still open")
        if n <= self.map.head.done:
            raise ValueError(f"commit {n} cannot follow commit {self.map.head.done}")
        for apex in apexes:
            stripes.append(stripe_of(self._hash(apex)))
        self.number = n
        for i in stripes:
            store64_release(&self.map.stripes[i].last, n)
        fence_full()

    def put(self, bytes name not None, bytes blob not None, *, bint pin=True):
        self._committing()
        return self.stage(name, blob, pin=pin)

    def evict(self, bytes name not None):
        cdef Name loaded
        self._writing()
        self._load(name, &loaded)
        if self.number:
            self._drop_later(loaded.hash[loaded.labels], &loaded)
        else:
            name_drop(&self.books, loaded.hash[loaded.labels], loaded.wire, loaded.len)
            self.books.dropped = max(self.books.dropped, self.map.head.done)

    def raise_floor(self, apexes):
        cdef list stripes = []
        self._committing()
        for apex in apexes:
            stripes.append(stripe_of(self._hash(apex)))
        self.floors.extend(stripes)
        # Before the floor: what goes stale must not be taken for what does not exist.
        self.books.lost += 1
        store64(&self.map.head.complete, 0)
        fence_full()

    def set_special(self, bytes apex not None, int64_t delta):
        cdef Stripe* stripe
        self._writing()
        stripe = self.map.stripes + stripe_of(self._hash(apex))
        if delta < 0 and <uint64_t> (-delta) > stripe.special:
            raise ValueError(f"set_special({delta}): {stripe.special} special zones are known")
        store64_release(&stripe.special, stripe.special + <uint64_t> delta)
        fence_full()

    cdef void _switch(self) noexcept nogil:
        """Make all changes of the commit."""
        cdef uint64_t i
        cdef Change* change
        for i in range(self.n_changes):
            if i + AHEAD < self.n_changes:
                entries_prefetch(&self.map, self.changes[i + AHEAD].hash)
            change = self.changes + i
            if change.unit:
                if not block_link(&self.books, change.hash, change.unit, self.number):
                    self.left_out += 1
            else:
                name_drop(&self.books, change.hash, change.name, change.name_len)
                # What a store read before this commit says of the name must not come back.
                self.books.dropped = self.number

    def finish(self):
        cdef uint32_t i
        cdef bint plain
        self._committing()
        plain = not self.floors
        with nogil:
            self._switch()
            plain = plain and self.left_out == 0
            if plain:
                # Before the interpreter's lock is asked for: another thread may keep it for milliseconds, and readers wait.
                store64_release(&self.map.head.done, self.number)
        self.n_changes = 0
        self.held.clear()
        if not plain:
            for i in self.floors:
                store64_release(&self.map.stripes[i].floor, self.number)
            self.floors.clear()
            if self.left_out:
                self.left_out = 0
                self.books.lost += 1
                self.books.dropped = self.number
                store64(&self.map.head.complete, 0)
                return False
            store64_release(&self.map.head.done, self.number)
        self.number = 0
        return True

    def switch(self, number, apexes):
        # One call: between two, the interpreter may give its lock to another thread, and the zones' readers wait.
        self.begin(number, apexes)
        return self.finish()

    def release(self, number):
        self._writing()
        pins_release(&self.books, number)

    def warm(self, bytes name not None, bytes blob not None, *, at=None, bint make_room=False):
        cdef Name loaded
        self._writing()
        self._load(name, &loaded)
        return self._warm(&loaded, <const uint8_t*> PyBytes_AS_STRING(blob),
                          <uint32_t> min(PyBytes_GET_SIZE(blob), 1 << 31),
                          self.map.head.done if at is None else at, at is not None, make_room)

    def warm_entries(self, list part not None, uint32_t skip, *, uint64_t at):
        cdef Name loaded
        cdef Reader r
        cdef Writer w
        cdef uint8_t wire[256]
        cdef uint8_t apex, k
        cdef Py_ssize_t i
        cdef bytes key, blob
        cdef bint hidden
        cdef Seed seed
        doubtful = []
        self._writing()
        seed.a = self.map.head.seed_a
        seed.b = self.map.head.seed_b
        for i in range(len(part)):
            key, blob = part[i]
            if PyBytes_GET_SIZE(blob) == 0:
                continue
            reader_open(&r, <const uint8_t*> PyBytes_AS_STRING(key), <uint32_t> PyBytes_GET_SIZE(key))
            reader_take(&r, skip)
            writer_open(&w, wire, 256)
            if key_read(&r, &w, &apex) != Status.OK or apex == NO_APEX \
                    or name_load(&loaded, wire, w.at, &seed) != Status.OK:
                raise ValueError(f"not an owner key: {key!r}")
            hidden = False
            for k in range(apex + 1, loaded.labels + 1):
                hidden = hidden or filter_maybe(&self.map, hash_apex(loaded.hash[k]))
            if hidden:
                doubtful.append(i)
            elif not self._warm(&loaded, <const uint8_t*> PyBytes_AS_STRING(blob),
                                <uint32_t> min(PyBytes_GET_SIZE(blob), 1 << 31), at, True, False):
                return i, doubtful
        return len(part), doubtful

    cdef bint _warm(self, const Name* loaded, const uint8_t* blob, uint32_t size, uint64_t stamp, bint dated, bint make_room):
        """Cache what the store held at commit `stamp`; `dated`: that may be long ago. False when the arena is full."""
        cdef Block* block
        cdef uint64_t hash = loaded.hash[loaded.labels]
        cdef uint64_t unit = name_unit(&self.books, hash, loaded.wire, loaded.len)
        if unit:
            block = <Block*> (self.map.arena + unit * 8)
            if block.stamp >= stamp or (block.pinned and block.stamp > self.map.head.released):
                return True
            if block.blob_len == size and memcmp(<const uint8_t*> block + sizeof(Block) + loaded.len, blob, size) == 0:
                # Still the same, only to be believed again after a bulk change: one store, either value is true.
                block.pinned = 0
                store64_release(&block.stamp, stamp)
                return True
        elif dated and self.books.dropped > stamp:
            self.books.lost += 1    # it may have changed since it was read, and the change been dropped
            return True
        unit = block_place(&self.books, loaded.wire, loaded.len, blob, size, False, make_room)
        if unit:
            # block_place may have cleaned the arena: what the name was found to have may be gone by now.
            block_link(&self.books, hash, unit, stamp)
            return True
        if size:
            self.books.lost += 1
            store64(&self.map.head.complete, 0)
        return make_room or size > self.map.head.log_segment // 2

    # -- filter --------------------------------------------------------------------------------------------------------

    def filter_start(self, names):
        cdef uint64_t n = names
        cdef uint32_t half
        self._writing()
        half = <uint32_t> (1 - self.map.head.filter_active & 1)
        with nogil:
            self.build_lines = filter_open(&self.map, half, n)
        self.build_names = 0

    def filter_add(self, names):
        self._writing()
        for name in names:
            self._filter_hash(self._hash(name))

    def filter_add_hashes(self, bytes hashes not None):
        cdef const uint8_t* p = <const uint8_t*> PyBytes_AS_STRING(hashes)
        cdef uint64_t i, hash
        cdef uint64_t count = <uint64_t> PyBytes_GET_SIZE(hashes) // 8
        self._writing()
        if len(hashes) % 8:
            raise ValueError(f"{len(hashes)} octets are no array of 64-bit hashes")
        with nogil:
            for i in range(count):
                memcpy(&hash, p + i * 8, 8)
                self._filter_hash(hash)

    def filter_add_apex(self, bytes apex not None):
        self._writing()
        self._filter_hash(hash_apex(self._hash(apex)))

    def filter_switch(self):
        self._writing()
        if self.build_lines == 0:
            raise ValueError("no filter is being built: filter_start() comes first")
        filter_publish(&self.map, <uint32_t> (1 - self.map.head.filter_active & 1), self.build_lines, self.build_names)
        self.build_lines = 0

    @property
    def filter_worn(self):
        cdef Head* head
        self._open()
        head = self.map.head
        lines = head.filter[head.filter_active & 1].lines
        return 0 < lines < head.filter_size // 64 and head.filter_names > lines * 512 // FILTER_PER_NAME

    def filter_save(self, path):
        cdef Head* head
        cdef uint32_t half
        self._open()
        head = self.map.head
        half = <uint32_t> (head.filter_active & 1)
        if head.filter[half].lines == 0 or head.filter[half].epoch & 1:
            raise ValueError("no filter is built")
        # The number first: bits added while it is written do no harm, missing ones would.
        filter_file.save(
            path, filter_file.Title(head.seed_a, head.seed_b, load64_acquire(&head.done), head.filter_names),
            PyMemoryView_FromMemory(<char*> self.map.base + head.filter[half].offset,
                                    <Py_ssize_t> (head.filter[half].lines * 64), NSB_READ))

    def filter_load(self, path):
        cdef Head* head
        cdef uint32_t half
        self._writing()
        head = self.map.head
        half = <uint32_t> (1 - head.filter_active & 1)
        self.build_lines = 0
        filter_open(&self.map, half, 0)
        title = filter_file.load(
            path, (head.seed_a, head.seed_b),
            PyMemoryView_FromMemory(<char*> self.map.base + head.filter[half].offset, <Py_ssize_t> head.filter_size,
                                    NSB_WRITE))
        if title is None:
            return 0
        filter_publish(&self.map, half, title.lines, title.names)
        return title.number
