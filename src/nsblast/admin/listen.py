"""The HTTP server's sockets and connections: uvicorn in the control process's loop, with limits of our own.

Owns: binding, TLS and its reload, limits of headers, connections and time. Never: what a request means (rim.py).
A request's head must be whole within http_head_timeout and under HEAD_MAX octets, its body must come in time; a connection without
a request is closed after http_idle_timeout, one that does not take its answer is broken off after http_write_timeout. Beyond
http_connections connections, and http_per_address of one address, further ones are answered 503.
"""

import asyncio
import contextlib
import os
import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
import uvicorn.lifespan.off  # named by text in uvicorn: what is not imported before privileges are dropped may not be readable
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from nsblast.access.throttle import place_of
from nsblast.admin.envelope import pack_error
from nsblast.admin.rim import WHOLE
from nsblast.errors import NsblastError, SettingsError
from nsblast.logs import log
from nsblast.settings import Settings

HEAD_MAX = 32 << 10
HEADERS_MAX = 100
_STALL = 30.0
"""Seconds that a body may take, and its length in _RATE more."""
_RATE = 4096
"""Octets a second that a body must come with, and an answer be taken with, on the whole."""
_LOOK = 5.0
"""Seconds between two looks at certificate files."""


_UNFIT = "these are not a certificate and its key in PEM, unencrypted, that fit together"


