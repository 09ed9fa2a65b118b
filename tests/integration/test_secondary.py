"""A server that is a secondary of another: NOTIFY, fail-over, expiry, deaths in the middle of transfers, many zones at once.

NSBLAST_TEST_SECONDARIES: zones of the start with many (300; 5000 take half a minute).
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.edns
import dns.message
import dns.query
import dns.rcode
import pytest

from nsblast.backend.store import open_for_command
from nsblast.records import from_text, name_from_text
from nsblast.settings import Settings
from nsblast.store.values_v1 import ZoneKind
from nsblast.zones.model import ChangeSet, CreateZone, PutName, RRset
from tests.helpers.server import Server

MANY = int(os.environ.get("NSBLAST_TEST_SECONDARIES", "300"))
FAST = ("--refresh-min", "500ms", "--retry-min", "500ms")
WITHIN = 15.0


def until(true: Callable[[], Any], seconds: float = WITHIN) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, "it did not come to it"
        time.sleep(0.05)
    return found


def text(serial: int, names: int = 0, *, refresh: int = 3600, expire: int = 86400) -> str:
    hosts = "".join(f"h{number} A 10.{serial}.{number >> 8 & 255}.{number & 255}\n" for number in range(names))
    top = f"@ SOA ns host {serial} {refresh} 1 {expire} 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.{serial}\n"
    return f"$ORIGIN example.com.\n$TTL 60\n{top}{hosts}"


def load(server: Server, contents: str) -> None:
    file = server.folder / "zone"
    file.write_text(contents)
    server.command("zone", "import", str(file), "--origin", "example.com")


def shown(server: Server, name: str = "www.example.com") -> str:
    reply = server.ask(name)
    if reply.rcode() != dns.rcode.NOERROR:
        return dns.rcode.to_text(reply.rcode())
    return str(reply.answer[0][0]) if reply.answer else ""


def follow(server: Server, *masters: Server) -> None:
    places = [part for one in masters for part in ("--from", f"{one.address}:{one.port}")]
    server.command("zone", "transfer", "example.com", *places)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Servers in folders of their own."""
    made: list[Server] = []

    def make(name: str, *flags: str) -> Server:
        (tmp_path / name).mkdir()
        server = Server(tmp_path / name, workers=1)
        made.append(server)
        return server.start(*flags)

    yield make
    for server in made:
        server.end()


def test_changes_arrive_by_notify(servers: Callable[..., Server]) -> None:
    second = servers("second")
    first = servers(
        "first", "--allow-transfer", "any", "--notify", f"{second.address}@{second.port}", "--notify-delay", "10ms"
    )
    load(first, text(1))
    follow(second, first)
    assert shown(second) == "192.0.2.1"
    for last in range(50, 55):
        first.command("rr", "set", "www.example.com", "A", f"192.0.2.{last}")
        until(lambda last=last: shown(second) == f"192.0.2.{last}")
    told = json.loads(second.command("zone", "status", "example.com", "--json").stdout)
    assert told["master"]["state"] == "ok"
    line = second.command("zone", "status", "example.com").stdout.splitlines()[1]
    assert line.startswith(f"  from {first.address}:{first.port}: ok, last check ")
    assert ", next refresh in " in line
    assert ", expires in 86" in line
    assert told["serial"] == 6
    kinds = [event["how"] for event in second.events("zone transferred")]
    assert kinds[0] == "axfr"
    assert set(kinds[1:]) == {"ixfr"}


