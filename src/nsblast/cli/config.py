"""nsblast config show | check: what the settings are and where each came from."""

from pathlib import Path
from typing import Any

import click
import orjson

from nsblast.access import first
from nsblast.access.settings_keys import read_all
from nsblast.cli.options import config_option, load, reloadable, setting_options
from nsblast.cli.speak import json_option, say, say_json
from nsblast.process.privileges import identity_of, raise_limits


@click.group()
def config() -> None:
    """Show and check settings."""


@config.command()
@config_option
@json_option
@setting_options
def show(config: Path | None, as_json: bool, **flags: Any) -> None:
    """Print every setting in force, and where it came from: default, file and line, variable or flag."""
    rows = load(config, **flags).rows()
    if as_json:
        say_json({name: {"value": value, "source": str(source)} for name, value, source in rows})
        return
    width = max(len(name) for name, _, _ in rows)
    texts = [(name, _toml(value), f"{source}, changes with {reloadable(name)}") for name, value, source in rows]
    wide = max(len(text) for _, text, _ in texts)
    for name, text, comment in texts:
        # A setting without a value has no form in TOML: it is shown, but as a comment.
        say(f"{'' if text else '# '}{name:{width if text else width - 2}} = {text:{wide}}  # {comment}")


@config.command()
@config_option
@json_option
@setting_options
def check(config: Path | None, as_json: bool, **flags: Any) -> None:
    """Check the settings without starting: names, values, contradictions, files of keys and certificates, user, file handles."""
    loaded = load(config, **flags)
    settings = loaded.settings
    identity_of(loaded)
    raise_limits(settings)
    read_all(settings.key_files)
    first.check_password(settings.admin_password, settings.password_min)
    if settings.http_endpoint and settings.http_tls_certificate is not None:
        from nsblast.admin.listen import Certificate  # loads a web server: for who has a certificate only

        Certificate(settings)
    if as_json:
        say_json({"ok": True})
    else:
        say("settings are in order")


def _toml(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return orjson.dumps(value).decode()
