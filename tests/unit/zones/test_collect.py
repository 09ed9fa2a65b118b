"""Imports against the slow twin (zones.build), out of memory and out of sorted runs, and every rule that refuses a zone."""

import io
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsblast import records
from nsblast._core.collect import Collector, ZoneFault
from nsblast._core.name import fold, hash_name
from nsblast._core.rrset import IS_APEX, ZONE_NSEC, ZONE_NSEC3, unpack_entry
from nsblast.errors import NsblastError, ZoneFileError
from nsblast.zones.build import entries_of
from nsblast.zones.collect import read_zone
from nsblast.zones.zonefile import write_zone

APEX = b"\x04Zone\x04tesT\x00"
HEAD = b"$ORIGIN Zone.tesT.\n$TTL 60\n@ SOA ns1 host 1 2 3 4 5\n@ NS ns1.else.where.\n"
SEED = (0x1234567890ABCDEF, 0xFEDCBA0987654321)

LABELS = st.sampled_from(
    [b"a", b"b", b"*", b"B2", b"\x00", b"\x01", b"\x01\x01", b"a.b", b"-", b"~", b"\xff", b"x" * 9, b"x" * 17 + b"y"]
)
OWNERS = st.lists(LABELS, max_size=4).map(
    lambda labels: b"".join(bytes([len(label)]) + label for label in labels) + APEX
)
RDATA = st.one_of(
    st.tuples(st.just(1), st.binary(min_size=4, max_size=4)),
    st.tuples(st.just(16), st.binary(max_size=40).map(lambda text: bytes([len(text)]) + text)),
    st.tuples(st.just(2), st.sampled_from([b"\x01n\x00", b"\x01N\x00", b"\x02ns" + APEX])),
    st.tuples(st.just(99), st.just(b"\x01x")),
    st.tuples(st.just(47), st.just(b"\x00\x00\x01\x40")),
    st.tuples(
        st.just(46),
        st.builds(lambda n: struct.pack("!HBBIIIH", n, 8, 2, 60, 2, 1, 7) + b"\x00sig", st.sampled_from([1, 16])),
    ),
)
RRS = st.lists(st.tuples(OWNERS, st.integers(0, 3), RDATA), max_size=25)


def plain(number: int) -> list[tuple[bytes, int, int, bytes]]:
    return [
        (APEX, 6, 60, records.from_text(6, "ns1 host 1 2 3 4 5", APEX)),
        (APEX, 2, 60, records.from_text(2, "ns1.else.where.")),
    ][:number]


def text_of(rrs: list[tuple[bytes, int, int, bytes]]) -> bytes:
    return "".join(
        f"{records.name_to_text(owner)} {ttl} {records.type_name(rrtype)} {records.to_text(rrtype, rdata)}\n"
        for owner, rrtype, ttl, rdata in rrs
    ).encode()


@settings(max_examples=150, deadline=None)
@given(rrs=RRS, dnames=st.sets(OWNERS.filter(lambda name: name != APEX), max_size=2))
def test_same_entries_as_the_slow_twin(rrs, dnames) -> None:
    cuts = {fold(owner) for owner, _, (rrtype, _) in rrs if rrtype == 2}
    every = plain(2)
    every += [(owner, rrtype, ttl, rdata) for owner, ttl, (rrtype, rdata) in rrs]
    every += [(owner, 39, 5, b"\x01d\x00") for owner in sorted(dnames) if fold(owner) not in cuts]
    expected = list(entries_of(fold(APEX), every))
    done = read_zone(text_of(every), seed=SEED)
    hashes = bytearray()
    got = list(done.entries(hashes=hashes))
    assert [(key, blob) for key, _, blob in got] == expected
    assert [hash_name(name, SEED) for _, name, _ in got] == list(struct.unpack(f"={len(got)}Q", bytes(hashes)))
    assert (done.records, done.names) == (len(every), len(got))
    assert list(done.entries()) == got
    out = io.BytesIO()
    write_zone(out, expected)
    again = read_zone(out.getvalue())
    assert [(key, blob) for key, _, blob in again.entries()] == expected


