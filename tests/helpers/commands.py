"""Runs `nsblast ARGUMENTS` inside the test's process: the same function as the console script's, some hundred times quicker."""

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nsblast.cli import cli
from nsblast.cli.speak import run


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one JSON document."""
        return json.loads(self.out)


def nsblast(*arguments: str | Path) -> Done:
    """Run it; whatever it does, standard error is at most one line for each thing wrong."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(cli, [str(argument) for argument in arguments])
    done = Done(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))  # type: ignore[attr-defined]
    assert "Traceback" not in done.err, done.err
    return done


@dataclass(frozen=True)
class Database:
    """Commands on one database folder."""

    path: Path
    place: tuple[str, ...] = ()
    """Flags that name it; else -d with its path."""

    def run(self, *arguments: str | Path) -> Done:
        """The command, whatever comes of it."""
        split = arguments.index("--") if "--" in arguments else len(arguments)
        return nsblast(*arguments[:split], *(self.place or ("-d", self.path)), *arguments[split:])

    def ok(self, *arguments: str | Path) -> str:
        """What it prints; it must succeed and have nothing to complain of."""
        done = self.run(*arguments)
        assert (done.code, done.err) == (0, ""), done
        return done.out

    def json(self, *arguments: str | Path) -> Any:
        """What it prints with --json; it must succeed."""
        split = arguments.index("--") if "--" in arguments else len(arguments)
        return json.loads(self.ok(*arguments[:split], "--json", *arguments[split:]))

    def fails(self, code: int, *arguments: str | Path) -> str:
        """Its one line on standard error; it must fail with this code and print nothing."""
        done = self.run(*arguments)
        assert done.code == code, done
        assert done.out == "", done
        assert done.err.count("\n") == 1, done
        assert done.err.startswith("nsblast: "), done
        return done.err.removeprefix("nsblast: ").rstrip("\n")
