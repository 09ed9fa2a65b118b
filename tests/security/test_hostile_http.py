"""Requests that no well-meaning client sends: each is refused by a clear answer, nothing is changed, the server goes on."""

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsblast.admin.app import endpoints
from tests.helpers.api import PASSWORD, Api, api
from tests.security.wire import Gone, Got, Wire, basic, path

LOGIN = "".join(f"{name}: {value}\r\n" for name, value in basic("admin", PASSWORD).items())
HEAD = f"host: x\r\n{LOGIN}"
PATCH = f"PATCH /api/v1/rr/c.one.test HTTP/1.1\r\n{HEAD}content-type: application/json\r\n"
GET = "GET /api/v1/version HTTP/1.1\r\n"
LIMIT = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    flags = (
        "--http-body-limit",
        "1MiB",
        "--http-head-timeout",
        "2s",
        "--http-idle-timeout",
        "3s",
        "--http-connections",
        "40",
    )
    with api(tmp_path_factory.mktemp("hostile"), *flags, workers=1) as running:
        with Wire(running, basic("admin", PASSWORD)) as admin:
            assert admin("POST", path("zone", "one.test"), {"ns": ["ns1.example.net"]}).status == 201
        yield running
        assert running.process is not None
        assert running.process.poll() is None
        assert [event for event in running.events() if event["level"] == "error"] == []


@pytest.fixture
def admin(server: Api) -> Iterator[Wire]:
    with Wire(server, basic("admin", PASSWORD), 10) as wire:
        yield wire
        # whatever was sent: the one zone is as it was
        assert wire("GET", path("zone", "one.test") + "?kind=id").value == ["one.test."]
        assert wire("GET", path("zone")).value == ["one.test."]


def _send(server: Api, octets: str | bytes) -> Got:
    with Wire(server, timeout=10) as wire:
        return wire.send(octets.encode("latin-1") if isinstance(octets, str) else octets)


@pytest.mark.parametrize(
    "request_",
    {
        "length and chunks": f"{PATCH}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "chunks and length": f"{PATCH}transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
        "two lengths": f"{PATCH}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}",
        "length with sign": f"{PATCH}content-length: +2\r\n\r\n{{}}",
        "list of lengths": f"{PATCH}content-length: 2,2\r\n\r\n{{}}",
        "length below zero": f"{PATCH}content-length: -1\r\n\r\n",
        "length beyond all": f"{PATCH}content-length: 99999999999999999999999\r\n\r\n",
        "unknown coding": f"{PATCH}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        "chunks not last": f"{PATCH}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "space before colon": f"{PATCH}transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        "folded header": f"{GET}{HEAD}x-a: b\r\n c\r\n\r\n",
        "bare line feeds": f"GET /api/v1/version HTTP/1.1\nhost: x\n{LOGIN.strip()}\n\n",
        "chunk beyond all": f"{PATCH}transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "chunk of no size": f"{PATCH}transfer-encoding: chunked\r\n\r\nzz\r\n",
        "octets above 127 in the path": f"GET /api/v1/zone/\xff\xfe HTTP/1.1\r\n{HEAD}\r\n",
        "NUL in the path": f"GET /api/v1/zone/\0 HTTP/1.1\r\n{HEAD}\r\n",
        "NUL in a header": f"{GET}{HEAD}x: a\0b\r\n\r\n",
        "no host": f"{GET}{LOGIN}\r\n",
        "two hosts": f"{GET}{HEAD}host: y\r\n\r\n",
        "two credentials": f"{GET}{HEAD}authorization: Basic eDp4\r\n\r\n",
        "no such version": f"GET /api/v1/version HTTP/9.9\r\n{HEAD}\r\n",
        "HTTP/2 without agreement": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "no such method": f"BREW /api/v1/version HTTP/1.1\r\n{HEAD}\r\n",
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 200,
        "anything": bytes(range(256)),
    }.items(),
    ids=lambda item: item[0],
)
def test_what_is_no_request_is_400_and_closes(admin: Wire, server: Api, request_: tuple[str, str | bytes]) -> None:
    got = _send(server, request_[1])
    assert got.status == 400
    assert got.json["error"] is True
    if b"HTTP request" in got.body:
        assert got.headers["connection"] == "close"


