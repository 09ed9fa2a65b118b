"""Folders of many new zones: served at once, whatever was answered for their names before; whole or absent after kill -9.

NSBLAST_TEST_CRASH_ROUNDS says how often the test of crashes kills, as in test_crash.py.
"""

import os
import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from nsblast._core.rrset import unpack_entry
from nsblast.access import first
from nsblast.backend import Backend
from nsblast.backend.opening import connect
from nsblast.backend.store import open_for_command
from nsblast.records import name_from_text
from nsblast.settings import Settings
from nsblast.store.layout import FIRST_TENANT
from tests.helpers import crash_import
from tests.helpers.commands import Database
from tests.helpers.crash_import import GROUP, apex_of, names_of
from tests.helpers.server import Server, serving

ROUNDS = int(os.environ.get("NSBLAST_TEST_CRASH_ROUNDS", "2"))
COUNT = 200


def small(apex: str, address: str) -> str:
    return f"$ORIGIN {apex}\n$TTL 60\n@ SOA ns h 7 2 3 4 5\n@ NS ns\nns A {address}\nwww A {address}\n"


def folder_of(path: Path, names: list[str], address: str) -> Path:
    path.mkdir()
    for name in names:
        (path / f"{name}zone").write_text(small(name, address))
    return path


def answer(server: Server, name: str) -> list[str]:
    return [rr.to_text() for rrset in server.ask(name, "A").answer for rr in rrset]


def test_new_zones_take_over_what_their_parents_showed(tmp_path: Path) -> None:
    parent = "$ORIGIN p.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
    parent += "".join(f"www.z{n} A 192.0.2.1\n" for n in range(0, COUNT, 2))
    (tmp_path / "parent.zone").write_text(parent)
    zones = [f"z{n}.p.example." for n in range(COUNT)] + ["below.z7.p.example.", "new.test.", "a.new.test."]
    folder = folder_of(tmp_path / "zones", zones, "192.0.2.2")
    with serving(tmp_path, workers=2) as server:
        database = Database(server.db_path)
        database.ok("zone", "import", tmp_path / "parent.zone")
        for n in range(0, COUNT, 2):
            assert answer(server, f"www.z{n}.p.example.") == ["192.0.2.1"]
            assert answer(server, f"www.z{n + 1}.p.example.") == []
        told = database.json("zone", "import", folder)
        assert (told["imported"], told["failed"]) == (len(zones), 0)
        with closing(connect(Settings(db_path=server.db_path), "test")) as backend:
            new = [zone.record.incarnation for zone in backend.zones() if zone.apex != name_from_text("p.example.")]
        assert len(set(new)) == 1
        for _ in range(3):  # by each worker, from its store and from the cache
            for zone in zones:
                assert answer(server, f"www.{zone}") == ["192.0.2.2"]
        again = database.json("zone", "import", folder)
        assert (again["imported"], again["unchanged"]) == (0, len(zones))
        changed = folder_of(tmp_path / "changed", zones[:100], "192.0.2.3")
        assert database.json("zone", "import", changed)["imported"] == 100
        assert [answer(server, f"www.{zone}") for zone in zones[98:102]] == [["192.0.2.3"]] * 2 + [["192.0.2.2"]] * 2


def test_a_file_that_is_wrong_takes_nobody_with_it(tmp_path: Path) -> None:
    database = Database(tmp_path / "db")
    zones = [f"z{n}.example." for n in range(60)]
    folder = folder_of(tmp_path / "zones", zones, "192.0.2.2")
    (folder / "z30.example.zone").write_text(small("z30.example.", "nonsense"))
    (folder / "z31.example.zone").write_text(small("z31.example.", "192.0.2.1") + "www CNAME x\n")
    done = database.run("zone", "import", folder, "--json")
    assert done.code == 65
    assert f"{folder}/z30.example.zone:5:" in done.err
    assert f"{folder}/z31.example.zone:7:" in done.err
    assert (done.json["imported"], done.json["failed"]) == (58, 2)
    assert len(database.ok("zone", "list").split()) == 58


@pytest.mark.parametrize("running", [False, True])
def test_zones_of_a_tenant(tmp_path: Path, running: bool) -> None:
    folder = folder_of(tmp_path / "zones", [f"z{n}.example." for n in range(40)], "192.0.2.2")
    server = Server(tmp_path, workers=1).start() if running else None
    try:
        database = Database(tmp_path / "db")
        if not running:
            settings = Settings(db_path=database.path)
            with closing(open_for_command(settings, create=True)) as backend:
                first.make(backend.accounts, settings.db_path, None, least=1)
        assert "there is no tenant elsewhere" in database.fails(3, "zone", "import", folder, "--tenant", "elsewhere")
        assert database.ok("zone", "list") == ""
        database.ok("zone", "import", folder, "--tenant", "NSblast")
        with closing(connect(Settings(db_path=database.path), "test")) as backend:
            assert {zone.record.tenant for zone in backend.zones()} == {FIRST_TENANT}
    finally:
        if server is not None:
            server.end()


def check(backend: Backend, done: set[int], begun: set[int]) -> None:
    """What was told is there; what was begun is there as a group or not at all; nothing else is."""
    there: dict[int, list[int]] = {}
    for zone in list(backend.zones()):
        number, place = names_of(zone.apex)
        there.setdefault(number, []).append(place)
        entries = list(backend.entries(zone.apex))
        assert len(entries) == zone.record.names == 3
        texts = [
            rd for entry in entries for rrtype, _, rds in unpack_entry(entry.blob).rrsets if rrtype == 16 for rd in rds
        ]
        assert texts == [bytes((len(str(number)),)) + str(number).encode()] * 2
        (told,) = backend.history(zone.apex)
        assert told.number == zone.record.incarnation
    for number, places in there.items():
        assert sorted(places) == list(range(GROUP)), f"group {number} is half"
    assert done <= set(there), "a group that was acknowledged is gone"
    assert set(there) <= done | begun


@pytest.mark.timeout(300)
@pytest.mark.parametrize("running", [False, True])
def test_killed(tmp_path: Path, running: bool) -> None:
    server = Server(tmp_path, workers=1).start() if running else None
    settings = Settings(db_path=tmp_path / "db")
    done: set[int] = set()
    begun: set[int] = set()
    try:
        for number in range(ROUNDS):
            writer = subprocess.Popen(
                [sys.executable, "-m", crash_import.__name__, str(settings.db_path), str(number * 1000)],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            assert writer.stdout is not None
            begin = writer.stdout.readline() + writer.stdout.readline()
            assert b"done" in begin, "the writer never began"
            time.sleep(random.uniform(0.02, 0.6))
            if server is None:
                writer.kill()
            else:
                server.kill(server.pids()["control"])
            said = begin + writer.stdout.read()
            writer.stdout.close()
            writer.wait(20)
            for line in said.decode().split("\n")[:-1]:
                what, which = line.split()
                (begun if what == "begin" else done).add(int(which))
            if server is not None:
                server.wait_ready()
            with closing(connect(settings, "crash test")) as backend:
                assert backend.running == running
                check(backend, done, begun)
            if server is not None and done:
                apex = apex_of(max(done), GROUP - 1)
                assert server.ask(f"n0.{apex}", "TXT").answer, apex
        assert done
    finally:
        if server is not None:
            server.end()
