"""RFC 9432 5: what a catalog that is followed makes of the zones here."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from nsblast.errors import Conflict
from nsblast.records import name_from_text
from nsblast.store.values_v1 import ZoneKind
from nsblast.transfer.catalog_consumer import Following
from nsblast.transfer.catalogs import Catalogs
from nsblast.zones.model import ChangeSet, ConfigureZone, Result
from tests.helpers.catalogs import CATALOG, MASTER, OTHER, Place, catalogs

MEMBERS = int(os.environ.get("NSBLAST_TEST_MEMBERS", "2000"))
A = "a1.zones PTR a.test."
B = "b1.zones PTR B.Test."


@pytest.fixture
def place() -> Iterator[Place]:
    with catalogs() as opened:
        yield opened


def follow(place: Place, one: Following, *lines: str, **more: str | None) -> None:
    place.transferred(lines, **more)  # type: ignore[arg-type]
    one.bring_up()


def zones(place: Place) -> set[str]:
    from nsblast.records import name_to_text

    return {name_to_text(apex) for apex, _ in place.backend.zones()} - {CATALOG}


def test_5_1_members_are_secondaries_of_the_catalogs_master(place: Place) -> None:
    one = place.following()
    one.bring_up()
    assert one.state.state == "waiting"
    follow(place, one, A, B)
    assert (one.state.state, one.state.serial) == ("ok", 1)
    assert zones(place) == {"a.test.", "b.test."}
    record = place.record("a.test.")
    assert record is not None
    assert (record.kind, record.settings["master"]) == (ZoneKind.SECONDARY, MASTER)
    assert record.settings["from_catalog"] == {"catalog": CATALOG, "label": b"a1".hex(), "groups": []}


BROKEN = {
    "no version": ([A], None),
    "two versions": ([A, 'version TXT "2"'], '"1"'),
    "version 1": ([A], '"1"'),
    "version of two strings": ([A], '"2" "2"'),
    "a member node of two": ([A, "b1.zones PTR b.test.", "b1.zones PTR c.test."], '"2"'),
    "a member twice": ([A, "b1.zones PTR b.test.", "b2.zones PTR B.TEST."], '"2"'),
    "two coo": ([A, "a1.zones PTR a.test.", "coo.a1.zones PTR x.", "coo.a1.zones PTR y."], '"2"'),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_5_1_a_broken_catalog_is_followed_in_nothing(place: Place, kind: str) -> None:
    lines, version = BROKEN[kind]
    fresh = place.following()
    follow(place, fresh, *lines, version=version)
    assert fresh.state.state == "broken"
    assert fresh.state.problem
    assert zones(place) == set()
    follow(place, fresh, A, B)
    assert (fresh.state.state, fresh.state.problem) == ("ok", "")
    follow(place, fresh, *lines, version=version)
    assert fresh.state.state == "broken"
    assert zones(place) == {"a.test.", "b.test."}, "what is there stays until the catalog is mended"
    follow(place, fresh, B)
    assert zones(place) == {"b.test."}


def test_4_what_is_not_understood_is_passed_over(place: Place) -> None:
    one = place.following()
    follow(
        place,
        one,
        A,
        "x.ext TXT hello",
        "a1.zones TXT note",
        "odd.a1.zones TXT x",
        "only.b1.zones TXT x",
        "deep.er.zones PTR no.test.",
    )
    assert one.state.state == "ok"
    assert zones(place) == {"a.test."}


@pytest.mark.parametrize("restarted", [False, True])
def test_5_3_removed_members_go_and_nobody_elses_zones(place: Place, restarted: bool) -> None:
    one = place.following()
    place.zone("own.test.")
    follow(place, one, A, B, "o1.zones PTR own.test.")
    assert zones(place) == {"a.test.", "b.test.", "own.test."}
    assert [reason for _, reason in one.clashes.values()] == ["the zone is there already"]
    again = Following(place.backend, place.reader, place.accounts, name_from_text(CATALOG)) if restarted else one
    follow(place, again, B)
    assert zones(place) == {"b.test.", "own.test."}
    assert place.record("own.test.").kind is ZoneKind.PRIMARY  # type: ignore[union-attr]


def test_5_3_nobody_but_the_catalog_removes_a_member(place: Place) -> None:
    one = place.following()
    follow(place, one, A, B)
    with pytest.raises(Conflict, match=f"a.test. is a member of the catalog {CATALOG}"):
        place.drop("a.test.")
    follow(place, one, B)
    assert zones(place) == {"b.test."}
    place.set(CATALOG, catalog=None)
    place.drop("b.test.")
    assert zones(place) == set()


def test_5_2_a_clash_is_never_replaced_and_tried_again_when_it_is_gone(place: Place) -> None:
    one = place.following()
    place.zone("a.test.")
    follow(place, one, A)
    assert place.record("a.test.").kind is ZoneKind.PRIMARY  # type: ignore[union-attr]
    one.retry([name_from_text("a.test.")])
    assert list(one.clashes) == [name_from_text("a.test.")]
    place.drop("a.test.")
    one.retry([name_from_text("a.test.")])
    assert one.clashes == {}
    assert place.record("a.test.").kind is ZoneKind.SECONDARY  # type: ignore[union-attr]


def test_5_2_a_clash_that_goes_while_it_is_looked_at(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who hears that the zone went does not know of the clash yet, and does not have it looked at again."""
    one = place.following()
    place.zone("a.test.")
    judge = one._changes

    def changes(member: Any) -> Any:
        told = judge(member)
        if told[0]:
            place.drop("a.test.")
        return told

    monkeypatch.setattr(one, "_changes", changes)
    follow(place, one, A)
    assert one.clashes == {}
    assert place.record("a.test.").kind is ZoneKind.SECONDARY  # type: ignore[union-attr]


