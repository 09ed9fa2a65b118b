"""The turns of TCP connections (streams.pxd)."""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport close

from nsblast._core.conns cimport (
    NOBODY, QUEUE_HELD, QUEUE_NONE, QUEUE_READY, Conn, buffer_free, buffer_left, buffer_put, buffer_room, buffer_take,
    pool_close, pool_heard, pool_queue, pool_release, pool_release_held,
)
from nsblast._core.decode cimport decode
from nsblast._core.encode cimport encode_bare
from nsblast._core.engine cimport Engine
from nsblast._core.entries cimport entries_prefetch, entries_prefetch_block
from nsblast._core.filter cimport filter_prefetch
from nsblast._core.parked cimport Parked, room_close, room_done, room_forget, room_open, room_put
from nsblast._core.proto cimport MESSAGE_MAX, RCODE_SERVFAIL
from nsblast._core.respond cimport respond, resume, turn_down
from nsblast._core.sock cimport (
    EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLLIN, EPOLLOUT, EPOLLRDHUP, MSG_DONTWAIT, MSG_NOSIGNAL, epoll_create1,
    epoll_ctl, epoll_event, recv, send,
)
from nsblast._core.stats cimport stats_latency
from nsblast._core.status cimport Status
from nsblast._core.tally cimport elapsed, tally
from nsblast._core.txn cimport Transport, Txn
from nsblast._core.wire cimport (
    Reader, Writer, reader_left, reader_open, reader_seek, reader_take, reader_u16, writer_open, writer_u16,
)

cdef extern from "time.h" nogil:
    int CLOCK_REALTIME_COARSE

cdef enum:
    BATCH = 16              # messages of one stream whose memory is fetched side by side
    READ = 16384            # octets read from one connection in one turn
    SMALL = 4096            # a rest up to this is put before what is read; to a longer one is read what it lacks
    OUT = 196608            # octets of answers in one turn, the last of them begun below OUT - 65537
    HIGH = 262144           # octets that may wait to be taken: above it, messages that wait for the store go on waiting
    LOW = 32768             # below this, handlers go on; and what a slow client must take within the write time
    PARKED_EACH = 64        # messages of one connection that may wait or be in Python's hands
    PATIENCE = 5            # seconds one may wait before it is SERVFAIL


