"""Knot, NSD and PowerDNS as secondaries of nsblast: first transfer, then increments while the zones change, with a key and without.

What a secondary gives out again is compared with what nsblast gave out at that serial: each version seen must be one that existed.
They poll by the SOA's timers alone. PowerDNS takes whole zones only (its bind backend has no IXFR).
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import dns.exception
import pytest

from nsblast.backend.remote import RemoteBackend
from nsblast.records import name_from_text
from nsblast.zones.model import ChangeSet, PutName, RRset
from tests.helpers import transfers
from tests.helpers.api import Api, api
from tests.interop.peers.common import ADDRESS, Peer, free_port
from tests.interop.peers.knot import Knot
from tests.interop.peers.nsd import Nsd
from tests.interop.peers.pdns import Pdns
from tests.interop.zonegen import ZoneFile

PLAIN, KEYED = "plain.test.", "keyed.test."
KEY = "xfr.test."
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IDEyMzQ="
ZONE = """\
$TTL 60
@ SOA ns host 1 1 1 600 60
@ NS ns
ns A 192.0.2.1
WWW A 192.0.2.2
_sip._tcp SRV 1 2 5060 www
@ MX 10 mail.example.
*.w TXT "any" "thing"
child NS ns.child
ns.child A 192.0.2.3
odd TYPE65280 \\# 3 010203
""" + "".join(f"host{n} AAAA 2001:db8::{n:x}\n" for n in range(1500))
CHANGES = 18


class AsSecondary(Peer):
    """A peer that follows nsblast; master is where that listens."""

    master: tuple[str, int]


class KnotSecondary(AsSecondary, Knot):
    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        lines = [
            *("server:", f"    rundir: {self.folder}", f"    listen: {ADDRESS}@{self.port}"),
            *("database:", f"    storage: {self.folder}"),
            *("log:", "  - target: stderr", "    any: info"),
            *("key:", f"  - id: {KEY}", "    algorithm: hmac-sha256", f"    secret: {SECRET}"),
            *("remote:", "  - id: plain", f"    address: {self.master[0]}@{self.master[1]}"),
            *("  - id: keyed", f"    address: {self.master[0]}@{self.master[1]}", f"    key: {KEY}"),
            *("acl:", "  - id: all", f"    address: {ADDRESS}", "    action: transfer"),
            "zone:",
        ]
        for zone, remote in ((PLAIN, "plain"), (KEYED, "keyed")):
            lines += [f"  - domain: {zone}", f"    master: {remote}", "    acl: all", "    refresh-max-interval: 2"]
            lines += [f"    storage: {self.folder}", "    refresh-min-interval: 2", "    retry-max-interval: 2"]
        config = self.folder / "knot.conf"
        config.write_text("\n".join(lines) + "\n")
        return ["knotd", "-c", str(config)]


class NsdSecondary(AsSecondary, Nsd):
    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        command = super().prepare([])
        place = f"{self.master[0]}@{self.master[1]}"
        lines = ["key:", f"  name: {KEY}", "  algorithm: hmac-sha256", f"  secret: {SECRET}"]
        for zone, key in ((PLAIN, "NOKEY"), (KEYED, KEY)):
            lines += ["zone:", f"  name: {zone}", f"  zonefile: {self.folder}/{zone}", f"  request-xfr: {place} {key}"]
            lines += [f"  provide-xfr: {ADDRESS} NOKEY", "  max-refresh-time: 1", "  max-retry-time: 1"]
        with open(command[-1], "a") as config:
            config.write("\n".join(lines) + "\n")
        return command


class PdnsSecondary(AsSecondary, Pdns):
    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        command = super().prepare([])
        master = f"{self.master[0]}:{self.master[1]}"
        text = "".join(
            f'zone "{zone}" {{ type slave; masters {{ {master}; }}; file "{self.folder}/{zone}"; }};\n'
            for zone in (PLAIN, KEYED)
        )
        (self.folder / "named.conf").write_text(text)
        with open(self.folder / "pdns.conf", "a") as config:
            config.write(f"secondary=yes\nxfr-cycle-interval=1\nallow-axfr-ips={ADDRESS}\n")
        with contextlib.closing(sqlite3.connect(self.folder / "dnssec.sqlite3")) as base:
            base.execute(
                "insert into tsigkeys (name, algorithm, secret) values (?, ?, ?)",
                (KEY.rstrip("."), "hmac-sha256", SECRET),
            )
            base.execute(
                "insert into domainmetadata (domain, kind, content) values (?, ?, ?)",
                (KEYED.rstrip("."), "AXFR-MASTER-TSIG", KEY.rstrip(".")),
            )
            base.commit()
        return command


PEERS: list[type[AsSecondary]] = [KnotSecondary, NsdSecondary, PdnsSecondary]


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("primary")
    with api(folder, "--allow-transfer", "127.0.0.0/8", workers=2) as server:
        for zone in (PLAIN, KEYED):
            path = folder / zone
            path.write_text(f"$ORIGIN {zone}\n{ZONE}")
            server.command("zone", "import", str(path))
        with server.client() as client:
            form = {"name": KEY, "algorithm": "hmac-sha256", "secret": SECRET, "transfer": True}
            assert client.post("/tsigkey", json=form).status_code == 201
        yield server


def whole(place: tuple[str, int], zone: str) -> frozenset[transfers.Record]:
    return transfers.contents(transfers.take(transfers.question(zone), place))


@pytest.mark.parametrize("kind", PEERS, ids=lambda kind: kind.name)
def test_follows_every_change(kind: type[AsSecondary], primary: Api, tmp_path: Path) -> None:
    if not kind.available():
        pytest.skip(f"{kind.name} is not installed")
    place = (primary.address, primary.port)
    existed = {zone: {transfers.serial_of(now): now for now in [whole(place, zone)]} for zone in (PLAIN, KEYED)}
    peer = kind(tmp_path)
    peer.master = place
    peer.port = free_port()
    files = [_Named(zone) for zone in (PLAIN, KEYED)]
    there = peer.start(files)  # type: ignore[arg-type]
    backend = RemoteBackend(primary.db_path)
    seen: dict[str, set[int]] = {PLAIN: set(), KEYED: set()}
    try:
        for number in range(CHANGES):
            for zone in (PLAIN, KEYED):
                owner = name_from_text(f"n{number % 7}.{zone}")
                rdatas = (bytes((198, 51, 100, number)),) if number % 5 else ()
                ops = (PutName(owner, (RRset(1, 60, rdatas),) if rdatas else ()),)
                ops += (PutName(name_from_text(f"changed.{zone}"), (RRset(16, 60, (b"\x03" + b"%03d" % number,)),)),)
                backend.apply(ChangeSet(name_from_text(zone), ops))
                now = whole(place, zone)
                existed[zone][transfers.serial_of(now)] = now
            time.sleep(0.1)
            if number % 6 == 5:
                for zone in (PLAIN, KEYED):
                    _compare(there, zone, existed[zone], seen[zone])
        for zone in (PLAIN, KEYED):
            deadline = time.monotonic() + 15
            while max(existed[zone]) not in seen[zone]:
                assert time.monotonic() < deadline, f"{zone} stays at {max(seen[zone])}\n{peer.last_words()}"
                time.sleep(0.2)
                _compare(there, zone, existed[zone], seen[zone])
            assert len(seen[zone]) >= 2
    finally:
        backend.close()
        peer.stop()


class _Named:
    """What Peer.wait() wants of a zone file."""

    def __init__(self, origin: str) -> None:
        self.origin = origin


def _compare(
    there: tuple[str, int], zone: str, existed: dict[int, frozenset[transfers.Record]], seen: set[int]
) -> None:
    try:
        theirs = whole(there, zone)
    except (OSError, dns.exception.DNSException):
        return  # between two versions some close the connection; the next look tells
    serial = transfers.serial_of(theirs)
    assert serial in existed
    assert theirs == existed[serial], sorted(theirs ^ existed[serial])[:10]
    seen.add(serial)
