"""A small HTTP/1.1 client: fast where many requests are made, and raw where a request is to be wrong.

Owns: octets on one keep-alive connection. Never: what an answer should be.
"""

import base64
import contextlib
import socket
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson

from tests.helpers.server import Server


class Got(NamedTuple):
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The whole envelope."""
        return orjson.loads(self.body)

    @property
    def value(self) -> Any:
        """What is in the envelope."""
        return self.json["value"]


class Gone(Exception):
    """The server closed the connection without an answer."""


def basic(user: str, password: str) -> dict[str, str]:
    """The header of HTTP Basic."""
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def key(text: str) -> dict[str, str]:
    """The header of an API key."""
    return {"x-api-key": text}


def path(*parts: str) -> str:
    """Below /api/v1, each part percent-encoded."""
    return "/api/v1/" + "/".join(quote(part, safe="") for part in parts)


class Wire:
    """One connection, made when it is needed and made again when the server closed it."""

    def __init__(
        self, server: Server, credentials: Mapping[str, str] | None = None, timeout: float = 30.0, address: str = ""
    ) -> None:
        self.place = (server.address, server.http_port)
        self.credentials = dict(credentials or {})
        self.timeout = timeout
        self.address = address
        """To come from; "" = any."""
        self._socket: socket.socket | None = None
        self._rest = b""

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._rest = b""

    def __call__(
        self,
        method: str,
        target: str,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Got:
        """One request; again on a new connection when a kept one turns out to be closed."""
        octets = self.octets(method, target, json, headers, raw)
        if self._socket is not None:
            with contextlib.suppress(Gone, OSError):
                return self.send(octets, method)
            self.close()
        return self.send(octets, method)

    def octets(
        self,
        method: str,
        target: str,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> bytes:
        """A request as it is sent."""
        body = raw if raw is not None else orjson.dumps(json) if json is not None else b""
        every = {"host": "x", **self.credentials, **(headers or {})}
        if body or method in ("POST", "PUT", "PATCH"):
            every["content-length"] = str(len(body))
        if json is not None:
            every.setdefault("content-type", "application/json")
        head = "".join(f"{name}: {value}\r\n" for name, value in every.items())
        return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body

    def send(self, octets: bytes, method: str = "GET") -> Got:
        """These octets, and one answer."""
        self.start(octets)
        return self.answer(method)

    def start(self, octets: bytes) -> None:
        """Send these octets; answer() is to follow."""
        if self._socket is None:
            self._socket = socket.create_connection(
                self.place, self.timeout, (self.address, 0) if self.address else None
            )
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._socket.sendall(octets)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it may have answered before it closed

    def some(self) -> bytes:
        """What comes next; nothing when the server is done."""
        assert self._socket is not None
        return self._socket.recv(1 << 16)

    def fileno(self) -> int:
        """Of the connection that there is."""
        assert self._socket is not None
        return self._socket.fileno()

    def answer(self, method: str = "GET") -> Got:
        """The next answer."""
        head, _, rest = self._until(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split(" ")[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if status == 100:
            self._rest = rest
            return self.answer(method)
        if method == "HEAD" or status in (204, 304):
            body, self._rest = b"", rest
        elif headers.get("transfer-encoding") == "chunked":
            body = self._chunks(rest)
        else:
            length = int(headers.get("content-length", "0"))
            while len(rest) < length:
                rest += self._more()
            body, self._rest = rest[:length], rest[length:]
        if headers.get("connection") == "close":
            self.close()
        return Got(status, headers, body)

    def _chunks(self, rest: bytes) -> bytes:
        self._rest = rest
        parts = []
        while True:
            line, _, rest = self._until(b"\r\n")
            size = int(line, 16)
            while len(rest) < size + 2:
                rest += self._more()
            parts.append(rest[:size])
            self._rest = rest[size + 2 :]
            if not size:
                return b"".join(parts)

    def _until(self, mark: bytes) -> tuple[bytes, bytes, bytes]:
        buffer, self._rest = self._rest, b""
        while mark not in buffer:
            buffer += self._more()
        return buffer.partition(mark)

    def _more(self) -> bytes:
        assert self._socket is not None
        try:
            part = self._socket.recv(1 << 18)
        except ConnectionResetError:
            part = b""
        if not part:
            self.close()
            raise Gone
        return part
