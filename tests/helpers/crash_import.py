"""Makes groups of new zones without end and says which are acknowledged, until somebody kills it or what it speaks with.

`python -m tests.helpers.crash_import FOLDER FIRST`: before each group it writes "begin NUMBER", after it "done NUMBER".
"""

import os
import sys
from itertools import count
from pathlib import Path

from nsblast.backend.opening import connect
from nsblast.errors import NsblastError
from nsblast.records import from_text, name_from_text, name_to_text
from nsblast.settings import Settings
from nsblast.types import Rr, Wire
from nsblast.zones.build import entries_of
from nsblast.zones.model import CreateZones, NewZone, Result

GROUP = 150
NS, SOA, TXT = 2, 6, 16


def apex_of(number: int, place: int) -> str:
    """A zone of a group."""
    return f"z{place}.g{number}.example."


def names_of(apex: Wire) -> tuple[int, int]:
    """(group, place) of such a zone."""
    place, group, _, _ = name_to_text(apex).split(".")
    return int(group[1:]), int(place[1:])


def zone_of(number: int, place: int) -> NewZone:
    """Every name of it holds the group's number."""
    apex = name_from_text(apex_of(number, place))
    rrs: list[Rr] = [
        (apex, SOA, 60, from_text(SOA, "ns.example. h.example. 1 2 3 4 5")),
        (apex, NS, 60, from_text(NS, "ns.example.")),
    ]
    rrs += [(bytes((2,)) + b"n%d" % name + apex, TXT, 60, from_text(TXT, f'"{number}"')) for name in range(2)]
    return NewZone(apex, "", "", list(entries_of(apex, rrs)))


def main(folder: Path, first: int) -> None:
    """See the head of this file."""
    backend = connect(Settings(db_path=folder), "crash test", create=True)
    for number in count(first):
        zones = [zone_of(number, place) for place in range(GROUP)]
        os.write(1, f"begin {number}\n".encode())
        try:
            results = backend.create_zones(CreateZones(zones))
        except NsblastError as error:
            os.write(2, f"{error.message}\n".encode())
            return
        assert all(isinstance(each, Result) for each in results), results
        os.write(1, f"done {number}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
