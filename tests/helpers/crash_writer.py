"""Changes a database without end and says what was acknowledged, until somebody kills it or what it speaks with.

`python -m tests.helpers.crash_writer FOLDER FIRST`: one thread adds records to count.example., one replaces small.example.
and every so often large.example. whole, each time with the same number at every name. Before each change it writes
"begin KIND NUMBER", after its acknowledgement "done KIND NUMBER", one line in one write.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from nsblast.backend import Backend
from nsblast.backend.opening import connect
from nsblast.errors import NsblastError
from nsblast.records import from_text, name_from_text
from nsblast.settings import Settings
from nsblast.types import Rr, Wire
from nsblast.zones.build import entries_of
from nsblast.zones.model import AppendRRs, ChangeSet, ReplaceZone, RRset

SMALL, LARGE = 40, 5200  # names; the large one is ingested as files
LARGE_EVERY = 12
NS, SOA, TXT = 2, 6, 16
COUNT, SMALL_ZONE, LARGE_ZONE = (
    name_from_text(name) for name in ("count.example.", "small.example.", "large.example.")
)


def say(what: str, kind: str, number: int) -> None:
    """One line; a single write is never cut in two."""
    os.write(1, f"{what} {kind} {number}\n".encode())


def zone_of(apex: Wire, names: int, number: int) -> Iterator[Rr]:
    """A zone in which every name holds the same number."""
    yield apex, SOA, 60, from_text(SOA, f"ns.example. h.example. {number} 2 3 4 5")
    yield apex, NS, 60, from_text(NS, "ns.example.")
    for name in range(names):
        label = f"n{name}".encode()
        yield bytes((len(label),)) + label + apex, TXT, 60, from_text(TXT, f'"{number}"')


def replace(backend: Backend, apex: Wire, names: int, number: int) -> None:
    """Make the zone hold this number everywhere."""
    backend.apply(ChangeSet(apex, (ReplaceZone(list(entries_of(apex, zone_of(apex, names, number)))),)))


def add(backend: Backend, number: int) -> None:
    """One more record, at a name of its own for every ten."""
    label = f"c{number // 10}".encode()
    owner = bytes((len(label),)) + label + COUNT
    rrset = RRset(TXT, 60, (from_text(TXT, f'"{number}"'),))
    backend.apply(ChangeSet(COUNT, (AppendRRs(owner, (rrset,)),)))


def loop(kind: str, first: int, change: Callable[[int], str]) -> None:
    """Change after change, until the other side is gone."""
    for number in count(first):
        say("begin", kind, number)
        try:
            kinds = change(number)
        except NsblastError as error:
            os.write(2, f"{error.message}\n".encode())
            return
        say("done", kinds, number)


def main(folder: Path, first: int) -> None:
    """See the head of this file."""
    settings = Settings(db_path=folder)
    adding = connect(settings, "crash test", create=True)
    replacing = connect(settings, "crash test") if adding.running else adding
    if adding.zone(COUNT) is None:
        replace(adding, COUNT, 0, 1)

    def one_more(number: int) -> str:
        add(adding, number)
        return "add"

    def all_new(number: int) -> str:
        replace(replacing, SMALL_ZONE, SMALL, number)
        say("done", "small", number)
        if (number - first) % LARGE_EVERY == 0:
            say("begin", "large", number)
            replace(replacing, LARGE_ZONE, LARGE, number)
            return "large"
        return "small"

    other = threading.Thread(target=loop, args=("small", first, all_new))
    other.start()
    loop("add", first, one_more)
    other.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
