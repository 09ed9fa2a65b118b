"""The control process: owns the store, the shared segment's writing half and the control socket.

What comes before, up to "opened" (workers start then), is opening.py's. Here: listen on the control socket and for HTTP, "ready". It can die at any moment: workers go on, and its successor opens the store
and re-applies to the segment what was committed after head.done.
The admin API (app.py under uvicorn) runs in this same loop: it is started and stopped in run(), beside the control socket.
"""

import asyncio
import gc
import os
from typing import Any

from nsblast import __version__
from nsblast.access import settings_keys
from nsblast.access.login import Login
from nsblast.admin.app import make_app
from nsblast.admin.backups import BackupService
from nsblast.admin.calls import Site
from nsblast.admin.events import Events
from nsblast.admin.here import Here
from nsblast.admin.listen import Listening
from nsblast.admin.numbers import Numbers
from nsblast.admin.opened import Opened
from nsblast.admin.routes_metrics import watch
from nsblast.admin.status import Told, status_of
from nsblast.admin.transfers import PART, Transfers
from nsblast.backend import keys
from nsblast.backend.remote import operations, user_of
from nsblast.control import Peer, Server
from nsblast.errors import NotRunning, NsblastError, SettingsError, TimedOut, UsageError, from_wire
from nsblast.logs import log, setup
from nsblast.settings import Settings
from nsblast.store.reader import StoreReader

_DRAIN_PAUSE = 0.005  # between two looks at the rings: misses come in bursts
_ASK_WITHIN = 10.0
_COLLECT = (20_000, 20, 50)
"""gc.set_threshold: requests leave no garbage in rings, and 32 of them at once are some thousand objects."""


