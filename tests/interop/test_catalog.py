"""Catalog zones with Knot and BIND: a zone made here is served there within seconds, and the other way round, without a script.

NSD learned of catalog zones in 4.9; Debian's 4.6 takes no part. What changes a catalog is told by NOTIFY; timers are the usual ones.
"""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.helpers.api import Api, api
from tests.helpers.commands import nsblast
from tests.interop.peers.bind import Bind
from tests.interop.peers.common import ADDRESS, free_port
from tests.interop.peers.knot import Knot
from tests.interop.zonegen import ZoneFile

CATALOG = "cat.test."
WITHIN = 5.0
"""Seconds until the other server has a new zone."""
KEY = "xfr.test."
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IDEyMzQ="


class KnotFollows(Knot):
    """Follows a catalog of nsblast's."""

    master: tuple[str, int]

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        config = self.folder / "knot.conf"
        config.write_text(f"""\
server:
    rundir: {self.folder}
    listen: {ADDRESS}@{self.port}
database:
    storage: {self.folder}
log:
  - target: stderr
    any: info
key:
  - id: {KEY}
    algorithm: hmac-sha256
    secret: {SECRET}
remote:
  - id: primary
    address: {self.master[0]}@{self.master[1]}
    key: {KEY}
acl:
  - id: notify
    address: 127.0.0.0/8
    action: notify
template:
  - id: default
    storage: {self.folder}
  - id: member
    storage: {self.folder}
    master: primary
    acl: notify
  - id: special
    storage: {self.folder}
    master: primary
    acl: notify
zone:
  - domain: {CATALOG}
    master: primary
    acl: notify
    catalog-role: interpret
    catalog-template: [ member, special ]
""")
        return ["knotd", "-c", str(config)]


class BindFollows(Bind):
    """Follows a catalog of nsblast's."""

    master: tuple[str, int]

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        config = self.folder / "named.conf"
        place = f"{{ {self.master[0]} port {self.master[1]} key {KEY}; }}"
        config.write_text(f"""\
key "{KEY}" {{ algorithm hmac-sha256; secret "{SECRET}"; }};
controls {{ }};
options {{
    directory "{self.folder}"; pid-file "{self.folder}/pid"; session-keyfile "{self.folder}/session";
    listen-on port {self.port} {{ {ADDRESS}; }}; listen-on-v6 {{ none; }};
    recursion no; notify no; dnssec-validation no; allow-transfer {{ any; }};
    allow-notify {{ 127.0.0.0/8; }};
    catalog-zones {{ zone "{CATALOG}" default-primaries {place} in-memory yes min-update-interval 1; }};
}};
zone "{CATALOG}" {{ type secondary; file "catalog"; primaries {place}; }};
""")
        return ["named", "-g", "-c", str(config), "-n", "1"]


FOLLOWERS = [KnotFollows, BindFollows]


def rcode(place: tuple[str, int], name: str, rdtype: str = "SOA") -> str:
    """Of an authoritative answer; what else there is in other words."""
    query = dns.message.make_query(name, rdtype)
    query.flags = dns.flags.Flag(0)
    try:
        answer = dns.query.udp(query, place[0], 2, place[1])
    except (dns.exception.DNSException, OSError) as error:
        return type(error).__name__
    found = dns.rcode.to_text(answer.rcode())
    return found if answer.flags & dns.flags.AA or found != "NOERROR" else "not authoritative"


def until(holds: Callable[[], bool], within: float = WITHIN) -> float:
    """Seconds until it holds; the test fails when that takes longer than `within`."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < within
        time.sleep(0.05)
    return time.monotonic() - began


def command(server: Api, *arguments: str) -> str:
    """What it prints; it must succeed."""
    done = nsblast(*arguments, "-d", server.db_path)
    assert done.code == 0, done
    return done.out


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("catalogs")
    with api(folder, "--default-name-servers", "ns.example.", workers=1) as running:
        with running.client() as client:
            form = {"name": KEY, "algorithm": "hmac-sha256", "secret": SECRET, "transfer": True, "notify": True}
            assert client.post("/tsigkey", json=form).status_code == 201
        assert command(running, "catalog", "produce", CATALOG, "--of", "all")
        yield running


def soon(server: Api, zone: str) -> None:
    with server.client() as client:
        soa = {
            "mname": "ns.example.",
            "rname": "h.example.",
            "refresh": 3600,
            "retry": 600,
            "expire": 86400,
            "minimum": 1,
        }
        answer = client.post(f"/zone/{zone}", json={"ns": ["ns.example."], "soa": soa})
        assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("kind", FOLLOWERS, ids=lambda kind: kind.name)
def test_they_follow_a_catalog_of_ours(kind: type[KnotFollows | BindFollows], server: Api, tmp_path: Path) -> None:
    if not kind.available():
        pytest.skip(f"{kind.name} is not installed")
    peer = kind(tmp_path)
    peer.master = (server.address, server.port)
    peer.port = free_port()
    first, second = f"first.{kind.name}.test", f"second.{kind.name}.test"
    soon(server, first)
    there = peer.start([])
    try:
        with server.client() as client:
            form = {"notify": [{"address": there[0], "port": there[1]}]}
            assert client.put(f"/config/{CATALOG}/notify", json=form).status_code == 200
        until(lambda: rcode(there, first) == "NOERROR", 3 * WITHIN)
        soon(server, second)
        took = until(lambda: rcode(there, second) == "NOERROR")
        with server.client() as client:
            form = {"membership": {"group": "special"}}
            assert client.put(f"/config/{first}/membership", json=form).status_code == 200
            assert client.delete(f"/zone/{second}").status_code == 200
        gone = until(lambda: rcode(there, second) != "NOERROR")
        until(lambda: rcode(there, first) == "NOERROR")
        soon(server, second)
        until(lambda: rcode(there, second) == "NOERROR")
    finally:
        peer.stop()
    print(f"{kind.name}: a zone after {took:.2f} s, its end after {gone:.2f} s")


# -- the other way


class KnotMakes(Knot):
    """Makes a catalog of its own zones."""

    zones: tuple[str, ...] = ()
    follower: tuple[str, int]

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        self.configure()
        return ["knotd", "-c", str(self.folder / "knot.conf")]

    def configure(self) -> None:
        """Write the settings and zones anew."""
        lines = "".join(
            f"  - domain: {zone}\n    catalog-role: member\n    catalog-zone: {CATALOG}\n" for zone in self.zones
        )
        for zone in self.zones:
            (self.folder / f"{zone}zone").write_text("@ 1 SOA ns h 5 1 1 600 1\n@ 1 NS ns.example.\n")
        (self.folder / "knot.conf").write_text(f"""\
