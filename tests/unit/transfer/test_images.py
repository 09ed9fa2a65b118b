"""nsblast.transfer.images: what is kept of whole transfers, for which version, shared between workers, and how it ends."""

import os
import time
from pathlib import Path

import pytest

from nsblast.store.engine import IMAGES
from nsblast.store.values_v1 import ZoneRecord
from nsblast.transfer import images
from nsblast.transfer.images import Images, Making, Of, of_zone

APEX = b"\7example\0"
QUESTION = APEX + b"\0\xfc\0\1"
HEAD = b"\x12\x34\x84\0\0\1\0\0\0\0\0\0" + QUESTION
MESSAGES = [HEAD[:6] + bytes((0, number + 1)) + HEAD[8:] + bytes((number,)) * (100 + number) for number in range(200)]
KEYS = [b"" if not number else None if number % 10 == 5 else b"%03d\0" % number for number in range(200)]


def of(changed_in: int = 1, incarnation: int = 1, apex: bytes = APEX) -> Of:
    return of_zone(apex, ZoneRecord(incarnation=incarnation, changed_in=changed_in, serial=changed_in, journalled=7))


def begin(kept: Images, version: Of, older: images.Image | None = None) -> Making:
    making = kept.begin(version, images.WORTH, len(HEAD), older)
    assert making is not None
    return making


def put(kept: Images, version: Of, messages: list[bytes] = MESSAGES) -> None:
    making = begin(kept, version)
    for key, message in zip(KEYS, messages, strict=False):
        making.add(key, message)
    making.keep()
    making.drop()
    kept.end(version.apex)


def found(kept: Images, apex: bytes = APEX) -> images.Image:
    image = kept.find(apex)
    assert image is not None
    return image


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / IMAGES).iterdir())


def test_messages_come_back_under_another_id(tmp_path: Path) -> None:
    put(Images(tmp_path, 1 << 20), of())
    with found(Images(tmp_path, 1 << 20)) as image:  # another worker
        assert image.of == of()
        assert image.is_of(of())
        assert (image.records, image.messages) == (sum(range(1, 201)), 200)
        other = b"\xab\xcd\x85\0\0\1\0\0\0\0\0\0" + QUESTION.upper()
        assert list(image.wires(other)) == [other[:6] + one[6:8] + other[8:] + one[len(HEAD) :] for one in MESSAGES]


def test_only_the_very_version(tmp_path: Path) -> None:
    kept = Images(tmp_path, 1 << 20)
    assert kept.find(APEX) is None
    put(kept, of())
    with found(kept) as image:
        assert not image.is_of(of(2))
        assert not image.is_of(of(incarnation=2))
    put(kept, of(2))
    assert len(files(tmp_path)) == 2  # the newer one took its place
    with found(kept) as image:
        assert image.is_of(of(2))
    put(kept, of(1))
    with found(kept) as image:
        assert image.is_of(of(2))  # a worker that is behind does not take it back
    assert len(files(tmp_path)) == 2


def test_pieces_end_where_a_name_begins(tmp_path: Path) -> None:
    kept = Images(tmp_path, 1 << 20)
    put(kept, of())
    with found(kept) as image:
        pieces = list(image.pieces())
    assert [piece.key for piece in pieces] == [key for key in KEYS if key is not None]
    assert [piece.end for piece in pieces] == [piece.key for piece in pieces[1:]] + [None]
    assert [frame.body for piece in pieces for frame in piece.frames] == [one[len(HEAD) :] for one in MESSAGES]
    assert {len(piece.frames) for piece in pieces} == {1, 2}


def renew(kept: Images, number: int) -> None:
    """The version after, of which each tenth message is another one."""
    with found(kept) as image:
        making = begin(kept, of(number), image)
        for place, (piece, message) in enumerate(zip(frames(image), MESSAGES, strict=True)):
            making.add(KEYS[place], message, None if place % 10 == number % 10 else piece.at)
        making.keep()
        kept.end(APEX)


def frames(image: images.Image) -> list[images.Frame]:
    return [frame for piece in image.pieces() for frame in piece.frames]


def test_a_newer_version_is_written_behind_the_older(tmp_path: Path) -> None:
    kept = Images(tmp_path, 1 << 20)
    put(kept, of())
    with found(kept) as older:
        reading = older.wires(HEAD)
        assert next(reading) == MESSAGES[0]
        for number in range(2, 40):
            renew(kept, number)
            with found(kept) as image:
                assert image.is_of(of(number))
                assert list(image.wires(HEAD)) == MESSAGES
                assert image.records == older.records
                size = (tmp_path / IMAGES / image.name).stat().st_size
                assert size < 2.2 * image.octets  # what is no more used goes when it is half
        assert list(reading) == MESSAGES[1:]
    assert len(files(tmp_path)) == 2


def test_one_worker_at_a_time_adds(tmp_path: Path) -> None:
    kept, other = Images(tmp_path, 1 << 20), Images(tmp_path, 1 << 20)
    put(kept, of())
    with found(kept) as mine, found(other) as theirs:
        making = begin(kept, of(2), mine)
        making.add(b"", MESSAGES[0])
        assert other.begin(of(2), images.WORTH, len(HEAD), theirs) is None
        making.drop()
        kept.end(APEX)
        assert (tmp_path / IMAGES / mine.name).stat().st_size == mine.octets  # what was begun is gone
        again = begin(other, of(2), theirs)
        again.drop()
        other.end(APEX)
        kept.forget(APEX)
        assert other.begin(of(2), images.WORTH, len(HEAD), theirs) is None  # it is no more the zone's
    assert files(tmp_path) == []


