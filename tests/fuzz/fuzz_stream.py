"""However a TCP stream is cut, its whole messages get the answers they get one by one, in order, each with its length.

Input: one octet that says how the stream is cut, then the stream.
"""

import random

from nsblast._core.engine import BUSY, HAND_OVER, MISS, MORE, OK
from tests.fuzz.world import CLIENT, NOW, Served, damage, judge, random_packet, segment


class Target:
    def __init__(self) -> None:
        self._segment, fd = segment()
        self._served = Served(fd)

    def one(self, data: bytes) -> tuple[int, ...]:
        cut, stream = (data[0], data[1:]) if data else (0, b"")
        rng = random.Random(cut)
        rest, sent, got = b"", stream, bytearray()
        wanted = bytearray()
        kinds: set[tuple[int, ...]] = set()
        engine = self._served.engine
        while sent or rest:
            piece = len(sent) if cut < 64 else rng.choice((1, 2, 3, 17, 4000))
            rest, sent = rest + sent[:piece], sent[piece:]
            while True:
                used, answers, status = engine.answer_stream(rest, CLIENT, NOW)
                assert 0 <= used <= len(rest)
                got += answers
                for packet in messages(rest[:used]):
                    answer = self._served.ask(packet, tcp=True)
                    kinds.add(judge(packet, answer, tcp=True))
                    assert isinstance(answer, bytes)
                    wanted += len(answer).to_bytes(2, "big") + answer if answer else b""
                assert got == wanted
                rest = rest[used:]
                if status == MISS:
                    self._served.engine.answer(next(messages(rest)), CLIENT, True, NOW)
                    self._served.fill()
                elif status == HAND_OVER:
                    rest = rest[2 + int.from_bytes(rest[:2], "big") :]
                elif status == OK:
                    break
                else:
                    assert status in (MORE, BUSY), status
            if not sent:
                break
        assert not any(True for _ in messages(rest)), "a whole message was left"
        return (len(kinds), *max(kinds, default=()))

    def generate(self, rng: random.Random) -> bytes:
        packets = (random_packet(rng) for _ in range(rng.choice((1, 2, 3, 8))))
        stream = b"".join(len(packet).to_bytes(2, "big") + packet for packet in packets)
        return bytes((rng.randrange(256),)) + (damage(rng, stream) if rng.random() < 0.3 else stream)

    def mutate(self, rng: random.Random, data: bytes) -> bytes:
        return damage(rng, data)


def messages(stream: bytes):  # type: ignore[no-untyped-def]
    """The whole messages of a stream."""
    at = 0
    while at + 2 <= len(stream):
        end = at + 2 + int.from_bytes(stream[at : at + 2], "big")
        if end > len(stream):
            return
        yield stream[at + 2 : end]
        at = end
