"""Opening, refusing, following: the habits of RocksDB that store/engine.py rests on."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import rocksdict

from nsblast.errors import StoreCorrupt, StoreError, StoreLocked, StoreMissing
from nsblast.store.engine import FOLLOWERS, Batch, Database, sweep_followers
from nsblast.store.layout import FORMAT_KEY, SEQUENCE_KEY


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[Database]:
    database = Database.primary(tmp_path / "db")
    yield database
    database.close()


def commit(database: Database, number: int, **values: str) -> None:
    batch = Batch(raw_mode=True)
    for key, value in values.items():
        batch.put(key.encode(), value.encode())
    batch.put(SEQUENCE_KEY, number.to_bytes(8, "big"))
    database.write(batch)


def ingest(database: Database, folder: Path, number: int, **values: str | None) -> None:
    writer = rocksdict.SstFileWriter(database.options())
    writer.open(str(folder / "x.sst"))
    for key, value in sorted({**values, SEQUENCE_KEY.decode(): ""}.items()):
        if key == SEQUENCE_KEY.decode():
            writer[SEQUENCE_KEY] = number.to_bytes(8, "big")
        elif value is None:
            del writer[key.encode()]
        else:
            writer[key.encode()] = value.encode()
    writer.finish()
    database.ingest([folder / "x.sst"])


def test_a_new_database_has_format_seed_and_number_zero(primary: Database) -> None:
    assert primary.position == primary.horizon == 0
    assert primary.seed != (0, 0)


def test_the_seed_stays(tmp_path: Path) -> None:
    first = Database.primary(tmp_path / "db")
    seed = first.seed
    first.close()
    again = Database.primary(tmp_path / "db")
    assert again.seed == seed
    again.close()


def test_a_second_writer_is_refused(primary: Database) -> None:
    code = (
        "import sys; from nsblast.store.engine import Database; from nsblast.errors import StoreLocked\n"
        "try: Database.primary(sys.argv[1])\n"
        "except StoreLocked as error: print(error.message)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(primary.path)], capture_output=True, text=True, timeout=30)
    assert "another process has the database open" in done.stdout, done.stderr
    with pytest.raises(StoreLocked):
        Database.primary(primary.path)


def test_a_missing_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="there is no database"):
        Database.primary(tmp_path / "none", create=False)
    with pytest.raises(StoreMissing, match="there is no database"):
        Database.secondary(tmp_path / "none", "1")


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    database = Database.primary(tmp_path / "db")
    batch = Batch(raw_mode=True)
    batch.put(FORMAT_KEY, b"nsblast 99")
    database.write(batch)
    database.close()
    with pytest.raises(StoreCorrupt, match="nsblast 99"):
        Database.primary(tmp_path / "db")


def test_damage_is_told_in_one_line(tmp_path: Path) -> None:
    database = Database.primary(tmp_path / "db")
    commit(database, 1, ek="1")
    database.close()
    (tmp_path / "db" / "CURRENT").write_text("nonsense\n")
    with pytest.raises(StoreError) as told:
        Database.primary(tmp_path / "db")
    assert "\n" not in told.value.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(StoreError, match="does not allow"):
        Database.primary(folder)


def test_range_both_ways(primary: Database) -> None:
    commit(primary, 1, ea="1", eb="2", ec="3", ed="4")
    assert [key for key, _ in primary.range(b"eb", b"ed")] == [b"eb", b"ec"]
    assert [key for key, _ in primary.range(b"eb", b"ed", backwards=True)] == [b"ec", b"eb"]
    assert list(primary.range(b"ex", b"ey")) == []


def test_a_range_sees_one_moment(primary: Database) -> None:
    commit(primary, 1, ea="1", eb="2")
    walk = primary.range(b"e", b"f")
    assert next(walk) == (b"ea", b"1")
    commit(primary, 2, eb="changed", ec="new")
    assert list(walk) == [(b"eb", b"2")]


def test_a_follower_sees_batches_and_deleted_ranges(primary: Database) -> None:
    commit(primary, 1, ea="1", eb="2", ec="3")
    follower = Database.secondary(primary.path, "1")
    batch = Batch(raw_mode=True)
    batch.delete_range(b"ea", b"ec")
    batch.put(SEQUENCE_KEY, (2).to_bytes(8, "big"))
    primary.write(batch)
    assert follower.position == 1
    follower.catch_up()
    assert follower.position == follower.horizon == 2
    assert [follower.get(key) for key in (b"ea", b"eb", b"ec")] == [None, None, b"3"]
    assert [key for key, _ in follower.range(b"e", b"f")] == [b"ec"]
    primary.flush()
    follower.catch_up()
    assert [follower.get(key) for key in (b"ea", b"eb", b"ec")] == [None, None, b"3"]
    follower.close()


@pytest.mark.parametrize("flush", [False, True])
def test_a_follower_takes_up_an_ingestion_after_a_nudge(primary: Database, tmp_path: Path, flush: bool) -> None:
    commit(primary, 1, ea="1", eb="2", ec="3")
    follower = Database.secondary(primary.path, "1")
    if flush:
        primary.flush()
        follower.catch_up()
    ingest(primary, tmp_path, 2, ea=None, eb="new")
    primary.nudge()
    follower.catch_up()
    assert follower.position == 2
    assert [follower.get(key) for key in (b"ea", b"eb", b"ec")] == [None, b"new", b"3"]
    follower.close()


def test_position_is_never_ahead_of_what_get_sees(primary: Database, tmp_path: Path) -> None:
    commit(primary, 1, ea="1", eb="2")
    follower = Database.secondary(primary.path, "1")
    ingest(primary, tmp_path, 2, ea="new", ec="new")
    primary.nudge()
    primary.flush()
    follower.catch_up()
    if follower.get(b"ea") != b"new":
        assert (follower.position, follower.horizon) == (1, 2)
    primary.nudge()
    follower.catch_up()
    assert (follower.position, follower.horizon, follower.get(b"ea")) == (2, 2, b"new")
    follower.close()


def test_a_follower_reads_on_across_compaction(primary: Database) -> None:
    for number in range(1, 30):
        commit(primary, number, **{f"e{number:03}": "x" * 100})
        if number % 5 == 0:
            primary.flush()
    follower = Database.secondary(primary.path, "1")
    primary._db.compact_range(b"e", b"f")
    assert len(list(follower.range(b"e", b"f"))) == 29
    assert follower.get(b"e007") == b"x" * 100
    follower.close()


def test_followers_clean_up(primary: Database) -> None:
    commit(primary, 1)
    follower = Database.secondary(primary.path, "7")
    folder = primary.path / FOLLOWERS / "7"
    assert folder.is_dir()
    follower.close()
    assert not folder.exists()
    mine = str(os.getpid())
    for name in ("4194999", mine):
        (primary.path / FOLLOWERS / name).mkdir(parents=True)
    sweep_followers(primary.path)
    assert [child.name for child in (primary.path / FOLLOWERS).iterdir()] == [mine]


def test_a_checkpoint_opens(primary: Database, tmp_path: Path) -> None:
    commit(primary, 5, ea="1")
    primary.checkpoint(tmp_path / "copy")
    copy = Database.primary(tmp_path / "copy", create=False)
    assert (copy.position, copy.get(b"ea"), copy.seed) == (5, b"1", primary.seed)
    copy.close()
