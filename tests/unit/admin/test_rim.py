"""The rim without sockets: one request in, exactly one answer out, whatever the endpoint does."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import msgspec
import orjson
import pytest

from nsblast.admin.calls import Answer, Call, Endpoint, Nothing, Refused, Site
from nsblast.admin.rim import Rim
from nsblast.errors import Conflict, NsblastError, TooMany
from nsblast.settings import Settings


class Told(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> str:
        said: str = orjson.loads(self.body)["message"]
        return said


class Query(Nothing, kw_only=True, frozen=True):
    number: Annotated[int, msgspec.Meta(ge=1)] = 1


class Body(msgspec.Struct, forbid_unknown_fields=True):
    word: str


async def echo(call: Call) -> Answer:
    return Answer({"path": call.path, "number": call.query.number, "word": call.body.word if call.body else None})


async def tagged(_: Call) -> Answer:
    return Answer("contents", etag="7.1")


def ask(
    method: str = "GET",
    handler: Any = echo,
    *,
    query: bytes = b"",
    parts: tuple[bytes, ...] = (b"",),
    headers: Mapping[str, str] | None = None,
    path: Mapping[str, str] | None = None,
    site: Site | None = None,
    **endpoint: Any,
) -> Told:
    """One request to an endpoint that wants no credentials."""
    given = {"login": False, "query": Query, **endpoint}
    line = Endpoint(method="GET" if method == "HEAD" else method, path="/x", handler=handler, **given)
    sent: list[Any] = []
    coming = [{"type": "http.request", "body": part, "more_body": at < len(parts) - 1} for at, part in enumerate(parts)]

    async def receive() -> Any:
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    every = {"host": "localhost", **(headers or {})}
    scope = {
        "type": "http", "method": method, "scheme": "http", "client": ("127.0.0.1", 1), "http_version": "1.1",
        "raw_path": b"/x", "path": "/x", "path_params": dict(path or {}), "query_string": query,
        "headers": [(name.encode(), value.encode()) for name, value in every.items()],
    }  # fmt: skip
    asyncio.run(Rim(site or make_site()).serve(line, scope, receive, send))
    assert [one["type"] for one in sent] == ["http.response.start", "http.response.body"]
    seen = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    assert len(seen) == len(sent[0]["headers"])  # none twice
    return Told(sent[0]["status"], seen, sent[1]["body"])


def make_site(**settings: Any) -> Site:
    return Site(Settings(**settings), None, None)  # type: ignore[arg-type]


def test_path_and_query_and_body_reach_the_handler() -> None:
    told = ask("PUT", query=b"number=5", parts=(b'{"wo', b'rd": "y"}'), path={"name": "0%2F25.example"}, body=Body)
    assert orjson.loads(told.body)["value"] == {"path": {"name": "0/25.example"}, "number": 5, "word": "y"}


def test_every_answer_is_kept_from_browsers_and_has_an_id() -> None:
    headers = ask().headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-request-id"]
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (b"number=0", 'query: number = "0": expected int >= 1'),
        (b"nummer=1", "query: there is no parameter nummer"),
        (b"number=1&number=2", "query: number is given twice"),
    ],
)
def test_a_wrong_parameter_is_named(query: bytes, words: str) -> None:
    told = ask(query=query)
    assert (told.status, told.message) == (400, words)


# -- what was seen already


@pytest.mark.parametrize("header", ['"7.1"', 'W/"7.1"', '"6.0", "7.1"', "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_nothing_is_sent_to_who_has_it(method: str, header: str) -> None:
    told = ask(method, tagged, headers={"if-none-match": header})
    assert (told.status, told.body, told.headers["etag"]) == (304, b"", '"7.1"')
    assert "content-length" not in told.headers


@pytest.mark.parametrize("header", ["", '"7.10"', "7.1", '"*"'])
def test_who_has_something_else_gets_it_all(header: str) -> None:
    told = ask("GET", tagged, headers={"if-none-match": header} if header else {})
    assert (told.status, orjson.loads(told.body)["value"], told.headers["etag"]) == (200, "contents", '"7.1"')


def test_a_change_is_not_kept_by_if_none_match() -> None:
    assert ask("PUT", tagged, headers={"if-none-match": '"7.1"'}).status == 200


# -- errors


def failing(error: Exception) -> Any:
    async def handler(_: Call) -> Answer:
        raise error

    return handler


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (Conflict("taken"), 409, {}),
        (Refused("taken", status=418, headers={"allow": "GET"}), 418, {"allow": "GET"}),
        (TooMany("taken", retry_after=7), 429, {"retry-after": "7"}),
        (Refused("taken", status=401), 401, {"www-authenticate": 'Basic realm="nsblast", charset="UTF-8"'}),
    ],
)
def test_an_error_is_its_status_and_words(error: NsblastError, status: int, headers: dict[str, str]) -> None:
    told = ask(handler=failing(error))
    assert (told.status, told.message) == (status, "taken")
    assert headers.items() <= told.headers.items()


def test_what_nobody_foresaw_is_told_without_its_words() -> None:
    told = ask(handler=failing(RuntimeError("the secret")))
    assert told.status == 500
    assert b"secret" not in told.body
    assert told.headers["x-request-id"] in told.message


# -- bodies


@pytest.mark.parametrize(
    ("part", "media", "status", "words"),
    [
        (b'{"word": 1}', "application/json", 400, "body: word = 1: expected str, got int"),
        (b'{"wurd": ""}', "application/json; charset=utf-8", 400, "body: there is no member wurd"),
        (b'{"word": ', "application/json", 400, "body: JSON is malformed: it ends too early"),
        (b"word=1", "text/plain", 415, "Content-Type 'text/plain' is not taken here, but application/json"),
        (b"[" * 100_000, "application/json", 400, "body: "),
    ],
)
def test_a_body_that_does_not_fit_is_told(part: bytes, media: str, status: int, words: str) -> None:
    told = ask("PUT", parts=(part,), headers={"content-type": media}, body=Body)
    assert told.status == status
    assert told.message.startswith(words)


def test_a_body_over_the_limit_is_refused_however_it_comes() -> None:
    site = make_site(http_body_limit=1024)
    for parts in ((b"x" * 1025,), (b"x" * 600, b"x" * 600)):
        assert ask("PUT", parts=parts, site=site).status == 413
    assert ask("PUT", headers={"content-length": "1025"}, site=site).status == 413
    assert ask("PUT", parts=(b"x" * 512, b"x" * 512), site=site).status == 200


@pytest.mark.parametrize(
    ("accepted", "coding"), [("gzip", "gzip"), ("zstd, gzip", "zstd"), ("zstd;q=0, gzip;q=0.5", "gzip"), ("br", "")]
)
def test_what_is_large_is_packed_as_the_client_likes(accepted: str, coding: str) -> None:
    async def large(_: Call) -> Answer:
        return Answer("x" * 5000)

    told = ask(handler=large, headers={"accept-encoding": accepted})
    assert told.headers.get("content-encoding", "") == coding
    assert told.headers["vary"] == "accept-encoding"
    assert int(told.headers["content-length"]) == len(told.body)
