"""Glue between the event loop and the compiled TcpServer: limits, misses, messages for handlers, draining.

Never looks into a stream: framing, pipelining, closing and all limits are the compiled core's (_core/serve_tcp, RFC 7766).
A handler's answers go out no faster than its client takes them, beside the answers to the connection's other messages.
"""

import asyncio
import contextlib
import time
from time import monotonic

from nsblast._core.engine import HAND_OVER
from nsblast._core.serve_tcp import AGAIN, NEWS, WAITS, TcpServer
from nsblast._core.stats import CONNECTIONS
from nsblast.logs import log
from nsblast.serve.fill import Filler
from nsblast.serve.handover import HandOver, Request, default_answer
from nsblast.serve.sockets import Listener
from nsblast.settings import Settings

_SOON = 0.001  # a zone being changed stands still again within this
_HIGH = 256 << 10  # octets waiting to be taken: above it a handler waits
_LOW = 32 << 10  # until there are this few
_LOG_EVERY = 10.0


class Connections:
    """All TCP connections of one worker."""

    def __init__(self, settings: Settings, filler: Filler, handover: HandOver) -> None:
        self._filler = filler
        self._handover = handover
        self._loop = asyncio.get_running_loop()
        self._server = TcpServer(filler.engine)
        self._listeners: list[Listener] = []
        self._tasks: dict[asyncio.Task[None], int] = {}  # handlers at work, by the token of their connection
        self._blocked: dict[asyncio.Event, int] = {}  # of them, those that wait for their client
        self._told = (0,) * len(CONNECTIONS)
        self._starved = 0
        self._starved_told = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._turn: asyncio.Handle | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self.adjust(settings)
        self._loop.add_reader(self._server.fileno(), self._readable)

    def adjust(self, settings: Settings) -> None:
        """Take over limits, at start and on reload."""
        self._server.limit(
            max(1, settings.tcp_connections // settings.worker_count),
            settings.tcp_per_address,
            settings.tcp_idle_timeout,
            settings.tcp_lifetime,
            settings.tcp_query_timeout,
            settings.tcp_write_timeout,
        )
        shortest = min(settings.tcp_idle_timeout, settings.tcp_query_timeout, settings.tcp_write_timeout)
        self._every = min(1.0, max(0.02, shortest / 4))
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._sweeper = self._loop.call_later(self._every, self._sweep)

    def renew(self) -> None:
        """The Engine was replaced (new settings)."""
        self._server.renew(self._filler.engine)

    def listen(self, listener: Listener) -> None:
        """Serve a listening socket, which is ours from now on."""
        self._server.listen(listener.sock.fileno())
        self._listeners.append(listener)

    def __len__(self) -> int:
        return self._server.open

    @property
    def counts(self) -> dict[str, int]:
        """What became of connections, since the start."""
        return dict(zip(CONNECTIONS, self._server.counts, strict=True))

    @property
    def memory(self) -> int:
        """Octets held for connections."""
        return self._server.memory()

    def moved(self) -> list[int]:
        """By how much each counter (stats.CONNECTIONS) has changed since this was asked last."""
        now = self._server.counts
        moved = [new - old for new, old in zip(now, self._told, strict=True)]
        self._told = now
        return moved

    def hang_up(self) -> None:
        """Take no more connections."""
        self._server.hang_up()
        for listener in self._listeners:
            listener.sock.close()
        self._listeners.clear()

    async def drain(self, seconds: float) -> None:
        """Let all finish what is under way; cut off what is left after so many seconds."""
        self.hang_up()
        deadline = monotonic() + seconds
        self._readable()
        while self._server.close_idle() and monotonic() < deadline:
            await asyncio.sleep(0.01)
        self._loop.remove_reader(self._server.fileno())
        for handle in (self._sweeper, self._timer, self._turn):
            if handle is not None:
                handle.cancel()
        self._server.abort()
        for task in self._tasks:
            task.cancel()

    # -- the loop's calls

    def _readable(self) -> None:
        flags = self._server.on_readable()
        if flags:
            self._look_after(flags)

    def _go_on(self) -> None:
        self._turn = None
        self._readable()

    def _again(self) -> None:
        self._timer = None
        if self._server.retry():
            self._look_after(WAITS)
        self._soon()

    def _sweep(self) -> None:
        """Close what has overstayed; one pass for all instead of a timer for each."""
        flags = self._server.sweep()
        if flags:
            self._look_after(flags)
        self._tell_starved()
        self._sweeper = self._loop.call_later(self._every, self._sweep)

    def _look_after(self, flags: int) -> None:
        """Misses are filled now; what stands still in a moment is tried then; the rest is handed over."""
        server = self._server
        if flags & WAITS:
            again = self._filler.serve(server)
            self._filler.tell_control()
            for place, status, _, _, _ in server.misses():
                if status == HAND_OVER:
                    self._hand_over(place)
            if again and self._timer is None:
                self._timer = self._loop.call_later(_SOON, self._again)
        if flags & NEWS:
            self._tell_handlers()
        self._soon()

    def _soon(self) -> None:
        """Work that needs no network waits for the loop's next turn, so that others get theirs."""
        flags = self._server.flags
        if flags & NEWS:
            self._tell_handlers()
        if self._turn is None and flags & AGAIN:
            self._turn = self._loop.call_soon(self._go_on)

    def _tell_handlers(self) -> None:
        """There is room for more of some answers; and whose client is gone works for nobody."""
        pending = self._server.pending
        for event, token in self._blocked.items():
            if pending(token) <= _LOW:
                event.set()
        for task, token in self._tasks.items():
            if pending(token) < 0:
                task.cancel()

    def _tell_starved(self) -> None:
        starved = self._server.starved
        if starved != self._starved and time.monotonic() - self._starved_told > _LOG_EVERY:
            log().warning("no file descriptor left for a TCP connection", times=starved - self._starved)
            self._starved, self._starved_told = starved, time.monotonic()

    # -- messages for handlers

    def _hand_over(self, place: int) -> None:
        packet, client = self._server.request(place)
        request = Request(packet, client, tcp=True)
        if self._handover.find(request) is None:
            answer = default_answer(packet)
            self._filler.note(packet, answer, client, True)
            self._server.reply(place, answer)
            return
        token = self._server.take(place)
        task = self._loop.create_task(self._run(token, request))
        self._tasks[task] = token
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A handler's task is done. One that was cancelled before its first step has not finished its message."""
        token = self._tasks.pop(task)
        if task.cancelled():
            self._server.cut(token)

    async def _run(self, token: int, request: Request) -> None:
        """A handler's answers, no faster than the client takes them."""
        try:
            handler = self._handover.find(request)
            given = await handler(request) if handler is not None else b""
            if isinstance(given, bytes):
                self._filler.note(request.packet, given, request.client, True)
                self._server.send(token, given)
            else:
                async with contextlib.aclosing(given) as answers:
                    async for answer in answers:
                        if not await self._send(token, answer):
                            break
        except Exception:
            log().error("request failed", transport="tcp", exc_info=True)
            self._server.cut(token)
        finally:
            self._server.finish(token)
            self._soon()

    async def _send(self, token: int, answer: bytes) -> bool:
        """One answer of many; False when the client is gone."""
        left = self._server.send(token, answer)
        if left > _HIGH:
            event = asyncio.Event()
            self._blocked[event] = token
            try:
                await event.wait()
            finally:
                del self._blocked[event]
            left = self._server.pending(token)
        else:
            await asyncio.sleep(0)  # a fast client's long answer must not keep the loop
        return left >= 0
