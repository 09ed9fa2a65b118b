"""Change-sets and results over the control socket: nothing is lost, nothing foreign is taken."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsblast.backend.wire import change_from_wire, change_to_wire, result_from_wire
from nsblast.errors import InputError
from nsblast.store.values_v1 import ZoneKind
from nsblast.zones.model import (
    AppendRRs,
    ChangeSet,
    ConfigureZone,
    CreateZone,
    DeleteName,
    DeleteRRs,
    DeleteTypes,
    DeleteZone,
    Diff,
    Expect,
    MergeRRsets,
    PutName,
    ReplaceZone,
    Result,
    RRset,
)

names = st.binary(min_size=1, max_size=20)
texts = st.text(max_size=10)
number = st.integers(0, 2**32 - 1)
rrsets = st.lists(
    st.builds(RRset, st.integers(0, 65535), number, st.lists(st.binary(max_size=20), max_size=3).map(tuple)), max_size=3
).map(tuple)
expect = st.sampled_from(Expect)
settings = st.dictionaries(texts, st.one_of(texts, number, st.lists(texts, max_size=2)), max_size=2)
kinds = st.sampled_from(ZoneKind)
ops = st.one_of(
    st.builds(CreateZone, kinds, texts, settings),
    st.builds(DeleteZone),
    st.builds(ConfigureZone, st.none() | kinds, st.none() | texts, st.none() | settings),
    st.builds(PutName, names, rrsets, expect),
    st.builds(MergeRRsets, names, rrsets, expect),
    st.builds(AppendRRs, names, rrsets, expect),
    st.builds(DeleteRRs, names, rrsets),
    st.builds(DeleteTypes, names, st.lists(st.integers(0, 65535), max_size=3).map(tuple), expect),
    st.builds(DeleteName, names, expect),
)
changes = st.builds(
    ChangeSet,
    names,
    st.lists(ops, max_size=4).map(tuple),
    texts,
    texts,
    texts,
    st.none() | st.floats(0, 2e9),
    st.booleans(),
)
rrs = st.lists(st.tuples(names, st.integers(0, 65535), number, st.binary(max_size=9)), max_size=3).map(tuple)
results = st.builds(
    Result, names, number, st.none() | number, st.none() | number, st.none() | st.builds(Diff, rrs, rrs), number
)


def over_the_wire(value: Any) -> Any:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(value))


def no_spool(_: object) -> Any:
    raise AssertionError("nothing is to be spooled")


@given(changes)
def test_change_set_comes_back_as_it_went(change: ChangeSet) -> None:
    assert change_from_wire(over_the_wire(change_to_wire(change, no_spool)), no_spool) == change


@given(results)
def test_result_comes_back_as_it_went(result: Result) -> None:
    assert result_from_wire(over_the_wire(result)) == result


def test_contents_of_a_replacement_go_beside_the_wire() -> None:
    kept: dict[str, list[tuple[bytes, bytes]]] = {}

    def spool(entries: Iterable[tuple[bytes, bytes]]) -> str:
        kept["name"] = list(entries)
        return "name"

    op = ReplaceZone(iter([(b"k", b"v")]), create=False, keep_serial=True, kind=ZoneKind.SECONDARY, tenant="t")
    sent = over_the_wire(change_to_wire(ChangeSet(b"\0", (op,)), spool))
    assert kept == {"name": [(b"k", b"v")]}
    (got,) = change_from_wire(sent, lambda name: kept[name]).ops
    assert got == ReplaceZone([(b"k", b"v")], create=False, keep_serial=True, kind=ZoneKind.SECONDARY, tenant="t")


@pytest.mark.parametrize(
    "spoil",
    [
        {"ops": [{"op": "Exec"}]},
        {"ops": [{"owner": b"x"}]},
        {"ops": [{"op": "PutName", "owner": "text", "rrsets": []}]},
        {"ops": [{"op": "PutName", "owner": b"x", "rrsets": [[1, 2]]}]},
        {"ops": [{"op": "PutName", "owner": b"x", "rrsets": [], "expect": "perhaps"}]},
        {"ops": 5},
        {"apex": 5},
        {"dry_run": "yes"},
    ],
)
def test_what_is_no_change_set_is_refused(spoil: dict[str, Any]) -> None:
    good = change_to_wire(ChangeSet(b"\0", ()), no_spool)
    with pytest.raises(InputError, match="not a change-set"):
        change_from_wire({**good, **spoil}, no_spool)


def test_guard_cannot_cross() -> None:
    with pytest.raises(ValueError, match="guard"):
        change_to_wire(ChangeSet(b"\0", (), guard=lambda _: None), no_spool)
