"""SIGKILL under writes over HTTP by 32 clients: what was acknowledged is there, no transaction is half there, all of it is served.

Owns: the writers, and what must hold after each kill. Kills control alone, which its supervisor replaces while clients go on, and every
process at once. HTTP_KILLS is how often, each; the whole is 50.
"""

import os
import random
import selectors
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.helpers.api import PASSWORD, Api, api
from tests.helpers.server import alive
from tests.security.wire import Gone, Wire, basic, path

KILLS = int(os.environ.get("HTTP_KILLS", "3"))
CLIENTS = 32
ZONES = [f"w{number}.test" for number in range(4)]
PARTS = 6
LOGIN = basic("admin", PASSWORD)


class Writers:
    """Clients that write without pause from one thread, a request of each under way; they know what was acknowledged and what is open."""

    def __init__(self, server: Api, first: int) -> None:
        self.server = server
        self.count = first
        self.acknowledged: dict[str, str] = {}
        self.open: list[dict[str, str]] = []
        """What was sent and not answered: each all there or not at all."""
        self.transactions = 0

    def write(self, until: float) -> None:
        """Until then, or until every client has lost its server."""
        with selectors.DefaultSelector() as selector:
            wires = [Wire(self.server, LOGIN, 10) for _ in range(CLIENTS)]
            for wire in wires:
                if sent := self._send(wire):
                    selector.register(wire.fileno(), selectors.EVENT_READ, (wire, sent))
            while selector.get_map():
                for key, _ in selector.select(10):
                    wire, sent = key.data
                    selector.unregister(key.fd)
                    try:
                        got = wire.answer()
                    except (Gone, OSError):
                        self.open.append(sent)
                        continue
                    assert got.status in (200, 201), got.body
                    self.acknowledged |= sent
                    if time.monotonic() < until and (further := self._send(wire)):
                        selector.register(wire.fileno(), selectors.EVENT_READ, (wire, further))
            for wire in wires:
                wire.close()

    def _send(self, wire: Wire) -> dict[str, str]:
        """Of three requests one is a transaction of several names of a zone, in two orders; empty when the server is gone."""
        self.count += 1
        zone = ZONES[self.count % len(ZONES)]
        value = f"v{self.count}"
        if self.count % 3:
            sent = {f"n{self.count}.{zone}": value}
            octets = wire.octets("POST", path("rr", f"n{self.count}.{zone}"), {"txt": [value]})
        else:
            self.transactions += 1
            sent = {f"n{self.count}-{part}.{zone}": value for part in range(PARTS)}
            entries = [{"method": "POST", "fqdn": name, "entry": {"txt": [value]}} for name in sent]
            octets = wire.octets("POST", path("changes"), {"changes": entries})
        try:
            wire.start(octets)
        except OSError:
            return {}
        return sent


def contents(server: Api) -> dict[str, str]:
    """All texts of all zones, as the API gives them."""
    found: dict[str, str] = {}
    with Wire(server, LOGIN) as admin:
        for zone in ZONES:
            start, more = "", True
            while more:
                page = admin("GET", path("zone", zone) + f"?kind=verbose&limit=1000&from={start}").json
                for entry in page["value"]:
                    if "txt" in entry:
                        text = entry["txt"]
                        found[entry["fqdn"].removesuffix(".")] = text if isinstance(text, str) else text[0]
                start, more = page["klast"], page["more"]
    return found


class Ledger:
    """What must be there."""

    def __init__(self, server: Api) -> None:
        self.server = server
        self.expected: dict[str, str] = {}
        self.transactions = 0
        self.chance = random.Random(7)
        with Wire(server, LOGIN) as admin:
            for zone in ZONES:
                assert admin("POST", path("zone", zone), {"ns": ["ns1.example.net"]}).status == 201

    def check(self, writers: Writers) -> None:
        """After the server is back."""
        there = contents(self.server)
        self.expected |= writers.acknowledged
        lost = [name for name, value in self.expected.items() if there.get(name) != value]
        assert not lost, f"acknowledged and lost: {lost[:10]} ({len(lost)} of {len(self.expected)})"
        for sent in writers.open:
            kept = [name for name in sent if name in there]
            assert kept in ([], list(sent)), f"half a transaction: {kept} of {list(sent)}"
            self.expected |= {name: there[name] for name in kept}
        assert there == self.expected
        # and workers answer with it
        for name in self.chance.sample(sorted(self.expected), 20):
            assert [self.expected[name] in rrset.to_text() for rrset in self.server.ask(name, "TXT").answer] == [True]
        self.transactions += writers.transactions

    def __iter__(self) -> Iterator[Writers]:
        for turn in range(KILLS):
            yield Writers(self.server, turn * 1_000_000)
        assert len(self.expected) > 100 * KILLS, "nothing was tried"
        assert self.transactions > 10 * KILLS


@pytest.mark.timeout(900)
def test_control_alone(tmp_path: Path) -> None:
    """Its supervisor replaces it; workers answer all the while."""
    with api(tmp_path, workers=1) as server:
        ledger = Ledger(server)
        for writers in ledger:
            killer = _kill_soon([server.pids()["control"]], ledger.chance.uniform(0.15, 0.6))
            writers.write(time.monotonic() + 20)
            _wait(killer)
            assert writers.open, "it was not killed under writes"
            if ledger.expected:
                name = next(iter(ledger.expected))
                assert server.ask(name, "TXT").answer
            server.wait_ready()
            ledger.check(writers)


@pytest.mark.timeout(900)
def test_everything(tmp_path: Path) -> None:
    environment = {**os.environ, "NSBLAST_ADMIN_PASSWORD": PASSWORD}
    with api(tmp_path, workers=1) as server:
        ledger = Ledger(server)
        for writers in ledger:
            pids = [server.pid, *server.pids().values()]
            killer = _kill_soon(pids, ledger.chance.uniform(0.15, 0.6))
            writers.write(time.monotonic() + 20)
            _wait(killer)
            assert writers.open, "it was not killed under writes"
            server.wait_ended()
            deadline = time.monotonic() + 10
            while any(map(alive, pids)) and time.monotonic() < deadline:
                time.sleep(0.01)
            server.start(env=environment)
            ledger.check(writers)


def _kill_soon(pids: Iterable[int], seconds: float) -> int:
    """A process of its own that does it: threads here would be held up by what they are to interrupt."""
    pid = os.fork()
    if pid == 0:
        try:
            time.sleep(seconds)
            for each in pids:
                os.kill(each, signal.SIGKILL)
        finally:
            os._exit(0)
    return pid


def _wait(pid: int) -> None:
    os.waitpid(pid, 0)
