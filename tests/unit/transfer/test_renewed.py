"""nsblast.transfer.renewed: when a newer version is made of an older one's image, and when it is read from the store."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import dns.rcode
import pytest

from nsblast.records import name_from_text
from nsblast.store.values_v1 import JournalRecord
from nsblast.transfer import images, outgoing, renewed
from nsblast.transfer.outgoing import Outgoing
from nsblast.zones.model import DeleteName, NameOp, PutName, RRset
from tests.helpers import transfers
from tests.helpers.giving import Giving, giving
from tests.helpers.updating import ZONE

HOSTS = 1000
TEXT = ZONE + "".join(f"host{n:04d} 300 IN A 10.0.{n >> 8}.{n & 255}\n" for n in range(HOSTS))
APEX = b"\7example\0"


@pytest.fixture(scope="module")
def opened() -> Iterator[Giving]:
    with giving(transfers_kept=1 << 28) as place:
        yield place


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages of a quarter of their size, so that a zone of few names has many."""
    monkeypatch.setattr(images, "WORTH", 1)
    monkeypatch.setattr(images, "WORN", images.WORN // 4)
    monkeypatch.setattr(outgoing, "MESSAGE", 4096)
    monkeypatch.setattr(outgoing, "SLACK", 256)
    monkeypatch.setattr(renewed, "HALF", 2048)


@pytest.fixture
def place(opened: Giving, monkeypatch: pytest.MonkeyPatch) -> Iterator[Giving]:
    small(monkeypatch)
    opened.reset(TEXT)
    opened.outgoing._images.forget(APEX)
    opened.whole()
    yield opened
    opened.begin()


class Seen(renewed.Renewal):
    """Tells of transfers that were made of older ones, and how many of their messages went as they were."""

    plans: list[int]
    kept: int

    def messages(self) -> Iterator[renewed.Message]:
        Seen.plans.append(len(self._plan.keys))
        for message in super().messages():
            Seen.kept += message[2] is not None
            yield message


@pytest.fixture(autouse=True)
def _seen(monkeypatch: pytest.MonkeyPatch) -> None:
    Seen.plans, Seen.kept = [], 0
    monkeypatch.setattr(outgoing, "Renewal", Seen)


def host(number: int, last: int = 1) -> NameOp:
    return PutName(name_from_text(f"host{number:04d}.example."), (RRset(1, 300, (bytes((192, 0, 2, last)),)),))


def right(place: Giving) -> bool:
    """Whether what is given is what the store holds."""
    given = place.whole()
    with place.instead(Outgoing(place.outgoing._reader, place._settle, place.settings(transfers_kept=0))):
        return given == place.whole()


def test_only_what_changed_is_packed_anew(place: Giving) -> None:
    with opened_image(place) as image:
        messages = image.messages
    place.change(host(HOSTS // 2), DeleteName(name_from_text(f"host{HOSTS // 2 + 1:04d}.example.")))
    assert right(place)
    assert Seen.plans == [2]
    assert Seen.kept == messages - 3  # the first, the last and one between
    assert right(place)
    assert Seen.plans == [2]  # that is an image of its own


def opened_image(place: Giving) -> images.Image:
    image = place.outgoing._images.find(APEX)
    assert image is not None
    return image


def test_several_versions_at_once_and_an_ixfr_that_is_answered_whole(place: Giving) -> None:
    for number in range(5):
        place.change(host(number * 7, number + 1))
    before = place.records(transfers.question("example.", 1))  # from a serial nobody knows
    assert Seen.plans == [5]
    assert transfers.contents(before) == place.whole()
    assert right(place)


def test_the_apex_and_what_lies_behind_all_else(place: Giving) -> None:
    place.change(
        PutName(name_from_text("zzzz.example."), (RRset(16, 60, (b"\1z",)),)),
        PutName(name_from_text("*.example."), (RRset(16, 60, (b"\1w",)),)),
    )
    assert right(place)
    assert Seen.plans == [2]


def test_another_life_of_the_zone(place: Giving) -> None:
    place.reset(TEXT)
    assert right(place)
    assert Seen.plans == []


def test_a_gap_in_the_journal(place: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nsblast.zones.journal.JOURNAL_OCTETS", 0)
    place.change(host(1))
    assert right(place)
    assert Seen.plans == []


@pytest.mark.parametrize(
    "fault",
    [
        {"offset": 1},
        {"serial_from": 7},
        {"serial_to": 7},
        {"more": True},
        {"gap": True},
        {"what": 0},
    ],
    ids=["begins later", "another serial", "ends elsewhere", "a piece is missing", "gap", "created"],
)
def test_a_journal_that_does_not_lead_there(
    place: Giving, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    place.change(host(1))
    reader = place.outgoing._reader
    records = [(number, _with(record, fault)) for number, record in reader.journal(APEX)][-1:]
    monkeypatch.setattr(reader, "journal", lambda *_, **__: iter(records))
    assert right(place)
    assert Seen.plans == []


def _with(record: JournalRecord, fault: dict[str, Any]) -> JournalRecord:
    return JournalRecord(**{name: getattr(record, name) for name in record.__struct_fields__} | fault)


def test_too_much_changed(place: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewed, "FEW", 3)
    place.change(*(host(number) for number in range(HOSTS // renewed.RECORDS_A_NAME + 10)))
    assert right(place)
    assert Seen.plans == []


def test_worn(place: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images.Image, "worn", True)
    place.change(host(1))
    assert right(place)
    assert Seen.plans == []


def test_a_sum_that_is_wrong_ends_the_transfer_without_its_end(place: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    place.change(host(1))
    monkeypatch.setattr(Seen, "_next", lambda *_: None)  # as if it were not in its piece
    place.change(DeleteName(name_from_text("host0002.example.")))
    with pytest.raises(ValueError, match="the journal makes it"):
        place.whole()
    monkeypatch.undo()
    small(monkeypatch)
    assert place.outgoing._images.find(APEX) is None
    assert right(place)


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize("octets", [0, 5000])
def test_a_file_that_was_cut_short_spoils_one_transfer_only(
    place: Giving, monkeypatch: pytest.MonkeyPatch, octets: int, newer: bool
) -> None:
    with opened_image(place) as image:
        os.truncate(place.outgoing._images._folder / image.name, octets)
    if newer:
        place.change(host(1))
    with contextlib.suppress(OSError):  # cut on the way, or refused when nothing had been sent
        assert [one.rcode() for one in place.told(transfers.question("example."))] == [dns.rcode.SERVFAIL]
    assert right(place)


def test_grown_and_shrunk_without_end(place: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewed, "FEW", 1000)
    for turn in range(8):
        names = [f"host0500x{turn}y{n}.example." for n in range(60)]
        place.change(
            *(PutName(name_from_text(name), (RRset(16, 60, (bytes((200,)) + bytes(200),)),)) for name in names)
        )
        place.whole()
    with opened_image(place) as image:
        assert image.octets / image.messages > 3_000
    for turn in range(8):
        names = [f"host0500x{turn}y{n}.example." for n in range(60)]
        place.change(*(DeleteName(name_from_text(name)) for name in names))
        place.whole()
    assert len(Seen.plans) == 16
    with opened_image(place) as image:
        assert image.octets / image.messages > 2_000
    assert right(place)
