"""Databases with very many small zones, made by nsblast's own bulk ways, and changes of all of them.

Owns: what the zones hold. Never: servers. Zone number n is `z<n>.test.`, seven digits, with SOA, NS and the address of `www`.
"""

import struct
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from nsblast._core.keys import owner_key
from nsblast._core.rrset import IS_APEX, pack_entry
from nsblast.backend import Backend
from nsblast.backend.local import LocalBackend
from nsblast.backend.store import open_for_command
from nsblast.errors import NsblastError
from nsblast.settings import Settings
from nsblast.store.values_v1 import ZoneKind
from nsblast.types import Wire
from nsblast.zones.model import ChangeSet, CreateZone, CreateZones, NewZone, PutName, Result, RRset

TEST = b"\x04test\0"
LABELS = 2
MADE_AT_ONCE = 8192
CHANGED_AT_ONCE = 1000
T = TypeVar("T")


def apex_of(number: int) -> Wire:
    """In wire form."""
    return b"\x08z%07d" % number + TEST


def name_of(number: int) -> str:
    """In presentation form."""
    return f"z{number:07d}.test."


def _new(number: int) -> NewZone:
    apex = apex_of(number)
    soa = b"\x02ns" + TEST + b"\x01h" + TEST + struct.pack("!5I", 1, 3600, 600, 86400, 60)
    top = [(6, 60, [soa]), (2, 60, [b"\x02ns" + TEST])]
    www = b"\x03www" + apex
    return NewZone(
        apex,
        "made",
        "",
        [
            (owner_key(apex, LABELS), pack_entry(top, apex_labels=LABELS, flags=IS_APEX)),
            (owner_key(www, LABELS), pack_entry([(1, 60, [b"\xc0\0\2\1"])], apex_labels=LABELS, flags=0)),
        ],
    )


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(items)
    while part := list(islice(left, size)):
        yield part


def _all_well(results: Iterable[Result | NsblastError]) -> None:
    for result in results:
        if isinstance(result, NsblastError):
            raise result


def make(backend: Backend, numbers: Iterable[int]) -> None:
    """These zones, as primaries with serial 1."""
    for part in _parts(numbers, MADE_AT_ONCE):
        _all_well(backend.create_zones(CreateZones([_new(number) for number in part], actor="test")))


def change(backend: Backend, numbers: Iterable[int], octet: int) -> None:
    """`www` of each gets another address, each zone's serial goes up by one."""
    for part in _parts(numbers, CHANGED_AT_ONCE):
        rrset = (RRset(1, 60, (bytes((192, 0, 2, octet)),)),)
        _all_well(
            backend.apply_many([ChangeSet(one, (PutName(b"\x03www" + one, rrset),)) for one in map(apex_of, part)])
        )


def follow(backend: LocalBackend, count: int, master: tuple[str, int]) -> None:
    """Secondary zones without contents, of one master."""
    setting: dict[str, Any] = {"hostname": master[0], "port": master[1], "refresh": 600, "tsig": "", "also": []}
    ops = (CreateZone(ZoneKind.SECONDARY, settings={"master": {**setting, "strategy": "ixfr"}}),)
    for part in _parts(range(count), MADE_AT_ONCE):
        for future in [backend.submit(ChangeSet(apex_of(number), ops)) for number in part]:
            future.result()


def stopped(db_path: Path) -> LocalBackend:
    """The database while no server runs; close() it."""
    return open_for_command(Settings(db_path=db_path), create=True)
