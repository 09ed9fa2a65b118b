"""Very many secondary zones of one master: the start asks for them in an even stream, all are loaded, a restart asks for what is due only.

SCALE_SECONDARIES: zones (1,000; 100,000 take some minutes).
"""

import json
import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nsblast.transfer import secondary_state
from nsblast.transfer.secondary import STARTED_EACH_SECOND
from tests.helpers.api import Api, api
from tests.helpers.server import free_place
from tests.scale.many import follow, name_of, stopped
from tests.scale.peers import Peer, peer
from tests.scale.watch import Watch, memory

ZONES = int(os.environ.get("SCALE_SECONDARIES", "1000"))
WITHIN = 30 + ZONES / 100

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def counts(server: Api) -> dict[str, int]:
    """Secondary zones by state, from the metrics."""
    with server.client() as client:
        text = client.get(f"{server.url}/metrics").raise_for_status().text
    states = [line for line in text.splitlines() if line.startswith("nsblast_secondary_zones{")]
    return {line.split('"')[1]: int(float(line.split()[-1])) for line in states}


def wait_ok(server: Api) -> None:
    """Until all zones are loaded and confirmed."""
    deadline = time.monotonic() + WITHIN
    while (found := counts(server)).get("ok") != ZONES:
        assert time.monotonic() < deadline, found
        time.sleep(0.5)


def rates(master: Peer, what: str, since: int) -> dict[str, Any]:
    """Of queries in each second after so many seconds of the master's life."""
    tenths = master.told()[what][since * 10 :]
    seconds = [sum(tenths[at : at + 10]) for at in range(0, len(tenths), 10)]
    within = [at for at, count in enumerate(tenths) if count]
    return {
        "all": sum(tenths),
        "within": (within[-1] - within[0]) / 10 if within else 0.0,
        "most_in_a_second": max(seconds, default=0),
        "seconds": seconds[:400],
    }


def all_asked(master: Peer, since: int) -> dict[str, Any]:
    """SOA queries, once there were as many as zones."""
    deadline = time.monotonic() + WITHIN
    while (found := rates(master, "soa", since))["all"] < ZONES:
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    return found


def outage(db_path: Path) -> None:
    """As if all had been confirmed two hours ago."""
    backend = stopped(db_path)
    states = {
        apex: msgspec.structs.replace(one, confirmed=one.confirmed - 7200)
        for apex, one in secondary_state.load_all(backend.database)
    }
    assert len(states) == ZONES
    secondary_state.store(backend.database, states)
    backend.close()


def age(began: float) -> int:
    """Whole seconds the master has lived."""
    return int(time.monotonic() - began)


def test_many_secondaries_start_evenly(tmp_path: Path) -> None:
    address = free_place()[0]
    with peer("master.py", address) as master:
        began = time.monotonic()
        server = Api(tmp_path, workers=1)
        backend = stopped(server.db_path)
        follow(backend, ZONES, (address, master.ports[0]))
        backend.close()
        with api(tmp_path, workers=1) as server:
            since = age(began)
            pid = server.pids()["control"]
            before = memory(pid)
            watch = Watch(server, name_of(0), name_of(0))
            wait_ok(server)
            told = watch.told()
            transfers = rates(master, "transfers", since)
            each = round((memory(pid) - before) * 1024 / ZONES, 2)
            print(
                json.dumps({"secondaries": "loaded", "zones": ZONES, **told, "kib_each": each, "transfers": transfers})
            )
            assert transfers["all"] == ZONES, "one for each, no more"
            assert master.told()["most_open"] <= 16
            assert told["errors"] == 0
            for number in range(0, ZONES, max(1, ZONES // 50)):
                assert str(server.ask(f"www.{name_of(number)}").answer[0][0]) == "192.0.2.1"
            # None is due after a restart: nothing is asked.
            server.stop()
            since = age(began) + 1
            server.start()
            watch = Watch(server, name_of(0), name_of(0))
            wait_ok(server)
            told = watch.told()
            assert rates(master, "soa", since)["all"] < ZONES / 20 + 50
            print(json.dumps({"secondaries": "started, none due", "zones": ZONES, **told}))
            # After an outage all are due, and none has changed: each is asked for once, one after the other.
            server.stop()
            outage(server.db_path)
            since = age(began) + 1
            server.start()
            watch = Watch(server, name_of(0), name_of(0))
            asked = all_asked(master, since)
            told = watch.told()
            print(json.dumps({"secondaries": "started, all due", "zones": ZONES, **told, "asked": asked}))
            for found in (transfers, asked):
                assert found["within"] > 0.4 * ZONES / STARTED_EACH_SECOND
                assert found["most_in_a_second"] < 3 * STARTED_EACH_SECOND
            assert rates(master, "transfers", since)["all"] == 0
            assert told["errors"] == 0
            assert counts(server)["ok"] == ZONES
