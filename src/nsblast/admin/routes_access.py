"""Endpoints of tenants, roles and users, and the list of permissions.

Owns: what each method needs and answers. Never: rules among accounts (access/rules.py), JSON's members (account_forms.py).
What lies in another tenant than the one acted in is Forbidden, whether it is there or not.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import msgspec

from nsblast.access.accounts import Accounts
from nsblast.access.changes import AccountChange, AccountResult, Alter, Delete, Op, Put
from nsblast.access.index import name_of
from nsblast.access.login import Login
from nsblast.access.may import ALL_TENANTS, Actor
from nsblast.access.passwords import check_new
from nsblast.access.permissions import ROLE_PERMISSIONS, Permission
from nsblast.access.records_v1 import KINDS, Account, Role, Tenant, User, shown
from nsblast.admin.account_forms import (
    EVERY_PERMISSION,
    RoleForm,
    TenantForm,
    TenantPatch,
    UserForm,
    patched,
    role_of,
    show,
    tenant_of,
)
from nsblast.admin.calls import Acting, Answer, Call, Endpoint, Page, Paging, Refused, Writing
from nsblast.errors import Forbidden, InputError, NotFound
from nsblast.zones.model import Expect

P = Permission
_Record = TypeVar("_Record", bound=Account)


def accounts_of(call: Call) -> Accounts:
    """The accounts there are."""
    if call.site.accounts is None:
        raise Refused("the server has no accounts yet", status=503)
    return call.site.accounts


def login_of(call: Call) -> Login:
    """Who hashes passwords."""
    if call.site.login is None:
        raise Refused("the server has no accounts yet", status=503)
    return call.site.login


async def change(call: Call, *ops: Op) -> AccountResult:
    """Commit, or try when dry_run is asked for."""
    wanted = AccountChange(ops, actor=call.actor.name, address=call.address, dry_run=call.query.dry_run)
    return await asyncio.wrap_future(accounts_of(call).submit(wanted))


def answer(call: Call, result: AccountResult, record: Account | None, status: int = 200) -> Answer:
    """The record as it is now; for a dry run, every record that would change."""
    if call.query.dry_run:
        return Answer(
            [
                {"kind": KINDS[type(after or before)], "before": shown(before), "after": shown(after)}
                for before, after in result.changed
            ]
        )
    if record is not None:
        for _, after in result.changed:
            if after is not None and type(after) is type(record) and name_of(after) == name_of(record):
                record = after
    return Answer(show(record) if record is not None else None, status=status)


def listed(call: Call, records: Iterator[_Record], key: Callable[[_Record], str] = name_of) -> Answer:
    """One page."""
    query: Paging = call.query
    some = list(islice(records, query.limit + 1))
    page = some[: query.limit]
    mixed = call.actor.tenant == ALL_TENANTS
    value = [key(each) if query.kind == "id" else show(each, tenant=mixed) for each in page]
    first, last = (key(page[0]), key(page[-1])) if page else ("", "")
    return Answer(value, page=Page(len(some) > query.limit, query.limit, first, last))


def mine(actor: Actor, record: Account | None, kind: str, name: str) -> None:
    """Forbidden when it is another tenant's, NotFound when there is none."""
    if record is None:
        raise NotFound(f"there is no {kind} {name}", kind=kind, name=name)
    if not isinstance(record, Tenant) and not actor.owns(record.tenant):
        raise Forbidden(f"{kind} {name} is not within reach of {actor.name}")


# -- tenants


def _reach(call: Call, permission: Permission, own: Permission) -> tuple[Tenant, bool]:
    """(the tenant of the path, whether it is reached as one's own only)."""
    actor, ident = call.actor, call.path["tenant"]
    found = accounts_of(call).tenant(ident)
    if actor.may(permission):
        if found is None:
            raise NotFound(f"there is no tenant {ident}", kind="tenant", name=ident)
        return found, False
    if found is not None and found.id == actor.tenant and actor.may(own):
        return found, True
    raise Forbidden(f"{permission} is not permitted to {actor.name}")


def _cap(call: Call, allowed: list[str], had: list[str] | None = None) -> None:
    """Nobody gives a tenant more than the own one may have."""
    home = accounts_of(call).tenant(call.actor.home)
    beyond = set(allowed) - set(home.allowed if home is not None else ()) - set(had or ())
    if beyond & set(EVERY_PERMISSION):
        raise Forbidden(f"allowedPermissions: {', '.join(sorted(beyond))}: your own tenant may not do that")


def cap_elsewhere(call: Call, permissions: Iterable[str]) -> None:
    """Nor, in another tenant, to an account there more than the own tenant may have: it could act by that account."""
    accounts, actor = accounts_of(call), call.actor
    if actor.tenant == actor.home:
        return
    home, there = accounts.tenant(actor.home), accounts.tenant(actor.tenant)
    worth = set(permissions) & set(there.allowed if there is not None else ())
    beyond = worth - set(home.allowed if home is not None else ())
    if beyond:
        raise Forbidden(f"{', '.join(sorted(beyond))}: your own tenant may not do that")


