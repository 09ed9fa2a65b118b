"""The rim of the admin API: ASGI on one side, Call and Answer on the other.

Owns: credentials, decoding of query and body, limits of a body, errors to statuses, headers of every answer, compression, request
ids. Never: which path is whose (app.py, Starlette), what an endpoint does, sockets (listen.py), who may do what (access).
Every request ends in exactly one answer; an error that nobody foresaw is logged with its traceback and told as 500 without it.
"""

import asyncio
import contextlib
import gzip
import itertools
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec
import orjson
import zstandard
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from nsblast.access.may import ALL_TENANTS
from nsblast.admin.calls import Acting, Answer, Call, Endpoint, Nothing, Paging, Refused, Site, Writing
from nsblast.admin.envelope import explain, pack, pack_error, status_of
from nsblast.errors import NsblastError, TooMany
from nsblast.logs import log

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Observer = Callable[[Endpoint | None, str, int, float], None]
"""Told of each answer: endpoint, method, status, seconds."""

_JSON = b"application/json"
WHOLE = "nsblast.whole"
"""ASGI extension of listen.py: its `await send(status, headers, body)` sends an answer in one write."""
_SMALL = 1024  # octets below which compression is not worth its header
_SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_REALM = 'Basic realm="nsblast", charset="UTF-8"'
_SAFE = frozenset(("GET", "HEAD"))
_ONCE = (b"host", b"authorization", b"x-api-key", b"content-type", b"content-length", b"if-match", b"last-event-id")
_BODILESS = frozenset(("GET", "HEAD", "DELETE", "OPTIONS"))
_PARTS = 64 << 10  # octets of a query string at most


