"""nsblast as secondary of BIND, Knot, NSD and PowerDNS: every version it serves is one that existed; deaths, gaps, wrong keys and clocks.

What nsblast gives out is compared, record by record in canonical form, with what that version of the zone is known to hold
(tests/helpers/evolving.py). One nsblast follows all four, each with a zone that is transferred without a key and one with.
NSBLAST_TEST_TRANSFER_CHANGES=10000 changes the zones of BIND and Knot so many times instead of 60.
"""

import contextlib
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import pytest

from tests.helpers import transfers
from tests.helpers.api import PASSWORD, Api, api
from tests.helpers.faulty import Faults, between
from tests.interop.peers.common import ADDRESS, stop_all
from tests.interop.peers.primaries import PRIMARIES, KnotPrimary, Primary
from tests.interop.peers.secondaries import KEY, SECRET, WRONG

CHANGES = int(os.environ.get("NSBLAST_TEST_TRANSFER_CHANGES", "60"))
WITHIN = 20.0
FLAGS = ("--allow-transfer", "127.0.0.0/8", "--refresh-min", "0.3s", "--retry-min", "0.3s", "--retry-max", "1s")

pytestmark = pytest.mark.skipif(
    not all(kind.available() for kind in PRIMARIES), reason="not all four servers are installed"
)


