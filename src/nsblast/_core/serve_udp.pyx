"""One UDP socket: a batch of datagrams through respond, from recvmmsg to sendmmsg without the GIL.

A batch goes in passes (decode and hash; prefetch; answer), so that memory latency is paid once and not per packet.
Answers are sent before anybody waits for the store: packets with a MISS (or whose zone is being replaced) are parked
with a copy of their datagram until Python calls retry(). Owns: buffers, parking. Never: what an answer says.
While the loop is held up by work that keeps the interpreter's lock, a thread in stand_in() answers from memory in its place. Only one of
the two touches the server: the thread between relieve() and take_back(), the loop at all other times, a batch at a time under the
Engine's `turn`, since what an answer is made with is the Engine's and so all ports'.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.errno cimport EINTR, errno
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from posix.mman cimport madvise
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport close

from nsblast._core.decode cimport decode
from nsblast._core.engine cimport Engine
from nsblast._core.foresee cimport Ahead, foresee_blocks, foresee_buckets, foresee_target_blocks, foresee_targets
from nsblast._core.nodes cimport Miss, MissKind
from nsblast._core.outbox cimport Outbox, outbox_flush, outbox_full, outbox_open, outbox_put
from nsblast._core.respond cimport resume, turn_down
from nsblast._core.shm cimport load64_acquire, store64_release
from nsblast._core.sock cimport (
    AF_INET, MSG_DONTWAIT, MSG_TRUNC, iovec, mmsghdr, msghdr, recvmmsg, sockaddr_in, sockaddr_in6, sockaddr_storage,
)
from nsblast._core.stats cimport stats_add, stats_latency
from nsblast._core.status cimport Status
from nsblast._core.tally cimport elapsed, tally
from nsblast._core.turn cimport (
    EFD_CLOEXEC, EFD_NONBLOCK, POLLIN, eventfd, eventfd_read, eventfd_write, poll, pollfd, pthread_mutex_lock, pthread_mutex_unlock,
)
from nsblast._core.txn cimport Transport, Txn

cdef extern from "time.h" nogil:
    int CLOCK_REALTIME_COARSE

cdef extern from "stdlib.h" nogil:
    void* aligned_alloc(size_t alignment, size_t size)

cdef extern from * nogil:
    """
    #include <sys/mman.h>
    #ifndef MADV_HUGEPAGE
    #define MADV_HUGEPAGE 14
    #endif
    """
    int MADV_HUGEPAGE

cdef enum:
    BATCH = 64              # datagrams taken by one system call
    ROUNDS = 4              # batches answered before the event loop gets its turn
    REQUEST = 4096          # octets of a request; longer ones are dropped
    ANSWER = 4096           # octets of an answer: no udp_max is larger
    CONTROL = 64            # octets of control messages: the address of one family, and the size of segments
    PARKED = 1024           # packets that may wait for the store
    HUGE = 2097152          # octets of a huge page; a batch takes a third of it
    PATIENCE = 5            # seconds one may wait: its client has given up by then, and places are few


cdef enum:                  # whose turn it is
    RESTING = 0             # the loop's
    STANDING = 1            # the thread's in stand_in()
    DISMISSED = 2           # the loop's for good


cdef struct Place:          # one datagram of a batch
    sockaddr_storage peer
    uint8_t control[64]
    uint8_t request[4096]
    uint8_t answer[4096]


cdef struct Parked:         # one packet that waits
    Txn txn
    Place place
    uint32_t peer_len
    size_t control_len
    Status why              # MISS, BUSY or HAND_OVER
    Miss miss
    bint used
    uint16_t rank           # its place in waiters
    timespec since


cdef class UdpServer:
    """Serves one bound, non-blocking UDP socket with an Engine."""

    cdef Engine engine
    cdef int fd
    cdef bint wildcard
    cdef Place* place
    cdef Txn* txn
    cdef mmsghdr recv[64]
    cdef iovec recv_iov[64]
    cdef Outbox out
    cdef Status verdict[64]
    cdef Ahead ahead
    cdef Parked* parked
    cdef uint16_t waiters[1024]         # places of parked: first those in use, then the free ones
    cdef readonly uint32_t waiting      # packets parked now
    cdef readonly uint64_t dropped      # packets that found no room to wait
    cdef uint64_t duty                  # RESTING, STANDING, DISMISSED; the loop writes it
    cdef int bell                       # eventfd: duty has changed
    tcp = False

    def __cinit__(self, Engine engine not None, int fd, bint wildcard=False):
        cdef int i
        self.engine = engine
        self.fd = fd
        self.wildcard = wildcard
        self.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        if self.bell < 0:
            raise OSError(errno, "cannot make an event descriptor")
        # One huge page, where the kernel has one, holds all that a batch touches: it is walked through twice a batch.
        self.place = <Place*> aligned_alloc(HUGE, HUGE)
        if self.place == NULL:
            raise MemoryError
        madvise(self.place, HUGE, MADV_HUGEPAGE)
        memset(self.place, 0, BATCH * (sizeof(Place) + sizeof(Txn)))
        self.txn = <Txn*> (self.place + BATCH)
        self.parked = <Parked*> calloc(PARKED, sizeof(Parked))
        if self.parked == NULL:
            raise MemoryError
        outbox_open(&self.out, fd, wildcard, engine.gso)
        for i in range(PARKED):
            self.waiters[i] = <uint16_t> i
        for i in range(BATCH):
            self.recv_iov[i].iov_base = self.place[i].request
            self.recv_iov[i].iov_len = REQUEST
            self.recv[i].msg_hdr.msg_iov = &self.recv_iov[i]
            self.recv[i].msg_hdr.msg_iovlen = 1
            self.recv[i].msg_hdr.msg_name = &self.place[i].peer
            self.recv[i].msg_hdr.msg_control = self.place[i].control    # the answer's too
            self.txn[i].transport = Transport.UDP
            self.txn[i].work = engine.work
            self.txn[i].out_size = ANSWER

    def __dealloc__(self):
        free(self.place)
        free(self.parked)
        if self.bell >= 0:
            close(self.bell)

    def on_readable(self) -> int:
        """Answer what has arrived, a bounded number of batches; returns how many packets wait for the store."""
        cdef int got
        cdef int _round
        with nogil:
            for _round in range(ROUNDS):
                got = self.receive()
                if got <= 0:
                    break
                self.batch(got)
                if got < BATCH:
                    break
        return self.waiting

    def stand_in(self) -> None:
        """Answer while the loop cannot, until dismiss(). For a thread of its own, which has no use for the interpreter meanwhile."""
        cdef pollfd[2] waited
        cdef uint64_t duty = RESTING, rung
        waited[0].fd = self.bell
        waited[1].fd = self.fd
        waited[0].events = waited[1].events = POLLIN
        with nogil:
            while duty != DISMISSED:
                poll(waited, 2 if duty == STANDING else 1, -1)
                eventfd_read(self.bell, &rung)
                duty = load64_acquire(&self.duty)
                if duty == STANDING:
                    self.answer_standing()

    cdef void answer_standing(self) noexcept nogil:
        """What has arrived, for as long as it is the thread's turn."""
        cdef int got = BATCH
        while got == BATCH:
            pthread_mutex_lock(&self.engine.turn)
            got = self.receive() if load64_acquire(&self.duty) == STANDING else 0
            if got > 0:
                self.batch(got)
            pthread_mutex_unlock(&self.engine.turn)

    def relieve(self) -> None:
        """The thread's turn: nothing else of this server may be called before take_back()."""
        store64_release(&self.duty, STANDING)
        eventfd_write(self.bell, 1)

    def recall(self) -> None:
        """The thread begins no other batch. Tell all ports' before take_back() waits for one: a flood at another would keep the turn."""
        store64_release(&self.duty, RESTING)

    def take_back(self) -> int:
        """The loop's turn again, once a batch under way is done; returns how many packets wait for the store."""
        self.recall()
        with nogil:
            pthread_mutex_lock(&self.engine.turn)
            pthread_mutex_unlock(&self.engine.turn)
        return self.waiting

    def dismiss(self) -> None:
        """stand_in() returns, and must not be called again."""
        store64_release(&self.duty, DISMISSED)
        eventfd_write(self.bell, 1)

    cdef int receive(self) noexcept nogil:
        cdef int i, got
        for i in range(BATCH):
            self.recv[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage)
            if self.wildcard:
                self.recv[i].msg_hdr.msg_controllen = CONTROL
        while True:
            got = recvmmsg(self.fd, self.recv, BATCH, MSG_DONTWAIT, NULL)
            if got >= 0 or errno != EINTR:
                return got

    cdef void batch(self, int got) noexcept nogil:
        """Decode all, prefetch for all, answer all, send what is answered, park the rest."""
        cdef int i, n = 0
        cdef Txn* txn
        cdef Status status
        cdef timespec now, start, end
        clock_gettime(CLOCK_REALTIME_COARSE, &now)
        clock_gettime(CLOCK_MONOTONIC, &start)
        self.engine.work.shared.name = NULL
        for i in range(got):
            txn = &self.txn[i]
            txn.packet = self.place[i].request
            txn.packet_len = self.recv[i].msg_len
            txn.out = self.place[i].answer
            txn.now = <uint32_t> now.tv_sec
            set_client(txn, &self.place[i].peer)
            if self.recv[i].msg_hdr.msg_flags & MSG_TRUNC:
                self.verdict[i] = Status.SILENT
                continue
            self.verdict[i] = decode(txn, &self.engine.config.edns, &self.engine.src.seed)
            if self.verdict[i] == Status.OK and self.engine.src.map.base != NULL:
                foresee_buckets(&self.engine.src.map, txn)
        if self.engine.src.map.base != NULL:
            self.foresee(got)
        for i in range(got):
            txn = &self.txn[i]
            if self.verdict[i] == Status.OK:
                status = resume(txn, &self.engine.src, &self.engine.config)
            else:
                status = turn_down(txn, &self.engine.config, self.verdict[i])
            if status != Status.OK:
                self.park(i, status)
                continue
            tally(txn, self.engine.src.map.slot, self.engine.log, &start)
            if txn.answer_len:
                outbox_put(&self.out, self.place[i].answer, txn.answer_len, &self.recv[i].msg_hdr)
                n += 1
        self.flush()
        if self.engine.src.map.slot != NULL:
            clock_gettime(CLOCK_MONOTONIC, &end)
            stats_latency(self.engine.src.map.slot, elapsed(&start, &end), <uint64_t> n)
            stats_add(&self.engine.src.map.slot.batches, 1)

    cdef void foresee(self, int got) noexcept nogil:
        """Blocks of the names asked for, then what those lead to."""
        cdef int i
        self.ahead.targets = 0
        for i in range(got):
            if self.verdict[i] == Status.OK:
                foresee_blocks(&self.engine.src.map, &self.txn[i], i, &self.ahead)
        for i in range(got):
            if self.verdict[i] == Status.OK:
                foresee_targets(&self.engine.src, &self.txn[i], i, &self.ahead)
        foresee_target_blocks(&self.engine.src.map, &self.ahead)

    cdef void flush(self) noexcept nogil:
        cdef uint32_t refused = outbox_flush(&self.out)
        if refused and self.engine.src.map.slot != NULL:
            stats_add(&self.engine.src.map.slot.send_errors, refused)

    cdef void park(self, int i, Status why) noexcept nogil:
        cdef Parked* parked
        if self.waiting == PARKED:
            self.dropped += 1
            return
        parked = &self.parked[self.waiters[self.waiting]]
        parked.used = True
        parked.rank = <uint16_t> self.waiting
        parked.why = why
        parked.place.peer = self.place[i].peer
        memcpy(parked.place.control, self.place[i].control, CONTROL)
        memcpy(parked.place.request, self.place[i].request, self.txn[i].packet_len)
        parked.peer_len = self.recv[i].msg_hdr.msg_namelen
        parked.control_len = self.recv[i].msg_hdr.msg_controllen
        parked.txn = self.txn[i]
        parked.txn.packet = parked.place.request
        parked.txn.out = parked.place.answer
        parked.txn.sname = NULL
        clock_gettime(CLOCK_MONOTONIC, &parked.since)
        if why == Status.MISS:
            parked.miss = self.txn[i].work.trail.miss
        self.waiting += 1

    def misses(self) -> list[tuple[int, int, int, int, bytes]]:
        """What the parked packets wait for: (place, Status, kind of miss, labels of the apex, name). See Engine.fill."""
        cdef uint32_t i
        cdef Parked* parked
        found = []
        for i in range(self.waiting):
            parked = &self.parked[self.waiters[i]]
            name = b""
            if parked.why == Status.MISS:
                name = PyBytes_FromStringAndSize(<const char*> parked.miss.name, parked.miss.len)
            found.append((self.waiters[i], <int> parked.why, parked.miss.kind, parked.miss.apex, name))
        return found

    def fetch(self, tuple store not None) -> tuple[int, int]:
        """Ask the store for all entries missed, in one go: (how many, packets that wait for something else)."""
        cdef uint32_t i
        cdef Parked* parked
        cdef int others = 0, fetched = 0
        for i in range(self.waiting):
            parked = &self.parked[self.waiters[i]]
            if parked.why == Status.MISS and parked.miss.kind == MissKind.MISS_ENTRY:
                fetched += self.engine.fetch(&parked.miss, store)
            else:
                others += 1
        return fetched + self.engine.fetch_wishes(store), others

    def request(self, uint32_t place) -> tuple[bytes, bytes]:
        """The datagram parked at a place and its sender's address (4 or 16 octets)."""
        cdef Parked* parked = self.at(place)
        return (PyBytes_FromStringAndSize(<const char*> parked.place.request, parked.txn.packet_len),
                PyBytes_FromStringAndSize(<const char*> parked.txn.client, parked.txn.client_len))

    def reply(self, uint32_t place, bytes answer not None) -> None:
        """Send Python's own answer (b"" = silence) to the packet parked at a place, which is free then."""
        cdef Parked* parked = self.at(place)
        if 0 < len(answer) <= ANSWER:
            memcpy(parked.place.answer, <const char*> answer, len(answer))
            parked.txn.answer_len = <uint32_t> len(answer)
            self.queue_parked(parked)
            self.flush()
        self.release(parked)

    def retry(self) -> int:
        """Try all parked packets but those handed over once more; returns how many still wait. The oldest are given up."""
        cdef uint32_t i
        cdef Parked* parked
        cdef Status status
        cdef timespec now
        with nogil:
            clock_gettime(CLOCK_MONOTONIC, &now)
            i = self.waiting
            while i:
                i -= 1                      # downwards: a release moves only what has been tried already
                parked = &self.parked[self.waiters[i]]
                if parked.why == Status.HAND_OVER:
                    continue
                self.engine.work.shared.name = NULL
                status = resume(&parked.txn, &self.engine.src, &self.engine.config)
                if status == Status.OK:
                    self.tally_parked(parked)
                    if parked.txn.answer_len:
                        self.queue_parked(parked)
                    self.release(parked)
                    if outbox_full(&self.out):
                        self.flush()
                elif elapsed(&parked.since, &now) > PATIENCE * <uint64_t> 1000000000 and status != Status.HAND_OVER:
                    self.dropped += 1
                    self.release(parked)
                else:
                    parked.why = status
                    if status == Status.MISS:
                        parked.miss = parked.txn.work.trail.miss
            self.flush()
        return self.waiting

    cdef void tally_parked(self, const Parked* parked) noexcept nogil:
        cdef timespec end
        cdef uint64_t took
        clock_gettime(CLOCK_MONOTONIC, &end)
        took = elapsed(&parked.since, &end)
        tally(&parked.txn, self.engine.src.map.slot, self.engine.log, &parked.since)
        stats_latency(self.engine.src.map.slot, took, 1)

    cdef Parked* at(self, uint32_t place) except NULL:
        if place >= PARKED or not self.parked[place].used:
            raise IndexError(f"no packet is parked at {place}")
        return &self.parked[place]

    cdef void release(self, Parked* parked) noexcept nogil:
        """The place is free; the last one that waits takes its rank. Its buffers stay as they are until the next park()."""
        cdef uint16_t last = self.waiters[self.waiting - 1]
        parked.used = False
        self.waiting -= 1
        self.waiters[self.waiting] = self.waiters[parked.rank]
        self.waiters[parked.rank] = last
        self.parked[last].rank = parked.rank

    cdef void queue_parked(self, Parked* parked) noexcept nogil:
        cdef msghdr request
        memset(&request, 0, sizeof(request))
        request.msg_name = &parked.place.peer
        request.msg_namelen = parked.peer_len
        request.msg_control = parked.place.control
        request.msg_controllen = parked.control_len
        outbox_put(&self.out, parked.place.answer, parked.txn.answer_len, &request)


cdef inline void set_client(Txn* txn, const sockaddr_storage* peer) noexcept nogil:
    """The sender's address, for cookies and the query log."""
    if peer.ss_family == AF_INET:
        memcpy(txn.client, &(<const sockaddr_in*> peer).sin_addr, 4)
        txn.client_len = 4
    else:
        memcpy(txn.client, &(<const sockaddr_in6*> peer).sin6_addr, 16)
        txn.client_len = 16
