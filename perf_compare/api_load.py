"""Requests to the admin API: prepared ones for http.c, and single ones with the time they took."""

import base64
import http.client
import json
import struct
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from perf_compare.build import compiled
from perf_compare.servers.common import ADDRESS

PASSWORD = "measured over HTTP"
BASIC = {"authorization": "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()}


def request(method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The octets of one request."""
    told = {"host": ADDRESS, "content-type": "application/json", "content-length": str(len(body)), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def saturate(folder: Path, port: int, requests: Iterable[bytes], seconds: float, clients: int) -> dict[str, float]:
    """Every client asks again as soon as it is answered."""
    file = folder / "requests"
    file.write_bytes(b"".join(struct.pack("!I", len(one)) + one for one in requests))
    command = [str(compiled("http")), ADDRESS, str(port), str(file), str(seconds), str(clients)]
    told: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return told


class Asker:
    """One keep-alive connection for single requests."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection(ADDRESS, port, timeout=60)
        self._headers = {"content-type": "application/json", **headers}

    def __enter__(self) -> "Asker":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[Any, float]:
        """(the answer's JSON, milliseconds until it was whole). RuntimeError when it is no success."""
        data = None if body is None else json.dumps(body).encode()
        began = time.perf_counter()
        self._connection.request(method, path, data, self._headers)
        answer = self._connection.getresponse()
        octets = answer.read()
        took = (time.perf_counter() - began) * 1e3
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {octets[:300]!r}")
        return json.loads(octets) if octets else None, took
