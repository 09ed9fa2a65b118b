"""One request: credentials, errors, retries, pages, what is no answer of ours."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from nsblast import errors
from nsblast.client import (
    ApiError,
    BadRequest,
    Client,
    Gone,
    Missing,
    NotLoggedIn,
    NotPermitted,
    ServerFailed,
    SlowDown,
    Stale,
    Taken,
    Unreachable,
)
from nsblast.errors import UsageError, from_wire

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer, **more: Any) -> Client:
    more.setdefault("api_key", "k.s")
    return Client("http://127.0.0.1:8053", transport=httpx.MockTransport(answer), **more)


def ok(value: Any, status: int = 200, **more: Any) -> httpx.Response:
    return httpx.Response(status, json={"rcode": status, "error": False, "message": "", "value": value, **more})


def refuse(status: int, message: str = "no", **more: Any) -> httpx.Response:
    return httpx.Response(status, json={"rcode": status, "error": True, "message": message, "value": None}, **more)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"api_key": "ab.cd"}, "Bearer ab.cd"),
        ({"user": "ann", "password": "p:ä"}, "Basic " + base64.b64encode("ann:p:ä".encode()).decode()),
        ({"api_key": ""}, None),
    ],
)
def test_credentials(given: dict[str, str], sent: str | None) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers.get("authorization") == sent
        return ok([])

    given.setdefault("api_key", "")
    with client(answer, **given) as made:
        assert made.permissions() == []


@pytest.mark.parametrize(
    ("status", "kind", "base", "code"),
    [
        (400, BadRequest, errors.InputError, 65),
        (401, NotLoggedIn, errors.Unauthorized, 77),
        (403, NotPermitted, errors.Forbidden, 77),
        (404, Missing, errors.NotFound, 3),
        (405, BadRequest, errors.InputError, 65),
        (409, Taken, errors.Conflict, 4),
        (410, Gone, errors.NotKept, 3),
        (412, Stale, errors.Outdated, 4),
        (413, BadRequest, errors.InputError, 65),
        (429, SlowDown, errors.TooMany, 77),
        (500, ServerFailed, errors.StoreError, 74),
        (507, ServerFailed, errors.StoreError, 74),
    ],
)
def test_errors(status: int, kind: type[ApiError], base: type[errors.NsblastError], code: int) -> None:
    headers = {"x-request-id": "ab-1", "retry-after": "7"}
    with client(lambda _: refuse(status, "it says why", headers=headers)) as made, pytest.raises(kind) as caught:
        made.version()
    error = caught.value
    assert isinstance(error, base)
    assert (error.status, error.message, error.request, error.exit_code) == (status, "it says why", "ab-1", code)
    assert error.details == {"status": status, "retry_after": 7}
    assert type(from_wire(error.to_wire())) is base


@pytest.mark.parametrize("body", [b"", b"<html>hello</html>", b"[1]", b'{"x": 1}', b'{"value": {"nsblast": 1}}'])
def test_what_is_no_answer_of_ours(body: bytes) -> None:
    with (
        client(lambda _: httpx.Response(200, content=body)) as made,
        pytest.raises(Unreachable, match="no nsblast server"),
    ):
        made.version()
    with client(lambda _: httpx.Response(502, content=body)) as made, pytest.raises(ServerFailed, match="HTTP 502"):
        made.version()


class Flaky:
    """Fails so many times, then answers."""

    def __init__(self, times: int, error: type[httpx.TransportError] = httpx.ReadError) -> None:
        self.left, self.error, self.count = times, error, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        if self.left:
            self.left -= 1
            raise self.error("broken", request=request)
        return ok({"zone": "example.com.", "serial": 2})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nsblast.client.transport._PAUSE", 0.001)


def test_what_can_be_repeated_is() -> None:
    flaky = Flaky(2)
    with client(flaky) as made:
        assert made.put_zone("example.com", "text").serial == 2
    assert flaky.count == 3


@pytest.mark.parametrize(
    ("error", "count"),
    [(httpx.ReadError, 1), (httpx.ConnectError, 3), (httpx.ConnectTimeout, 1)],
)
def test_deletions_are_repeated_when_they_were_never_sent(error: type[httpx.TransportError], count: int) -> None:
    flaky = Flaky(5, error)
    with client(flaky) as made, pytest.raises(Unreachable, match="127.0.0.1:8053"):
        made.delete_zone("example.com")
    assert flaky.count == count


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.create_zone("a"),
        lambda c: c.patch_entry("a", {}, append=True),
        lambda c: c.put_zone("a", iter([b""])),
    ],
)
def test_what_cannot_be_repeated_is_not(call: Callable[[Client], Any]) -> None:
    flaky = Flaky(1)
    with client(flaky) as made, pytest.raises(Unreachable):
        call(made)
    assert flaky.count == 1


def test_a_port_that_speaks_tls_is_guessed() -> None:
    with client(Flaky(9, httpx.RemoteProtocolError)) as made, pytest.raises(Unreachable, match="wants https://"):
        made.version()


def test_answers_are_never_repeated() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return refuse(503)

    with client(answer) as made, pytest.raises(ServerFailed):
        made.version()
    assert len(asked) == 1


def test_pages_are_read_as_they_are_taken() -> None:
    asked: list[dict[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.url.params))
        start = int(request.url.params.get("from", "0"))
        names = [{"name": str(each)} for each in range(start + 1, start + 3)] if start != 2 else []
        return ok(names, more=start < 4, klast=str(start + 2), kfirst="", limit=2)

    with client(answer, tenant="ours") as made:
        found = made.users()
        assert asked == []
        assert next(found).name == "1"
        assert len(asked) == 1
        assert [each.name for each in found] == ["2", "5", "6"]  # the page between is empty, and not the last
    assert [each.get("from") for each in asked] == [None, "2", "4"]
    assert all(each["tenant"] == "ours" and each["limit"] == "1000" for each in asked)


def test_a_list_that_does_not_go_on_ends() -> None:
    with (
        client(lambda _: ok([], more=True, klast="x", kfirst="", limit=2)) as made,
        pytest.raises(Unreachable, match="next one starts"),
    ):
        list(made.users(start="x"))


def test_conditions_and_names_are_sent_as_they_must_be() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["if-match"] == '"ab"'
        assert request.url.raw_path == b"/api/v1/rr/0%2F25.2.0.192.in-addr.arpa?dry_run=true&append=true"
        return ok({"zone": "a.", "serial": 3, "dry_run": True, "removed": [], "added": None}, 201)

    with client(answer) as made:
        changed = made.patch_entry("0/25.2.0.192.in-addr.arpa", {}, append=True, if_match="ab", dry_run=True)
    assert (changed.created, changed.serial, changed.removed, changed.added) == (True, 3, [], None)


def test_entries_keep_members_that_have_no_type() -> None:
    entry = {"fqdn": "a.", "ttl": 5, "wallet": ["x"], "rr": [{"type": 65280, "rdata": ""}]}
    with client(lambda _: httpx.Response(200, json={"value": entry}, headers={"etag": '"e"', "x-zone": "z."})) as made:
        found = made.entry("a")
    assert (found.entry, found.etag, found.zone) == (entry, "e", "z.")


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8053", "ftp://a", "http://", "http://u:p@a", "http://a?b", "http://[", "http://a:x"]
)
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(UsageError):
        Client(url)


@pytest.mark.parametrize("url", ["http://a:1", "http://a:1/", "http://a:1/api/v1", "http://a:1/api/v1/"])
def test_urls(url: str) -> None:
    with Client(url) as made:
        assert made.url == "http://a:1"


def test_arguments_that_contradict_one_another(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not both"):
        Client("http://a", user="a", api_key="b")
    with pytest.raises(errors.NsblastError, match="cannot read .*none"):
        Client("https://a", ca_file=tmp_path / "none")
    (tmp_path / "junk").write_text("junk")
    with pytest.raises(UsageError, match="no certificates"):
        Client("https://a", ca_file=tmp_path / "junk")
