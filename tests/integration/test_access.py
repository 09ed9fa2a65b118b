"""Accounts over HTTP: log-in, every status of the contract, revocation at once, nothing of another tenant's, first start."""

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nsblast.access.permissions import Permission
from tests.helpers.commands import nsblast
from tests.helpers.server import Server, serving

PASSWORD = "the first password"
EVERY = [str(permission) for permission in Permission]


class Api:
    """One account's view."""

    def __init__(self, url: str, user: str, password: str, key: str = "") -> None:
        auth = None if key else (user, password)
        headers = {"x-api-key": key} if key else {}
        self.base = f"{url}/api/v1"
        self.more: dict[str, Any] = {"auth": auth, "headers": headers, "timeout": 30}

    def get(self, method: str, path: str, json: Any = None, **params: Any) -> httpx.Response:
        """One request on a connection of its own."""
        return httpx.request(method, self.base + path, json=json, params=params, **self.more)

    def __call__(self, method: str, path: str, status: int, json: Any = None, **params: Any) -> Any:
        """The value; the status must be this one, in the envelope too."""
        got = self.get(method, path, json, **params)
        assert got.status_code == status, got.text
        body = got.json()
        assert body["rcode"] == status
        assert body["error"] == (status >= 400)
        return body["value"] if status < 400 else body["message"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all."""
    with serving(tmp_path_factory.mktemp("access"), "--admin-password", PASSWORD, workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def admin(server: Server) -> Api:
    """The first user."""
    return Api(server.url, "admin", PASSWORD)


@pytest.fixture(scope="module")
def customer(server: Server, admin: Api) -> Api:
    """Somebody who may do everything in a tenant of their own, and nothing beyond."""
    tenant = admin("POST", "/tenant", 201, {"name": "Customer"})
    assert admin("POST", "/role", 201, {"name": "all", "permissions": EVERY}, tenant="customer")
    admin(
        "POST",
        "/user",
        201,
        {"name": "c@example.com", "roles": ["all"], "password": "the customer's own"},
        tenant=tenant["id"],
    )
    return Api(server.url, "c@example.com", "the customer's own")


def test_credentials(server: Server, admin: Api) -> None:
    for headers in ({}, {"authorization": "Basic !!"}, {"authorization": "Digest x"}, {"x-api-key": "nsb_0_0"}):
        got = httpx.get(f"{server.url}/api/v1/version", headers=headers)
        assert got.status_code == 401
        assert got.headers["www-authenticate"].startswith('Basic realm="nsblast"')
    assert admin("GET", "/version", 200)["nsblast"]
    assert PASSWORD not in server.text()


def test_tenants(admin: Api, customer: Api) -> None:
    made = admin("POST", "/tenant", 201, {"name": "Acme", "root": "Acme.Example", "properties": {"contract": "7"}})
    assert made["root"] == "acme.example."
    assert "CREATE_ZONE" in made["allowedPermissions"]
    assert "IMPERSONATE_TENANT" not in made["allowedPermissions"]
    path = f"/tenant/{made['id']}"
    assert admin("GET", "/tenant/acme", 200) == admin("GET", path, 200) == made
    assert "ACME" in admin("POST", "/tenant", 409, {"name": "ACME"})
    assert admin("POST", "/tenant", 409, {"name": "other", "id": made["id"]})
    admin("POST", "/tenant", 400, {"name": "x", "id": "7"})
    admin("POST", "/tenant", 400, {"name": "x", "allowedPermissions": ["FLY"]})
    admin("POST", "/tenant", 400, {"name": "x", "surprise": 1})
    admin("POST", "/tenant", 400)
    assert admin("PATCH", path, 200, {"active": False})["root"] == "acme.example."
    assert admin("PUT", path, 200, {"name": "Acme 2"})["properties"] == {}
    admin("PUT", path, 400, {"name": "x", "id": "00000000-0000-0000-0000-000000000009"})
    for status, api in ((404, admin), (403, customer)):
        api("GET", "/tenant/nobody", status)
        api("PATCH", "/tenant/nobody", status, {"active": True})
        api("DELETE", "/tenant/nobody", status)
    customer("GET", path, 403)
    customer("DELETE", path, 403)
    customer("GET", "/tenant", 403)
    customer("POST", "/tenant", 403, {"name": "mine"})
    assert [each["id"] for each in admin("GET", "/tenant", 200)] == sorted(admin("GET", "/tenant", 200, kind="id"))
    admin("DELETE", path, 200, dry_run="true")
    admin("DELETE", path, 200)
    admin("DELETE", path, 404)
    admin("DELETE", "/tenant/nsblast", 403)


def test_own_tenant(customer: Api) -> None:
    own = customer("GET", "/tenant/customer", 200)
    assert customer("PATCH", "/tenant/customer", 200, {"properties": {"a": "b"}})["properties"] == {"a": "b"}
    for beyond in ({"active": False}, {"root": "example"}, {"allowedPermissions": EVERY}):
        customer("PATCH", "/tenant/customer", 403, beyond)
    assert customer("GET", "/tenant/customer", 200) == {**own, "properties": {"a": "b"}}


def test_roles(admin: Api, customer: Api) -> None:
    role = {
        "name": "acme",
        "permissions": ["UPDATE_RR", "CREATE_RR"],
        "filter": {"fqdn": "example.com.", "recursive": True, "regex": r"_acme-challenge\..*", "types": ["TXT"]},
    }
    assert customer("POST", "/role", 201, role) == role
    assert customer("GET", "/role/acme", 200) == role
    customer("POST", "/role", 409, role)
    admin("GET", "/role/acme", 404)
    admin("GET", "/role/acme", 200, tenant="customer")
    assert "renam" in customer("PUT", "/role/acme", 400, {**role, "name": "other"})
    assert customer("PUT", "/role/acme", 200, {"name": "acme"}) == {"name": "acme", "permissions": []}
    customer("PUT", "/role/none", 404, {"name": "none"})
    for wrong in ({"regex": "(a"}, {"regex": r"(?=a)b"}, {"regex": "a" * 501}, {"types": ["NO"]}, {"fqdn": "a..b"}):
        customer("POST", "/role", 400, {"name": "x", "filter": wrong})
    customer("POST", "/user", 201, {"name": "with acme", "roles": ["acme", "all"]})
    customer("DELETE", "/role/acme", 200)
    customer("DELETE", "/role/acme", 404)
    assert customer("GET", "/user/with acme", 200)["roles"] == ["all"]
    assert customer("GET", "/permissions", 200) == EVERY


def test_users(server: Server, admin: Api, customer: Api) -> None:
    assert "nothing" in customer("POST", "/user", 400, {"name": "u", "roles": ["nothing"]})
    customer("POST", "/user", 400, {"name": "a:b"})
    for short in ("", "eleven char"):
        customer("POST", "/user", 400, {"name": "u", "password": short})
    user = customer("POST", "/user", 201, {"name": "u@example.com", "password": "the user's first"})
    assert "password" not in user
    customer("POST", "/user", 409, {"name": "u@example.com"})
    admin("GET", "/user/u@example.com", 403)
    customer("GET", "/user/admin", 403)
    customer("DELETE", "/user/admin", 403)
    customer("GET", "/user/nobody", 404)
    own = Api(server.url, "u@example.com", "the user's first")
    own("GET", "/version", 200)
    for path in ("/user/u@example.com", "/user", "/role", "/apikey", "/permissions", "/tenant/customer"):
        own("GET", path, 403)
    customer("POST", "/role", 201, {"name": "self", "permissions": ["GET_SELF_USER", "DELETE_SELF_USER"]})
    customer("PUT", "/user/u@example.com", 200, {"name": "u@example.com", "roles": ["self"]})
    own("GET", "/user/u@example.com", 200)
    own("GET", "/user/c@example.com", 403)
    own("DELETE", "/user/c@example.com", 403)
    customer("PUT", "/user/u@example.com", 400, {"name": "v"})
    own("DELETE", "/user/u@example.com", 200)
    own("GET", "/version", 401)


def test_lists_are_paged(admin: Api, customer: Api) -> None:
    names = [f"page{number}" for number in range(7)]
    for name in names:
        customer("POST", "/user", 201, {"name": name})
    seen: list[str] = []
    start = "page"
    while True:
        got = customer.get("GET", "/user", **{"limit": 3, "from": start, "kind": "id"}).json()
        seen += got["value"]
        start = got["klast"]
        if not got["more"]:
            break
    assert [name for name in seen if name.startswith("page")] == names
    back = customer("GET", "/user", 200, limit=2, direction="backward", **{"from": "page3"})
    assert [each["name"] for each in back] == ["page2", "page1"]
    every = admin("GET", "/user", 200, tenant="*")
    assert {each["name"] for each in every} >= {"admin", "page0"}
    assert len({each["tenant"] for each in every}) == 2
    customer("GET", "/user", 403, tenant="*")
    customer("GET", "/user", 403, tenant="nsblast")
    customer("GET", "/user", 403, tenant="nobody")
    admin("GET", "/user", 404, tenant="nobody")
    admin("POST", "/user", 400, {"name": "x"}, tenant="*")


def test_what_is_taken_away_counts_on_the_next_request(server: Server, admin: Api, customer: Api) -> None:
    customer("POST", "/role", 201, {"name": "lister", "permissions": ["LIST_ROLES"]})
    customer("POST", "/user", 201, {"name": "r", "roles": ["lister"], "password": "the lister's one"})
    user = Api(server.url, "r", "the lister's one")
    user("GET", "/role", 200)
    customer("PUT", "/role/lister", 200, {"name": "lister", "permissions": []})
    user("GET", "/role", 403)
    customer("PUT", "/role/lister", 200, {"name": "lister", "permissions": ["LIST_ROLES"]})
    user("GET", "/role", 200)
    customer("PUT", "/user/r", 200, {"name": "r", "roles": []})
    user("GET", "/role", 403)
    customer("PUT", "/user/r", 200, {"name": "r", "roles": ["lister"], "active": False})
    user("GET", "/role", 401)
    customer("PUT", "/user/r", 200, {"name": "r", "roles": ["lister"], "password": "the lister's new"})
    user("GET", "/role", 401)
    user = Api(server.url, "r", "the lister's new")
    user("GET", "/role", 200)
    allowed = admin("GET", "/tenant/customer", 200)["allowedPermissions"]
    admin("PATCH", "/tenant/customer", 200, {"allowedPermissions": ["USE_API"]})
    user("GET", "/role", 403)
    admin("PATCH", "/tenant/customer", 200, {"allowedPermissions": allowed, "active": False})
    user("GET", "/role", 401)
    admin("PATCH", "/tenant/customer", 200, {"active": True})
    user("GET", "/role", 200)
    customer("DELETE", "/user/r", 200)
    user("GET", "/role", 401)


def test_api_keys(server: Server, admin: Api, customer: Api) -> None:
    made = customer("POST", "/apikey", 201, {"roles": ["all"], "comment": "for tests"})
    secret = made.pop("key")
    key = Api(server.url, "", "", key=secret)
    assert key("GET", f"/apikey/{made['id']}", 200) == made
    assert "key" not in made
    bearer = httpx.get(f"{server.url}/api/v1/role", headers={"authorization": f"Bearer {secret}"})
    assert bearer.status_code == 200
    admin("GET", f"/apikey/{made['id']}", 403)
    customer("POST", "/apikey", 400, {"roles": ["nothing"]})
    customer("POST", "/apikey", 400, {"networks": ["here"]})
    admin("POST", "/apikey", 400, {"roles": ["all"]}, tenant="customer")
    outside = customer("POST", "/apikey", 201, {"roles": ["all"], "networks": ["192.0.2.0/24"]})["key"]
    Api(server.url, "", "", key=outside)("GET", "/role", 401)
    expired = customer("POST", "/apikey", 201, {"roles": ["all"], "expires": time.time() - 1})["key"]
    Api(server.url, "", "", key=expired)("GET", "/role", 401)
    customer("DELETE", f"/apikey/{made['id']}", 200)
    key("GET", "/role", 401)
    customer("DELETE", f"/apikey/{made['id']}", 404)
    assert secret not in server.text()


def test_tsig_keys(admin: Api, customer: Api) -> None:
    made = customer("POST", "/tsigkey", 201, {"name": "Key.Customer", "transfer": True, "types": ["txt"]})
    assert made["name"] == "key.customer."
    assert len(made.pop("secret")) == 44
    assert customer("GET", "/tsigkey/key.customer", 200) == made
    customer("POST", "/tsigkey", 409, {"name": "key.customer."})
    for wrong in ({"algorithm": "md5"}, {"secret": "!"}, {"secret": "YQ=="}, {"types": ["NO"]}, {"name": ""}):
        customer("POST", "/tsigkey", 400, {"name": "k", **wrong})
    admin("GET", "/tsigkey/key.customer", 403)
    assert [each["name"] for each in customer("GET", "/tsigkey", 200)] == ["key.customer."]
    customer("DELETE", "/tsigkey/key.customer.", 200)
    customer("DELETE", "/tsigkey/key.customer.", 404)


def test_a_tenant_gives_no_more_than_it_has(server: Server, admin: Api) -> None:
    made = admin("POST", "/tenant", 201, {"name": "reseller", "allowedPermissions": ["CREATE_TENANT", "USE_API"]})
    admin("POST", "/role", 201, {"name": "all", "permissions": EVERY}, tenant=made["id"])
    admin("POST", "/user", 201, {"name": "reseller", "roles": ["all"], "password": "the reseller's"}, tenant=made["id"])
    reseller = Api(server.url, "reseller", "the reseller's")
    reseller("POST", "/tenant", 403, {"name": "too much"})
    reseller("POST", "/tenant", 201, {"name": "enough", "allowedPermissions": ["USE_API"]})
    reseller("GET", "/role", 403)


def test_first_start_writes_a_password_only_its_owner_reads(tmp_path: Path) -> None:
    with serving(tmp_path, workers=1) as server:
        file = server.db_path / "password.txt"
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
        password = file.read_text().strip()
        admin = Api(server.url, "admin", password)
        admin("POST", "/user", 201, {"name": "kept", "password": "a kept password"})
        assert password not in server.text()
        server.stop()
        server.start()
        assert file.read_text().strip() == password
        admin("GET", "/user/kept", 200)
        Api(server.url, "kept", "a kept password")("GET", "/version", 200)


def test_reset_auth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path, "--admin-password", PASSWORD, workers=1) as server:
        admin = Api(server.url, "admin", PASSWORD)
        admin("POST", "/user", 201, {"name": "kept", "password": "a kept password"})
        admin("PUT", "/role/Administrator", 200, {"name": "Administrator"})
        admin("GET", "/user", 403)
        running = nsblast("reset-auth", "-d", server.db_path)
        assert running.code != 0
        assert "stop it first" in running.err
        server.stop()
        assert nsblast("reset-auth", "-d", server.db_path).code == 0
        password = (server.db_path / "password.txt").read_text().strip()
        server.start()
        admin("GET", "/version", 401)
        assert {user["name"] for user in Api(server.url, "admin", password)("GET", "/user", 200)} == {"admin", "kept"}
        Api(server.url, "kept", "a kept password")("GET", "/version", 200)
        server.stop()
        monkeypatch.setenv("NSBLAST_ADMIN_PASSWORD", PASSWORD)
        assert nsblast("reset-auth", "-d", server.db_path).code == 0
        assert not (server.db_path / "password.txt").exists(), "it is no longer the password"


def test_a_first_password_that_is_too_short_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pytest.raises(AssertionError, match="admin_password: expected at least 12 characters"),
        serving(tmp_path, "--admin-password", "eleven char", workers=1),
    ):
        pass
    with serving(tmp_path, "--admin-password", "eleven char", "--password-min", "11", workers=1) as server:
        Api(server.url, "admin", "eleven char")("GET", "/version", 200)
        server.stop()
        monkeypatch.setenv("NSBLAST_ADMIN_PASSWORD", "short")
        refused = server.command("reset-auth", check=False)
        assert refused.returncode == 78
        assert "admin_password: expected at least 12 characters" in refused.stderr
