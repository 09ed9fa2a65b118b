"""How a client speaks with the API: one connection pool, one way from an answer to a value or an error.

Owns: URLs, credentials, TLS, retries, envelopes, pages. Never: what an endpoint means. Only what can be done twice without harm (GET, PUT)
is tried again when the connection failed; a DELETE only when it was never sent. An answer, whatever its status, is never retried.
"""

import os
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from nsblast.client.credentials import Credentials
from nsblast.client.errors import Unreachable, error_of
from nsblast.client.shapes import Changed, Page
from nsblast.errors import UsageError, from_os

T = TypeVar("T")
BASE = "/api/v1"
PAGE = 1000
"""Items asked for at a time."""
_AGAIN = (httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError, httpx.PoolTimeout)
_PAUSE = 0.1  # seconds before the first retry; doubled each time
_SHOWN = 200  # characters of an answer that is no envelope


class Writing(TypedDict, total=False):
    """What every change of zones and names may be given."""

    tenant: str
    """Act in this tenant."""
    dry_run: bool
    """Check and tell the difference, change nothing."""
    diff: bool
    """Tell the difference."""
    wait: float
    """Seconds to wait until the zone's secondaries have it; Changed.replicated tells whether they do."""
    if_match: str
    """ETag that must still hold (errors.Stale)."""


