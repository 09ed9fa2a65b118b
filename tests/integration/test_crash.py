"""kill -9 in the middle of imports and record changes: nothing acknowledged is lost, nothing is half.

NSBLAST_TEST_CRASH_ROUNDS says how often each test kills; a hundred and more are for releases, a few for every run.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nsblast._core.rrset import unpack_entry
from nsblast.backend import Backend
from nsblast.backend.opening import connect
from nsblast.records import name_to_text
from nsblast.settings import Settings
from nsblast.types import Wire
from tests.helpers import crash_writer
from tests.helpers.crash_writer import COUNT, LARGE, LARGE_ZONE, SMALL, SMALL_ZONE, TXT
from tests.helpers.server import Server

ROUNDS = int(os.environ.get("NSBLAST_TEST_CRASH_ROUNDS", "5"))
STEP = 1_000_000
"""Between the first numbers of two rounds: no round gets so far."""


@dataclass
class Said:
    """What a writer said: numbers by kind."""

    begun: dict[str, list[int]] = field(default_factory=lambda: {"add": [], "small": [], "large": []})
    done: dict[str, list[int]] = field(default_factory=lambda: {"add": [], "small": [], "large": []})

    def take(self, lines: bytes) -> None:
        """Whole lines only: what was cut off was not said."""
        for line in lines.decode().split("\n")[:-1]:
            what, kind, number = line.split()
            (self.begun if what == "begin" else self.done)[kind].append(int(number))


def numbers(rrsets: list[tuple[int, int, list[bytes]]]) -> list[int]:
    return [int(rdata[1:]) for rrtype, _, rdatas in rrsets if rrtype == TXT for rdata in rdatas]


def check_whole(backend: Backend, apex: Wire, names: int, said: Said, kind: str) -> int | None:
    """All names hold one number, which was acknowledged last or was under way; serial, record and journal agree."""
    record = backend.zone(apex)
    if record is None:
        assert not said.done[kind], f"{kind} {said.done[kind][-1]} was acknowledged, and the zone is not there"
        return None
    found: set[int] = set()
    entries = 0
    serial = 0
    for entry in backend.entries(apex):
        rrsets = unpack_entry(entry.blob).rrsets
        entries += 1
        found |= set(numbers(rrsets))
        serial = next((int.from_bytes(rd[0][-20:-16], "big") for rrtype, _, rd in rrsets if rrtype == 6), serial)
    assert len(found) == 1, f"{name_to_text(apex)} is half: {sorted(found)}"
    assert entries == names + 1 == record.names
    (number,) = found
    assert serial == record.serial == number
    newest = next(backend.history(apex, limit=1))
    assert newest.serial_to == number
    last = max(said.done[kind], default=0)
    assert number >= last, f"{kind} {last} was acknowledged, {number} is there"
    assert number == last or number in said.begun[kind]
    return number


def check_added(backend: Backend, every: set[int], said: Said) -> None:
    """Every acknowledged record is there, and none that nobody asked for."""
    there: set[int] = set()
    for entry in backend.entries(COUNT):
        there |= set(numbers(unpack_entry(entry.blob).rrsets))
    missing = every - there
    assert not missing, f"{len(missing)} acknowledged records are gone: {sorted(missing)[:5]}"
    foreign = there - every
    assert len(foreign) <= 1, sorted(foreign)
    assert foreign <= set(said.begun["add"])
    every |= there


def killed(writer: "subprocess.Popen[bytes]", kill: Iterator[None]) -> Said:
    """Let it work for a moment, have it or its server killed, and read what it said."""
    said = Said()
    assert writer.stdout is not None
    first = writer.stdout.readline()
    assert first, "the writer never began"
    time.sleep(random.uniform(0.02, 0.8))
    next(kill, None)
    said.take(first + writer.stdout.read())
    writer.stdout.close()
    writer.wait(20)
    return said


def start_writer(folder: Path, number: int) -> "subprocess.Popen[bytes]":
    module = crash_writer.__name__
    return subprocess.Popen(
        [sys.executable, "-m", module, str(folder), str(number * STEP + 1)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.timeout(3600)
def test_command_killed(tmp_path: Path) -> None:
    settings = Settings(db_path=tmp_path / "db")
    acknowledged: set[int] = set()
    total = 0
    newest: dict[str, int] = {}
    for number in range(1, ROUNDS + 1):
        writer = start_writer(settings.db_path, number)

        def kill(writer: "subprocess.Popen[bytes]" = writer) -> Iterator[None]:
            writer.send_signal(signal.SIGKILL)
            yield

        said = killed(writer, kill())
        total += sum(map(len, said.done.values()))
        for kind, had in newest.items():
            said.done[kind].append(had)
        acknowledged |= set(said.done["add"])
        with closing(connect(settings, "crash test")) as backend:
            check_all(backend, acknowledged, said, newest)
    assert total > ROUNDS


def check_all(backend: Backend, acknowledged: set[int], said: Said, newest: dict[str, int]) -> None:
    check_added(backend, acknowledged, said)
    for kind, apex, names in (("small", SMALL_ZONE, SMALL), ("large", LARGE_ZONE, LARGE)):
        there = check_whole(backend, apex, names, said, kind)
        if there is not None:
            newest[kind] = there


@pytest.mark.timeout(3600)
def test_server_killed(tmp_path: Path) -> None:
    server = Server(tmp_path, workers=1).start()
    settings = Settings(db_path=server.db_path)
    acknowledged: set[int] = set()
    newest: dict[str, int] = {}
    total = 0
    try:
        for number in range(1, ROUNDS + 1):
            writer = start_writer(server.db_path, number)
            control = server.pids()["control"]
            # Every second time only control: workers live on, and its successor must bring the segment up to the store.
            victims = [server.pid, *server.pids().values()] if number % 2 else [control]

            def kill(victims: list[int] = victims) -> Iterator[None]:
                for pid in victims:
                    server.kill(pid)
                yield

            said = killed(writer, kill())
            total += sum(map(len, said.done.values()))
            for kind, had in newest.items():
                said.done[kind].append(had)
            acknowledged |= set(said.done["add"])
            if number % 2:
                assert server.process is not None
                server.process.wait(20)
                server.start()
            else:
                server.wait_ready()
            with closing(connect(settings, "crash test")) as backend:
                assert backend.running
                check_all(backend, acknowledged, said, newest)
            check_answers(server, newest)
        assert total > ROUNDS
    finally:
        server.end()


def check_answers(server: Server, newest: dict[str, int]) -> None:
    """What is served is what is stored, at once."""
    for kind, names in (("small", SMALL), ("large", LARGE)):
        if kind in newest:
            soa = server.ask(f"{kind}.example.", "SOA").answer[0][0]
            assert soa.serial == newest[kind]
            for name in random.sample(range(names), 10):
                texts = server.ask(f"n{name}.{kind}.example.", "TXT").answer[0]
                assert [text.strings for text in texts] == [(str(newest[kind]).encode(),)]
