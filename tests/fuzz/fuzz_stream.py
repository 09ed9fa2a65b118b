"""However a TCP stream is cut, its whole messages get the answers they get one by one, each with its length, and none is left.

Through TcpServer and a pair of sockets, with misses filled and messages handed over on the way, answered at once or a turn later. In the end the client's side
is shut, and the connection must close by itself and leave nothing; or the client is gone in the middle, and the same holds.
Input: one octet that says how the stream is cut (odd: the client goes in the middle), then the stream.
"""

import random
import socket
import time

from nsblast._core.engine import HAND_OVER, MISS
from nsblast._core.serve_tcp import TcpServer
from tests.fuzz.world import CLIENT, Served, damage, fetch, judge, random_packet, segment

TURNS = 20000


class Target:
    def __init__(self) -> None:
        self._segment, fd = segment()
        self._served = Served(fd)
        self._server = TcpServer(self._served.engine)
        self._server.limit(4, 4, 60, 0, 60, 60)
        self._taken: list[tuple[int, bytes]] = []

    def one(self, data: bytes) -> tuple[int, ...]:
        cut, stream = (data[0], data[1:]) if data else (0, b"")
        rng = random.Random(cut)
        ours, theirs = socket.socketpair()
        with ours:
            ours.setblocking(False)
            theirs.setblocking(False)
            assert self._server.adopt(theirs.detach(), CLIENT) >= 0
            got = bytearray()
            sent, end = 0, len(stream) // 2 if cut & 1 else len(stream)
            while sent < end:
                piece = end - sent if cut < 64 else rng.choice((1, 2, 3, 17, 4000))
                sent += self._send(ours, stream[sent : min(end, sent + piece)], got)
                self._turn(ours, got)
            if cut & 1:
                ours.close()
                self._turn(None, got)
                self._left()
                return (1,)
            ours.shutdown(socket.SHUT_WR)
            for _ in range(TURNS):
                self._turn(ours, got)
                if not self._server.open:
                    break
        self._left()
        return self._compare(stream, bytes(got))

    def _send(self, ours: socket.socket, piece: bytes, got: bytearray) -> int:
        try:
            return ours.send(piece)
        except BlockingIOError:
            self._turn(ours, got)
            return 0

    def _turn(self, ours: socket.socket | None, got: bytearray) -> None:
        """What the worker's loop does, and the client reads what is there."""
        server = self._server
        server.on_readable()
        for token, answer in self._taken:
            server.send(token, answer)
            server.finish(token)
        self._taken.clear()
        for place, status, kind, apex, name in server.misses():
            if status == MISS:
                self._served.engine.fill(kind, apex, name, *fetch(kind, apex, name), 1)
            elif status == HAND_OVER:
                answer = own(server.request(place)[0])
                if answer[1] & 1:
                    self._taken.append((server.take(place), answer))
                else:
                    server.reply(place, answer)
        server.retry()
        if ours is not None:
            try:
                got += ours.recv(1 << 20)
            except BlockingIOError:
                pass

    def _left(self) -> None:
        assert (self._server.open, self._server.waiting, self._server.memory()) == (0, 0, 0)

    def _compare(self, stream: bytes, got: bytes) -> tuple[int, ...]:
        """Answers may have changed places (RFC 7766 6.2.1.1); a cookie tells the second it was made in."""
        answers = list(messages(got))
        assert sum(len(answer) + 2 for answer in answers) == len(got), "answers are not framed"
        kinds: set[tuple[int, ...]] = set()
        now = int(time.time())
        for packet in messages(stream):
            wanted = [self._wanted(packet, second) for second in (now, now - 1, now + 1, now - 2)]
            if wanted[0]:
                found = next((one for one in wanted if one in answers), None)
                assert found is not None, "an answer is missing or differs"
                answers.remove(found)
            kinds.add(judge(packet, wanted[0], tcp=True))
        assert not answers, "answers nobody asked for"
        return (len(kinds), *max(kinds, default=()))

    def _wanted(self, packet: bytes, second: int) -> bytes:
        while (answer := self._served.engine.answer(packet, CLIENT, True, second)) == MISS:
            self._served.fill()
        if answer == HAND_OVER:
            return own(packet)
        assert isinstance(answer, bytes)
        return answer

    def generate(self, rng: random.Random) -> bytes:
        packets = (random_packet(rng) for _ in range(rng.choice((1, 2, 3, 8))))
        stream = b"".join(len(packet).to_bytes(2, "big") + packet for packet in packets)
        return bytes((rng.randrange(256),)) + (damage(rng, stream) if rng.random() < 0.3 else stream)

    def mutate(self, rng: random.Random, data: bytes) -> bytes:
        return damage(rng, data)


def own(packet: bytes) -> bytes:
    """Python's answer in this game: the header, as a refusal."""
    return packet[:2] + bytes((packet[2] | 0x80, 5)) + bytes(8)


def messages(stream: bytes):  # type: ignore[no-untyped-def]
    """The whole messages of a stream."""
    at = 0
    while at + 2 <= len(stream):
        end = at + 2 + int.from_bytes(stream[at : at + 2], "big")
        if end > len(stream):
            return
        yield stream[at + 2 : end]
        at = end
