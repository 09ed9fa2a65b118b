"""After any change-sets: a transfer made of an older one's messages holds, record by record, what one out of the store holds."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nsblast.transfer import images, outgoing, renewed
from nsblast.transfer.outgoing import Outgoing
from tests.helpers import transfers
from tests.helpers.giving import Giving, giving, put_of
from tests.helpers.updating import ZONE

HOSTS = 60
TEXT = ZONE + "".join(f"Host{n:02d} 300 IN A 10.0.0.{n}\nhost{n:02d} 300 IN MX 5 Mail\n" for n in range(HOSTS))
SOA_AND_NS = ("SOA", "NS")
VALUES = {
    "A": tuple(f"192.0.2.{n}" for n in range(8)),
    "TXT": tuple(f'"{n}{"x" * 120}"' for n in range(8)),
    "MX": ("10 host00.example.", "10 b.host07.example.", "20 mail.elsewhere.test."),
    "SRV": ("1 2 3 host01.example.", "1 2 4 below.host07.example."),
    "NS": ("ns1.cut.example.", "ns2.example."),
}
owner = st.one_of(
    st.integers(0, HOSTS - 1).map(lambda n: f"host{n:02d}.example."),
    st.sampled_from(
        [
            "aaa.example.",
            "zzz.example.",
            "*.host07.example.",
            "B.host07.example.",
            "host07x.example.",
            "*.example.",
            "WWW.example.",
        ]
    ),
)
value = st.sampled_from(tuple(VALUES)).flatmap(
    lambda kind: st.tuples(
        st.just(kind), st.sampled_from((60, 300)), st.lists(st.sampled_from(VALUES[kind]), min_size=1, unique=True)
    )
)
put = st.tuples(owner, st.lists(value, max_size=3, unique_by=lambda one: one[0]))
steps = st.lists(
    st.tuples(st.lists(put, min_size=1, max_size=6, unique_by=lambda one: one[0].lower()), st.booleans()),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def place() -> Iterator[Giving]:
    with giving(transfers_kept=1 << 28) as opened:
        yield opened


class Counting(renewed.Renewal):
    """How often transfers were made of older ones."""

    made = 0

    def messages(self) -> Iterator[renewed.Message]:
        Counting.made += 1
        return super().messages()


@pytest.fixture(scope="module", autouse=True)
def small_messages() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "WORTH", 1)
        patch.setattr(images, "WORN", 100)
        patch.setattr(outgoing, "MESSAGE", 400)
        patch.setattr(outgoing, "SLACK", 40)
        patch.setattr(outgoing, "ROOM", 0)
        patch.setattr(outgoing, "Renewal", Counting)
        patch.setattr(renewed, "HALF", 200)
        yield
    assert Counting.made > 20


@given(steps)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_records(
    place: Giving, steps: list[tuple[list[tuple[str, list[tuple[str, int, list[str]]]]], bool]]
) -> None:
    place.reset(TEXT)
    plain = Outgoing(place.outgoing._reader, place._settle, place.settings(transfers_kept=0))
    place.whole()
    for changes, transferred in steps:
        place.change(*(put_of(name, sets) for name, sets in changes))
        if transferred:
            compare(place, plain)
    compare(place, plain)


def compare(place: Giving, plain: Outgoing) -> None:
    """What is given now, and again out of what was kept of it."""
    with place.instead(plain):
        wanted = place.whole()
    assert place.whole() == wanted
    assert place.whole() == wanted
    image = place.outgoing._images.find(b"\7example\0")
    assert image is not None
    with image:
        keys = [frame.key for piece in image.pieces() for frame in piece.frames]
    named = [key for key in keys if key is not None]
    assert named == sorted(set(named))
    assert keys[0] == b""
    assert transfers.serial_of(wanted) == image.of.serial
