"""Where a command works: on this machine's database, or by --url on a server anywhere, over its admin API.

Owns: --url and the flags that say who asks; secrets from files, the environment or a prompt. Never: what is asked.
httpx is imported only by commands that use --url. The flags are kept in click's context, so that commands which work either way
take no argument for them.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from nsblast.backend import Backend
from nsblast.cli.speak import database_options, json_option, settings_of
from nsblast.errors import UsageError
from nsblast.settings import Settings

if TYPE_CHECKING:
    from nsblast.client import Client, Credentials

F = TypeVar("F", bound=Callable[..., Any])
_META = "nsblast.url"
_PLACE = "nsblast.place"
_FILE = click.Path(path_type=Path, readable=False)
_LOCAL = ("db_path", "config", "backup_path")
_OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("--url", {"metavar": "URL", "envvar": "NSBLAST_URL", "help": "Ask the server at URL, over its admin API. [env: NSBLAST_URL]"}),
    ("--user", {"metavar": "NAME", "help": "Log in as NAME; the password comes from --password-file, NSBLAST_PASSWORD or a prompt. [env: NSBLAST_USER]"}),
    ("--password-file", {"type": _FILE, "metavar": "FILE", "help": "The password is the first line of FILE, which others cannot read. [env: NSBLAST_PASSWORD_FILE]"}),
    ("--api-key", {"metavar": "KEY", "help": "Log in by an API key; - asks for it. KEY stands in the list of processes: better in NSBLAST_API_KEY."}),
    ("--api-key-file", {"type": _FILE, "metavar": "FILE", "help": "The API key is the first line of FILE, which others cannot read. [env: NSBLAST_API_KEY_FILE]"}),
    ("--tenant", {"metavar": "TENANT", "help": "Act in this tenant (id or name)."}),
    ("--ca-file", {"type": _FILE, "metavar": "FILE", "envvar": "NSBLAST_CA_FILE", "help": "Trust these certificates (PEM) instead of the system's. [env: NSBLAST_CA_FILE]"}),
)  # fmt: skip


def place_options(function: F) -> F:
    """Add what database_options adds, and --url with its company."""
    return _url_options(database_options(function))


def anywhere_options(function: F) -> F:
    """Add what place_options adds, but for as_json kept in click's context: for commands that speak by the client, wherever that asks."""
    function = json_option(function)
    for flags, text in (
        (("--config",), "Settings file (TOML)."),
        (("-d", "--db-path"), "Folder of the database; else as in the settings."),
    ):
        function = click.option(*flags, type=_FILE, expose_value=False, callback=_keep_place, help=text)(function)
    return _url_options(function)


def _keep_place(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    context.meta.setdefault(_PLACE, {})[parameter.name] = value


def _url_options(function: F) -> F:
    for flag, more in reversed(_OPTIONS):
        function = click.option(flag, expose_value=False, callback=_keep, **more)(function)
    return function


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    context.meta.setdefault(_META, {})[parameter.name] = value


def tenant_given() -> str:
    """What --tenant says, for commands that know tenants of this machine's database too; "" when it was not given."""
    given = click.get_current_context().meta.get(_META, {})
    return given.get("tenant") or ""


def client_if_url(*, tenant_goes: bool = False) -> "Client | None":
    """The client of --url; None when the database of this machine is meant. tenant_goes: --tenant is good for that too."""
    context = click.get_current_context()
    given = context.meta.get(_META, {})
    place = {**context.params, **context.meta.get(_PLACE, {})}
    local = next((name for name in _LOCAL if place.get(name) is not None), None)
    if given.get("url") and local is not None:
        if context.get_parameter_source("url") is ParameterSource.COMMANDLINE:
            raise UsageError(f"--url means another server's database: --{local.replace('_', '-')} does not go with it")
        return None
    if not given.get("url"):
        others = ("url", "ca_file", "tenant") if tenant_goes else ("url", "ca_file")
        stray = next((name for name, value in given.items() if value and name not in others), None)
        if stray is not None:
            raise UsageError(f"--{stray.replace('_', '-')} needs --url")
        return None
    return _client(given)


def local_tenant() -> str:
    """The --tenant of a command that takes it without --url too; "" when there is a --url, whose requests all act in it."""
    given = click.get_current_context().meta.get(_META, {})
    return "" if given.get("url") else given.pop("tenant", None) or ""


def client_anywhere() -> "Client":
    """The client of --url; else of this machine's database, by its server where one runs."""
    client = client_if_url(tenant_goes=True)
    if client is not None:
        return client
    from nsblast.cli.here import client_here

    context = click.get_current_context()
    place = context.meta.get(_PLACE, {})
    settings = settings_of(place.get("db_path"), place.get("config"))
    return client_here(settings, context.command_path.removeprefix("nsblast "), tenant_given())


def opened(settings: Settings, who: str, *, create: bool = False) -> Backend:
    """What a command works on: the server of --url, the running server of this machine, or its store."""
    client = client_if_url()
    if client is not None:
        from nsblast.cli.over_http import UrlBackend

        return UrlBackend(client)
    from nsblast.backend.opening import connect

    return connect(settings, who, create=create)


def _client(given: dict[str, Any]) -> "Client":
    from nsblast.client import Client

    who = _credentials(given)
    return Client(given["url"], who, tenant=given.get("tenant") or "", ca_file=given.get("ca_file"))


def _credentials(given: dict[str, Any]) -> "Credentials":
    """Flags count before the environment, a user's flags before a key's variables."""
    from nsblast.client.credentials import Credentials, from_environment, password_from, read_secret

    key, key_file, user = given.get("api_key"), given.get("api_key_file"), given.get("user")
    if sum(bool(each) for each in (key, key_file, user)) > 1:
        raise UsageError("one of --user, --api-key and --api-key-file is enough")
    if key:
        return Credentials(api_key=ask_secret("API key") if key == "-" else key)
    if key_file:
        return Credentials(api_key=read_secret(key_file))
    password_file = given.get("password_file")
    if not user and not password_file and (os.environ.get("NSBLAST_API_KEY") or os.environ.get("NSBLAST_API_KEY_FILE")):
        return from_environment()
    user = user or os.environ.get("NSBLAST_USER")
    if not user:
        raise UsageError("who asks? give --user or --api-key-file, or set NSBLAST_USER or NSBLAST_API_KEY")
    password = read_secret(password_file) if password_file else password_from(os.environ)
    return Credentials(user, ask_secret(f"Password of {user}") if password is None else password)


def ask_secret(what: str, *, twice: bool = False) -> str:
    """What somebody types without seeing it."""
    if not sys.stdin.isatty():
        raise UsageError(f"{what} is needed, and there is no terminal to ask at: see --help for files and variables")
    answer: str = click.prompt(what, hide_input=True, err=True, confirmation_prompt=twice)
    return answer
