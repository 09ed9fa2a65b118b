"""nsblast user | role | tenant: who may do what, of this machine's database, its running server, or a server anywhere (--url).

Owns: the arguments of these commands. Never: rules of accounts (the server has them). Passwords are asked for, or read from a file that
others cannot read: never an argument.
"""

from pathlib import Path
from typing import Any

import click

from nsblast.cli.account_words import deleted, listed, shown
from nsblast.cli.target import anywhere_options, ask_secret, client_anywhere
from nsblast.client import shapes
from nsblast.client.credentials import read_secret
from nsblast.errors import UsageError

_FILE = click.Path(path_type=Path, readable=False)
role_option = click.option("--role", "roles", multiple=True, metavar="ROLE", help="A role it has; may be given again.")
active_option = click.option("--active/--inactive", default=None, help="Whether it can be used.")
property_option = click.option(
    "--property",
    "properties",
    multiple=True,
    metavar="NAME=VALUE",
    help="Something to be kept with it; may be given again.",
)
permission_option = click.option(
    "--permission", "permissions", multiple=True, metavar="NAME", help="A permission (`role permissions`); may be given again."
)  # fmt: skip


def _properties(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise UsageError(f"--property {each}: expected NAME=VALUE")
        found[name] = value
    return found


# -- users


@click.group()
def user() -> None:
    """Make, change, list and delete users."""


@user.command("list")
@anywhere_options
def list_users(as_json: bool) -> None:
    """List users by name."""
    with client_anywhere() as client:
        listed("users", client.users(), lambda each: each.name, as_json)


@user.command("show")
@click.argument("name")
@anywhere_options
def show_user(name: str, as_json: bool) -> None:
    """Show a user."""
    with client_anywhere() as client:
        shown(client.user(name), as_json)


_new_password = click.option(
    "--new-password-file", type=_FILE, metavar="FILE", help="The user's password is the first line of FILE, which others cannot read."
)  # fmt: skip


def _password(file: Path | None, wanted: bool, name: str) -> str | None:
    if file is not None:
        return read_secret(file)
    return ask_secret(f"New password of {name}", twice=True) if wanted else None


@user.command("create")
@click.argument("name")
@role_option
@active_option
@property_option
@_new_password
@click.option("--no-password", is_flag=True, help="Ask for none: nobody can log in until there is one.")
@anywhere_options
def create_user(
    name: str,
    roles: tuple[str, ...],
    active: bool | None,
    properties: tuple[str, ...],
    new_password_file: Path | None,
    no_password: bool,
    as_json: bool,
) -> None:
    """Make a user. The password comes from --new-password-file, or is asked for."""
    made = shapes.User(name, list(roles), active is not False, _properties(properties))
    with client_anywhere() as client:
        shown(client.create_user(made, _password(new_password_file, not no_password, name)), as_json)


@user.command("set")
@click.argument("name")
@role_option
@active_option
@property_option
@_new_password
@click.option("--new-password", is_flag=True, help="Ask for a new password.")
@anywhere_options
def set_user(
    name: str,
    roles: tuple[str, ...],
    active: bool | None,
    properties: tuple[str, ...],
    new_password_file: Path | None,
    new_password: bool,
    as_json: bool,
) -> None:
    """Change a user: what is not given stays. Roles given are all it has then, properties given are added."""
    with client_anywhere() as client:
        there = client.user(name)
        there.roles = list(roles) or there.roles
        there.active = there.active if active is None else active
        there.properties = {**there.properties, **_properties(properties)}
        shown(client.put_user(there, _password(new_password_file, new_password, name)), as_json)


@user.command("delete")
@click.argument("name")
@anywhere_options
def delete_user(name: str, as_json: bool) -> None:
    """Delete a user, and the API keys that go with it."""
    with client_anywhere() as client:
        client.delete_user(name)
    deleted("user", name, as_json)


# -- roles


@click.group()
def role() -> None:
    """Make, change, list and delete roles."""


@role.command("list")
@anywhere_options
def list_roles(as_json: bool) -> None:
    """List roles by name."""
    with client_anywhere() as client:
        listed("roles", client.roles(), lambda each: each.name, as_json)


@role.command("show")
@click.argument("name")
@anywhere_options
def show_role(name: str, as_json: bool) -> None:
    """Show a role."""
    with client_anywhere() as client:
        shown(client.role(name), as_json)


@role.command("permissions")
@anywhere_options
def permissions(as_json: bool) -> None:
    """List all permissions there are."""
    with client_anywhere() as client:
        listed("permissions", iter(client.permissions()), str, as_json)


def _filter_options(function: Any) -> Any:
    for flag, more in reversed((
        ("--fqdn", {"metavar": "NAME", "help": "Only for this name and those below it."}),
        ("--only-name", {"is_flag": True, "help": "With --fqdn: not for the names below it."}),
        ("--regex", {"metavar": "RE2", "help": "Only for names that match as a whole: lower case, without final dot."}),
        ("--type", {"multiple": True, "metavar": "TYPE", "help": "Only for records of this type; may be given again."}),
    )):  # fmt: skip
        function = click.option(flag, **more)(function)
    return function


def _role(name: str, permissions: tuple[str, ...], fqdn: str | None, only_name: bool, regex: str | None, types: tuple[str, ...]) -> shapes.Role:  # fmt: skip
    if only_name and not fqdn:
        raise UsageError("--only-name needs --fqdn")
    limits = shapes.Filter(fqdn or "", not only_name, regex or "", [each.upper() for each in types])
    return shapes.Role(name, list(permissions), limits if fqdn or regex or types else None)


@role.command("create")
@click.argument("name")
@permission_option
@_filter_options
@anywhere_options
def create_role(as_json: bool, type: tuple[str, ...], **given: Any) -> None:
    """Make a role: permissions, and what of the DNS they are for."""
    with client_anywhere() as client:
        shown(client.create_role(_role(types=type, **given)), as_json)


@role.command("set")
@click.argument("name")
@permission_option
@_filter_options
@anywhere_options
def set_role(as_json: bool, type: tuple[str, ...], **given: Any) -> None:
    """Replace a role: its permissions and limits are those given, and no others."""
    with client_anywhere() as client:
        shown(client.put_role(_role(types=type, **given)), as_json)


@role.command("delete")
@click.argument("name")
@anywhere_options
def delete_role(name: str, as_json: bool) -> None:
    """Delete a role, and take it off users and keys."""
    with client_anywhere() as client:
        client.delete_role(name)
    deleted("role", name, as_json)


# -- tenants


@click.group()
def tenant() -> None:
    """Make, change, list and delete tenants."""


@tenant.command("list")
@anywhere_options
def list_tenants(as_json: bool) -> None:
    """List tenants: id and name."""
    with client_anywhere() as client:
        listed("tenants", client.tenants(), lambda each: f"{each.id} {each.name}", as_json)


@tenant.command("show")
@click.argument("which", metavar="ID|NAME")
@anywhere_options
def show_tenant(which: str, as_json: bool) -> None:
    """Show a tenant."""
    with client_anywhere() as client:
        shown(client.tenant_of(which), as_json)


_root = click.option("--root", metavar="NAME", help="Its zones lie at or below NAME.")
_allow = click.option(
    "--allow", multiple=True, metavar="NAME", help="A permission its roles may have; may be given again. [default: all within a tenant]"
)  # fmt: skip


@tenant.command("create")
@click.argument("name")
@click.option("--id", "ident", default="", metavar="UUID", help="Its id. [default: a new one]")
@_root
@_allow
@active_option
@property_option
@anywhere_options
def create_tenant(
    name: str,
    ident: str,
    root: str | None,
    allow: tuple[str, ...],
    active: bool | None,
    properties: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make a tenant."""
    with client_anywhere() as client:
        made = client.create_tenant(
            name,
            ident=ident,
            allowed=list(allow) or None,
            root=root or "",
            active=active is not False,
            properties=_properties(properties),
        )
        shown(made, as_json)


@tenant.command("set")
@click.argument("which", metavar="ID|NAME")
@click.option("--name", metavar="NAME", help="Its new name.")
@_root
@_allow
@active_option
@property_option
@anywhere_options
def set_tenant(
    which: str,
    name: str | None,
    root: str | None,
    allow: tuple[str, ...],
    active: bool | None,
    properties: tuple[str, ...],
    as_json: bool,
) -> None:
    """Change a tenant: what is not given stays. Properties given are added."""
    members: dict[str, Any] = {"name": name, "root": root, "active": active, "allowedPermissions": list(allow) or None}
    with client_anywhere() as client:
        if properties:
            members["properties"] = {**client.tenant_of(which).properties, **_properties(properties)}
        given = {name: value for name, value in members.items() if value is not None}
        shown(client.patch_tenant(which, given), as_json)


@tenant.command("delete")
@click.argument("which", metavar="ID|NAME")
@anywhere_options
def delete_tenant(which: str, as_json: bool) -> None:
    """Delete a tenant with its users, roles and keys. One that has zones stays."""
    with client_anywhere() as client:
        client.delete_tenant(which)
    deleted("tenant", which, as_json)
