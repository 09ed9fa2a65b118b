"""The client: what its parts (zones.py, accounts.py) offer, and calls about the server itself."""

from collections.abc import Iterator
from typing import Any, Self

from nsblast.client import events
from nsblast.client.accounts import AccountCalls
from nsblast.client.shapes import Backup, Event, Verified, Versions


class Client(AccountCalls):
    """The admin API of one server. Use it as a context manager, or close() it; threads may share it.

    Every method raises the errors of nsblast.client.errors; iterators at any step.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the server

    def version(self) -> Versions:
        """Versions of the software."""
        return self.ask("GET", "/version", Versions)

    def status(self) -> dict[str, Any]:
        """State of processes, store and cache, as `nsblast status --json` has it."""
        return self.ask("GET", "/status", dict[str, Any])

    def alive(self) -> bool:
        """Whether the process answers; needs no credentials."""
        return self.request("GET", "/healthz", rooted=True).is_success

    def ready(self) -> bool:
        """Whether every DNS worker answers; errors.ServerFailed says what is missing."""
        return self.request("GET", "/readyz", rooted=True).is_success

    def metrics(self) -> str:
        """All metrics in Prometheus' text format."""
        return self.request("GET", "/metrics", rooted=True, headers={"accept": "text/plain"}).text

    def openapi(self) -> dict[str, Any]:
        """The API's description."""
        described: dict[str, Any] = self.request("GET", "/openapi.json").json()
        return described

    def log(self) -> dict[str, Any]:
        """What is logged: level, query_log_mode, …"""
        return self.ask("GET", "/config/log", dict[str, Any])

    def set_log(self, **members: Any) -> dict[str, Any]:
        """Switch what is logged until the next start; members as log() has them."""
        return self.ask("PATCH", "/config/log", dict[str, Any], body=members)

    def events(self, *, after: str = "", heartbeat: float = 15.0, patience: float = 60.0, tenant: str = "") -> Iterator[Event]:  # fmt: skip
        """What becomes of zones from now on, or after an event's id; does not end, and comes again when the connection does.

        An event `reset` says that some were missed. heartbeat: seconds. Unreachable when no server answered for `patience` seconds.
        """
        query = {"heartbeat": heartbeat, "tenant": tenant or self.tenant}
        return events.listen(self, query, after, heartbeat, patience)

    # -- backups; made and verified ones may take long

    def backups(self) -> list[Backup]:
        """All backups, the oldest first."""
        return self.ask("GET", "/backup", list[Backup])

    def create_backup(self, comment: str = "", *, timeout: float = 3600) -> Backup:
        """Back up the last commit."""
        return self.ask("POST", "/backup", Backup, body={"comment": comment}, timeout=timeout)

    def keep_backups(self, number: int) -> list[int]:
        """Delete all but the newest; ids of the deleted."""
        return self._deleted("/backup", keep=str(number))

    def delete_backup(self, ident: int | str) -> list[int]:
        """Delete one, by id or uuid."""
        return self._deleted(f"/backup/{ident}")

    def _deleted(self, path: str, **query: str) -> list[int]:
        return self.ask("DELETE", path, dict[str, list[int]], query=query, timeout=600)["deleted"]

    def verify_backup(self, ident: int | str, *, timeout: float = 3600) -> Verified:
        """Compare checksums, open it, read all of it."""
        return self.ask("POST", f"/backup/{ident}/verify", Verified, timeout=timeout)
