"""The control socket: how commands speak with the running server. Framing, a blocking client, an asyncio server.

A unix stream socket `control.sock` in the database folder, mode 0600: who may open it may do everything.
Each frame is a big-endian u32 length and one msgpack map:
  request   {v: 1, id, op, args}
  answer    {id, value}                       the last frame of a request
            {id, item}                        one of many, before the last (lists, progress)
            {id, error, message, details}     instead of value: an error of errors.py by name
Requests of one connection run side by side; answers carry the id and come as they are ready.
This file knows no operation: it is handed a table of them. It never touches the store.
"""

import asyncio
import contextlib
import logging
import os
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec

from nsblast.errors import (
    ControlError,
    NotRunning,
    NsblastError,
    PermissionMissing,
    TimedOut,
    UsageError,
    from_os,
    from_wire,
)

SOCKET_NAME = "control.sock"
PROTOCOL = 1
FRAME_MAX = 256 << 20
_THREADS = 64  # so many operations that block may run
_AHEAD = 64  # items of a stream under way to a client that has not read them yet

_LENGTH = struct.Struct("!I")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


@dataclass(frozen=True)
class Peer:
    """Who is at the other end, as the kernel says."""

    pid: int
    uid: int


# A handler gets the request's arguments and the peer. Plain functions run in threads, coroutine functions in the loop.
# An iterator that a plain function returns is streamed, and its return value is the last frame's.
AsyncHandler = Callable[[dict[str, Any], Peer], Awaitable[Any]]
Handler = Callable[[dict[str, Any], Peer], Any] | AsyncHandler


@contextlib.contextmanager
def socket_address(folder: Path) -> Iterator[str]:
    """The socket's path by way of the folder's descriptor: sun_path holds only 107 octets, folders may be deeper."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotRunning(f"no server runs on {folder}: there is no such folder") from None
    except OSError as error:
        raise from_os(error, f"open database folder {folder}") from None
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
    finally:
        os.close(descriptor)


def frame_of(message: Mapping[str, Any]) -> bytes:
    """A message as it goes over the socket; ControlError when it is too long."""
    body = _encode(message)
    if len(body) > FRAME_MAX:
        raise ControlError(f"a message of {len(body)} octets is over the control socket's limit of {FRAME_MAX}")
    return _LENGTH.pack(len(body)) + body


class Client:
    """One blocking connection, for one thread at a time."""

    def __init__(self, db_path: Path, timeout: float | None = None) -> None:
        """Connect; NotRunning when no server listens there. timeout: seconds for each answer, None = wait."""
        self._db_path = db_path
        self._next = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            with socket_address(db_path) as address:
                self._socket.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            self._socket.close()
            raise NotRunning(f"no server runs on {db_path}") from None
        except PermissionError:
            self._socket.close()
            raise PermissionMissing(f"the control socket of {db_path} belongs to another user") from None
        except TimeoutError:
            self._socket.close()
            raise TimedOut(f"the server on {db_path} does not take connections") from None
        except BaseException:
            self._socket.close()
            raise

    def call(self, op: str, **args: Any) -> Any:
        """Run one operation to its end; the server's error is raised here as the same kind."""
        answers = self.stream(op, **args)
        while True:
            try:
                next(answers)
            except StopIteration as end:
                return end.value

    def stream(self, op: str, **args: Any) -> Generator[Any, None, Any]:
        """Items as they come; the generator's return value is the operation's."""
        self._next += 1
        number = self._next
        self._send({"v": PROTOCOL, "id": number, "op": op, "args": args})
        while True:
            answer = self._receive()
            if answer.get("id") != number:
                continue  # what is left of a stream that was given up
            if "error" in answer:
                raise from_wire(answer)
            if "item" in answer:
                yield answer["item"]
            else:
                return answer.get("value")

    def close(self) -> None:
        """Hang up; what runs for this client goes on to its end."""
        self._socket.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self._socket.sendall(frame_of(message))
        except TimeoutError:
            raise TimedOut(f"the server on {self._db_path} does not read") from None
        except OSError:
            raise NotRunning(f"the server on {self._db_path} went away") from None

    def _receive(self) -> dict[str, Any]:
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        if length > FRAME_MAX:
            raise ControlError(f"the server on {self._db_path} sent something that is no answer")
        answer = _decode(self._exactly(length))
        if not isinstance(answer, dict):
            raise ControlError(f"the server on {self._db_path} sent something that is no answer")
        return answer

    def _exactly(self, octets: int) -> bytes:
        whole = bytearray()
        while len(whole) < octets:
            try:
                part = self._socket.recv(min(octets - len(whole), 1 << 20))
            except TimeoutError:
                raise TimedOut(f"the server on {self._db_path} did not answer in time") from None
            except OSError:
                part = b""
            if not part:
                raise NotRunning(f"the server on {self._db_path} went away before it answered")
            whole += part
        return bytes(whole)


