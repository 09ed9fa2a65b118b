"""docs/cli.md and docs/configuration.md, made from the commands and the settings themselves.

python ci/reference.py          writes both
python ci/reference.py --check  exit code 1 when one of them is not what it would write
"""

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from nsblast.cli import cli
from nsblast.errors import NsblastError
from nsblast.settings import Settings, is_live, is_secret, shown

DOCS = Path(__file__).resolve().parents[1] / "docs"
SETTINGS_SOURCE = Path(__file__).resolve().parents[1] / "src/nsblast/settings.py"
MADE = "<!-- Made by ci/reference.py: change the help texts in the source, then run it again. -->"


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Every command that does something, depth first, with its full name."""
    context = click.Context(command, info_name=path)
    if not isinstance(command, click.Group):
        yield path, command, context
        return
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        if child is not None:
            yield from commands(child, f"{path} {name}")


def cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def usage(command: click.Command, context: click.Context) -> str:
    return " ".join([context.info_name or "", *command.collect_usage_pieces(context)])


def options(command: click.Command, context: click.Context) -> Iterator[str]:
    settings = {name for name in Settings.model_fields if name not in {"db_path", "log_level"}}
    known = {flag for parameter in command.params for flag in parameter.opts}
    for parameter in command.params:
        # Settings have a page of their own; other commands may have options that happen to be called like one (--user).
        described = parameter.name in settings and "--http-port" in known
        if not isinstance(parameter, click.Option) or described or parameter.hidden:
            continue
        record = parameter.get_help_record(context)
        if record is not None:
            yield f"| `{cell(record[0])}` | {cell(record[1])} |"


def exit_codes() -> Iterator[str]:
    found: dict[int, list[str]] = {}

    def visit(error: type[NsblastError]) -> None:
        if error is not NsblastError and error.__module__ == "nsblast.errors":
            doc = (error.__doc__ or "").split(".")[0].split(";")[0]
            found.setdefault(error.exit_code, []).append(cell(doc))
        for child in error.__subclasses__():
            visit(child)

    visit(NsblastError)
    yield "| 0 | done |"
    yield "| 1 | `zone check` found errors; files of an import failed for different reasons; no master gave the zone |"
    for code in sorted(found):
        yield f"| {code} | {'; '.join(dict.fromkeys(found[code]))} |"


def cli_page() -> str:
    lines = [
        "# The command line",
        "",
        MADE,
        "",
        "Data commands work on a stopped server's database and, through its control socket, on a running one. Results go to",
        "standard output, errors in one line to standard error; with `--json` a result is one JSON document.",
        "",
    ]
    for path, command, context in commands(cli, "nsblast"):
        text = inspect.cleandoc((command.help or "").split("\f")[0]).replace("\b\n", "")
        lines += [f"## {path}", "", text, "", "```", usage(command, context), "```", ""]
        if rows := list(options(command, context)):
            lines += ["| option | meaning |", "|---|---|", *rows, ""]
        if path == "nsblast serve":
            lines += [
                "Every setting of [configuration.md](configuration.md) is an option too: `dns_port` is `--dns-port`.",
                "",
            ]
    lines += ["## Exit codes", "", "| code | when |", "|---|---|", *exit_codes(), ""]
    return "\n".join(line.rstrip() for line in lines)


def default_of(name: str) -> str:
    value = shown(name, Settings.model_fields[name].get_default())
    if value is None or value in ("", []):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "`" + (", ".join(map(str, value)) if isinstance(value, list) else str(value)) + "`"


def sections() -> dict[str, list[str]]:
    """Names of settings under the headings that settings.py gives them."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in SETTINGS_SOURCE.read_text().splitlines():
        if match := re.match(r"    # -- (.*)", line):
            heading = match[1]
        elif (match := re.match(r"    (\w+): ", line)) and match[1] in Settings.model_fields:
            found.setdefault(heading, []).append(match[1])
    return found


def configuration_page() -> str:
    lines = [
        "# Settings",
        "",
        MADE,
        "",
        "A setting has one name in three places, from weak to strong: the TOML file of `--config`, the environment, a flag of",
        "`nsblast serve`. So `dns_port` is `dns_port = 5300` (or `port` below `[dns]`) in the file, `NSBLAST_DNS_PORT=5300` in the",
        "environment and `--dns-port 5300` as a flag. `nsblast config show` tells what is in force and where it came from;",
        "`nsblast config check` looks for mistakes. Unknown keys are errors.",
        "",
        "Sizes are written like `512MiB`, times like `90s` or `30d`. Lists are TOML lists, or separated by commas.",
        "*Live* settings change when the running server gets SIGHUP; others need a restart.",
        "",
    ]
    for heading, names in sections().items():
        lines += [
            f"## {heading[0].upper()}{heading[1:]}",
            "",
            "| setting | default | live | meaning |",
            "|---|---|---|---|",
        ]
        for name in names:
            live = "live" if is_live(name) else ""
            text = cell(Settings.model_fields[name].description or "") + (" (never shown)" if is_secret(name) else "")
            lines.append(f"| `{name}` | {default_of(name)} | {live} | {text} |")
        lines.append("")
    return "\n".join(lines)


PAGES = {"cli.md": cli_page, "configuration.md": configuration_page}


def stale() -> list[str]:
    """Pages that are not what they should be."""
    return [name for name, make in PAGES.items() if not (DOCS / name).exists() or (DOCS / name).read_text() != make()]


def main() -> int:
    if "--check" in sys.argv[1:]:
        for name in stale():
            print(f"docs/{name} is not up to date: run python ci/reference.py")
        return bool(stale())
    for name, make in PAGES.items():
        (DOCS / name).write_text(make())
    return 0


if __name__ == "__main__":
    sys.exit(main())