def test_limits(admin: Wire, server: Api) -> None:
    many = "".join(f"x{number}: 1\r\n" for number in range(300))
    assert _send(server, f"{GET}{HEAD}{many}\r\n").status == 431
    assert _send(server, f"{GET}{HEAD}x: {'a' * 100_000}\r\n\r\n").status == 431
    assert _send(server, f"GET /api/v1/user?from={'a' * 300_000} HTTP/1.1\r\n{HEAD}\r\n").status == 431
    assert _send(server, f"GET /api/v1/{'a/' * 20_000} HTTP/1.1\r\n{HEAD}\r\n").status == 431
    assert _send(server, f"{PATCH}content-length: {LIMIT + 1}\r\n\r\n{{}}").status == 413
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    assert (
        _send(server, f"{PATCH}transfer-encoding: chunked\r\n\r\n".encode("latin-1") + chunk * 20 + b"0\r\n\r\n").status
        == 413
    )
    assert admin("PATCH", path("rr", "c.one.test"), raw=b" " * LIMIT).status == 400
    assert admin("GET", path("user") + "?" + "&".join(f"a{number}=1" for number in range(200))).status == 400
    # A body that nobody asked for is not read as the next request.
    with Wire(server, timeout=10) as wire:
        smuggled = f"DELETE /api/v1/zone/one.test HTTP/1.1\r\n{HEAD}\r\n"
        body = f"GET /api/v1/version HTTP/1.1\r\n{HEAD}content-length: {len(smuggled)}\r\n\r\n{smuggled}"
        assert wire.send(body.encode("latin-1")).status == 200


@pytest.mark.parametrize(
    "body",
    {
        "NaN": b'{"ttl":NaN}',
        "infinity": b'{"ttl":1e999}',
        "minus infinity": b'{"ttl":-Infinity}',
        "a number of 400 digits": b'{"ttl":' + b"9" * 400 + b"}",
        "a fraction": b'{"ttl":1.5,"a":["192.0.2.1"]}',
        "a boolean": b'{"ttl":true,"a":["192.0.2.1"]}',
        "below zero": b'{"ttl":-1,"a":["192.0.2.1"]}',
        "deep": b'{"ttl":' + b"[" * 200 + b"]" * 200 + b"}",
        "deeper": b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",
        "deeper than any": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "deep and unknown": b'{"zz":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
        "never closed": b"[" * 500_000,
        "half a surrogate": b'{"txt":"\\ud800"}',
        "no UTF-8": b'{"txt":"\xff"}',
        "UTF-16": '{"a":["192.0.2.1"]}'.encode("utf-16"),
        "byte order mark": b'\xef\xbb\xbf{"a":["192.0.2.1"]}',
        "more behind": b'{"a":["192.0.2.1"]}{}',
        "a name with NUL": b'{"cname":"a\\u0000b.test."}',
        "a NUL": b"\0",
        "nothing": b"",
        "null": b"null",
        "a list": b"[]",
        "types of no zone": b'{"rr":[{"type":41,"rdata":"AA=="}]}',
        "type 65536": b'{"rr":[{"type":65536,"rdata":"AA=="}]}',
        "no such member": b'{"__class__":"x","a":["192.0.2.1"]}',
    }.items(),
    ids=lambda item: item[0],
)
def test_bodies_that_are_wrong_are_400(admin: Wire, body: tuple[str, bytes]) -> None:
    got = admin("PATCH", path("rr", "c.one.test"), raw=body[1], headers={"content-type": "application/json"})
    assert got.status == 400, got.body
    assert got.json["message"]


def test_of_two_equal_members_the_last_counts(admin: Wire) -> None:
    """As docs/api.md says. Anything else would need another reading of every body."""
    body = b'{"ttl":1,"ttl":5,"a":["192.0.2.1"],"a":["192.0.2.2"]}'
    got = admin("PATCH", path("rr", "c.one.test") + "?dry_run=true", raw=body)
    assert [(each["ttl"], each["rdata"]) for each in got.value["added"] if each["type"] == "A"] == [(5, "192.0.2.2")]


@pytest.mark.parametrize(
    "odd",
    ["%00", "%ff", "%0d%0aset-cookie:%20a=b", "%e2%80%ae", "..", "%2e%2e%2f", "%25", "*", "%5c", "'\"<>", "a" * 9000],
)
def test_odd_text_in_paths_and_queries(admin: Wire, odd: str) -> None:
    for one in endpoints():
        if one.method == "GET" and one.path not in ("/events", "/metrics"):
            target = re.sub(r"\{\w+\}", odd, one.full_path)
            assert admin("GET", target).status in (200, 307, 400, 403, 404, 405), target
            for name in ("from", "tenant", "limit", "kind", "user", "since", "zone"):
                got = admin("GET", f"{target}?{name}={odd}")
                assert got.status in (200, 307, 400, 403, 404, 405), (target, name, got.body)
                assert "set-cookie" not in got.headers
    for method in ("DELETE", "PATCH", "PUT"):
        for kind in ("zone", "rr", "user", "role", "tenant", "apikey", "tsigkey", "vzone", "backup"):
            got = admin(method, f"/api/v1/{kind}/{odd}?dry_run=true", {})
            assert got.status in (400, 404, 405), (method, kind, got.body)


