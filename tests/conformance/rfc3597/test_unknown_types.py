"""RFC 3597: types nobody knows are served as they are (3), their rdata never compressed (4), nothing is added (7)."""

import pytest

from tests.helpers.ask import Server

NAME = (b"\x02ns\x07example\x00").hex()  # ns.example in wire form, in the rdata of an unknown type
ZONE = f"""
$ORIGIN example.
$TTL 60
@ SOA ns host 1 2 3 4 5
@ NS ns
ns A 192.0.2.1
unknown TYPE65280 \\# 6 0a0000010203
unknown TYPE65281 \\# 0
unknown TYPE65282 \\# 12 {NAME}
known TYPE1 \\# 4 c0000207
naptr NAPTR 1 1 "S" "x" "" ns
"""


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE)


@pytest.mark.parametrize(
    ("qtype", "rdata"), [("TYPE65280", "\\# 6 0a0000010203"), ("TYPE65281", "\\# 0"), ("TYPE65282", f"\\# 12 {NAME}")]
)
def test_3_rdata_is_transparent(server: Server, qtype: str, rdata: str) -> None:
    server.ask("unknown.example", qtype).gives(f"NOERROR aa\nANSWER\nunknown.example. 60 {qtype} {rdata}")


def test_4_names_inside_unknown_rdata_are_left_alone(server: Server) -> None:
    assert bytes.fromhex(NAME) in server.ask("unknown.example", "TYPE65282").wire


def test_4_newer_types_are_not_compressed(server: Server) -> None:
    """Only types of RFC 1035 (and a few named in section 4) may have compressed names."""
    assert server.ask("naptr.example", "NAPTR").wire.count(bytes.fromhex(NAME)) == 1


def test_5_generic_form_of_a_known_type(server: Server) -> None:
    server.ask("known.example").gives("NOERROR aa\nANSWER\nknown.example. 60 A 192.0.2.7")


def test_unknown_type_that_is_not_there(server: Server) -> None:
    server.ask("known.example", "TYPE65283").gives(
        "NOERROR aa\nAUTHORITY\nexample. 5 SOA ns.example. host.example. 1 2 3 4 5"
    )
