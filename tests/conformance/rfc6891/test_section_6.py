"""RFC 6891 6: one OPT (6.1.1), options (6.1.2), versions (6.1.3), flags (6.1.4), sizes (6.2.3, 6.2.5); 7: none without."""

import struct

import dns.edns
import dns.message
import dns.rcode
import pytest

from tests.helpers.ask import Server, query_for

ZONE = "$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n" + "".join(
    f"big TXT {'x' * 50}{i:03}\n" for i in range(60)
)


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE)


def opt(*, owner: bytes = b"\x00", size: int = 1232, ttl: int = 0, rdata: bytes = b"") -> bytes:
    return owner + struct.pack("!HHIH", 41, size, ttl, len(rdata)) + rdata


def with_additional(*records: bytes, count: int | None = None) -> bytes:
    query = bytearray(query_for("ns.example").to_wire())
    query[10:12] = struct.pack("!H", len(records) if count is None else count)
    return bytes(query) + b"".join(records)


def reply(server: Server, packet: bytes) -> dns.message.Message:
    answer = server.send(packet)
    assert isinstance(answer, bytes)
    return dns.message.from_wire(answer)


def test_6_1_1_more_than_one_opt(server: Server) -> None:
    assert reply(server, with_additional(opt(), opt())).rcode() == dns.rcode.FORMERR


def test_6_1_1_opt_has_the_root_as_owner(server: Server) -> None:
    assert reply(server, with_additional(opt(owner=b"\x01x\x00"))).rcode() == dns.rcode.FORMERR


def test_6_1_1_opt_need_not_be_the_first_additional_record(server: Server) -> None:
    other = b"\x01x\x00" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes(4)
    answer = reply(server, with_additional(other, opt()))
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.edns == 0


def test_6_1_2_options_that_nobody_knows_are_ignored(server: Server) -> None:
    options = struct.pack("!HH", 65001, 3) + b"abc" + struct.pack("!HH", 65002, 0)
    answer = reply(server, with_additional(opt(rdata=options)))
    assert answer.rcode() == dns.rcode.NOERROR
    assert len(answer.answer) == 1
    assert not answer.options


@pytest.mark.parametrize("rdata", [b"\x00", b"\x00\x03\x00", b"\x00\x03\x00\x05abc", b"\xfd\xe9\xff\xff"])
def test_6_1_2_options_that_do_not_fit_their_rdata(server: Server, rdata: bytes) -> None:
    assert reply(server, with_additional(opt(rdata=rdata))).rcode() == dns.rcode.FORMERR


@pytest.mark.parametrize("version", [1, 2, 255])
def test_6_1_3_badvers(server: Server, version: int) -> None:
    """With the version this server has, and no data."""
    answer = server.ask("ns.example", edns=version)
    assert answer.rcode == "BADVERS"
    assert answer.message.edns == 0
    assert answer.section("ANSWER") == []


def test_6_1_3_rcode_is_split_over_header_and_opt(server: Server) -> None:
    wire = server.ask("ns.example", edns=1).wire
    assert wire[3] & 15 == 0
    assert wire[-11:] == opt(size=1232, ttl=0x01000000)


def test_6_1_4_unassigned_flags_are_ignored_and_zero(server: Server) -> None:
    answer = reply(server, with_additional(opt(ttl=0x7FFF)))
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.ednsflags & 0xFFFF == 0


@pytest.mark.parametrize("size", [0, 1, 100, 511, 512])
def test_6_2_3_sizes_below_512_count_as_512(server: Server, size: int) -> None:
    answer = server.ask("big.example", "TXT", edns=0, size=size, tcp=False)
    assert len(answer.wire) <= 512
    small = server.ask("ns.example", edns=0, size=size)
    assert len(small.section("ANSWER")) == 1


@pytest.mark.parametrize(
    ("server_max", "client", "allowed"), [(4096, 4096, 4096), (512, 4096, 512), (1400, 65535, 1400)]
)
def test_6_2_5_smaller_of_both_sizes(server_max: int, client: int, allowed: int) -> None:
    server = Server(ZONE, udp_max=server_max)
    query = query_for("big.example", "TXT", edns=0, size=client).to_wire()
    wire = server.send(query)
    assert isinstance(wire, bytes)
    message = dns.message.from_wire(wire)
    assert len(wire) <= allowed
    assert message.payload == server_max
    assert bool(message.flags & 0x0200) == (allowed < 4096)


def test_7_no_opt_without_one(server: Server) -> None:
    assert server.ask("ns.example").message.edns == -1
    assert server.ask("nothing.example").message.edns == -1
    assert server.ask("ns.example", edns=0).message.edns == 0


def test_opt_in_the_wrong_section_is_malformed(server: Server) -> None:
    query = bytearray(query_for("ns.example").to_wire() + opt())
    query[6:8] = b"\x00\x01"
    assert reply(server, bytes(query)).rcode() == dns.rcode.FORMERR


def test_errors_carry_opt_too(server: Server) -> None:
    """Refused, not implemented: whoever sent OPT gets OPT."""
    assert server.ask("other", edns=0).message.edns == 0
    packet = bytearray(query_for("ns.example", edns=0).to_wire())
    packet[2] |= 2 << 3
    answer = reply(server, bytes(packet))
    assert answer.rcode() == dns.rcode.NOTIMP
    assert answer.edns == 0
