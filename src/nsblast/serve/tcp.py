"""DNS over TCP (RFC 7766): framing, pipelining, limits. What an answer says is the compiled core's business.

All complete messages that have arrived are answered in one call of Engine.answer_stream. A message that must wait leaves
the row, and those behind it are answered first (RFC 7766 6.2.1.1). A connection is closed when it idles, begins a message
and does not end it, does not take its answers, has lived long enough, or must give way to a new one. Everything held for
a connection is bounded: the transport's buffer by pausing, the message under way by its own length.
"""

import asyncio
import socket
from collections import OrderedDict
from time import monotonic
from typing import cast

import dns.rcode

from nsblast._core.engine import BUSY, HAND_OVER, MISS, MORE
from nsblast._core.stats import CONNECTIONS
from nsblast.logs import log
from nsblast.serve.fill import Filled, Filler
from nsblast.serve.handover import HandOver, Request, bare_answer, default_answer
from nsblast.settings import Settings

_SOON = 0.001
_WRITE_HIGH = 256 << 10
_WRITE_LOW = 32 << 10
_PARKED_MAX = 64  # messages of one connection that may wait, or be in the hands of handlers
_PATIENCE = 5.0  # seconds a message may wait before it is SERVFAIL
_FILLS = 256  # questions to the store in one turn of the loop: the other clients come next