class Scene:
    """nsblast and its primaries."""

    def __init__(self, server: Api, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.peers: list[Primary] = []
        self.seen: dict[str, set[int]] = {}

    @property
    def place(self) -> tuple[str, int]:
        return self.server.address, self.server.port

    def begin(self, *kinds: type[Primary], prefix: tuple[str, ...] = ()) -> None:
        """Start them."""
        for kind in kinds:
            peer = kind(self.folder)
            peer.prefix = list(prefix)
            self.peers.append(peer)
            peer.lead(self.place)
        self.have()

    def again(self) -> None:
        """Start them once more."""
        for peer in self.peers:
            peer.launch()
        self.have()

    def have(self) -> None:
        """All answer for their zones."""
        for peer in self.peers:
            peer.have()

    def follow(self, peer: Primary, place: tuple[str, int] | None = None) -> None:
        """Make its zones ours."""
        host, port = place or (ADDRESS, peer.port)
        for zone in peer.models:
            master: dict[str, Any] = {"hostname": host, "port": port, "refresh": 1}
            if zone == peer.keyed:
                master["tsig"] = KEY
            with self.server.client() as client:
                answer = client.post(f"/config/{zone}/master", json={"master": master})
                assert answer.status_code == 201, answer.text
            self.seen[zone] = set()

    def add_key(self, secret: str = SECRET) -> None:
        with self.server.client() as client:
            form = {"name": KEY, "algorithm": "hmac-sha256", "secret": secret, "transfer": True}
            assert client.post("/tsigkey", json=form).status_code == 201

    def look_at(self, peer: Primary, zone: str) -> int | None:
        """The version that we serve, which must be one that the primary had or has; None when we serve none."""
        try:
            ours = transfers.contents(transfers.take(transfers.question(zone), self.place))
        except (OSError, AssertionError, dns.exception.DNSException):
            return None
        model = peer.models[zone]
        number = model.number_of(ours)
        assert 0 <= number <= peer.asked[zone], f"{zone} has version {number}"
        wanted = model.contents(number)
        assert ours == wanted, f"{zone} {number}: {sorted(ours ^ wanted)[:10]}"
        self.seen[zone].add(number)
        return number

    def look(self) -> None:
        for peer in self.peers:
            for zone in peer.models:
                self.look_at(peer, zone)

    def arrive(self, *zones: str) -> None:
        """All, or those named, are at the primary's version."""
        deadline = time.monotonic() + WITHIN
        for peer in self.peers:
            for zone in zones or peer.models:
                if zone not in peer.models:
                    continue
                while (number := self.look_at(peer, zone)) != peer.versions[zone]:
                    late = f"{zone} is at {number}, not {peer.versions[zone]}"
                    assert time.monotonic() < deadline, (
                        f"{late}\n{self.server.text()[-2500:]}\n{peer.last_words()[-1500:]}"
                    )
                    time.sleep(0.2)
                    peer.read_again()

    @contextlib.contextmanager
    def changing(self, times: int = 1 << 30, pace: float = 0.02) -> Iterator[list[threading.Thread]]:
        """All zones of all primaries change, until they were changed so often or the block ends."""
        stop = threading.Event()
        errors: list[BaseException] = []

        def change(peer: Primary) -> None:
            made = 0
            while made < times and not stop.is_set():
                try:
                    for zone in peer.models:
                        peer.advance(zone)
                    made += 1
                except (OSError, EOFError, dns.exception.DNSException):
                    time.sleep(0.1)
                    self._agree(peer)
                except BaseException as error:
                    errors.append(error)
                    return
                stop.wait(pace if peer.name in ("bind", "knot") else 0.5)

        threads = [threading.Thread(target=change, args=(peer,)) for peer in self.peers]
        for thread in threads:
            thread.start()
        try:
            yield [thread for thread, peer in zip(threads, self.peers, strict=True) if peer.name in ("bind", "knot")]
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert not errors, errors

    @staticmethod
    def _agree(peer: Primary) -> None:
        """A change may have come to be without being confirmed."""
        for zone in peer.models:
            with contextlib.suppress(OSError, dns.exception.DNSException):
                answer = dns.query.udp(dns.message.make_query(zone, "SOA"), ADDRESS, 1, peer.port)
                for soa in (rr for rrset in answer.answer for rr in rrset if rr.rdtype == dns.rdatatype.SOA):
                    peer.versions[zone] = max(peer.versions[zone], soa.serial - 1)
                    peer.asked[zone] = max(peer.asked[zone], peer.versions[zone])


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with api(tmp_path, *FLAGS, workers=2) as server:
        made = Scene(server, tmp_path)
        try:
            yield made
        finally:
            stop_all(made.peers)


def again(server: Api) -> None:
    server.start(*FLAGS, env={**os.environ, "NSBLAST_ADMIN_PASSWORD": PASSWORD})


@pytest.mark.timeout(120 + CHANGES)
def test_every_version_served_is_one_that_existed(scene: Scene) -> None:
    scene.add_key()
    scene.begin(*PRIMARIES)
    for peer in scene.peers:
        scene.follow(peer)
    scene.arrive()
    with scene.changing(CHANGES) as threads:
        while any(thread.is_alive() for thread in threads):
            scene.look()
            time.sleep(0.05)
    scene.arrive()
    for zone, numbers in scene.seen.items():
        assert len(numbers) >= 3, f"{zone}: only {numbers}"
    log = scene.server.text()
    assert "Traceback" not in log


def test_deaths_on_both_sides(scene: Scene) -> None:
    scene.add_key()
    scene.begin(*PRIMARIES)
    for peer in scene.peers:
        scene.follow(peer)
    with scene.changing():
        time.sleep(0.5)
        for peer in scene.peers:
            peer.kill()
            scene.look()
        scene.again()
        scene.server.stop(signal.SIGKILL)
        again(scene.server)
        scene.server.kill(scene.server.pids()["control"])
        time.sleep(0.5)
        scene.look()
    for peer in scene.peers:
        scene._agree(peer)
    scene.arrive()
    assert scene.server.stop() == 0
    stop_all(scene.peers)
    scene.again()
    again(scene.server)
    for peer in scene.peers:
        for zone in peer.models:
            peer.advance(zone)
    scene.arrive()


def test_a_gap_in_the_journal(scene: Scene) -> None:
    """While we are away, Knot forgets what it kept of our version; the whole zone comes then."""
    scene.add_key()
    scene.begin(KnotPrimary)
    (peer,) = scene.peers
    scene.follow(peer)
    scene.arrive()
    scene.server.stop()
    for _ in range(60):
        for zone in peer.models:
            peer.advance(zone)
    again(scene.server)
    scene.arrive()
    assert "AXFR-style" in peer.last_words() or "AXFR, outgoing" in (peer.folder / "log").read_text()


@pytest.mark.parametrize("fault", ["key", "clock"])
def test_who_does_not_sign_rightly_gives_and_gets_nothing(scene: Scene, fault: str) -> None:
    if fault == "clock" and shutil.which("faketime") is None:
        pytest.skip("faketime is not installed")
    scene.add_key(WRONG if fault == "key" else SECRET)
    kinds = PRIMARIES if fault == "key" else [kind for kind in PRIMARIES if kind.name != "bind"]
    scene.begin(*kinds, prefix=("faketime", "-f", "+1h") if fault == "clock" else ())
    for peer in scene.peers:
        scene.follow(peer)
    scene.arrive(*(peer.plain for peer in scene.peers))
    time.sleep(1)
    for peer in scene.peers:
        assert scene.look_at(peer, peer.keyed) is None
        answer = scene.server.ask(peer.keyed, "SOA")
        assert not answer.answer


def test_through_a_bad_network(scene: Scene) -> None:
    """Cuts at any place, loss, delay, refusals and slowness on the way from the primary; then a good one."""
    scene.add_key()
    scene.begin(KnotPrimary)
    (peer,) = scene.peers
    rng = random.Random(7)
    with between((ADDRESS, peer.port), Faults(cut_after=3000)) as proxy:
        scene.follow(peer, proxy.place)
        time.sleep(0.7)
        assert scene.look_at(peer, peer.plain) is None  # nothing of a transfer that was cut
        proxy.faults = Faults()
        scene.arrive()
        for faults in (
            Faults(cut_after=rng.randrange(200)),
            Faults(end_after=rng.randrange(200)),
            Faults(loss=0.6),
            Faults(delay=0.2, rate=5000),
            Faults(refuse=True, loss=1.0),
            Faults(twice=True),
        ):
            proxy.faults = faults
            for zone in peer.models:
                peer.advance(zone)
            until = time.monotonic() + 0.6
            while time.monotonic() < until:
                scene.look()
                time.sleep(0.1)
        proxy.faults = Faults()
        scene.arrive()
