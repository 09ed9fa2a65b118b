"""Zones in a real store, imported by the command: the same face as tests/helpers/tables.py."""

import shutil
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path

from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader
from tests.helpers.commands import nsblast


class Stored:
    """Any number of zones in a database that goes with this object."""

    def __init__(self, texts: Iterable[str]) -> None:
        folder = Path(tempfile.mkdtemp(prefix="nsblast-stored-"))
        self._end = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        files = []
        for number, text in enumerate(texts):
            files.append(folder / f"{number}.zone")
            files[-1].write_text(text)
        done = nsblast("zone", "import", *files, "-d", folder / "db")
        assert done.code == 0, done.err
        self.database = Database.secondary(folder / "db", folder / "secondary")
        self.reader = StoreReader(self.database)

    @property
    def position(self) -> int:
        return self.reader.position

    def fetch(self, kind: int, apex_labels: int, asked: bytes) -> tuple[bytes, bytes]:
        """(owner, blob) for a miss; blob b"" = nothing."""
        reader = self.reader
        ask = [reader.fetch_in, reader.nsec_cover, reader.nsec3_match, reader.nsec3_cover]
        found = reader.fetch(asked) if kind == 0 else ask[kind - 1](asked, apex_labels)
        return found.owner, found.blob
