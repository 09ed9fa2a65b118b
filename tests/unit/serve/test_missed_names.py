"""Missed names: those of one pass are fetched together; under pressure only what is missed again is for control to cache."""

import os

from nsblast._core.engine import MISS, Engine
from nsblast._core.keys import owner_key
from nsblast._core.rrset import IS_APEX, IS_CUT, IS_OCCLUDED, pack_entry
from nsblast._core.segment import Segment
from nsblast._core.view import View
from nsblast.store.layout import suffixes
from tests.helpers.ask import query_for
from tests.unit.serve.conftest import wire

APEX = wire("example.")
SOA = (6, 300, [wire("ns.example.") + wire("h.example.") + bytes(20)])
SERVERS = 100
GLUE = {wire(f"ns{n}.sub.example."): bytes((192, 0, 2, n)) for n in range(SERVERS)}
ENTRIES = {
    APEX: pack_entry([SOA], apex_labels=1, flags=IS_APEX),
    wire("sub.example."): pack_entry([(2, 300, list(GLUE))], apex_labels=1, flags=IS_CUT),
    **{name: pack_entry([(1, 300, [address])], apex_labels=1, flags=IS_OCCLUDED) for name, address in GLUE.items()},
}
BY_KEY = {b"e" + owner_key(name, 1): blob for name, blob in ENTRIES.items()}


def apex_of(name: bytes) -> int | None:
    return 1 if APEX in suffixes(name) else None


def test_a_cold_referral_fetches_all_its_glue_in_one_go() -> None:
    engine = Engine(-1, udp_max=4096)
    asked: list[bytes] = []

    def get(key: bytes) -> bytes | None:
        asked.append(key)
        return BY_KEY.get(key)

    query = query_for("x.sub.example.", "A").to_wire()
    passes = 0
    while (answer := engine.answer(query, tcp=True)) == MISS:
        passes += 1
        kind, apex, name = engine.miss()
        engine.fill(kind, apex, name, name, ENTRIES.get(name, b""))
        engine.fill_wishes((apex_of, get, {}, b"e", 0))
    assert isinstance(answer, bytes)
    assert int.from_bytes(answer[10:12], "big") == SERVERS, "every name server's address is there"
    assert passes <= 4, "the name, the cut, then all glue together"
    assert len(asked) == len(set(asked)) <= SERVERS


def test_under_pressure_only_what_is_missed_again_is_for_control_to_cache() -> None:
    fd = View.create(2 << 20, 1)
    writer = Segment(fd, writer=True)
    engine = Engine(fd, worker=0)
    names = [wire(f"h{n}.example.") for n in range(60_000)]
    blob = pack_entry([(16, 300, [b"\xff" + bytes(255)])], apex_labels=1, flags=0)

    def ask(name: str) -> list[bytes]:
        assert engine.answer(query_for(name, "A").to_wire()) == MISS
        return writer.drain_misses()

    assert ask("first.example.") == [wire("first.example.")], "there is room: at once"
    for name in names:
        writer.warm(name, blob, make_room=True)
        if writer.stats()["pressure"]:
            break
    assert writer.stats()["pressure"]
    assert ask("second.example.") == [], "asked for once: it may never be asked for again"
    assert ask("second.example.") == [wire("second.example.")]
    assert engine.noted()
    assert not engine.noted()
    writer.close()
    os.close(fd)
