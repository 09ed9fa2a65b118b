"""Settings that no other test names: what each does where it counts. That a server takes all of them over is tests/integration."""

import asyncio
import json
import socket
import struct
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dns.message
import dns.rcode
import pytest

from nsblast.access.may import Actor
from nsblast.admin.calls import Answer, Call, Endpoint, Site
from nsblast.admin.rim import Rim
from nsblast.backend.local import LocalBackend
from nsblast.backend.store import open_for_command
from nsblast.cli import zone_import
from nsblast.records import from_text, name_from_text
from nsblast.serve import worker
from nsblast.serve.sockets import listen
from nsblast.settings import Settings
from nsblast.transfer.rules import Act, defaults_of
from nsblast.zones.model import ChangeSet, CreateZone, PutName, RRset
from tests.helpers.commands import Database
from tests.helpers.masters import APEX, following, wire
from tests.helpers.server import free_place
from tests.helpers.updating import update, updating

ZONE = "$ORIGIN example.\n@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n"


# -- the store


def opened(folder: Path, **settings: Any) -> LocalBackend:
    return open_for_command(Settings(db_path=folder / "db", **settings), create=True)


def test_block_cache(tmp_path: Path) -> None:
    with closing(opened(tmp_path, block_cache="3MiB")) as backend:
        assert backend.database.property("rocksdb.block-cache-capacity") == str(3 << 20)


@pytest.mark.parametrize(
    ("setting", "value"), [("journal_age", "1ms"), ("journal_size", "1"), ("journal_zone_size", "1")]
)
def test_the_journal_is_kept_within_its_bounds(tmp_path: Path, setting: str, value: str) -> None:
    apex = name_from_text(APEX)
    soa = RRset(6, 60, (from_text(6, "ns.example. h.example. 1 2 3 4 5"),))
    top = PutName(apex, (soa, RRset(2, 60, (from_text(2, "ns.example."),))))
    with closing(opened(tmp_path, **{setting: value})) as backend:
        backend.apply(ChangeSet(apex, (CreateZone(), top)))
        for number in range(9):
            rrset = RRset(1, 60, (from_text(1, f"192.0.2.{number}"),))
            backend.apply(ChangeSet(apex, (PutName(name_from_text("www.example."), (rrset,)),)))
    kept = {}
    for bounded in (True, False):
        with closing(opened(tmp_path, **({setting: value} if bounded else {}))) as backend:
            rrset = RRset(1, 60, (from_text(1, f"192.0.2.1{int(bounded)}"),))
            backend.apply(ChangeSet(apex, (PutName(name_from_text("www.example."), (rrset,)),)))
            writer: Any = backend._writer
            writer._tend()
            kept[bounded] = len(list(backend.history(apex, limit=100)))
    assert kept[True] <= 2
    assert kept[False] == kept[True] + 1


def test_import_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, zone = tmp_path / "nsblast.toml", tmp_path / "example.zone"
    config.write_text(f"db_path = '{tmp_path / 'db'}'\nimport_memory = '17MiB'\n")
    zone.write_text("$TTL 60\n" + ZONE + "$GENERATE 1-3 w$ A 192.0.2.$\n")
    told = []
    read = zone_import.read_zone

    def reading(*given: Any, **more: Any) -> Any:
        told.append(more["memory"])
        return read(*given, **more)

    monkeypatch.setattr(zone_import, "read_zone", reading)
    Database(tmp_path / "db", ("--config", str(config))).ok("zone", "import", zone)
    assert told == [17 << 20]


def test_backup_path(tmp_path: Path) -> None:
    config, zone = tmp_path / "nsblast.toml", tmp_path / "example.zone"
    config.write_text(f"db_path = '{tmp_path / 'db'}'\nbackup_path = '{tmp_path / 'kept'}'\n")
    zone.write_text(ZONE)
    database = Database(tmp_path / "db", ("--config", str(config)))
    database.ok("zone", "import", zone)
    database.ok("backup", "create")
    assert any((tmp_path / "kept").iterdir())
    assert not (tmp_path / "db" / "backups").exists()
    database.ok("backup", "create", "--backup-path", tmp_path / "elsewhere")
    assert [
        len(database.json("backup", "list", *more)["backups"])
        for more in ((), ("--backup-path", tmp_path / "elsewhere"))
    ] == [1, 1]


# -- sockets and engines


