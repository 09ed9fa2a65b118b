"""Syncing the log without the interpreter's lock: each log that holds something of a write is synced, in order."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsblast.store.engine import Batch, Database, NotDurable
from nsblast.store.log import Log
from nsblast.store.writer import Broken, Committer
from nsblast.zones.model import ChangeSet
from nsblast.zones.replace import ZoneRules
from tests.unit.zones.editing import APEX, start


class Synced:
    """What was synced: names and sizes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files: list[tuple[str, int]] = []
        self.folders = 0
        monkeypatch.setattr(os, "fdatasync", self._file)
        monkeypatch.setattr(os, "fsync", self._folder)

    def _file(self, file: int) -> None:
        self.files.append((Path(os.readlink(f"/proc/self/fd/{file}")).name, os.fstat(file).st_size))

    def _folder(self, _: int) -> None:
        self.folders += 1


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.primary(tmp_path / "db")
    yield database
    database.close()


def put(key: bytes, value: bytes = b"v") -> Batch:
    batch = Batch(raw_mode=True)
    batch.put(key, value)
    return batch


def logs(database: Database) -> list[tuple[str, int]]:
    return sorted((path.name, path.stat().st_size) for path in database.path.glob("*.log"))


def test_each_synced_write_ends_with_all_of_it_synced(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = Synced(monkeypatch)
    for number in range(5):
        database.write(put(b"k%d" % number))
        assert synced.files[-1] == logs(database)[-1]
    assert len(synced.files) == 5


def test_an_unsynced_write_is_synced_with_the_next(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = Synced(monkeypatch)
    database.write(put(b"a"), sync=False)
    assert not synced.files
    database.write(put(b"b"))
    assert synced.files[-1] == logs(database)[-1]


def test_a_new_log_is_synced_with_its_folder_and_what_was_left_in_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "000007.log"
    old.write_bytes(b"1234")
    synced = Synced(monkeypatch)
    log = Log(tmp_path)
    log.sync()
    assert (synced.files, synced.folders) == ([("000007.log", 4)], 1)
    old.write_bytes(b"123456")
    log.note()
    (tmp_path / "000010.log").write_bytes(b"12")
    log.sync()
    assert [name for name, _ in synced.files[1:]] == ["000007.log", "000007.log", "000010.log"]
    assert dict(synced.files) == {"000007.log": 6, "000010.log": 2}
    assert synced.folders == 2
    with open(tmp_path / "000010.log", "ab") as file:
        file.write(b"3")
    log.sync()
    assert synced.files[-1] == ("000010.log", 3)
    assert synced.folders == 2
    old.unlink()
    (tmp_path / "000010.log").unlink()
    (tmp_path / "000012.log").write_bytes(b"1")
    log.sync()
    assert synced.files[-1] == ("000012.log", 1)
    log.close()


def test_a_new_log_whose_name_was_not_synced_is_not_taken_for_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "000007.log").write_bytes(b"1234")
    log = Log(tmp_path)

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output"):
            log.sync()
        log.note()
    synced = Synced(monkeypatch)
    log.sync()
    assert synced.folders == 1
    log.close()


def test_the_folders_made_for_a_database_are_named_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[str] = []
    sync = os.fsync

    def note(file: int) -> None:
        folders.append(os.readlink(f"/proc/self/fd/{file}"))
        sync(file)

    monkeypatch.setattr(os, "fsync", note)
    Database.primary(tmp_path / "a" / "b").close()
    assert {str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a" / "b")} <= set(folders)


def test_across_flushes_nothing_is_left_out(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = Synced(monkeypatch)
    for number in range(4):
        database.write(put(b"k%d" % number, bytes(1000)))
        database.flush()
        database.write(put(b"l%d" % number))
        assert synced.files[-1] == logs(database)[-1]
        assert synced.files[-1][1] > 0


def test_a_sync_that_fails_ends_the_writer(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    committer = Committer(database, ZoneRules())
    committer.start()

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    broken: list[Broken] = []
    committer.on_broken = broken.append
    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(NotDurable):
        database.write(put(b"x"))
    with pytest.raises(Broken, match="Input/output error"):
        committer.apply(ChangeSet(APEX, start()))
    committer.close()
    assert broken
