"""Documentation says what there is: every command, every setting, every RFC that is proved, every door; and links lead somewhere."""

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import click
import pytest

from nsblast.settings import Settings
from tests.architecture.tree import ROOT, core_modules, python_files

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "ci/reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_up_to_date() -> None:
    assert not reference().stale(), "run python ci/reference.py"


def test_every_command_is_documented() -> None:
    made = reference()
    page = (ROOT / "docs/cli.md").read_text()
    names = [path for path, _, _ in made.commands(made.cli, "nsblast")]
    assert len(names) > 10
    for path in names:
        assert f"\n## {path}\n" in page


def test_every_command_and_option_has_a_help_text() -> None:
    made = reference()
    for path, command, _ in made.commands(made.cli, "nsblast"):
        assert command.help, path
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{path} {parameter.opts[0]}"


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    for name in Settings.model_fields:
        assert f"| `{name}` |" in page


def test_every_rfc_with_tests_is_in_the_table() -> None:
    page = (ROOT / "docs/dns.md").read_text()
    told = set(re.findall(r"^\| (\d{4}) \|", page, re.MULTILINE))
    proved = {
        path.name.removeprefix("rfc")
        for path in (ROOT / "tests/conformance").glob("rfc*")
        if any(path.glob("test_*.py"))
    }
    assert told == proved


def test_core_modules_that_the_table_names_exist() -> None:
    page = (ROOT / "docs/dns.md").read_text()
    files = {str(path.relative_to(ROOT / "src/nsblast")) for path in python_files()}
    known = core_modules() | {"records/", "store/", "zones/", "serve/"} | files
    for line in page.splitlines():
        if re.match(r"\| \d{4} \|", line):
            for name in re.findall(r"`([^`$]+)`", line.rsplit("|", 2)[1]):
                assert name in known, line


def test_every_dependency_is_explained() -> None:
    page = (ROOT / "docs/dependencies.md").read_text().lower()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        assert re.split(r"[^\w-]", requirement)[0].lower() in page, requirement


def test_every_door_is_in_contributing() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    for path in sorted((ROOT / "ci").glob("*.sh")):
        if path.name not in {"env.sh", "copy.sh", "install-packages.sh"}:
            assert f"`ci/{path.name}" in page


def test_the_run_of_integration_is_the_readmes_test_command() -> None:
    lines = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line and not line.startswith("#")]
    assert lines == ["exec ci/run.sh"]
    assert "\n```\nci/run.sh\n```\n" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
