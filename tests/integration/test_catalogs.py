"""Catalogs between two running servers: many zones, deaths of either control process, the commands over socket and HTTP, clashes, what is broken."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rcode
import httpx
import pytest

from nsblast.errors import InputError, NotFound, NsblastError
from tests.helpers.api import PASSWORD, Api, api

CATALOG = "cat.test."
WITHIN = 60.0
"""Seconds; on a busy machine a look that came to nothing is made again after RETRY."""
RETRY = "1"


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Pair:
    """A server that makes a catalog, and one that follows it."""

    def __init__(self, makes: Api, follows: Api) -> None:
        self.makes, self.follows = makes, follows
        self.api = makes.client()
        self.other = follows.client()

    def serves(self, name: str) -> bool:
        """Whether the follower answers for a zone."""
        query = dns.message.make_query(name, "SOA")
        query.flags = dns.flags.Flag(0)
        answer = dns.query.udp(query, self.follows.address, 3, self.follows.port)
        return answer.rcode() == dns.rcode.NOERROR and bool(answer.flags & dns.flags.AA)

    def ok(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """What the maker's API answers."""
        answer = self.api.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()["value"]

    def zone(self, name: str) -> None:
        """A new one at the maker."""
        self.ok("POST", f"/zone/{name}", {"ns": ["ns.example."]}, 201)

    def listed(self) -> set[str]:
        """Zones the follower has, the catalog aside."""
        found = self.other.get("/zone?limit=1000").json()["value"]
        return {each if isinstance(each, str) else each["zone"] for each in found} - {CATALOG}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    flags = ("--default-name-servers", "ns.example.", "--allow-transfer", "127.0.0.0/8", "--refresh-min", "1")
    again = ("--retry-min", RETRY, "--retry-max", RETRY)
    with (
        api(tmp_path_factory.mktemp("makes"), *flags, workers=1) as makes,
        api(tmp_path_factory.mktemp("follows"), *flags, *again, workers=1) as follows,
    ):
        both = Pair(makes, follows)
        makes.command("catalog", "produce", CATALOG, "--of", "all")
        follows.command("catalog", "consume", CATALOG, "--from", f"{makes.address}:{makes.port}")
        form = {"notify": [{"address": follows.address, "port": follows.port}]}
        both.ok("PUT", f"/config/{CATALOG}/notify", form)
        both.zone("two.test")
        until(lambda: both.serves("two.test"), "the zone that is there in all tests")
        yield both
        both.api.close()
        both.other.close()


def test_zones_come_and_go(pair: Pair) -> None:
    pair.zone("one.test")
    began = time.monotonic()
    until(lambda: pair.serves("one.test"), "a new zone")
    assert time.monotonic() - began < 5
    refused = pair.other.delete("/zone/two.test")
    assert (refused.status_code, f"the catalog {CATALOG}" in refused.json()["message"]) == (409, True)
    pair.ok("DELETE", "/zone/one.test")
    until(lambda: pair.listed() == {"two.test."}, "the end of a zone")
    assert not pair.serves("one.test")
    # Made anew, with a lower serial than the one that was known.
    pair.zone("one.test")
    until(lambda: pair.serves("one.test"), "a zone made anew")
    pair.ok("DELETE", "/zone/one.test")
    until(lambda: pair.listed() == {"two.test."}, "its end again")


def test_a_zone_made_anew_within_one_version(pair: Pair) -> None:
    def name_server() -> str:
        answer = dns.query.udp(dns.message.make_query("quick.test", "NS"), pair.follows.address, 3, pair.follows.port)
        return answer.answer[0][0].to_text() if answer.answer else ""

    for number in range(3):
        pair.zone("quick.test")
        until(lambda: name_server() == "ns.example.", "a zone")
        pair.zone(f"before.quick{number}.test")  # what follows shares a version
        pair.ok("DELETE", "/zone/quick.test")
        pair.ok("POST", "/zone/quick.test", {"ns": ["other.example."]}, 201)
        until(lambda: name_server() == "other.example.", "the same name's next zone")
        for name in ("quick.test", f"before.quick{number}.test"):
            pair.ok("DELETE", f"/zone/{name}")
        until(lambda: pair.listed() == {"two.test."}, "their end")


def test_many_zones_and_deaths_of_control(pair: Pair) -> None:
    before = pair.listed()
    for number in range(120):
        pair.zone(f"m{number}.test")
        if number == 60:
            end_control(pair.makes)
        if number == 90:
            end_control(pair.follows)
    wanted = {f"m{number}.test." for number in range(120)} | before
    until(lambda: pair.listed() == wanted, "all zones")
    members = {each["zone"] for each in pair.ok("GET", f"/zone/{CATALOG}/members?limit=1000")}
    assert members == wanted
    for number in range(1, 120):
        pair.ok("DELETE", f"/zone/m{number}.test")
    until(lambda: pair.listed() == {"m0.test."} | before, "the end of most")


def end_control(server: Api) -> None:
    """Kill the control process, and wait for its successor."""
    was = server.pids()["control"]
    os.kill(was, signal.SIGKILL)

    def there() -> bool:
        with contextlib.suppress(NsblastError, OSError, httpx.TransportError), server.client() as client:
            now = server.pids()["control"]
            return now not in (0, was) and client.get("/version").status_code == 200
        return False

    until(there, "another control process")


