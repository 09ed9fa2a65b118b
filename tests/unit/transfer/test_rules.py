"""Access rules and the scope of keys."""

import msgspec
import pytest

from nsblast.access.records_v1 import TsigKey
from nsblast.errors import InputError
from nsblast.settings import Settings
from nsblast.store.values_v1 import ZoneRecord
from nsblast.transfer.rules import Act, checked, defaults_of, may, may_query

APEX = b"\x07example\x00"
INSIDE = bytes([10, 1, 2, 3])
OUTSIDE = bytes([192, 0, 2, 1])
V6 = bytes.fromhex("20010db8000000000000000000000001")


def key(**more: object) -> TsigKey:
    return TsigKey(tenant="", name="k.example.", algorithm="hmac-sha256", secret=b"x" * 32, **more)  # type: ignore[arg-type]


def ask(rule: list[str] | None, client: bytes, with_key: TsigKey | None = None, default: tuple[str, ...] = ()) -> bool:
    settings = {} if rule is None else {"access": {"transfer": rule}}
    return may(Act.TRANSFER, APEX, ZoneRecord(settings=settings), client, with_key, {Act.TRANSFER: default})


def test_nobody_may_by_default() -> None:
    assert Settings().allow_transfer == ()
    assert not ask(None, INSIDE, default=defaults_of(Settings())[Act.TRANSFER])


@pytest.mark.parametrize(
    ("rule", "client", "allowed"),
    [
        (["10.0.0.0/8"], INSIDE, True),
        (["10.0.0.0/8"], OUTSIDE, False),
        (["192.0.2.1"], OUTSIDE, True),
        (["2001:db8::/32"], V6, True),
        (["2001:db8::/32"], INSIDE, False),
        (["any"], V6, True),
        (["none"], INSIDE, False),
        ([], INSIDE, False),
        (["10.0.0.0/8"], b"\0" * 10 + b"\xff\xff" + INSIDE, True),
    ],
)
def test_addresses_and_networks(rule: list[str], client: bytes, allowed: bool) -> None:
    assert ask(rule, client) is allowed


def test_a_zones_own_rule_stands_instead_of_the_default() -> None:
    assert ask(None, INSIDE, default=("any",))
    assert not ask([], INSIDE, default=("any",))


def test_a_key_in_a_rule() -> None:
    assert ask(["key:k.example."], OUTSIDE, key())
    assert not ask(["key:other."], OUTSIDE, key())
    assert not ask(["key:k.example."], OUTSIDE)


def test_scope_of_a_key() -> None:
    assert ask(None, OUTSIDE, key(transfer=True))
    assert not ask(None, OUTSIDE, key(update=True, notify=True))
    assert ask(None, OUTSIDE, key(transfer=True, zones=["example."]))
    assert not ask(None, OUTSIDE, key(transfer=True, zones=["other."]))
    assert not ask(None, OUTSIDE, key(transfer=True, networks=["10.0.0.0/8"]))
    assert ask(None, INSIDE, key(transfer=True, networks=["10.0.0.0/8"]))


def test_a_key_opens_zones_of_its_tenant_only() -> None:
    mine = key(transfer=True)
    record = ZoneRecord(tenant="11111111-1111-1111-1111-111111111111")
    assert not may(Act.TRANSFER, APEX, record, OUTSIDE, mine, {})


@pytest.mark.parametrize(
    ("of_key", "of_zone", "allowed"),
    [("", "other", True), ("other", "other", True), ("other", "", False), ("other", "third", False)],
    ids=["the first tenant's", "its own", "another's in the first's", "another's"],
)
def test_a_key_that_a_rule_names_must_be_of_the_zones_tenant_or_the_first(
    of_key: str, of_zone: str, allowed: bool
) -> None:
    named = msgspec.structs.replace(key(), tenant=of_key)
    record = ZoneRecord(tenant=of_zone, settings={"access": {"transfer": ["key:k.example."]}})
    assert may(Act.TRANSFER, APEX, record, OUTSIDE, named, {}) is allowed
    assert (
        may(Act.TRANSFER, APEX, ZoneRecord(tenant=of_zone), OUTSIDE, named, {Act.TRANSFER: ("key:k.example.",)})
        is allowed
    )
    record = ZoneRecord(tenant=of_zone, settings={"access": {"query": ["key:k.example."]}})
    assert may_query(record, OUTSIDE, named, {}) is allowed
    assert may_query(ZoneRecord(tenant=of_zone), OUTSIDE, named, {Act.QUERY: ("key:k.example.",)}) is allowed


def test_a_key_used_from_elsewhere_is_worth_less_than_none() -> None:
    assert not ask(["any"], OUTSIDE, key(networks=["10.0.0.0/8"]))


def test_items_are_stored_in_one_form() -> None:
    assert checked(["10.1.2.3/8", "::1", "KEY:K.Example", "10.0.0.0/8", "192.0.2.1/32"], "transfer") == [
        "10.0.0.0/8",
        "::1",
        "key:k.example.",
        "192.0.2.1",
    ]


@pytest.mark.parametrize("items", [["nobody"], ["none", "any"], ["key:a..b"], ["key:"], ["10.0.0.0/33"]])
def test_what_is_no_rule(items: list[str]) -> None:
    with pytest.raises(InputError, match=r"^transfer: "):
        checked(items, "transfer")
