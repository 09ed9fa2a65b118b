"""Ten million names: the first right answer within a second of the start, memory bounded, one change visible everywhere at once.

SCALE_NAMES sets another number of names.
"""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.rcode
import pytest

from tests.helpers.server import Server

NAMES = int(os.environ.get("SCALE_NAMES", "10000000"))
WORKERS = 4
CACHE = 256 << 20
# What a process of ours needs apart from the cache: interpreter, libraries, index and filter blocks of the store.
PRIVATE = 160 << 20

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Not started; its database holds one zone of NAMES hosts."""
    folder = tmp_path_factory.mktemp("scale")
    one = Server(folder, workers=WORKERS)
    file = folder / "big.zone"
    with file.open("w") as out:
        out.write(
            "$ORIGIN big.example.\n$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.1\n"
        )
        for start in range(0, NAMES, 100_000):
            out.writelines(
                f"h{number:08d} A {address(number)}\n" for number in range(start, min(NAMES, start + 100_000))
            )
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "nsblast", "zone", "import", str(file), "-d", str(one.db_path)], check=True)
    print(f"{NAMES / (time.monotonic() - began):,.0f} records/s imported")
    file.unlink()
    yield one
    one.end()


def ask(server: Server, number: int, timeout: float = 2.0) -> str:
    """The address of a host, from a socket of its own, so that any worker may get the question; "" for anything else."""
    query = dns.message.make_query(f"h{number:08d}.big.example.", "A")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        try:
            sock.connect((server.address, server.port))
            sock.send(query.to_wire())
            answer = dns.message.from_wire(sock.recv(4096))
        except OSError:
            return ""
    if answer.rcode() != dns.rcode.NOERROR or not answer.answer:
        return ""
    return str(answer.answer[0][0])


def memory(server: Server) -> tuple[int, int]:
    """(octets of shared memory in use, octets of private memory of the largest process)."""
    shared, private = 0, 0
    for pid in [server.pid, *server.pids().values()]:
        fields = dict(
            line.split()[:2]
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            if line.endswith("kB")
        )
        shared += int(fields["Pss_Shmem:"]) * 1024
        private = max(private, int(fields["Pss_Anon:"]) * 1024)
    return shared, private


def start(server: Server) -> float:
    """Seconds from the command to the first right answer."""
    number = NAMES * 2 // 3
    began = time.monotonic()
    server.start("--cache-size", str(CACHE), wait=False)
    while time.monotonic() - began < 30:
        if ask(server, number, 0.02) == address(number):
            return time.monotonic() - began
        time.sleep(0.002)
    raise AssertionError(f"no right answer in 30 s:\n{server.text()}")


def test_first_right_answer_within_a_second(server: Server) -> None:
    """The best of three starts: the machine may be doing something else."""
    took = [start(server)]
    while took[-1] >= 1.0 and len(took) < 3:
        server.wait_ready()
        server.stop()
        took.append(start(server))
    print("first right answer after", ", ".join(f"{one:.3f} s" for one in took))
    assert min(took) < 1.0
    server.wait_ready()


def test_memory_is_bounded_by_the_cache_size(server: Server) -> None:
    rng = random.Random(5)
    for _ in range(20_000):
        number = rng.randrange(NAMES)
        assert ask(server, number) == address(number)
    shared, private = memory(server)
    print(f"shared {shared / 2**20:.0f} MiB, largest process {private / 2**20:.0f} MiB")
    assert shared <= CACHE
    assert private <= PRIVATE


def test_a_change_is_visible_in_every_worker_when_the_command_returns(server: Server) -> None:
    for number in (1, NAMES // 2, NAMES - 1):
        began = time.monotonic()
        server.command("rr", "set", f"h{number:08d}.big.example.", "A", "192.0.2.77")
        print(f"changed in {(time.monotonic() - began) * 1000:.0f} ms, the command's own start included")
        assert [ask(server, number) for _ in range(40)] == ["192.0.2.77"] * 40


def test_a_zone_of_ten_million_names_goes_in_a_moment(server: Server) -> None:
    began = time.monotonic()
    server.command("zone", "delete", "big.example.")
    took = time.monotonic() - began
    answer = server.ask("h00000001.big.example.")
    assert answer.rcode() == dns.rcode.REFUSED
    print(f"deleted in {took:.2f} s")
    assert took < 10.0
