"""The worker's half of what control serves: messages handed over to it on one lasting connection, answers as they come.

Owns: that connection, how many messages may be under way, what a client is told when control cannot be asked. Never: what a message
means: NOTIFY, UPDATE or anything else of one request and one answer goes the same way (transfer/relayed.py is the other half).
Many messages are under way at a time; each answer carries its number. Control may be replaced at any moment: a message that never left gets
SERVFAIL once the new one could not be reached either; one that left and was not answered is met with silence, because it may
have been done, and its client asks again. Datagrams beyond the limit get SERVFAIL at once (they hold places that
misses need); messages over TCP wait for room, and so do their connections.
"""

import asyncio
import contextlib
import socket
import struct
import time
from collections import deque
from pathlib import Path
from typing import Any, cast

import dns.rcode
import msgspec

from nsblast.control import FRAME_MAX, PROTOCOL, frame_of, socket_address
from nsblast.errors import NsblastError
from nsblast.logs import log
from nsblast.serve.handover import Request, bare_answer
from nsblast.transfer.relayed import OPERATION

UDP_MOST = 256
"""Datagrams under way; a quarter of the places there are."""
OCTETS_MOST = 4 << 20
"""Octets of messages under way over TCP."""
ANSWER_WITHIN = 10.0
"""Seconds; by then a client over UDP has given up."""
CONNECT_WITHIN = 3.0
"""Seconds for which control may be away: its successor is there within a fraction of it."""
_PAUSES = (0.005, 0.02, 0.05, 0.1)
_LOG_EVERY = 1.0
_LENGTH = struct.Struct("!I")
_decode = msgspec.msgpack.Decoder(dict[str, Any]).decode


class _Away(Exception):
    """Control cannot be reached."""


class _Lost(Exception):
    """Control had the message and gave no answer."""


class _Link(asyncio.Protocol):
    """One connection to control."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting = bytearray()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._next = 0

    @property
    def alive(self) -> bool:
        """Whether a message can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Control is there."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class

    def data_received(self, data: bytes) -> None:
        """Answers."""
        waiting = self._waiting
        waiting += data
        at = 0
        try:
            while len(waiting) - at >= _LENGTH.size:
                (length,) = _LENGTH.unpack_from(waiting, at)
                end = at + _LENGTH.size + length
                if length > FRAME_MAX:
                    raise msgspec.DecodeError("not a frame")
                if len(waiting) < end:
                    break
                self._take(_decode(memoryview(waiting)[at + _LENGTH.size : end]))
                at = end
        except msgspec.MsgspecError:
            self.close()
            return
        finally:
            del waiting[:at]

    def connection_lost(self, exc: Exception | None) -> None:
        """Control is gone, with all it was asked."""
        self._transport = None
        asked, self._asked = self._asked, {}
        for future in asked.values():
            if not future.done():
                future.set_exception(_Lost())

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    async def ask(self, request: Request) -> Any:
        """The frame that answers a request; _Lost when none came."""
        assert self._transport is not None
        loop = asyncio.get_running_loop()
        self._next += 1
        number = self._next
        future = self._asked[number] = loop.create_future()
        args = {"packet": request.packet, "client": request.client, "tcp": request.tcp}
        self._transport.write(frame_of({"v": PROTOCOL, "id": number, "op": OPERATION, "args": args}))
        timer = loop.call_later(ANSWER_WITHIN, self._give_up, number)
        try:
            return await future
        finally:
            timer.cancel()
            self._asked.pop(number, None)

    def tell(self, operation: str, items: list[Any]) -> None:
        """An operation whose answer nobody waits for."""
        assert self._transport is not None
        self._next += 1
        frame = {"v": PROTOCOL, "id": self._next, "op": operation, "args": {"items": items}}
        self._transport.write(frame_of(frame))

    def _take(self, answer: dict[str, Any]) -> None:
        future = self._asked.get(answer.get("id", 0))
        if future is not None and not future.done():
            future.set_result(answer)

    def _give_up(self, number: int) -> None:
        future = self._asked.get(number)
        if future is not None and not future.done():
            future.set_exception(_Lost())


class Relay:
    """Serves requests by asking control; one for a worker, used by its loop only."""

    def __init__(self, db_path: Path) -> None:
        self._db_path = db_path
        self._link: _Link | None = None
        self._connecting: asyncio.Task[_Link] | None = None
        self._datagrams = 0
        self._octets = 0
        self._room: deque[asyncio.Future[None]] = deque()
        self._told = 0.0
        self._telling: asyncio.Future[None] | None = None

    async def serve(self, request: Request) -> bytes:
        """A handler for HandOver: control's answer, or SERVFAIL; b"" when nobody knows what became of the request."""
        size = len(request.packet)
        if not request.tcp:
            if self._datagrams >= UDP_MOST:
                return bare_answer(request.packet, dns.rcode.SERVFAIL)
            self._datagrams += 1
            try:
                return await self._ask(request)
            finally:
                self._datagrams -= 1
        while self._octets + size > OCTETS_MOST and self._octets:
            future = asyncio.get_running_loop().create_future()
            self._room.append(future)
            await future
        self._octets += size
        try:
            return await self._ask(request)
        finally:
            self._octets -= size
            while self._room:
                first = self._room.popleft()
                if not first.done():
                    first.set_result(None)
                    break

    def tell(self, operation: str, items: list[Any]) -> None:
        """Have control know of something, if it is there: it is lost when control is not, and no answer is waited for."""
        self._telling = asyncio.ensure_future(self._tell_control(operation, items))

    async def _tell_control(self, operation: str, items: list[Any]) -> None:
        with contextlib.suppress(_Away):
            (await self._linked()).tell(operation, items)

    def close(self) -> None:
        """Hang up; what is under way is lost."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._link is not None:
            self._link.close()

    async def _ask(self, request: Request) -> bytes:
        try:
            answer = await (await self._linked()).ask(request)
        except _Away:
            self._tell("control cannot be reached: a message is not served")
            return bare_answer(request.packet, dns.rcode.SERVFAIL)
        except _Lost:
            self._tell("control was given a message and did not answer")
            return b""
        value = answer.get("value")
        if isinstance(value, bytes):
            return value
        self._tell("control did not serve a message", reason=answer.get("message"))
        return bare_answer(request.packet, dns.rcode.SERVFAIL)

    async def _linked(self) -> _Link:
        """The connection, made when there is none; _Away."""
        link = self._link
        if link is not None and link.alive:
            return link
        if self._connecting is None:
            self._connecting = asyncio.ensure_future(self._connect())
            self._connecting.add_done_callback(self._connected)
        return await asyncio.shield(self._connecting)

    def _connected(self, task: "asyncio.Task[_Link]") -> None:
        self._connecting = None
        if not task.cancelled() and task.exception() is None:
            self._link = task.result()

    async def _connect(self) -> _Link:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + CONNECT_WITHIN
        pauses = iter(_PAUSES)
        pause = 0.0
        while True:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            try:
                with socket_address(self._db_path) as address:
                    sock.connect(address)
                _, link = await loop.create_unix_connection(_Link, sock=sock)
                return link
            except (OSError, NsblastError):
                sock.close()
            pause = next(pauses, pause)
            if loop.time() + pause > deadline:
                raise _Away
            await asyncio.sleep(pause)

    def _tell(self, what: str, **more: Any) -> None:
        """One line a second at most."""
        now = time.monotonic()
        if now - self._told >= _LOG_EVERY:
            self._told = now
            log().warning(what, **more)