class Rim:
    """What all endpoints of an application have in common."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.observers: list[Observer] = []
        self._decoders: dict[int, Callable[[bytes], Any]] = {}
        self._no_query: dict[type[Nothing], Nothing] = {}
        # Ids of requests: unique within the database's life, cheap to make.
        self._birth = secrets.token_hex(6)
        self._numbers = itertools.count(1)

    def new_id(self) -> str:
        """The id of one more request."""
        return f"{self._birth}-{next(self._numbers):x}"

    async def serve(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        """One request to an endpoint."""
        began = time.perf_counter()
        request = self.new_id()
        method: str = scope["method"]
        headers: dict[bytes, bytes] = dict(scope["headers"])
        extra: Mapping[str, str] = {}
        stream: Answer | None = None
        try:
            if len(headers) != len(scope["headers"]) or b"host" not in headers:
                _check_once(scope)
            call = await self._call(endpoint, _decoded(scope["path_params"]), scope, headers, receive)
            answer = await endpoint.handler(call)
            query = call.query
            if isinstance(query, Writing) and query.wait and not query.dry_run and answer.replicated is None:
                answer = answer._replace(replicated=True)  # what secondaries have no part in
            stream = answer if answer.stream is not None else None
            status = answer.status
            body = b"" if stream else pack(answer) if answer.content is None else answer.content
            extra = {**(answer.headers or {}), **({"etag": f'"{answer.etag}"'} if answer.etag else {})}
            if answer.etag and method in _SAFE and _holds(headers.get(b"if-none-match", b""), answer.etag):
                status, body = 304, b""
        except NsblastError as error:
            status = status_of(error)
            body = pack_error(status, error.message)
            extra = dict(error.headers) if isinstance(error, Refused) else {}
            if isinstance(error, TooMany):
                extra = {"retry-after": str(error.details.get("retry_after", 1))}
            if status == 401:
                extra = {"www-authenticate": _REALM, **extra}
            if status >= 500:
                log().error("request failed", request=request, path=_shown(scope), reason=error.message)
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except Exception:
            status = 500
            body = pack_error(500, f"the server failed; its log tells more under request {request}")
            log().error("request failed", request=request, path=_shown(scope), exc_info=True)
        if stream is not None:
            if method == "HEAD":
                await self._head(stream, request, send)
            else:
                await self._stream(stream, request, receive, send)
            self._observe(endpoint, method, status, began)
            return
        if len(body) >= _SMALL and "content-encoding" not in extra:
            body, extra = await _compressed(body, extra, headers.get(b"accept-encoding", b""))
        await _send(scope, send, status, extra, body, request)
        self._observe(endpoint, method, status, began)

    async def refuse(self, asked: Request, error: Exception) -> Response:
        """The answer to a request that leads to no endpoint: Starlette's word for it in our envelope."""
        assert isinstance(error, HTTPException)
        began = time.perf_counter()
        path = unquote_to_bytes(asked.scope["path"]).decode("utf-8", "backslashreplace")
        extra = dict(error.headers or {})
        if error.status_code == 404:
            message = f"there is no {path!r} here"
        elif error.status_code == 405:
            message = f"{asked.method} cannot be done to {path!r}"
            extra = {"allow": ", ".join(sorted(extra.get("Allow", "").split(", ")))}
        else:
            message = error.detail
        answer = Response(pack_error(error.status_code, message), error.status_code)
        answer.raw_headers[:0] = _headers({"content-type": "application/json", **extra}, self.new_id())
        self._observe(None, asked.method, error.status_code, began)
        return answer

    async def options(self, allow: str, scope: Scope, send: Send) -> None:
        """The answer to OPTIONS."""
        began = time.perf_counter()
        await _send(scope, send, 204, {"allow": allow}, b"", self.new_id())
        self._observe(None, "OPTIONS", 204, began)

    # -- in

    async def _call(
        self, endpoint: Endpoint, values: dict[str, str], scope: Scope, headers: dict[bytes, bytes], receive: Receive
    ) -> Call:
        client = scope.get("client")
        address: str = client[0] if client else ""
        actor = None
        needed = endpoint.login if isinstance(endpoint.login, bool) else endpoint.login(self.site.settings)
        if needed:
            login = self.site.login
            if login is None:
                raise Refused("the server has no accounts yet", status=503)
            authorization = headers.get(b"authorization", b"").decode("latin-1")
            if authorization[:6].lower() == "basic " and scope["scheme"] != "https":
                self._plain_basic(address)
            actor = await login.identify(authorization, headers.get(b"x-api-key", b"").decode("latin-1"), address)
        query = self._query(endpoint, scope["query_string"])
        if actor is not None and isinstance(query, Acting) and query.tenant:
            if query.tenant == ALL_TENANTS and not isinstance(query, Paging):
                raise Refused("query: tenant = *: only lists take all tenants")
            assert self.site.accounts is not None
            actor = self.site.accounts.acting(actor, query.tenant)
        if endpoint.permission is not None and actor is not None:
            actor.demand(endpoint.permission)
        raw = await self._read(headers, receive) if endpoint.method not in _BODILESS else b""
        body = None
        if endpoint.body is not None and raw:
            body = self._body(endpoint, raw, headers)
        return Call(endpoint, self.site, actor, values, query, body, raw, address, headers)

    def _plain_basic(self, address: str) -> None:
        """A password that crossed a network in clear is refused, so that nobody gets used to it."""
        local = address.startswith("127.") or address in ("::1", "")
        if not local and not self.site.settings.http_plain_basic:
            raise Refused("passwords over plain HTTP are taken on loopback only: use https or an API key", status=403)

    def _query(self, endpoint: Endpoint, text: bytes) -> Nothing:
        kind = endpoint.query
        if not text:
            if kind not in self._no_query:
                self._no_query[kind] = kind()
            return self._no_query[kind]
        if len(text) > _PARTS:
            raise Refused("the query string is too long", status=414)
        try:
            pairs = parse_qsl(
                text.decode("latin-1"), keep_blank_values=True, errors="surrogateescape", max_num_fields=64
            )
        except ValueError:
            raise Refused("query: too many parameters") from None
        given = dict(pairs)
        if len(given) != len(pairs):
            twice = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
            raise Refused(f"query: {twice} is given twice")
        try:
            return msgspec.convert(given, kind, strict=False)
        except msgspec.ValidationError as error:
            raise Refused(explain(error, given, "query", kind)) from None
        except UnicodeEncodeError as error:  # octets that are no UTF-8, where a number is wanted
            raise Refused(f"query: {error.object!r} is not what is expected here") from None

    async def _read(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        limit = self.site.settings.http_body_limit
        told = headers.get(b"content-length", b"0")
        if told.isdigit() and int(told) > limit:
            raise _too_large(limit)
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            whole: bytes = message["body"]
            if len(whole) > limit:
                raise _too_large(limit)
            return whole
        parts: list[bytes] = []
        length = 0
        while True:
            if message["type"] == "http.disconnect":
                raise Refused("the client went away before its request was whole")
            part = message.get("body", b"")
            length += len(part)
            if length > limit:
                raise _too_large(limit)
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)
            message = await receive()

    def _body(self, endpoint: Endpoint, raw: bytes, headers: dict[bytes, bytes]) -> Any:
        media = headers.get(b"content-type", _JSON).split(b";")[0].strip().lower()
        if media != _JSON:
            if media.decode("latin-1") in endpoint.media:
                return None
            takes = ", ".join(endpoint.media)
            raise Refused(f"Content-Type {media.decode('latin-1')!r} is not taken here, but {takes}", status=415)
        decode = self._decoders.get(id(endpoint))
        if decode is None:
            decode = self._decoders[id(endpoint)] = msgspec.json.Decoder(endpoint.body).decode
        try:
            return decode(raw)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            given: Any = None
            with contextlib.suppress(orjson.JSONDecodeError):
                given = orjson.loads(raw)
            raise Refused(explain(error, given, "body", endpoint.body)) from None

    # -- out

    async def _head(self, answer: Answer, request: str, send: Send) -> None:
        """What a stream begins with, and none of it."""
        headers = _headers(answer.headers or {}, request)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        close = getattr(answer.stream, "aclose", None)
        if close is not None:
            await close()

    async def _stream(self, answer: Answer, request: str, receive: Receive, send: Send) -> None:
        """As it comes, until it ends, the client goes away, or is broken off because it takes nothing (listen.py)."""
        assert answer.stream is not None
        stream = answer.stream
        headers = _headers(answer.headers or {}, request)

        async def pour() -> None:
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            async for part in stream:
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

        async def leave() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        tasks = [asyncio.ensure_future(pour()), asyncio.ensure_future(leave())]
        self.site.streams += 1
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.site.streams -= 1
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()
        # The status is out: only a connection that breaks off, as it does when we end here, tells the client that this is not all.
        match ended[0]:
            case NsblastError() as error:
                log().error("request failed", request=request, reason=error.message)
            case Exception() as error:
                log().error("request failed", request=request, exc_info=error)

    def _observe(self, endpoint: Endpoint | None, method: str, status: int, began: float) -> None:
        for observer in self.observers:
            observer(endpoint, method, status, time.perf_counter() - began)