class Connections:
    """All TCP connections of one worker, their limits and their common clock."""

    def __init__(self, settings: Settings, filler: Filler, handover: HandOver) -> None:
        self.filler = filler
        self.handover = handover
        self.loop = asyncio.get_running_loop()
        self.draining = False
        self.counts = {"accepted": 0, "refused": 0, "evicted": 0, "idle": 0, "slow": 0}
        self._open: OrderedDict[Connection, None] = OrderedDict()  # the longest idle first
        self._by_address: dict[bytes, int] = {}
        self._told = [0] * len(CONNECTIONS)
        self._sweeper: asyncio.TimerHandle | None = None
        self.adjust(settings)

    def adjust(self, settings: Settings) -> None:
        """Take over limits, at start and on reload."""
        self.idle = settings.tcp_idle_timeout
        self.lifetime = settings.tcp_lifetime
        self.query = settings.tcp_query_timeout
        self.write = settings.tcp_write_timeout
        self.per_address = settings.tcp_per_address
        self.most = max(1, settings.tcp_connections // settings.worker_count)
        self._every = min(1.0, max(0.02, min(self.idle, self.query, self.write) / 4))
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._sweeper = self.loop.call_later(self._every, self._sweep)

    def __len__(self) -> int:
        return len(self._open)

    def factory(self) -> "Connection":
        """For loop.create_server."""
        return Connection(self)

    def admit(self, connection: "Connection") -> bool:
        """Whether it may stay; the longest idle one gives way when all places are taken."""
        self.counts["accepted"] += 1
        key = connection.key
        if self.draining or self._by_address.get(key, 0) >= self.per_address:
            self.counts["refused"] += 1
            return False
        if len(self._open) >= self.most:
            oldest = next((one for one in self._open if one.idle), None)
            if oldest is None:
                self.counts["refused"] += 1
                return False
            self.counts["evicted"] += 1
            oldest.close()
            self.leave(oldest)
        self._open[connection] = None
        self._by_address[key] = self._by_address.get(key, 0) + 1
        return True

    def moved(self) -> list[int]:
        """By how much each counter (stats.CONNECTIONS) has changed since this was asked last."""
        now = [len(self._open) if name == "open" else self.counts[name] for name in CONNECTIONS]
        moved = [new - old for new, old in zip(now, self._told, strict=True)]
        self._told = now
        return moved

    def leave(self, connection: "Connection") -> None:
        """It is gone; calling twice does no harm."""
        if connection not in self._open:
            return
        del self._open[connection]
        left = self._by_address[connection.key] - 1
        if left:
            self._by_address[connection.key] = left
        else:
            del self._by_address[connection.key]

    def active(self, connection: "Connection") -> None:
        """It has just said something."""
        if connection in self._open:
            self._open.move_to_end(connection)

    async def drain(self, seconds: float) -> None:
        """Let all finish what is under way; cut off what is left after so many seconds."""
        self.draining = True
        deadline = monotonic() + seconds
        while self._open and monotonic() < deadline:
            for connection in list(self._open):
                if connection.idle:
                    connection.close()
            await asyncio.sleep(0.01)
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._open):
            connection.abort()

    def _sweep(self) -> None:
        """Close what has overstayed; one pass for all instead of a timer for each."""
        now = monotonic()
        for connection in list(self._open):
            reason = connection.overdue(now)
            if reason:
                self.counts[reason] += 1
        self._sweeper = self.loop.call_later(self._every, self._sweep)


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, all_: Connections) -> None:
        self._all = all_
        self._transport: asyncio.Transport
        self.key = b""
        self._client = b""
        self._rest = b""  # octets not answered yet: at most one message begun, more only while paused
        self._parked: list[tuple[bytes, float]] = []  # messages to be tried again, and since when they wait
        self._turn: asyncio.Handle | None = None  # what is whole goes on being answered in the loop's next turn
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._born = self._last = monotonic()
        self._begun = 0.0  # when the message under way began, 0 = none
        self._blocked = 0.0  # since when the client takes nothing, 0 = it does
        self._timer: asyncio.TimerHandle | None = None

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if not peer:
            self._transport.abort()
            return
        host = peer[0].partition("%")[0]
        self._client = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
        self.key = self._client[:8] if len(self._client) == 16 else self._client
        if not self._all.admit(self):
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=_WRITE_HIGH, low=_WRITE_LOW)

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.leave(self)
        self._rest = b""
        self._parked.clear()
        if self._timer is not None:
            self._timer.cancel()
        if self._turn is not None:
            self._turn.cancel()
        self._writable.set()
        for task in self._tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        self._last = monotonic()
        self._all.active(self)
        self._rest = self._rest + data if self._rest else data
        self._work()

    def eof_received(self) -> bool:
        # The client sends no more but may still read (RFC 7766 6.2.4): the transport stays until we are through.
        self._all.loop.call_soon(self._finish)
        return True

    def pause_writing(self) -> None:
        self._paused = True
        self._blocked = monotonic()
        self._writable.clear()
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        self._blocked = 0.0
        self._writable.set()
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._work()

    # -- requests

    def _work(self) -> None:
        """Answer all that is whole, as far as one turn allows."""
        filler, data = self._all.filler, self._rest
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        fills = 0
        while data and not self._paused and not self._transport.is_closing():
            used, answers, status = filler.engine.answer_stream(data, self._client, 0, self._last)
            if used:
                data = data[used:]
                self._begun = 0.0
            if answers:
                self._transport.write(answers)
            filled = filler.fill(*filler.engine.miss()) if status == MISS else None
            if filled is Filled.DONE:
                fills += 1
                if fills < _FILLS:
                    continue
                self._turn = self._all.loop.call_soon(self._work)
                break
            if filled is Filled.FAILED:
                message, data = _take(data)
                self._send_own(message, bare_answer(message, dns.rcode.SERVFAIL))
            elif status in (MISS, BUSY):
                message, data = _take(data)
                self._park(message, monotonic())
            elif status == HAND_OVER:
                message, data = _take(data)
                self._hand_over(message)
            elif status != MORE:
                break
        filler.tell_control()
        self._rest = data
        if not data:
            self._begun = 0.0
        elif not self._begun:
            self._begun = monotonic()

    def _park(self, message: bytes, since: float) -> None:
        if len(self._parked) >= _PARKED_MAX:
            self.abort()
            return
        self._parked.append((message, since))
        if self._timer is None:
            self._timer = self._all.loop.call_later(_SOON, self._again)

    def _again(self) -> None:
        """Messages that had to wait."""
        self._timer = None
        now = monotonic()
        waiting, self._parked = self._parked, []
        for message, since in waiting:
            answer = self._answer(message, since)
            if isinstance(answer, bytes):
                self._send(answer)
            elif answer == HAND_OVER:
                self._hand_over(message)
            elif now - since > _PATIENCE:
                self._send(bare_answer(message, dns.rcode.SERVFAIL))
            else:
                self._park(message, since)

    def _answer(self, message: bytes, since: float) -> bytes | int:
        """The answer, or why there is none yet: BUSY or HAND_OVER."""
        filler = self._all.filler
        for _ in range(_FILLS):
            answer = filler.engine.answer(message, self._client, True, 0, since)
            if answer != MISS:
                return answer
            filled = filler.fill(*filler.engine.miss())
            if filled is Filled.FAILED:
                return bare_answer(message, dns.rcode.SERVFAIL)
            if filled is Filled.LATER:
                break
        return BUSY

    def _send(self, answer: bytes) -> None:
        if answer and not self._transport.is_closing():
            self._last = monotonic()
            self._transport.write(len(answer).to_bytes(2, "big") + answer)

    def _send_own(self, message: bytes, answer: bytes) -> None:
        """An answer made in Python."""
        self._all.filler.note(message, answer, self._client, True)
        self._send(answer)

    def _hand_over(self, message: bytes) -> None:
        request = Request(message, self._client, tcp=True)
        if self._all.handover.find(request) is None:
            self._send_own(message, default_answer(message))
            return
        if len(self._tasks) >= _PARKED_MAX:
            self.abort()
            return
        task = self._all.loop.create_task(self._run(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, request: Request) -> None:
        """A handler's answers, no faster than the client takes them."""
        try:
            handler = self._all.handover.find(request)
            given = await handler(request) if handler is not None else b""
            if isinstance(given, bytes):
                self._send_own(request.packet, given)
                return
            async for answer in given:
                await self._writable.wait()
                if self._transport.is_closing():
                    return
                self._send(answer)
        except asyncio.CancelledError:
            raise
        except Exception:
            log().error("request failed", transport="tcp", exc_info=True)
            self.abort()

    # -- the end

    @property
    def idle(self) -> bool:
        """Nothing is under way, in either direction."""
        return not (self._rest or self._parked or self._tasks or self._transport.get_write_buffer_size())

    def overdue(self, now: float) -> str:
        """Close it when it has overstayed; the word it is counted under, "" = it may stay."""
        slow_reader = self._blocked and now - self._blocked > self._all.write
        slow_writer = self._begun and not self._blocked and now - self._begun > self._all.query
        if slow_reader or slow_writer:
            self.abort()
            return "slow"
        waits_for_us = self._parked or self._tasks
        if not waits_for_us and now - self._last > self._all.idle:
            if self._transport.get_write_buffer_size():
                self.abort()
                return "slow"
            self.close()
            return "idle"
        if self._all.lifetime and now - self._born > self._all.lifetime:
            self.close()
            return "idle"
        return ""

    def _finish(self) -> None:
        """After the client's end of sending: close when all is answered."""
        if self._transport.is_closing():
            return
        if self._parked or self._tasks or self._paused or self._turn is not None:
            self._all.loop.call_later(0.01, self._finish)
        else:
            self._transport.close()

    def close(self) -> None:
        """Close in order: what is written still goes out."""
        self._transport.close()

    def abort(self) -> None:
        """Cut it off."""
        self._transport.abort()


def _take(data: bytes) -> tuple[bytes, bytes]:
    """The first message of a stream and what follows it."""
    end = 2 + int.from_bytes(data[:2], "big")
    return data[2:end], data[end:]
