"""The admin API for who is on this machine: requests that came over no network, by the control socket or in a command on a stopped database.

Owns: who such an asker is, which paths are answered. Never: what they mean (routes_*.py; the same application answers), sockets. The kernel
has told who asks, and whoever may open the database's folder may do anything to it: so no password is asked for, and every permission is there.
Streams are for HTTP alone.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from nsblast.access.login import Login
from nsblast.access.may import Actor, Grant
from nsblast.access.permissions import Permission
from nsblast.access.records_v1 import FIRST_TENANT
from nsblast.admin.app import Application, make_app
from nsblast.admin.calls import BASE, Site
from nsblast.errors import UsageError

REACH = frozenset(("apikey", "config", "permissions", "role", "tenant", "tsigkey", "user", "vzone"))
"""First segments of paths: of what commands have no other way to."""
_ALL = (Grant(frozenset(Permission)),)


class _Trusted(Login):
    """Takes the name it is told."""

    async def identify(self, authorization: str, api_key: str, address: str) -> Actor:
        return Actor(authorization, FIRST_TENANT, FIRST_TENANT, _ALL)


class Here:
    """One site's answers."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._settings: Any = None
        self._app: Application

    async def ask(self, who: str, method: str, target: str, body: bytes) -> dict[str, Any]:
        """The answer (status, headers, body) to a request; target: path and query as HTTP has them. UsageError when it is none of ours."""
        path, _, query = target.partition("?")
        if not path.startswith(f"{BASE}/") or path.removeprefix(f"{BASE}/").partition("/")[0] not in REACH:
            raise UsageError(f"{method} {path} is answered over HTTP only")
        headers = [(b"host", b"here"), (b"authorization", who.encode("utf-8", "backslashreplace"))]
        if body:
            headers += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        scope: MutableMapping[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": unquote(path),
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": headers,
            "client": None,
            "server": None,
            "state": {},
        }
        messages: list[MutableMapping[str, Any]] = []

        async def receive() -> Mapping[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            messages.append(message)

        await self._application()(scope, receive, send)  # type: ignore[arg-type]
        return {
            "status": messages[0]["status"],
            "headers": [list(each) for each in messages[0]["headers"]],
            "body": b"".join(message.get("body", b"") for message in messages[1:]),
        }

    def _application(self) -> Application:
        """Made when it is first asked for, and anew for other settings."""
        site = self._site
        if self._settings is not site.settings:
            assert site.accounts is not None
            self._app = make_app(replace(site, login=_Trusted(site.accounts)))
            self._settings = site.settings
        return self._app
