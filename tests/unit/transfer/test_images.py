"""nsblast.transfer.images: what is kept of whole transfers, for which version, and how it ends."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from nsblast.store.values_v1 import ZoneRecord
from nsblast.transfer import images
from nsblast.transfer.images import Images, key_of

APEX = b"\7example\0"
QUESTION = APEX + b"\0\xfc\0\1"
HEAD = b"\x12\x34\x84\0\0\1\0\0\0\0\0\0" + QUESTION
MESSAGES = [HEAD[:6] + bytes((0, number + 1)) + HEAD[8:] + bytes((number,)) * (100 + number) for number in range(200)]


MADE: list[Images] = []


def made(folder: Path, most: int = 1 << 20) -> Images:
    MADE.append(Images(folder, most))
    return MADE[-1]


def record(changed_in: int = 1, incarnation: int = 1) -> ZoneRecord:
    return ZoneRecord(incarnation=incarnation, changed_in=changed_in, names=images.WORTH)


def key(changed_in: int = 1, question: bytes = QUESTION, apex: bytes = APEX) -> images.Key:
    return key_of(apex, record(changed_in), question)


def put(kept: Images, of: images.Key, messages: list[bytes] = MESSAGES) -> None:
    making = kept.begin(of, images.WORTH)
    assert making is not None
    for message in messages:
        making.add(message)
    making.keep()
    making.drop()
    kept.end(of)


def in_loop(test: Callable[[Path], Awaitable[None]]) -> Callable[[Path], None]:
    def run(tmp_path: Path) -> None:
        async def run_and_close() -> None:
            await test(tmp_path)
            while MADE:
                MADE.pop().adjust(0)

        asyncio.run(run_and_close())
        assert list(tmp_path.iterdir()) == []

    return run


@in_loop
async def test_messages_come_back_under_another_id(folder: Path) -> None:
    kept = made(folder)
    put(kept, key())
    image = kept.find(key())
    assert image is not None
    other = b"\xab\xcd\x85\0\0\1\0\0\0\0\0\0" + QUESTION
    assert list(image.messages(other)) == [other[:6] + one[6:8] + other[8:] + one[len(HEAD) :] for one in MESSAGES]
    assert kept.octets == sum(len(one) + 2 for one in MESSAGES)


@in_loop
async def test_only_the_very_version_and_spelling(folder: Path) -> None:
    kept = made(folder)
    put(kept, key())
    assert kept.find(key(2)) is None
    assert kept.find(key_of(APEX, record(incarnation=2), QUESTION)) is None
    assert kept.find(key(question=QUESTION.upper())) is None
    put(kept, key(2))
    assert kept.find(key()) is None  # a newer version takes its place
    assert kept.find(key(2)) is not None


@in_loop
async def test_what_was_not_used_longest_goes_first(folder: Path) -> None:
    size = sum(len(one) + 2 for one in MESSAGES)
    kept = made(folder, 2 * size)
    for name in (b"\1a\0", b"\1b\0"):
        put(kept, key(apex=name))
    assert kept.find(key(apex=b"\1a\0")) is not None
    put(kept, key(apex=b"\1c\0"))
    assert kept.find(key(apex=b"\1b\0")) is None
    assert kept.find(key(apex=b"\1a\0")) is not None
    kept.adjust(0)
    assert kept.octets == 0


@in_loop
async def test_what_is_not_begun(folder: Path) -> None:
    kept = made(folder)
    assert kept.begin(key(), images.WORTH - 1) is None
    first = kept.begin(key(), images.WORTH)
    assert first is not None
    assert kept.begin(key(), images.WORTH) is None  # somebody does already
    first.drop()
    kept.end(key())
    assert kept.find(key()) is None
    assert made(folder, 0).begin(key(), images.WORTH) is None
    assert made(folder / "missing").begin(key(), images.WORTH) is None


@in_loop
async def test_what_is_too_large_is_given_up(folder: Path) -> None:
    kept = made(folder, 1000)
    put(kept, key())
    assert kept.find(key()) is None
    kept.adjust(1 << 20)
    put(kept, key(), [HEAD + bytes(65535 - len(HEAD))])  # leaves no room for a signature
    assert kept.find(key()) is None


@in_loop
async def test_reading_goes_on_when_the_image_is_dropped(folder: Path) -> None:
    kept = made(folder)
    put(kept, key())
    image = kept.find(key())
    assert image is not None
    messages = image.messages(HEAD)
    first = next(messages)
    kept.adjust(0)
    assert [first, *messages] == MESSAGES


@in_loop
async def test_dropped_after_a_time_without_use(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "STAYS", 0.01)
        kept = made(folder)
        put(kept, key())
        await asyncio.sleep(0.05)
        assert kept.find(key()) is None


@in_loop
async def test_a_shorter_file_is_an_error(folder: Path) -> None:
    kept = made(folder)
    put(kept, key())
    image = kept.find(key())
    assert image is not None
    os.truncate(image._file.fileno(), 100)
    with pytest.raises(OSError, match="shorter"):
        list(image.messages(HEAD))