def test_another_master_when_the_first_is_gone_and_expiry_when_all_are(servers: Callable[..., Server]) -> None:
    one = servers("one", "--allow-transfer", "any")
    two = servers("two", "--allow-transfer", "any")
    for master in (one, two):
        load(master, text(1, refresh=1, expire=6))
    second = servers("second", *FAST)
    follow(second, one, two)
    one.stop()
    load(two, text(2, refresh=1, expire=6))
    until(lambda: shown(second) == "192.0.2.2")
    two.stop()
    until(lambda: shown(second) == "SERVFAIL")
    asked = dns.message.make_query("www.example.com", "A", use_edns=0)
    for ask in (dns.query.udp, dns.query.tcp):
        reply = ask(asked, second.address, 3, second.port)
        assert reply.rcode() == dns.rcode.SERVFAIL
        assert [option.code for option in reply.options if isinstance(option, dns.edns.EDEOption)] == [
            dns.edns.EDECode.INVALID_DATA
        ]
    assert second.command("rr", "set", "www.example.com", "A", "192.0.2.9", check=False).returncode == 4
    line = second.command("zone", "status", "example.com").stdout.splitlines()[1]
    assert f"{one.address}:{one.port}, {two.address}:{two.port}: expired" in line
    assert ", expired " in line
    assert ", last error: " in line
    # It is still expired after a restart, and ends to be when a master is back.
    second.stop()
    second.start(*FAST)
    assert shown(second) == "SERVFAIL"
    two.start("--allow-transfer", "any")
    until(lambda: shown(second) == "192.0.2.2")


def test_control_killed_in_the_middle_of_transfers(servers: Callable[..., Server]) -> None:
    first = servers("first", "--allow-transfer", "any")
    second = servers("second", *FAST)
    load(first, text(1, 4000, refresh=1))
    follow(second, first)
    for serial in range(2, 8):
        load(first, text(serial, 4000, refresh=1))
        time.sleep(0.3 + 0.1 * serial)
        second.kill(second.pids()["control"])
        until(lambda: _ready(second))
        # Whatever it has is one version, whole.
        version = shown(second).rsplit(".", 1)[1]
        assert {shown(second, f"h{number}.example.com").split(".")[1] for number in (0, 1999, 3999)} <= {
            version,
            str(int(version) + 1),
        }
    until(lambda: shown(second) == "192.0.2.7")
    exported = [server.command("zone", "export", "example.com").stdout for server in (first, second)]
    assert exported[0] == exported[1]


def _ready(server: Server) -> bool:
    with contextlib.suppress(Exception):
        return bool(server.status()["ready"])
    return False


def test_many_zones_start_together_and_state_is_kept(servers: Callable[..., Server], tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    second = Server(tmp_path / "many", workers=1)
    first = servers("first", "--allow-transfer", "any")
    first.stop()
    master = {"hostname": first.address, "port": first.port, "refresh": 600, "strategy": "ixfr", "tsig": "", "also": []}
    names = [f"z{number}.test." for number in range(MANY)]

    def primary(name: str) -> ChangeSet:
        apex = name_from_text(name)
        top = (
            RRset(6, 60, (from_text(6, f"ns.{name} host.{name} 7 3600 600 86400 60"),)),
            RRset(2, 60, (b"\2ns" + apex,)),
        )
        www = PutName(b"\3www" + apex, (RRset(1, 60, (bytes((192, 0, 2, 1)),)),))
        return ChangeSet(apex, (CreateZone(), PutName(apex, top), www))

    def empty(name: str) -> ChangeSet:
        return ChangeSet(name_from_text(name), (CreateZone(ZoneKind.SECONDARY, settings={"master": master}),))

    for server, make in ((first, primary), (second, empty)):
        backend = open_for_command(Settings(db_path=server.db_path), create=True)
        for future in [backend.submit(make(name)) for name in names]:
            future.result()
        backend.close()
    first.start("--allow-transfer", "any")
    try:
        second.start()
        until(lambda: len(second.events("zone transferred")) >= MANY, 30 + MANY / 50)
        assert all(shown(second, f"www.{name}") == "192.0.2.1" for name in names[:: max(1, MANY // 50)])
        second.stop()
        second.start()
        known = until(lambda: [event for event in second.events("secondary zones") if event["due"] == 0])
        assert known[-1]["zones"] == MANY, "none is due again: all were confirmed a moment ago"
    finally:
        second.end()