def test_a_clash_waits(pair: Pair) -> None:
    made = pair.other.post("/zone/clash.test", json={"ns": ["ns.example."]})
    assert made.status_code == 201
    pair.zone("clash.test")
    until(lambda: "clash.test." in pair.follows.command("catalog", "status", CATALOG).stdout, "a clash")
    assert pair.other.get("/config/clash.test/master").status_code == 404
    assert pair.other.delete("/zone/clash.test").status_code == 200
    until(lambda: pair.other.get("/config/clash.test/master").status_code == 200, "the member")
    pair.ok("DELETE", "/zone/clash.test")


def test_commands_over_http(pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.helpers.commands import nsblast

    monkeypatch.setenv("NSBLAST_URL", pair.makes.url)
    monkeypatch.setenv("NSBLAST_USER", "admin")
    monkeypatch.setenv("NSBLAST_PASSWORD", PASSWORD)
    assert nsblast("catalog", "join", "two.test", "--group", "g").out == "two.test. is in every catalog that takes it\n"
    until(lambda: "group=g" in nsblast("catalog", "members", CATALOG).out, "the group")
    assert nsblast("catalog", "produce", "named.test", "--of", "named").code == 0
    assert nsblast("catalog", "join", "two.test", CATALOG, "named.test", "--coo", "named.test").code == 0
    until(lambda: "two.test." in nsblast("catalog", "members", "named.test").out, "the other catalog")
    until(lambda: "coo=named.test." in nsblast("catalog", "members", CATALOG).out, "the coo")
    assert nsblast("catalog", "status", CATALOG).out == "producer, ok\n"
    assert nsblast("catalog", "join", "two.test", "--none").out == "two.test. is in no catalog\n"
    until(lambda: nsblast("catalog", "members", "named.test").out == "", "its end there")
    assert nsblast("catalog", "stop", "named.test").code == 0
    refused = nsblast("catalog", "status", "named.test")
    assert (refused.code, "is no catalog" in refused.err) == (3, True)
    assert nsblast("catalog", "consume", "named.test").code == 4
    monkeypatch.setenv("NSBLAST_URL", pair.follows.url)
    place = f"{pair.makes.address}:{pair.makes.port}"
    assert nsblast("catalog", "consume", "other.cat.test", "--from", place).code == 0
    assert nsblast("catalog", "status", "other.cat.test").out.startswith("consumer, waiting")


@pytest.mark.parametrize("way", ["here", "url"])
def test_groups_and_templates_from_the_command_line(
    pair: Pair, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.helpers.commands import nsblast

    monkeypatch.setenv("NSBLAST_PASSWORD", PASSWORD)
    place = ("-d", pair.follows.db_path) if way == "here" else ("--url", pair.follows.url, "--user", "admin")
    set_up = {"template": {"access": {"transfer": ["any"]}}, "groups": {"g": {"master": {"hostname": "192.0.2.7"}}}}
    file = tmp_path / "members.json"
    file.write_text(json.dumps(set_up))
    assert nsblast("catalog", "consume", CATALOG, "--set-up", file, *place).code == 0
    shown = nsblast("catalog", "show", CATALOG, *place).json
    assert shown["catalog"]["template"] == set_up["template"]
    assert shown["catalog"]["groups"]["g"]["master"]["hostname"] == "192.0.2.7"
    for wrong, told in (
        ("{", "members.json: "),
        ('{"role": "producer", "of": "all"}', "'role' is neither"),
        ('{"groups": {"g": {"transfers": {}}}}', "transfers"),
        ('{"template": {"access": {"transfer": ["nobody knows"]}}}', "catalog.template.access.transfer"),
    ):
        file.write_text(wrong)
        refused = nsblast("catalog", "consume", CATALOG, "--set-up", file, *place)
        assert (refused.code, told in refused.err) == (InputError.exit_code, True), refused
    assert nsblast("catalog", "show", CATALOG, *place).json == shown
    assert nsblast("catalog", "consume", CATALOG, *place).code == 0
    assert nsblast("catalog", "show", CATALOG, "--json", *place).json["catalog"] == {"role": "consumer"}
    nobody = nsblast("catalog", "show", "nobody.test", *place)
    assert (nobody.code, "there is no zone" in nobody.err) == (NotFound.exit_code, True)


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"role": "producer"}, 400, "catalog.of"),
        ({"role": "producer", "of": "some"}, 400, "of"),
        ({"role": "producer", "of": "all", "groups": {}}, 400, "consumer's"),
        ({"role": "consumer"}, 409, "no master"),
        ({"role": "other"}, 400, "role"),
    ],
)
def test_wrong_settings(pair: Pair, body: dict[str, Any], status: int, told: str) -> None:
    answer = pair.api.put("/config/two.test/catalog", json={"catalog": body})
    assert answer.status_code == status
    assert told in answer.json()["message"]


def test_wrong_memberships(pair: Pair) -> None:
    for wrong, told in (
        ({"group": "g" * 256}, "group"),
        ({"coo": "a..b"}, "coo"),
        ({"catalogs": ["a..b"]}, "catalogs"),
    ):
        answer = pair.api.put("/config/two.test/membership", json={"membership": wrong})
        assert answer.status_code == 400
        assert told in answer.json()["message"]
    template = {"master": {"hostname": "192.0.2.1"}, "access": {"transfer": ["nobody knows"]}}
    form = {"catalog": {"role": "consumer", "groups": {"g": template}}}
    answer = pair.other.put(f"/config/{CATALOG}/catalog", json=form)
    assert (answer.status_code, "catalog.groups.g.access.transfer" in answer.json()["message"]) == (400, True)
    template["access"] = {"transfer": ["none"]}
    assert pair.other.put(f"/config/{CATALOG}/catalog", json=form).status_code == 200
    assert pair.other.get(f"/config/{CATALOG}/catalog").json()["value"]["catalog"]["groups"]["g"]["access"]
