"""Answers that leave together: each client gets its own, whole, from the address it asked, whatever the kernel is told."""

import random
import socket
from collections.abc import Iterator

import pytest

from nsblast._core.engine import Engine
from nsblast._core.serve_udp import UdpServer

UDP_GRO = 104  # the receiver's side: what came as one message is told as one, with the size of its parts
SO_NO_CHECK = 11  # no checksums: with that the kernel refuses to cut
IP_PKTINFO = 8
BATCH = 64


def turned_down(number: int, size: int = 1) -> bytes:
    """An opcode that nobody has: turned down without a look at any zone, by an answer as long as the question."""
    label = b"n" * size
    return (
        number.to_bytes(2, "big")
        + b"\x18\0\0\1\0\0\0\0\0\0"
        + bytes([size])
        + label
        + b"\4none\0"
        + (1).to_bytes(2, "big")
        + b"\0\1"
    )


@pytest.fixture(params=[True, False], ids=["gso", "alone"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return Engine(-1, gso=request.param)


def bound(family: int, address: str) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.bind((address, 0))
    except OSError:
        sock.close()
        pytest.skip(f"no {address} here")
    sock.setblocking(False)
    return sock


def clients(family: int, to: tuple[str, int], count: int) -> list[socket.socket]:
    made = []
    for _ in range(count):
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.connect(to)
        sock.settimeout(5)
        made.append(sock)
    return made


@pytest.fixture
def opened() -> Iterator[list[socket.socket]]:
    socks: list[socket.socket] = []
    yield socks
    for sock in socks:
        sock.close()


def check(engine: Engine, here: list[socket.socket], server: UdpServer, rng: random.Random, batches: int) -> None:
    """Questions of some lengths from all clients, mixed; each client gets the answers to its own, and no more."""
    for _ in range(batches):
        asked: dict[int, list[bytes]] = {n: [] for n in range(len(here))}
        for number in range(rng.randint(1, BATCH)):
            n = rng.randrange(len(here))
            packet = turned_down(number, rng.choice([1, 1, 1, 7, 63]))
            asked[n].append(packet)
            here[n].send(packet)
        assert server.on_readable() == 0
        for n, packets in asked.items():
            answers = sorted(here[n].recv(4096) for _ in packets)
            assert answers == [engine.answer(packet) for packet in packets]
    for sock in here:
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(4096)


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_clients_get_their_own_answers(engine: Engine, opened: list[socket.socket], family: int, address: str) -> None:
    there = bound(family, address)
    here = clients(family, there.getsockname()[:2], 5)
    opened += [there, *here]
    check(engine, here, UdpServer(engine, there.fileno()), random.Random(1), 50)


@pytest.mark.parametrize(
    ("family", "any_address", "addresses", "option"),
    [
        (socket.AF_INET, "0.0.0.0", ["127.0.0.1", "127.0.0.2", "127.0.0.3"], (socket.IPPROTO_IP, IP_PKTINFO)),
        (socket.AF_INET6, "::", ["::1"], (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO)),
    ],
)
def test_answers_leave_from_the_address_that_was_asked(
    engine: Engine,
    opened: list[socket.socket],
    family: int,
    any_address: str,
    addresses: list[str],
    option: tuple[int, int],
) -> None:
    there = bound(family, any_address)
    there.setsockopt(*option, 1)
    here = [sock for address in addresses for sock in clients(family, (address, there.getsockname()[1]), 2)]
    opened += [there, *here]
    check(engine, here, UdpServer(engine, there.fileno(), True), random.Random(2), 50)


def test_one_client_of_several_addresses_of_ours(opened: list[socket.socket]) -> None:
    """Same client, same length, but asked at two addresses: two messages."""
    there = bound(socket.AF_INET, "0.0.0.0")
    there.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    here = bound(socket.AF_INET, "127.0.0.1")
    opened += [there, here]
    port = there.getsockname()[1]
    for number in range(40):
        here.sendto(turned_down(number), (f"127.0.0.{1 + number % 2}", port))
    assert UdpServer(Engine(-1), there.fileno(), True).on_readable() == 0
    got = dict(here.recvfrom(4096) for _ in range(40))
    assert {packet[1]: address[0] for packet, address in got.items()} == {n: f"127.0.0.{1 + n % 2}" for n in range(40)}


def gathered(here: socket.socket) -> list[int]:
    """Octets of each message as it came through the stack."""
    sizes = []
    while True:
        try:
            sizes.append(len(here.recv(65535)))
        except BlockingIOError:
            return sizes


@pytest.mark.parametrize(("gso", "messages"), [(True, 2), (False, 40)])
def test_answers_of_one_length_travel_as_one(opened: list[socket.socket], gso: bool, messages: int) -> None:
    there = bound(socket.AF_INET, "127.0.0.1")
    [here] = clients(socket.AF_INET, there.getsockname(), 1)
    opened += [there, here]
    try:
        here.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        there.getsockopt(socket.IPPROTO_UDP, 103)
    except OSError:
        pytest.skip("this kernel has no UDP_SEGMENT and UDP_GRO")
    server = UdpServer(Engine(-1, gso=gso), there.fileno())
    for number in range(40):
        here.send(turned_down(number, 1 + number % 2))
    server.on_readable()
    here.setblocking(False)
    sizes = gathered(here)
    assert len(sizes) == messages
    assert sum(sizes) == sum(len(turned_down(number, 1 + number % 2)) for number in range(40))


def test_what_is_refused_as_one_is_sent_one_by_one(opened: list[socket.socket]) -> None:
    engine = Engine(-1)
    there = bound(socket.AF_INET, "127.0.0.1")
    here = clients(socket.AF_INET, there.getsockname(), 3)
    opened += [there, *here]
    server = UdpServer(engine, there.fileno())
    there.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
    check(engine, here, server, random.Random(3), 20)


def test_gathering_comes_back_after_a_refusal(opened: list[socket.socket]) -> None:
    engine = Engine(-1)
    there = bound(socket.AF_INET, "127.0.0.1")
    [here] = clients(socket.AF_INET, there.getsockname(), 1)
    opened += [there, here]
    try:
        here.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        there.getsockopt(socket.IPPROTO_UDP, 103)
    except OSError:
        pytest.skip("this kernel has no UDP_SEGMENT and UDP_GRO")
    server = UdpServer(engine, there.fileno())
    here.setblocking(False)
    counts = []
    for refuse in [1] + [0] * 300:
        there.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, refuse)
        for number in range(4):
            here.send(turned_down(number))
        server.on_readable()
        counts.append(len(gathered(here)))
    assert counts == [4] * 257 + [1] * 44