def test_what_was_removed_while_it_was_added_to_is_not_kept(tmp_path: Path) -> None:
    kept, other = Images(tmp_path, 1 << 20), Images(tmp_path, 1 << 20)
    put(kept, of())
    with found(kept) as mine:
        making = begin(kept, of(2), mine)
        making.add(b"", MESSAGES[0])
        other.forget(APEX)
        put(other, of(2))  # from the store: there is no older one
        making.keep()
        kept.end(APEX)
    with found(kept) as image:  # neither the name of what is gone nor the loss of what is there
        assert list(image.wires(HEAD)) == MESSAGES
    assert len(files(tmp_path)) == 2


def test_what_counts_is_not_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Images(tmp_path, 1 << 20)
    put(kept, of())
    unlink = Path.unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        if path.name == older:
            raise OSError(5, "Input/output error")
        unlink(path, missing_ok)

    with found(kept) as image:
        older = image.name
    monkeypatch.setattr(Path, "unlink", refused)
    put(kept, of(2))
    with found(kept) as image:
        assert image.is_of(of(2))
        assert list(image.wires(HEAD)) == MESSAGES


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Images(tmp_path, 1 << 20)
    put(kept, of())
    before = files(tmp_path)

    def full(path: Path, octets: bytes) -> int:
        with path.open("wb") as file:
            file.write(octets[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    put(kept, of(2))
    assert files(tmp_path) == before
    with found(kept) as image:
        assert image.is_of(of())
        assert list(image.wires(HEAD)) == MESSAGES


def test_what_was_not_used_longest_goes_first(tmp_path: Path) -> None:
    kept = Images(tmp_path, 1 << 20)
    for number, name in enumerate((b"\1a\0", b"\1b\0", b"\1c\0")):
        put(kept, of(apex=name))
        os.utime(kept._place(name), (time.time() - 100 + number, time.time() - 100 + number))
    found(kept, b"\1a\0").close()
    with found(kept, b"\1c\0") as image:
        kept.adjust(image.octets * 3)  # head and stretches are counted too
    assert kept.find(b"\1b\0") is None
    for name in (b"\1a\0", b"\1c\0"):
        found(kept, name).close()
    kept.adjust(0)
    assert files(tmp_path) == []
    assert kept.find(b"\1a\0") is None


def test_what_is_not_begun(tmp_path: Path) -> None:
    kept = Images(tmp_path, 1 << 20)
    assert kept.begin(of(), images.WORTH - 1, len(HEAD)) is None
    first = begin(kept, of())
    assert kept.begin(of(), images.WORTH, len(HEAD)) is None  # somebody does already
    first.drop()
    kept.end(APEX)
    assert kept.find(APEX) is None
    assert Images(tmp_path, 0).begin(of(), images.WORTH, len(HEAD)) is None
    assert Images(tmp_path / "missing", 1 << 20).begin(of(), images.WORTH, len(HEAD)) is None
    assert files(tmp_path) == []


def test_what_is_too_large_is_given_up(tmp_path: Path) -> None:
    kept = Images(tmp_path, 1000)
    put(kept, of())
    assert kept.find(APEX) is None
    kept.adjust(1 << 20)
    put(kept, of(), [HEAD + bytes(65535 - len(HEAD))])  # leaves no room for a signature
    assert kept.find(APEX) is None
    assert files(tmp_path) == []


def test_long_without_use_and_left_by_the_dead(tmp_path: Path) -> None:
    kept = Images(tmp_path, 1 << 20)
    put(kept, of())
    os.utime(kept._place(APEX), (1, 1))
    (tmp_path / IMAGES / "0123456789abcdef.999999999.0").write_bytes(b"x")
    (tmp_path / IMAGES / f"0123456789abcdef.{os.getpid()}.77").write_bytes(b"x")
    kept.adjust(1 << 20)
    assert files(tmp_path) == [f"0123456789abcdef.{os.getpid()}.77"]


def test_files_that_are_damaged_or_gone(tmp_path: Path) -> None:
    kept = Images(tmp_path, 1 << 20)
    put(kept, of())
    with found(kept) as image:
        data = tmp_path / IMAGES / image.name
        os.truncate(data, 100)
        with pytest.raises(OSError, match="shorter"):
            list(image.wires(HEAD))
    version = kept._place(APEX)
    whole = version.read_bytes()
    for octets in (b"", whole[:50], whole[:-1], b"x" + whole[1:], whole.replace(APEX, b"\7elpmaxe\0")):
        version.write_bytes(octets)
        assert kept.find(APEX) is None
    version.write_bytes(whole)
    data.unlink()
    assert kept.find(APEX) is None


def test_worn_when_messages_are_small(tmp_path: Path) -> None:
    kept = Images(tmp_path, 1 << 24)
    put(kept, of())
    with found(kept) as image:
        assert image.worn
    put(kept, of(2), [one + bytes(images.WORN) for one in MESSAGES])
    with found(kept) as image:
        assert not image.worn