cdef class Streams:
    """The connections of one worker and what they work with; TcpServer is its face."""

    def __cinit__(self, Engine engine not None):
        self.epoll = -1
        self.txn = <Txn*> calloc(BATCH, sizeof(Txn))
        self.input = <uint8_t*> malloc(SMALL + READ)
        self.out = <uint8_t*> malloc(OUT)
        if not room_open(&self.room) or self.txn == NULL or self.input == NULL or self.out == NULL:
            raise MemoryError
        self.renew(engine)
        self.epoll = epoll_create1(EPOLL_CLOEXEC)
        if self.epoll < 0:
            raise OSError(errno, "cannot make an epoll descriptor")

    def __dealloc__(self):
        cdef uint32_t i
        for i in range(self.pool.used):
            if self.pool.conn[i].fd >= 0:
                close(self.pool.conn[i].fd)
        room_close(&self.room)
        pool_close(&self.pool)
        if self.epoll >= 0:
            close(self.epoll)
        free(self.txn)
        free(self.input)
        free(self.out)

    def renew(self, Engine engine not None) -> None:
        """Answer with this Engine from now on; messages that wait go on waiting."""
        cdef int i
        self.engine = engine
        for i in range(BATCH):
            self.txn[i].transport = Transport.TCP
            self.txn[i].work = engine.work
            self.txn[i].out_size = MESSAGE_MAX

    cdef void clock(self) noexcept nogil:
        cdef timespec wall, now
        clock_gettime(CLOCK_REALTIME_COARSE, &wall)
        self.wall = <uint32_t> wall.tv_sec
        clock_gettime(CLOCK_MONOTONIC, &now)
        self.now = <uint64_t> now.tv_sec * 1000000000 + <uint64_t> now.tv_nsec

    cdef bint watch(self, int op, int fd, uint64_t data, uint32_t events) noexcept nogil:
        cdef epoll_event event
        event.events = events
        event.data.u64 = data
        return epoll_ctl(self.epoll, op, fd, &event) == 0

    cdef uint64_t token(self, uint32_t place) noexcept nogil:
        """Number of this very connection, below 2**63."""
        return <uint64_t> (self.pool.conn[place].generation & 0x7fffffff) << 32 | place

    cdef uint32_t find(self, uint64_t token) noexcept nogil:
        cdef uint32_t place = <uint32_t> token
        if place >= self.pool.used or self.pool.conn[place].fd < 0 or self.token(place) != token:
            return NOBODY
        return place

    cdef void drop(self, uint32_t place) noexcept nogil:
        cdef Conn* conn = &self.pool.conn[place]
        close(conn.fd)
        if conn.parked:
            room_forget(&self.room, place)
            pool_release_held(&self.pool)
        if conn.handed:
            self.news = True
        pool_release(&self.pool, place)

    cdef int run_ready(self) noexcept nogil:
        cdef uint32_t place, last = self.pool.line[<int> QUEUE_READY].last
        cdef int cost = 0
        cdef bint more = last != NOBODY
        while more and cost < BUDGET // 2:
            place = self.pool.line[<int> QUEUE_READY].first
            more = place != last
            pool_queue(&self.pool, place, QUEUE_NONE)
            cost += 1 + self.turn(place, False)
        return cost

    cdef int turn(self, uint32_t place, bint readable) noexcept nogil:
        cdef Conn* conn = &self.pool.conn[place]
        cdef const uint8_t* data
        cdef uint32_t size, done
        cdef uint32_t rest
        if conn.outgoing.end and not self.flush(place):
            return 0
        if conn.queue == QUEUE_HELD:
            self.settle(place)
            return 0
        pool_queue(&self.pool, place, QUEUE_NONE)
        rest = buffer_left(&conn.incoming)
        readable = readable and not conn.whole and not conn.ended
        if conn.whole or rest > SMALL:
            if readable and not self.read_on(place):
                return 0
            data = conn.incoming.base + conn.incoming.at
            size = buffer_left(&conn.incoming)
            done = self.answer(place, data, size)
            if done:
                buffer_take(&conn.incoming, done)
        else:
            if not readable:
                self.settle(place)
                return 0
            if rest:
                memcpy(self.input, conn.incoming.base + conn.incoming.at, rest)
            data = self.input
            size = rest
            if not self.receive(place, self.input + rest, READ, &size):
                return 0
            done = self.answer(place, data, size)
            if size != rest or done:
                buffer_free(&conn.incoming)
                if size > done and not buffer_put(&conn.incoming, data + done, size - done):
                    self.drop(place)
                    return 0
        if size == done or conn.whole:
            conn.begun = 0
        elif done or not conn.begun:
            conn.begun = self.now
        if self.used and not self.send_out(place):
            return <int> self.answers
        self.settle(place)
        return <int> self.answers

    cdef bint receive(self, uint32_t place, uint8_t* to, uint32_t room, uint32_t* size) noexcept nogil:
        """Read once; adds to size. False: it is gone."""
        cdef Conn* conn = &self.pool.conn[place]
        cdef Py_ssize_t got = recv(conn.fd, to, room, MSG_DONTWAIT)
        if got > 0:
            size[0] += <uint32_t> got
            pool_heard(&self.pool, place, self.now)
        elif got == 0:
            conn.ended = True
        elif errno != EAGAIN and errno != EINTR:
            self.drop(place)
            return False
        return True

    cdef bint read_on(self, uint32_t place) noexcept nogil:
        """Read what a long message under way lacks, into the connection's own buffer. False: it is gone."""
        cdef Conn* conn = &self.pool.conn[place]
        cdef Reader r
        cdef uint32_t rest = buffer_left(&conn.incoming), lacks
        cdef uint8_t* room
        reader_open(&r, conn.incoming.base + conn.incoming.at, rest)
        lacks = reader_u16(&r) + 2 - rest
        if lacks > rest:                    # memory follows what has come, not what was announced
            lacks = rest
        room = buffer_room(&conn.incoming, lacks)
        if room == NULL:
            self.drop(place)
            return False
        return self.receive(place, room, lacks, &conn.incoming.end)

    cdef int frame(self, const Conn* conn, Reader* r) noexcept nogil:
        """Decode the stream's next messages and fetch the memory they will need; how many."""
        cdef int i, n = 0
        cdef uint32_t length, at
        cdef Txn* txn
        while n < BATCH and reader_left(r) >= 2:
            at = r.at
            length = reader_u16(r)
            if reader_left(r) < length:
                reader_seek(r, at)
                break
            txn = &self.txn[n]
            txn.packet = reader_take(r, length)
            txn.packet_len = length
            memcpy(txn.client, conn.client, 16)
            txn.client_len = conn.client_len
            txn.now = self.wall
            self.ends[n] = r.at
            self.verdict[n] = decode(txn, &self.engine.config.edns, &self.engine.src.seed)
            if self.verdict[n] == Status.OK and self.engine.src.map.base != NULL:
                entries_prefetch(&self.engine.src.map, txn.qname.hash[txn.qname.labels])
                filter_prefetch(&self.engine.src.map, txn.qname.hash[txn.qname.labels])
            n += 1
        if n > 1 and self.engine.src.map.base != NULL:
            for i in range(n):
                if self.verdict[i] == Status.OK:
                    entries_prefetch_block(&self.engine.src.map, self.txn[i].qname.hash[self.txn[i].qname.labels])
        return n

    cdef uint32_t answer(self, uint32_t place, const uint8_t* data, uint32_t size) noexcept nogil:
        """Answer what is whole into `out`, as far as there is room; how many octets are done with. Sets conn.whole."""
        cdef Conn* conn = &self.pool.conn[place]
        cdef uint32_t done = 0
        cdef int i, n
        cdef Reader r
        cdef Status status
        cdef uint8_t queue = QUEUE_NONE
        cdef Txn* txn
        cdef timespec start
        self.used = self.answers = 0
        clock_gettime(CLOCK_MONOTONIC, &start)
        reader_open(&r, data, size)
        while queue == QUEUE_NONE:
            n = self.frame(conn, &r)
            if n == 0:
                break
            self.engine.work.shared.name = NULL
            for i in range(n):
                if OUT - self.used < MESSAGE_MAX + 2:
                    queue = QUEUE_READY
                    break
                txn = &self.txn[i]
                txn.out = self.out + self.used + 2
                if self.verdict[i] == Status.OK:
                    status = resume(txn, &self.engine.src, &self.engine.config)
                else:
                    status = turn_down(txn, &self.engine.config, self.verdict[i])
                if status != Status.OK:
                    if not self.park(place, txn, status, &start):
                        queue = QUEUE_HELD
                        break
                    done = self.ends[i]
                    if status == Status.HAND_OVER:
                        queue = QUEUE_HELD
                        break
                    continue
                done = self.ends[i]
                tally(txn, self.engine.src.map.slot, self.engine.log, &start)
                self.add(txn)
        reader_seek(&r, done)
        conn.whole = reader_left(&r) >= 2 and reader_u16(&r) <= reader_left(&r)
        if queue == QUEUE_HELD or conn.whole:
            pool_queue(&self.pool, place, queue)
        self.measure(&start)
        return done

    cdef void add(self, const Txn* txn) noexcept nogil:
        """The answer just made stays in `out`, its length before it."""
        cdef Writer w
        if txn.answer_len:
            writer_open(&w, self.out + self.used, 2)
            writer_u16(&w, <uint16_t> txn.answer_len)
            self.used += 2 + txn.answer_len
        self.answers += 1

    cdef void measure(self, const timespec* start) noexcept nogil:
        cdef timespec end
        if self.engine.src.map.slot != NULL and self.answers:
            clock_gettime(CLOCK_MONOTONIC, &end)
            stats_latency(self.engine.src.map.slot, elapsed(start, &end), self.answers)

    cdef bint send_out(self, uint32_t place) noexcept nogil:
        """Send `out`; what the client does not take now is owed. False: it is gone."""
        cdef Conn* conn = &self.pool.conn[place]
        cdef uint32_t sent = 0
        cdef Py_ssize_t got
        while sent < self.used:
            got = send(conn.fd, self.out + sent, self.used - sent, MSG_DONTWAIT | MSG_NOSIGNAL)
            if got >= 0:
                sent += <uint32_t> got
            elif errno == EAGAIN:
                break
            elif errno != EINTR:
                self.drop(place)
                return False
        if sent < self.used:
            conn.blocked = self.now
            conn.taken = 0
            if not buffer_put(&conn.outgoing, self.out + sent, self.used - sent):
                self.drop(place)
                return False
        return True

    cdef bint flush(self, uint32_t place) noexcept nogil:
        """Send what is owed. True: nothing is any more; False: something still is, or the connection is gone."""
        cdef Conn* conn = &self.pool.conn[place]
        cdef uint32_t before = buffer_left(&conn.outgoing)
        cdef Py_ssize_t got
        while conn.outgoing.end:
            got = send(conn.fd, conn.outgoing.base + conn.outgoing.at, buffer_left(&conn.outgoing),
                       MSG_DONTWAIT | MSG_NOSIGNAL)
            if got >= 0:
                buffer_take(&conn.outgoing, <uint32_t> got)
                conn.taken += <uint32_t> got
            elif errno == EAGAIN:
                break
            elif errno != EINTR:
                self.drop(place)
                return False
        if conn.handed and before > LOW >= buffer_left(&conn.outgoing):
            self.news = True
        if conn.outgoing.end == 0:
            conn.blocked = 0
            return True
        if conn.blocked == 0 or conn.taken >= LOW:
            conn.blocked = self.now
            conn.taken = 0
        self.settle(place)
        return False

    cdef void settle(self, uint32_t place) noexcept nogil:
        cdef Conn* conn = &self.pool.conn[place]
        cdef uint32_t wanted = 0
        if conn.outgoing.end:
            wanted = EPOLLOUT
        elif not conn.ended:
            if conn.queue != QUEUE_HELD:
                wanted = EPOLLIN | EPOLLRDHUP
        elif not (conn.whole or conn.parked or conn.handed):
            self.drop(place)
            return
        if conn.known and conn.interest == wanted:
            return
        if not self.watch(EPOLL_CTL_MOD if conn.known else EPOLL_CTL_ADD, conn.fd, self.token(place), wanted):
            self.drop(place)
            return
        conn.known = True
        conn.interest = wanted

    # -- messages that wait

    cdef bint park(self, uint32_t place, const Txn* txn, Status why, const timespec* since) noexcept nogil:
        """False: its connection has had its share, or there is no room."""
        cdef Conn* conn = &self.pool.conn[place]
        cdef Parked* parked
        if conn.parked + conn.handed >= PARKED_EACH:
            return False
        parked = room_put(&self.room, txn.packet, txn.packet_len, place, why, since)
        if parked == NULL:
            return False
        if why == Status.MISS:
            parked.miss = txn.work.trail.miss
        conn.parked += 1
        return True

    cdef void unpark(self, Parked* parked) noexcept nogil:
        """It is done with; who was held up may go on."""
        cdef Conn* conn = &self.pool.conn[parked.conn]
        conn.parked -= 1
        room_done(&self.room, parked)
        pool_queue(&self.pool, parked.conn, QUEUE_READY)
        pool_release_held(&self.pool)

    cdef bint owe(self, uint32_t place, uint32_t length) noexcept nogil:
        cdef Conn* conn = &self.pool.conn[place]
        cdef Writer w
        if length == 0:
            return True
        writer_open(&w, self.out, 2)
        writer_u16(&w, <uint16_t> length)
        conn.last = self.now
        if not buffer_put(&conn.outgoing, self.out, 2 + length):
            self.drop(place)
            return False
        return True

    cdef void again(self) noexcept nogil:
        cdef uint32_t i
        cdef Parked* parked
        cdef Conn* conn
        cdef Txn* txn = self.txn
        cdef Status status
        cdef timespec now
        clock_gettime(CLOCK_MONOTONIC, &now)
        for i in range(self.room.queued):
            parked = &self.room.parked[self.room.order[i]]
            if parked.message == NULL or parked.why == Status.HAND_OVER:
                continue
            conn = &self.pool.conn[parked.conn]
            if buffer_left(&conn.outgoing) > HIGH:
                continue
            txn.packet = parked.message
            txn.packet_len = parked.length
            memcpy(txn.client, conn.client, 16)
            txn.client_len = conn.client_len
            txn.now = self.wall
            txn.out = self.out + 2
            self.engine.work.shared.name = NULL
            status = respond(txn, &self.engine.src, &self.engine.config)
            if status != Status.OK:
                parked.why = status
                if status == Status.MISS:
                    parked.miss = txn.work.trail.miss
                if status == Status.HAND_OVER or elapsed(&parked.since, &now) <= PATIENCE * <uint64_t> 1000000000:
                    continue
                txn.outcome = Status.SERVFAIL
                txn.rcode = RCODE_SERVFAIL
                txn.aa = False
                encode_bare(txn, &self.engine.config.edns)
            tally(txn, self.engine.src.map.slot, self.engine.log, &parked.since)
            self.answers = 1
            self.measure(&parked.since)
            if self.owe(parked.conn, txn.answer_len):
                self.unpark(parked)