class Server:
    """The listening end, in control's event loop."""

    def __init__(self, db_path: Path, handlers: Mapping[str, Handler]) -> None:
        self._db_path = db_path
        self._handlers = handlers
        self._in_loop = frozenset(each for each in handlers.values() if asyncio.iscoroutinefunction(each))
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="control")
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def start(self) -> None:
        """Listen; a socket left by a server that died is replaced (the caller holds the database's lock)."""
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        mask = os.umask(0o177)
        try:
            with socket_address(self._db_path) as address:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(address)
                listening.bind(address)
        except OSError as error:
            listening.close()
            raise from_os(error, f"make the control socket in {self._db_path}") from None
        finally:
            os.umask(mask)
        listening.listen(128)
        self._server = await asyncio.get_running_loop().create_unix_server(self._connection, sock=listening)

    async def stop(self) -> None:
        """Take no more requests, let those under way end, remove the socket."""
        if self._server is not None:
            self._server.close()
        with contextlib.suppress(OSError):
            (self._db_path / SOCKET_NAME).unlink()
        if self._connections:
            await asyncio.wait([connection.finish() for connection in self._connections], timeout=6)
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)

    def _connection(self) -> "_Connection":
        return _Connection(self._handlers, self._in_loop, self._threads, self._connections)


class _Connection(asyncio.Protocol):
    """Requests of one client under way. A Protocol, because streams would cost a small request more than its work."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        in_loop: frozenset[AsyncHandler],
        threads: ThreadPoolExecutor,
        connections: "set[_Connection]",
    ) -> None:
        self._handlers = handlers
        self._in_loop = in_loop
        self._threads = threads
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._peer = Peer(0, 0xFFFFFFFF)
        self._transport: asyncio.Transport | None = None
        self._waiting = bytearray()
        self._running: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = threading.Event()

    # -- what the loop calls --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        raw = transport.get_extra_info("socket").getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
        )
        pid, uid, _ = struct.unpack("3i", raw)
        self._peer = Peer(pid, uid)
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Start the requests that have come whole."""
        if self._ending is not None:
            return
        waiting = self._waiting
        waiting += data
        try:
            while len(waiting) >= _LENGTH.size:
                (length,) = _LENGTH.unpack_from(waiting)
                if length > FRAME_MAX:
                    self.finish()
                    return
                end = _LENGTH.size + length
                if len(waiting) < end:
                    break
                body = bytes(memoryview(waiting)[_LENGTH.size : end])
                del waiting[:end]
                self._take(body)
        except msgspec.DecodeError:
            self.finish()

    def eof_received(self) -> bool:
        """The client sends no more; it may still read."""
        self.finish()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._gone.set()
        self._writable.set()
        self.finish()

    def pause_writing(self) -> None:
        """The client does not read."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It reads again."""
        self._writable.set()

    # -- requests --

    def finish(self) -> "asyncio.Task[None]":
        """The client is gone or the server stops: what was begun is finished, answers go as far as they can."""
        if self._ending is None:
            self._ending = self._loop.create_task(self._finish())
        return self._ending

    async def _finish(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=5)
        self._gone.set()
        if self._transport is not None:
            self._transport.close()
        self._connections.discard(self)

    def _take(self, body: bytes) -> None:
        """Start one request; msgspec.DecodeError when it is none, which ends the connection."""
        request = _decode(body)
        if not isinstance(request, dict) or not isinstance(request.get("args", {}), dict):
            raise msgspec.DecodeError("not a request")
        task = self._loop.create_task(self._run(request))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, request: dict[str, Any]) -> None:
        number = request.get("id")
        try:
            value = await self._answer(request)
            frame = frame_of({"id": number, "value": value})
        except NsblastError as error:
            frame = frame_of({"id": number, **error.to_wire()})
        except asyncio.CancelledError:
            raise
        except Exception as error:
            logging.getLogger(__name__).error("operation %s failed", request.get("op"), exc_info=True)
            told = ControlError(f"the server failed inside {request.get('op')}: {type(error).__name__}: {error}")
            frame = frame_of({"id": number, **told.to_wire()})
        await self._send(frame)

    async def _answer(self, request: dict[str, Any]) -> Any:
        if request.get("v") != PROTOCOL:
            raise ControlError(
                "command and server are of different versions: restart the server or use its own command"
            )
        handler = self._handlers.get(str(request.get("op")))
        if handler is None:
            raise UsageError(f"the server knows no operation {request.get('op')!r}")
        args = request.get("args") or {}
        if handler in self._in_loop:
            return await handler(args, self._peer)
        return await self._loop.run_in_executor(self._threads, self._in_thread, handler, args, request.get("id"))

    def _in_thread(self, handler: Handler, args: dict[str, Any], number: object) -> Any:
        value = handler(args, self._peer)
        if not isinstance(value, Iterator):
            return value
        room = threading.Semaphore(_AHEAD)
        while True:
            try:
                item = next(value)
            except StopIteration as end:
                return end.value
            while not room.acquire(timeout=0.5):
                if self._gone.is_set():
                    break
            if self._gone.is_set():
                close = getattr(value, "close", None)
                if close is not None:
                    close()
                return None
            frame = frame_of({"id": number, "item": item})
            future = asyncio.run_coroutine_threadsafe(self._send(frame), self._loop)
            future.add_done_callback(lambda _: room.release())

    async def _send(self, frame: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            self._gone.set()
            return
        self._transport.write(frame)
        if not self._writable.is_set():
            await self._writable.wait()
