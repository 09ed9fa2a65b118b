"""Catalogs with very many members: a new zone costs what it costs in a small one, at who makes the catalog and at who follows it.

SCALE_MEMBERS: zones of the producer (2,000; 1,000,000 take some ten minutes). SCALE_FOLLOWED: members of the consumer (500; 100,000 as long).
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.flags
import dns.rcode
import pytest

from tests.helpers.api import Api, api
from tests.helpers.server import free_place
from tests.scale.many import make, name_of, stopped
from tests.scale.peers import peer
from tests.scale.watch import Watch, cpu, memory

MEMBERS = int(os.environ.get("SCALE_MEMBERS", "2000"))
FOLLOWED = int(os.environ.get("SCALE_FOLLOWED", "500"))
CATALOG = "cat.test."
CHANGES = 5
FLAGS = ("--allow-transfer", "127.0.0.0/8", "--default-name-servers", "ns.example.")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def until(holds: Callable[[], Any], seconds: float) -> float:
    """Seconds until it does."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, "it did not come to it"
        time.sleep(0.02)
    return round(time.monotonic() - began, 3)


def primaries(folder: Path, count: int) -> Api:
    """A server that is not started, with so many zones."""
    server = Api(folder, workers=1)
    backend = stopped(server.db_path)
    make(backend, range(count))
    backend.close()
    return server


def state(server: Api) -> str:
    """Of the catalog."""
    with server.client() as client:
        told: str = client.get(f"/zone/{CATALOG}/catalog").raise_for_status().json()["value"]["state"]
        return told


def serial(server: Api) -> int:
    """Of the catalog."""
    with server.client() as client:
        found: int = client.get(f"/zone/{CATALOG}/status").raise_for_status().json()["value"]["serial"]
        return found


def new_zone(server: Api, name: str) -> None:
    """By the API."""
    with server.client() as client:
        client.post(f"/zone/{name}", json={}).raise_for_status()


def serves(server: Api, name: str) -> bool:
    """Whether it has the zone."""
    answer = server.ask(name, "SOA")
    return answer.rcode() == dns.rcode.NOERROR and bool(answer.flags & dns.flags.AA)


def each_change(pids: dict[str, int], change: Callable[[int], float]) -> dict[str, Any]:
    """Some changes, one after the other: seconds until each was done, milliseconds of CPU that one took of each process."""
    before = {name: cpu(pid) for name, pid in pids.items()}
    times = sorted(change(number) for number in range(CHANGES))
    spent = {f"{name}_ms": round((cpu(pid) - before[name]) * 1000 / CHANGES, 1) for name, pid in pids.items()}
    return {"p50": times[CHANGES // 2], "most": times[-1], **spent}


def test_a_catalog_that_is_made(tmp_path: Path) -> None:
    primaries(tmp_path, MEMBERS)
    with api(tmp_path, *FLAGS, workers=1) as server:

        def add(number: int) -> float:
            before = serial(server)
            new_zone(server, f"new{number}.test.")
            return until(lambda: serial(server) != before, 5)

        def add_without(number: int) -> float:
            began = time.monotonic()
            new_zone(server, f"before{number}.test.")
            return round(time.monotonic() - began, 3)

        pid = server.pids()["control"]
        without = each_change({"cpu": pid}, add_without)
        watch = Watch(server, name_of(0), name_of(0))
        server.command("catalog", "produce", CATALOG, "--of", "all")
        until(lambda: state(server) == "ok", 30 + MEMBERS / 3000)
        print(json.dumps({"catalog": "made", "members": MEMBERS, **watch.told()}))
        told = each_change({"cpu": pid}, add)
        print(json.dumps({"catalog": "a zone more", "members": MEMBERS, **told, "without_catalog": without}))
        assert told["p50"] < 2
        assert told["cpu_ms"] < 150, "whatever its size"
        server.stop()
        server.start(*FLAGS)
        watch = Watch(server, name_of(0), name_of(0))
        until(lambda: state(server) == "ok", 30)
        told = watch.told()
        print(json.dumps({"catalog": "made, restart", "members": MEMBERS, **told}))
        assert told["cpu"] < 3, "nothing is compared"


def test_a_catalog_that_is_followed(tmp_path: Path) -> None:
    for name in ("makes", "follows"):
        (tmp_path / name).mkdir()
    primaries(tmp_path / "makes", FOLLOWED)
    address = free_place()[0]
    with (
        peer("master.py", address) as master,
        api(tmp_path / "makes", *FLAGS, workers=1) as makes,
        api(tmp_path / "follows", *FLAGS, workers=1) as follows,
    ):

        def add(number: int) -> float:
            new_zone(makes, f"new{number}.test.")
            return until(lambda: serves(follows, f"new{number}.test."), 10)

        makes.command("catalog", "produce", CATALOG, "--of", "all")
        until(lambda: state(makes) == "ok", 30 + FOLLOWED / 2000)
        setting = {"notify": [{"address": follows.address, "port": follows.port}]}
        with makes.client() as client:
            client.put(f"/config/{CATALOG}/notify", json=setting).raise_for_status()
        template = tmp_path / "template.json"
        template.write_text(json.dumps({"template": {"master": {"hostname": address, "port": master.ports[0]}}}))
        pids = {"makes": makes.pids()["control"], "follows": follows.pids()["control"]}
        watch = Watch(follows, "", CATALOG)
        place = f"{makes.address}:{makes.port}"
        follows.command("catalog", "consume", CATALOG, "--from", place, "--set-up", str(template))
        followed = until(lambda: state(follows) == "ok", 60 + FOLLOWED / 500)
        loaded = until(lambda: sum(master.told()["transfers"]) >= FOLLOWED, 60 + FOLLOWED / 100)
        print(
            json.dumps(
                {"catalog": "followed", "members": FOLLOWED, "after": followed, "loaded": loaded, **watch.told()}
            )
        )
        told = each_change(pids, add)
        print(json.dumps({"catalog": "a member more", "members": FOLLOWED, **told}))
        assert told["most"] < 5
        assert told["follows_ms"] < 250, "whatever its size"
        for number in range(0, FOLLOWED, max(1, FOLLOWED // 50)):
            assert serves(follows, name_of(number))
        follows.stop()
        began = time.monotonic()
        follows.start(*FLAGS)
        watch = Watch(follows, "", CATALOG)
        until(lambda: state(follows) == "ok", 60 + FOLLOWED / 1000)
        seconds = round(time.monotonic() - began, 2)
        print(json.dumps({"catalog": "followed, restart", "members": FOLLOWED, "after": seconds, **watch.told()}))
        assert memory(follows.pids()["control"]) < 200 + FOLLOWED / 300
