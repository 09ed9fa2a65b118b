"""What a run of the comparison has at hand: options, the folder, and servers that stay up between pieces with the same zones.

Starting a rival on ten million names takes half a minute: so servers are stopped only when other zones are wanted.
"""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perf_compare.servers import SERVERS, Server
from perf_compare.servers.common import Choice
from perf_compare.workloads import Workload, count_of, workload


@dataclass(frozen=True)
class Options:
    """How long and how often."""

    rounds: int = 5
    seconds: float = 2.0
    warm: float = 1.0
    cache: str = "2GiB"
    latency: bool = True
    questions: int = 500_000
    """At least so many in a file."""
    servers: tuple[str, ...] = ()
    """Instead of those a piece is planned with."""


def say(text: str) -> None:
    """Progress, for people."""
    print(text, file=sys.stderr, flush=True)


class Stage:
    """See the head."""

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder = folder
        self.options = options
        self._place = Path(tempfile.mkdtemp(prefix="servers-", dir=folder))
        self._up: dict[Choice, Server] = {}
        self._key = ""

    def workload(self, name: str, size: int) -> Workload:
        """Made in the folder where it is not there yet."""
        return workload(name, self.folder / "zones", size, count_of(size, self.options.questions))

    def choices(self, planned: tuple[str, ...], *, cache: str = "", workers: int = 1, cpus: str = "0") -> list[Choice]:
        """The planned servers, or those the options name."""
        names = self.options.servers or planned
        return [Choice(name, workers, cpus, cache or self.options.cache) for name in names]

    def new(self, choice: Choice) -> Server:
        """A server that is not started, and whose end is the caller's business."""
        return SERVERS[choice.server](Path(tempfile.mkdtemp(dir=self._place)), choice)

    def servers(self, work: Workload, choices: list[Choice]) -> list[Server]:
        """All of them up with the workload's zones; others of other zones, or that are not wanted, are stopped."""
        if work.key != self._key:
            self.stop()
            self._key = work.key
        for choice in [one for one in self._up if one not in choices and one.server == "nsblast"]:
            self._up.pop(choice).stop()
        for choice in choices:
            if choice not in self._up:
                server = self.new(choice)
                self._up[choice] = server
                server.start(work)
                say(
                    f"  {server.label}: loaded in {server.load_seconds:.2f} s, answers after {server.start_seconds:.2f} s"
                )
        return [self._up[choice] for choice in choices]

    def stop(self) -> None:
        """Stop all servers."""
        for server in self._up.values():
            server.stop()
            shutil.rmtree(server.folder.parent, ignore_errors=True)
        self._up.clear()

    def close(self) -> None:
        """Stop all and remove what they wrote."""
        self.stop()
        with contextlib.suppress(OSError):
            shutil.rmtree(self._place)


@contextlib.contextmanager
def alone(stage: Stage, choice: Choice) -> Iterator[Server]:
    """A server of one's own, prepared and started by the caller, stopped and its folder removed at the end."""
    server = stage.new(choice)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder.parent, ignore_errors=True)
