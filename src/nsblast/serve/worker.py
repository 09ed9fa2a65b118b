"""One DNS worker process: sockets, Engine, secondary, loop; proves itself, serves, drains.

Order at start: bind (with the supervisor's privileges), drop privileges, open the store, answer a query of its own on each
UDP socket, and only then say "ready". It writes nothing but its logs and its own slot in the shared segment.
"""

import asyncio
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

import uvloop
from dns.opcode import Opcode

from nsblast._core.engine import Engine
from nsblast._core.querylog import QueryLog
from nsblast._core.view import View
from nsblast.errors import NsblastError, StartError, from_os
from nsblast.logs import log, setup
from nsblast.process.life import Life
from nsblast.process.slices import SHORT, take_turns_of
from nsblast.serve.fill import Filler, Follower
from nsblast.serve.foreign import Foreign
from nsblast.serve.handover import HandOver
from nsblast.serve.mapped import Mapper
from nsblast.serve.querylog import QueryLogWriter
from nsblast.serve.relay import Relay
from nsblast.serve.sockets import adopt, listen
from nsblast.serve.tcp import Connections
from nsblast.serve.udp import UdpPort
from nsblast.settings import Settings
from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader
from nsblast.transfer.relayed import TRANSFERRED
from nsblast.transfer.rules import networks_of

_PROVE_WITHIN = 10.0
_TRANSFERS_AT = 8  # stats.pxd, FIRST_TRANSFER
_DRAIN_SHARE = 0.8  # of stop_timeout; after all of it the supervisor ends us
# What an Engine is told once: a change of one of these makes a new Engine.
_ENGINE_SETTINGS = (
    "allow_query",
    "udp_max",
    "udp_gso",
    "any_full",
    "nsid",
    "chaos",
    "version_text",
    "server_id",
    "cookies",
    "cookies_required",
    "cookie_secret",
    "cookie_secret_old",
    "tcp_idle_timeout",
)


