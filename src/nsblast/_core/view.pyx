"""The shared segment as any process may look at it: its making, head, entries, counters (face: view.pxd).

Owns: making and mapping for Python, reading entries as a worker does. Never: changes an entry or the filter (segment.pyx).
"""

import fcntl
import os

import cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from posix.mman cimport PROT_READ, PROT_WRITE, mprotect
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from nsblast._core.entries cimport Seen, entries_find, entries_stood_still
from nsblast._core.filter cimport filter_maybe
from nsblast._core.name cimport Name, Seed, hash_apex, name_load
from nsblast._core.shm cimport COUNT_CONNECTIONS, MAP_READ, MAP_WRITE, Head, WorkerSlot, fence_acquire, layout_plan, load64, load64_acquire
from nsblast._core.shm cimport map_close, map_gather, map_open, map_slot, store64, store64_release, stripe_of
from nsblast._core.stats cimport miss_take, stats_add, stats_alive, stats_dict
from nsblast._core.status cimport Status


@cython.auto_pickle(False)
cdef class View:

    @staticmethod
    def create(cache_size, workers, name="nsblast"):
        cdef Head head
        cdef uint64_t size = cache_size
        if not 1 <= workers <= 256:
            raise ValueError(f"{workers} workers: expected 1 to 256")
        if not layout_plan(&head, size, workers):
            least = size
            while not layout_plan(&head, least, workers):
                least += 1 << 18
            raise ValueError(f"a cache of {cache_size} octets is too small for {workers} workers: it takes {least}")
        fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(fd, head.size)
            os.pwrite(fd, PyBytes_FromStringAndSize(<char*> &head, sizeof(Head)), 0)
            # Nobody can cut the file under the mappings of the others.
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def __init__(self, fd, *, writer=False):
        cdef Status status
        if self.map.base != NULL:
            raise ValueError("the segment is already mapped")
        status = map_open(&self.map, fd, MAP_WRITE if writer else MAP_READ)
        if status == Status.ABSENT:
            raise MemoryError("the shared segment could not be mapped")
        if status != Status.OK:
            raise ValueError("not a shared segment of this version")
        self.writer = writer
        if not writer and mprotect(self.map.base + self.map.head.workers_at,
                                   self.map.head.workers * self.map.head.worker_size, PROT_READ | PROT_WRITE) != 0:
            map_close(&self.map)
            raise MemoryError("the workers' slots could not be mapped")

    def __dealloc__(self):
        map_close(&self.map)

    def close(self):
        map_close(&self.map)

    cdef int _open(self) except -1:
        if self.map.base == NULL:
            raise ValueError("the segment is closed")
        return 0

    cdef int _load(self, bytes wire, Name* name) except -1:
        cdef Seed seed
        seed.a = self.map.head.seed_a
        seed.b = self.map.head.seed_b
        if name_load(name, <const uint8_t*> PyBytes_AS_STRING(wire), <uint32_t> min(PyBytes_GET_SIZE(wire), 256),
                     &seed) != Status.OK:
            raise ValueError(f"not a name in wire form: {wire!r}")
        return 0

    cdef uint64_t _hash(self, bytes wire) except? 0:
        cdef Name name
        self._load(wire, &name)
        return name.hash[name.labels]

    @property
    def done(self):
        self._open()
        return load64_acquire(&self.map.head.done)

    @property
    def seed(self):
        self._open()
        return self.map.head.seed_a, self.map.head.seed_b

    @property
    def ready(self):
        self._open()
        return load64(&self.map.head.ready) == 1

    @property
    def complete(self):
        self._open()
        return load64(&self.map.head.complete) == 1

    @property
    def pressed(self):
        self._open()
        return load64(&self.map.head.pressure) == 1

    def gather(self, part):
        cdef uint64_t n = part
        cdef int done
        self._open()
        with nogil:
            done = map_gather(&self.map, n)
        return done

    # -- reading -------------------------------------------------------------------------------------------------------

    def read(self, bytes name not None):
        return self.read_together(name, (name,))[0]

    def read_together(self, bytes apex not None, names):
        cdef Name loaded
        cdef Seen seen
        cdef list proofs
        cdef uint64_t done
        cdef uint32_t stripe
        cdef uint32_t _turn
        cdef Status status = Status.OK
        cdef bint held
        self._open()
        stripe = stripe_of(self._hash(apex))
        for _turn in range(1000):
            proofs = []
            blobs = []
            done = load64_acquire(&self.map.head.done)
            for name in names:
                self._load(name, &loaded)
                status = entries_find(&self.map, loaded.hash[loaded.labels], loaded.wire, loaded.len, &seen)
                if status == Status.BUSY:
                    break
                if status == Status.ABSENT:
                    blobs.append(None)
                    continue
                blobs.append(PyBytes_FromStringAndSize(<const char*> seen.blob, seen.blob_len))
                proofs.append(PyBytes_FromStringAndSize(<const char*> &seen, sizeof(Seen)))
            held = status != Status.BUSY
            fence_acquire()
            for proof in proofs:
                memcpy(&seen, PyBytes_AS_STRING(proof), sizeof(Seen))
                held = held and entries_stood_still(&seen)
            if held and load64(&self.map.stripes[stripe].last) <= done:
                return blobs
        raise BlockingIOError("the zone is being changed")

    def filter_maybe(self, bytes name not None):
        self._open()
        return filter_maybe(&self.map, self._hash(name))

    def filter_maybe_apex(self, bytes apex not None):
        self._open()
        return filter_maybe(&self.map, hash_apex(self._hash(apex)))

    # -- workers -------------------------------------------------------------------------------------------------------

    cdef WorkerSlot* _slot(self, index) except NULL:
        cdef WorkerSlot* slot
        self._open()
        slot = map_slot(&self.map, index) if 0 <= index < self.map.head.workers else NULL
        if slot == NULL:
            raise IndexError(f"worker {index}: there are {self.map.head.workers}")
        return slot

    def worker_register(self, index, pid, position):
        cdef WorkerSlot* slot = self._slot(index)
        store64(&slot.connections[1], 0)        # open connections died with the worker before
        store64(&slot.starts, slot.starts + 1)
        store64_release(&slot.position, position)
        store64_release(&slot.pid, pid)

    def worker_leave(self, index):
        store64_release(&self._slot(index).pid, 0)

    def worker_alive(self, index, connections=()):
        cdef WorkerSlot* slot = self._slot(index)
        cdef uint32_t i
        cdef int64_t moved
        cdef timespec now
        clock_gettime(CLOCK_MONOTONIC, &now)
        stats_alive(slot, <uint64_t> now.tv_sec * 1000000000 + <uint64_t> now.tv_nsec)
        for i, moved in enumerate(connections):
            stats_add(&slot.connections[i % COUNT_CONNECTIONS], <uint64_t> moved)

    def worker_position(self, index, position):
        store64_release(&self._slot(index).position, position)

    def worker_positions(self):
        cdef WorkerSlot* slot
        cdef uint64_t i
        self._open()
        positions = {}
        for i in range(self.map.head.workers):
            slot = map_slot(&self.map, i)
            if load64_acquire(&slot.pid):
                positions[i] = load64_acquire(&slot.position)
        return positions

    def worker_stats(self, index):
        return stats_dict(self._slot(index))

    def drain_misses(self, limit=1000):
        cdef uint8_t name[256]
        cdef uint32_t length
        cdef uint64_t i
        self._open()
        names = {}
        for i in range(self.map.head.workers):
            while len(names) < limit:
                length = miss_take(&self.map, map_slot(&self.map, i), name)
                if length == 0:
                    break
                names[PyBytes_FromStringAndSize(<char*> name, length)] = None
        return list(names)

    def stats(self):
        cdef Head* head
        self._open()
        head = self.map.head
        active = head.filter_active & 1
        return {
            "size": head.size,
            "done": load64_acquire(&head.done),
            "released": load64(&head.released),
            "ready": load64(&head.ready),
            "complete": load64(&head.complete),
            "pressure": load64(&head.pressure),
            "entries": load64(&head.entries),
            "entries_room": head.buckets * 7,
            "evictions": load64(&head.evictions),
            "arena_used": load64(&head.arena_used),
            "arena_size": head.arena_size,
            "arena_segment": head.log_segment,
            "filter_names": load64(&head.filter_names),
            "filter_room": load64(&head.filter[active].lines) * 512 // 12,
            "workers": head.workers,
        }
