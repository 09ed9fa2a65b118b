"""Rdata text against dnspython: the same octets from the same text, for every type, and back."""

import base64
import random
import struct

import dns.name
import dns.rdata
import dns.rdataclass
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsblast import records
from nsblast.errors import InputError

ORIGIN = b"\x07example\x03com\x00"

ISSUE_TYPES = [
    "A",
    "AAAA",
    "AFSDB",
    "APL",
    "CAA",
    "CDNSKEY",
    "CDS",
    "CERT",
    "CNAME",
    "CSYNC",
    "DHCID",
    "DNAME",
    "DNSKEY",
    "DS",
    "EUI48",
    "EUI64",
    "HINFO",
    "HIP",
    "HTTPS",
    "IPSECKEY",
    "KEY",
    "KX",
    "LOC",
    "MX",
    "NAPTR",
    "NS",
    "NSEC",
    "NSEC3",
    "NSEC3PARAM",
    "OPENPGPKEY",
    "PTR",
    "RP",
    "RRSIG",
    "SMIMEA",
    "SOA",
    "SPF",
    "SRV",
    "SSHFP",
    "SVCB",
    "TLSA",
    "TXT",
    "URI",
    "ZONEMD",
]

# One usual and some unusual texts for each type; dnspython says what octets they are.
TEXTS = {
    "A": ["192.0.2.1", "255.255.255.255", "0.0.0.0"],
    "AAAA": ["2001:db8::1", "::", "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8"],
    "AFSDB": ["1 afs.example.net."],
    "APL": ["1:192.168.32.0/21 !1:192.168.38.0/28", "2:ff00::/8"],
    "CAA": ['0 issue "ca.example.net; account=230123"', "128 iodef mailto:a@example.com"],
    "CDNSKEY": ["0 3 0 AA==", "257 3 13 AAECAwQ="],
    "CDS": ["0 0 0 00", "60485 5 1 2BB183AF5F22588179A53B0A 98631FAD1A292118"],
    "CERT": ["PGP 0 0 aGVsbG8=", "1 2 RSASHA256 aGVsbG8="],
    "CNAME": ["host", "host.example.net.", "@", r"a\.b.c", r"\000\255x"],
    "CSYNC": ["66 3 A NS AAAA"],
    "DHCID": ["AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="],
    "DNAME": ["other.example.net."],
    "DNSKEY": ["256 3 5 AQPSKmynfzW4kyBv015MUG2DeIQ3", "257 3 ECDSAP256SHA256 AAEC AwQF"],
    "DS": ["60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", "1 RSASHA256 250 aabb"],
    "EUI48": ["00-00-5e-00-53-2a"],
    "EUI64": ["00-00-5e-ef-10-00-00-2a"],
    "HINFO": ['"PDP 11" UNIX', '"" ""'],
    "HIP": ["2 200100107B1A74DF365639CC39F1D578 AwEAAbdx rvs.example.com."],
    "HTTPS": ["1 . alpn=h2,h3 port=443", "0 svc.example.net."],
    "IPSECKEY": ["10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtu", "10 3 2 gw.example.net. AQNRU3mG"],
    "KEY": ["512 3 5 AQPSKmynfzW4"],
    "KX": ["10 kx"],
    "LOC": ["60 9 0.000 N 24 39 0.000 E 10.00m 20m 2000m 20m"],
    "MX": ["10 mail", "0 ."],
    "NAPTR": ['100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .'],
    "NS": ["ns1", "ns1.example.net."],
    "NSEC": ["host.example.com. A MX RRSIG NSEC TYPE1234", "a. A"],
    "NSEC3": ["1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG", "1 0 0 - 2T7B4G4V"],
    "NSEC3PARAM": ["1 0 12 AABBCCDD", "1 0 0 -"],
    "OPENPGPKEY": ["AQPSKmynfzW4 kyBv"],
    "PTR": ["host"],
    "RP": ["mbox txt"],
    "RRSIG": [
        "A 5 3 86400 20030322173103 20030220173103 2642 example.com. oJB1W6WNGv+ldvQ3WDG0MQkg",
        "TYPE300 RSASHA256 0 0 0 1 2 . AA==",
    ],
    "SMIMEA": ["3 1 0 aabb"],
    "SOA": ["ns1 host 2026010101 3600 1800 1209600 300", ". . 4294967295 1h 30m 2w 0"],
    "SPF": ['"v=spf1 -all"'],
    "SRV": ["0 5 5060 sip"],
    "SSHFP": ["2 1 123456789abcdef67890123456789abcdef67890"],
    "SVCB": [
        '16 foo.example.org. alpn="h2,h3-19" mandatory=ipv4hint,alpn ipv4hint=192.0.2.1',
        r'1 . key667="hello\210qoo"',
    ],
    "TLSA": ["0 0 1 d2abde240d7cd3ee6b4b28c54df034b9 7983a1d16e8a410e4561cb106618e971"],
    "TXT": ['"a b" c', r'"semi;colon" \000\255 "q\"q"', '""', "a" * 255],
    "URI": ['10 1 "ftp://ftp1.example.com/public"'],
    "ZONEMD": [
        "2018031500 1 1 FEBE3D4CE2EC2FFA4BA99D46CD69D6D29711E55217057BEE7EB1A7B641A47BA7FED2DD5B97AE499FAFA4F22C6BD647DE"
    ],
}