def test_5_2_a_clash_with_another_catalogs_member_is_no_migration(place: Place) -> None:
    one, two = place.following(), place.following("other.cat.")
    follow(place, one, A)
    place.transferred([A], "other.cat.")
    two.bring_up()
    assert place.settings("a.test.")["from_catalog"]["catalog"] == CATALOG
    assert "from the catalog cat.test." in next(iter(two.clashes.values()))[1]
    place.transferred([], "other.cat.")
    two.bring_up()
    assert place.record("a.test.") is not None


@pytest.mark.parametrize("restarted", [False, True])
def test_5_4_another_label_is_a_zone_made_anew(place: Place, restarted: bool) -> None:
    one = place.following()
    follow(place, one, A, B)
    before = place.record("a.test."), place.record("b.test.")
    again = Following(place.backend, place.reader, place.accounts, name_from_text(CATALOG)) if restarted else one
    follow(place, again, "a2.zones PTR a.test.", B)
    after = place.record("a.test."), place.record("b.test.")
    assert before[0].incarnation != after[0].incarnation  # type: ignore[union-attr]
    assert place.settings("a.test.")["from_catalog"]["label"] == b"a2".hex()
    assert before[1] == after[1]


@pytest.mark.parametrize("label", ["a1", "a9"])
@pytest.mark.parametrize("first", ["new", "old"])
def test_4_4_1_and_5_5_a_member_changes_its_catalog(place: Place, first: str, label: str) -> None:
    old, new = place.following(), place.following("new.cat.")
    follow(place, old, A)
    place.transferred([], "new.cat.")
    new.bring_up()
    before = place.record("a.test.")
    added = [f"{label}.zones PTR a.test."]
    if first == "new":
        place.transferred(added, "new.cat.")
        new.bring_up()
        assert place.settings("a.test.")["from_catalog"]["catalog"] == CATALOG
        follow(place, old, A, "coo.a1.zones PTR New.Cat.")
        assert old.leaving == {(name_from_text("new.cat."), name_from_text("a.test."))}
        new.retry([name_from_text("a.test.")])
    else:
        follow(place, old, A, "coo.a1.zones PTR New.Cat.")
        place.transferred(added, "new.cat.")
        new.bring_up()
    assert place.settings("a.test.")["from_catalog"]["catalog"] == "new.cat."
    same = place.record("a.test.").incarnation == before.incarnation  # type: ignore[union-attr]
    assert same is (label == "a1"), "the state stays when the label does (5.6)"
    follow(place, old)
    assert place.record("a.test.") is not None
    place.transferred([], "new.cat.")
    new.bring_up()
    assert place.record("a.test.") is None


