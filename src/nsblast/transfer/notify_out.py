"""Telling secondaries that zones changed: from commits to messages to what became of them.

Owns: which zones are to be told of and when (one that changes all the time is told of every `notify_delay` seconds), the loop's side
of notify_queue and notify_wire, how far all was told when the process ends. Never: what is sent to whom (notify_targets), HTTP.
Commits tell from their own thread: a list, and a wake-up when none told just before; zones are read in a thread, BATCH at a time; the loop sends at most TURN
messages before others have theirs. Everything else runs in the loop.
What was told is remembered across starts as one number in a file: the commit up to which every secondary was told or given up. At the
start zones that later commits changed are told of again, after a moment and BATCH by BATCH, so that a change just before a crash, or
one made while no server ran, is not left to the SOA's refresh timer. Without the file nothing is told at the start.
"""

import asyncio
import contextlib
import os
import random
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from nsblast.access.accounts import Accounts
from nsblast.access.records_v1 import TsigKey
from nsblast.backend.local import LocalBackend
from nsblast.errors import NotFound, NsblastError
from nsblast.logs import log
from nsblast.records.names import name_to_text
from nsblast.settings import Settings
from nsblast.store.commit import Event
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import What, ZoneChange
from nsblast.transfer.hosts import Hosts
from nsblast.transfer.notify_queue import Job, Place, Queue, State, Timing
from nsblast.transfer.notify_seen import SeenOf
from nsblast.transfer.notify_targets import Ourselves, Plan, Target, defaults_of, may_sign, named, plan_of
from nsblast.transfer.notify_wire import Ports, UnderWay
from nsblast.types import CommitNumber, Wire

BATCH = 200
TURN = 64
LOOK = 0.02
FILE = "notified"
SAVE_EVERY = 5.0
START_AFTER = (0.5, 2.0)
"""Seconds after the start within which what was not told before is."""
START_PAUSE = 0.05
_LOG_EVERY = 10.0