def _settle() -> None:
    """What was made until now stays, accounts above all: no search for garbage need look at it, nor at each few requests under way."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT)


class Control:
    """The process's one object."""

    def __init__(self, opened: Opened) -> None:
        self._life = opened.life
        self.settings = opened.life.settings
        self._sockets = opened.sockets
        self._end = opened.end
        self._first = opened.first
        self.segment = opened.segment
        self.store = opened.store
        self._questions: dict[int, asyncio.Future[None]] = {}
        self._asked = 0
        self._taking: set[asyncio.Task[None]] = set()
        self._told = Told(os.getppid())
        self.site: Site | None = None
        self._here: Here | None = None

    async def run(self) -> None:
        """From the open store to stopped."""
        life, sockets = self._life, self._sockets
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self.store.make_accounts, self.settings)
        try:
            await self._take_keys()
        except SettingsError as error:
            if self._first:
                raise
            log().error("keys of files not taken", reason=error.message)  # whoever serves goes on with those it has
        loop.add_reader(life.channel.fileno(), self._news)
        loop.add_reader(life.ring_fd, self._ring)
        self.backups = BackupService(self.settings, self.store.database)
        self.transfers = Transfers(self.settings, self.store)
        await self.transfers.start(self.segment.done)
        operating = {
            **operations(self.store.backend, self.settings.db_path),
            **self.backups.operations(),
            **keys.operations(self.store.accounts),
            **self._own(),
            **self.transfers.operations(),
        }
        server = Server(self.settings.db_path, operating)
        await server.start()
        accounts = self.store.accounts
        self.site = Site(self.settings, self.store.backend, self._command, accounts, Login(accounts))
        self.site.parts["backups"] = self.backups
        self.site.parts["secondaries"] = self.transfers.secondaries
        self.site.parts["catalogs"] = self.transfers.catalogs
        self.site.parts[PART] = self.transfers
        events = self.site.parts["events"] = Events(StoreReader(self.store.database), self.segment.done)
        self.store.listen(events.tell)
        events.wake(self.segment.done)
        schedule = loop.create_task(self.backups.run())
        meters = watch(self.site, Numbers(self.segment, self.store, self._told))
        self.store.observe(meters.commit)
        self.backups.observe = meters.backup
        self.transfers.watch(meters)
        api = Listening(make_app(self.site), self.settings, sockets) if sockets else None
        if api is not None:
            await api.start()
        _settle()
        life.channel.send(state="ready")
        log().info("ready", version=__version__, position=self.segment.done)
        await self._end.wait()
        schedule.cancel()
        events.close()
        if api is not None:
            await api.stop()
        await self.transfers.close()
        await server.stop()
        await loop.run_in_executor(None, self.store.close)
        self.segment.close()
        log().info("stopped")

    # -- workers

    def _ring(self) -> None:
        """Workers had misses: cache what they looked for, a little later and all at once."""
        loop = asyncio.get_running_loop()
        try:
            os.eventfd_read(self._life.ring_fd)
        except BlockingIOError:
            return
        loop.remove_reader(self._life.ring_fd)
        task = loop.create_task(self._drain())
        task.add_done_callback(lambda _: loop.add_reader(self._life.ring_fd, self._ring))

    async def _drain(self) -> None:
        await asyncio.sleep(_DRAIN_PAUSE)
        try:
            await asyncio.get_running_loop().run_in_executor(None, self.store.cache_misses)
        except NsblastError as error:
            log().error("misses cannot be cached", reason=error.message)

    # -- the supervisor

    def _news(self) -> None:
        channel = self._life.channel
        channel.hear(self._end.set, settings=self._new_settings, children=self._told.take, answer=self._answered)

    def _new_settings(self, message: dict[str, Any]) -> None:
        task = asyncio.get_running_loop().create_task(self._take_over(message))
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)

    def _answered(self, message: dict[str, Any]) -> None:
        question = self._questions.pop(message["answer"], None)
        if question is not None and not question.done():
            failed = message.get("failed")
            if failed:
                question.set_exception(from_wire(failed))
            else:
                question.set_result(None)

    async def _take_over(self, message: dict[str, Any]) -> None:
        failed = None
        try:
            self._adjust(Settings(**message["settings"]))
            await self._take_keys()
        except NsblastError as error:
            log().error("settings not taken over", reason=error.message)
            failed = error.to_wire()
        self._life.channel.send(done=message["n"], refused=failed)

    async def _take_keys(self) -> None:
        """Keys of files that the settings name; SettingsError."""
        files = self.settings.key_files
        await asyncio.get_running_loop().run_in_executor(None, settings_keys.take, self.store.accounts, files)

    def _adjust(self, settings: Settings) -> None:
        self.settings = settings
        if self.site is not None:
            self.site.settings = settings
        setup(settings, self._life.name)
        log().debug("settings in force", log_level=settings.log_level, query_log_mode=settings.query_log_mode)
        self.store.adjust(settings)
        self.backups.adjust(settings)
        self.transfers.adjust(settings)

    async def _ask(self, what: str, **more: Any) -> None:
        """Ask the supervisor for something and wait until it is done."""
        self._asked += 1
        number = self._asked
        question = self._questions[number] = asyncio.get_running_loop().create_future()
        self._life.channel.send(ask=what, n=number, **more)
        try:
            await asyncio.wait_for(question, _ASK_WITHIN)
        except TimeoutError:
            raise TimedOut(f"the supervisor did not {what} in time") from None
        finally:
            self._questions.pop(number, None)

    # -- operations beside the data's

    def _own(self) -> dict[str, Any]:
        return {
            "ping": self._ping,
            "status": self._status,
            "set": self._set,
            "reload": self._reload,
            "stop": self._stop,
            "api": self._api,
        }

    async def _api(self, args: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """The admin API, asked over the control socket."""
        if self.site is None:
            raise NotRunning("the server is starting: its accounts are not there yet")
        if self._here is None:
            self._here = Here(self.site)
        # Who asks is what the kernel says, unless root speaks for somebody.
        who = args.get("actor") if peer.uid == 0 else None
        return await self._here.ask(who or user_of(peer.uid), args["method"], args["target"], args["body"])

    async def _command(self, op: str, **args: Any) -> Any:
        """The same, for endpoints of the admin API."""
        return await self._own()[op](args, Peer(os.getpid(), os.geteuid()))

    async def _ping(self, _: dict[str, Any], __: Peer) -> bool:
        """For who only wants to know whether somebody is there."""
        return True

    async def _status(self, _: dict[str, Any], __: Peer) -> dict[str, Any]:
        return status_of(self.settings, self.segment, self.store, self._told, self.transfers.secondaries.number)

    async def _set(self, args: dict[str, Any], _: Peer) -> None:
        """Switch settings until the next start: {"changes": {"log_level": "debug", …}}."""
        changes = args.get("changes")
        if not isinstance(changes, dict) or not changes:
            raise UsageError("set wants a map of settings and values")
        await self._ask("set", changes=changes)

    async def _reload(self, _: dict[str, Any], __: Peer) -> None:
        await self._ask("reload")

    async def _stop(self, _: dict[str, Any], __: Peer) -> None:
        await self._ask("stop")