@pytest.fixture(scope="module")
def many() -> tuple[bytes, int]:
    """A zone of names in no order, some of them said twice, with delegations, glue, wildcards and deep names."""
    lines = [HEAD]
    count = 30_000
    for number in range(count):
        name = b"h%d.%x" % (number * 7919 % count, number % 37)
        lines.append(b"%s A 192.0.2.%d\n" % (name, number % 250))
        if number % 5 == 0:
            lines.append(b"%s TXT t%d\n" % (name, number))
        if number % 11 == 0:
            lines.append(b"*.w%d A 192.0.2.1\n" % (number % 1000))
        if number % 13 == 0:
            lines.append(b"c%d NS ns.c%d\nns.c%d A 192.0.2.7\n" % (number, number, number))
    return b"".join(lines), sum(line.count(b"\n") for line in lines) - 2


def test_spilled_runs_give_the_same(many, tmp_path) -> None:
    text, count = many
    whole = read_zone(text, seed=SEED)
    expected = list(whole.entries())
    assert whole.records == count
    spilled = read_zone(text, seed=SEED, memory=1, spill_dir=str(tmp_path))
    assert list(spilled.entries()) == expected
    assert list(spilled.entries()) == expected
    assert list(tmp_path.iterdir()) == []  # the temporary file has no name
    assert [key for key, _, _ in expected] == sorted({key for key, _, _ in expected})


def test_files_and_bytes_give_the_same(many, tmp_path) -> None:
    text, _ = many
    path = tmp_path / "many.zone"
    path.write_bytes(text)
    seen: list[tuple[int, int]] = []
    from_file = read_zone(path, on_progress=lambda *numbers: seen.append(numbers))
    assert list(from_file.entries()) == list(read_zone(text).entries())
    assert seen[-1] == (len(text), len(text))
    assert seen == sorted(seen)


def test_a_spill_that_fails_is_said(tmp_path) -> None:
    text = HEAD + b"".join(b"a%05d A 192.0.2.1\n" % number for number in range(40_000))
    with pytest.raises(NsblastError, match="cannot sort the records of zone text: No such file"):
        read_zone(text, memory=1, spill_dir=str(tmp_path / "missing"))


def test_flags_of_a_signed_apex() -> None:
    nsec = read_zone(HEAD + b"@ NSEC a A\n")
    assert unpack_entry(next(nsec.entries())[2]).flags & (IS_APEX | ZONE_NSEC | ZONE_NSEC3) == IS_APEX | ZONE_NSEC
    nsec3 = read_zone(HEAD + b"@ NSEC3PARAM 1 0 0 -\n")
    assert unpack_entry(next(nsec3.entries())[2]).flags & (IS_APEX | ZONE_NSEC | ZONE_NSEC3) == IS_APEX | ZONE_NSEC3


