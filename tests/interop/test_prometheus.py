"""A real Prometheus scrapes the server, loads the alert rules, and finds data behind every panel of the dashboard."""

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import pytest

from tests.helpers.server import Server

ROOT = Path(__file__).parents[2]
RULES = ROOT / "packaging/prometheus/alerts.yaml"
DASHBOARD = ROOT / "packaging/grafana/nsblast.json"

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed"),
]


def wait_for(what: Callable[[], Any], seconds: float) -> Any:
    """The first true value; its last one when time is up."""
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found or time.monotonic() > end:
            return found
        time.sleep(0.2)


class Prometheus:
    """One process on 127.0.0.1."""

    def __init__(self, folder: Path, target: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        config = folder / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: ['{RULES}']\n"
            "scrape_configs: [{job_name: nsblast, static_configs: [{targets: ['" + target + "']}]}]\n"
        )
        self._url = f"http://127.0.0.1:{port}/api/v1/"
        log = (folder / "prometheus.log").open("wb")
        self._process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
             f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
            stdout=log, stderr=log,
        )  # fmt: skip
        log.close()

    def ask(self, path: str, **query: str) -> Any:
        """The API's data; None while it does not answer."""
        try:
            with urllib.request.urlopen(f"{self._url}{path}?{urllib.parse.urlencode(query)}", timeout=5) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    server = Server(folder).start("--metrics-public")
    watching = Prometheus(folder, f"{server.address}:{server.http_port}")
    try:
        for number in range(3):  # rates want more than one look, with something between
            for name in ("example.", "x.example."):
                dns.query.udp(dns.message.make_query(name, "A"), server.address, port=server.port, timeout=5)
                dns.query.tcp(dns.message.make_query(name, "SOA"), server.address, port=server.port, timeout=5)
            with urllib.request.urlopen(f"{server.url}/healthz", timeout=5) as answer:
                assert answer.status == 200
            if number == 0:
                assert wait_for(
                    lambda: (
                        watching.ask("query", query='up{job="nsblast"} == 1')["result"]
                        if watching.ask("status/config")
                        else None
                    ),
                    30,
                )
            time.sleep(1.2)
        yield watching
    finally:
        watching.close()
        server.stop()


def test_the_server_is_scraped(prometheus: Prometheus) -> None:
    targets = prometheus.ask("targets")["activeTargets"]
    assert [(each["health"], each["lastError"]) for each in targets] == [("up", "")]


def test_rules_load_and_none_fires_on_a_sound_server(prometheus: Prometheus) -> None:
    def groups() -> Any:
        found = prometheus.ask("rules")["groups"]
        return found if found and all(rule["health"] == "ok" for rule in found[0]["rules"]) else None

    found = wait_for(groups, 15)
    assert found, prometheus.ask("rules")
    assert len(found[0]["rules"]) >= 10
    assert {rule["name"]: rule["state"] for rule in found[0]["rules"] if rule["state"] == "firing"} == {}


def expressions() -> list[tuple[str, str]]:
    """(panel, expression) of the dashboard; heading rows have none."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel.get("targets", ())]


@pytest.mark.parametrize(("panel", "expression"), expressions())
def test_every_panel_has_data(prometheus: Prometheus, panel: str, expression: str) -> None:
    query = expression.replace("$__rate_interval", "30s").replace("$instance", ".*")
    assert wait_for(lambda: prometheus.ask("query", query=query)["result"], 10), f"{panel}: {query}"


def test_every_metric_of_rules_and_dashboard_exists(prometheus: Prometheus) -> None:
    named = set(re.findall(r"\bnsblast_[a-z0-9_]+", RULES.read_text() + DASHBOARD.read_text()))
    known = set(prometheus.ask("label/__name__/values"))
    assert named - known == set()


def test_the_number_of_series_is_bounded(prometheus: Prometheus) -> None:
    (count,) = prometheus.ask("query", query='count({job="nsblast"})')["result"]
    assert int(count["value"][1]) < 2000
