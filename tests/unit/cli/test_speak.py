"""Results, errors and exit codes of commands, without a database."""

import errno
import json
from collections.abc import Iterator

import click
import pytest

from nsblast.cli.speak import database_options, one_line, run, say, say_json_list, show_progress
from nsblast.errors import InputError, NotFound


@click.command()
@click.argument("what")
@database_options
def sample(what: str, **_: object) -> None:
    """Fails as it is told."""
    if what == "input":
        raise InputError("bad.zone:3:7: expected a TTL,\nfound 'x'", file="bad.zone", line=3)
    if what == "missing":
        raise NotFound("there is no zone a.")
    if what == "disk":
        raise OSError(errno.ENOSPC, "No space left on device")
    if what == "interrupt":
        raise KeyboardInterrupt
    if what == "pipe":
        raise BrokenPipeError
    say("done")


@pytest.mark.parametrize(
    ("what", "code", "line"),
    [
        ("fine", 0, ""),
        ("input", 65, "nsblast: bad.zone:3:7: expected a TTL, found 'x'\n"),
        ("missing", 3, "nsblast: there is no zone a.\n"),
        ("disk", 74, "nsblast: cannot finish sample: No space left on device\n"),
        ("interrupt", 130, "nsblast: interrupted\n"),
    ],
)
def test_every_failure_is_one_line_and_a_code(
    what: str, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(sample, [what]) == code
    assert capsys.readouterr().err == line


def test_wrong_use_is_one_line_and_names_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(sample, ["fine", "--colour"]) == 64
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "--colour" in told.err
    assert "--help" in told.err


def test_json_tells_the_error_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(sample, ["input", "--json"]) == 65
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert document["error"] == "InputError"
    assert document["details"] == {"file": "bad.zone", "line": 3}
    assert told.err.count("\n") == 1


def test_json_behind_two_dashes_is_an_argument(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(sample, ["--", "--json"]) == 0
    assert capsys.readouterr().out == "done\n"


def test_help_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(sample, ["--help"]) == 0
    assert "--db-path" in capsys.readouterr().out


def test_list_is_written_as_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    counted = 0

    def items() -> Iterator[dict[str, int]]:
        nonlocal counted
        for counted in range(1, 4):
            yield {"n": counted}

    say_json_list("items", items(), count=lambda: counted)
    assert json.loads(capsys.readouterr().out) == {"items": [{"n": 1}, {"n": 2}, {"n": 3}], "count": 3}


def test_empty_list_is_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    say_json_list("items", iter(()))
    assert json.loads(capsys.readouterr().out) == {"items": []}


def test_progress_is_for_terminals() -> None:
    assert not show_progress(False)
    assert one_line(" a\n  b\tc ") == "a b c"