def by_dnspython(name: str, text: str) -> bytes:
    origin = dns.name.from_wire(ORIGIN, 0)[0]
    return dns.rdata.from_text(dns.rdataclass.IN, name, text, origin=origin, relativize=False).to_wire()


def test_every_type_of_the_issue_has_a_name_and_examples() -> None:
    assert set(ISSUE_TYPES) == set(TEXTS)
    assert all(records.type_name(records.type_number(name)) == name for name in ISSUE_TYPES)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in TEXTS.items() for text in texts])
def test_same_octets_as_dnspython(name: str, text: str) -> None:
    number = records.type_number(name)
    wire = records.from_text(number, text, ORIGIN)
    assert wire == by_dnspython(name, text)
    assert records.from_text(number, records.to_text(number, wire)) == wire
    assert records.from_text(number, f"\\# {len(wire)} {wire.hex()}") == wire


def octets(rng: random.Random, low: int, high: int) -> bytes:
    return rng.randbytes(rng.randint(low, high))


def a_name(rng: random.Random) -> bytes:
    return (
        b"".join(bytes([len(label)]) + label for label in (octets(rng, 1, 20) for _ in range(rng.randint(0, 4))))
        + b"\x00"
    )


def a_string(rng: random.Random, low: int = 0) -> bytes:
    text = octets(rng, low, 255)
    return bytes([len(text)]) + text


def bitmap(rng: random.Random) -> bytes:
    out = b""
    for window in sorted(rng.sample(range(256), rng.randint(0, 3))):
        bits = octets(rng, 0, 31) + bytes([rng.randint(1, 255)])
        if window == 0:
            bits = bytes([bits[0] & 0x7F | 1]) + bits[1:]  # type 0 has no place in a list
        out += bytes([window, len(bits)]) + bits
    return out