class Transport:
    """See client.Client."""

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        *,
        user: str = "",
        password: str = "",
        api_key: str = "",
        tenant: str = "",
        ca_file: str | Path | None = None,
        timeout: float = 60.0,
        retries: int = 2,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """url: of the server, with or without /api/v1. tenant: act in this one, unless a call says otherwise.

        ca_file: PEM, trusted instead of the system's authorities. timeout: seconds of silence. UsageError, InputError.
        """
        who = credentials or Credentials(user, password, api_key)
        if who.user and who.api_key:
            raise UsageError("either a user or an API key, not both")
        self.url = _checked(url)
        self.tenant = tenant
        self._retries = retries
        self._timeout = timeout
        headers = {"user-agent": "nsblast-client", "accept": "application/json"}
        if who.api_key:
            headers["authorization"] = f"Bearer {who.api_key}"
        try:
            headers["authorization"] = headers.get("authorization", "").encode("latin-1").decode("latin-1")
        except UnicodeEncodeError:
            raise UsageError("the API key holds characters that no key has") from None
        if not headers["authorization"]:
            del headers["authorization"]
        self._http = httpx.Client(
            headers=headers,
            auth=httpx.BasicAuth(who.user.encode(), who.password.encode()) if who.user else None,
            timeout=timeout,
            verify=_context(ca_file, self.url),
            transport=transport,
        )

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    # -- one request

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        rooted: bool = False,
        timeout: float | None = None,
    ) -> httpx.Response:
        """Any request, path below /api/v1 (rooted: from the root) and quoted already; an ApiError for any refusal."""
        request = self._build(method, path, query, body, content, headers, rooted)
        if timeout is None and query and query.get("wait"):
            timeout = self._timeout + float(query["wait"])
        if timeout is not None:
            request.extensions["timeout"] = httpx.Timeout(timeout).as_dict()
        answer = self._send(request, again=not isinstance(content, Iterator))
        if not answer.is_success:
            raise _error(answer)
        return answer

    @contextmanager
    def stream(self, path: str, *, query: Mapping[str, Any] | None = None, **more: Any) -> Iterator[httpx.Response]:
        """A GET whose answer is read as it comes."""
        request = self._build("GET", path, query, None, None, more.pop("headers", None), False)
        if "timeout" in more:
            request.extensions["timeout"] = httpx.Timeout(more["timeout"]).as_dict()
        answer = self._send(request, stream=True)
        try:
            with self._told():
                if not answer.is_success:
                    answer.read()
                    raise _error(answer)
                yield answer
        finally:
            answer.close()

    def _build(
        self, method: str, path: str, query: Any, body: Any, content: Any, headers: Any, rooted: bool
    ) -> httpx.Request:
        given = {name: _parameter(value) for name, value in (query or {}).items() if value not in (None, "", False)}
        sent = dict(headers or {})
        if body is not None:
            content = msgspec.json.encode(body)
            sent["content-type"] = "application/json"
        url = self.url + ("" if rooted else BASE) + path
        return self._http.build_request(method, url, params=given or None, content=content, headers=sent)

    def _send(self, request: httpx.Request, *, stream: bool = False, again: bool = True) -> httpx.Response:
        tries = self._retries if again and request.method in ("GET", "PUT", "DELETE") else 0
        kinds = (httpx.ConnectError,) if request.method == "DELETE" else _AGAIN
        for number in range(tries + 1):
            try:
                with self._told():
                    return self._http.send(request, stream=stream)
            except Unreachable as error:
                if number == tries or not isinstance(error.__cause__, kinds) or error.details.get("tls"):
                    raise
            time.sleep(_PAUSE * 2**number)
        raise AssertionError("every way out of the loop is taken above")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What httpx says, in words of ours."""
        try:
            yield
        except httpx.TimeoutException as error:
            raise Unreachable(f"{self.url} does not answer in time", url=self.url) from error
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            tls = "CERTIFICATE" in reason or "SSL" in reason
            if isinstance(error, httpx.RemoteProtocolError) and self.url.startswith("http:"):
                reason += " (a server that speaks TLS wants https://)"
            raise Unreachable(
                f"{self.url} cannot be reached: {reason}", url=self.url, **({"tls": True} if tls else {})
            ) from error
        except httpx.DecodingError as error:
            raise Unreachable(f"{self.url} sent an answer that does not unpack: {error}", url=self.url) from error

    # -- envelopes

    def ask(self, method: str, path: str, kind: type[T], **more: Any) -> T:
        """The value of an envelope."""
        return self._value(self.request(method, path, **more), kind)

    def done(self, method: str, path: str, given: Writing, body: Any = None, **query: Any) -> Changed:
        """A change of a zone or a name."""
        options = {"tenant": self.tenant, **given, **query}
        match = options.pop("if_match", "")
        more = options.pop("more", {})
        headers = {"if-match": f'"{match}"' if match and match != "*" else match} if match else {}
        content = more.get("content")
        if content is not None:
            headers["content-type"] = more["media"]
        answer = self.request(method, path, query=options, body=body, content=content, headers=headers)
        changed = self._value(answer, Changed)
        changed.created = answer.status_code == 201
        changed.etag = etag_of(answer)
        changed.replicated = self._replicated(answer) if options.get("wait") else None
        return changed

    def _replicated(self, answer: httpx.Response) -> bool | None:
        """What an answer to a write with `wait` says of secondaries."""
        told = self._envelope(answer).get("replicated")
        return told if isinstance(told, bool) else None

    def page(self, path: str, kind: type[T], query: Mapping[str, Any]) -> Page[T]:
        """One page of a list."""
        envelope = self._envelope(self.request("GET", path, query={"tenant": self.tenant, **query}))
        try:
            items = msgspec.convert(envelope["value"], list[kind])  # type: ignore[valid-type]
            return Page(items, bool(envelope["more"]), str(envelope["klast"]))
        except (msgspec.ValidationError, KeyError) as error:
            raise self._strange(str(error)) from None

    def pages(self, path: str, kind: type[T], query: Mapping[str, Any]) -> Iterator[T]:
        """All items, page by page as they are taken."""
        start = query.get("from", "")
        while True:
            page = self.page(path, kind, {"limit": PAGE, **query, "from": start})
            yield from page.items
            if not page.more:
                return
            if not page.klast or page.klast == start:
                raise self._strange("a page that does not say where the next one starts")
            start = page.klast

    def _value(self, answer: httpx.Response, kind: type[T]) -> T:
        try:
            return msgspec.convert(self._envelope(answer)["value"], kind)
        except (msgspec.ValidationError, KeyError) as error:
            raise self._strange(str(error)) from None

    def _envelope(self, answer: httpx.Response) -> dict[str, Any]:
        try:
            return msgspec.json.decode(answer.content, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise self._strange(str(error)) from None

    def _strange(self, what: str) -> Unreachable:
        return Unreachable(
            f"what answers at {self.url} is no nsblast server that this client knows: {what}", url=self.url
        )


def etag_of(answer: httpx.Response) -> str:
    """Without its quotes."""
    tag: str = answer.headers.get("etag", "")
    return tag.removeprefix("W/").strip('"')


def part(text: str) -> str:
    """A segment of a path, quoted; "." and ".." too, which clients and proxies would resolve."""
    return quote(text, safe="@:").replace(".", "%2E") if text in (".", "..") else quote(text, safe="@:*,")


def _parameter(value: Any) -> Any:
    return "true" if value is True else value


def _checked(url: str) -> str:
    try:
        urlsplit(url)  # httpx takes "http://["
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise UsageError(f"{url!r} is no URL: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise UsageError(f"{url!r} is no URL like https://dns.example.net:8053")
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise UsageError("the URL holds more than a scheme, a host, a port and a path")
    return url.rstrip("/").removesuffix(BASE)


def _context(ca_file: str | Path | None, url: str) -> ssl.SSLContext | bool:
    if ca_file is None:
        # Without TLS the system's authorities need not be read (20 ms); this one trusts nobody.
        return True if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        os.stat(ca_file)
        return ssl.create_default_context(cafile=str(ca_file))
    except ssl.SSLError:
        raise UsageError(f"{ca_file} holds no certificates in PEM form") from None
    except OSError as error:
        raise from_os(error, f"read {ca_file}") from None


def _error(answer: httpx.Response) -> Exception:
    status, message, value = answer.status_code, "", None
    try:
        envelope = msgspec.json.decode(answer.content)
        message, value = str(envelope["message"]), envelope.get("value")
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        message = f"HTTP {status} from {answer.request.url.host}: {' '.join(answer.text[:_SHOWN].split())}".rstrip(": ")
    details: dict[str, Any] = {}
    if (wait := answer.headers.get("retry-after", "")).isdigit():
        details["retry_after"] = int(wait)
    return error_of(status, message, value=value, request=answer.headers.get("x-request-id", ""), **details)
