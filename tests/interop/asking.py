"""A plain client with many queries in flight: one UDP socket or one TCP connection to one server at a time.

Owns: ids, retries, time limits. Never: reads more of an answer than its id.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import time
from collections.abc import Sequence

WINDOW = 64
SECONDS = 1.0
TRIES = 3


def ask_udp(
    address: tuple[str, int], queries: Sequence[bytes], *, tries: int = TRIES, seconds: float = SECONDS
) -> list[bytes | None]:
    """Answers in the order of the queries; None where none came after all tries. Ids of the queries are overwritten."""
    answers: list[bytes | None] = [None] * len(queries)
    left = list(range(len(queries)))
    for _ in range(tries):
        if not left:
            break
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            sock.connect(address)
            sock.settimeout(seconds)
            left = one_round(sock, queries, left, answers, seconds)
    return answers


def one_round(
    sock: socket.socket, queries: Sequence[bytes], todo: Sequence[int], answers: list[bytes | None], seconds: float
) -> list[int]:
    """Sends each query once; gives the numbers of those that got no answer in time."""
    flying: dict[int, float] = {}  # number of the query -> when it was sent, oldest first
    ids: dict[int, int] = {}
    failed: list[int] = []
    turn = iter(enumerate(todo))
    more = True
    while flying or more:
        while more and len(flying) < WINDOW:
            step = next(turn, None)
            if step is None:
                more = False
                break
            ident, number = step[0] & 0xFFFF, step[1]
            with contextlib.suppress(ConnectionRefusedError):
                sock.send(ident.to_bytes(2, "big") + queries[number][2:])
            flying[number] = time.monotonic()
            ids[ident] = number
        if not flying:
            break
        oldest = next(iter(flying.values()))
        wait = oldest + seconds - time.monotonic()
        if wait <= 0:
            number = next(iter(flying))
            del flying[number]
            failed.append(number)
            continue
        sock.settimeout(wait)
        try:
            data = sock.recv(65535)
        except (TimeoutError, ConnectionRefusedError):
            continue
        if len(data) < 2:
            continue
        got = ids.pop(int.from_bytes(data[:2], "big"), None)
        if got is not None and got in flying:
            del flying[got]
            answers[got] = data
    return failed


def ask_tcp(address: tuple[str, int], queries: Sequence[bytes], *, seconds: float = 3.0) -> list[bytes | None]:
    """The same over one TCP connection, pipelined, in small windows; a connection that ends early is opened anew."""
    answers: list[bytes | None] = [None] * len(queries)
    left = list(range(len(queries)))
    failures = 0
    while left and failures < TRIES:
        before = len(left)
        left = tcp_connection(address, queries, left, answers, seconds)
        failures = failures + 1 if len(left) == before else 0
        if left and failures >= 2:  # the first one in the queue is what the server will not answer
            left.pop(0)
            failures = 0
    return answers


def tcp_connection(
    address: tuple[str, int], queries: Sequence[bytes], todo: list[int], answers: list[bytes | None], seconds: float
) -> list[int]:
    """As many queries as one connection lasts; gives what is still unanswered."""
    pending = dict.fromkeys(todo)
    waiting: dict[int, int] = {}
    buffer = bytearray()
    sent = 0
    with socket.create_connection(address, timeout=seconds) as sock, selectors.DefaultSelector() as selector:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(sock, selectors.EVENT_READ)
        try:
            while pending:
                while sent < len(todo) and len(waiting) < 32:
                    number = todo[sent]
                    message = (sent & 0xFFFF).to_bytes(2, "big") + queries[number][2:]
                    sock.sendall(struct.pack("!H", len(message)) + message)
                    waiting[sent & 0xFFFF] = number
                    sent += 1
                if not waiting or not selector.select(seconds):
                    break
                data = sock.recv(1 << 18)
                if not data:
                    break
                buffer += data
                while len(buffer) >= 2:
                    size = int.from_bytes(buffer[:2], "big")
                    if len(buffer) < size + 2:
                        break
                    answer = bytes(buffer[2 : size + 2])
                    del buffer[: size + 2]
                    got = waiting.pop(int.from_bytes(answer[:2], "big"), None)
                    if got is not None:
                        answers[got] = answer
                        pending.pop(got, None)
        except OSError:
            pass
    return list(pending)