RANDOM = {
    "A": lambda r: r.randbytes(4),
    "AAAA": lambda r: r.randbytes(16),
    "NS": a_name,
    "CNAME": a_name,
    "PTR": a_name,
    "DNAME": a_name,
    "MX": lambda r: r.randbytes(2) + a_name(r),
    "AFSDB": lambda r: r.randbytes(2) + a_name(r),
    "KX": lambda r: r.randbytes(2) + a_name(r),
    "RP": lambda r: a_name(r) + a_name(r),
    "SRV": lambda r: r.randbytes(6) + a_name(r),
    "SOA": lambda r: a_name(r) + a_name(r) + r.randbytes(20),
    "TXT": lambda r: b"".join(a_string(r) for _ in range(r.randint(1, 4))),
    "SPF": lambda r: b"".join(a_string(r) for _ in range(r.randint(1, 4))),
    "HINFO": lambda r: a_string(r) + a_string(r),
    "NAPTR": lambda r: r.randbytes(4) + a_string(r) + a_string(r) + a_string(r) + a_name(r),
    "DS": lambda r: r.randbytes(3) + b"\x02" + r.randbytes(32),
    "CDS": lambda r: r.randbytes(3) + b"\x02" + r.randbytes(32),
    "DNSKEY": lambda r: r.randbytes(4) + octets(r, 1, 300),
    "CDNSKEY": lambda r: r.randbytes(4) + octets(r, 1, 300),
    "KEY": lambda r: r.randbytes(4) + octets(r, 1, 300),
    "OPENPGPKEY": lambda r: octets(r, 1, 300),
    "DHCID": lambda r: octets(r, 1, 300),
    "CERT": lambda r: r.randbytes(5) + octets(r, 1, 300),
    "TLSA": lambda r: r.randbytes(2) + bytes(1) + octets(r, 1, 64),
    "SMIMEA": lambda r: r.randbytes(2) + bytes(1) + octets(r, 1, 64),
    "SSHFP": lambda r: r.randbytes(1) + bytes(1) + octets(r, 1, 64),
    "RRSIG": lambda r: r.randbytes(18) + a_name(r) + octets(r, 1, 300),
    "NSEC": lambda r: a_name(r) + bitmap(r),
    "NSEC3": lambda r: b"\x01\x00" + r.randbytes(2) + a_string(r) + a_string(r, 1) + bitmap(r),
    "NSEC3PARAM": lambda r: b"\x01\x00" + r.randbytes(2) + a_string(r),
    "CSYNC": lambda r: r.randbytes(6) + bitmap(r),
    "CAA": lambda r: r.randbytes(1) + b"\x05issue" + octets(r, 0, 600),
    "EUI48": lambda r: r.randbytes(6),
    "EUI64": lambda r: r.randbytes(8),
    "URI": lambda r: r.randbytes(4) + octets(r, 1, 300),
    "SVCB": lambda r: (
        b"\x00\x01"
        + a_name(r)
        + b"\x00\x03\x00\x02"
        + r.randbytes(2)
        + b"\x02\x00"
        + struct.pack("!H", 3)
        + r.randbytes(3)
    ),
    "HTTPS": lambda r: b"\x00\x01" + a_name(r) + b"\x00\x03\x00\x02" + r.randbytes(2),
    "IPSECKEY": lambda r: r.randbytes(1) + b"\x01" + r.randbytes(5) + octets(r, 1, 200),
    "HIP": lambda r: b"\x10\x02\x00\x20" + r.randbytes(48) + a_name(r),
    "APL": lambda r: b"\x00\x01\x20\x84" + r.randbytes(3) + bytes([r.randint(1, 255)]),
    "ZONEMD": lambda r: r.randbytes(4) + b"\x01\x01" + r.randbytes(48),
}


@pytest.mark.parametrize("name", sorted(RANDOM))
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_random_rdata_survives_both_ways_of_writing(name: str, seed: int) -> None:
    """to_text of dnspython read by us, and our text read by dnspython, both give the octets back."""
    number = records.type_number(name)
    wire = RANDOM[name](random.Random(seed))
    theirs = dns.rdata.from_wire(dns.rdataclass.IN, number, wire, 0, len(wire))
    try:
        readable = by_dnspython(name, theirs.to_text()) == wire
    except Exception:
        readable = False  # dnspython cannot read what it wrote
    if readable:
        assert records.from_text(number, theirs.to_text()) == wire
    ours = records.to_text(number, wire)
    assert records.from_text(number, ours) == wire
    assert by_dnspython(name, ours) == wire


