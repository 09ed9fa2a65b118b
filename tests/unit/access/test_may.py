"""may() against a slow twin that follows the contract word by word: every permission, every shape of filter, names and types."""

import fnmatch
import itertools
import re

import hypothesis
import pytest
from hypothesis import strategies as st

from nsblast.access.filters import Filter, compile_filter
from nsblast.access.may import Actor, Grant
from nsblast.access.permissions import CONTENTS, Permission, permissions_of
from nsblast.errors import Forbidden, InputError
from tests.unit.access.conftest import wire

TYPES = {"A": 1, "TXT": 16, "AAAA": 28}
NAMES = [
    "example.com",
    "www.example.com",
    "a.www.example.com",
    "wwwexample.com",
    "notexample.com",
    "com",
    "example.org",
]
FILTERS = [
    {},
    {"fqdn": "example.com"},
    {"fqdn": "example.com", "recursive": False},
    {"fqdn": "www.example.com"},
    {"fqdn": "."},
    {"regex": r"www\..*"},
    {"regex": r"example\.com"},
    {"fqdn": "example.com", "regex": r".*www.*"},
    {"types": ("TXT",)},
    {"types": ("A", "aaaa"), "fqdn": "example.com"},
    {"types": ("TXT", "A"), "regex": r"www\.example\.com", "fqdn": "com", "recursive": True},
]
ASKED = [None, [], ["A"], ["TXT"], ["A", "TXT"], ["A", "AAAA", "TXT"]]


def lets_name_through(given: dict, name: str) -> bool:
    """Each part as the contract has it, on text."""
    if "fqdn" in given:
        root = given["fqdn"].strip(".")
        below = not root or fnmatch.fnmatchcase(name, f"*.{root}")
        if name != root and not (below and given.get("recursive", True)):
            return False
    return "regex" not in given or re.fullmatch(given["regex"], name) is not None


def twin(roles: list[tuple[set[str], dict]], permission: str, name: str | None, types: list[str] | None) -> bool:
    """Slow and obvious."""

    def one(wanted: str | None) -> bool:
        for permissions, given in roles:
            if permission not in permissions or (name is not None and not lets_name_through(given, name)):
                continue
            limited = {each.upper() for each in given.get("types", ())}
            if wanted is None or not limited or wanted in limited or (wanted == "*" and not limited):
                return True
        return False

    if types:
        return all(one(wanted) for wanted in types)
    if types is None and name is not None and Permission(permission) in CONTENTS:
        return one("*")
    return one(None)


def actor_of(roles: list[tuple[set[str], dict]]) -> Actor:
    """With these roles."""
    grants = tuple(Grant(permissions_of(names, "permissions"), compile_filter(**given)) for names, given in roles)
    return Actor("somebody", "home", "home", grants)


@pytest.mark.parametrize("permission", list(Permission), ids=str)
def test_every_permission_under_every_filter(permission: Permission) -> None:
    other = Permission.READ_RR if permission is not Permission.READ_RR else Permission.UPDATE_RR
    for given in FILTERS:
        for names in ({str(permission)}, {str(other)}, {str(permission), str(other)}, set[str]()):
            roles = [(names, given)]
            actor = actor_of(roles)
            for name, types in itertools.product([None, *NAMES], ASKED):
                asked = None if types is None else [TYPES[each] for each in types]
                fqdn = None if name is None else wire(name)
                expected = twin(roles, permission, name, types)
                assert actor.may(permission, fqdn, asked) is expected, (given, names, name, types)
                if expected:
                    actor.demand(permission, fqdn, asked)
                else:
                    with pytest.raises(Forbidden, match=str(permission)):
                        actor.demand(permission, fqdn, asked)


_ROLE = st.tuples(
    st.sets(st.sampled_from(["READ_RR", "UPDATE_RR", "READ_ZONE", "LIST_ZONES"])), st.sampled_from(FILTERS)
)


@hypothesis.given(
    st.lists(_ROLE, max_size=4),
    st.sampled_from(["READ_RR", "UPDATE_RR", "READ_ZONE", "LIST_ZONES"]),
    st.one_of(st.none(), st.sampled_from(NAMES)),
    st.sampled_from(ASKED),
)
def test_roles_add_up(roles: list, permission: str, name: str | None, types: list[str] | None) -> None:
    actor = actor_of(roles)
    fqdn = None if name is None else wire(name)
    asked = None if types is None else [TYPES[each] for each in types]
    assert actor.may(permission, fqdn, asked) is twin(roles, permission, name, types)
    if fqdn is not None:
        seen = actor.types_of(Permission(permission), fqdn)
        for text, number in TYPES.items():
            assert (seen is None or number in seen) is twin(roles, permission, name, [text])


LABELS = st.lists(st.binary(min_size=1, max_size=8), max_size=5)


@hypothesis.given(LABELS, LABELS)
def test_below_is_by_labels_whatever_their_octets(one: list[bytes], other: list[bytes]) -> None:
    def name(labels: list[bytes]) -> bytes:
        return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"

    recursive, alone = Filter(fqdn=name(other)), Filter(fqdn=name(other), recursive=False)
    assert recursive.covers(name(one)) is (one[len(one) - len(other) :] == other if len(one) >= len(other) else False)
    assert alone.covers(name(one)) is (one == other)


@pytest.mark.parametrize(
    "regex", ["(a", r"(?=a)b", r"(a)\1", "a" * 501, "(" * 200 + "a" + ")" * 200 + "{1000}{1000}", "\ud800"]
)
def test_patterns_that_are_refused(regex: str) -> None:
    with pytest.raises(InputError, match="filter.regex"):
        compile_filter(regex=regex)


def test_a_pattern_cannot_take_much_memory() -> None:
    """Names are ASCII: a class of letters is not all of Unicode's, whose states cost 100 KiB a pattern; and what no name has matches none."""
    letters = compile_filter(regex=r"\pL{60}x?")
    assert letters.covers(wire("a" * 60))
    assert not letters.covers(wire("1" * 60))
    assert not compile_filter(regex="bü.*").covers(wire("b\\195\\188"))


def test_a_pattern_cannot_take_long() -> None:
    evil = compile_filter(regex="(a+)+(a|aa)+(.*)*b")
    name = wire(".".join(["a" * 60] * 4))
    assert not any(evil.covers(name) for _ in range(1000))


def test_impersonation_needs_its_permission() -> None:
    plain = actor_of([({"READ_RR"}, {})])
    assert plain.within("home") is plain
    for tenant in ("other", "*"):
        with pytest.raises(Forbidden, match="IMPERSONATE_TENANT"):
            plain.within(tenant)
    strong = actor_of([({"READ_RR", "IMPERSONATE_TENANT"}, {})]).within("other")
    assert (strong.home, strong.tenant) == ("home", "other")
    assert strong.owns("other")
    assert not strong.owns("home")
    assert strong.within("home").owns("home")
    assert strong.within("*").owns("any")