def _check_once(scope: Scope) -> None:
    """A request that a proxy before us may have understood otherwise is refused (RFC 9112 3.2, RFC 9110 5.3)."""
    names = [name for name, _ in scope["headers"]]
    if b"host" not in names and scope["http_version"] != "1.0":
        raise Refused("the Host header is missing")
    for name in _ONCE:
        if names.count(name) > 1:
            raise Refused(f"the {name.decode()} header is sent twice")


def _too_large(limit: int) -> Refused:
    return Refused(f"the body is larger than {limit} octets", status=413, headers={"connection": "close"})


def _decoded(values: dict[str, str]) -> dict[str, str]:
    """Parameters of a path, percent-decoded. Octets that are no UTF-8 become surrogates: names may hold any octet."""
    return {
        name: unquote_to_bytes(value).decode("utf-8", "surrogateescape") if "%" in value else value
        for name, value in values.items()
    }


def _holds(header: bytes, etag: str) -> bool:
    """Whether If-None-Match names the ETag of what would be answered (RFC 9110 13.1.2)."""
    given = header.decode("latin-1").strip()
    return given == "*" or etag in _TAG.findall(given)


def _shown(scope: Scope) -> str:
    return str(scope["raw_path"].decode("latin-1"))


def _headers(extra: Mapping[str, str], request: str) -> list[tuple[bytes, bytes]]:
    given = {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in extra.items()}
    headers = [(name, value) for name, value in _SECURITY if name not in given]
    return [*headers, (b"x-request-id", request.encode()), *given.items()]


async def _send(scope: Scope, send: Send, status: int, extra: Mapping[str, str], body: bytes, request: str) -> None:
    headers = _headers(extra, request)
    if status not in (204, 304):
        if "content-type" not in extra:
            headers.append((b"content-type", _JSON))
        headers.append((b"content-length", b"%d" % len(body)))
    if scope["method"] == "HEAD":
        body = b""
    # Taken out: it would tie the request into a knot that only the collector of garbage undoes.
    whole = scope.pop("extensions", {}).get(WHOLE)
    if whole is not None:
        await whole["send"](status, headers, body)
        return
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _compressed(body: bytes, extra: Mapping[str, str], accepted: bytes) -> tuple[bytes, Mapping[str, str]]:
    """The body as the client likes it best of what we have; large ones in a thread."""
    extra = {**extra, "vary": "accept-encoding"}
    coding = _coding(accepted)
    if not coding:
        return body, extra
    pack_it = _zstd if coding == "zstd" else _gzip
    if len(body) > _PARTS:
        packed = await asyncio.get_running_loop().run_in_executor(None, pack_it, body)
    else:
        packed = pack_it(body)
    return packed, {**extra, "content-encoding": coding}


def _zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(body)


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, 1, mtime=0)


def _coding(accepted: bytes) -> str:
    """zstd or gzip where the client takes it (RFC 9110 12.5.3); else ""."""
    if not accepted:
        return ""
    found: dict[str, float] = {}
    for part in accepted.decode("latin-1").lower().split(","):
        name, _, rest = part.strip().partition(";")
        weight = 1.0
        if rest.strip().startswith("q="):
            with contextlib.suppress(ValueError):
                weight = float(rest.strip()[2:])
        found[name.strip()] = weight
    for name in ("zstd", "gzip"):
        if found.get(name, found.get("*", 0.0) if name == "gzip" else 0.0) > 0:
            return name
    return ""
