"""nsblast zone check: every problem of master files, one a line, in the form that editors and CI systems jump to.

Owns: the form of the report and the exit code. Never: what is a problem (zones/lint.py). The database is not looked at.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nsblast.cli.speak import file_errors, say, say_json, warn
from nsblast.cli.zone_folder import zone_files
from nsblast.errors import NsblastError, UsageError
from nsblast.types import Wire
from nsblast.zones.lint import ERROR, Problem, check_zone


def check_files(paths: Iterable[Path], origin: Wire | None, *, as_json: bool) -> int:
    """Report on all of them; 1 when any has errors, the error's own code when a file could not be read."""
    counts = {"errors": 0, "warnings": 0}
    reports: list[dict[str, Any]] = []
    unreadable: NsblastError | None = None
    for path in _files(paths, origin):
        try:
            with file_errors(f"read {path}"):
                problems = check_zone(path, origin)
        except NsblastError as error:
            unreadable = error
            warn(error.message)
            counts["errors"] += 1
            reports.append({"file": str(path), "error": error.message})
            continue
        for problem in problems:
            counts["errors" if problem.severity == ERROR else "warnings"] += 1
            if not as_json:
                say(_line(problem))
        reports.append({"file": str(path), "problems": [problem.as_json() for problem in problems]})
    if as_json:
        say_json({"files": reports, **counts})
    else:
        say(f"{counts['errors']} errors, {counts['warnings']} warnings")
    if unreadable is not None:
        return unreadable.exit_code
    return 1 if counts["errors"] else 0


def _files(paths: Iterable[Path], origin: Wire | None) -> Iterator[Path]:
    files = list(zone_files(paths))
    if origin is not None and len(files) > 1:
        raise UsageError(f"--origin names one zone, but there are {len(files)} files")
    return iter(files)


def _line(problem: Problem) -> str:
    place = [problem.file, *(str(at) for at in (problem.line, problem.column) if at)]
    return f"{':'.join(place)}: {problem.severity}: {problem.message} [{problem.code}]"