def test_4_4_2_a_group_chooses_what_members_are_set_up_with(place: Place) -> None:
    signed = {"master": {"hostname": "192.0.2.9", "port": 5353, "tsig": "k."}, "access": {"transfer": ["any"]}}
    one = place.following(groups={"signed": signed}, template={"access": {"transfer": ["none"]}})
    follow(place, one, A, "group.a1.zones TXT signed", B, "group.b1.zones TXT nobody knows it")
    assert (place.settings("a.test.")["master"], place.settings("a.test.")["access"]) == (
        signed["master"],
        signed["access"],
    )
    assert (place.settings("b.test.")["master"], place.settings("b.test.")["access"]) == (
        MASTER,
        {"transfer": ["none"]},
    )
    before = place.record("a.test.").incarnation  # type: ignore[union-attr]
    follow(place, one, A, B)
    assert place.settings("a.test.")["master"] == MASTER
    assert place.record("a.test.").incarnation == before  # type: ignore[union-attr]


def test_another_template_reaches_the_members_there_are(place: Place) -> None:
    one = place.following()
    follow(place, one, A)
    place.set(CATALOG, master={**MASTER, "hostname": "192.0.2.77"})
    one.forget()
    one.bring_up()
    assert place.settings("a.test.")["master"]["hostname"] == "192.0.2.77"


def test_another_tenants_names_are_not_taken(place: Place) -> None:
    place.zone("theirs.test.")
    one = place.following(tenant=OTHER)
    follow(place, one, "a1.zones PTR www.theirs.test.", B)
    assert "another tenant" in next(iter(one.clashes.values()))[1]
    assert place.record("www.theirs.test.") is None
    assert place.record("b.test.").tenant == OTHER  # type: ignore[union-attr]


@pytest.mark.parametrize("label", ["a1", "another"], ids=["same label", "another label"])
def test_what_another_tenants_catalog_of_the_name_made_stays_that_tenants(place: Place, label: str) -> None:
    follow(place, place.following(), A)
    before = place.record("a.test.")
    place.drop(CATALOG)
    two = place.following(tenant=OTHER, template={"master": {**MASTER, "hostname": "192.0.2.66"}})
    follow(place, two, f"{label}.zones PTR a.test.")
    assert place.record("a.test.") == before
    assert "there already" in two.clashes[name_from_text("a.test.")][1]
    follow(place, two)
    assert place.record("a.test.") == before
    place.drop("a.test.")  # nor may another's catalog keep it
    assert place.record("a.test.") is None


