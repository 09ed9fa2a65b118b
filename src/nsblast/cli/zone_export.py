"""Writes a zone as a master file: SOA first, then names in canonical order, each record a line of its own, names absolute.

Owns: the form of an export, and that a file is replaced whole or not at all. Never: which zone. What is written here reads
back (zone import) to the same zone. The zone is read in one version and never held in memory.
"""

import contextlib
import itertools
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from nsblast._core.keys import owner_key
from nsblast._core.name import labels
from nsblast.backend import Backend, Entry
from nsblast.cli import present
from nsblast.cli.speak import Output, file_errors, say_json, say_json_list
from nsblast.records import name_to_text
from nsblast.types import Wire
from nsblast.zones.zonefile import write_zone


def export_zone(backend: Backend, apex: Wire, output: Path | None, *, as_json: bool) -> None:
    """Print the zone or write it to a file; with --json the records, or what was written where."""
    entries = backend.entries(apex)
    # The first step tells whether there is such a zone, before anything is printed or made.
    first = list(itertools.islice(entries, 1))
    entries = itertools.chain(first, entries)
    if output is None or str(output) == "-":
        if as_json:
            records = itertools.chain.from_iterable(map(present.entry_rrs, entries))
            say_json_list("records", map(present.rr_members, records), zone=name_to_text(apex))
        else:
            _write(apex, entries, cast(BinaryIO, Output()))
        return
    with file_errors(f"write {output}"), _replacing(output) as file:
        number = _write(apex, entries, file)
    if as_json:
        say_json({"zone": name_to_text(apex), "file": str(output), "records": number})


def _write(apex: Wire, entries: Iterator[Entry], file: BinaryIO) -> int:
    """Number of records written."""
    depth = labels(apex)
    return write_zone(file, ((owner_key(entry.owner, depth), entry.blob) for entry in entries))


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the path's place when the block ends well; what is no plain file is written to as it is."""
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    target = path.resolve()
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        with draft.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            draft.chmod(target.stat().st_mode & 0o7777)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