def cap_roles(call: Call, roles: Iterable[str]) -> None:
    """The same for what some roles of the tenant acted in are worth."""
    found = (accounts_of(call).role(call.actor.tenant, name) for name in roles)
    cap_elsewhere(call, {permission for role in found if role is not None for permission in role.permissions})


async def list_tenants(call: Call) -> Answer:
    """GET /tenant."""
    query: Paging = call.query
    return listed(call, accounts_of(call).tenants(after=query.start, backwards=query.backwards))


async def get_tenant(call: Call) -> Answer:
    """GET /tenant/{tenant}."""
    return Answer(show(_reach(call, P.GET_TENANT, P.GET_SELF_TENANT)[0]))


async def post_tenant(call: Call) -> Answer:
    """POST /tenant."""
    form: TenantForm = body_of(call)
    record = tenant_of(form, form.id or str(uuid.uuid4()))
    _cap(call, record.allowed)
    return answer(call, await change(call, Put(record, Expect.ABSENT)), record, 201)


async def put_tenant(call: Call) -> Answer:
    """PUT /tenant/{tenant}."""
    form: TenantForm = body_of(call)
    found, own = _reach(call, P.UPDATE_TENANT, P.UPDATE_SELF_TENANT)
    _same_id(form.id, found)
    record = tenant_of(form, found.id)
    if form.allowed is None:
        record = msgspec.structs.replace(record, allowed=found.allowed)
    return await _alter_tenant(call, found, lambda had: msgspec.structs.replace(record, created=had.created), own)


async def patch_tenant(call: Call) -> Answer:
    """PATCH /tenant/{tenant}."""
    form: TenantPatch = body_of(call)
    found, own = _reach(call, P.UPDATE_TENANT, P.UPDATE_SELF_TENANT)
    _same_id("" if form.id is msgspec.UNSET else form.id, found)
    return await _alter_tenant(call, found, lambda had: patched(had, form), own)


def _same_id(given: str, found: Tenant) -> None:
    if given and given != found.id:
        raise InputError(f"id: {given!r} cannot become the id of tenant {found.id}", member="id", value=given)


async def _alter_tenant(call: Call, found: Tenant, alter: Callable[[Tenant], Tenant], own: bool) -> Answer:
    after = alter(found)
    if own and (after.active, after.allowed, after.root) != (found.active, found.allowed, found.root):
        raise Forbidden("active, allowedPermissions and root of the own tenant are for others to change")
    if not own:
        _cap(call, after.allowed, found.allowed)

    def within(had: Tenant) -> Tenant:
        now = alter(had)
        if own:  # whatever happened to them meanwhile stands
            now = msgspec.structs.replace(now, active=had.active, allowed=had.allowed, root=had.root)
        return now

    return answer(call, await change(call, Alter(Tenant, found.id, within)), after)


async def delete_tenant(call: Call) -> Answer:
    """DELETE /tenant/{tenant}."""
    found, _ = _reach(call, P.DELETE_TENANT, P.DELETE_SELF_TENANT)
    return answer(call, await change(call, Delete(Tenant, found.id)), None)


# -- roles


async def list_roles(call: Call) -> Answer:
    """GET /role."""
    query: Paging = call.query
    mixed = call.actor.tenant == ALL_TENANTS
    records = accounts_of(call).roles(call.actor.tenant, after=query.start, backwards=query.backwards)
    return listed(call, records, name_of if mixed else lambda role: role.name)


def _role(call: Call) -> Role:
    found = accounts_of(call).role(call.actor.tenant, call.path["role"])
    mine(call.actor, found, "role", call.path["role"])
    assert found is not None
    return found


async def get_role(call: Call) -> Answer:
    """GET /role/{role}."""
    return Answer(show(_role(call)))


async def post_role(call: Call) -> Answer:
    """POST /role."""
    record = role_of(body_of(call), call.actor.tenant)
    cap_elsewhere(call, record.permissions)
    return answer(call, await change(call, Put(record, Expect.ABSENT)), record, 201)


async def put_role(call: Call) -> Answer:
    """PUT /role/{role}."""
    form: RoleForm = body_of(call)
    found = _role(call)
    _no_rename(form.name, found.name)
    record = role_of(form, call.actor.tenant)
    cap_elsewhere(call, record.permissions)
    return answer(call, await change(call, Put(record, Expect.PRESENT)), record)


async def delete_role(call: Call) -> Answer:
    """DELETE /role/{role}."""
    found = _role(call)
    return answer(call, await change(call, Delete(Role, found.name, found.tenant)), None)


async def list_permissions(call: Call) -> Answer:
    """GET /permissions."""
    if not any(call.actor.may(permission) for permission in ROLE_PERMISSIONS):
        raise Forbidden(f"permissions are listed for who may do something with roles, not for {call.actor.name}")
    return Answer(EVERY_PERMISSION)


# -- users


async def list_users(call: Call) -> Answer:
    """GET /user."""
    query: Paging = call.query
    return listed(call, accounts_of(call).users(call.actor.tenant, after=query.start, backwards=query.backwards))


