"""The database's folder as the server finds it: closed to others, handed over without leaving it."""

import os
import stat
from pathlib import Path

import pytest

from nsblast.process.privileges import Identity, prepare_folder


@pytest.mark.parametrize(("had", "has"), [(0o755, 0o750), (0o2775, 0o2770), (0o700, 0o700), (0o750, 0o750)])
def test_a_folder_is_closed_to_others(tmp_path: Path, had: int, has: int) -> None:
    """RocksDB makes files that all may read, and TSIG keys' secrets are in them."""
    folder = tmp_path / "db"
    folder.mkdir()
    folder.chmod(had)
    prepare_folder(folder, None)
    assert stat.S_IMODE(folder.stat().st_mode) == has


def test_a_new_folder_is_closed_to_others(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "a" / "db", None)
    assert not (tmp_path / "a" / "db").stat().st_mode & 0o007


def test_handing_over_does_not_leave_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that the server's user puts in place of a folder, while root hands that over, leads to nobody's files."""
    folder, outside = tmp_path / "db", tmp_path / "outside"
    for place in (folder / "sub", outside):
        place.mkdir(parents=True)
        (place / "file").touch()
    given: set[int] = set()

    def chown(path: str, _uid: int, _gid: int, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> None:
        given.add(os.stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks).st_ino)
        if not (folder / "sub").is_symlink() and len(given) == 2:  # root is in there now
            (folder / "sub").rename(folder / "moved")
            (folder / "sub").symlink_to(outside)

    inode = (outside / "file").stat().st_ino
    monkeypatch.setattr(os, "chown", chown)
    prepare_folder(folder, Identity("nobody", 65534, 65534))
    assert (folder / "sub").is_symlink()
    assert len(given) == 3
    assert inode not in given
