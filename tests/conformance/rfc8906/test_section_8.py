"""RFC 8906: no silence where an answer is due. The probes of its section 8, and what each must bring."""

import struct

import dns.edns
import dns.message
import dns.rcode
import pytest

from tests.helpers.ask import Server, query_for

ZONE = "$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE)


def test_8_1_1_is_the_server_configured_for_the_zone(server: Server) -> None:
    server.ask("example", "SOA").gives("NOERROR aa\nANSWER\nexample. 60 SOA ns.example. host.example. 1 2 3 4 5")


@pytest.mark.parametrize("qtype", ["TYPE1000", "TYPE65534", "TYPE256", "TYPE127", "NULL"])
def test_8_1_2_unknown_types(server: Server, qtype: str) -> None:
    answer = server.ask("example", qtype)
    assert answer.head == "NOERROR aa"
    assert answer.section("ANSWER") == []


@pytest.mark.parametrize(
    ("bit", "name"), [(0x0010, "CD"), (0x0020, "AD"), (0x0040, "Z"), (0x0100, "RD"), (0x0080, "RA")]
)
def test_8_1_3_header_bits(server: Server, bit: int, name: str) -> None:
    """Each is answered as without it; the reserved one does not come back."""
    packet = bytearray(query_for("example", "SOA").to_wire())
    flags = struct.unpack("!H", packet[2:4])[0] | bit
    packet[2:4] = struct.pack("!H", flags)
    answer = server.send(bytes(packet))
    assert isinstance(answer, bytes)
    message = dns.message.from_wire(answer)
    assert message.rcode() == dns.rcode.NOERROR
    assert len(message.answer) == 1
    assert not message.flags & 0x0040, name


def test_8_1_4_unknown_opcode(server: Server) -> None:
    packet = struct.pack("!6H", 5, 15 << 11, 0, 0, 0, 0)
    answer = server.send(packet)
    assert isinstance(answer, bytes)
    assert len(answer) >= 12
    assert answer[3] & 15 == dns.rcode.NOTIMP
    assert answer[2] >> 3 & 15 == 15


def test_8_1_5_tcp(server: Server) -> None:
    assert server.ask("example", "SOA", tcp=True).head == "NOERROR aa"


def test_8_2_1_minimal_edns(server: Server) -> None:
    answer = server.ask("example", "SOA", edns=0)
    assert answer.head == "NOERROR aa"
    assert answer.message.edns == 0


def test_8_2_2_edns_version(server: Server) -> None:
    answer = server.ask("example", "SOA", edns=1)
    assert answer.rcode == "BADVERS"
    assert answer.message.edns == 0


def test_8_2_3_unknown_option(server: Server) -> None:
    option = dns.edns.GenericOption(100, b"\x01\x02")
    answer = server.ask("example", "SOA", options=[option])
    assert answer.head == "NOERROR aa"
    assert not answer.message.options


def test_8_2_4_unknown_flag(server: Server) -> None:
    packet = query_for("example", "SOA", edns=0)
    packet.ednsflags |= 0x0040
    wire = server.send(packet.to_wire())
    assert isinstance(wire, bytes)
    message = dns.message.from_wire(wire)
    assert message.rcode() == dns.rcode.NOERROR
    assert not message.ednsflags & 0x0040


def test_8_2_5_version_flag_and_option_at_once(server: Server) -> None:
    packet = query_for("example", "SOA", edns=1, options=[dns.edns.GenericOption(100, b"")])
    packet.ednsflags |= 0x0040
    wire = server.send(packet.to_wire())
    assert isinstance(wire, bytes)
    message = dns.message.from_wire(wire)
    assert message.rcode() == dns.rcode.BADVERS
    assert message.edns == 0
    assert not message.options
    assert not message.ednsflags & 0x0040


def test_8_2_6_edns_over_tcp_and_do(server: Server) -> None:
    answer = server.ask("example", "SOA", do=True, tcp=True)
    assert answer.head == "NOERROR aa"
    assert answer.message.ednsflags & 0x8000


def test_8_2_8_truncated_answers_keep_opt() -> None:
    server = Server(ZONE + "".join(f"big TXT {'x' * 60}{i}\n" for i in range(40)))
    answer = server.ask("big.example", "TXT", edns=0, size=512, tcp=False)
    assert answer.head == "NOERROR aa tc"
    assert answer.message.edns == 0


@pytest.mark.parametrize("qclass", ["CH", "HS", "TYPE", "ANY"])
def test_3_1_4_other_classes_are_answered(server: Server, qclass: str) -> None:
    answer = server.ask("example", "SOA", qclass="CLASS4711" if qclass == "TYPE" else qclass)
    assert answer.rcode in {"REFUSED", "NOTIMP", "NOERROR", "NXDOMAIN"}
