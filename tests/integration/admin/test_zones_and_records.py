"""Zones and records over real HTTP: every code of the contract, and what DNS says at the moment a write returns."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.helpers.api import Api, api

NS = {"ns": ["ns1.example.net", "ns2.example.net"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api(
        tmp_path_factory.mktemp("api"), "--default-name-servers", "ns1.default.example,ns2.default.example"
    ) as made:
        yield made


@pytest.fixture(scope="module")
def http(server: Api) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def value(answer: httpx.Response, status: int = 200) -> Any:
    told = answer.json()
    assert list(told)[:3] == ["rcode", "error", "message"]
    assert (answer.status_code, told["rcode"], told["error"]) == (status, status, status >= 400), answer.text
    return told["value"]


def message(answer: httpx.Response, status: int) -> str:
    value(answer, status)
    told: str = answer.json()["message"]
    return told


@pytest.fixture
def zone(http: httpx.Client, request: pytest.FixtureRequest) -> str:
    """A new zone for each test."""
    name = request.node.name.removeprefix("test_").replace("_", "-")[:50].strip("-").split("[")[0] + ".test"
    value(http.post(f"/zone/{name}", json=NS), 201)
    return name


def addresses(server: Api, name: str) -> list[str]:
    answer = server.ask(name)
    return sorted(rr.address for rrset in answer.answer for rr in rrset if rr.rdtype == 1)


# -- zones


def test_a_new_zone_has_soa_and_ns_by_default_and_is_served_at_once(server: Api, http: httpx.Client) -> None:
    made = value(http.post("/zone/brand-new.test"), 201)
    assert made == {"zone": "brand-new.test.", "serial": 1}
    soa = server.ask("brand-new.test", "SOA").answer[0][0]
    assert (str(soa.mname), str(soa.rname), soa.serial) == ("ns1.default.example.", "hostmaster.brand-new.test.", 1)
    assert {str(rr) for rr in server.ask("brand-new.test", "NS").answer[0]} == {
        "ns1.default.example.",
        "ns2.default.example.",
    }
    assert "already" in message(http.post("/zone/brand-new.test"), 409)


def test_a_zone_is_deleted_with_all_below(server: Api, http: httpx.Client, zone: str) -> None:
    value(http.put(f"/rr/a.b.{zone}", json={"a": "192.0.2.1"}), 201)
    value(http.delete(f"/zone/{zone}"))
    assert server.ask(f"a.b.{zone}").rcode() == 5
    value(http.delete(f"/zone/{zone}"), 404)
    value(http.get(f"/zone/{zone}"), 404)


def test_a_whole_zone_from_text_and_back(server: Api, http: httpx.Client) -> None:
    text = "$TTL 300\n@ SOA ns hostmaster 7 1 2 3 4\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n"
    headers = {"content-type": "text/dns"}
    value(http.put("/zone/text.test", content=text, headers=headers), 201)
    assert addresses(server, "www.text.test") == ["192.0.2.2"]
    exported = http.get("/zone/text.test/export")
    assert exported.headers["content-type"].startswith("text/dns")
    assert exported.text.startswith("text.test. 300 IN SOA ns.text.test. hostmaster.text.test. 7 1 2 3 4\n")
    changed = exported.text.replace("192.0.2.2", "192.0.2.3")
    assert value(http.put("/zone/text.test", content=changed, headers=headers))["serial"] == 8
    assert addresses(server, "www.text.test") == ["192.0.2.3"]
    assert "body:2:" in message(
        http.put("/zone/text.test", content="@ SOA . . 1 1 1 1 1\nx A nonsense\n", headers=headers), 400
    )
    assert "$INCLUDE" in message(http.put("/zone/text.test", content="$INCLUDE /etc/passwd\n", headers=headers), 400)
    assert addresses(server, "www.text.test") == ["192.0.2.3"]


def test_a_whole_zone_as_json_is_what_verbose_pages_give(http: httpx.Client, zone: str) -> None:
    for number in range(5):
        value(http.put(f"/rr/n{number}.{zone}", json={"a": f"192.0.2.{number}", "txt": "x"}), 201)
    before = value(http.get(f"/zone/{zone}?kind=verbose"))
    assert [entry["fqdn"] for entry in before][:2] == [f"{zone}.", f"n0.{zone}."]
    serial = before[0]["soa"]["serial"]
    assert value(http.put(f"/zone/{zone}", json=before))["serial"] == serial
    fewer = [entry for entry in before if not entry["fqdn"].startswith("n3")]
    assert value(http.put(f"/zone/{zone}", json=fewer))["serial"] == serial + 1
    assert value(http.get(f"/zone/{zone}?kind=id")) == [entry["fqdn"] for entry in fewer]


def test_zones_in_pages_both_ways(http: httpx.Client) -> None:
    names = [f"z{number:02}.pages.test." for number in range(25)]
    for name in names:
        value(http.post(f"/zone/{name}", json=NS), 201)
    every = value(http.get("/zone?limit=1000"))
    assert [name for name in every if name.endswith(".pages.test.")] == names
    seen: list[str] = []
    start = ""
    while True:
        answer = http.get("/zone", params={"limit": 7, **({"from": start} if start else {})}).json()
        assert len(answer["value"]) <= answer["limit"] == 7
        assert (answer["kfirst"], answer["klast"]) == (answer["value"][0], answer["value"][-1])
        seen += answer["value"]
        start = answer["klast"]
        if not answer["more"]:
            break
    assert seen == every
    assert value(http.get("/zone?limit=1000&direction=backward")) == every[::-1]
    assert value(http.get(f"/zone?limit=2&direction=backward&from={names[5]}")) == [names[4], names[3]]
    brief = value(http.get(f"/zone?kind=brief&limit=1&from={names[0]}"))
    assert brief == [{"zone": names[1], "serial": 1, "kind": "primary"}]
    (told,) = value(http.get(f"/zone?tenant=*&limit=1&from={names[0]}"))
    assert told == {"zone": names[1], "tenant": "00000000-0000-0000-0000-000000000000"}


def test_entries_in_pages(http: httpx.Client, zone: str) -> None:
    names = [f"n{number}.{zone}." for number in range(9)]
    for name in names:
        value(http.put(f"/rr/{name}", json={"a": "192.0.2.1"}), 201)
    page = http.get(f"/zone/{zone}?limit=4").json()
    assert [one["fqdn"] for one in page["value"]] == [f"{zone}.", *names[:3]]
    assert page["more"] is True
    assert page["value"][0]["types"] == ["ns", "soa"] or page["value"][0]["types"] == ["soa", "ns"]
    rest = http.get(f"/zone/{zone}", params={"from": page["klast"], "kind": "id"}).json()
    assert rest["value"] == names[3:]
    assert rest["more"] is False
    assert "is not in" in message(http.get(f"/zone/{zone}?from=other.example"), 400)


def test_a_child_zone_stands_beside_its_parent(server: Api, http: httpx.Client, zone: str) -> None:
    value(http.put(f"/rr/www.{zone}", json={"a": "192.0.2.1"}), 201)
    value(http.post(f"/zone/sub.{zone}", json=NS), 201)
    value(http.put(f"/rr/www.sub.{zone}", json={"a": "192.0.2.2"}), 201)
    assert addresses(server, f"www.sub.{zone}") == ["192.0.2.2"]
    assert addresses(server, f"www.{zone}") == ["192.0.2.1"]
    assert f"www.sub.{zone}." not in value(http.get(f"/zone/{zone}?kind=id"))
    value(http.delete(f"/zone/sub.{zone}"))
    assert addresses(server, f"www.{zone}") == ["192.0.2.1"]


# -- records


def test_the_life_of_an_entry(server: Api, http: httpx.Client, zone: str) -> None:
    path = f"/rr/www.{zone}"
    value(http.get(path), 404)
    value(http.post(path, json={"a": "192.0.2.1", "ttl": 60}), 201)
    assert addresses(server, f"www.{zone}") == ["192.0.2.1"]
    value(http.post(path, json={"a": "192.0.2.1"}), 409)
    assert value(http.get(path)) == {"fqdn": f"www.{zone}.", "ttl": 60, "a": ["192.0.2.1"]}
    value(http.put(path, json={"a": ["192.0.2.2", "2001:db8::1"], "mx": {"host": "mail"}}))
    assert addresses(server, f"www.{zone}") == ["192.0.2.2"]
    value(http.patch(path, json={"txt": ["hello"]}))
    assert value(http.get(path))["mx"] == [{"priority": 10, "host": f"mail.{zone}."}]
    value(http.patch(path + "?append=true", json={"a": ["192.0.2.2", "192.0.2.9"]}))
    assert addresses(server, f"www.{zone}") == ["192.0.2.2", "192.0.2.9"]
    value(http.patch(path, json={"txt": []}))
    value(http.delete(path + "/mx,aaaa"))
    assert value(http.get(path)) == {"fqdn": f"www.{zone}.", "ttl": 2592000, "a": ["192.0.2.2", "192.0.2.9"]}
    value(http.delete(path + "/mx"), 404)
    value(http.delete(path + "/a"))
    value(http.get(path), 404)
    value(http.delete(path), 404)
    assert server.ask(f"www.{zone}").rcode() == 3


def test_what_get_answers_can_be_put_back(http: httpx.Client, zone: str) -> None:
    entry = {
        "ttl": 300,
        "a": ["192.0.2.1", "2001:db8::1"],
        "mx": [{"priority": 5, "host": "mail.example.net"}],
        "txt": ["one", ["two", "strings"]],
        "caa": ['0 issue "ca.example"'],
        "srv": [{"priority": 1, "weight": 2, "port": 3, "target": "host"}],
        "rr": [{"type": 65280, "rdata": "AAEC"}],
    }
    value(http.put(f"/rr/x.{zone}", json=entry), 201)
    shown = http.get(f"/rr/x.{zone}")
    again = http.put(f"/rr/x.{zone}", json=shown.json()["value"])
    serial = value(again)["serial"]
    assert again.headers["etag"] == shown.headers["etag"]
    assert value(http.get(f"/zone/{zone}?kind=verbose"))[0]["soa"]["serial"] == serial == 2
    apex = value(http.get(f"/rr/{zone}"))
    assert value(http.put(f"/rr/{zone}", json=apex))["serial"] == serial


def test_the_apex_keeps_what_makes_it_one(http: httpx.Client, zone: str) -> None:
    assert "apex" in message(http.post(f"/rr/{zone}", json={"a": "192.0.2.1"}), 400)
    assert "apex" in message(http.delete(f"/rr/{zone}"), 400)
    assert "apex" in message(http.delete(f"/rr/{zone}/soa"), 400)
    assert "apex" in message(http.delete(f"/rr/{zone}/a,ns"), 400)
    assert "SOA" in message(http.put(f"/rr/{zone}", json={"a": "192.0.2.1"}), 400)
    assert "NS" in message(http.patch(f"/rr/{zone}", json={"ns": []}), 400)
    value(http.patch(f"/rr/{zone}", json={"soa": {"refresh": 1234}}))
    soa = value(http.get(f"/rr/{zone}"))["soa"]
    assert (soa["refresh"], soa["mname"], soa["serial"]) == (1234, "ns1.example.net.", 2)


def test_rules_of_zones_hold_and_nothing_is_half_done(http: httpx.Client, zone: str) -> None:
    value(http.put(f"/rr/c.{zone}", json={"cname": "www"}), 201)
    assert "CNAME" in message(http.patch(f"/rr/c.{zone}", json={"a": "192.0.2.1"}), 400)
    value(http.put(f"/rr/d.{zone}", json={"dname": "else.example."}), 201)
    assert "DNAME" in message(http.put(f"/rr/x.d.{zone}", json={"a": "192.0.2.1"}), 400)
    assert "apex only" in message(http.put(f"/rr/y.{zone}", json={"soa": {"mname": "x"}}), 400)
    assert value(http.get(f"/rr/c.{zone}")) == {"fqdn": f"c.{zone}.", "ttl": 2592000, "cname": f"www.{zone}."}
    assert "no zone" in message(http.put("/rr/www.nowhere.invalid", json={"a": "192.0.2.1"}), 404)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"json": {"aa": 1}}, "aa"),
        ({"json": {"a": 17}}, "body: a = 17: "),
        ({"json": {"ttl": -1, "a": "192.0.2.1"}}, "body: ttl = -1: "),
        ({"json": {"mx": [{"host": "m", "priority": 65536}]}}, "body: mx[0].priority = 65536: "),
        ({"json": {"a": ["1.2.3"]}}, "a: '1.2.3' is not an IPv4 or IPv6 address"),
        ({"json": []}, "body: "),
        ({"content": "{", "headers": {"content-type": "application/json"}}, "body: "),
        ({"content": "[" * 100000, "headers": {"content-type": "application/json"}}, "body: "),
        ({"content": '{"ttl":' + "[" * 100000, "headers": {"content-type": "application/json"}}, "body: "),
        ({"json": {}}, "names no record"),
        ({}, "body: an entry is needed"),
        ({"json": {"a": "192.0.2.1", "fqdn": "other.example"}}, "fqdn: 'other.example' is not "),
    ],
)
def test_a_wrong_body_is_named(http: httpx.Client, server: Api, sent: dict[str, Any], told: str) -> None:
    http.post("/zone/bodies.test", json=NS)
    assert told in message(http.put("/rr/x.bodies.test", **sent), 400)
    value(http.get("/rr/x.bodies.test"), 404)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("limit=1001", "query: limit = "),
        ("limit=0", "query: limit = "),
        ("limit=x", "query: limit = "),
        ("direction=up", "query: direction = "),
        ("kind=all", "query: kind = "),
        ("nope=1", "nope"),
        ("limit=1&limit=2", "query: limit is given twice"),
        ("from=a..b", "from: "),
    ],
)
def test_a_wrong_query_is_named(http: httpx.Client, query: str, told: str) -> None:
    assert told in message(http.get(f"/zone?{query}"), 400)


def test_names_with_odd_octets(server: Api, http: httpx.Client, zone: str) -> None:
    for encoded, shown in (
        ("0%2F25", "0/25"),
        ("%5C000x", "\\000x"),
        ("a%5C.b", "a\\.b"),
        ("*", "*"),
        ("%C3%A4", "\\195\\164"),
        ("%FF", "\\255"),
    ):
        value(http.put(f"/rr/{encoded}.{zone}", json={"a": "192.0.2.7"}), 201)
        assert value(http.get(f"/rr/{encoded}.{zone}"))["fqdn"] == f"{shown}.{zone}."
        value(http.delete(f"/rr/{encoded}.{zone}"))
    assert "not a domain name" in message(http.get(f"/rr/a..{zone}"), 400)
    assert "not a domain name" in message(http.get("/rr/" + "x" * 64 + ".example"), 400)


def test_a_dry_run_changes_nothing_and_tells_all(server: Api, http: httpx.Client, zone: str) -> None:
    value(http.put(f"/rr/www.{zone}", json={"ttl": 60, "a": "192.0.2.1"}), 201)
    plan = value(http.put(f"/rr/www.{zone}?dry_run=true", json={"ttl": 60, "a": "192.0.2.2"}))
    assert (plan["serial_before"], plan["serial"], plan["dry_run"]) == (2, 3, True)
    assert {"name": f"www.{zone}.", "ttl": 60, "type": "A", "rdata": "192.0.2.1"} in plan["removed"]
    assert {"name": f"www.{zone}.", "ttl": 60, "type": "A", "rdata": "192.0.2.2"} in plan["added"]
    value(http.delete(f"/zone/{zone}?dry_run=true"))
    assert addresses(server, f"www.{zone}") == ["192.0.2.1"]
    value(http.post(f"/zone/never.{zone}?dry_run=true", json=NS))
    value(http.get(f"/zone/never.{zone}"), 404)
    value(http.put(f"/rr/www.{zone}?dry_run=true", json={"a": "x"}), 400)


def test_if_match(http: httpx.Client, zone: str) -> None:
    path = f"/rr/www.{zone}"
    etag = http.put(path, json={"a": "192.0.2.1"}).headers["etag"]
    assert http.get(path).headers["etag"] == etag
    known = http.get(path, headers={"if-none-match": etag})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
    value(http.patch(path, json={"a": "192.0.2.2"}, headers={"if-match": etag}))
    assert "If-Match" in message(http.patch(path, json={"a": "192.0.2.3"}, headers={"if-match": etag}), 412)
    value(http.delete(path, headers={"if-match": etag}), 412)
    value(http.put(f"/rr/new.{zone}", json={"a": "192.0.2.3"}, headers={"if-match": "*"}), 412)
    seen = http.get(f"/zone/{zone}").headers["etag"]
    value(http.put(f"/rr/other.{zone}", json={"a": "192.0.2.3"}), 201)
    value(http.delete(f"/zone/{zone}", headers={"if-match": seen}), 412)
    now = http.get(f"/zone/{zone}").headers["etag"]
    value(http.delete(f"/zone/{zone}", headers={"if-match": now}))


# -- the rim


def test_methods_paths_and_credentials(server: Api, http: httpx.Client) -> None:
    assert "GET" in http.request("FOO", "/version").headers.get("allow", "GET")
    refused = http.post("/version")
    assert refused.headers["allow"] == "GET, HEAD, OPTIONS"
    message(refused, 405)
    message(http.get("/nope"), 404)
    assert http.options("/version").status_code == 204
    head = http.head("/version")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 50
    with httpx.Client(base_url=f"{server.url}/api/v1") as nobody:
        answer = nobody.get("/version")
        message(answer, 401)
        assert answer.headers["www-authenticate"].startswith('Basic realm="nsblast"')
        assert answer.headers["x-request-id"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in nobody.get("/version", headers={"origin": "https://x"}).headers
    assert httpx.get(f"{server.url}/healthz").json()["value"] == "alive"
    assert httpx.get(f"{server.url}/readyz").json()["value"] == "ready"
    assert value(http.get("/version"))["nsblast"]
    assert value(http.get("/status"))["ready"] is True


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_answers_are_compressed_when_asked(http: httpx.Client, coding: str) -> None:
    for number in range(40):
        http.post(f"/zone/long-enough-to-compress-{number}.test", json=NS)
    plain = http.get("/zone?limit=1000", headers={"accept-encoding": "identity"})
    packed = http.get("/zone?limit=1000", headers={"accept-encoding": coding})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == coding
    assert packed.json() == plain.json()
    assert int(packed.headers["content-length"]) < len(plain.content)


def test_every_write_tells_the_etag_it_left(http: httpx.Client) -> None:
    def tag(path: str) -> str:
        return http.get(path).headers["etag"]

    made = http.post("/zone/tags.example", json={"ns": ["ns.example.net"]})
    assert made.headers["etag"] == tag("/zone/tags.example")
    assert http.put("/rr/a.tags.example", json={"a": ["192.0.2.1"], "txt": "x"}).status_code == 201
    left = http.delete("/rr/a.tags.example/txt")
    assert left.headers["etag"] == tag("/rr/a.tags.example")
    assert "etag" not in http.delete("/rr/a.tags.example/a").headers
    for text in ("@ 60 SOA ns.x. m.x. 9 1 1 1 1\n@ 60 NS ns.x.\n", http.get("/zone/tags.example/export").text):
        put = http.put("/zone/tags.example", content=text, headers={"content-type": "text/dns"})
        assert put.status_code == 200
        assert put.headers["etag"] == tag("/zone/tags.example")
    same = http.put(
        "/zone/tags.example", content=http.get("/zone/tags.example/export").text, headers={"content-type": "text/dns"}
    )
    assert same.headers["etag"] == tag("/zone/tags.example")
    back = http.post("/zone/tags.example/revert", json={"serial": 2}, headers={"if-match": same.headers["etag"]})
    assert back.status_code == 200
    assert back.headers["etag"] == tag("/zone/tags.example")
    assert http.delete("/zone/tags.example", headers={"if-match": back.headers["etag"]}).status_code == 200
