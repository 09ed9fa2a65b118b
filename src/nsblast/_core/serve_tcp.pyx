"""The face of a worker's TCP connections: accept, limits and the event loop's calls; all without the GIL until Python must act.

One epoll descriptor holds the listening sockets and all connections, so that the event loop sees one descriptor and one
call serves a bounded batch of them; no client gets more than a turn before the others have had theirs (streams.pxd).
Owns: who may connect (RFC 7766 6.2), time limits, messages for Python. Never: what an answer says.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.errno cimport EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOMEM, errno
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from posix.unistd cimport close

from nsblast._core.conns cimport (
    NOBODY, QUEUE_READY, Conn, buffer_left, conn_idle, conn_key, pool_count, pool_grow, pool_idle, pool_queue,
    pool_take,
)
from nsblast._core.engine cimport Engine
from nsblast._core.nodes cimport MissKind
from nsblast._core.parked cimport Parked, ROOM, room_tidy, room_waiting
from nsblast._core.proto cimport MESSAGE_MAX
from nsblast._core.sock cimport (
    AF_INET, AF_INET6, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLRDHUP, SOCK_CLOEXEC,
    SOCK_NONBLOCK, accept4, epoll_event, epoll_wait, sockaddr, sockaddr_in, sockaddr_in6, sockaddr_storage,
)
from nsblast._core.stats cimport CONN_ACCEPTED, CONN_EVICTED, CONN_IDLE, CONN_OPEN, CONN_REFUSED, CONN_SLOW
from nsblast._core.status cimport Status
from nsblast._core.streams cimport BUDGET, Streams

import os

cdef enum:
    EVENTS = 128            # sockets the system names in one call
    ACCEPTS = 64            # connections taken from one listening socket in one go
    ACCEPT_COST = 16        # one connection, in messages
    QUEUE = 65536           # connections that may stand in a listening socket's queue
    LISTENERS = 256         # listening sockets
    LOOKS = 1024            # connections looked at to find one that can give way
    WAITS_FLAG = 1
    AGAIN_FLAG = 2
    NEWS_FLAG = 4


cdef inline uint64_t listener(int fd) noexcept nogil:
    """What epoll gives back for a listening socket; tokens of connections are below 2**63."""
    return <uint64_t> 1 << 63 | <uint32_t> fd


# What on_readable() says.
WAITS = WAITS_FLAG          # messages wait for the store or Python: misses()
AGAIN = AGAIN_FLAG          # there is work left: call again in the loop's next turn
NEWS = NEWS_FLAG            # a connection with handed-over messages has room again, or is gone: pending()


cdef class TcpServer(Streams):
    """Serves listening sockets and their connections with an Engine (serve_tcp.pyi)."""

    cdef int listening[256]
    cdef int listeners
    cdef bint deaf                      # they are put aside until the next sweep: no descriptor was left
    cdef bint draining
    cdef epoll_event event[128]
    cdef int events                     # of them told by the last epoll_wait
    cdef int event_at                   # the next to be looked at
    cdef uint64_t counted[6]            # by stats.Connection
    cdef readonly uint64_t starved      # times no descriptor was left for a connection
    cdef uint64_t idle_ns, lifetime_ns, query_ns, write_ns
    cdef uint32_t per_address
    tcp = True

    def __cinit__(self, Engine engine not None):
        cdef bytes secret = os.urandom(16)
        memcpy(self.pool.secret, PyBytes_AS_STRING(secret), 16)
        self.limit(1, 1, 1, 0, 1, 1)

    # -- Python's side: sockets, limits

    def fileno(self) -> int:
        return self.epoll

    def limit(self, uint32_t connections, uint32_t per_address, double idle, double lifetime, double query,
              double write) -> None:
        if not 1 <= connections < 1 << 24:
            raise ValueError(f"{connections} connections: 1 to 16777215")
        if not pool_grow(&self.pool, connections):
            raise MemoryError(f"no memory for {connections} connections")
        self.per_address = per_address
        self.idle_ns = <uint64_t> (idle * 1e9)
        self.lifetime_ns = <uint64_t> (lifetime * 1e9)
        self.query_ns = <uint64_t> (query * 1e9)
        self.write_ns = <uint64_t> (write * 1e9)

    def listen(self, int fd) -> None:
        if self.listeners == LISTENERS:
            raise ValueError(f"{LISTENERS} listening sockets are served at most")
        if not self.watch(EPOLL_CTL_ADD, fd, listener(fd), EPOLLIN):
            raise OSError(errno, "cannot wait for connections")
        self.listening[self.listeners] = fd
        self.listeners += 1

    def hang_up(self) -> None:
        """Take no more connections; those that stand in the queues now are the last."""
        cdef int _round
        while self.listeners:
            self.listeners -= 1
            self.clock()
            for _round in range(QUEUE // ACCEPTS):
                if self.accept(self.listening[self.listeners]) == 0:
                    break
            self.watch(EPOLL_CTL_DEL, self.listening[self.listeners], 0, 0)
        # Epoll tells again of what is left; of a listening socket it must not, its number may soon be another's.
        self.events = self.event_at = 0
        self.draining = True

    cdef void hear(self, bint on) noexcept nogil:
        """Whether listening sockets are waited for."""
        cdef int i
        self.deaf = not on
        for i in range(self.listeners):
            self.watch(EPOLL_CTL_MOD, self.listening[i], listener(self.listening[i]), EPOLLIN if on else 0)

    def adopt(self, int fd, bytes client not None) -> int:
        """Serve a connected, non-blocking socket; its token, -1 when a limit refuses it (it is closed then)."""
        cdef uint32_t place
        if len(client) not in (4, 16):
            raise ValueError(f"client address of {len(client)} octets: 4 or 16")
        self.clock()
        place = self.admit(fd, <const uint8_t*> PyBytes_AS_STRING(client), <uint8_t> len(client))
        if place == NOBODY:
            return -1
        self.settle(place)
        return -1 if self.pool.conn[place].fd < 0 else self.token(place)

    @property
    def open(self) -> int:
        return self.pool.open

    @property
    def waiting(self) -> int:
        """Messages parked."""
        return room_waiting(&self.room)

    @property
    def counts(self) -> tuple[int, ...]:
        """By stats.CONNECTIONS, since the start; of "open" how many there are."""
        cdef uint32_t i
        self.counted[<int> CONN_OPEN] = self.pool.open
        return tuple([self.counted[i] for i in range(6)])

    def memory(self) -> int:
        """Octets held in buffers of connections."""
        cdef uint32_t i
        return sum([self.pool.conn[i].incoming.size + self.pool.conn[i].outgoing.size for i in range(self.pool.used)])

    def close_idle(self) -> int:
        """Close connections with nothing under way; how many are left."""
        cdef uint32_t i
        for i in range(self.pool.used):
            if self.pool.conn[i].fd >= 0 and conn_idle(&self.pool.conn[i]):
                self.drop(i)
        return self.pool.open

    def abort(self) -> None:
        """Cut all off."""
        cdef uint32_t i
        for i in range(self.pool.used):
            if self.pool.conn[i].fd >= 0:
                self.drop(i)

    def sweep(self) -> int:
        """Close what has overstayed; flags as of on_readable()."""
        cdef uint32_t i
        with nogil:
            self.clock()
            for i in range(self.pool.used):
                if self.pool.conn[i].fd >= 0:
                    self.overdue(i)
            if self.deaf:
                self.hear(True)
        return self.flags

    @property
    def flags(self) -> int:
        cdef int flags = 0
        if room_waiting(&self.room):
            flags |= WAITS_FLAG
        if self.pool.line[<int> QUEUE_READY].first != NOBODY:
            flags |= AGAIN_FLAG
        if self.news:
            flags |= NEWS_FLAG
            self.news = False
        return flags

    # -- turns

    def on_readable(self) -> int:
        """Serve what is ready, a bounded amount; WAITS, AGAIN and NEWS say what Python has to do."""
        with nogil:
            self.run()
        return self.flags

    cdef void run(self) noexcept nogil:
        cdef int budget = BUDGET
        cdef uint64_t data
        self.clock()
        budget -= self.run_ready()
        while budget > 0:
            if self.event_at >= self.events:
                self.event_at = 0
                self.events = epoll_wait(self.epoll, self.event, EVENTS, 0)
                if self.events <= 0:
                    self.events = 0
                    return
            data = self.event[self.event_at].data.u64
            self.event_at += 1
            if data >> 63:
                budget -= self.accept(<int> <uint32_t> data)
            else:
                budget -= 1 + self.react(data, self.event[self.event_at - 1].events)

    cdef int react(self, uint64_t token, uint32_t events) noexcept nogil:
        """What epoll says of a connection; the messages it cost."""
        cdef uint32_t place = self.find(token)
        if place == NOBODY:
            return 0
        if events & (EPOLLERR | EPOLLHUP):
            self.drop(place)
            return 0
        return self.turn(place, events & (EPOLLIN | EPOLLRDHUP) != 0)

    cdef int accept(self, int fd) noexcept nogil:
        """Take what stands in the queue of a listening socket; its cost in messages."""
        cdef sockaddr_storage peer
        cdef uint32_t peer_len, place
        cdef int got, _i, cost = 0
        for _i in range(ACCEPTS):
            peer_len = sizeof(peer)
            got = accept4(fd, <sockaddr*> &peer, &peer_len, SOCK_NONBLOCK | SOCK_CLOEXEC)
            if got < 0:
                if errno == EAGAIN:
                    break
                if errno in (EMFILE, ENFILE, ENOBUFS, ENOMEM):
                    self.starve()
                    break
                continue                    # this one's own trouble: accept(2) passes on errors of the network
            cost += ACCEPT_COST
            if peer.ss_family == AF_INET:
                place = self.admit(got, <const uint8_t*> &(<sockaddr_in*> &peer).sin_addr, 4)
            elif peer.ss_family == AF_INET6:
                place = self.admit(got, <const uint8_t*> &(<sockaddr_in6*> &peer).sin6_addr, 16)
            else:
                close(got)
                continue
            if place != NOBODY:
                cost += self.turn(place, True)      # its first question is often there already
        return cost

    cdef void starve(self) noexcept nogil:
        """No descriptor is left: an idle or slow connection gives its own, or the listening sockets are put aside for a while."""
        cdef uint32_t place = pool_idle(&self.pool, LOOKS)
        self.starved += 1
        if place != NOBODY:
            self.counted[<int> CONN_EVICTED] += 1
            self.drop(place)
        else:
            self.hear(False)

    cdef uint32_t admit(self, int fd, const uint8_t* client, uint8_t client_len) noexcept nogil:
        """A place for a new connection, NOBODY when it may not stay; an idle or a slow one gives way when all are taken."""
        cdef uint32_t place
        self.counted[<int> CONN_ACCEPTED] += 1
        if not self.draining and pool_count(&self.pool, conn_key(client, client_len)) < self.per_address:
            if self.pool.open >= self.pool.most:
                place = pool_idle(&self.pool, LOOKS)
                if place != NOBODY:
                    self.counted[<int> CONN_EVICTED] += 1
                    self.drop(place)
            place = pool_take(&self.pool, fd, client, client_len, self.now)
            if place != NOBODY:
                return place
        self.counted[<int> CONN_REFUSED] += 1
        close(fd)
        return NOBODY

    cdef void overdue(self, uint32_t place) noexcept nogil:
        """Close it when it has overstayed."""
        cdef Conn* conn = &self.pool.conn[place]
        cdef bint waits_for_us = conn.parked or conn.handed or conn.queue == QUEUE_READY
        if (conn.blocked and self.now > conn.blocked + self.write_ns) or \
                (conn.begun and not conn.blocked and self.now > conn.begun + self.query_ns):
            self.counted[<int> CONN_SLOW] += 1
            self.drop(place)
        elif not waits_for_us and self.now > conn.last + self.idle_ns:
            self.counted[<int> (CONN_SLOW if conn.outgoing.end else CONN_IDLE)] += 1
            self.drop(place)
        elif self.lifetime_ns and not conn.ended and self.now > conn.born + self.lifetime_ns:
            self.counted[<int> CONN_IDLE] += 1
            conn.ended = True
            self.settle(place)

    # -- messages for the store and for Python

    def misses(self) -> list[tuple[int, int, int, int, bytes]]:
        """What the parked messages wait for: (place, Status, kind of miss, labels of the apex, name). See Engine.fill."""
        cdef uint32_t i
        cdef Parked* parked
        found = []
        room_tidy(&self.room)
        for i in range(self.room.queued):
            parked = &self.room.parked[self.room.order[i]]
            name = b""
            if parked.why == Status.MISS:
                name = PyBytes_FromStringAndSize(<const char*> parked.miss.name, parked.miss.len)
            found.append((self.room.order[i], <int> parked.why, parked.miss.kind, parked.miss.apex, name))
        return found

    def fetch(self, tuple store not None) -> tuple[int, int]:
        """Ask the store for all entries missed, in one go: (how many, messages that wait for something else)."""
        cdef uint32_t i
        cdef Parked* parked
        cdef int others = 0, fetched = 0
        room_tidy(&self.room)
        for i in range(self.room.queued):
            parked = &self.room.parked[self.room.order[i]]
            if parked.why == Status.MISS and parked.miss.kind == MissKind.MISS_ENTRY:
                fetched += self.engine.fetch(&parked.miss, store)
            else:
                others += 1
        return fetched + self.engine.fetch_wishes(store), others

    def retry(self) -> int:
        """Try again all parked messages but those handed over; how many still wait. The oldest get SERVFAIL."""
        with nogil:
            self.clock()
            self.again()
            self.run_ready()
        return room_waiting(&self.room)

    def request(self, uint32_t place) -> tuple[bytes, bytes]:
        """The message parked at a place and its client's address (4 or 16 octets)."""
        cdef Parked* parked = self.at(place)
        cdef Conn* conn = &self.pool.conn[parked.conn]
        return (PyBytes_FromStringAndSize(<const char*> parked.message, parked.length),
                PyBytes_FromStringAndSize(<const char*> conn.client, conn.client_len))

    def reply(self, uint32_t place, bytes answer not None) -> None:
        """Python's own answer (b"" = silence) to the message parked at a place, which is free then."""
        cdef Parked* parked = self.at(place)
        cdef uint32_t conn = parked.conn
        self.clock()
        # No turn yet: it could park more, or drop the connection, and the places that misses() told would no longer hold.
        if self.say(conn, answer):
            self.unpark(parked)

    def take(self, uint32_t place) -> int:
        """Python has the message parked at a place in its hands until finish(): the token of its connection."""
        cdef Parked* parked = self.at(place)
        cdef uint64_t token = self.token(parked.conn)
        self.pool.conn[parked.conn].handed += 1
        self.unpark(parked)
        return token

    def send(self, uint64_t token, bytes answer not None) -> int:
        """One more answer on a connection; octets that wait to be taken then, -1 = it is gone."""
        cdef uint32_t place = self.find(token)
        if place == NOBODY:
            return -1
        self.clock()
        if self.say(place, answer) and self.pool.conn[place].outgoing.end:
            self.flush(place)
        return self.pending(token)

    def pending(self, uint64_t token) -> int:
        """Octets that wait to be taken by a connection; -1 = it is gone."""
        cdef uint32_t place = self.find(token)
        return -1 if place == NOBODY else <int> buffer_left(&self.pool.conn[place].outgoing)

    def finish(self, uint64_t token) -> None:
        """One message that take() gave is answered."""
        cdef uint32_t place = self.find(token)
        if place != NOBODY and self.pool.conn[place].handed:
            self.pool.conn[place].handed -= 1
            self.clock()
            if self.pool.conn[place].whole:
                pool_queue(&self.pool, place, QUEUE_READY)      # what it parks must be told: by on_readable()
            else:
                self.turn(place, False)

    def cut(self, uint64_t token) -> None:
        """Close a connection, whatever is under way."""
        cdef uint32_t place = self.find(token)
        if place != NOBODY:
            self.drop(place)

    cdef bint say(self, uint32_t place, bytes answer):
        """Python's answer is owed; False: the connection is gone."""
        if len(answer) > MESSAGE_MAX:
            raise ValueError(f"message of {len(answer)} octets: at most {MESSAGE_MAX}")
        memcpy(self.out + 2, PyBytes_AS_STRING(answer), len(answer))
        return self.owe(place, <uint32_t> len(answer))

    cdef Parked* at(self, uint32_t place) except NULL:
        if place >= ROOM or self.room.parked[place].message == NULL:
            raise IndexError(f"no message is parked at {place}")
        return &self.room.parked[place]
