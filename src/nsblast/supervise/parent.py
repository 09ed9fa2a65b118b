"""The supervisor: starts control and workers, replaces what dies, stops and reloads in order.

It opens no store and answers no query, so nothing can make it fail; it has one thread, so it can fork at any time.
Before every child was ready once, a child's failure is the server's: everything stops and the reason is raised. After
that, a child that ends is replaced, at once the first time, with growing pauses while it does not live long.
"""

import contextlib
import os
import secrets
import selectors
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nsblast.claim import Claim
from nsblast.errors import NsblastError, StartError, TimedOut, UsageError, from_wire
from nsblast.logs import log, setup
from nsblast.process.channel import Channel, channel_pair
from nsblast.process.life import Life
from nsblast.process.places import listening
from nsblast.process.privileges import identity_of, prepare_folder, raise_limits
from nsblast.serve.sockets import check_free
from nsblast.settings import changes
from nsblast.settings_layers import Layers
from nsblast.supervise.child import fork
from nsblast.supervise.systemd import Notifier, inherited

Main = Callable[[Life], None]

_LONG_LIFE = 5.0  # a child that lived so long did not fail at start
_FIRST_PAUSE, _LAST_PAUSE = 0.1, 3.0
_PING_EVERY, _PONG_WITHIN = 5.0, 60.0
_SETTLE_WITHIN = 5.0  # children take new settings within this


@dataclass
class Place:
    """One child's place, filled by one process after another."""

    name: str
    index: int  # of the worker; -1 = control
    main: Main
    pid: int = 0  # 0 = nobody there now
    channel: Channel | None = None
    state: str = "down"  # down, starting, opened, ready, stopping
    started: float = 0.0
    deaths: int = 0  # in a row, of children that did not live long
    restarts: int = 0
    due: float | None = None  # when the next one is to start
    failure: NsblastError | None = None
    heard: float = 0.0


@dataclass
class Change:
    """New settings on their way to the children."""

    waiting: set[str]
    deadline: float
    asker: Place | None
    number: int  # of the asker's question


