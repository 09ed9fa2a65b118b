"""RFC 7766 6: many queries over one connection (6.2.1.1), answered as they come, also in pieces (8); of a running server."""

import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import dns.edns
import dns.message
import dns.rcode
import pytest

from tests.helpers.ask import query_for
from tests.helpers.server import Server, serving

ZONE = """
$ORIGIN tcp.example.
$TTL 60
@ SOA ns host 1 2 3 4 5
@ NS ns
ns A 192.0.2.1
""" + "".join(f"h{i} A 192.0.2.{i}\n" for i in range(1, 200))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("rfc7766")
    (folder / "db").mkdir()
    zone = folder / "tcp.example.zone"
    zone.write_text(ZONE)
    with serving(folder / "db", "--cache-size", "16MiB", "--tcp-idle-timeout", "1s") as running:
        running.command("zone", "import", str(zone))
        yield running


@pytest.fixture
def connection(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection((server.address, server.port), timeout=5) as connected:
        yield connected


def framed(packet: bytes) -> bytes:
    return struct.pack("!H", len(packet)) + packet


def receive(connection: socket.socket) -> dns.message.Message:
    def exactly(count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = connection.recv(count - len(data))
            assert more, "the server closed the connection"
            data += more
        return data

    return dns.message.from_wire(exactly(struct.unpack("!H", exactly(2))[0]))


def test_6_2_1_connection_is_used_again(connection: socket.socket) -> None:
    for i in range(1, 20):
        query = query_for(f"h{i}.tcp.example")
        connection.sendall(framed(query.to_wire()))
        reply = receive(connection)
        assert reply.id == query.id
        assert reply.answer[0][0].to_text() == f"192.0.2.{i}"


def test_6_2_1_1_pipelined_queries_are_all_answered(connection: socket.socket) -> None:
    """Sent in one piece; answers may come in any order, each with its id."""
    queries = {i: query_for(f"h{i}.tcp.example") for i in range(1, 200)}
    for number, query in queries.items():
        query.id = number
    connection.sendall(b"".join(framed(query.to_wire()) for query in queries.values()))
    replies = [receive(connection) for _ in queries]
    assert {reply.id for reply in replies} == set(queries)
    assert all(reply.answer[0][0].to_text() == f"192.0.2.{reply.id}" for reply in replies)


def test_8_a_message_in_pieces(connection: socket.socket) -> None:
    data = framed(query_for("h7.tcp.example").to_wire())
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for octet in data:
        connection.sendall(bytes([octet]))
        time.sleep(0.002)
    assert receive(connection).answer[0][0].to_text() == "192.0.2.7"


def test_6_2_3_idle_connections_are_closed(connection: socket.socket) -> None:
    connection.sendall(framed(query_for("h7.tcp.example").to_wire()))
    receive(connection)
    started = time.monotonic()
    assert connection.recv(1) == b""
    assert 0.5 < time.monotonic() - started < 4


def test_6_2_4_half_closed_connection_still_gets_its_answers(connection: socket.socket) -> None:
    connection.sendall(b"".join(framed(query_for(f"h{i}.tcp.example").to_wire()) for i in range(1, 50)))
    connection.shutdown(socket.SHUT_WR)
    for _ in range(1, 50):
        assert receive(connection).rcode() == dns.rcode.NOERROR


def test_7828_the_idle_time_is_told(connection: socket.socket) -> None:
    """RFC 7828 3.3.2: what the option says is what the server does."""
    option = dns.edns.GenericOption(11, b"")
    connection.sendall(framed(query_for("h7.tcp.example", options=[option]).to_wire()))
    told = [given.to_wire() for given in receive(connection).options if given.otype == 11]
    assert told == [struct.pack("!H", 10)]


def test_malformed_messages_are_answered_and_the_connection_lives(connection: socket.socket) -> None:
    connection.sendall(framed(struct.pack("!6H", 99, 0, 1, 0, 0, 0) + b"\x3f"))
    assert receive(connection).rcode() == dns.rcode.FORMERR
    connection.sendall(framed(query_for("h8.tcp.example").to_wire()))
    assert receive(connection).answer[0][0].to_text() == "192.0.2.8"
