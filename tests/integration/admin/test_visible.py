"""When a write over HTTP is answered, every worker answers with it: while others write and ask without pause.

VISIBLE_TURNS is how many turns; each makes a zone, a child zone beside it, changes and deletes.
"""

import itertools
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import pytest

from tests.helpers.api import PASSWORD, Api, api
from tests.security.wire import Got, Wire, basic, path

TURNS = int(os.environ.get("VISIBLE_TURNS", "25"))
NS = {"ns": ["ns1.example.net"]}
LOGIN = basic("admin", PASSWORD)
PORTS = 16
"""Client ports that are asked from: the kernel spreads them over the workers."""


class Workers:
    """Asks all of them."""

    def __init__(self, server: Api) -> None:
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(PORTS)]
        for one in self.sockets:
            one.settimeout(5)
            one.connect((server.address, server.port))

    def close(self) -> None:
        for one in self.sockets:
            one.close()

    def say(self, name: str, rdtype: str = "TXT") -> set[tuple[str, ...]]:
        """The different answers: rcode and data."""
        query = dns.message.make_query(name, rdtype)
        for one in self.sockets:
            one.send(query.to_wire())
        found = set()
        for one in self.sockets:
            answer = dns.message.from_wire(one.recv(4096))
            assert answer.id == query.id
            data = sorted(rdata.to_text().strip('"') for rrset in answer.answer for rdata in rrset)
            found.add((dns.rcode.to_text(answer.rcode()), *data))
        return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Api]:
    with api(tmp_path, workers=2) as running:
        yield running


@pytest.fixture
def load(server: Api) -> Iterator[None]:
    """Two clients that write to zones of their own, and one that asks, until the test is done."""
    stop = threading.Event()
    failures: list[bytes] = []
    done = [0, 0, 0]

    def write(number: int) -> None:
        with Wire(server, LOGIN) as wire:
            assert wire("POST", path("zone", f"load{number}.test"), NS).status == 201
            for turn in itertools.count():
                if stop.is_set():
                    return
                got = wire("PUT", path("rr", f"n{turn % 50}.load{number}.test"), {"txt": [str(turn)]})
                done[number] += 1
                if got.status not in (200, 201):
                    failures.append(got.body)

    def ask() -> None:
        query = dns.message.make_query("n1.load0.test", "TXT").to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.05)
            sock.connect((server.address, server.port))
            while not stop.is_set():
                for _ in range(20):
                    sock.send(query)
                try:
                    for _ in range(20):
                        sock.recv(4096)
                        done[2] += 1
                except TimeoutError:
                    continue

    threads = [threading.Thread(target=write, args=(number,)) for number in range(2)] + [threading.Thread(target=ask)]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]
    assert min(done) > 5, f"there was no load: {done}"


def do(wire: Wire, method: str, target: str, json: Any = None) -> Got:
    got = wire(method, target, json)
    assert got.status in (200, 201), (method, target, got.body)
    return got


@pytest.mark.timeout(600)
def test_every_worker_answers_with_it(server: Api, load: None) -> None:
    workers = Workers(server)
    with Wire(server, LOGIN) as admin:
        for turn in range(TURNS):
            zone, name = f"new{turn}.test", f"www.new{turn}.test"
            child, below = f"sub.new{turn}.test", f"www.sub.new{turn}.test"
            assert workers.say(name) == {("REFUSED",)}  # what is not there is remembered
            do(admin, "POST", path("zone", zone), NS)
            assert workers.say(name) == {("NXDOMAIN",)}
            do(admin, "PATCH", path("rr", name), {"txt": ["first"]})
            assert workers.say(name) == {("NOERROR", "first")}
            do(admin, "PATCH", path("rr", name) + "?append=true", {"txt": ["second"]})
            assert workers.say(name) == {("NOERROR", "first", "second")}
            do(admin, "DELETE", path("rr", name, "txt"))
            assert workers.say(name) == {("NXDOMAIN",)}
            # a child zone takes the names below its apex over, and gives them back
            do(admin, "PUT", path("rr", below), {"txt": ["the parent's"]})
            assert workers.say(below) == {("NOERROR", "the parent's")}
            do(admin, "POST", path("zone", child), NS)
            assert workers.say(below) == {("NXDOMAIN",)}
            do(admin, "PUT", path("rr", below), {"txt": ["the child's"]})
            assert workers.say(below) == {("NOERROR", "the child's")}
            changes = [
                {"method": "PUT", "fqdn": name, "entry": {"txt": ["both"]}},
                {"method": "PUT", "fqdn": below, "entry": {"txt": ["both"]}},
            ]
            do(admin, "POST", path("changes"), {"changes": changes})
            assert workers.say(name) == workers.say(below) == {("NOERROR", "both")}
            do(admin, "DELETE", path("zone", child))
            assert workers.say(below) == {("NOERROR", "the parent's")}
            # a whole zone, by its contents
            do(admin, "PUT", path("zone", zone), [{"fqdn": zone, **NS}, {"fqdn": f"x.{zone}", "txt": ["replaced"]}])
            assert workers.say(f"x.{zone}") == {("NOERROR", "replaced")}
            assert workers.say(name) == workers.say(below) == {("NXDOMAIN",)}
            do(admin, "DELETE", path("zone", zone))
            assert workers.say(f"x.{zone}") == {("REFUSED",)}
    workers.close()


def test_a_large_zone_too(server: Api, load: None) -> None:
    """It goes past the cache, as files of the store."""
    workers = Workers(server)
    start = "@ SOA ns host 1 3600 600 86400 60\n@ NS ns1.example.net.\n"
    with Wire(server, LOGIN) as admin:
        for turn in range(3):
            assert workers.say("n6999.large.test") == ({("NOERROR", str(turn - 1))} if turn else {("REFUSED",)})
            text = start + "".join(f"n{number} TXT {turn}\n" for number in range(7000))
            got = admin("PUT", path("zone", "large.test"), raw=text.encode(), headers={"content-type": "text/dns"})
            assert got.status in (200, 201), got.body
            for name in ("n0.large.test", "n6999.large.test"):
                assert workers.say(name) == {("NOERROR", str(turn))}
        do(admin, "DELETE", path("zone", "large.test"))
        assert workers.say("n0.large.test") == {("REFUSED",)}
    workers.close()
