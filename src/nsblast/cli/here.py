"""The client's other transport: to the database of this machine, by its running server, or in this process while none runs.

Owns: that way, and the first accounts of a database that no server has served yet. Never: what is asked (client), what it means (admin).
"""

import asyncio
from typing import Any

import httpx

from nsblast.access import first
from nsblast.admin.calls import Site
from nsblast.admin.here import Here
from nsblast.backend import Backend
from nsblast.backend.local import LocalBackend
from nsblast.backend.opening import connect
from nsblast.backend.remote import whoami
from nsblast.client import Client
from nsblast.errors import NotRunning
from nsblast.settings import Settings


class _HereTransport(httpx.BaseTransport):
    def __init__(self, backend: Backend, settings: Settings) -> None:
        self._backend = backend
        self._here: Here | None = None
        self._runner = asyncio.Runner()
        if isinstance(backend, LocalBackend):
            # Whose these are, everything else may be about.
            first.make(backend.accounts, settings.db_path, settings.admin_password, settings.password_min)
            self._here = Here(Site(settings, backend, _no_command, backend.accounts))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        asked: dict[str, Any] = {
            "method": request.method,
            "target": request.url.raw_path.decode("ascii"),
            "body": request.read(),
        }
        if self._here is None:
            answer = self._backend.command("api", actor=whoami(), **asked)
        else:
            answer = self._runner.run(self._here.ask(whoami(), **asked))
        headers = [(bytes(name), bytes(value)) for name, value in answer["headers"]]
        return httpx.Response(answer["status"], headers=headers, content=answer["body"])

    def close(self) -> None:
        self._runner.close()
        self._backend.close()


async def _no_command(op: str, **_: Any) -> Any:
    raise NotRunning(f"no server runs on this database, which {op} is asked of")


def client_here(settings: Settings, who: str, tenant: str) -> Client:
    """The client of this machine's database. who: the command; tenant: to act in."""
    return Client("http://here", tenant=tenant, transport=_HereTransport(connect(settings, who), settings))