def test_spelling_is_kept_and_the_first_ttl_counts() -> None:
    entries = {
        name: unpack_entry(blob)
        for _, name, blob in read_zone(HEAD + b"WwW 9 A 192.0.2.1\nwww 5 A 192.0.2.2\n").entries()
    }
    www = entries[b"\x03www\x04zone\x04test\x00"]
    assert www.spelling == b"\x03WwW\x04Zone\x04tesT\x00"
    assert www.rrsets == [(1, 9, [b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"])]


def test_the_root_zone() -> None:
    text = b". 60 SOA a. b. 1 2 3 4 5\n. 60 NS a.\ncom. 60 NS a.com.\na.com. 60 A 192.0.2.1\n"
    assert [name for _, name, _ in read_zone(text).entries()] == [b"\x00", b"\x03com\x00", b"\x01a\x03com\x00"]


def test_a_name_of_127_labels() -> None:
    deep = b"\x01a" * 122 + b"\x04zone\x04test\x00"
    text = HEAD + records.name_to_text(deep).encode() + b" A 192.0.2.1\n"
    names = [name for _, name, _ in read_zone(text).entries()]
    assert names[-1] == deep
    assert len(names) == 123


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        (b"@ 60 NS a.\n", 0, "a SOA record"),
        (b"", 0, "a SOA record"),
        (b"a.x. 60 SOA a. b. 1 2 3 4 5\n", 0, "at least one NS"),
        (HEAD + b"@ SOA ns1 host 2 2 3 4 5\n", 5, "one SOA"),
        (HEAD + b"a SOA ns1 host 2 2 3 4 5\n", 5, "apex only"),
        (HEAD + b"a A 192.0.2.1\na CNAME b\n", 6, "CNAME record alone"),
        (HEAD + b"a CNAME b\nb A 192.0.2.1\na TXT x\n", 7, "CNAME record alone"),
        (HEAD + b"@ CNAME b\n", 5, "CNAME record alone"),
        (HEAD + b"a CNAME b\na CNAME c\n", 6, "one CNAME"),
        (HEAD + b"a DNAME b\na DNAME c\n", 6, "one DNAME"),
        (HEAD + b"a DNAME b\na NS c\n", 6, "DNAME record beside NS"),
        (HEAD + b"a.b.c. A 192.0.2.1\n", 5, "inside the zone"),
        (HEAD + b"XZone.tesT. A 192.0.2.1\n", 5, "inside the zone"),
        (HEAD + b"test. A 192.0.2.1\n", 5, "inside the zone"),
        (HEAD + b"x.y. SVCB 1 .\n", 5, "inside the zone"),
        (HEAD + b"a 2147483648 A 192.0.2.1\n", 5, "2147483647"),
        (HEAD + b"a LOC nowhere\n", 5, "rdata of type LOC"),
        (HEAD + b"a TXT " + b" ".join([b"x" * 255] * 257) + b"\n", 5, "65535"),
        (HEAD + b"".join(b"a TXT x%d\n" % n for n in range(4700)), 5, "fits into a message"),
        (HEAD + b"".join(b"a TXT x%d\n" % n for n in range(70000)), 5, "fits into a message"),
        (HEAD + b"".join(b"a TYPE%d \\# 30000 " % n + b"00" * 30000 + b"\n" for n in range(1000, 1290)), 5, "8388608"),
    ],
)
def test_what_is_refused(text: bytes, line: int, expected: str) -> None:
    with pytest.raises(ZoneFileError) as caught:
        list(read_zone(text, origin=None if b"SOA" in text else b"\x01x\x00", title="t.zone").entries())
    assert (caught.value.line, caught.value.path) == (line, "t.zone")
    assert expected in caught.value.expected
    assert str(caught.value).startswith(f"t.zone:{line}:" if line else "t.zone: ")


@pytest.mark.parametrize(
    "text",
    [
        HEAD + b"@ SOA NS1 host 1 2 3 4 5\n",
        HEAD + b"a CNAME b\na CNAME B\na RRSIG CNAME 8 2 60 20300101000000 20200101000000 1 . AA==\na NSEC b CNAME\n",
        HEAD + b"@ DNAME x.y.\n",
        HEAD + b"".join(b"a TXT x%d\n" % n for n in range(3500)),
        HEAD + b"a A 192.0.2.1\n" * 100_000,
    ],
)
def test_what_is_let_in(text: bytes) -> None:
    assert list(read_zone(text).entries())


def test_groups_keep_every_record(tmp_path: Path) -> None:
    collector = Collector(fold(APEX))
    a, b = b"\x01a" + APEX, b"\x01B" + APEX
    for line, (owner, rdata) in enumerate([(b, b"2"), (a, b"1"), (b, b"2"), (a, b"0")], 1):
        assert collector.add(owner, 10, line, rdata, 3, line)
    assert not collector.add(b"\x01x\x00", 10, 1, b"", 3, 9)
    expected = [
        (fold(a), [(a, 10, 2, b"1", 3, 2), (a, 10, 4, b"0", 3, 4)]),
        (fold(b), [(b, 10, 1, b"2", 3, 1), (b, 10, 3, b"2", 3, 3)]),
    ]
    assert collector.groups() == expected
    assert collector.groups() == []
    collector.rewind()
    assert collector.groups(1) + collector.groups(1) == expected
    collector.rewind()
    with pytest.raises(ZoneFault, match="SOA"):
        collector.entries()
    with pytest.raises(ValueError, match="no records may follow"):
        collector.add(a, 10, 1, b"", 0, 1)
