"""Every endpoint × permission × filter answers what the twin, written from the contract, predicts.

Usually each permission alone, none and all without a filter, and with a filter those the request speaks of. SECURITY_FULL=1: everything.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from nsblast.access.permissions import Permission
from nsblast.admin.app import endpoints
from tests.helpers.api import PASSWORD, Api, api
from tests.security.cases import A, Case, cases, templates
from tests.security.twin import Filter, Role
from tests.security.wire import Got, Wire, basic, key, path

EVERY = frozenset(str(permission) for permission in Permission)
FULL = bool(os.environ.get("SECURITY_FULL"))
FILTERS = {
    "none": Filter(),
    "match": Filter(fqdn="t.test"),
    "mismatch": Filter(fqdn="elsewhere.test"),
    "itself": Filter(fqdn="t.test", recursive=False),
    "regex": Filter(regex=r"(www|new)\.t\.test|v\.t2\.test|o2?\.test"),
    "types": Filter(types=("A", "TXT")),
    "other types": Filter(fqdn="t.test", types=("MX", "NS")),
    "all parts": Filter(fqdn="t.test", regex=r".*\.t\.test", types=("A",)),
}


@dataclass
class World:
    """Two tenants, and the wires that ask."""

    server: Api
    admin: Wire
    asker: Wire
    ids: dict[str, str]

    def set_role(self, role: Role) -> None:
        """What the asker may from now on."""
        form = {"name": "asker", "permissions": sorted(role.permissions)}
        if role.filter != Filter():
            form["filter"] = role.filter.form()
        assert self.admin("PUT", path("role", "asker") + "?tenant=mine", form).status == 200


def _do(wire: Wire, method: str, target: str, json: object = None) -> Got:
    got = wire(method, target, json)
    assert got.status in (200, 201), (method, target, got.body)
    return got


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with api(tmp_path_factory.mktemp("matrix"), workers=1) as server:
        admin = Wire(server, basic("admin", PASSWORD))
        ids: dict[str, str] = {}
        for tenant, user, zones in (
            ("mine", "asker", ("t.test", "t2.test", "s.test")),
            ("theirs", "stranger", ("o.test", "o2.test")),
        ):
            form = {"name": tenant, "allowedPermissions": sorted(EVERY)}
            ids[tenant] = _do(admin, "POST", path("tenant"), form).value["id"]
            act = f"?tenant={tenant}"
            _do(admin, "POST", path("role") + act, {"name": user})
            _do(admin, "POST", path("role") + act, {"name": "spare"})
            mates = ["mate"] if tenant == "mine" else []
            for name in (user, *mates):
                _do(admin, "POST", path("user") + act, {"name": name, "roles": [user]})
                made = _do(admin, "POST", path("apikey") + act, {"owner": name, "roles": [user]}).value
                ids[f"{name} key"], ids[f"{name} secret"] = made["id"], made["key"]
                _do(admin, "POST", path("tsigkey") + act, {"name": f"{name}.key"})
            for zone in zones:
                _do(admin, "POST", path("zone", zone) + act, {"ns": ["ns1.example.net"]})
                _do(admin, "PATCH", path("rr", f"www.{zone}") + act, {"a": ["192.0.2.1"], "txt": ["one"]})
        _do(admin, "PUT", path("config", "s.test", "master") + "?tenant=mine", {"master": {"hostname": "192.0.2.1"}})
        _do(admin, "POST", path("vzone", "v.t2.test") + "?tenant=mine", {"tenant": "theirs"})
        _do(admin, "POST", path("vzone", "v.o.test") + "?tenant=theirs", {"tenant": "mine"})
        world = World(server, admin, Wire(server, key(ids["asker secret"])), ids)
        yield world
        world.asker.close()
        admin.close()


def _status(wire: Wire, case: Case) -> tuple[int, bytes]:
    if case.template == "/events":
        head = wire("HEAD", case.target)
        wire.close()
        return head.status, b""
    got = wire(case.method, case.target, case.json)
    return got.status, got.body


def test_every_endpoint_has_a_case(world: World) -> None:
    assert templates(cases(world.ids)) == {(one.method, one.full_path) for one in endpoints()}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("called", FILTERS)
def test_the_matrix(world: World, called: str) -> None:
    every = list(cases(world.ids))
    wrong = []
    for permissions in (frozenset[str](), EVERY, *(frozenset((one,)) for one in sorted(EVERY))):
        role = Role(permissions, FILTERS[called])
        asked = [
            case for case in every
            if FULL or called == "none" or len(permissions) != 1 or permissions & case.permissions
        ]  # fmt: skip
        if not asked:
            continue
        world.set_role(role)
        for case in asked:
            found, body = _status(world.asker, case)
            if found != case.predict([role]):
                wrong.append(
                    (sorted(permissions)[:2], case.method, case.target, case.predict([role]), found, body[:200])
                )
    assert not wrong, wrong[:20]


def test_several_roles_add_up_type_by_type(world: World) -> None:
    world.set_role(Role(frozenset(("UPDATE_RR",)), Filter(fqdn="www.t.test", types=("A",))))
    _do(world.admin, "PUT", path("role", "spare") + "?tenant=mine",
        {"name": "spare", "permissions": ["UPDATE_RR"], "filter": {"types": ["TXT"]}})  # fmt: skip
    target = path("rr", "www.t.test") + "?dry_run=true"
    both = {"a": ["192.0.2.7"], "txt": ["two"]}
    assert world.asker("PATCH", target, both).status == 403
    user = path("user", "asker") + "?tenant=mine"
    made = _do(
        world.admin, "POST", path("apikey") + "?tenant=mine", {"owner": "asker", "roles": ["asker", "spare"]}
    ).value
    with Wire(world.server, key(made["key"])) as wire:
        assert wire("PATCH", target, both).status == 200
        assert wire("PATCH", target, {**both, "mx": [{"host": "mail.t.test"}]}).status == 403
        # a role that is deleted is gone at once, from the key too
        _do(world.admin, "DELETE", path("role", "spare") + "?tenant=mine")
        assert wire("PATCH", target, both).status == 403
    _do(world.admin, "POST", path("role") + "?tenant=mine", {"name": "spare"})
    assert world.admin("GET", user).value["roles"] == ["asker"]


def test_without_credentials_and_with_wrong_methods(world: World) -> None:
    open_to_all = {one.full_path for one in endpoints() if one.login is False}
    methods: dict[str, set[str]] = {}
    with Wire(world.server) as nobody:
        for case in cases(world.ids):
            template = case.template if case.rooted else "/api/v1" + case.template
            methods.setdefault(case.target.partition("?")[0], set()).update(
                one.method for one in endpoints() if one.full_path == template
            )
            assert nobody(case.method, case.target, case.json).status == (case.then if template in open_to_all else 401)
        for target, known in methods.items():
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - known:
                got = nobody(method, target)
                assert got.status == 405, (method, target)
                assert known <= set(got.headers["allow"].split(", "))
        for target in (
            "/api/",
            "/api/v1",
            "/api/v1/",
            "/api/docs/x",
            "/api/v2/zone",
            "/api/v1/zone/",
            "/api/v1/rr",
            "/metrics/x",
        ):
            assert nobody("GET", target).status == 404, target
        assert world.asker("POST", path("rr", "x.t.test", "a"), A).status == 405


def test_lists_show_what_the_filter_lets_through(world: World) -> None:
    world.set_role(Role(frozenset(("LIST_ZONES", "READ_ZONE")), Filter(regex=r"t2\.test|www\.t2\.test")))
    listed = world.asker("GET", path("zone")).json
    assert listed["value"] == ["t2.test."]
    assert (listed["kfirst"], listed["klast"]) == ("t2.test.", "t2.test.")
    assert {each["fqdn"] for each in world.asker("GET", path("zone", "t2.test")).value} == {"t2.test.", "www.t2.test."}
    # and nothing of what is given to another tenant, not even where a page ends
    _do(world.admin, "PATCH", path("rr", "secret.v.t2.test") + "?tenant=theirs", {"txt": ["hidden"]})
    world.set_role(Role(EVERY))
    for kind in ("id", "default", "verbose"):
        assert b"secret" not in world.asker("GET", path("zone", "t2.test") + f"?kind={kind}").body
        assert b"secret" not in world.asker("GET", path("vzone", "v.t2.test") + f"?kind={kind}").body
    assert b"secret" in world.admin("GET", path("vzone", "v.t2.test") + "?kind=id&tenant=theirs").body
    _do(world.admin, "PATCH", path("rr", "x.v.o.test") + "?tenant=mine", {"txt": ["one"], "a": ["192.0.2.3"]})
    world.set_role(Role(frozenset(("READ_VZONE",)), Filter(types=("A",))))
    (entry,) = world.asker("GET", path("vzone", "v.o.test") + "?kind=verbose").value
    assert "txt" not in entry
    assert entry["a"] == ["192.0.2.3"]
