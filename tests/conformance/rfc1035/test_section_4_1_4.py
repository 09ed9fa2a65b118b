"""RFC 1035 4.1.4: names that were written before are written as pointers, to octets before them."""

import dns.message

from tests.helpers.ask import Server, query_for

ZONE = """
$ORIGIN compress.example.
$TTL 60
@ SOA ns.compress.example. hostmaster.compress.example. 1 2 3 4 5
@ NS ns
@ NS ns2
@ MX 10 mail
@ MX 20 mail2
ns A 192.0.2.1
ns2 A 192.0.2.2
mail A 192.0.2.3
mail2 A 192.0.2.4
alias CNAME some.other.name.in.the.same.zone
some.other.name.in.the.same.zone CNAME @
"""


def pointers(wire: bytes) -> list[tuple[int, int]]:
    """(where, to) of every compression pointer, found by walking the whole message as a reader does."""
    found: list[tuple[int, int]] = []

    def name(at: int) -> int:
        while wire[at]:
            if wire[at] & 0xC0 == 0xC0:
                found.append((at, (wire[at] & 0x3F) << 8 | wire[at + 1]))
                return at + 2
            at += wire[at] + 1
        return at + 1

    counts = [int.from_bytes(wire[at : at + 2], "big") for at in (4, 6, 8, 10)]
    at = 12
    for _ in range(counts[0]):
        at = name(at) + 4
    skip = {2: 0, 5: 0, 6: 0, 12: 0, 15: 2}
    for _ in range(sum(counts[1:])):
        at = name(at)
        rdtype = int.from_bytes(wire[at : at + 2], "big")
        length = int.from_bytes(wire[at + 8 : at + 10], "big")
        at += 10
        if rdtype in skip:
            end = name(at + skip[rdtype])
            if rdtype == 6:
                name(end)
        at += length
    assert at == len(wire)
    return found


def test_every_repeated_name_is_a_pointer_backwards() -> None:
    server = Server(ZONE)
    for qname, qtype in [("compress.example", "NS"), ("compress.example", "MX"), ("alias.compress.example", "MX")]:
        wire = server.ask(qname, qtype).wire
        found = pointers(wire)
        assert found
        assert all(12 <= target < at for at, target in found)
        assert wire.count(b"\x08compress\x07example\x00") == 1, "the zone's name stands there once"


def test_compressed_answer_says_the_same_as_an_uncompressed_one() -> None:
    """dnspython writes the message anew without a table: the same records, and no shorter."""
    server = Server(ZONE)
    wire = server.ask("compress.example", "MX").wire
    message = dns.message.from_wire(wire)
    plain = sum(
        len(rrset.name.to_wire()) + 10 + len(rdata.to_wire())
        for section in message.sections[1:]
        for rrset in section
        for rdata in rrset
    )
    assert len(wire) < 12 + len(query_for("compress.example", "MX").to_wire()) - 12 + plain
    assert len(wire) <= len(message.to_wire())


def test_pointers_stay_within_their_reach() -> None:
    """An answer longer than 16383 octets over TCP: what lies behind cannot be pointed at."""
    many = "".join(f"big TXT {'x' * 200}{i:04}\nbig2 MX {i} host{i}.target{i}\n" for i in range(250))
    server = Server(ZONE + many)
    for qname, qtype in [("big.compress.example", "TXT"), ("big2.compress.example", "MX")]:
        wire = server.ask(qname, qtype, tcp=True).wire
        assert len(dns.message.from_wire(wire).answer[0]) == 250
        assert all(target < 0x4000 for _, target in pointers(wire))