class Certificate:
    """TLS by certificate and key files, read again when they change; the old pair stays when the new does not fit."""

    def __init__(self, settings: Settings) -> None:
        """SettingsError when the pair cannot be used."""
        assert settings.http_tls_certificate is not None
        self._certificate = settings.http_tls_certificate
        self._key = settings.http_tls_key or settings.http_tls_certificate
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self._seen = self._stamp()
        self._load()

    def refresh(self) -> bool:
        """Take the files anew if they changed; whether they did. New connections get the new certificate."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        # A trial first: a context that took a certificate and then not its key would serve nobody.
        trial = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            trial.load_cert_chain(self._certificate, self._key)
            self._load()
        except (OSError, SettingsError) as error:
            reason = _UNFIT if isinstance(error, ssl.SSLError) else str(error)
            files = {"file": str(self._certificate), "key": str(self._key)}
            log().error("the new certificate cannot be used, the old one stays", reason=reason, **files)
            return False
        log().info("certificate read anew", file=str(self._certificate))
        return True

    def _load(self) -> None:
        try:
            self.context.load_cert_chain(self._certificate, self._key)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno and not isinstance(error, ssl.SSLError) else _UNFIT
            raise SettingsError(f"http_tls_certificate {self._certificate}, key {self._key}: {reason}") from None

    def _stamp(self) -> tuple[Any, ...]:
        return tuple(_stat(path) for path in (self._certificate, self._key))


def _stat(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_ino, found.st_size)


class _Protocol(HttpToolsProtocol):
    """uvicorn's, with limits for who sends too much, too slowly, or something that is not HTTP."""

    def __init__(self, places: Counter[str], *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._places = places
        self._place = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._place = place_of(self.client[0]) if self.client else ""
        self._places[self._place] += 1
        self._octets = 0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting = ""
        self._within = 0.0
        self._received = 0
        self._began = 0.0
        self._pushing: asyncio.TimerHandle | None = None
        # A new connection must ask within the time a kept one may be idle.
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        settings: Settings = self.config.app.state.site.settings  # type: ignore[union-attr]
        self._over = settings.http_connections if len(self.connections) > settings.http_connections else 0
        most = settings.http_per_address
        if 0 < most < self._places[self._place]:
            self._tell(503, f"there are {most} connections from this address already")

    def connection_lost(self, exc: Exception | None) -> None:
        self._places[self._place] -= 1
        if not self._places[self._place]:
            del self._places[self._place]
        self._unset_keepalive_if_required()
        self._expect("")
        self._cease()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._push()

    def resume_writing(self) -> None:
        self._cease()
        super().resume_writing()

    def _push(self) -> None:
        """Look after a while how much of what waits for the client it has taken. Closing would wait for it too, for good."""
        within: float = self.config.app.state.site.settings.http_write_timeout  # type: ignore[union-attr]
        most = self.transport.get_write_buffer_size() - int(within * _RATE)
        self._pushing = self.loop.call_later(within, self._stuck, most)

    def _stuck(self, most: int) -> None:
        if self.transport.get_write_buffer_size() > most:
            log().warning("a client did not take its answer", client=self._place)
            self.transport.abort()
        else:
            self._push()

    def _cease(self) -> None:
        if self._pushing is not None:
            self._pushing.cancel()
            self._pushing = None

    def data_received(self, data: bytes) -> None:
        if self._waiting == "body":
            self._received += len(data)
        super().data_received(data)
        if not self._waiting and (self.cycle is None or self.cycle.response_complete):
            # Line ends before a request begin none; but uvicorn has stopped its clock for them.
            self._expect("head", self.config.app.state.site.settings.http_head_timeout)  # type: ignore[union-attr]
        # Most requests come whole, and are past all they are waited for before there need be a timer.
        if self._waiting and self._timer is None:
            self._timer = self.loop.call_later(self._within, self._late)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._octets = 0
        self._expect("head", self.config.app.state.site.settings.http_head_timeout)  # type: ignore[union-attr]

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        if len(self.headers) >= HEADERS_MAX:
            self._give_up(431, f"more than {HEADERS_MAX} headers")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._over:
            self._give_up(503, f"there are {self._over} connections already")
        self._received = 0
        self._began = self.loop.time()
        self._expect("body", _STALL)
        super().on_headers_complete()
        # The answer is made in a later turn of the loop.
        self.scope["extensions"] = {WHOLE: {"send": partial(self._answer, self.cycle)}}

    def on_message_complete(self) -> None:
        self._expect("")
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if not self.transport.is_closing():
            self._tell(400, "this is no HTTP request")

    async def _answer(
        self, cycle: RequestResponseCycle, status: int, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """A whole answer in one write: two are two system calls and, for the client, often two packets."""
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        if cycle.disconnected:
            return
        if (b"connection", b"close") in headers:
            cycle.keep_alive = False
        elif not cycle.keep_alive:
            headers.append((b"connection", b"close"))
        lines = [STATUS_LINE[status], *[b"%b: %b\r\n" % each for each in headers], b"\r\n"]
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
            raise RuntimeError("a header's value has an end of line")
        cycle.response_started = cycle.response_complete = True
        self.transport.write(head + body)
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def _count(self, octets: int) -> None:
        self._octets += octets
        if self._octets > HEAD_MAX:
            self._give_up(431, f"the request's head is larger than {HEAD_MAX} octets")

    def _expect(self, what: str, within: float = 0.0) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._waiting, self._within = what, within

    def _late(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        left = self._began + _STALL + self._received / _RATE - self.loop.time()
        if self._waiting == "body" and (left > 0 or self.flow.read_paused):
            # Paused: it is us who do not read.
            self._timer = self.loop.call_later(max(left, 1.0), self._late)
        elif self._waiting == "head":
            self._tell(408, "the request did not come in time")
        else:
            self.transport.close()

    def _give_up(self, status: int, message: str) -> None:
        if not self.transport.is_closing():
            self._tell(status, message)
        raise ValueError(message)  # httptools stops parsing and hands it on as its own error

    def _tell(self, status: int, message: str) -> None:
        body = pack_error(status, message)
        head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the control process's business."""
        yield


class Listening:
    """The API while it is served."""

    def __init__(self, app: Any, settings: Settings, sockets: list[socket.socket]) -> None:
        """SettingsError when the certificate cannot be used."""
        self._sockets = sockets
        self._certificate = Certificate(settings) if settings.http_tls_certificate is not None else None
        config = uvicorn.Config(
            app,
            http=partial(_Protocol, Counter()),  # type: ignore[arg-type]
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            interface="asgi3",
            timeout_keep_alive=max(1, round(settings.http_idle_timeout)),
            timeout_graceful_shutdown=max(1, round(settings.stop_timeout / 2)),
        )
        config.load()
        if self._certificate is not None:
            config.ssl = self._certificate.context
        self._server = _Server(config)
        self._tasks: list[asyncio.Task[None]] = []
        site, requests = app.state.site, self._server.server_state.tasks
        site.alone = lambda: len(requests) - site.streams <= 1

    async def start(self) -> None:
        """Accept connections from now on."""
        self._tasks.append(asyncio.ensure_future(self._server.serve(self._sockets)))
        while not self._server.started:
            if self._tasks[0].done():
                await self._tasks[0]
                return
            await asyncio.sleep(0.001)
        if self._certificate is not None:
            self._tasks.append(asyncio.ensure_future(self._watch(self._certificate)))

    async def stop(self) -> None:
        """Answer what is under way, then close."""
        self._server.should_exit = True
        for task in self._tasks[1:]:
            task.cancel()
        with contextlib.suppress(NsblastError):
            await self._tasks[0]

    async def _watch(self, certificate: Certificate) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            certificate.refresh()
