"""Calls about tenants, users, roles, keys and permissions."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from nsblast.client.shapes import ApiKey, Role, Tenant, TsigKey, User
from nsblast.client.transport import part
from nsblast.client.zones import ZoneCalls

T = TypeVar("T")
_TENANT = ("name", "active", "allowedPermissions", "root", "properties")


class AccountCalls(ZoneCalls):
    """See client.Client. `tenant` is the one to act in; lists take "*" for all."""

    # -- tenants

    def tenants(self, *, start: str = "") -> Iterator[Tenant]:
        """All tenants, by id."""
        return self._accounts("/tenant", Tenant, start, "")

    def tenant_of(self, ident: str) -> Tenant:
        """A tenant by id or name."""
        return self._account("GET", f"/tenant/{part(ident)}", Tenant, "")

    def create_tenant(self, name: str, *, ident: str = "", allowed: Sequence[str] | None = None, root: str = "", active: bool = True, properties: dict[str, str] | None = None) -> Tenant:  # fmt: skip
        """Make a tenant. allowed: None = every permission that stays within a tenant."""
        body = {"name": name, "id": ident, "active": active, "root": root, "properties": properties or {}}
        if allowed is not None:
            body["allowedPermissions"] = list(allowed)
        return self._account("POST", "/tenant", Tenant, "", body)

    def put_tenant(self, tenant: Tenant) -> Tenant:
        """Replace the members of the tenant with that id."""
        body = {name: getattr(tenant, "allowed" if name == "allowedPermissions" else name) for name in _TENANT}
        return self._account("PUT", f"/tenant/{part(tenant.id or tenant.name)}", Tenant, "", body)

    def patch_tenant(self, ident: str, members: dict[str, Any]) -> Tenant:
        """Change members: name, active, allowedPermissions, root, properties."""
        return self._account("PATCH", f"/tenant/{part(ident)}", Tenant, "", members)

    def delete_tenant(self, ident: str) -> None:
        """Delete a tenant with its users, roles and keys; one with zones is kept (errors.Taken)."""
        self._gone(f"/tenant/{part(ident)}", "")

    # -- roles

    def roles(self, *, start: str = "", tenant: str = "") -> Iterator[Role]:
        """Roles, by name."""
        return self._accounts("/role", Role, start, tenant)

    def role(self, name: str, *, tenant: str = "") -> Role:
        """A role."""
        return self._account("GET", f"/role/{part(name)}", Role, tenant)

    def create_role(self, role: Role, *, tenant: str = "") -> Role:
        """Make a role."""
        return self._account("POST", "/role", Role, tenant, _role(role))

    def put_role(self, role: Role, *, tenant: str = "") -> Role:
        """Replace the role of that name."""
        return self._account("PUT", f"/role/{part(role.name)}", Role, tenant, _role(role))

    def delete_role(self, name: str, *, tenant: str = "") -> None:
        """Delete a role, and take it off users and keys."""
        self._gone(f"/role/{part(name)}", tenant)

    def permissions(self) -> list[str]:
        """Names of all permissions."""
        return self.ask("GET", "/permissions", list[str])

    # -- users

    def users(self, *, start: str = "", tenant: str = "") -> Iterator[User]:
        """Users, by name."""
        return self._accounts("/user", User, start, tenant)

    def user(self, name: str, *, tenant: str = "") -> User:
        """A user."""
        return self._account("GET", f"/user/{part(name)}", User, tenant)

    def create_user(self, user: User, password: str | None = None, *, tenant: str = "") -> User:
        """Make a user; without a password nobody can log in."""
        return self._account("POST", "/user", User, tenant, _user(user, password))

    def put_user(self, user: User, password: str | None = None, *, tenant: str = "") -> User:
        """Replace the members of the user of that name; without a password the one there is stays."""
        return self._account("PUT", f"/user/{part(user.name)}", User, tenant, _user(user, password))

    def delete_user(self, name: str, *, tenant: str = "") -> None:
        """Delete a user with its API keys."""
        self._gone(f"/user/{part(name)}", tenant)

    # -- keys

    def api_keys(self, *, start: str = "", tenant: str = "") -> Iterator[ApiKey]:
        """API keys, by id, without their secrets."""
        return self._accounts("/apikey", ApiKey, start, tenant)

    def api_key(self, ident: str, *, tenant: str = "") -> ApiKey:
        """An API key, without its secret."""
        return self._account("GET", f"/apikey/{part(ident)}", ApiKey, tenant)

    def create_api_key(self, roles: Sequence[str], *, expires: datetime | float | str | None = None, networks: Sequence[str] = (), comment: str = "", owner: str = "", active: bool = True, tenant: str = "") -> ApiKey:  # fmt: skip
        """Make an API key; its secret (`key`) is in this answer alone. expires: a time, or seconds since 1970."""
        body = {"roles": list(roles), "expires": expires, "networks": list(networks), "comment": comment}
        return self._account("POST", "/apikey", ApiKey, tenant, {**body, "owner": owner, "active": active})

    def delete_api_key(self, ident: str, *, tenant: str = "") -> None:
        """Delete an API key."""
        self._gone(f"/apikey/{part(ident)}", tenant)

    def tsig_keys(self, *, start: str = "", tenant: str = "") -> Iterator[TsigKey]:
        """TSIG keys, by name, without their secrets."""
        return self._accounts("/tsigkey", TsigKey, start, tenant)

    def tsig_key(self, name: str, *, tenant: str = "") -> TsigKey:
        """A TSIG key, without its secret."""
        return self._account("GET", f"/tsigkey/{part(name)}", TsigKey, tenant)

    def create_tsig_key(self, key: TsigKey, *, tenant: str = "") -> TsigKey:
        """Make a TSIG key; a secret is made when it has none, and told in this answer alone."""
        return self._account("POST", "/tsigkey", TsigKey, tenant, _tsig(key))

    def put_tsig_key(self, key: TsigKey, *, tenant: str = "") -> TsigKey:
        """Replace the key of that name; without a secret the one it has stays."""
        return self._account("PUT", f"/tsigkey/{part(key.name)}", TsigKey, tenant, _tsig(key))

    def delete_tsig_key(self, name: str, *, tenant: str = "") -> None:
        """Delete a TSIG key."""
        self._gone(f"/tsigkey/{part(name)}", tenant)

    # -- in common

    def _accounts(self, path: str, kind: type[T], start: str, tenant: str) -> Iterator[T]:
        return self._list(path, kind, start, "forward", 1000, tenant)

    def _account(self, method: str, path: str, kind: type[T], tenant: str, body: Any = None) -> T:
        return self.ask(method, path, kind, query={"tenant": tenant or self.tenant}, body=body)

    def _gone(self, path: str, tenant: str) -> None:
        self.request("DELETE", path, query={"tenant": tenant or self.tenant})


def _tsig(key: TsigKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in TsigKey.__struct_fields__ if name not in ("tenant", "source")}


def _role(role: Role) -> dict[str, Any]:
    return {"name": role.name, "permissions": role.permissions, "filter": role.filter}


def _user(user: User, password: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {name: getattr(user, name) for name in ("name", "roles", "active", "properties")}
    return body if password is None else {**body, "password": password}
