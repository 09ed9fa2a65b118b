"""Virtual zones in the order of the DNS: the same answers as a look at each gives, at a cost that does not grow with them."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from nsblast._core.keys import name_key
from nsblast.access.given import Given
from nsblast.access.records_v1 import Vzone
from nsblast.records.names import name_to_text
from nsblast.store import layout
from tests.unit.access.conftest import wire

NAMES = st.lists(st.sampled_from(["a", "b", "ab", "\\000", "*"]), min_size=1, max_size=4).map(
    lambda labels: ".".join(labels) + ".z."
)
VZONES = st.dictionaries(NAMES, st.sampled_from(["one", "two"]), max_size=12)


def vzone(name: str, tenant: str, incarnation: int = 1) -> Vzone:
    return Vzone(tenant=tenant, name=name_to_text(wire(name)), zone="z.", incarnation=incarnation)


@settings(max_examples=200, deadline=None)
@given(VZONES, st.sets(NAMES), NAMES, st.sampled_from(["one", "two", "three"]), st.booleans())
def test_as_a_look_at_each_tells(there: dict[str, str], gone: set[str], name: str, own: str, itself: bool) -> None:
    places = Given(lambda each: f"giver {each.incarnation}")
    for at, tenant in there.items():
        places.add(vzone(at, tenant))
        places.add(vzone(at, "past", 0))
    for at in gone & there.keys():
        places.remove(vzone(at, there[at]))
    left = {wire(at): tenant for at, tenant in there.items() if at not in gone}
    assert places.names_by("giver 1") == sorted(name_to_text(at) for at in left)
    assert places.names_by("giver 0") == sorted(name_to_text(wire(at)) for at in there)
    assert places.names_by("giver 2") == []
    loaded = Given(lambda _: "giver 1")
    loaded.load([vzone(at, there[at]) for at in sorted(there.keys() - gone, key=lambda at: name_key(wire(at)))])
    assert loaded.names_by("giver 1") == places.names_by("giver 1")
    assert sorted(loaded.of_zone("z.", 1)) == sorted(places.of_zone("z.", 1))
    assert sorted(places.of_zone("z.", 1)) == sorted((tenant, at) for at, tenant in left.items())
    asked = wire(name)
    hidden = any(
        tenant != own and asked in layout.suffixes(at) and (itself or at != asked) for at, tenant in left.items()
    )
    assert places.below("z.", 1, asked, lambda tenant: tenant == own, itself=itself) is hidden


def test_many_cost_nothing() -> None:
    """A change of 10,000 cuts in a zone of 20,000 virtual zones is looked at in the committing thread, which all writers share."""
    places = Given(lambda _: "")
    for number in range(20_000):
        places.add(vzone(f"v{number}.z.", "one"))
    names = [wire(f"n{number}.z.") for number in range(10_000)]
    began = time.process_time()
    assert not any(places.below("z.", 1, name, lambda _: False, itself=True) for name in names)
    assert time.process_time() - began < 2.0