class Notifier:
    """Of the control process. tell() from any thread, everything else in its loop."""

    def __init__(
        self,
        backend: LocalBackend,
        reader: StoreReader,
        accounts: Accounts,
        hosts: Hosts,
        settings: Settings,
        *,
        observe: Callable[[str], None] = lambda _: None,
    ) -> None:
        """observe: told "sent", "answered", "refused" or "failed" for each message, or secondary given up."""
        self._backend = backend
        self._reader = reader
        self._accounts = accounts
        self._hosts = hosts
        self._loop = asyncio.get_running_loop()
        self.observe = observe
        self.seen = SeenOf()
        self._told: deque[tuple[CommitNumber, ZoneChange]] = deque()
        self._dirty: dict[Wire, CommitNumber] = {}
        """Zones to be read, with the first commit of which nobody was told."""
        self._lately: OrderedDict[Wire, float] = OrderedDict()
        """Zones read lately, until when they are not again: that time goes up from first to last."""
        self._held: dict[Wire, CommitNumber] = {}
        """Of these, the ones that changed again."""
        self._outside: dict[Wire, dict[Wire, tuple[Plan, CommitNumber]]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._later: asyncio.TimerHandle | None = None
        self._pumping = False
        self._woken = False
        self._closed = False
        self._caught_up = False
        self._file = settings.db_path / FILE
        self._last: CommitNumber = 0
        self._saved: CommitNumber = 0
        self._complained = 0.0
        self._under_way = UnderWay()
        self._ports = Ports(settings.dns_endpoint, self._received, settings.transfer_source)
        self.adjust(settings)

    def adjust(self, settings: Settings) -> None:
        """Take over settings; what waits already goes by the old ones where it was timed."""
        timing = Timing(settings.notify_timeout, settings.notify_interval, settings.notify_tries)
        if not hasattr(self, "_queue"):
            self._queue = Queue(timing)
        self._queue.timing = timing
        self._delay = settings.notify_delay
        self._name_servers = settings.notify_ns
        self._defaults = defaults_of(settings)
        self._ours = Ourselves(settings)

    # -- from commits

    def tell(self, event: Event) -> None:
        """A commit is visible. Any thread."""
        self._told.extend((event.number, zone) for zone in event.zones)
        if not self._woken:
            self._woken = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
                self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        # One wake-up for all commits of a moment: while there are some this looks every LOOK seconds, and nobody wakes it.
        if self._told:
            self._loop.call_later(LOOK, self._take)
        else:
            self._woken = False
            if self._told:  # it came between the two
                self._woken = True
                self._loop.call_soon(self._take)
            return
        while self._told:
            number, zone = self._told.popleft()
            self._last = max(self._last, number)
            if zone.what is What.DELETED:
                self._forget(zone.apex)
            else:
                self._change(zone.apex, number)
        self._read()

    def _change(self, apex: Wire, number: CommitNumber) -> None:
        (self._held if apex in self._lately else self._dirty).setdefault(apex, number)

    def _forget(self, apex: Wire) -> None:
        self._dirty.pop(apex, None)
        self._held.pop(apex, None)
        zone = self._queue.zones.get(apex)
        for job in zone.jobs if zone is not None else ():
            self._under_way.drop(job)
        self._queue.forget(apex)
        self.seen.forget(apex)

    # -- reading zones

    def _read(self) -> None:
        if self._reading is None and (self._dirty or self._held) and not self._closed:
            self._reading = self._loop.create_task(self._read_all())
            self._reading.add_done_callback(self._read_done)

    def _read_done(self, task: "asyncio.Task[None]") -> None:
        self._reading = None
        if not task.cancelled() and task.exception() is not None:
            log().error("zones cannot be read to be told of", reason=str(task.exception()))

    async def _read_all(self) -> None:
        while not self._closed:
            now = self._loop.time()
            self._release(now)
            batch = list(islice(self._dirty.items(), BATCH))
            if not batch:
                if self._held and self._later is None:
                    soonest = next(iter(self._lately.values()))
                    self._later = self._loop.call_at(max(soonest, now + LOOK), self._read_later)
                return
            for apex, _ in batch:
                del self._dirty[apex]
                self._lately.pop(apex, None)
                self._lately[apex] = now + self._delay
            plans = await self._loop.run_in_executor(None, self._plans, batch)
            for plan, number in plans:
                self._apply(plan, number, force=False)
            self._pump()

    def _release(self, now: float) -> None:
        """What was read long enough ago may be again. Each costs its own time, however many are not due."""
        while self._lately:
            apex, until = next(iter(self._lately.items()))
            if until > now:
                return
            del self._lately[apex]
            number = self._held.pop(apex, None)
            if number is not None:
                self._dirty[apex] = min(number, self._dirty.get(apex, number))

    def _read_later(self) -> None:
        self._later = None
        self._read()

    def _plans(self, batch: Iterable[tuple[Wire, CommitNumber]]) -> list[tuple[Plan, CommitNumber]]:
        """In a thread."""
        found = []
        for apex, number in batch:
            try:
                plan = self._plan(apex)
            except (NsblastError, ValueError) as error:
                log().error("a zone cannot be read to be told of", zone=name_to_text(apex), reason=str(error))
                continue
            if plan is not None:
                found.append((plan, number))
        return found

    def _plan(self, apex: Wire) -> Plan | None:
        return plan_of(
            self._backend, self._hosts, apex, self._defaults, self._ours.has, name_servers=self._name_servers
        )

    def _apply(self, plan: Plan, number: CommitNumber, *, force: bool) -> None:
        """Queue what a zone's secondaries do not know yet."""
        places = {(each.address, each.port) for each in plan.targets}
        outside = {name_to_text(name) for name in plan.outside}
        self._queue.keep(plan.apex, lambda each: (each.address, each.port) in places or each.name in outside)
        for target in plan.targets:
            self._want(plan, target, number, force)
        for name in plan.outside:
            waiting = self._outside.get(name)
            if waiting is not None:
                waiting[plan.apex] = plan, number
                continue
            self._outside[name] = {plan.apex: (plan, number)}
            self._task(self._find(name, plan.tenant, force))

    def _want(self, plan: Plan, target: Target, number: CommitNumber, force: bool) -> None:
        if force or not self._knows(plan, target):
            self._queue.want(plan, target, number)

    def _knows(self, plan: Plan, target: Target) -> bool:
        """Whether a secondary said that it knows of this version, or took it."""
        found = (self.seen.get(plan.apex, (target.address, port)) for port in (target.port, 0))
        return any(each is not None and each.acknowledged(plan.serial) for each in found)

    async def _find(self, name: Wire, tenant: str, force: bool) -> None:
        """Tell a host of the NS set of all zones that wait for its addresses."""
        found = named(name, await self._hosts.resolve_outside(name, tenant), self._ours.has)
        for plan, number in self._outside.pop(name, {}).values():
            known = {(each.address, each.port) for each in plan.targets}
            for target in found:
                if (target.address, target.port) not in known:
                    self._want(plan, target, number, force)
        self._pump()

    def _task(self, what: Any) -> None:
        task = self._loop.create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- sending

    def _pump(self) -> None:
        if not self._pumping and not self._closed:
            self._pumping = True
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        self._pumping = False
        if self._closed:
            return
        for job in self._queue.take(TURN, self._loop.time()):
            self._send_one(job)
        if self._queue.can_send:
            self._pump()
        self._set_timer()

    def _send_one(self, job: Job) -> None:
        key: TsigKey | None = None
        if job.target.tsig:
            key = self._accounts.tsig_key(job.target.tsig)
            if key is None or not key.active or not may_sign(job.zone.plan, key):
                self._complain("a secondary's key is missing", job, key=job.target.tsig)
                self.observe("failed")
                self._queue.end(job)
                return
        message = self._under_way.make(job, key)
        self.observe("sent")
        if not self._ports.send(message, job.where.place):
            self._complain("a notify cannot be sent", job)

    def _set_timer(self) -> None:
        due = self._queue.next_due
        if self._timer is not None:
            if due is not None and self._timer.when() <= due:
                return
            self._timer.cancel()
            self._timer = None
        if due is not None:
            self._timer = self._loop.call_at(due, self._time)

    def _time(self) -> None:
        self._timer = None
        for job in self._queue.due(self._loop.time()):
            self.observe("failed")
            self._complain("a secondary does not answer", job, tries=job.tries)
        self._pump()

    # -- what comes back

    def _received(self, packet: bytes, place: Place) -> None:
        found = self._under_way.match(packet, place)
        if found is None:
            return
        sent, rcode = found
        # The place as the job has it, equal and one for all zones: this is kept for each.
        self.seen.answered(sent.apex, sent.job.where.place, sent.serial, rcode, time.time())
        self.observe("refused" if rcode else "answered")
        if rcode:
            self._complain("a secondary refuses a notify", sent.job, rcode=rcode)
        self._queue.answered(sent.job)
        self._pump()

    def transferred(self, apex: Wire, address: str, serial: int, kind: str) -> None:
        """A transfer of ours to an address ended well: it needs no NOTIFY of that serial any more, and it lives."""
        self.seen.took(apex, address, serial, kind, time.time())
        zone = self._queue.zones.get(apex)
        for job in list(zone.jobs) if zone is not None else ():
            if job.where.place[0] == address and serial == job.zone.plan.serial and job.state is not State.SENT:
                self._under_way.drop(job)
                self._queue.end(job)
        self._queue.heard_from(address)
        self._pump()

    def _complain(self, what: str, job: Job, **more: Any) -> None:
        """One line in ten seconds at most: a secondary that is down is so for all its zones. More: metrics, a zone's status."""
        now = time.monotonic()
        if now - self._complained >= _LOG_EVERY:
            self._complained = now
            address, port = job.where.place
            log().warning(what, zone=name_to_text(job.zone.plan.apex), secondary=f"{address}@{port}", **more)

    # -- asked by others

    async def notify(self, apex: Wire) -> list[Target]:
        """Tell all secondaries of a zone now, whatever they know; who they are, those with unknown addresses left out. NotFound."""
        plan = await self._loop.run_in_executor(None, self._plan, apex)
        if plan is None:
            raise NotFound(f"there is no zone {name_to_text(apex)} with contents")
        self._apply(plan, self._last, force=True)
        self._pump()
        return list(plan.targets) + [
            target for name in plan.outside for target in named(name, self._hosts.known(name), self._ours.has)
        ]

    async def status(self, apex: Wire) -> list[dict[str, Any]]:
        """What is known of each secondary of a zone."""
        plan = await self._loop.run_in_executor(None, self._plan, apex)
        if plan is None:
            return []
        targets = list(plan.targets)
        nowhere = []
        for name in plan.outside:
            found = named(name, self._hosts.known(name), self._ours.has)
            targets += [each for each in found if (each.address, each.port) not in {t[:2] for t in plan.targets}]
            if not self._hosts.known(name):
                nowhere.append({"address": None, "port": 53, "name": name_to_text(name), "state": "unresolved"})
        seen = self.seen.of(apex)
        told = [self._members(plan, each) for each in targets]
        addresses = {each.address for each in targets}
        for (address, port), each in seen.items():
            if port == 0 and address not in addresses:
                told.append(
                    {"address": address, "port": None, "source": "transfer", "state": "unknown", **each.members()}
                )
        return [{**_NOBODY, **each} for each in told + nowhere]

    def _members(self, plan: Plan, target: Target) -> dict[str, Any]:
        place = target.address, target.port
        acked = self.seen.get(plan.apex, place)
        taken = self.seen.get(plan.apex, (target.address, 0))
        zone = self._queue.zones.get(plan.apex)
        job = next((each for each in zone.jobs if each.where.place == place), None) if zone is not None else None
        known = self._knows(plan, target)
        state = "acknowledged" if known else "unknown"
        if job is not None:
            state = job.state.value
        elif not known and acked is not None and acked.rcode:
            state = "refused"
        wait = job.due - self._loop.time() if job is not None and job.state is State.RETRYING else None
        return {
            "address": target.address,
            "port": target.port,
            "tsig": target.tsig,
            "name": target.name,
            "source": "ns" if target.name else "configured",
            "state": state,
            "tries": job.tries if job is not None else 0,
            "next_try": round(time.time() + wait, 3) if wait is not None else None,
            "acknowledged": acked.members()["acknowledged"] if acked is not None else None,
            "transferred": taken.members()["transferred"] if taken is not None else None,
        }

    def numbers(self) -> dict[str, int]:
        """For metrics: NOTIFYs that wait or are under way, destinations, those of them that do not answer."""
        places = self._queue.places.values()
        return {
            "jobs": self._queue.jobs,
            "destinations": len(places),
            "silent": sum(each.silent for each in places),
            "dropped": self._queue.dropped,
        }

    # -- start and end

    async def start(self, shown: CommitNumber) -> None:
        """Send from now on; shown: the last commit that is visible."""
        await self._ports.open()
        self._last = max(self._last, shown)
        self._task(self._keep_place(shown))

    async def _keep_place(self, shown: CommitNumber) -> None:
        told = await self._loop.run_in_executor(None, _number_in, self._file)
        self._saved = told if told is not None else -1
        if told is not None and told < shown:
            await asyncio.sleep(random.uniform(*START_AFTER))
            apexes = await self._loop.run_in_executor(None, self._changed, told, shown)
            waiting = list(apexes.items())
            for at in range(0, len(waiting), BATCH):
                for apex, number in waiting[at : at + BATCH]:
                    self._change(apex, number)
                self._read()
                await asyncio.sleep(START_PAUSE)
        self._caught_up = True
        while True:
            await self._save()
            await asyncio.sleep(SAVE_EVERY)

    def _changed(self, after: CommitNumber, last: CommitNumber) -> dict[Wire, CommitNumber]:
        """Zones that commits after a number changed, each with the first of them. In a thread."""
        found: dict[Wire, CommitNumber] = {}
        for number, record in self._reader.changes(after):
            if number > last:
                break
            for zone in record.zones:
                if zone.what is What.DELETED:
                    found.pop(zone.apex, None)
                else:
                    found.setdefault(zone.apex, number)
        return found

    async def _save(self) -> None:
        unfinished = [*self._queue.unfinished(), *self._dirty.values(), *self._held.values()]
        unfinished += [number for waiting in self._outside.values() for _, number in waiting.values()]
        number = min([each - 1 for each in unfinished] + [self._last])
        if self._caught_up and number != self._saved:
            try:
                await self._loop.run_in_executor(None, _write, self._file, number)
                self._saved = number
            except OSError as error:
                log().error("cannot remember what was told to secondaries", reason=str(error))

    async def close(self) -> None:
        """Send no more."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        for timer in (self._timer, self._later):
            if timer is not None:
                timer.cancel()
        if self._reading is not None:
            with contextlib.suppress(Exception):
                await self._reading
        await self._save()
        self._ports.close()


_NOBODY: dict[str, Any] = {
    "address": None, "port": None, "tsig": "", "name": "", "source": "ns", "state": "unknown", "tries": 0,
    "next_try": None, "acknowledged": None, "transferred": None,
}  # fmt: skip


def _number_in(file: Path) -> CommitNumber | None:
    try:
        text = file.read_text().strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _write(file: Path, number: CommitNumber) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{number}\n")
    os.replace(fresh, file)
