"""RFC 1035 4.1.1: the header. Which queries get FORMERR, NOTIMP or nothing, and what is copied."""

import struct

import pytest

from tests.helpers.ask import Server, query_for

ZONE = "$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE)


def packet(*, bits: int = 0, counts: tuple[int, int, int, int] = (1, 0, 0, 0), body: bytes | None = None) -> bytes:
    if body is None:
        body = query_for("ns.example").to_wire()[12:]
    return struct.pack("!6H", 0xABCD, bits, *counts) + body


def rcode(answer: bytes | int) -> int:
    assert isinstance(answer, bytes)
    assert answer[:2] == b"\xab\xcd"
    assert answer[2] & 0x80
    return answer[3] & 15


def test_response_gets_silence(server: Server) -> None:
    """Two servers must not answer one another for ever."""
    assert server.send(packet(bits=0x8000)) == b""
    assert server.send(packet(bits=0x8180)) == b""


@pytest.mark.parametrize("length", range(12))
def test_less_than_a_header_gets_silence(server: Server, length: int) -> None:
    assert server.send(packet()[:length]) == b""


@pytest.mark.parametrize("opcode", [1, 2, 3, 6, 7, 15])
def test_unknown_opcode(server: Server, opcode: int) -> None:
    answer = server.send(packet(bits=opcode << 11))
    assert rcode(answer) == 4
    assert answer[2] >> 3 & 15 == opcode


def test_reserved_bits_of_the_query_are_ignored_and_not_copied(server: Server) -> None:
    """RA, Z and RCODE have no meaning in a query."""
    plain = server.send(packet())
    assert server.send(packet(bits=0x0080)) == plain
    assert server.send(packet(bits=0x0040)) == plain
    assert server.send(packet(bits=0x000F)) == plain


def test_tc_and_aa_of_the_query_are_not_copied(server: Server) -> None:
    assert server.send(packet(bits=0x0600)) == server.send(packet())


def test_question_cut_short(server: Server) -> None:
    whole = packet()
    for end in range(12, len(whole)):
        assert rcode(server.send(whole[:end])) == 1


def test_counts_that_promise_more_than_there_is(server: Server) -> None:
    for counts in ((1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 1), (1, 0xFFFF, 0xFFFF, 0xFFFF)):
        assert rcode(server.send(packet(counts=counts))) == 1


def test_label_type_that_does_not_exist(server: Server) -> None:
    for octet in (0x40, 0x80, 0xBF):
        body = bytes([octet, 1, 97, 0]) + struct.pack("!2H", 1, 1)
        assert rcode(server.send(packet(body=body))) == 1


def test_name_longer_than_255_octets(server: Server) -> None:
    body = b"\x3f" + b"a" * 63
    assert rcode(server.send(packet(body=body * 4 + b"\x00" + struct.pack("!2H", 1, 1)))) == 1
    fits = body * 3 + b"\x3d" + b"a" * 61 + b"\x00"
    assert len(fits) == 255
    assert rcode(server.send(packet(body=fits + struct.pack("!2H", 1, 1)))) == 5


def test_pointer_that_leads_nowhere(server: Server) -> None:
    """To itself, forwards, into the header: none may be followed for ever."""
    for target in (12, 13, 40, 0x3FFF):
        body = struct.pack("!H", 0xC000 | target) + struct.pack("!2H", 1, 1)
        assert rcode(server.send(packet(body=body))) == 1


def test_octets_after_the_message(server: Server) -> None:
    """An answer is due all the same; whether it is FORMERR or an answer, it is well-formed."""
    assert rcode(server.send(packet() + b"\x00" * 20)) in {0, 1}
