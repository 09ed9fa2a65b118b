"""What the running server has to do with other name servers, made and ended in one place: telling secondaries, keeping secondary zones, catalogs, updates and NOTIFYs that workers relay.

Owns: who is made of what, the operations of the control socket about transfers. Never: what they do (transfer/), HTTP.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from dns.opcode import Opcode

from nsblast.backend.remote import user_of
from nsblast.backend.store import OpenStore
from nsblast.control import AsyncHandler, Peer
from nsblast.errors import NotFound, UsageError
from nsblast.metrics import Meters
from nsblast.records.names import name_to_text
from nsblast.settings import Settings
from nsblast.store.reader import StoreReader
from nsblast.transfer.catalogs import Catalogs
from nsblast.transfer.hosts import Hosts
from nsblast.transfer.masters import Master
from nsblast.transfer.notify_in import NotifiesIn, shown
from nsblast.transfer.notify_out import Notifier
from nsblast.transfer.relayed import TRANSFERRED, Relayed
from nsblast.transfer.rules import Act, defaults_of
from nsblast.transfer.secondary import Secondaries
from nsblast.transfer.secondary_once import fetch_now, settle_declared
from nsblast.transfer.update import Updates
from nsblast.types import CommitNumber, Wire

PART = "transfers"
"""Where endpoints find it in Site.parts."""


class Transfers:
    """One, in control's loop."""

    def __init__(self, settings: Settings, store: OpenStore) -> None:
        self.settings = settings
        self._store = store
        self.hosts = Hosts(store.backend)
        self.notifier = Notifier(
            store.backend, StoreReader(store.database), store.accounts, self.hosts, settings, observe=self._notified
        )
        self.meters: Meters | None = None
        self.secondaries = Secondaries(
            store.backend, store.database, store.accounts.signing_key, self.hosts.resolve, settings
        )
        self.catalogs = Catalogs(store.backend, store.database, store.accounts)
        self.relayed = Relayed()
        self.updates = Updates(
            store.backend, store.accounts, self.defaults, md5=self.takes_md5, observe=self.counting("update")
        )
        self.relayed.on_opcode(Opcode.UPDATE, self.updates.serve)
        notified = NotifiesIn(
            store.backend,
            store.accounts,
            self.hosts,
            self.secondaries,
            self.defaults,
            md5=self.takes_md5,
            observe=self.counting("notify"),
        )
        self.relayed.on_opcode(Opcode.NOTIFY, notified.serve)
        self._running: list[asyncio.Task[None]] = []
        self._declaring: set[asyncio.Task[None]] = set()

    def defaults(self) -> dict[Act, tuple[str, ...]]:
        """Access rules of zones that have none of their own."""
        return defaults_of(self.settings)

    def takes_md5(self) -> bool:
        """Whether keys of HMAC-MD5 count."""
        return self.settings.tsig_md5

    def counting(self, kind: str) -> Callable[[int], None]:
        """For a server of messages: to be told each answer's code."""

        def count(rcode: int) -> None:
            if self.meters is not None:
                self.meters.message(kind, rcode)

        return count

    def _notified(self, what: str) -> None:
        if self.meters is not None:
            self.meters.notify(what)

    def watch(self, meters: Meters) -> None:
        """Count from now on."""
        self.meters = meters
        meters.watch_notifies(self.notifier.numbers)
        meters.watch_secondaries(self.secondaries.counts)
        self.secondaries.observe = meters.transfer_in

    async def start(self, shown: CommitNumber) -> None:
        """shown: the last commit that is visible."""
        self._store.listen(self.secondaries.heard)
        self._store.listen(self.notifier.tell)
        await self.notifier.start(shown)
        self._store.listen(self.catalogs.heard)
        loop = asyncio.get_running_loop()
        self._running = [loop.create_task(self.secondaries.run()), loop.create_task(self.catalogs.run(shown))]
        self._declare()

    def adjust(self, settings: Settings) -> None:
        """Take over settings that changed."""
        self.settings = settings
        self.notifier.adjust(settings)
        self.secondaries.adjust(settings)
        self._declare()

    def _declare(self) -> None:
        """Have the zones that the settings say are secondaries."""
        if self.settings.secondaries:
            task = asyncio.get_running_loop().create_task(settle_declared(self._store.backend, self.settings))
            self._declaring.add(task)
            task.add_done_callback(self._declaring.discard)

    async def close(self) -> None:
        """End what runs."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.notifier.close()

    # -- asked for by commands and endpoints

    def operations(self) -> dict[str, AsyncHandler]:
        """For the control socket."""
        return {
            **self.relayed.operations(),
            TRANSFERRED: self._transferred,
            "zone_status": _of_zone(self.status),
            "zone_notify": _of_zone(self.notify),
            "zone_transfer": self._transfer,
            "catalog": _of_zone(self.catalog),
        }

    async def status(self, apex: Wire) -> dict[str, Any]:
        """What is known of a zone and of those that have it from us. NotFound."""
        record = self._store.backend.zone(apex)
        if record is None:
            raise NotFound(f"there is no zone {name_to_text(apex)}")
        told: dict[str, Any] = {
            "zone": name_to_text(apex),
            "kind": record.kind.name.lower(),
            "serial": record.serial,
            "changed": record.changed,
            "names": record.names,
            "master": self.secondaries.status(apex),
            "secondaries": await self.notifier.status(apex),
        }
        return told

    async def catalog(self, apex: Wire) -> dict[str, Any]:
        """What is known of a catalog. NotFound."""
        told = self.catalogs.status(apex)
        if told is None:
            raise NotFound(f"{name_to_text(apex)} is no catalog")
        return told

    async def notify(self, apex: Wire) -> dict[str, Any]:
        """Tell a zone's secondaries now. NotFound."""
        targets = await self.notifier.notify(apex)
        record = self._store.backend.zone(apex)
        serial = record.serial if record is not None else 0
        told = [{"address": each.address, "port": each.port} for each in targets]
        return {"zone": name_to_text(apex), "serial": serial, "secondaries": told}

    async def _transfer(self, args: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """Fetch a zone now: {"apex", "masters": [[host, port, key], …], "force"}."""
        match args:
            case {"apex": bytes() as apex, "masters": list() as given, "force": bool() as force}:
                masters = [Master(str(host), int(port), str(key)) for host, port, key in given]
            case _:
                raise UsageError("zone_transfer wants apex, masters and force")
        actor = user_of(peer.uid)
        done = await fetch_now(self.secondaries, self._store.backend, apex, masters, actor=actor, force=force)
        return done.told()

    async def _transferred(self, args: dict[str, Any], _: Peer) -> None:
        """A worker's word."""
        items = args.get("items")
        for item in items if isinstance(items, list) else ():
            match item:
                case [bytes() as apex, bytes() as client, int() as serial, str() as kind] if len(client) in (4, 16):
                    self.notifier.transferred(apex, shown(client), serial, kind)
                case _:
                    raise UsageError("transferred wants items of apex, client, serial and kind")


def _of_zone(asked: Callable[[Wire], Awaitable[dict[str, Any]]]) -> AsyncHandler:
    async def handle(args: dict[str, Any], _: Peer) -> dict[str, Any]:
        apex = args.get("apex")
        if not isinstance(apex, bytes):
            raise UsageError("apex: the name of a zone is needed")
        return await asked(apex)

    return handle
