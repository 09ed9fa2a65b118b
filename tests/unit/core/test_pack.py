"""nsblast._core.pack: records and stored entries to messages; dnspython reads them back."""

import struct

import dns.message
import dns.name
import dns.rdata
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsblast._core.keys import owner_key
from nsblast._core.pack import Packer
from nsblast._core.rrset import IS_APEX, pack_entry

APEX = b"\7example\0"
HEAD = b"\x12\x34\x84\0\0\1\0\0\0\0\0\0" + APEX + b"\0\xfc\0\1"
SOA = APEX + b"\4host" + APEX + struct.pack("!5I", 1, 2, 3, 4, 5)

label = st.binary(min_size=1, max_size=20)
owner = st.lists(label, max_size=6).map(lambda parts: b"".join(bytes((len(p),)) + p for p in parts) + APEX)
record = st.one_of(
    st.tuples(owner, st.just(1), st.integers(0, 2**31 - 1), st.binary(min_size=4, max_size=4)),
    st.tuples(owner, st.sampled_from((2, 5, 12)), st.just(60), owner),
    st.tuples(owner, st.just(15), st.just(60), owner.map(lambda name: b"\0\5" + name)),
    st.tuples(owner, st.just(33), st.just(60), owner.map(lambda name: b"\0\1\0\2\0\3" + name)),
    st.tuples(owner, st.just(65280), st.just(60), st.binary(max_size=300)),
    st.tuples(owner, st.just(16), st.just(60), st.binary(max_size=200).map(lambda text: bytes((len(text),)) + text)),
)


def read(messages: list[bytes]) -> list[tuple[bytes, int, int, bytes]]:
    found = []
    for wire in messages:
        message = dns.message.from_wire(wire, xfr=True, one_rr_per_rrset=True)
        assert message.id == 0x1234
        assert [str(question.name) for question in message.question] == ["example."]
        for rrset in message.answer:
            for rdata in rrset:
                found.append((rrset.name.to_wire(), int(rdata.rdtype), rrset.ttl, rdata.to_wire()))
    return found


def packed(records: list[tuple[bytes, int, int, bytes]], limit: int) -> list[bytes]:
    packer = Packer(HEAD, limit)
    messages = []
    at = 0
    while (at := packer.put_rrs(records, at)) < len(records):
        assert packer.records
        messages.append(packer.take())
    return [*messages, packer.take()]


@settings(max_examples=60, deadline=None)
@given(st.lists(record, max_size=40), st.sampled_from((64, 512, 1232, 16384, 65535)))
def test_what_is_put_comes_back(records: list[tuple[bytes, int, int, bytes]], limit: int) -> None:
    messages = packed(records, limit)
    assert read(messages) == records
    for message in messages:
        count = int.from_bytes(message[6:8], "big")
        assert len(message) <= limit or count == 1  # a record that is larger alone
        assert count or not records


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        owner.filter(lambda name: name != APEX and name == name.lower()), st.lists(record, min_size=1), max_size=12
    )
)
def test_entries_give_what_their_records_give(names: dict[bytes, list[tuple[bytes, int, int, bytes]]]) -> None:
    entries, wanted = [(b"e" + owner_key(APEX, 1), apex_entry())], [(APEX, 2, 60, b"\2ns" + APEX)]
    for name, records in names.items():
        sets = {rrtype: (ttl, {rdata}) for _, rrtype, ttl, rdata in records}
        blob = pack_entry([(t, ttl, list(rdatas)) for t, (ttl, rdatas) in sets.items()], apex_labels=1, flags=0)
        entries.append((b"e" + owner_key(name, 1), blob))
        wanted += [(name, rrtype, ttl, rdata) for rrtype, (ttl, rdatas) in sets.items() for rdata in rdatas]
    packer = Packer(HEAD, 512)
    messages, at = [], 0
    while (at := packer.put_entries(entries, at)) < len(entries):
        messages.append(packer.take())
    assert sorted(read([*messages, packer.take()])) == sorted(wanted)


def apex_entry(spelling: bytes = b"") -> bytes:
    sets = [(6, 60, [SOA]), (2, 60, [b"\2ns" + APEX])]
    return pack_entry(sets, apex_labels=1, flags=IS_APEX, spelling=spelling)


