"""Promise 4: one answer is made from one version of a zone, while versions follow one another as fast as they can.

TORTURE_SECONDS makes it long (default: 5 seconds a test, and as long as it takes for enough answers to be judged).
"""

import os
import random
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from nsblast._core.engine import MISS
from nsblast._core.segment import Segment
from nsblast._core.serve_udp import UdpServer
from tests.helpers.segments import MIB, forked, segment_file, writer_of
from tests.helpers.versions import APEX, CHILD, NAMES, Follower, Judge, Version, commit, question

SECONDS = float(os.environ.get("TORTURE_SECONDS", "5"))
PATIENCE = 45.0
"""Seconds in all: on a busy machine, under the sanitizers, some hundred answers take their time."""


def write(fd: int) -> None:
    """Version after version, until killed."""
    rng = random.Random(1)
    with writer_of(fd) as segment:
        while True:
            commit(segment, segment.done + 1, rng)
            if rng.random() < 0.1:
                time.sleep(0.001)


def going_on(judge: Judge) -> Iterator[None]:
    """Turns until time is over and enough was judged."""
    began = time.monotonic()
    while (took := time.monotonic() - began) < SECONDS or (not enough(judge) and took < PATIENCE):
        yield
    assert enough(judge), f"{judge.answers} answers of {len(judge.seen)} versions"


def enough(judge: Judge) -> bool:
    return judge.answers > 200 and len(judge.seen) > 20


def ask_engine(fd: int, worker: int) -> None:
    rng = random.Random(worker)
    store, judge = Follower(fd, worker), Judge()
    for _ in going_on(judge):
        packet, first = question(rng), store.view.done
        judge.check(packet, store.ask(packet), first, store.view.done)


def serve(fd: int, socks: list[socket.socket]) -> None:
    """A worker's loop, until killed; now and then it is held up, and threads answer in its place."""
    rng = random.Random(3)
    store = Follower(fd, 1)
    servers = [UdpServer(store.engine, sock.fileno()) for sock in socks]
    for server in servers:
        threading.Thread(target=server.stand_in, daemon=True).start()
    while True:
        if not any(server.waiting for server in servers):
            select.select(socks, [], [])
        if rng.random() < 0.3:
            for server in servers:
                server.relieve()
            time.sleep(rng.random() * 0.002)
            for server in servers:
                server.recall()
            for server in servers:
                server.take_back()
        for server in servers:
            server.on_readable()
            for _, status, kind, apex, name in server.misses():
                if status == MISS:
                    store.fill((kind, apex, name))
                    server.retry()
            server.retry()


def ask_server(fd: int, addresses: list[tuple[str, int]]) -> None:
    """Bursts of questions, so that batches share look-ups."""
    rng = random.Random(7)
    view, judge = Segment(fd), Judge()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        for _ in going_on(judge):
            sock.connect(rng.choice(addresses))
            packets = {packet[:2]: packet for packet in (question(rng) for _ in range(20))}
            for packet in list(packets.values()):
                other = rng.randbytes(2)
                at = packet.index(0, 12) + 1
                packets[other] = other + packet[2:at] + b"\0\x10" + packet[at + 2 :]
            first = view.done
            for packet in packets.values():
                sock.send(packet)
            for _ in range(len(packets)):
                answer = sock.recv(4096)
                judge.check(packets.pop(answer[:2]), answer, first, view.done)


def together(works: list[Callable[[], None]]) -> None:
    """All in processes of their own; the first that fails ends the others."""
    pids = {forked(work) for work in works}
    failed = False
    while pids:
        pid, status = os.wait()
        if pid in pids:
            pids.remove(pid)
            if status and not failed:
                failed = True
                for other in pids:
                    os.kill(other, signal.SIGKILL)
    assert not failed


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[None]:
    """In a process of its own that goes on until it is killed; that it ended before is a failure."""
    pid = forked(work)
    try:
        yield
        assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    finally:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def start(fd: int) -> None:
    with writer_of(fd) as segment:
        segment.filter_start(200)
        segment.filter_add(NAMES)
        for apex in (APEX, CHILD):
            segment.filter_add_apex(apex)
        segment.filter_switch()
        commit(segment, 1, random.Random(0))


@pytest.mark.timeout(SECONDS + PATIENCE + 30)
def test_every_answer_of_the_engine_is_one_versions() -> None:
    with segment_file(4 * MIB) as fd:
        start(fd)
        with beside(lambda: write(fd)):
            together([lambda i=i: ask_engine(fd, i) for i in (0, 1)])  # type: ignore[misc]


@pytest.mark.timeout(SECONDS + PATIENCE + 30)
def test_every_answer_over_udp_is_one_versions() -> None:
    with segment_file(4 * MIB) as fd, ExitStack() as stack:
        start(fd)
        socks = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2)]
        for sock in socks:
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        addresses = [sock.getsockname() for sock in socks]
        with beside(lambda: serve(fd, socks)), beside(lambda: write(fd)):
            together([lambda: ask_server(fd, addresses), lambda: ask_server(fd, addresses)])


def test_the_judge_would_see_a_mixture() -> None:
    """An answer with one record of another version does not pass."""
    packet = question(random.Random(3))
    number = next(n for n in range(1, 100) if len(Version(n).answer(packet)) > 60)
    answer = bytearray(Version(number).answer(packet))
    Judge().check(packet, bytes(answer), number, number)
    with pytest.raises(AssertionError):
        Judge().check(packet, bytes(answer), number + 1, number + 2)
    mixed = bytes(answer).replace(number.to_bytes(4, "big"), (number + 1).to_bytes(4, "big"), 1)
    assert mixed != bytes(answer)
    with pytest.raises(AssertionError):
        Judge().check(packet, mixed, number, number + 1)