def test_udp_buffer_and_tcp_backlog() -> None:
    address, port = free_place()
    made = listen(Settings(dns_endpoint=(address,), dns_port=port, udp_buffer="48KiB", tcp_backlog=7))
    try:
        udp, tcp = (next(each.sock for each in made if each.udp is wanted) for wanted in (True, False))
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            assert udp.getsockopt(socket.SOL_SOCKET, option) == 2 * (48 << 10)  # Linux counts its own needs with it
        told = tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        assert (
            struct.unpack_from("=8B6I", told)[13] == 7
        )  # of a listening socket: how many may wait (tcp_info.tcpi_sacked)
    finally:
        for each in made:
            each.sock.close()


@pytest.mark.parametrize("gso", [True, False])
def test_udp_gso(monkeypatch: pytest.MonkeyPatch, gso: bool) -> None:
    """What an engine does with it: tests/unit/core/test_outbox.py."""
    life: Any = SimpleNamespace(segment_fd=-1, index=0, cookie_secret=bytes(16))
    querylog: Any = None
    monkeypatch.setattr(worker, "Engine", lambda *_, **more: more)
    told: Any = worker.make_engine(life, Settings(udp_gso=gso), querylog)
    assert told["gso"] is gso


# -- other name servers


def test_allow_update() -> None:
    with updating() as place:
        message = update()
        message.add("new", 60, "A", "192.0.2.200")
        for allowed, rcode in ((("198.51.100.0/24",), "REFUSED"), (("192.0.2.0/24",), "NOERROR")):
            place.rules = {**defaults_of(Settings(allow_update=allowed))}
            assert place.rcode(message, sign=None) == rcode


def test_allow_notify() -> None:
    assert defaults_of(Settings(allow_notify=("192.0.2.1",)))[Act.NOTIFY] == ("192.0.2.1",)


def test_transfers_in_and_how_often_masters_are_looked_at() -> None:
    def refuses(query: dns.message.Message) -> list[bytes]:
        return [wire(query, [], rcode=dns.rcode.REFUSED)]

    async def run() -> None:
        bounds = {"transfers_in": 3, "transfers_in_per_master": 2, "transfers_in_per_tenant": 1}
        async with following(refuses, refresh_max=7.0, **bounds) as (place, _):
            turns = place.secondaries.refresher.turns
            assert (turns.most, turns.each_master, turns.each_tenant) == (3, 2, 1)
            zone = place.secondaries._zones[name_from_text(APEX)]
            assert zone.refresh > 7
            assert place.secondaries._interval(zone) == 7.0
            more = {name: value + 3 for name, value in bounds.items()}
            place.secondaries.adjust(place.settings.model_copy(update={**more, "refresh_max": 9.0}))
            assert (turns.most, turns.each_master, turns.each_tenant) == (6, 5, 4)
            assert place.secondaries._interval(zone) == 9.0

    asyncio.run(run())


# -- the admin API


class _Anybody:
    """A log-in that takes everybody."""

    async def identify(self, authorization: str, api_key: str, address: str) -> Actor:
        return Actor("somebody", "", "", ())


async def _answer(_: Call) -> Answer:
    return Answer("in")


def asked(address: str, scheme: str, headers: dict[str, str], **settings: Any) -> tuple[int, str]:
    """Status and message of one request from there."""
    site: Any = Site(Settings(**settings), None, None, login=_Anybody())  # type: ignore[arg-type]
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "scheme": scheme, "client": (address, 1), "http_version": "1.1", "raw_path": b"/x",
        "path": "/x", "path_params": {}, "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in {"host": "x", **headers}.items()],
    }  # fmt: skip
    asyncio.run(Rim(site).serve(Endpoint(method="GET", path="/x", handler=_answer), scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])["message"]


BASIC, KEY = {"authorization": "Basic YTpi"}, {"authorization": "Bearer x"}


@pytest.mark.parametrize("address", ["192.0.2.9", "10.0.0.1", "2001:db8::1", "1.127.0.1"])
def test_passwords_cross_no_network_in_clear_unless_http_plain_basic_is_set(address: str) -> None:
    status, message = asked(address, "http", BASIC)
    assert (status, "passwords over plain HTTP" in message) == (403, True)
    assert asked(address, "http", BASIC, http_plain_basic=True)[0] == 200
    assert asked(address, "https", BASIC)[0] == 200
    assert asked(address, "http", KEY)[0] == 200
    assert asked(address, "http", {"x-api-key": "x"})[0] == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1"])
def test_passwords_on_loopback(address: str) -> None:
    assert asked(address, "http", BASIC)[0] == 200