@given(number=st.sampled_from([10, 65280, 1234]), wire=st.binary(max_size=300))
def test_unknown_types_in_generic_form(number: int, wire: bytes) -> None:
    text = records.to_text(number, wire)
    assert text.startswith(f"\\# {len(wire)}")
    assert records.from_text(number, text) == wire


@given(text=st.binary(max_size=60), number=st.sampled_from([records.type_number(name) for name in ISSUE_TYPES]))
def test_any_text_gives_octets_or_one_error(text: bytes, number: int) -> None:
    try:
        wire = records.from_text(number, text, ORIGIN)
    except InputError:
        return
    assert records.from_text(number, records.to_text(number, wire)) == wire


@given(wire=st.lists(st.binary(min_size=1, max_size=63), max_size=3))
def test_names_of_any_octets(wire: list[bytes]) -> None:
    name = b"".join(bytes([len(label)]) + label for label in wire) + b"\x00"
    text = records.name_to_text(name)
    assert text.isascii()
    assert records.name_from_text(text) == name
    assert dns.name.from_text(text).to_wire() == name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("A", "1.2.3"),
        ("A", "1.2.3.256"),
        ("A", "01.2.3.4"),
        ("A", "1.2.3.4 5"),
        ("A", ""),
        ("A", '"1.2.3.4"'),
        ("A", "1.2.3.4."),
        ("AAAA", "1::2::3"),
        ("AAAA", "12345::"),
        ("NS", ""),
        ("NS", "a..b"),
        ("NS", ".a"),
        ("NS", "a" * 64),
        ("NS", "a\\256"),
        ("NS", "a\\25"),
        ("NS", ".".join(["a" * 63] * 4)),
        ("NS", "a b"),
        ("MX", "65536 a"),
        ("MX", "-1 a"),
        ("MX", "10"),
        ("TXT", ""),
        ("TXT", "a" * 256),
        ("TXT", '"open'),
        ("SOA", "a b 1 2 3 4"),
        ("SOA", "a b 1 2 3 4 5 6"),
        ("SOA", "a b 1x 2 3 4 5"),
        ("DS", "1 2 3"),
        ("DS", "1 2 3 abc"),
        ("DS", "1 2 3 xx"),
        ("DNSKEY", "1 2 3 AAA"),
        ("DNSKEY", "1 2 3 A=AA"),
        ("DNSKEY", "1 2 3 !"),
        ("RRSIG", "A 5 3 86400 20030332173103 20030220173103 2642 a. AA=="),
        ("RRSIG", "A 5 3 1 2003 x 1 a. AA=="),
        ("NSEC", "a. BOGUS"),
        ("NSEC", "a. TYPE65536"),
        ("NSEC3", "1 0 0 abc 2T7B4G4V"),
        ("NSEC3", "1 0 0 - 2T7B4G4VX"),
        ("NSEC3", "1 0 0 - w"),
        ("CAA", "0 is-sue x"),
        ("CAA", "256 issue x"),
        ("SRV", "1 2 3"),
        ("SVCB", "x"),
        ("A", "\\# 3 010203"),
        ("A", "\\# 5 01020304"),
        ("MX", "\\# 2 0001"),
        ("TYPE65280", "\\# 2 00"),
        ("TYPE65280", "x"),
        ("NS", "\\# 2 C000"),
    ],
)
def test_bad_text_is_refused(name: str, text: str) -> None:
    with pytest.raises(InputError):
        records.from_text(records.type_number(name), text, ORIGIN)


def test_base64_longer_than_rdata_can_be() -> None:
    text = base64.b64encode(bytes(65535)).decode()
    assert len(records.from_text(48, f"256 3 8 {text[:-8]}")) == 65535 - 6 + 4
    with pytest.raises(InputError, match="65535"):
        records.from_text(48, f"256 3 8 {text}")