@pytest.mark.parametrize(
    "number", ["nan", "inf", "-inf", "1e400", "-1", "0x10", "1_0", "٣", "99999999999999999999999", ""]
)
def test_odd_numbers(admin: Wire, number: str) -> None:
    from urllib.parse import quote

    told = quote(number)
    for target in ("zone?limit=", "events?heartbeat="):
        assert admin("GET", f"/api/v1/{target}{told}").status == 400, target
    assert admin("PATCH", path("rr", "c.one.test") + f"?dry_run=true&wait={told}", {"a": ["192.0.2.1"]}).status == 400
    if number in ("nan", "inf", "-inf", "1e400"):
        assert admin("GET", f"/api/v1/history?since={told}").status == 400


def test_an_api_key_that_expires_at_no_possible_time_is_not_made(admin: Wire) -> None:
    """0 is what is stored for never: a key that was to be dead would have lived for ever."""
    for when in (b"0", b"-1", b"1e308", b'"0001-01-01T00:00:00Z"', b"true", b'"never"'):
        got = admin(
            "POST", path("apikey"), raw=b'{"expires":' + when + b"}", headers={"content-type": "application/json"}
        )
        assert got.status == 400, when
    assert admin("GET", path("apikey")).value == []


def test_zones_as_text_reach_no_file_and_no_end(admin: Wire) -> None:
    start = b"@ SOA a b 1 1 1 1 1\n@ NS a\n"
    for line in (b"$INCLUDE /etc/passwd", b"$INCLUDE password.txt", b"$GENERATE 0-2147483647 h$ A 192.0.2.1"):
        got = admin("PUT", path("zone", "two.test"), raw=start + line + b"\n", headers={"content-type": "text/dns"})
        assert got.status == 400
        assert b"root:" not in got.body


def test_slow_and_silent_connections_are_closed(server: Api) -> None:
    """Also those that send line ends only: they are no request, and for uvicorn no silence either."""
    began = time.monotonic()
    for octets, closed in ((b"", 3.0), (b"\r\n", 2.0), (b"GET /api", 2.0), (GET.encode() + b"host: x\r\nx-a: ", 2.0)):
        with socket.create_connection((server.address, server.http_port), 10) as sock:
            asked = time.monotonic()
            sock.sendall(octets)
            if octets.startswith(b"GET"):
                # one octet at a time does not help
                for _ in range(8):
                    time.sleep(0.2)
                    sock.sendall(b"a")
            told = sock.recv(1000)
            assert told == b"" or b" 408 " in told
            assert closed - 0.5 < time.monotonic() - asked < closed + 1.5, octets
    assert time.monotonic() - began < 20


def test_too_many_connections_are_told_so(server: Api) -> None:
    held = [socket.create_connection((server.address, server.http_port), 5) for _ in range(45)]
    try:
        told = _send(server, f"{GET}{HEAD}\r\n")
        assert (told.status, told.json["rcode"], told.json["error"]) == (503, 503, True)
    finally:
        for sock in held:
            sock.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if _send(server, f"{GET}{HEAD}\r\n").status == 200:
                return
        except (Gone, OSError):
            pass
        time.sleep(0.05)
    raise AssertionError("the server did not recover")


def test_one_address_has_a_share_of_the_connections(tmp_path: Path) -> None:
    """Beyond it, it is told so and nobody else is; what it gives back it has again."""
    with api(tmp_path, "--http-per-address", "5", workers=1) as server:

        def ask(address: str) -> int:
            with Wire(server, timeout=10, address=address) as wire:
                try:
                    return wire("GET", "/healthz").status
                except (Gone, OSError):  # it was told before it asked
                    return 503

        place = (server.address, server.http_port)
        held = [socket.create_connection(place, 5, ("127.7.7.7", 0)) for _ in range(5)]
        assert ask("127.7.7.7") == 503
        with socket.create_connection(place, 5, ("127.7.7.7", 0)) as sock:
            assert sock.recv(1000).startswith(b"HTTP/1.1 503 ")
        assert ask("127.7.7.8") == 200
        held.pop().close()
        deadline = time.monotonic() + 5
        while ask("127.7.7.7") != 200:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for sock in held:
            sock.close()


def test_headers_of_every_answer(server: Api, admin: Wire) -> None:
    seen = set()
    for got in (
        admin("GET", path("zone")),
        admin("GET", path("nothing")),
        admin("PATCH", path("rr", "x.one.test"), raw=b"{"),
        admin("GET", "/healthz"),
    ):
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["x-frame-options"] == "DENY"
        assert got.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in got.headers["content-security-policy"]
        assert "server" not in got.headers
        seen.add(got.headers["x-request-id"])
    assert len(seen) == 4
    for method in ("GET", "OPTIONS"):
        got = admin(
            method, path("zone"), headers={"origin": "https://evil.example", "access-control-request-method": "DELETE"}
        )
        assert not [name for name in got.headers if name.startswith("access-control")]