@dataclass
class Supervisor:
    """One server. run() returns when it was stopped and raises what kept it from starting."""

    layers: Layers
    control_main: Main
    worker_main: Main
    make_segment: Callable[[int, int], int]  # (cache size, workers) -> descriptor
    forget_worker: Callable[[int, int, int], None]  # (descriptor, index, pid) of one that has ended
    prepare: Callable[[], None] = lambda: None
    """Called once all serve: reads what a replacement of control will want, which then starts at once, whatever became of the files."""
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        loaded = self.layers.load()
        self._settings = loaded.settings
        setup(self._settings, "supervisor")
        settings = self._settings
        self._notifier = Notifier(self.environ)
        self._sockets = inherited(self.environ)
        self._identity = identity_of(loaded)
        raise_limits(settings)
        prepare_folder(settings.db_path, self._identity)
        claim = Claim(settings.db_path, "a server")
        try:
            if not self._sockets:
                check_free(settings)
            self._make_shared()
            self._serve()
        finally:
            claim.release()

    # -- shared things

    def _make_shared(self) -> None:
        count = self._settings.worker_count
        try:
            self._segment_fd = self.make_segment(self._settings.cache_size, count)
        except (OSError, MemoryError, ValueError) as error:
            raise StartError(f"cannot make the shared cache of {self._settings.cache_size} octets: {error}") from None
        flags = os.EFD_NONBLOCK | os.EFD_CLOEXEC
        self._wake_fds = [os.eventfd(0, flags) for _ in range(count)]
        self._ring_fd = os.eventfd(0, flags)
        self._cookie_secret = secrets.token_bytes(16)
        self._control = Place("control", -1, self.control_main)
        self._workers = [Place(f"worker {n}", n, self.worker_main) for n in range(count)]
        self._places = [self._control, *self._workers]
        self._phase = "starting"
        self._change_number = 0
        self._changes: dict[int, Change] = {}
        self._pinged = 0.0
        self._stop_deadline = 0.0
        self._began = time.monotonic()

    # -- the loop

    def _serve(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wakeup, theirs = socket.socketpair()
        self._wakeup.setblocking(False)
        theirs.setblocking(False)
        self._selector.register(self._wakeup, selectors.EVENT_READ, None)
        before = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
        old_wakeup = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        self._theirs = theirs
        log().info("starting", workers=len(self._workers), endpoints=self._settings.dns_endpoint, pid=os.getpid())
        try:
            self._start(self._control)
            while self._phase != "stopped":
                self._turn()
        finally:
            self._kill_all()
            signal.set_wakeup_fd(old_wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.close()
            self._wakeup.close()
            theirs.close()
        log().info("stopped")

    def _turn(self) -> None:
        """One round: wait for news, take them, then do what is due."""
        for key, _ in self._selector.select(self._pause()):
            if key.data is None:
                self._take_signals()
            else:
                self._take_messages(key.data)
        self._reap()
        self._start_due()
        self._settle_late_changes()
        self._ping()

    def _pause(self) -> float:
        """Seconds until something is due, at most one."""
        now = time.monotonic()
        times = [place.due for place in self._places if place.due is not None]
        times += [change.deadline for change in self._changes.values()]
        if self._phase == "stopping":
            times.append(self._stop_deadline)
        if self._notifier.watchdog:
            times.append(now + self._notifier.watchdog / 2)
        return max(0.0, min([now + 1.0, *times]) - now)

    def _take_signals(self) -> None:
        try:
            numbers = self._wakeup.recv(4096)
        except BlockingIOError:
            return
        for number in numbers:
            if number in (signal.SIGTERM, signal.SIGINT):
                if self._phase in ("stopping", "killing"):
                    log().warning("told to stop again: ending everything at once")
                    self._kill_all()
                else:
                    self._begin_stop()
            elif number == signal.SIGHUP and self._phase == "running":
                self._reload(None, 0)

    # -- children

    def _start(self, place: Place) -> None:
        ours, theirs = channel_pair()
        life = Life(
            name=place.name,
            index=place.index,
            settings=self._settings,
            channel=theirs,
            segment_fd=self._segment_fd,
            wake_fds=self._wake_fds,
            ring_fd=self._ring_fd,
            sockets=self._sockets,
            identity=self._identity,
            cookie_secret=self._cookie_secret,
        )
        parents_only = [self._selector, self._wakeup, self._theirs, ours]
        parents_only += [other.channel for other in self._places if other.channel is not None]
        place.pid = fork(place.main, life, parents_only)
        theirs.close()
        place.channel = ours
        place.state, place.due, place.failure = "starting", None, None
        place.started = place.heard = time.monotonic()
        self._selector.register(ours, selectors.EVENT_READ, place)
        log().debug("started", child=place.name, child_pid=place.pid)

    def _take_messages(self, place: Place) -> None:
        while place.channel is not None:
            try:
                message = place.channel.receive()
            except BlockingIOError:
                return
            if message is None:
                self._hang_up(place)
                return
            place.heard = time.monotonic()
            if "state" in message:
                self._state(place, str(message["state"]))
            elif "failed" in message:
                place.failure = from_wire(message["failed"])
            elif "done" in message:
                self._settled(place, int(message["done"]), message.get("refused"))
            elif "ask" in message:
                self._asked(place, message)

    def _state(self, place: Place, state: str) -> None:
        if place.state == "stopping":
            return
        place.state = state
        if place is self._control and state in ("opened", "ready") and self._phase == "starting":
            for worker in self._workers:
                if not worker.pid:
                    self._start(worker)
        if self._phase == "starting" and all(p.state == "ready" for p in self._places):
            self._phase = "running"
            took = time.monotonic() - self._began
            log().info("serving", on=listening(self._settings), workers=len(self._workers), took=round(took, 3))
            self._notifier.ready(f"serving with {len(self._workers)} workers")
            self._tell_control()
            self.prepare()
            return
        self._tell_control()

    def _hang_up(self, place: Place) -> None:
        if place.channel is not None:
            self._selector.unregister(place.channel)
            place.channel.close()
            place.channel = None

    def _reap(self) -> None:
        for place in self._places:
            if not place.pid:
                continue
            pid, status = os.waitpid(place.pid, os.WNOHANG)
            if pid:
                self._ended(place, status)

    def _ended(self, place: Place, status: int) -> None:
        if place.channel is not None:
            self._take_messages(place)  # its last words
            self._hang_up(place)
        lived = time.monotonic() - place.started
        was, place.pid, place.state = place.pid, 0, "down"
        for number in list(self._changes):
            self._settled(place, number)
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit code {os.WEXITSTATUS(status)}"
        if place is not self._control:
            # Control must not wait for the position of a worker that is no more.
            self.forget_worker(self._segment_fd, place.index, was)
        if self._phase == "stopping":
            self._stop_next()
            return
        if self._phase == "starting":
            raise place.failure or StartError(f"{place.name} ended at start: {how}")
        place.deaths = place.deaths + 1 if lived < _LONG_LIFE or place.failure else 1
        place.restarts += 1
        pause = 0.0 if place.deaths <= 1 else min(_FIRST_PAUSE * 2 ** min(place.deaths - 2, 16), _LAST_PAUSE)
        place.due = time.monotonic() + pause
        reason = place.failure.message if place.failure else how
        log().error("process ended, replacing it", child=place.name, child_pid=was, reason=reason, pause=pause)
        self._start_due()
        self._tell_control()

    def _start_due(self) -> None:
        now = time.monotonic()
        for place in self._places:
            if place.due is not None and place.due <= now and self._phase == "running":
                self._start(place)
        if self._phase == "stopping" and now >= self._stop_deadline:
            late = [p.name for p in self._places if p.pid and p.state == "stopping"]
            log().warning("not finished in time, ending it", children=late)
            for place in self._places:
                if place.pid and place.state == "stopping":
                    _kill(place.pid, signal.SIGKILL)
            self._stop_deadline = now + 5.0

    def _ping(self) -> None:
        """Beat for systemd; end children that are alive but do not answer."""
        now = time.monotonic()
        if self._notifier.watchdog and self._phase != "starting":
            self._notifier.beat()
        if self._phase != "running" or now - self._pinged < _PING_EVERY:
            return
        self._pinged = now
        for place in self._places:
            if place.channel is None or place.state != "ready":
                continue
            if now - place.heard > _PONG_WITHIN:
                log().error("process does not answer, ending it", child=place.name, child_pid=place.pid)
                _kill(place.pid, signal.SIGKILL)
            place.channel.send(ping=1)

    # -- settings

    def _asked(self, place: Place, message: dict[str, Any]) -> None:
        """Control passes on what its socket or API was asked."""
        ask, number = message["ask"], int(message.get("n", 0))
        if ask == "stop":
            self._answer(place, number, None)
            self._begin_stop()
        elif ask == "reload":
            self._reload(place, number)
        elif ask == "set":
            kept = dict(self.layers.running)
            self.layers.running.update(message.get("changes") or {})
            if not self._reload(place, number):
                self.layers.running = kept
        else:
            self._answer(place, number, UsageError(f"the supervisor knows no {ask!r}"))

    def _reload(self, asker: Place | None, number: int) -> bool:
        """Read the layers again and hand on what may change; whether they were in order."""
        self._notifier.reloading()
        try:
            new = self.layers.load().settings
            live, restart = changes(self._settings, new)
            settings = self._settings.model_copy(update=live)
            setup(settings, "supervisor")
        except NsblastError as error:
            log().error("settings not taken over", reason=error.message)
            self._notifier.ready("serving; the last reload failed")
            self._answer(asker, number, error)
            return False
        if restart:
            log().warning("these settings change with a restart only", settings=restart)
        self._settings = settings
        self._change_number += 1
        waiting = {place.name for place in self._places if place.pid}
        deadline = time.monotonic() + _SETTLE_WITHIN
        self._changes[self._change_number] = Change(waiting, deadline, asker, number)
        for place in self._places:
            if place.channel is not None:
                place.channel.send(settings=settings.model_dump(mode="json"), n=self._change_number)
        log().info("settings taken over", changed=sorted(live))
        self._notifier.ready(f"serving with {len(self._workers)} workers")
        return True

    def _settled(self, place: Place, number: int, failed: dict[str, Any] | None = None) -> None:
        change = self._changes.get(number)
        if change is None:
            return
        if failed:
            # Told at once, and the others' word is no longer waited for.
            del self._changes[number]
            self._answer(change.asker, change.number, from_wire(failed))
            return
        change.waiting.discard(place.name)
        if not change.waiting:
            del self._changes[number]
            self._answer(change.asker, change.number, None)

    def _settle_late_changes(self) -> None:
        now = time.monotonic()
        for number, change in list(self._changes.items()):
            if change.deadline <= now:
                del self._changes[number]
                late = ", ".join(sorted(change.waiting))
                self._answer(change.asker, change.number, TimedOut(f"not taken over in time by {late}"))

    def _answer(self, place: Place | None, number: int, error: NsblastError | None) -> None:
        if place is not None and place.channel is not None:
            place.channel.send(answer=number, failed=error.to_wire() if error else None)

    def _tell_control(self) -> None:
        """Control answers `status` for the whole server."""
        if self._control.channel is None:
            return
        children = [
            {
                "name": p.name,
                "index": p.index,
                "pid": p.pid,
                "state": p.state,
                "restarts": p.restarts,
                "started": p.started,
            }
            for p in self._places
        ]
        self._control.channel.send(children=children, phase=self._phase, pid=os.getpid(), since=self._began)

    # -- the end

    def _begin_stop(self) -> None:
        """Workers finish what is under way, then control, then we."""
        log().info("stopping")
        self._notifier.stopping()
        self._phase = "stopping"
        for place in self._places:
            place.due = None
        for worker in self._workers:
            self._tell_stop(worker)
        self._stop_deadline = time.monotonic() + self._settings.stop_timeout
        self._stop_next()

    def _tell_stop(self, place: Place) -> None:
        if place.pid:
            place.state = "stopping"
            _kill(place.pid, signal.SIGTERM)

    def _stop_next(self) -> None:
        if any(worker.pid for worker in self._workers):
            return
        if not self._control.pid:
            self._phase = "stopped"
        elif self._control.state != "stopping":
            self._tell_stop(self._control)
            self._stop_deadline = time.monotonic() + self._settings.stop_timeout

    def _kill_all(self) -> None:
        """Whatever still lives ends now and is waited for."""
        for place in self._places:
            if place.pid:
                _kill(place.pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(place.pid, 0)
                place.pid = 0
            self._hang_up(place)
        self._phase = "stopped"


_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