def test_the_apex_is_without_its_soa_unless_asked_for() -> None:
    entry = [(b"e" + owner_key(APEX, 1), apex_entry())]
    packer = Packer(HEAD)
    assert packer.put_entries(entry) == 1
    assert [rrtype for _, rrtype, _, _ in read([packer.take()])] == [2]
    assert packer.put_entries(entry, soa=True) == 1
    assert sorted(rrtype for _, rrtype, _, _ in read([packer.take()])) == [2, 6]


def test_spelling_and_deleted_entries() -> None:
    name = b"\3www" + APEX
    blob = pack_entry([(1, 60, [b"\1\2\3\4"])], apex_labels=1, flags=0, spelling=b"\3WwW" + APEX)
    packer = Packer(HEAD)
    assert packer.put_entries([(b"e" + owner_key(name, 1), blob), (b"e" + owner_key(b"\1x" + APEX, 1), b"")]) == 2
    assert read([packer.take()]) == [(b"\3WwW" + APEX, 1, 60, b"\1\2\3\4")]


def test_an_entry_larger_than_a_message_goes_on_in_the_next() -> None:
    rdatas = [b"\xfa" + bytes((number,)) * 250 for number in range(200)]
    entry = [(b"e" + owner_key(b"\1x" + APEX, 1), pack_entry([(16, 60, rdatas)], apex_labels=1, flags=0))]
    packer = Packer(HEAD, 4096)
    messages = []
    while packer.put_entries(entry) < 1:
        messages.append(packer.take())
    messages.append(packer.take())
    assert len(messages) > 10
    assert sorted(rdata for _, _, _, rdata in read(messages)) == sorted(rdatas)


def test_no_more_records_than_a_count_holds() -> None:
    records = [(b"\0", 65280, 0, b"")] * 6000
    assert read(packed(records, 65535)) == records
    assert len(packed([(b"\0", 1, 0, bytes(4))] * 5000, 65535)) == 2


def test_a_record_no_message_holds_is_told() -> None:
    packer = Packer(HEAD, 512, 1000)
    with pytest.raises(ValueError, match="not a record"):
        packer.put(APEX, 65280, 0, bytes(1000))
    assert packer.put(APEX, 65280, 0, bytes(900))
    assert packer.octets > 900
    assert not packer.put(APEX, 1, 0, bytes(4))


@pytest.mark.parametrize(
    ("name", "rrtype", "rdata"),
    [
        (b"", 1, b""),
        (b"\3ab", 1, b""),
        (APEX + b"x", 1, b""),
        (APEX, 2, b"\3ab"),
        (APEX, 15, b"\0"),
        (b"\x40" + bytes(70), 1, b""),
    ],
)
def test_what_is_no_record(name: bytes, rrtype: int, rdata: bytes) -> None:
    packer = Packer(HEAD)
    with pytest.raises(ValueError, match="not a record"):
        packer.put(name, rrtype, 60, rdata)
    assert packer.records == 0
    assert packer.put(APEX, 1, 60, bytes(4))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_entry_is_told_and_read_within_its_bounds(data: st.DataObject) -> None:
    blob = bytearray(apex_entry(data.draw(st.sampled_from((b"", b"\7EXample\0")))))
    for _ in range(data.draw(st.integers(1, 4))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(blob[: data.draw(st.integers(1, len(blob)))])
    packer = Packer(HEAD)
    try:
        packer.put_entries([(b"e" + owner_key(APEX, 1), cut)], soa=True)
    except ValueError:
        return
    assert len(packer.take()) <= 65535


def test_no_header_and_no_key() -> None:
    with pytest.raises(ValueError, match="no header"):
        Packer(b"short")
    with pytest.raises(ValueError, match="no header"):
        Packer(HEAD, 20)
    with pytest.raises(ValueError, match="damaged"):
        Packer(HEAD).put_entries([(b"e\1\7", apex_entry())])
    with pytest.raises(ValueError, match="key"):
        Packer(HEAD).put_entries([(b"e", apex_entry())], skip=2)
