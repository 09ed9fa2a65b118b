"""Small files in one go: the same entries as the long way's, and None wherever that has something to say."""

import os
from pathlib import Path

import pytest

from nsblast._core.small import read_files, read_small
from nsblast.errors import ZoneFileError
from nsblast.records import name_from_text
from nsblast.zones.collect import PART, SMALL, read_ahead, read_zone

HEAD = b"$ORIGIN A.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"


@pytest.mark.parametrize(
    "more", [b"", b"x.y.z A 192.0.2.2\n", b'*.w TXT "x"\nsub NS ns.sub\nns.sub A 192.0.2.3\n', b"WWW CNAME ns\n"]
)
def test_the_same_as_the_long_way(more: bytes) -> None:
    long = read_zone(HEAD + more)
    assert read_small(HEAD + more) == (long.apex, long.records, list(long.pairs()))


def test_with_an_origin() -> None:
    text = HEAD.split(b"\n", 1)[1]
    origin = name_from_text("B.example.")
    long = read_zone(text, origin)
    assert read_small(text, origin) == (long.apex, long.records, list(long.pairs()))
    assert read_small(text) is None


@pytest.mark.parametrize(
    "more",
    [
        b"x A nonsense\n",
        b"ns CNAME x\n",
        b"foreign.test. A 192.0.2.1\n",
        b"$INCLUDE other\n",
        b"$GENERATE 1-3 n$ A 192.0.2.$\n",
        b"( unfinished\n",
        b"x LOC 1 N 1 E 1m\n",
    ],
)
def test_what_the_long_way_must_tell(more: bytes) -> None:
    assert read_small(HEAD + more) is None


@pytest.mark.parametrize("text", [b"", b"; nothing\n", b"a.example. 60 A 192.0.2.1\n"])
def test_no_zone(text: bytes) -> None:
    assert read_small(text) is None
    with pytest.raises(ZoneFileError):
        list(read_zone(text).pairs())


def test_which_files_are_taken(tmp_path: Path) -> None:
    small, large, empty, pipe = (tmp_path / name for name in ("small", "large", "empty", "pipe"))
    small.write_bytes(HEAD)
    large.write_bytes(b";" * (SMALL + 1))
    empty.touch()
    os.mkfifo(pipe)
    paths = [small, large, empty, pipe, tmp_path, tmp_path / "absent"]
    assert read_files([os.fsencode(path) for path in paths], SMALL) == [HEAD, None, None, None, None, None]
    assert read_files([], SMALL) == []


def test_in_order(tmp_path: Path) -> None:
    paths = []
    for number in range(3 * PART + 5):
        paths.append(tmp_path / f"{number}")
        paths[-1].write_bytes(b"%d" % number)
    assert [(path, int(text or b"")) for path, text in read_ahead(paths)] == [(path, int(path.name)) for path in paths]
    assert list(read_ahead([])) == []