def test_a_journal_that_is_trimmed_while_it_is_read_has_all_compared(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = place.following()
    follow(place, one, A)
    place.transferred([A, B])
    place.transferred([A, B, "c1.zones PTR c.test."])
    whole = one._reader.journal_since
    with monkeypatch.context() as trimmed:

        def since(apex: bytes, serial: int) -> Any:
            found = whole(apex, serial)
            assert found is not None
            next(found)
            return found

        trimmed.setattr(one._reader, "journal_since", since)
        one.bring_up()
    assert zones(place) == {"a.test.", "b.test.", "c.test."}


def test_a_member_whose_properties_could_have_no_name(place: Place) -> None:
    apex = ".".join(["x" * 60] * 3) + "."
    one = place.following(apex)
    for lines in ([A], [A, f"{'l' * 63}.zones PTR b.test."]):
        place.transferred(lines, apex)
        one.bring_up()
    assert place.record("b.test.") is not None
    assert one.state.state == "ok"


def test_a_member_that_could_not_be_made_is_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    one = place.following()
    place.transferred([A])
    now = time.monotonic()
    with failing(place, monkeypatch):
        one.bring_up()
    assert one.undone == {name_from_text("a.test."): (b"\x02a1", "not now")}
    assert now + 5 <= one.undone_at <= time.monotonic() + 5
    one.do_undone()
    assert one.undone == {}
    assert place.record("a.test.") is not None


@contextlib.contextmanager
def failing(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A store that takes nothing."""

    def submit(_: ChangeSet) -> Future[Result]:
        failed: Future[Result] = Future()
        failed.set_exception(Conflict("not now"))
        return failed

    with monkeypatch.context() as broken:
        broken.setattr(place.backend, "submit", submit)
        yield


def test_5_3_a_member_that_could_not_be_removed_is_tried_again_later_each_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.following()
    place.transferred([A, B])
    catalogs_here = Catalogs(place.backend, place.reader.database, place.accounts)
    assert catalogs_here._round()
    one = catalogs_here._following[name_from_text(CATALOG)]
    apex = name_from_text("a.test.")
    place.transferred([B])
    waits = []
    with failing(place, monkeypatch):
        catalogs_here._changed.add(one.apex)
        catalogs_here._round()
        for _ in range(9):
            assert one.undone == {apex: (b"\x02a1", "not now")}
            told = catalogs_here.status(one.apex)
            assert told is not None
            assert told["clashes"] == [{"zone": "a.test.", "reason": "not now"}]
            waits.append(round(one.undone_at - time.monotonic()))
            catalogs_here._round()
            assert round(one.undone_at - time.monotonic()) == waits[-1], "before its time nothing is tried"
            one.undone_at = 0.0
            catalogs_here._round()
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600]
    one.undone_at = 0.0
    assert catalogs_here._round()
    assert (one.undone, zones(place)) == ({}, {"b.test."})


def test_5_3_what_could_not_be_removed_and_is_a_member_again_stays(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = place.following()
    follow(place, one, A, B)
    place.transferred([B])
    with failing(place, monkeypatch):
        one.bring_up()
    assert one.undone
    place.transferred([A, B])
    one.bring_up()
    one.do_undone()
    assert (one.undone, zones(place)) == ({}, {"a.test.", "b.test."})


@pytest.mark.parametrize("given_up", [False, True])
def test_a_member_made_a_primary_and_deleted_comes_back_at_once(place: Place, given_up: bool) -> None:
    """Unless its catalog has given it up meanwhile."""
    place.following()
    place.transferred([A, B])
    found = Catalogs(place.backend, place.reader.database, place.accounts)
    found._loop = Now()  # type: ignore[assignment]
    place.listen(found.heard)
    found._round()
    place.transferred([], "a.test.")
    record = place.record("a.test.")
    assert record is not None
    settings = {key: value for key, value in record.settings.items() if key != "master"}
    place.backend.apply(ChangeSet(name_from_text("a.test."), (ConfigureZone(ZoneKind.PRIMARY, None, settings),)))
    found._round()
    told = found.status(name_from_text(CATALOG))
    assert told is not None
    assert [each["zone"] for each in told["clashes"]] == ["a.test."]
    assert place.record("a.test.").kind is ZoneKind.PRIMARY  # type: ignore[union-attr]
    if given_up:
        place.transferred([B])
        found._round()
        assert zones(place) == {"a.test.", "b.test."}, "it is somebody else's now"
    place.drop("a.test.")
    found._round()
    assert zones(place) == ({"b.test."} if given_up else {"a.test.", "b.test."})
    if not given_up:
        assert place.record("a.test.").kind is ZoneKind.SECONDARY  # type: ignore[union-attr]
        told = found.status(name_from_text(CATALOG))
        assert told is not None
        assert told["clashes"] == []


class Now:
    """A loop that does what other threads want in theirs."""

    def call_soon_threadsafe(self, work: Callable[..., None], *args: Any) -> None:
        work(*args)


def test_what_one_catalog_meets_does_not_stop_the_others(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for apex in (CATALOG, "other.cat."):
        place.following(apex)
    place.transferred([A])
    place.transferred([B], "other.cat.")
    found = Catalogs(place.backend, place.reader.database, place.accounts)
    bring_up = Following.bring_up

    def broken(one: Following) -> None:
        if one.apex == name_from_text(CATALOG):
            raise ValueError("a defect")
        bring_up(one)

    with monkeypatch.context() as wrong:
        wrong.setattr(Following, "bring_up", broken)
        assert not found._round()
    assert zones(place) - {"other.cat."} == {"b.test."}
    assert found._round()
    assert zones(place) - {"other.cat."} == {"a.test.", "b.test."}


def test_thousands_of_members_in_one_version(place: Place) -> None:
    one = place.following()
    began = time.monotonic()
    follow(place, one, *(f"m{n}.zones PTR z{n}.test." for n in range(MEMBERS)))
    assert len(zones(place)) == MEMBERS
    assert time.monotonic() - began < 60
    assert one.clashes == {}
