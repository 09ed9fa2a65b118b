"""Where settings come from: defaults < TOML file < environment < flags < what was switched while running.

Every value keeps its source, so that `config show` can say it and an error can point at it (file and line, variable,
flag). An unknown name is an error that suggests the nearest known one. What values mean is settings.py's business.
In a TOML file a table's name is a prefix: [tcp] idle_timeout is tcp_idle_timeout; "-" and "_" are the same.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nsblast.errors import SettingsError, from_os
from nsblast.settings import Settings, is_live, is_secret, shown

ENVIRONMENT = "NSBLAST_"
DEFAULT_FILE = Path("/etc/nsblast/nsblast.toml")
# Variables with the prefix that are no settings: the file's path, the build flavour.
_NOT_SETTINGS = {"NSBLAST_CONFIG", "NSBLAST_BUILD"} | {
    # What commands take that ask a server by --url.
    f"NSBLAST_{name}"
    for name in ("URL", "USER", "PASSWORD", "PASSWORD_FILE", "API_KEY", "API_KEY_FILE", "CA_FILE")
}
_NOT_SETTINGS_PREFIX = "NSBLAST_TEST_"


@dataclass(frozen=True)
class Source:
    """Where one value came from."""

    layer: str  # default, file, environment, flag or running
    where: str  # path and line, variable or flag; empty for defaults

    def __str__(self) -> str:
        return f"{self.layer} {self.where}".strip()


@dataclass(frozen=True)
class Loaded:
    """Settings and the source of each that is not a default."""

    settings: Settings
    sources: dict[str, Source]

    def source(self, name: str) -> Source:
        """Where a setting came from."""
        return self.sources.get(name, Source("default", ""))

    def rows(self) -> list[tuple[str, Any, Source]]:
        """Name, value as it is written, source, for every setting."""
        return [(n, shown(n, getattr(self.settings, n)), self.source(n)) for n in Settings.model_fields]


@dataclass
class Layers:
    """The layers of one run, kept so that a reload reads file and environment again under the same flags."""

    config: Path | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    flags: dict[str, Any] = field(default_factory=dict)
    running: dict[str, Any] = field(default_factory=dict)

    def load(self) -> Loaded:
        """Settings of all layers; SettingsError names the place of the first thing wrong."""
        values: dict[str, Any] = {}
        sources: dict[str, Source] = {}

        def take(name: str, value: Any, source: Source) -> None:
            values[name] = value
            sources[name] = source

        path = self._file()
        if path is not None:
            for name, value, line in _read_toml(path):
                take(name, value, Source("file", f"{path}:{line}"))
        for variable, text in sorted(self.environ.items()):
            if (
                not variable.startswith(ENVIRONMENT)
                or variable in _NOT_SETTINGS
                or variable.startswith(_NOT_SETTINGS_PREFIX)
            ):
                continue
            name = variable[len(ENVIRONMENT) :].lower()
            _known(name, f"environment variable {variable}", lambda n: ENVIRONMENT + n.upper())
            take(name, text, Source("environment", variable))
        for name, value in self.flags.items():
            if value is not None and value != ():
                take(name, value, Source("flag", flag(name)))
        for name, value in self.running.items():
            _known(name, "switching while running", lambda n: n)
            if not is_live(name):
                raise SettingsError(f"{name} cannot change while the server runs; set it and restart", key=name)
            take(name, value, Source("running", ""))
        return Loaded(_validate(values, sources), sources)

    def _file(self) -> Path | None:
        named = self.config or (Path(self.environ["NSBLAST_CONFIG"]) if self.environ.get("NSBLAST_CONFIG") else None)
        if named is None and DEFAULT_FILE.is_file():
            return DEFAULT_FILE
        return named


def flag(name: str) -> str:
    """The flag of a setting."""
    return "--" + name.replace("_", "-")


def _validate(values: dict[str, Any], sources: dict[str, Source]) -> Settings:
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        why = _expected(first["type"], name, first.get("ctx", {}))
        if not why:
            why = first["msg"].removeprefix("Value error, ")
            why = why[:1].lower() + why[1:]
        if not name:
            raise SettingsError(f"settings contradict one another: {why}") from None
        source = sources.get(name, Source("default", ""))
        place = source.where or "settings"
        given = "(hidden)" if is_secret(name) else repr(values.get(name))
        raise SettingsError(f"{place}: {name} = {given}: {why}", key=name, source=str(source)) from None


# What pydantic found: what to say instead, and where it keeps the limit.
_LIMITS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
}
_KINDS = {"int_parsing": "a whole number", "int_type": "a whole number", "bool_parsing": "true or false",
          "bool_type": "true or false", "string_type": "text in quotes"}  # fmt: skip


def _expected(kind: str, name: str, context: dict[str, Any]) -> str:
    """Our words for a limit or a kind of value; empty when the error speaks for itself."""
    if kind in _LIMITS:
        words, key = _LIMITS[kind]
        return f"expected {words} {shown(name, context[key])}"
    return f"expected {_KINDS[kind]}" if kind in _KINDS else ""


def _known(name: str, place: str, spell: Any) -> None:
    if name in Settings.model_fields:
        return
    near = difflib.get_close_matches(name, Settings.model_fields, n=1)
    hint = f"; did you mean {spell(near[0])}?" if near else "; `nsblast config show` lists all"
    raise SettingsError(f"{place}: there is no such setting{hint}", key=name)


def _read_toml(path: Path) -> list[tuple[str, Any, int]]:
    """(setting, value, line) of everything in the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(from_os(error, f"read settings file {path}").message) from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8 at octet {error.start}") from None
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", str(error))
        place = f"{path}:{told[2]}:{told[3]}: {told[1]}" if told else f"{path}: {error}"
        raise SettingsError(place) from None
    lines = _lines(text)
    found: dict[str, tuple[Any, int]] = {}
    for dotted, value in _leaves(tree, ()):
        line = lines.get(dotted, 0)
        name = "_".join(dotted).replace("-", "_")
        _known(name, f"{path}:{line}: {'.'.join(dotted)}", lambda n: n)
        if name in found:
            raise SettingsError(f"{path}:{line}: {name} is set twice, first in line {found[name][1]}", key=name)
        found[name] = (value, line)
    return [(name, value, line) for name, (value, line) in found.items()]


def _leaves(tree: dict[str, Any], prefix: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    leaves: list[tuple[tuple[str, ...], Any]] = []
    for key, value in tree.items():
        leaves += _leaves(value, (*prefix, key)) if isinstance(value, dict) else [((*prefix, key), value)]
    return leaves


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Line of each key, by a scan good enough to point at it: tomllib does not tell."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?$", line):
            table = _dotted(match[1])
        elif match := re.match(r"\s*\[\[([^\[\]]+)\]\]\s*(?:#.*)?$", line):
            table = _dotted(match[1])
            lines.setdefault(table, number)
        elif match := re.match(r"\s*([A-Za-z0-9_.\"' -]+?)\s*=", line):
            lines.setdefault((*table, *_dotted(match[1])), number)
    return lines


def _dotted(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in text.split("."))
