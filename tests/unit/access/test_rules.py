"""Changes of accounts: what goes with what, all or nothing, and an index that always is what the store says."""

import random
from pathlib import Path

import pytest

from nsblast.access import first
from nsblast.access import records_v1 as v1
from nsblast.access.changes import Alter, Delete, Put
from nsblast.access.index import Index
from nsblast.access.records_v1 import FIRST_TENANT, LETTERS, ApiKey, Role, Tenant, User
from nsblast.errors import Conflict, Denied, InputError, NotFound, NsblastError
from nsblast.zones.model import Expect
from tests.unit.access.conftest import EVERY, OTHER, THIRD, Place

ABSENT = Expect.ABSENT


def all_of(index: Index) -> dict[str, object]:
    """Everything an index tells."""
    told: dict[str, object] = {}
    for kind in LETTERS:
        for tenant in ("*", FIRST_TENANT, OTHER, THIRD):
            told[f"{kind.__name__} {tenant}"] = list(index.walk(kind, tenant))
            assert list(index.walk(kind, tenant, backwards=True)) == list(index.walk(kind, tenant))[::-1]
    told["ids"] = {name: index.tenant_id(name) for name in ("nsblast", "OTHER", "third", "new")}
    return told


def test_random_changes_leave_the_index_as_the_store(place: Place) -> None:
    dice = random.Random(7)
    names = ["a", "b", "c"]
    tenants = [OTHER, THIRD]
    done = 0
    for _ in range(500):
        tenant, name = dice.choice(tenants), dice.choice(names)
        roles = dice.sample(names, dice.randrange(3))
        ops = [
            Put(Role(tenant=tenant, name=name, permissions=["READ_RR"])),
            Put(User(tenant=tenant, name=f"{name}{dice.randrange(9)}", roles=roles)),
            Put(ApiKey(tenant=tenant, id=name, secret=b"x", owner=f"{name}{dice.randrange(9)}", roles=roles)),
            Put(Tenant(id=tenant, name=dice.choice(["other", "third", "new"]), allowed=EVERY)),
            Delete(Role, name, tenant),
            Delete(User, f"{name}{dice.randrange(9)}", tenant),
            Delete(ApiKey, name),
            Delete(Tenant, tenant),
            Alter(User, f"{name}{dice.randrange(9)}", lambda had: had, tenant),
        ]
        before = all_of(place.index)
        try:
            result = place.do(*dice.sample(ops, dice.randint(1, 3)), dry_run=dice.random() < 0.2)
        except NsblastError:
            assert all_of(place.index) == before
            continue
        done += 1
        for had, now in result.changed:
            assert had != now
        for holder in (*place.accounts.users(), *place.accounts.keys()):
            assert all(place.accounts.role(holder.tenant, role) for role in holder.roles)
        for key in place.accounts.keys():  # noqa: SIM118
            owner = place.accounts.user(key.owner)
            assert owner is not None
            assert owner.tenant == key.tenant
    assert done > 30
    assert all_of(Index(place.database)) == all_of(place.index)


def test_all_or_nothing(place: Place) -> None:
    with pytest.raises(InputError, match="nothing"):
        place.do(
            Put(Role(tenant=OTHER, name="new")),
            Delete(User, "other"),
            Put(User(tenant=OTHER, name="x", roles=["nothing"])),
        )
    assert place.accounts.role(OTHER, "new") is None
    assert place.accounts.user("other") is not None


def test_what_waits_together_sees_what_went_before(place: Place) -> None:
    from nsblast.access.changes import AccountChange

    same = Put(User(tenant=OTHER, name="one"), ABSENT)
    role = Put(Role(tenant=OTHER, name="r"), ABSENT)
    user = Put(User(tenant=OTHER, name="with r", roles=["r"]))
    gone = Delete(Role, "r", OTHER)
    futures = [place.accounts.submit(AccountChange((op,))) for op in (same, same, role, user, gone)]
    assert [future.exception() is None for future in futures] == [True, False, True, True, True]
    assert isinstance(futures[1].exception(), Conflict)
    found = place.accounts.user("with r")
    assert found is not None
    assert found.roles == []


def test_who_did_what_is_kept_without_secrets(place: Place) -> None:
    place.do(Put(User(tenant=OTHER, name="u", password="$argon2id$secret")), comment="why")
    place.do(Delete(User, "u"))
    (_, gone), (_, made) = list(place.accounts.audit())[:2]
    assert (made.actor, made.address, made.kind, made.name, made.tenant) == ("test", "192.0.2.1", "user", "u", OTHER)
    assert (made.before, made.comment) == (None, "why")
    assert made.after is not None
    assert made.after["password"] == "(hidden)"
    assert gone.before == made.after
    assert gone.after is None


def test_names_are_unique_and_records_belong(place: Place) -> None:
    with pytest.raises(Conflict, match="another tenant's"):
        place.do(Put(User(tenant=THIRD, name="other")))
    with pytest.raises(Conflict):
        place.do(Put(Tenant(id="33333333-3333-3333-3333-333333333333", name="Other")))
    with pytest.raises(NotFound):
        place.do(Delete(User, "other", THIRD))
    with pytest.raises(InputError, match="owner"):
        place.do(Put(ApiKey(tenant=THIRD, id="k", secret=b"", owner="other")))
    with pytest.raises(Denied):
        place.do(Delete(Tenant, FIRST_TENANT))
    with pytest.raises(InputError, match="cannot be changed"):
        place.do(Alter(User, "other", lambda had: User(tenant=OTHER, name="renamed")))


def test_first_accounts_and_their_restoration(tmp_path: Path) -> None:
    place = Place(tmp_path / "db")
    try:
        file = first.make(place.accounts, tmp_path, "", 12)
        assert file is not None
        password = file.read_text()
        assert first.make(place.accounts, tmp_path, "", 12) is None
        place.do(Put(Role(tenant=FIRST_TENANT, name="other")), Delete(Role, "Administrator", FIRST_TENANT))
        first.reset(place.accounts, tmp_path, "", 12, "test")
        assert file.read_text() != password
        admin = place.accounts.user("admin")
        assert admin is not None
        actor = place.accounts.actor(admin)
        assert actor is not None
        assert set(EVERY) == actor.permissions
        assert place.accounts.role(FIRST_TENANT, "other") is not None
    finally:
        place.close()


def test_formats_are_read_back() -> None:
    role = Role(tenant=OTHER, name="ö", fqdn="a.", recursive=False, regex="x", types=["A"])
    assert v1.decode(Role, v1.encode(role)) == role
