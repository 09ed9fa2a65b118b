"""Which files of a folder `zone import` takes."""

import os
from pathlib import Path

import pytest

from nsblast.cli.zone_folder import zone_files
from nsblast.errors import InputError, NotFound, PermissionMissing

ZONE = "$ORIGIN example.com.\n@ 3600 IN SOA ns hostmaster 1 2 3 4 5\n"


def test_zone_files_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "b.zone").write_text("")
    (tmp_path / "a.db").write_text("")
    (tmp_path / "example.com").write_text(ZONE)
    (tmp_path / "included").write_text("www A 192.0.2.1\n")
    (tmp_path / "README").write_text("; what a SOA record is\nThis folder has no\nSOA\n")
    (tmp_path / "binary").write_bytes(b"\0\1 SOA " + ZONE.encode())
    (tmp_path / ".hidden.zone").write_text(ZONE)
    (tmp_path / "a.db.jnl").write_text(ZONE)
    (tmp_path / "example.com~").write_text(ZONE)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "c.zone").write_text(ZONE)
    assert [path.name for path in zone_files([tmp_path])] == ["a.db", "b.zone", "example.com"]


def test_named_files_are_taken_whatever_they_are_called(tmp_path: Path) -> None:
    path = tmp_path / "x.bak"
    path.write_text("")
    assert list(zone_files([path])) == [path]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no file .*nowhere"):
        list(zone_files([tmp_path / "nowhere"]))


def test_folder_without_zone_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no zone file in"):
        list(zone_files([tmp_path]))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    try:
        with pytest.raises(PermissionMissing, match="cannot read folder"):
            list(zone_files([tmp_path]))
    finally:
        tmp_path.chmod(0o700)