server:
    rundir: {self.folder}
    listen: {ADDRESS}@{self.port}
database:
    storage: {self.folder}
log:
  - target: stderr
    any: info
remote:
  - id: follower
    address: {self.follower[0]}@{self.follower[1]}
acl:
  - id: all
    address: 127.0.0.0/8
    action: transfer
template:
  - id: default
    storage: {self.folder}
    acl: all
    notify: follower
zone:
  - domain: {CATALOG}
    catalog-role: generate
{lines}""")

    def change(self, *zones: str) -> None:
        """Have these zones, and no others."""
        self.zones = zones
        self.configure()
        subprocess.run(
            ["knotc", "-s", str(self.folder / "knot.sock"), "reload"], check=True, timeout=20, capture_output=True
        )


class BindMakes(Bind):
    """Has a catalog that was written by hand."""

    zones: tuple[str, ...] = ()
    follower: tuple[str, int]
    serial = 1

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        self.configure()
        return ["named", "-g", "-c", str(self.folder / "named.conf"), "-n", "1"]

    def configure(self) -> None:
        """Write the settings and zones anew."""
        BindMakes.serial += 1
        text = f"$TTL 0\n@ SOA invalid. invalid. {self.serial} 3600 600 86400 1\n@ NS invalid.\nversion TXT 2\n"
        for zone in self.zones:
            text += f"{zone.replace('.', '-')}.zones PTR {zone}\n"
            (self.folder / f"{zone}zone").write_text("@ 1 SOA ns h 5 1 1 600 1\n@ 1 NS ns.example.\n")
        (self.folder / "catalog").write_text(text)
        lines = "".join(f'zone "{zone}" {{ type primary; file "{zone}zone"; }};\n' for zone in self.zones)
        (self.folder / "named.conf").write_text(f"""\
controls {{ }};
options {{
    directory "{self.folder}"; pid-file "{self.folder}/pid"; session-keyfile "{self.folder}/session";
    listen-on port {self.port} {{ {ADDRESS}; }}; listen-on-v6 {{ none; }};
    recursion no; dnssec-validation no; allow-transfer {{ any; }};
    notify explicit; notify-delay 0; also-notify {{ {self.follower[0]} port {self.follower[1]}; }};
}};
zone "{CATALOG}" {{ type primary; file "catalog"; }};
{lines}""")

    def change(self, *zones: str) -> None:
        """Have these zones, and no others."""
        import signal

        self.zones = zones
        self.configure()
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)


@pytest.mark.parametrize("kind", [KnotMakes, BindMakes], ids=lambda kind: kind.name)
def test_we_follow_a_catalog_of_theirs(kind: type[KnotMakes | BindMakes], tmp_path: Path) -> None:
    if not kind.available():
        pytest.skip(f"{kind.name} is not installed")
    with api(tmp_path, "--refresh-min", "1", workers=1) as server:
        here = (server.address, server.port)
        peer = kind(tmp_path)
        peer.zones = ("one.test.", "two.test.")
        peer.follower = here
        place = peer.start([])
        try:
            command(server, "catalog", "consume", CATALOG, "--from", f"{place[0]}:{place[1]}")
            until(lambda: rcode(here, "one.test.") == rcode(here, "two.test.") == "NOERROR", 3 * WITHIN)
            peer.change("two.test.", "three.test.")
            until(lambda: rcode(here, "three.test.") == "NOERROR")
            until(lambda: rcode(here, "one.test.") == "REFUSED")
            assert rcode(here, "two.test.") == "NOERROR"
            told = command(server, "catalog", "status", CATALOG)
            assert told.startswith("consumer, ok\n")
            found = command(server, "catalog", "members", CATALOG).split()
            assert {"two.test.", "three.test."} <= set(found)
        finally:
            peer.stop()
