"""RFC 9432 4: what a catalog made here holds: SOA and NS, version, members, group, coo; kept so by what becomes of zones."""

import re
from collections.abc import Iterator

import pytest

from nsblast.records import from_text, name_from_text
from nsblast.transfer.catalog_producer import Making
from nsblast.zones.model import ChangeSet, DeleteName, PutName, RRset
from tests.helpers.catalogs import CATALOG, OTHER, Place, catalogs


@pytest.fixture
def place() -> Iterator[Place]:
    with catalogs() as opened:
        yield opened


def test_4_1_soa_and_ns_are_of_any_zone(place: Place) -> None:
    place.making()
    assert place.record(CATALOG)
    assert place.marked() == [CATALOG]


def test_4_2_members_are_pointers_at_labels_of_their_own(place: Place) -> None:
    place.zone("a.test.")
    place.zone("B.Test.")
    place.making()
    found = place.members()
    serial = place.record(CATALOG).serial  # type: ignore[union-attr]
    assert sorted(found) == ["a.test.", "b.test."]
    assert len(set(found.values())) == 2
    assert all(re.fullmatch("[0-9a-v]{24}", label) for label in found.values())
    place.again()
    assert place.members() == found
    assert place.record(CATALOG).serial == serial  # type: ignore[union-attr]


def test_4_3_1_the_version_is_2(place: Place) -> None:
    place.making()
    assert place.shows() == {"version": ['TXT "2"']}


def test_4_2_members_follow_the_zones(place: Place) -> None:
    made = place.making()
    serial = place.record(CATALOG).serial  # type: ignore[union-attr]
    place.zone("a.test.")
    place.zone("b.test.")
    made.bring_up(place.last())
    assert place.record(CATALOG).serial == serial + 1  # type: ignore[union-attr]
    assert sorted(place.members()) == ["a.test.", "b.test."]
    place.drop("a.test.")
    made.bring_up(place.last())
    assert sorted(place.members()) == ["b.test."]
    made.bring_up(place.last())
    assert place.record(CATALOG).serial == serial + 2  # type: ignore[union-attr]


def test_4_2_a_change_of_contents_is_no_change_of_the_catalog(place: Place) -> None:
    place.zone("a.test.")
    made = place.making()
    serial = place.record(CATALOG).serial  # type: ignore[union-attr]
    place.set("a.test.", access={"transfer": ["any"]})
    made.bring_up(place.last())
    assert place.record(CATALOG).serial == serial  # type: ignore[union-attr]


def test_5_6_a_zone_made_anew_has_another_label(place: Place) -> None:
    """So that consumers forget the version they have, whose serial may be higher."""
    place.zone("a.test.")
    made = place.making()
    before = place.members()["a.test."]
    place.drop("a.test.")
    place.zone("a.test.")
    made.bring_up(place.last())
    assert place.members()["a.test."] != before
    assert len(place.members()) == 1


def test_4_4_2_group(place: Place) -> None:
    place.zone("a.test.", settings={"membership": {"group": "dnssec"}})
    made = place.making()
    label = place.members()["a.test."]
    assert place.shows()[f"group.{label}.zones"] == ['TXT "dnssec"']
    place.set("a.test.", membership={"group": 'an"other'})
    made.bring_up(place.last())
    assert place.shows()[f"group.{label}.zones"] == ['TXT "an\\"other"']
    place.set("a.test.", membership=None)
    made.bring_up(place.last())
    assert f"group.{label}.zones" not in place.shows()


def test_4_4_1_coo_stands_in_the_catalogs_that_are_left(place: Place) -> None:
    place.zone("a.test.", settings={"membership": {"catalogs": [CATALOG, "new.test."], "coo": "new.test."}})
    place.making()
    place.making("new.test.", "named")
    label = place.members()["a.test."]
    assert place.shows()[f"coo.{label}.zones"] == ["PTR new.test."]
    assert place.members("new.test.") == {"a.test.": label}
    assert f"coo.{label}.zones" not in place.shows("new.test.")


def test_whose_zones_are_members(place: Place) -> None:
    place.zone("mine.test.")
    place.zone("theirs.test.", tenant=OTHER)
    place.zone("named.test.", settings={"membership": {"catalogs": ["named.cat.test."]}})
    place.zone("foreign.test.", tenant=OTHER, settings={"membership": {"catalogs": ["named.cat.test."]}})
    place.zone("none.test.", settings={"membership": {"catalogs": []}})
    place.making("all.cat.test.", "all")
    place.making("tenant.cat.test.", "tenant")
    place.making("named.cat.test.", "named")
    assert sorted(place.members("all.cat.test.")) == ["mine.test.", "theirs.test."]
    assert sorted(place.members("tenant.cat.test.")) == ["mine.test."]
    assert sorted(place.members("named.cat.test.")) == ["named.test."]


def test_after_a_crash_the_log_is_followed_from_where_it_was(place: Place) -> None:
    made = place.making()
    place.zone("a.test.")
    made.bring_up(place.last())
    position = made.position
    place.zone("b.test.")
    place.drop("a.test.")
    later = Making(place.backend, place.reader, name_from_text(CATALOG))
    assert later._last_position() == position
    later.bring_up(place.last())
    assert sorted(place.members()) == ["b.test."]


def test_where_the_log_does_not_reach_all_is_compared(place: Place) -> None:
    place.zone("a.test.")
    place.zone("b.test.", settings={"membership": {"group": "g"}})
    made = place.making()
    right = place.shows()
    label = place.members()["a.test."]
    stray = PutName(name_from_text("stray.zones." + CATALOG), (RRset(12, 0, (from_text(12, "gone.test."),)),))
    lost = DeleteName(name_from_text(f"{label}.zones.{CATALOG}"))
    group = DeleteName(name_from_text(f"group.{place.members()['b.test.']}.zones.{CATALOG}"))
    place.backend.apply(ChangeSet(name_from_text(CATALOG), (stray, lost, group)))
    made.forget()
    made.bring_up(place.last())
    assert place.shows() == right


def test_many_zones_at_once(place: Place) -> None:
    made = place.making()
    place.zones(f"z{number}.test." for number in range(1100))
    made.bring_up(place.last())
    assert len(place.members()) == 1100
    serial = place.record(CATALOG).serial  # type: ignore[union-attr]
    assert serial <= 5
