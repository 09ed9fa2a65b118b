"""The compiled TCP server by itself, over pairs of sockets: pieces, sizes, limits, fairness, descriptors, settings."""

import contextlib
import os
import resource
import socket
import struct
from collections.abc import Iterator

import dns.message
import dns.rcode
import pytest

from nsblast._core.engine import HAND_OVER, MISS, Engine
from nsblast._core.serve_tcp import AGAIN, NEWS, WAITS, TcpServer
from tests.unit.serve.conftest import ZONE, query

CLIENT = bytes((192, 0, 2, 9))
FOREVER = 1e6


class Line:
    """A client's end."""

    def __init__(self, server: TcpServer, client: bytes = CLIENT) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.setblocking(False)
        theirs.setblocking(False)
        self.token = server.adopt(theirs.detach(), client)
        self.got = b""

    def __del__(self) -> None:
        self.socket.close()

    def send(self, *packets: bytes) -> None:
        self.socket.sendall(b"".join(framed(packet) for packet in packets))

    def read(self) -> list[bytes]:
        """Whole messages that have come."""
        with contextlib.suppress(BlockingIOError):
            while data := self.socket.recv(1 << 20):
                self.got += data
        found = []
        while len(self.got) >= 2 and len(self.got) >= 2 + (length := struct.unpack("!H", self.got[:2])[0]):
            found.append(self.got[2 : 2 + length])
            self.got = self.got[2 + length :]
        return found


def framed(packet: bytes) -> bytes:
    return struct.pack("!H", len(packet)) + packet


def serve(server: TcpServer, engine: Engine) -> None:
    """Turns until nothing moves."""
    for _ in range(50):
        flags = server.on_readable()
        missing = {miss[2:] for miss in server.misses() if miss[1] == MISS}
        for kind, apex, name in missing:
            engine.fill(kind, apex, name, name, ZONE.get(name, b""), 1)
        if missing:
            server.retry()
        elif not flags & AGAIN:
            return


@pytest.fixture
def engine() -> Engine:
    return Engine(-1)


@pytest.fixture
def server(engine: Engine) -> Iterator[TcpServer]:
    server = TcpServer(engine)
    server.limit(100, 50, FOREVER, 0, FOREVER, FOREVER)
    yield server
    server.abort()
    assert (server.open, server.waiting, server.memory()) == (0, 0, 0)


def test_longest_message_in_pieces_costs_what_has_come(server: TcpServer, engine: Engine) -> None:
    line = Line(server)
    packet = query("ns.example.", number=7)
    whole = framed(packet + bytes(65535 - len(packet)))
    line.socket.sendall(whole[:5000])
    serve(server, engine)
    assert 5000 <= server.memory() < 16384
    for at in range(5000, len(whole), 1400):
        line.socket.sendall(whole[at : at + 1400])
        serve(server, engine)
    (answer,) = line.read()
    assert answer[:2] == b"\0\7"
    line.send(query("ns.example.", number=8))
    serve(server, engine)
    assert [answer[:2] for answer in line.read()] == [b"\0\x08"]
    assert server.memory() == 0


def test_empty_messages_are_met_with_silence(server: TcpServer, engine: Engine) -> None:
    line = Line(server)
    line.send(b"", b"\0", b"", query("ns.example.", number=3))
    serve(server, engine)
    assert [answer[:2] for answer in line.read()] == [b"\0\3"]
    assert server.open == 1


def test_half_a_length_then_the_end(server: TcpServer, engine: Engine) -> None:
    line = Line(server)
    line.send(query("ns.example.", number=3))
    line.socket.sendall(b"\0")
    line.socket.shutdown(socket.SHUT_WR)
    serve(server, engine)
    assert len(line.read()) == 1
    assert server.open == 0


def test_reset_in_the_middle_of_everything_leaves_nothing(server: TcpServer, engine: Engine) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    server.listen(listening.fileno())
    with socket.create_connection(listening.getsockname()) as client:
        client.sendall(framed(query("www.example.")) + framed(query("example.", "AXFR")) + b"\0\x40half")
        server.on_readable()
        server.on_readable()
        assert (server.open, server.waiting) == (1, 2)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.on_readable()
    assert (server.open, server.waiting, server.memory()) == (0, 0, 0)
    server.hang_up()
    listening.close()


def test_greedy_client_does_not_starve_others(server: TcpServer, engine: Engine) -> None:
    """A turn takes a bounded part of what one has sent, and everybody's first message is answered in it."""
    greedy = Line(server)
    serve_warm = query("ns.example.")
    greedy.send(serve_warm)
    serve(server, engine)
    greedy.read()
    greedy.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    greedy.send(*[query("ns.example.", number=n) for n in range(3000)])
    modest = [Line(server) for _ in range(10)]
    for line in modest:
        line.send(query("ns.example.", number=5))
    server.on_readable()
    assert [len(line.read()) for line in modest] == [1] * 10
    assert 0 < len(greedy.read()) < 3000
    serve(server, engine)


def test_who_reads_nothing_is_not_read_from(server: TcpServer, engine: Engine) -> None:
    line = Line(server)
    line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    line.send(*[query("txt.example.", "TXT", number=n) for n in range(200)])
    serve(server, engine)
    assert 0 < server.memory() < 1 << 20
    seen = []
    for _ in range(2000):
        seen += line.read()
        serve(server, engine)
        if len(seen) == 200:
            break
    assert sorted(answer[:2] for answer in seen) == [struct.pack("!H", n) for n in range(200)]
    assert server.memory() == 0


