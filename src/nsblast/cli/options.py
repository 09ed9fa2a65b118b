"""The flags of `serve` and `config`: every setting is one, under its own name."""

import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from nsblast.settings import Settings, is_live, shown
from nsblast.settings_layers import Layers, Loaded, flag

Command = TypeVar("Command", bound=Callable[..., Any])

config_option = click.option("--config", type=click.Path(path_type=Path, readable=False), help="Settings file (TOML).")


def setting_options(command: Command) -> Command:
    """A flag for every setting; what is not given stays None (or empty), so that weaker layers count."""
    for name, info in reversed(Settings.model_fields.items()):
        kind = info.annotation
        names = ["-d", "--db-path"] if name == "db_path" else [flag(name)]
        standard = shown(name, info.default)
        words = [info.description or ""]
        if standard not in (None, "", []):
            words.append(f"[default: {', '.join(standard) if isinstance(standard, list) else standard}]")
        text = " ".join(words)
        if kind is bool:
            option = click.option(f"{flag(name)}/--no-{flag(name)[2:]}", name, default=None, help=text)
        else:
            option = click.option(
                *names, name, multiple=_is_list(kind), metavar=_metavar(name, info.default), help=text
            )
        command = option(command)
    return command


def layers_of(config: Path | None, flags: dict[str, Any]) -> Layers:
    """The layers of one command."""
    return Layers(
        config=config, flags={name: _joined(value) for name, value in flags.items() if value not in (None, ())}
    )


def load(config: Path | None, **flags: Any) -> Loaded:
    """Settings as a command sees them."""
    return layers_of(config, flags).load()


def reloadable(name: str) -> str:
    """A word for `config show`."""
    return "SIGHUP" if is_live(name) else "restart"


def _joined(value: Any) -> Any:
    """--dns-endpoint A --dns-endpoint B is one list."""
    return [part for item in value for part in str(item).split(",")] if isinstance(value, tuple) else value


def _is_list(kind: Any) -> bool:
    return typing.get_origin(kind) is tuple


def _metavar(name: str, default: Any) -> str:
    kind = Settings.model_fields[name].annotation
    if typing.get_origin(kind) is typing.Literal:
        return "|".join(typing.get_args(kind))
    if isinstance(default, Path) or (typing.get_origin(kind) is types.UnionType and Path in typing.get_args(kind)):
        return "PATH"
    if kind is float:
        return "TIME"
    if name.endswith(("_size", "_cache", "_buffer", "_memory")):
        return "SIZE"
    if name.endswith("_endpoint"):
        return "ADDR"
    if isinstance(default, int) or name.endswith("_port"):
        return "N"
    return "TEXT"
