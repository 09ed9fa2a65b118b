"""The stored entry: what is packed comes back, sorted and without duplicates; any bytes are an entry or a ValueError."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsblast._core import rrset
from nsblast._core.rrset import pack_entry, survey, unpack_entry, with_serial

A, NS, CNAME, SOA, TXT, RRSIG, DNAME, NSEC3 = 1, 2, 5, 6, 16, 46, 39, 50

rdatas = st.lists(st.binary(max_size=40), min_size=1, max_size=6)
rrsets = st.dictionaries(
    st.sampled_from([A, TXT, 99, 257, 65280]), st.tuples(st.integers(0, 0x7FFFFFFF), rdatas), max_size=5
)


def sig(covered: int, rest: bytes = b"") -> bytes:
    return covered.to_bytes(2, "big") + bytes(16) + b"\0" + rest


@given(rrsets, st.integers(0, 127), st.binary(max_size=60))
def test_comes_back_in_order(sets: dict[int, tuple[int, list[bytes]]], apex: int, spelling: bytes) -> None:
    blob = pack_entry(
        [(number, ttl, rds) for number, (ttl, rds) in sets.items()],
        apex_labels=apex,
        flags=rrset.IS_CUT,
        spelling=spelling,
    )
    entry = unpack_entry(blob)
    assert entry.apex_labels == apex
    assert entry.spelling == spelling
    assert entry.flags & rrset.IS_CUT
    assert bool(entry.flags & rrset.IS_ENT) == (not sets)
    assert entry.rrsets == [(number, sets[number][0], sorted(set(sets[number][1]))) for number in sorted(sets)]


def test_signatures_stand_by_covered_type() -> None:
    blob = pack_entry(
        [(RRSIG, 60, [sig(NS), sig(A, b"2"), sig(A, b"1")]), (A, 60, [b"\1\2\3\4"])], apex_labels=1, flags=0
    )
    entry = unpack_entry(blob)
    assert entry.rrsets == [
        (A, 60, [b"\1\2\3\4"]),
        (RRSIG, 60, [sig(A, b"1"), sig(A, b"2")]),
        (RRSIG, 60, [sig(NS)]),
    ]
    assert entry.flags & rrset.HAS_SIG


def test_content_flags_follow_the_contents() -> None:
    def flags(*numbers: int) -> int:
        sets = [(n, 1, [sig(NSEC3) if n == RRSIG else b"\0"]) for n in numbers]
        return unpack_entry(pack_entry(sets, apex_labels=0, flags=0xFFFF)).flags

    assert flags(CNAME) & rrset.HAS_CNAME and not flags(A) & rrset.HAS_CNAME
    assert flags(DNAME) & rrset.HAS_DNAME and not flags(A) & rrset.HAS_DNAME
    assert flags(NSEC3, RRSIG) & rrset.ONLY_NSEC3 and not flags(NSEC3, A) & rrset.ONLY_NSEC3
    assert flags() & rrset.IS_ENT and not flags(A) & rrset.IS_ENT


def test_names_in_rdata_compare_without_case() -> None:
    """RFC 4034 6.2: NS rdata that differ in case are the same RR; the first one stays."""
    entry = unpack_entry(pack_entry([(NS, 60, [b"\1B\0", b"\1b\0", b"\1a\0"])], apex_labels=0, flags=0))
    assert entry.rrsets == [(NS, 60, [b"\1a\0", b"\1B\0"])]
    entry = unpack_entry(pack_entry([(TXT, 60, [b"\1B", b"\1b"])], apex_labels=0, flags=0))
    assert entry.rrsets == [(TXT, 60, [b"\1B", b"\1b"])]


@pytest.mark.parametrize(
    "sets",
    [
        [(65536, 0, [b""])],
        [(1, 1 << 31, [b""])],
        [(1, -1, [b""])],
        [(1, 0, [bytes(65536)])],
        [(1, 0, [bytes([i >> 8, i & 255]) for i in range(65536)])],
    ],
)
def test_out_of_range_is_refused(sets: list[tuple[int, int, list[bytes]]]) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        pack_entry(sets, apex_labels=0, flags=0)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_entry_or_an_error(blob: bytes) -> None:
    try:
        unpack_entry(blob)
    except ValueError:
        pass


@given(rrsets, st.data())
def test_a_damaged_entry_is_read_within_its_bounds(
    sets: dict[int, tuple[int, list[bytes]]], data: st.DataObject
) -> None:
    blob = bytearray(pack_entry([(n, t, r) for n, (t, r) in sets.items()], apex_labels=3, flags=0))
    for _ in range(data.draw(st.integers(1, 4))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    try:
        unpack_entry(bytes(blob[: data.draw(st.integers(0, len(blob)))]))
    except ValueError:
        pass


def test_serial_is_rewritten_in_place() -> None:
    before = b"\2ns\0\4root\0" + bytes(range(20))
    after = b"\2ns\0\4root\0" + b"\xff\0\0\1" + bytes(range(4, 20))
    blob = pack_entry([(NS, 9, [b"\0"]), (SOA, 60, [before]), (TXT, 9, [b"\1x"])], apex_labels=1, flags=rrset.IS_APEX)
    now, ttl, had, has = with_serial(blob, 0xFF000001)
    assert (ttl, had, has) == (60, before, after)
    expected = pack_entry(
        [(NS, 9, [b"\0"]), (SOA, 60, [after]), (TXT, 9, [b"\1x"])], apex_labels=1, flags=rrset.IS_APEX
    )
    assert now == expected != blob
    assert unpack_entry(blob).rrsets[1] == (SOA, 60, [before])


@given(st.binary(max_size=80))
def test_serial_of_what_has_no_single_soa_is_refused(octets: bytes) -> None:
    two = pack_entry([(SOA, 1, [octets + b"1" * 22, octets + b"2" * 22])], apex_labels=0, flags=0)
    for blob in (octets, pack_entry([(A, 1, [octets])], apex_labels=0, flags=0), two):
        with pytest.raises(ValueError, match="no entry with one SOA"):
            with_serial(blob, 1)


def test_survey_counts_octets_and_points_at_what_wants_a_look() -> None:
    entries = [
        (b"key%d" % n, pack_entry([(number, 1, [b"\0" * size])], apex_labels=1, flags=0))
        for n, (number, size) in enumerate([(A, 4), (CNAME, 1), (TXT, 900), (DNAME, 1), (NS, 1)])
    ]
    octets, places = survey(entries, rrset.HAS_CNAME | rrset.HAS_DNAME, 800)
    assert octets == sum(len(key) + len(blob) for key, blob in entries)
    assert places == [1, 2, 3]
    with pytest.raises(ValueError, match="not a stored entry"):
        survey([(b"k", b"")], 0, 0)