def test_more_messages_wait_than_one_connection_may_park(server: TcpServer, engine: Engine) -> None:
    """Beyond 64 the rest of the stream waits, nothing is cut off."""
    line, other = Line(server), Line(server)
    line.send(*[query(f"n{n}.example.", number=n) for n in range(200)])
    assert server.on_readable() & WAITS
    assert server.waiting == 64
    other.send(query("ns.example.", number=1))
    server.on_readable()
    assert server.waiting == 65
    serve(server, engine)
    assert len(line.read()) == 200
    assert len(other.read()) == 1


def test_handed_over_message_holds_the_stream_until_taken(server: TcpServer, engine: Engine) -> None:
    line = Line(server)
    line.send(query("example.", "AXFR", 1), query("ns.example.", number=2))
    serve(server, engine)
    ((place, status, *_),) = server.misses()
    assert status == HAND_OVER
    packet, client = server.request(place)
    assert (packet[:2], client) == (b"\0\1", CLIENT)
    assert line.read() == []
    token = server.take(place)
    assert token == line.token
    serve(server, engine)
    assert [answer[:2] for answer in line.read()] == [b"\0\2"]
    assert server.close_idle() == 1
    assert server.send(token, b"\0\1" + bytes(10)) == 0
    assert server.send(token, b"\0\1" + bytes(20)) == 0
    assert [len(answer) for answer in line.read()] == [12, 22]
    line.socket.shutdown(socket.SHUT_WR)
    server.on_readable()
    assert server.open == 1
    server.finish(token)
    assert server.open == 0
    assert server.send(token, bytes(12)) == server.pending(token) == -1
    server.finish(token)


def test_handlers_hear_that_there_is_room_again_and_that_a_client_is_gone(server: TcpServer, engine: Engine) -> None:
    line = Line(server)
    line.send(query("example.", "AXFR", 1))
    serve(server, engine)
    token = server.take(server.misses()[0][0])
    while server.send(token, bytes(60000)) < 300000:
        pass
    server.on_readable()
    assert not server.on_readable() & NEWS
    while server.pending(token) > 32768:
        line.read()
        flags = server.on_readable()
    assert flags & NEWS
    line.socket.close()
    assert server.on_readable() & NEWS
    assert server.pending(token) == -1


def test_one_address_and_one_network_have_their_share(server: TcpServer) -> None:
    server.limit(100, 2, FOREVER, 0, FOREVER, FOREVER)
    network = bytes.fromhex("20010db800000001")
    lines = [Line(server, address) for address in (CLIENT, CLIENT, network + bytes(8), network + bytes([9] * 8))]
    assert all(line.token >= 0 for line in lines)
    assert Line(server, CLIENT).token == -1
    assert Line(server, network + bytes([7] * 8)).token == -1
    assert Line(server, bytes((192, 0, 2, 10))).token >= 0
    lines[0].socket.close()
    server.on_readable()
    assert Line(server, CLIENT).token >= 0


def test_addresses_are_counted_right_however_they_come_and_go(server: TcpServer) -> None:
    server.limit(2000, 1, FOREVER, 0, FOREVER, FOREVER)
    lines: dict[bytes, Line] = {}
    for n in range(400):
        address = struct.pack("!I", n * 7919)
        lines[address] = Line(server, address)
        if n % 3 == 0:
            lines.pop(next(iter(lines))).socket.close()
            server.on_readable()
    server.limit(4000, 1, FOREVER, 0, FOREVER, FOREVER)
    assert server.open == len(lines)
    for address in lines:
        assert Line(server, address).token == -1
    for line in lines.values():
        line.socket.close()
    while server.open:
        server.on_readable()
    assert all(Line(server, address).token >= 0 for address in lines)


def test_no_descriptor_left_is_no_busy_loop_and_passes(server: TcpServer) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    server.listen(listening.fileno())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.create_connection(listening.getsockname()) as client:
        client.settimeout(5)
        client.sendall(framed(bytes(12)))
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(int(fd) for fd in os.listdir("/proc/self/fd")), hard))
        spare = []
        try:
            with contextlib.suppress(OSError):
                while True:
                    spare.append(os.dup(0))
            for _ in range(5):
                server.on_readable()
            assert (server.starved, server.open) == (1, 0)
        finally:
            for fd in spare:
                os.close(fd)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        server.sweep()
        server.on_readable()
        assert dns.message.from_wire(client.recv(100)[2:]).rcode() == dns.rcode.FORMERR
    server.hang_up()
    listening.close()


def test_new_settings_reach_open_connections(server: TcpServer, engine: Engine) -> None:
    line = Line(server)
    line.send(query("www.example.", number=1))
    server.on_readable()
    assert server.waiting == 1
    other = Engine(-1)
    server.renew(other)
    serve(server, other)
    line.send(query("ns.example.", number=2))
    serve(server, other)
    assert [answer[:2] for answer in line.read()] == [b"\0\1", b"\0\2"]


def test_wrong_arguments_are_refused(server: TcpServer) -> None:
    with pytest.raises(ValueError, match="4 or 16"):
        server.adopt(0, b"123")
    with pytest.raises(IndexError):
        server.request(0)
    with pytest.raises(IndexError):
        server.reply(5000, b"")
    with pytest.raises(ValueError, match="connections"):
        server.limit(0, 1, 1, 1, 1, 1)
    assert server.pending(123456789) == -1
