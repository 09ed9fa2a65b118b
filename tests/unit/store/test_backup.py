"""Backups: what they hold, that they share what did not change, that damage is found, that nothing half made stays."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from nsblast.errors import Conflict, DiskFull, InputError, NotFound, StoreCorrupt
from nsblast.store import backup_folder
from nsblast.store.backup import CHECKPOINTS, Backups
from nsblast.store.backup_folder import File, Manifest
from nsblast.store.engine import Database
from nsblast.store.restore import restore
from nsblast.store.writer import Committer
from nsblast.zones.model import ChangeSet, Op, PutName
from nsblast.zones.replace import ZoneRules
from tests.unit.zones.editing import APEX, a, start, wire


class World:
    """An open database with one zone, and its backups."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open()
        self.backups = Backups(path)
        self.do(*start())

    def open(self) -> None:
        self.database = Database.primary(self.path)
        self.committer = Committer(self.database, ZoneRules())
        self.committer.start()

    def do(self, *ops: Op) -> None:
        self.committer.apply(ChangeSet(APEX, ops))

    def names(self, first: int, last: int) -> None:
        for number in range(first, last):
            self.do(PutName(wire(f"n{number}.example."), a(number.to_bytes(4, "big"))))

    def contents(self) -> dict[bytes, bytes]:
        return dict(self.database.range(b"", b"\xff"))

    def create(self) -> Manifest:
        return self.backups.create(self.database)

    def close(self) -> None:
        self.committer.close()
        self.database.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path / "db")
    yield found
    found.close()


def lying(path: Path) -> set[str]:
    """Every file in the folder of backups, but for its lock."""
    return {str(each.relative_to(path)) for each in path.rglob("*") if each.is_file() and each.name != "lock"}


def test_restored_is_the_same_record_by_record(world: World) -> None:
    world.names(0, 20)
    before = world.contents()
    made = world.create()
    world.names(20, 30)
    after = world.contents()
    world.close()

    manifest, aside = restore(world.backups, "latest", world.path)
    assert manifest == made
    assert aside is not None
    world.open()
    assert world.contents() == before
    old = Database.primary(aside)
    assert dict(old.range(b"", b"\xff")) == after
    old.close()
    world.names(30, 31)  # and it takes changes


def test_restore_where_there_was_nothing(world: World, tmp_path: Path) -> None:
    world.create()
    other = tmp_path / "other"
    other.mkdir()
    _, aside = restore(world.backups, 1, other)
    assert aside is None
    found = Database.primary(other)
    assert dict(found.range(b"", b"\xff")) == world.contents()
    found.close()


def test_unchanged_files_are_stored_once(world: World) -> None:
    world.names(0, 20)
    first = world.create()
    files = lying(world.backups.folder.files)
    second = world.create()
    shared = {one.sha256 for one in first.files} & {one.sha256 for one in second.files}
    assert any(one.name.endswith(".sst") and one.sha256 in shared for one in second.files)
    assert not any(one.name.endswith(".sst") and one.sha256 not in files for one in second.files)


def test_a_known_file_is_not_read_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.names(0, 5)
    world.create()
    read: list[str] = []
    real = backup_folder.sha256_of
    monkeypatch.setattr("nsblast.store.backup.sha256_of", lambda path: read.append(path.name) or real(path))
    world.create()
    assert read == []
    world.names(5, 6)
    world.create()
    assert len(read) == 1


def test_ids_dates_and_finding(world: World) -> None:
    first, second = world.create(), world.create()
    assert [one.id for one in world.backups.all()] == [1, 2]
    assert world.backups.get(second.uuid) == second
    assert world.backups.get("latest") == second
    assert world.backups.get("1") == first
    for which in (3, "3", "nonsense"):
        with pytest.raises(NotFound, match=r"there is no backup (3|nonsense)"):
            world.backups.get(which)


def test_verify_counts_what_is_there(world: World) -> None:
    world.names(0, 7)
    world.create()
    found = world.backups.verify(1)
    assert (found.zones, found.names) == (1, 8)
    assert found.position == world.committer.last