def _user(call: Call, permission: Permission, own: Permission | None = None) -> User:
    name, actor = call.path["user"], call.actor
    if not actor.may(permission) and not (own is not None and name == actor.user and actor.may(own)):
        actor.demand(permission)
    found = accounts_of(call).user(name)
    mine(actor, found, "user", name)
    assert found is not None
    return found


async def get_user(call: Call) -> Answer:
    """GET /user/{user}."""
    return Answer(show(_user(call, P.GET_USER, P.GET_SELF_USER)))


async def post_user(call: Call) -> Answer:
    """POST /user."""
    form: UserForm = body_of(call)
    record = await _user_of(call, form, "")
    return answer(call, await change(call, Put(record, Expect.ABSENT)), record, 201)


async def put_user(call: Call) -> Answer:
    """PUT /user/{user}."""
    form: UserForm = body_of(call)
    found = _user(call, P.UPDATE_USER)
    _no_rename(form.name, found.name)
    record = await _user_of(call, form, found.password)

    def alter(had: User) -> User:
        kept = had.password if form.password is None else record.password
        return msgspec.structs.replace(record, password=kept, created=had.created)

    return answer(call, await change(call, Alter(User, found.name, alter, found.tenant)), record)


async def _user_of(call: Call, form: UserForm, kept: str) -> User:
    cap_roles(call, form.roles)
    if form.password is not None:
        check_new(form.password, call.site.settings.password_min)
        kept = await login_of(call).hash_password(form.password)
    return User(
        tenant=call.actor.tenant,
        name=form.name,
        roles=list(dict.fromkeys(form.roles)),
        active=form.active,
        password=kept,
        properties=form.properties,
    )


async def delete_user(call: Call) -> Answer:
    """DELETE /user/{user}."""
    found = _user(call, P.DELETE_USER, P.DELETE_SELF_USER)
    return answer(call, await change(call, Delete(User, found.name, found.tenant)), None)


def body_of(call: Call) -> Any:
    """The decoded body; InputError when there is none."""
    if call.body is None:
        raise InputError("body: missing")
    return call.body


def _no_rename(given: str, name: str) -> None:
    if given != name:
        raise InputError(f"name: {given!r} is not {name!r}: renaming is not possible", member="name", value=given)


def endpoint(
    method: str, path: str, handler: Any, permission: Permission | None, summary: str, **more: Any
) -> Endpoint:
    """One line of the table, with what these endpoints have in common."""
    kinds = {"GET": Acting, "POST": Writing, "PUT": Writing, "PATCH": Writing, "DELETE": Writing}
    more.setdefault("query", Paging if "{" not in path and method == "GET" else kinds[method])
    more.setdefault("answers", {})
    more["answers"] = {(201 if method == "POST" else 200): summary, **more["answers"]}
    return Endpoint(
        method=method, path=path, handler=handler, permission=permission, summary=summary, tag="access", **more
    )


GONE = {404: "there is none of that name"}
TAKEN = {409: "there is one of that name", 404: "the tenant acted in is gone"}

ENDPOINTS = (
    endpoint("GET", "/tenant", list_tenants, P.LIST_TENANTS, "Tenants, by id"),
    endpoint("POST", "/tenant", post_tenant, P.CREATE_TENANT, "Make a tenant", body=TenantForm, answers={409: "id or name taken"}),
    endpoint("GET", "/tenant/{tenant}", get_tenant, None, "A tenant by id or name", answers=GONE),
    endpoint("PUT", "/tenant/{tenant}", put_tenant, None, "Replace a tenant's members", body=TenantForm, answers={**GONE, 409: "name taken"}),
    endpoint("PATCH", "/tenant/{tenant}", patch_tenant, None, "Change some of a tenant's members", body=TenantPatch, answers={**GONE, 409: "name taken"}),
    endpoint("DELETE", "/tenant/{tenant}", delete_tenant, None, "Delete a tenant with its users, roles and keys", answers={**GONE, 409: "it has zones"}),
    endpoint("GET", "/role", list_roles, P.LIST_ROLES, "Roles, by name"),
    endpoint("POST", "/role", post_role, P.CREATE_ROLE, "Make a role", body=RoleForm, answers=TAKEN),
    endpoint("GET", "/role/{role}", get_role, P.GET_ROLE, "A role", answers=GONE),
    endpoint("PUT", "/role/{role}", put_role, P.UPDATE_ROLE, "Replace a role", body=RoleForm, answers=GONE),
    endpoint("DELETE", "/role/{role}", delete_role, P.DELETE_ROLE, "Delete a role, and take it off users and keys", answers=GONE),
    endpoint("GET", "/permissions", list_permissions, None, "Names of all permissions", query=Acting),
    endpoint("GET", "/user", list_users, P.LIST_USERS, "Users, by name"),
    endpoint("POST", "/user", post_user, P.CREATE_USER, "Make a user", body=UserForm, answers=TAKEN),
    endpoint("GET", "/user/{user}", get_user, None, "A user", answers=GONE),
    endpoint("PUT", "/user/{user}", put_user, P.UPDATE_USER, "Replace a user's members", body=UserForm, answers=GONE),
    endpoint("DELETE", "/user/{user}", delete_user, None, "Delete a user with its API keys", answers=GONE),
)  # fmt: skip
