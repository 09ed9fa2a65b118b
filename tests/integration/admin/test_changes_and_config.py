"""Changes of several zones at once, virtual zones, masters, logs: over real HTTP."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.helpers.api import Api, api

NS = {"ns": ["ns1.example.net"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api(tmp_path_factory.mktemp("api"), workers=1) as made:
        yield made


@pytest.fixture(scope="module")
def http(server: Api) -> Iterator[httpx.Client]:
    with server.client() as client:
        for zone in ("one.test", "two.test"):
            assert client.post(f"/zone/{zone}", json=NS).status_code == 201
        yield client


def value(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == answer.json()["rcode"] == status, answer.text
    assert answer.json()["error"] is (status >= 400)
    return answer.json()["value"]


def changes(http: httpx.Client, *every: dict[str, Any], query: str = "") -> httpx.Response:
    return http.post(f"/changes{query}", json={"changes": list(every)})


def test_several_zones_in_one_request(server: Api, http: httpx.Client) -> None:
    told = value(
        changes(
            http,
            {"method": "PUT", "fqdn": "a.one.test", "entry": {"a": "192.0.2.1"}},
            {"method": "PUT", "fqdn": "b.two.test", "entry": {"a": "192.0.2.2"}},
            {"method": "PATCH", "fqdn": "a.one.test", "entry": {"txt": "x"}, "append": True},
            {"method": "POST", "zone": "three.test", "entry": NS},
            {"method": "POST", "fqdn": "c.three.test", "entry": {"a": "192.0.2.3"}},
        )
    )
    assert [(one["zone"], one["serial"]) for one in told] == [("one.test.", 2), ("two.test.", 2), ("three.test.", 1)]
    for name, address in (("a.one.test", "192.0.2.1"), ("b.two.test", "192.0.2.2"), ("c.three.test", "192.0.2.3")):
        assert server.ask(name).answer[0][0].to_text() == address
    assert "txt" in value(http.get("/rr/a.one.test"))
    value(changes(http, {"method": "DELETE", "zone": "three.test"}))
    assert server.ask("c.three.test").rcode() == 5


def test_a_failing_change_takes_its_zone_with_it_and_no_other(http: httpx.Client) -> None:
    answer = changes(
        http,
        {"method": "PUT", "fqdn": "ok.one.test", "entry": {"a": "192.0.2.1"}},
        {"method": "PUT", "fqdn": "x.two.test", "entry": {"a": "192.0.2.1"}},
        {"method": "DELETE", "fqdn": "not-there.two.test"},
    )
    told = value(answer, 404)
    assert [one["error"] for one in told] == [False, True]
    assert "1 other zones were changed" in answer.json()["message"]
    value(http.get("/rr/ok.one.test"))
    value(http.get("/rr/x.two.test"), 404)


def test_what_cannot_be_understood_changes_nothing(http: httpx.Client) -> None:
    answer = changes(
        http,
        {"method": "PUT", "fqdn": "never.one.test", "entry": {"a": "192.0.2.1"}},
        {"method": "PUT", "fqdn": "never.two.test", "entry": {"a": "nonsense"}},
    )
    value(answer, 400)
    assert answer.json()["message"].startswith("changes[1]: a: 'nonsense'")
    value(http.get("/rr/never.one.test"), 404)
    value(changes(http), 400)
    value(changes(http, {"method": "PUT", "entry": {"a": "192.0.2.1"}}), 400)
    value(changes(http, {"method": "PUT", "fqdn": "www.nowhere.invalid", "entry": {"a": "192.0.2.1"}}), 404)


def test_a_dry_run_of_many(http: httpx.Client) -> None:
    (told,) = value(
        changes(http, {"method": "PUT", "fqdn": "dry.one.test", "entry": {"a": "192.0.2.1"}}, query="?dry_run=true")
    )
    assert told["added"]
    value(http.get("/rr/dry.one.test"), 404)


def test_the_master_of_a_zone(http: httpx.Client) -> None:
    value(http.post("/zone/second.test", json=NS), 201)
    path = "/config/second.test/master"
    value(http.get(path), 404)
    value(http.patch(path, json={"master": {"port": 54}}), 404)
    master = {"hostname": "192.0.2.53", "port": 53, "refresh": 600, "strategy": "ixfr", "tsig": "", "also": []}
    assert value(http.post(path, json={"master": {"hostname": "192.0.2.53"}}), 201)["master"] == master
    value(http.post(path, json={"master": {"hostname": "192.0.2.53"}}), 409)
    value(http.patch(path, json={"master": {"strategy": "axfr"}}))
    assert value(http.get(path))["master"] == {**master, "strategy": "axfr"}
    for wrong in ({"port": 0}, {"strategy": "udp"}, {"hostname": "a b"}, {"tsig": "nobody."}, {"other": 1}):
        value(http.patch(path, json={"master": wrong}), 400)
    assert value(http.get("/zone?kind=brief&from=one.test&limit=1"))[0]["kind"] == "secondary"
    assert "master" in http.put("/rr/www.second.test", json={"a": "192.0.2.1"}).json()["message"]
    value(http.put("/rr/www.second.test", json={"a": "192.0.2.1"}), 409)
    further = [{"hostname": "2001:db8::53", "port": 54, "tsig": ""}]
    value(http.patch(path, json={"master": {"also": [{"hostname": "2001:db8::53", "port": 54}]}}))
    assert value(http.get(path))["master"] == {**master, "strategy": "axfr", "also": further}
    value(http.patch(path, json={"master": {"also": [{"hostname": "a b"}]}}), 400)
    value(http.delete(path))
    value(http.put("/rr/www.second.test", json={"a": "192.0.2.1"}), 201)
    # A zone that is not there is made, and has nothing until it is transferred.
    fresh = value(http.put("/config/fresh.test/master", json={"master": {"hostname": "127.0.0.1", "port": 9}}), 201)
    assert (fresh["zone"], fresh["serial"]) == ("fresh.test.", 0)
    assert http.post("/zone/fresh.test/transfer").status_code == 502
    value(http.put("/rr/www.fresh.test", json={"a": "192.0.2.1"}), 409)
    value(http.post("/zone/second.test/transfer"), 409)
    value(http.delete("/zone/fresh.test"))


def test_logs_are_switched_while_running(server: Api, http: httpx.Client) -> None:
    assert value(http.get("/config/log"))["query_log_mode"] == "off"
    assert value(http.patch("/config/log", json={"query_log_mode": "all", "level": "debug"}))["level"] == "debug"
    server.ask("ok.one.test")
    log = server.db_path / "query.log"
    for _ in range(100):
        if log.exists() and "ok.one.test" in log.read_text():
            break
        httpx.get(f"{server.url}/healthz")
    assert "ok.one.test" in log.read_text()
    value(http.patch("/config/log", json={"query_log_mode": "off", "level": "info"}))
    value(http.patch("/config/log", json={"query_log_file": "/etc/passwd"}), 400)
    value(http.patch("/config/log", json={"level": "loud"}), 400)
    value(http.patch("/config/log", json={"query_log_clients": ["x"]}), 400)


def test_a_subtree_is_given_away_and_taken_back(http: httpx.Client) -> None:
    value(http.put("/rr/www.given.one.test", json={"a": "192.0.2.1"}), 201)
    value(http.post("/vzone/given.one.test", json={"tenant": "nobody"}), 400)
    assert value(http.post("/vzone/given.one.test", json={"tenant": "nsblast"}), 201)["zone"] == "one.test."
    value(http.post("/vzone/given.one.test", json={"tenant": "nsblast"}), 409)
    assert value(http.get("/vzone")) == ["given.one.test."]
    assert value(http.get("/vzone/given.one.test?kind=id")) == ["www.given.one.test."]
    assert value(http.get("/vzone/given.one.test?kind=id&direction=backward")) == ["www.given.one.test."]
    assert value(http.get("/vzone/given.one.test?direction=backward&from=www.given.one.test")) == []
    value(http.put("/vzone/given.one.test", json={"tenant": "nsblast"}))
    value(http.post("/vzone/one.test", json={"tenant": "nsblast"}), 400)
    value(http.post("/tenant", json={"name": "taker"}), 201)
    taker = value(http.put("/vzone/given.one.test", json={"tenant": "taker"}))
    value(http.put("/vzone/also.one.test", json={"tenant": "taker"}), 201)
    assert value(http.get("/vzone")) == value(http.get("/vzone?given=true&tenant=taker")) == []
    assert value(http.get("/vzone?tenant=taker")) == value(http.get("/vzone?given=true"))
    page = http.get("/vzone?given=true&limit=1&kind=brief").json()
    assert (page["more"], page["klast"], page["value"][0]["vzone"]) == (True, "also.one.test.", "also.one.test.")
    assert value(http.get("/vzone?given=true&kind=brief&from=also.one.test")) == [taker]
    assert value(http.get("/vzone?given=true&direction=backward")) == ["given.one.test.", "also.one.test."]
    assert [each["vzone"] for each in value(http.get("/vzone?given=true&tenant=*"))] == [
        "also.one.test.",
        "given.one.test.",
    ]
    value(http.get("/vzone?given=maybe"), 400)
    value(http.delete("/vzone/also.one.test"))
    value(http.delete("/vzone/given.one.test"))
    assert value(http.get("/vzone?given=true")) == []
    value(http.delete("/tenant/taker"))
    value(http.get("/vzone/given.one.test"), 404)
    value(http.get("/rr/www.given.one.test"))