@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_verify_and_restore_find_damage(world: World, harm: str) -> None:
    world.names(0, 7)
    made = world.create()
    table = next(one for one in made.files if one.name.endswith(".sst"))
    path = world.backups.folder.files / table.sha256
    octets = bytearray(path.read_bytes())
    path.unlink()  # not altered in place: it is a link to the database's own
    if harm == "flip":
        octets[len(octets) // 2] ^= 1
    if harm == "cut":
        del octets[-1]
    if harm != "remove":
        path.write_bytes(octets)
    with pytest.raises(StoreCorrupt, match=f"backup 1: {table.name}"):
        world.backups.verify(1)
    before = world.contents()
    world.close()
    with pytest.raises(StoreCorrupt, match=f"backup 1: {table.name}"):
        restore(world.backups, 1, world.path)
    world.open()
    assert world.contents() == before
    assert not (world.path / "restoring").exists()


def test_files_that_are_no_database_do_not_verify(world: World) -> None:
    """Right checksums of wrong contents: the real open finds it."""
    made = world.create()
    folder = world.backups.folder
    (folder.work).mkdir(exist_ok=True)
    wrong = b"MANIFEST-999999\n"
    digest = __import__("hashlib").sha256(wrong).hexdigest()
    (folder.files / digest).write_bytes(wrong)
    files = [backup_folder.File("CURRENT", len(wrong), digest) if one.name == "CURRENT" else one for one in made.files]
    folder.remove(1)
    folder.put(Manifest(1, made.uuid, made.timestamp, made.version, made.position, files))
    with pytest.raises(StoreCorrupt, match="does not open"):
        world.backups.verify(1)


def test_a_damaged_manifest_is_found_and_can_be_deleted(world: World) -> None:
    world.create()
    world.create()
    path = world.backups.folder.path / "manifests/1.json"
    path.write_bytes(path.read_bytes().replace(b'"comment":""', b'"comment":"x"'))
    with pytest.raises(StoreCorrupt, match=r"1\.json is damaged: its checksum does not fit"):
        world.backups.all()
    assert world.backups.verify(2).id == 2  # the other one's files were not swept
    assert world.backups.delete(1) == 1
    assert [one.id for one in world.backups.all()] == [2]


def test_delete_and_keep_remove_what_nobody_shares(world: World) -> None:
    for number in range(4):
        world.names(number * 5, number * 5 + 5)
        world.create()
    with pytest.raises(InputError, match="at least one backup stays"):
        world.backups.keep(0)
    assert world.backups.keep(2) == [1, 2]
    assert world.backups.delete(4) == 4
    left = world.backups.all()
    assert [one.id for one in left] == [3]
    assert lying(world.backups.folder.files) == {one.sha256 for one in left[0].files}
    assert world.backups.verify(3).names == 16
    assert world.create().id == 4


def test_one_operation_at_a_time(world: World) -> None:
    world.create()
    with world.backups.folder.locked():
        for operation in (world.create, lambda: world.backups.verify(1), lambda: world.backups.delete(1)):
            with pytest.raises(Conflict, match="another backup operation is under way"):
                operation()
        assert [one.id for one in world.backups.all()] == [1]  # looking is allowed


def test_what_a_killed_one_left_goes(world: World) -> None:
    made = world.create()
    folder = world.backups.folder
    (folder.files / ("0" * 64)).write_bytes(b"half")
    (folder.work / "000099.sst").write_bytes(b"half")
    (folder.work / "2.json").write_bytes(b"half")
    (world.path / CHECKPOINTS / "x").mkdir(parents=True)
    world.backups.tidy()
    assert lying(folder.path) == {"manifests/1.json"} | {f"files/{one.sha256}" for one in made.files}
    assert not (world.path / CHECKPOINTS).exists()
    assert world.backups.verify(1).id == 1


def test_a_full_disk_is_one_error_and_leaves_nothing(world: World, tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", place], check=False).returncode
    ):
        pytest.skip("no file system of its own can be mounted")
    try:
        backups = Backups(world.path, place / "backups")
        made = backups.create(world.database)
        world.names(0, 600)
        free = os.statvfs(place).f_bavail
        for _ in range(2):
            with pytest.raises(DiskFull, match="cannot back up"):
                backups.create(world.database)
            assert os.statvfs(place).f_bavail == free
        assert backups.all() == [made]
        assert backups.verify(1).names == 1
        world.names(600, 601)  # the database has not noticed
        assert not (world.path / CHECKPOINTS).exists() or not list((world.path / CHECKPOINTS).iterdir())
    finally:
        subprocess.run(["umount", place], check=True)


def test_another_file_system_gets_copies(world: World) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == world.path.stat().st_dev:
        pytest.skip("no other file system")
    place = shared / f"nsblast-test-{os.getpid()}"
    try:
        backups = Backups(world.path, place)
        world.names(0, 5)
        made = backups.create(world.database)
        assert all((place / "files" / one.sha256).stat().st_nlink == 1 for one in made.files)
        assert backups.verify("latest").names == 6
    finally:
        shutil.rmtree(place, ignore_errors=True)


def test_a_manifest_names_no_file_elsewhere(world: World, tmp_path: Path) -> None:
    """Whoever may write to the folder can make its checksum too: a restore by root must not put files where they like."""
    made = world.create()
    folder = world.backups.folder
    for name, digest in (
        ("../../planted", made.files[0].sha256),
        (str(tmp_path / "planted"), made.files[0].sha256),
        ("CURRENT", "../lock"),
    ):
        folder.remove(made.id)
        folder.put(msgspec.structs.replace(made, files=[*made.files, File(name, made.files[0].size, digest)]))
        with pytest.raises(StoreCorrupt, match="names a file"):
            restore(world.backups, made.id, tmp_path / "new" / "db")
        with pytest.raises(StoreCorrupt, match="names a file"):
            world.backups.verify(made.id)
    assert not list(tmp_path.rglob("planted"))