def main(life: Life) -> None:
    """The child's main: returns when the worker was stopped in order."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Worker(life).run())


def make_engine(life: Life, settings: Settings, querylog: QueryLog) -> Engine:
    """An Engine with these settings."""
    return Engine(
        life.segment_fd,
        worker=life.index,
        udp_max=settings.udp_max,
        nsid=settings.nsid_octets,
        cookies=settings.cookies,
        cookies_required=settings.cookies_required,
        cookie_secret=bytes.fromhex(settings.cookie_secret) or life.cookie_secret,
        cookie_secret_old=bytes.fromhex(settings.cookie_secret_old),
        tcp_keepalive=min(65535, int(settings.tcp_idle_timeout * 10)),
        version=settings.version_text.encode() if settings.chaos else b"",
        server_id=settings.server_id.encode() if settings.chaos else b"",
        any_full=settings.any_full,
        allowed=networks_of(settings.allow_query),
        gso=settings.udp_gso,
        querylog=querylog,
    )


class Worker:
    """The process's one object."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._settings = life.settings
        self._end = asyncio.Event()
        self._failure: NsblastError | None = None
        self._tick: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """From birth to drained."""
        life, settings = self._life, self._settings
        self._loop = loop = asyncio.get_running_loop()
        listeners = adopt(life.sockets, settings) if life.sockets else listen(settings)
        life.become()
        self._segment = View(life.segment_fd)
        database = Database.secondary(settings.db_path, str(os.getpid()), block_cache=settings.block_cache)
        # Now that RocksDB has its threads, which inherit: questions interrupt what writes, whose work is longer and can wait.
        take_turns_of(SHORT)
        store = Follower(StoreReader(database, self._segment.filter_maybe_apex))
        self._querylog = QueryLogWriter(settings)
        engine = make_engine(life, settings, self._querylog.ring)
        self._filler = Filler(engine, store, self._segment, life.index, life.ring_fd, self._querylog.note)
        self._segment.worker_register(life.index, os.getpid(), store.position)
        self._foreign = Foreign(self._filler, store, self._segment, settings)
        handover = HandOver()
        self._foreign.register(handover)
        self._relay = Relay(settings.db_path)
        handover.on_opcode(Opcode.UPDATE, self._relay.serve)
        handover.on_opcode(Opcode.NOTIFY, self._relay.serve)
        self._mapper = Mapper(str(settings.db_path))
        self._ports = [UdpPort(one, self._filler, handover) for one in listeners if one.udp]
        self._connections = Connections(settings, self._filler, handover)
        self._filler.catch_up()
        for port in self._ports:
            await _prove(port)
        # Only now: what a worker asks itself is nobody's query.
        self._querylog.adjust(settings)
        loop.add_signal_handler(signal.SIGTERM, self._end.set)
        loop.add_reader(life.wake_fds[life.index], self._wake)
        loop.add_reader(life.channel.fileno(), self._news)
        self._timer()
        for port in self._ports:
            port.start()
        for one in listeners:
            if not one.udp:
                self._connections.listen(one)
        life.channel.send(state="ready")
        log().info("ready", position=store.position)
        await self._end.wait()
        self._connections.hang_up()
        for port in self._ports:
            port.stop()
        await self._connections.drain(settings.stop_timeout * _DRAIN_SHARE)
        # The store is about to be closed: nobody may ask to follow it any more.
        loop.remove_reader(life.wake_fds[life.index])
        loop.remove_reader(life.channel.fileno())
        self._relay.close()
        self._mapper.stop()
        if self._tick is not None:
            self._tick.cancel()
        self._segment.worker_alive(life.index, self._moved())
        self._segment.worker_leave(life.index)
        self._querylog.close()
        store.close()
        if self._failure is not None:
            raise self._failure
        log().info("drained")

    def _timer(self) -> None:
        """Follow the store while nobody hurries us."""
        self._follow(self._filler.catch_up_if_behind)
        self._filler.tell_control()
        self._mapper.maybe(self._segment.pressed)
        self._segment.worker_alive(self._life.index, self._moved())
        ended = self._foreign.ended()
        if ended:
            self._relay.tell(TRANSFERRED, ended)
        self._tick = self._loop.call_later(self._settings.catch_up, self._timer)

    def _moved(self) -> list[int]:
        """Counters of this process since it told them last; transfers have their places behind the connections'."""
        connections = self._connections.moved()
        return connections + [0] * (_TRANSFERS_AT - len(connections)) + self._foreign.moved()

    def _wake(self) -> None:
        """Control waits for us to catch up."""
        try:
            os.eventfd_read(self._life.wake_fds[self._life.index])
        except BlockingIOError:
            return
        self._follow(self._filler.catch_up)

    def _follow(self, how: Callable[[], None]) -> None:
        try:
            how()
        except NsblastError as error:
            # A fresh process may do better than this one, which has tried for long.
            self._failure = error
            self._end.set()

    def _news(self) -> None:
        """A message from the supervisor."""
        self._life.channel.hear(self._end.set, settings=self._new_settings)

    def _new_settings(self, message: dict[str, Any]) -> None:
        try:
            self._adjust(Settings(**message["settings"]))
        except NsblastError as error:
            log().error("settings not taken over", reason=error.message)
        except OSError as error:
            # No descriptor left, say. Some parts have the new Engine, some the old: a fresh process takes all of it over.
            self._failure = from_os(error, "take over settings")
            self._end.set()
            return
        self._life.channel.send(done=message["n"])

    def _adjust(self, settings: Settings) -> None:
        """Take over what changed; log files are opened anew in any case (they may have been rotated)."""
        old, self._settings = self._settings, settings
        setup(settings, self._life.name)
        log().debug("settings in force", log_level=settings.log_level, query_log_mode=settings.query_log_mode)
        self._connections.adjust(settings)
        self._foreign.adjust(settings)
        self._querylog.adjust(settings)
        if any(getattr(old, name) != getattr(settings, name) for name in _ENGINE_SETTINGS):
            self._filler.engine = make_engine(self._life, settings, self._querylog.ring)
            for port in self._ports:
                port.renew()
            self._connections.renew()


async def _prove(port: UdpPort) -> None:
    """Ask this worker's own socket a question and get the answer, over loopback.

    The port is shared with other workers and the kernel chooses by the client's port: another client port is tried until a
    datagram arrives here. StartError when that does not happen in time.
    """
    listener = port.listener
    name = listener.sock.getsockname()
    if listener.wildcard:
        name = ("::1" if ":" in listener.address else "127.0.0.1", *name[1:])
    deadline = time.monotonic() + _PROVE_WITHIN
    while time.monotonic() < deadline:
        with socket.socket(listener.sock.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as asking:
            number = secrets.token_bytes(2)
            try:
                asking.connect(name)
                # SOA of the root, class IN: whatever is served here, that gets an answer.
                asking.send(number + bytes.fromhex("0000 0001 0000 0000 0000 00 0006 0001"))
            except OSError as error:
                raise StartError(f"cannot ask {listener} a question: {error.strerror}") from None
            if await _answered(port, asking, number):
                return
    raise StartError(f"got no answer to a question of its own from {listener}: is loopback traffic filtered?")


async def _answered(port: UdpPort, asking: socket.socket, number: bytes) -> bool:
    """Whether the answer came, and came from here: only what we read from our socket ourselves is answered by us."""
    ours = False
    for _ in range(50 if port.listener.shared else 20):
        ours = port.poll() or ours
        await asyncio.sleep(0 if ours else 0.0005)
        try:
            answer = asking.recv(4096)
        except BlockingIOError:
            continue
        except ConnectionRefusedError:
            return False
        return (ours or port.listener.shared) and answer[:2] == number and bool(answer[2] & 0x80)
    return False
