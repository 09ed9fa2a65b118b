"""Log level and query log are switched through the API while the server runs: in every worker, and in control and supervisor."""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.message

from tests.helpers.api import Api, api

WORKERS = 3
PORTS = 24
"""Client ports: the kernel spreads them over the workers, each of which gets some."""


def wait_for(true: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ask_all(server: Api, name: str) -> None:
    """The same question from each port, answered."""
    query = dns.message.make_query(name, "A").to_wire()
    for _ in range(PORTS):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.sendto(query, (server.address, server.port))
            sock.recv(4096)


def logged(server: Api) -> dict[str, int]:
    """Lines of the query log by name."""
    log = server.db_path / "query.log"
    found: dict[str, int] = {}
    for line in log.read_text().splitlines() if log.exists() else []:
        name = json.loads(line)["qname"]
        found[name] = found.get(name, 0) + 1
    return found


def test_in_every_process(tmp_path: Path) -> None:
    with api(tmp_path, workers=WORKERS) as server, server.client() as http:

        def switch(**form: Any) -> None:
            answer = http.patch("/config/log", json=form)
            assert answer.status_code == 200, answer.text
            told = answer.json()["value"]
            assert {name: told[name] for name in form} == form

        def spoke() -> set[int]:
            """Processes that say what is in force, at the level that says it."""
            return {event["pid"] for event in server.events("settings in force")}

        pids = {pid for name, pid in server.pids().items()}
        assert len(pids) == WORKERS + 1
        assert spoke() == set()
        switch(level="debug", query_log_mode="all")
        assert spoke() == pids
        ask_all(server, "one.example.")
        wait_for(lambda: logged(server).get("one.example.") == PORTS)

        # a worker that is born later is told too
        server.kill(next(pid for name, pid in server.pids().items() if name != "control"))
        wait_for(lambda: len(set(server.pids().values()) - pids) == 1)
        server.wait_ready()
        (born,) = set(server.pids().values()) - pids
        pids = set(server.pids().values())
        assert server.status()["ready"]
        ask_all(server, "two.example.")
        wait_for(lambda: logged(server).get("two.example.") == PORTS)

        before = len(server.events("settings in force"))
        switch(query_log_mode="off", level="info")
        assert len(server.events("settings in force")) == before
        ask_all(server, "three.example.")
        switch(query_log_mode="all", query_log_rcodes=["NXDOMAIN"])
        ask_all(server, "four.example.")  # refused, as all of these are
        switch(query_log_rcodes=["REFUSED"], query_log_types=["AAAA"])
        ask_all(server, "five.example.")
        switch(query_log_types=["A"])
        ask_all(server, "six.example.")
        wait_for(lambda: logged(server).get("six.example.") == PORTS)
        told = logged(server)
        assert {"three.example.", "four.example.", "five.example."} & set(told) == set()
        # nothing that says so at level error
        switch(level="error")
        assert server.stop() == 0
        assert not [event for event in server.events("drained") if event["pid"] in pids]
        assert born not in {event["pid"] for event in server.events("drained")}
