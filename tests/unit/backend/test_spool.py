"""Spool files: whole or refused, read once, private, swept."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nsblast.backend import spool
from nsblast.errors import InputError, NsblastError

entries = st.lists(st.tuples(st.binary(max_size=300), st.binary(max_size=300)), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries)
def test_what_is_written_is_read_once(tmp_path: Path, pairs: list[tuple[bytes, bytes]]) -> None:
    name = spool.write(tmp_path, iter(pairs))
    assert list(spool.read(tmp_path, name)) == pairs
    assert not (tmp_path / spool.FOLDER / name).exists()
    with pytest.raises(NsblastError, match="No such file"):
        list(spool.read(tmp_path, name))


def test_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / spool.FOLDER / spool.write(tmp_path, [(b"k", b"v")])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_every_cut_and_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    pairs = [(b"key%d" % n, b"blob%d" % n * 3) for n in range(4)]
    name = spool.write(tmp_path, pairs)
    path = tmp_path / spool.FOLDER / name
    whole = path.read_bytes()
    spoilt = [whole[:end] for end in range(len(whole))]
    spoilt += [whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :] for at in range(len(whole))]
    for octets in spoilt:
        path.write_bytes(octets)
        with pytest.raises(InputError):
            list(spool.read(tmp_path, name))


def test_entries_that_fail_leave_no_file(tmp_path: Path) -> None:
    def failing() -> Iterator[tuple[bytes, bytes]]:
        yield b"k", b"v"
        raise InputError("zone.txt:3: bad")

    with pytest.raises(InputError, match=r"zone\.txt:3"):
        spool.write(tmp_path, failing())
    assert list((tmp_path / spool.FOLDER).iterdir()) == []


@pytest.mark.parametrize("name", ["../nsblast.lock", "x", "/etc/passwd", "a/b.entries"])
def test_only_spool_files_are_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="names no spool file"):
        list(spool.read(tmp_path, name))


def test_sweep_removes_what_nobody_will_read(tmp_path: Path) -> None:
    spool.sweep(tmp_path)
    spool.write(tmp_path, [(b"k", b"v")])
    spool.sweep(tmp_path)
    assert os.listdir(tmp_path / spool.FOLDER) == []
