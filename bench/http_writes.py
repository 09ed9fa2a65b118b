"""Single-record durable writes a second over the admin API, with one and with many keep-alive clients; each on a name of its own.

    python bench/http_writes.py [--seconds 4] [--clients 1,32] [--auth basic|key]

Starts a server of its own on loopback, in a folder that it removes. Every write is answered when it is synced and visible in every worker.
The client is a bare socket loop in this process, so that what is measured is the server.
"""

import argparse
import asyncio
import base64
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import uvloop

PASSWORD = "measured"


class Client(asyncio.Protocol):
    """One connection: the next request goes out when an answer is whole."""

    def __init__(self, number: int, end: float, times: list[float], authorization: str) -> None:
        self.number, self.end, self.times = number, end, times
        self.authorization = authorization
        self.turn = 0
        self.done = asyncio.get_running_loop().create_future()
        self.failed = 0
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.turn += 1
        body = b'{"ttl":300,"a":["192.0.2.%d"]}' % (self.turn % 250)
        head = (
            f"PUT /api/v1/rr/n{self.turn % 1000}-{self.number}.speed.test HTTP/1.1\r\nhost: x\r\n"
            f"authorization: {self.authorization}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.began = time.perf_counter()
        self.transport.write(head.encode() + body)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.buffer.endswith(b"}"):
            return
        if self.buffer[9:11] != b"20":
            self.failed += 1
        self.buffer = b""
        self.times.append(time.perf_counter() - self.began)
        if time.perf_counter() < self.end:
            self.ask()
        else:
            self.done.set_result(None)
            self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("the server hung up"))


async def measure(port: int, clients: int, seconds: float, authorization: str) -> None:
    """Print one line."""
    loop = asyncio.get_running_loop()
    times: list[float] = []
    began = time.perf_counter()
    made = [
        (await loop.create_connection(lambda n=n: Client(n, began + seconds, times, authorization), "127.0.0.1", port))[
            1
        ]
        for n in range(clients)
    ]
    await asyncio.gather(*(one.done for one in made))
    took = time.perf_counter() - began
    times.sort()
    failed = sum(one.failed for one in made)
    p50, p99 = (1000 * times[int(len(times) * part)] for part in (0.5, 0.99))
    print(
        f"{clients:3} clients: {len(times) / took:7.0f} writes/s  p50 {p50:6.2f} ms  p99 {p99:6.2f} ms  {failed} failed",
        flush=True,
    )


def request(port: int, method: str, path: str, body: object, authorization: str) -> dict[str, object]:
    """One call, for preparations."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1{path}",
        json.dumps(body).encode(),
        {"authorization": authorization, "content-type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        told: dict[str, object] = json.load(answer)
        return told


def free_port() -> int:
    """A port nobody has."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--clients", default="1,32")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", help="where the database is made; default: the system's place for temporary files")
    parser.add_argument(
        "--profile", help="a command run with the control process's pid while the last round is measured"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nsblast-bench-", dir=given.folder) as folder:
        dns, http = free_port(), free_port()
        command = [sys.executable, "-m", "nsblast", "serve", "-d", f"{folder}/db", "--dns-port", str(dns)]
        command += ["--http-port", str(http), "--workers", str(given.workers), "--log-level", "warning"]
        server = subprocess.Popen(command, env={**os.environ, "NSBLAST_ADMIN_PASSWORD": PASSWORD})
        authorization = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        try:
            wait = [sys.executable, "-m", "nsblast", "status", "--wait-ready", "20", "-d", f"{folder}/db"]
            subprocess.run(wait, check=True, stdout=subprocess.DEVNULL)
            request(http, "POST", "/zone/speed.test", {"ns": ["ns.example.net"]}, authorization)
            rounds = [int(part) for part in given.clients.split(",")]
            for number, clients in enumerate(rounds):
                probe = None
                if given.profile and number == len(rounds) - 1:
                    status = json.loads(subprocess.check_output([*wait[:-4], "--json", "-d", f"{folder}/db"]))
                    pid = next(one["pid"] for one in status["processes"] if one["name"] == "control")
                    probe = subprocess.Popen(given.profile.replace("PID", str(pid)), shell=True)
                uvloop.run(measure(http, clients, given.seconds, authorization))
                if probe is not None:
                    probe.wait()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
        assert Path(folder).exists()


if __name__ == "__main__":
    main()
