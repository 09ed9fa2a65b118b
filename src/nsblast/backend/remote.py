"""The Backend that asks the running server, and the operations by which the server answers: both ends of one agreement.

RemoteBackend is the command's end. operations() is control's: a table for control.Server made from its LocalBackend.
"""

import asyncio
import os
import pwd
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from nsblast.backend import Change, Entry, Zone, spool
from nsblast.backend.local import LocalBackend
from nsblast.backend.wire import change_from_wire, change_to_wire, result_from_wire
from nsblast.control import Client, Handler, Peer
from nsblast.errors import NsblastError, from_wire
from nsblast.store.values_v1 import ZoneRecord
from nsblast.types import CommitNumber, Labels, Wire
from nsblast.zones.model import ChangeSet, CreateZones, Result

_FEW = 8  # change-sets that are read in the event loop
_BATCH = 500  # zones or entries of a list that cross in one frame


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, builtin_types=(bytes,))


class RemoteBackend:
    """See Backend."""

    def __init__(self, db_path: Path, timeout: float | None = None) -> None:
        """NotRunning when no server listens there."""
        self._db_path = db_path
        self._timeout = timeout
        self._client = Client(db_path, timeout)
        self.running = True

    def zones(
        self, start: Wire | None = None, *, limit: int | None = None, backwards: bool = False, below: Wire | None = None
    ) -> Iterator[Zone]:
        """See Backend."""
        return self._many("zones", Zone, start=start, limit=limit, backwards=backwards, below=below)

    def zone(self, apex: Wire) -> ZoneRecord | None:
        """See Backend."""
        found = self._client.call("zone", apex=apex)
        return None if found is None else msgspec.convert(found, ZoneRecord)

    def find_zone(self, name: Wire) -> Zone | None:
        """See Backend."""
        found = self._client.call("find_zone", name=name)
        return None if found is None else msgspec.convert(found, Zone)

    def entries(
        self, apex: Wire, start: Wire | None = None, *, limit: int | None = None, backwards: bool = False
    ) -> Iterator[Entry]:
        """See Backend."""
        return self._many("entries", Entry, apex=apex, start=start, limit=limit, backwards=backwards)

    def entry(self, name: Wire, apex_labels: Labels | None = None) -> Entry | None:
        """See Backend."""
        found = self._client.call("entry", name=name, apex_labels=apex_labels)
        return None if found is None else msgspec.convert(found, Entry)

    def history(self, apex: Wire, *, after: CommitNumber = 0, limit: int | None = None) -> Iterator[Change]:
        """See Backend."""
        return self._many("history", Change, apex=apex, after=after, limit=limit)

    def apply(self, change: ChangeSet) -> Result:
        """See Backend."""
        (result,) = self.apply_many([change])
        if isinstance(result, NsblastError):
            raise result
        return result

    def apply_many(self, changes: Sequence[ChangeSet]) -> list[Result | NsblastError]:
        """See Backend."""
        made: list[str] = []

        def to_file(entries: Any) -> str:
            made.append(spool.write(self._db_path, entries))
            return made[-1]

        try:
            answers = self._client.call("apply", changes=[change_to_wire(change, to_file) for change in changes])
        finally:
            for name in made:
                (self._db_path / spool.FOLDER / name).unlink(missing_ok=True)
        return [
            from_wire(answer) if isinstance(answer, dict) and "error" in answer else result_from_wire(answer)
            for answer in answers
        ]

    def tenant_id(self, ident: str) -> str:
        """See Backend."""
        return str(self._client.call("tenant_id", ident=ident))

    def create_zones(self, change: CreateZones) -> list[Result | NsblastError]:
        """See Backend."""
        zones = list(change.zones)
        name = spool.write(self._db_path, zones)
        try:
            told = self._client.call(
                "create_zones", file=name, actor=change.actor, address=change.address, time=change.time
            )
        finally:
            (self._db_path / spool.FOLDER / name).unlink(missing_ok=True)
        return [
            from_wire(each) if isinstance(each, dict) else Result(zone.apex, told["number"], None, *each)
            for zone, each in zip(zones, told["zones"], strict=True)
        ]

    def command(self, op: str, **args: Any) -> Any:
        """See Backend."""
        return self._client.call(op, **args)

    def close(self) -> None:
        """See Backend."""
        self._client.close()

    def _many(self, op: str, kind: type[Any], **args: Any) -> Iterator[Any]:
        # A connection of its own: who reads a list may ask something else before its end.
        with Client(self._db_path, self._timeout) as client:
            for batch in client.stream(op, **args):
                for item in batch:
                    yield msgspec.convert(item, kind)


def operations(backend: LocalBackend, db_path: Path) -> Mapping[str, Handler]:
    """What the server does for a RemoteBackend."""

    def one(name: str) -> Handler:
        method = getattr(backend, name)
        return lambda args, _: _plain(method(**args))

    def many(name: str) -> Handler:
        method = getattr(backend, name)
        return lambda args, _: _batches(method(**args))

    async def apply(args: dict[str, Any], peer: Peer) -> Any:
        # In the loop: waiting in a thread of its own would double what a small change costs.
        given = args.get("changes") or ()
        if len(given) > _FEW:
            changes = await asyncio.get_running_loop().run_in_executor(None, changes_of, given, peer)
        else:
            changes = changes_of(given, peer)
        futures = [backend.submit_in_loop(change) for change in changes]
        answers: list[Any] = []
        for future in futures:
            try:
                answers.append(await future)  # encoded as it is: result_from_wire() reads it so
            except NsblastError as error:
                answers.append(error.to_wire())
        return answers

    async def create_zones(args: dict[str, Any], peer: Peer) -> Any:
        change = CreateZones(
            spool.read_zones(db_path, str(args.get("file"))),
            _actor(args, peer),
            str(args.get("address") or ""),
            args.get("time"),
        )
        outcomes = await backend.create_in_loop(change)
        number = next((each.number for each in outcomes if isinstance(each, Result)), 0)
        told = [
            (each.serial, None, each.names_changed) if isinstance(each, Result) else each.to_wire() for each in outcomes
        ]
        return {"number": number, "zones": told}

    def changes_of(given: Sequence[Any], peer: Peer) -> list[ChangeSet]:
        return [change_of(data, peer) for data in given]

    def change_of(data: Any, peer: Peer) -> ChangeSet:
        data = {**data, "actor": _actor(data, peer)}
        return change_from_wire(data, lambda name: spool.read(db_path, name))

    single = {name: one(name) for name in ("zone", "find_zone", "entry", "tenant_id")}
    lists = {name: many(name) for name in ("zones", "entries", "history")}
    return {**single, **lists, "apply": apply, "create_zones": create_zones, "ping": lambda _args, _peer: "pong"}


def _actor(data: dict[str, Any], peer: Peer) -> str:
    """Who asks is what the kernel says, unless root speaks for somebody."""
    return str(data["actor"]) if peer.uid == 0 and data.get("actor") else user_of(peer.uid)


def _batches(items: Iterator[Any]) -> Iterator[Any]:
    batch = []
    for item in items:
        batch.append(_plain(item))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


@lru_cache(64)
def user_of(uid: int) -> str:
    """Name of a user of this machine."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def whoami() -> str:
    """The actor of a change made by this process."""
    return user_of(os.geteuid())
