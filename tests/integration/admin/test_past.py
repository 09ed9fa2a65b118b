"""History, audit, revert, events and backups over real HTTP."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers.api import Api, api
from tests.helpers.commands import nsblast

NS = {"ns": ["ns1.example.net"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api(tmp_path_factory.mktemp("past"), workers=1) as made:
        yield made


@pytest.fixture(scope="module")
def http(server: Api) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture(scope="module")
def other(server: Api, http: httpx.Client) -> Iterator[httpx.Client]:
    """A client of another tenant."""
    rights = [
        "USE_API",
        "LIST_ZONES",
        "READ_ZONE",
        "CREATE_ZONE",
        "UPDATE_ZONE",
        "DELETE_ZONE",
        "CREATE_RR",
        "UPDATE_RR",
    ]
    made = ok(http.post("/tenant", json={"name": "other", "allowedPermissions": rights}), 201)
    there = {"tenant": made["id"]}
    ok(http.post("/role", params=there, json={"name": "all", "permissions": rights}), 201)
    ok(http.post("/user", params=there, json={"name": "ann", "password": "a long password", "roles": ["all"]}), 201)
    with server.client("ann", "a long password") as client:
        yield client


def ok(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()["value"]


def no(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    message: str = answer.json()["message"]
    return message


def test_history_and_revert(server: Api, http: httpx.Client) -> None:
    ok(http.post("/zone/past.test", json=NS), 201)
    for last in (1, 2, 3):
        ok(http.put("/rr/www.past.test", json={"a": f"192.0.2.{last}"}), 201 if last == 1 else 200)
    found = ok(http.get("/zone/past.test/history"))
    assert [(one["what"], one["serial_to"]) for one in found] == [("changed", n) for n in (4, 3, 2)] + [("created", 1)]
    newest = found[0]
    assert (newest["user"], newest["address"]) == ("admin", "127.0.0.1")
    assert [rr["rdata"] for rr in newest["removed"] if rr["type"] == "A"] == ["192.0.2.2"]
    assert [rr["rdata"] for rr in newest["added"] if rr["type"] == "A"] == ["192.0.2.3"]

    pages = []
    start = ""
    while True:
        answer = http.get(
            "/zone/past.test/history", params={"limit": 1, "kind": "id", **({"from": start} if start else {})}
        )
        pages += ok(answer)
        if not answer.json()["more"]:
            break
        start = answer.json()["klast"]
    assert pages == [one["id"] for one in found]

    dry = ok(http.post("/zone/past.test/revert", params={"dry_run": "true"}, json={"serial": 2}))
    assert dry["dry_run"]
    assert ok(http.post("/zone/past.test/revert", json={"serial": 2})) == {"zone": "past.test.", "serial": 5}
    assert [str(rr) for rr in server.ask("www.past.test").answer[0]] == ["192.0.2.1"]
    assert "does not reach serial 99; it has 1 to 5" in no(
        http.post("/zone/past.test/revert", json={"serial": 99}), 410
    )
    no(http.post("/zone/none.test/revert", json={"serial": 1}), 404)
    no(http.post("/zone/past.test/revert", json={"serial": -1}), 400)
    no(http.post("/zone/past.test/revert"), 400)
    no(http.post("/zone/past.test/revert", json={"serial": 1}, headers={"If-Match": '"1.1"'}), 412)


def test_audit_by_user_zone_and_time(http: httpx.Client, other: httpx.Client) -> None:
    before = time.time()
    ok(other.post("/zone/audit.test", json=NS), 201)
    ok(http.post("/zone/first.test", json=NS), 201)
    assert [one["name"] for one in ok(other.get("/history"))] == ["audit.test."]
    mine = ok(http.get("/history", params={"since": str(before)}))
    assert [one["name"] for one in mine] == ["first.test."]
    every = ok(http.get("/history", params={"since": str(before), "tenant": "*", "direction": "forward"}))
    assert [(one["name"], one["user"]) for one in every] == [("audit.test.", "ann"), ("first.test.", "admin")]
    assert [one["name"] for one in ok(http.get("/history", params={"user": "ann", "tenant": "*"}))] == ["audit.test."]
    accounts = ok(http.get("/history", params={"tenant": "*", "user": "admin", "until": str(before)}))
    user = next(one for one in accounts if one["kind"] == "user" and one["name"] == "ann")
    assert (user["what"], user["before"], user["after"]["password"]) == ("created", None, "(hidden)")
    assert ok(http.get("/history", params={"zone": "first.test"}))[0]["what"] == "created"
    assert "neither seconds" in no(http.get("/history", params={"since": "yesterday"}), 400)
    assert "no place" in no(http.get("/history", params={"from": "x"}), 400)


def test_what_an_earlier_tenant_did_is_not_shown(http: httpx.Client, other: httpx.Client) -> None:
    ok(http.post("/zone/passed-on.test", json=NS), 201)
    ok(http.delete("/zone/passed-on.test"))
    ok(other.post("/zone/passed-on.test", json=NS), 201)
    seen = ok(other.get("/history", params={"zone": "passed-on.test"}))
    assert [(one["what"], one["user"]) for one in seen] == [("created", "ann")]
    assert [one["user"] for one in ok(other.get("/zone/passed-on.test/history"))] == ["ann"]
    no(http.get("/zone/passed-on.test/history"), 403)
    all_of_it = ok(http.get("/history", params={"zone": "passed-on.test", "tenant": "*", "direction": "forward"}))
    assert [one["what"] for one in all_of_it] == ["created", "deleted", "created"]


# -- events


class Listener:
    """A stream of events read in a thread."""

    def __init__(self, client: httpx.Client, **more: Any) -> None:
        self.events: list[tuple[str, str, dict[str, Any]]] = []
        self.beats = 0
        self.last = ""
        self._client, self._more = client, more
        self._ready, self._end = threading.Event(), False
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        assert self._ready.wait(10)

    def _read(self) -> None:
        with contextlib.suppress(httpx.HTTPError), self._client.stream("GET", "/events", **self._more) as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            block: dict[str, str] = {}
            for line in answer.iter_lines():
                if self._end:
                    return
                if line:
                    name, _, value = line.partition(": ")
                    self.beats += name == ""
                    block[name] = value
                    continue
                self.last = block.get("id", self.last)
                self._ready.set()
                if "event" in block:
                    self.events.append((block["id"], block["event"], json.loads(block["data"])))
                block = {}

    def wait(self, number: int) -> list[tuple[str, str]]:
        deadline = time.monotonic() + 10
        while len(self.events) < number and time.monotonic() < deadline:
            time.sleep(0.01)
        return [(event, data["zone"]) for _, event, data in self.events]

    def close(self) -> None:
        self._end = True
        self.thread.join(5)


def test_events_come_and_resume(server: Api, http: httpx.Client, other: httpx.Client) -> None:
    with server.client() as first, server.client("ann", "a long password") as second, server.client() as third:
        mine = Listener(first, params={"heartbeat": "0.2"})
        theirs = Listener(second, params={"heartbeat": "0.2"})
        ok(http.post("/zone/told.test", json=NS), 201)
        ok(http.put("/rr/a.told.test", json={"a": "192.0.2.1"}), 201)
        ok(other.post("/zone/theirs.test", json=NS), 201)
        ok(http.delete("/zone/told.test"))
        wanted = [("created", "told.test."), ("changed", "told.test."), ("deleted", "told.test.")]
        assert mine.wait(3) == wanted
        assert [data["serial"] for _, _, data in mine.events] == [1, 2, 2]
        assert theirs.wait(1) == [("created", "theirs.test.")]
        time.sleep(0.5)
        assert mine.beats > 0
        assert len(mine.events) == 3

        again = Listener(third, params={"heartbeat": "0.2"}, headers={"Last-Event-ID": mine.events[0][0]})
        assert again.wait(2) == wanted[1:]
        with server.client() as fourth:
            after = Listener(fourth, params={"heartbeat": "0.2", "from": mine.last})
            ok(http.post("/zone/later.test", json=NS), 201)
            assert after.wait(1) == [("created", "later.test.")]
            after.close()
        for listener in (mine, theirs, again):
            listener.close()


def test_ids_that_lead_nowhere(server: Api, http: httpx.Client) -> None:
    assert "Last-Event-ID: 'x.y' is no id of an event" in no(http.get("/events", headers={"Last-Event-ID": "x.y"}), 400)
    assert "from: 'y' is no id of an event" in no(http.get("/events?from=y"), 400)
    with server.client() as client:
        listener = Listener(client, params={"heartbeat": "0.2", "from": "999999999"})
        deadline = time.monotonic() + 5
        while not listener.events and time.monotonic() < deadline:
            time.sleep(0.01)
        assert listener.events[0][1] == "reset"
        listener.close()


# -- backups


def test_backups(http: httpx.Client, other: httpx.Client) -> None:
    assert ok(http.get("/backup")) == []
    made = ok(http.post("/backup", json={"comment": "by hand"}), 201)
    assert set(made) >= {"id", "uuid", "timestamp", "date", "size", "number_files"}
    assert ok(http.get("/backup")) == [made]
    assert ok(http.post(f"/backup/{made['uuid']}/verify"))["position"] == made["position"]
    ok(http.post("/backup"), 201)
    assert ok(http.delete("/backup", params={"keep": "1"})) == {"deleted": [1]}
    assert ok(http.delete("/backup/2")) == {"deleted": [2]}
    assert "no backup 2" in no(http.delete("/backup/2"), 404)
    assert "keep" in no(http.delete("/backup"), 400)
    no(other.get("/backup"), 403)
    no(other.post("/backup"), 403)


def test_export_and_import_of_everything(server: Api, http: httpx.Client, other: httpx.Client, tmp_path: Path) -> None:
    ok(http.post("/zone/carried.test", json=NS), 201)
    ok(http.put("/rr/deep.down.carried.test", json={"a": "192.0.2.7", "txt": "as it is"}), 201)
    ok(other.post("/zone/of-other.test", json=NS), 201)
    text = tmp_path / "text"
    server.command("backup", "export", str(text))
    refused = nsblast("backup", "import", text, "-d", server.db_path)
    assert (refused.code, "already" in refused.err) == (4, True)
    new = tmp_path / "new" / "db"
    done = nsblast("backup", "import", text, "-d", new)
    assert done.code == 0, done.err
    again = tmp_path / "again"
    assert nsblast("backup", "export", again, "-d", new).code == 0
    for name in ("accounts.jsonl", "zones.jsonl"):
        assert (again / name).read_bytes() == (text / name).read_bytes()
    files = sorted(path.relative_to(text) for path in text.rglob("*.zone"))
    assert len(files) >= 2
    for file in files:
        assert (again / file).read_bytes() == (text / file).read_bytes()
    with api(tmp_path / "new", workers=1) as copy, copy.client("ann", "a long password") as client:
        assert "of-other.test." in ok(client.get("/zone"))
        assert [str(rr) for rr in copy.ask("deep.down.carried.test").answer[0]] == ["192.0.2.7"]
    (text / "accounts.jsonl").write_text('{"record": "user", "nonsense": 1}\n')
    wrong = nsblast("backup", "import", text, "-d", tmp_path / "third")
    assert wrong.code == 65
    assert "accounts.jsonl:1" in wrong.err
