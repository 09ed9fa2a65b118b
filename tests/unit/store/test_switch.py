"""A switch of databases is over or has not begun, wherever it is broken off."""

import os
from pathlib import Path

import pytest

from nsblast.errors import StoreCorrupt
from nsblast.store import switch


class Killed(BaseException):
    """In place of kill -9: nothing catches it."""


def folder(path: Path) -> Path:
    path.mkdir()
    for name in ("CURRENT", "MANIFEST-000001", "000007.sst", "000008.log", "filter-12"):
        (path / name).write_text(f"old {name}")
    (path / "nsblast.lock").write_text("stays")
    (path / "query.log").write_text("stays")
    new = path / "new"
    new.mkdir()
    for name in ("CURRENT", "MANIFEST-000002", "000007.sst"):
        (new / name).write_text(f"new {name}")
    return path


NEW = {"CURRENT": "new CURRENT", "MANIFEST-000002": "new MANIFEST-000002", "000007.sst": "new 000007.sst"}
STAYS = {"nsblast.lock": "stays", "query.log": "stays"}


def files(path: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in path.iterdir() if each.is_file()}


def test_all_at_once(tmp_path: Path) -> None:
    path = folder(tmp_path / "db")
    old = {name: text for name, text in files(path).items() if name not in STAYS}
    switch.switch(path, "new", "aside")
    assert files(path) == NEW | STAYS
    assert files(path / "aside") == old
    assert not (path / "new").exists()
    assert not switch.finish(path)


def test_broken_off_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rename, unlink and rmdir in turn is the one that never happens."""
    left = 0
    real = {name: getattr(os, name) for name in ("rename", "unlink", "rmdir")}

    def counted(name: str):  # type: ignore[no-untyped-def]
        def call(*args: object, **more: object) -> None:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            real[name](*args, **more)

        return call

    undone = done = 0
    for steps in range(40):
        path = folder(tmp_path / f"db{steps}")
        old = {name: text for name, text in files(path).items() if name not in STAYS}
        left = steps
        with monkeypatch.context() as patch:
            for name in real:
                patch.setattr(os, name, counted(name))
            try:
                switch.switch(path, "new", "aside")
            except Killed:
                pass
            else:
                assert steps == done + undone
                assert done > 8
                return
        if switch.finish(path) or files(path).get("CURRENT") == "new CURRENT":
            done += 1
            assert files(path) == NEW | STAYS
            assert files(path / "aside") == old
        else:
            undone += 1
            assert {name: text for name, text in files(path).items() if name != f"{switch.NOTE}.new"} == old | STAYS
    pytest.fail("it never came to an end")


def test_a_damaged_note_is_told(tmp_path: Path) -> None:
    path = folder(tmp_path / "db")
    (path / switch.NOTE).write_text("in\n../elsewhere\naside\n")
    with pytest.raises(StoreCorrupt, match="note is damaged"):
        switch.finish(path)
