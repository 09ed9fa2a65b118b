"""Sentences of the API's contract that no other test shows, over real HTTP: each test is one of them."""

import contextlib
import fcntl
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.helpers.api import PASSWORD, Api, api

ENTRY: dict[str, Any] = {
    "ttl": 0,
    "a": ["192.0.2.1", "2001:db8::1"],
    "mx": [{"priority": 10, "host": "mail.one.test."}],
    "txt": ["one", ["two", "strings"]],
    "hinfo": {"cpu": "C", "os": "O"},
    "rp": {"mbox": "m.one.test.", "txt": "t.one.test."},
    "afsdb": [{"subtype": 1, "host": "h.one.test."}],
    "srv": [{"priority": 1, "weight": 2, "port": 3, "target": "t.one.test."}],
    "ns": ["ns.elsewhere.test."],
    "ptr": "p.one.test.",
    "dhcid": "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
    "openpgpkey": "AQID",
    "caa": ['0 issue "ca.example"'],
    "tlsa": ["3 1 1 " + "AB" * 32],
    "sshfp": ["1 1 " + "AB" * 20],
    "svcb": ['1 . alpn="h2"'],
    "https": ['1 . alpn="h2"'],
    "naptr": ['1 2 "s" "x" "" n.one.test.'],
    "uri": ['1 2 "http://one.test/"'],
    "ds": ["1 8 2 " + "AB" * 32],
    "cds": ["1 8 2 " + "AB" * 32],
    "loc": ["52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m"],
    "rr": [{"type": 65280, "rdata": "AAEC"}],
}
METRICS = (
    *("dns_requests_total", "dns_responses_total", "dns_queries_total", "truncated_responses_total"),
    *(
        "request_duration_seconds_bucket",
        "cache_hits_total",
        "cache_misses_total",
        "cache_evictions_total",
        "cache_bytes",
    ),
    *("filter_hits_total", "workers", "http_requests_total", "http_request_duration_seconds_bucket", "commits_total"),
    *("commit_duration_seconds_bucket", "visible_duration_seconds_bucket", "backups_total", "build_info"),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api(tmp_path_factory.mktemp("contract"), workers=1) as made:
        yield made


@pytest.fixture(scope="module")
def http(server: Api) -> Iterator[httpx.Client]:
    with server.client() as client:
        assert client.post("/zone/one.test", json={"ns": ["ns1.example.net"]}).status_code == 201
        yield client


def test_every_member_of_an_entry_goes_out_as_it_came_and_back(http: httpx.Client) -> None:
    made = http.put("/rr/all.one.test", json=ENTRY)
    assert made.status_code == 201, made.text
    shown = http.get("/rr/all.one.test").json()["value"]
    assert shown == {"fqdn": "all.one.test.", **ENTRY}
    again = http.put("/rr/all.one.test", json=shown)
    assert (again.status_code, again.json()["value"]) == (200, made.json()["value"])
    for name, entry in (("c", {"cname": "all.one.test."}), ("d", {"dname": ["else.test."]})):
        assert http.put(f"/rr/{name}.one.test", json={"ttl": 60, **entry}).status_code == 201
        assert http.get(f"/rr/{name}.one.test").json()["value"].items() >= entry.items()
    assert http.put("/rr/aaaa.one.test", json={"aaaa": ["2001:db8::2"]}).status_code == 201
    assert http.get("/rr/aaaa.one.test").json()["value"]["a"] == ["2001:db8::2"]
    assert http.patch("/rr/one.test", json={"soa": {"email": "joe.doe@one.test", "serial": 1}}).status_code == 200
    soa = http.get("/rr/one.test").json()["value"]["soa"]
    assert (soa["rname"], soa["serial"] > 4) == ("joe\\.doe.one.test.", True)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"mx": [{"host": "bad host!"}]}, "mx.host: 'bad host!' is not the name of a host"),
        ({"ns": ["-bad.test"]}, "ns: '-bad.test' is not the name of a host"),
        ({"ns": ["192.0.2.1"]}, "ns: '192.0.2.1' is not the name of a host"),
        ({"srv": [{"port": 3, "target": "t!.test"}]}, "srv.target: 't!.test' is not the name of a host"),
        ({"ttl": 1 << 31, "a": "192.0.2.1"}, "body: ttl = 2147483648: "),
        ({"txt": [["x" * 255] * 260]}, "txt: a record is larger than 65535 octets"),
        ({"txt": [f"{number:06}" + "x" * 200 for number in range(400)]}, "the RRset is larger than one message"),
        ({"tlsa": ["3 1"]}, "tlsa"),
        ({"rr": [{"type": 1, "rdata": "AAEC"}]}, "rr"),
    ],
    ids=range(9),
)
def test_hosts_ttls_and_sizes_are_checked_before_anything_is_written(
    http: httpx.Client, entry: dict[str, Any], told: str
) -> None:
    before = http.get("/zone/one.test").headers["etag"]
    for method, path in (("PUT", "/rr/wrong.one.test"), ("PATCH", "/rr/wrong.one.test"), ("PATCH", "/rr/one.test")):
        answer = http.request(method, path, json=entry)
        assert (answer.status_code, answer.json()["error"]) == (400, True)
        assert told in answer.json()["message"]
    assert http.get("/zone/one.test").headers["etag"] == before


def test_a_delete_may_carry_a_body(http: httpx.Client) -> None:
    assert http.put("/rr/gone.one.test", json={"a": "192.0.2.1"}).status_code == 201
    assert http.request("DELETE", "/rr/gone.one.test", content=b"{ no JSON").status_code == 200
    assert http.get("/rr/gone.one.test").status_code == 404


@pytest.mark.parametrize("path", ["/events", "/zone/one.test/export"])
def test_the_head_of_a_stream_is_all_there_is_of_it(server: Api, path: str) -> None:
    with server.client() as client:
        client.timeout = 5
        answer = client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert client.get("/version").status_code == 200, "on the same connection"


def test_every_metric_of_the_contract_is_there(server: Api, http: httpx.Client) -> None:
    server.ask("all.one.test")
    lines = http.get(f"{server.url}/metrics").text.splitlines()
    for name in METRICS:
        assert any(line.startswith(f"nsblast_{name}") and line[len(name) + 8] in " {" for line in lines), name
    assert httpx.get(f"{server.url}/metrics").status_code == 401


def test_one_operation_on_backups_at_a_time(server: Api, http: httpx.Client) -> None:
    assert http.post("/backup").status_code == 201
    with open(server.db_path / "backups" / "lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for method, path in (("POST", "/backup"), ("DELETE", "/backup?keep=1"), ("DELETE", "/backup/1")):
            told = http.request(method, path)
            assert (told.status_code, told.json()["rcode"]) == (409, 409), path
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_UN)
    assert http.delete("/backup/1").status_code == 200


def test_any_login_sees_the_state(server: Api, http: httpx.Client) -> None:
    assert http.post("/user", json={"name": "nobody", "password": PASSWORD}).status_code == 201
    with server.client("nobody") as client:
        told = client.get("/status").json()["value"]
        assert client.get("/version").json()["value"].keys() == {"nsblast", "rocksdb", "python"}
    assert told["ready"] is True
    assert told["uptime"] > 0
    assert told["role"] == ("primary and secondary" if told["secondary_zones"] else "primary")
    assert (told["store"]["position"], told["cache"]["workers"]) == (
        http.get("/status").json()["value"]["store"]["position"],
        1,
    )
    assert "db_path" not in told
    (worker,) = [each for each in http.get("/status").json()["value"]["processes"] if each["name"] == "worker 0"]
    assert worker["position"] <= told["store"]["position"]
