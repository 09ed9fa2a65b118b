"""Entry JSON, both ways: what each member means, and that what is shown reads back to the same records."""

from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsblast.admin.entries import Given, read
from nsblast.admin.entry_form import EntryForm
from nsblast.admin.entry_show import etag_of, show
from nsblast.errors import InputError
from nsblast.records import from_text, name_from_text
from nsblast.zones.model import TTL_DEFAULT, RRset

ZONE = name_from_text("example.com")
_decode = msgspec.json.Decoder(EntryForm).decode


def given_by(value: dict[str, Any]) -> Given:
    return read(_decode(orjson.dumps(value)), ZONE)


def replaced(value: dict[str, Any], had: tuple[RRset, ...] = ()) -> dict[int, RRset]:
    return {rrset.type: rrset for rrset in given_by(value).replaced(ZONE, had)}


# -- both ways

_label = st.binary(min_size=1, max_size=12).map(lambda raw: bytes((len(raw),)) + raw)
_names = st.lists(_label, max_size=4).map(lambda labels: b"".join(labels) + b"\0")
_u16 = st.integers(0, 65535).map(lambda number: number.to_bytes(2, "big"))
_string = st.binary(max_size=255).map(lambda raw: bytes((len(raw),)) + raw)
_words = st.text(max_size=80).map(lambda text: text.encode()).map(lambda raw: bytes((min(len(raw), 255),)) + raw[:255])
_soa = st.tuples(_names, _names, st.binary(min_size=4, max_size=4), *[st.integers(0, 2**31 - 1)] * 4).map(
    lambda p: p[0] + p[1] + p[2] + b"".join(number.to_bytes(4, "big") for number in p[3:])
)
_texts = {
    257: ['0 issue "ca.example"', '128 iodef "mailto:a@b"'],
    52: ["3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971"],
    44: ["4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789"],
    65: ["1 . alpn=h2", "0 svc.example.net."],
    35: ['100 50 "s" "http" "" _http._tcp.foo.com.'],
    256: ['10 1 "ftp://ftp1.example.com/public"'],
    43: ["60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"],
    39: ["else.example.net."],
    29: ["51 30 12.748 N 0 7 39.611 W 0.00m 1m 10000m 10m"],
    47: ["next.example.com. A MX"],
    99: ['"v=spf1 -all"'],
    61: ["mQENBFKAsNYBCADP"],
    46: [
        "A 13 3 300 20300101000000 20250101000000 1 example.com. AAAA",
        "MX 13 3 600 20300101000000 20250101000000 1 example.com. BBBB",
    ],
}
_by_type: dict[int, st.SearchStrategy[bytes]] = {
    1: st.binary(min_size=4, max_size=4),
    28: st.binary(min_size=16, max_size=16),
    2: _names,
    5: _names,
    6: _soa,
    12: _names,
    13: st.tuples(_string, _string).map(b"".join),
    15: st.tuples(_u16, _names).map(b"".join),
    16: st.lists(st.one_of(_string, _words), min_size=1, max_size=4).map(b"".join),
    17: st.tuples(_names, _names).map(b"".join),
    18: st.tuples(_u16, _names).map(b"".join),
    33: st.tuples(_u16, _u16, _u16, _names).map(b"".join),
    49: st.binary(min_size=1, max_size=40),
    65280: st.binary(max_size=40),
    **{number: st.sampled_from([from_text(number, text) for text in texts]) for number, texts in _texts.items()},
}


@st.composite
def entries(draw: st.DrawFn) -> tuple[RRset, ...]:
    made = []
    for rrtype in draw(st.lists(st.sampled_from(sorted(_by_type)), min_size=1, max_size=6, unique=True)):
        most = 1 if rrtype in (5, 6, 39) else 3
        rdatas = draw(st.lists(_by_type[rrtype], min_size=1, max_size=most, unique=True))
        if rrtype == 46:
            made += [RRset(46, draw(st.sampled_from([300, 600])), (rdata,)) for rdata in rdatas]
        else:
            made.append(RRset(rrtype, draw(st.sampled_from([0, 60, 300, 2**31 - 1])), tuple(rdatas)))
    return tuple(made)


def _plain(rrsets: Any) -> Any:
    return sorted((rrtype, ttl, sorted(rdatas)) for rrtype, ttl, rdatas in rrsets if rdatas)


@settings(max_examples=300, deadline=None)
@given(entries())
def test_what_is_shown_reads_back_to_the_same_records(had: tuple[RRset, ...]) -> None:
    shown = orjson.loads(orjson.dumps(show(had, b"\3www" + ZONE)))
    form = given_by(shown)
    assert _plain(form.replaced(ZONE, had)) == _plain(had)
    assert _plain(form.merged(ZONE, had)) == _plain(had)
    assert etag_of(form.replaced(ZONE, had)) == etag_of(had)


@settings(max_examples=200, deadline=None)
@given(entries(), entries())
def test_a_merge_changes_the_types_it_names_and_no_other(had: tuple[RRset, ...], fresh: tuple[RRset, ...]) -> None:
    fresh = tuple(rrset for rrset in fresh if rrset.type != 6)
    form = given_by(show(fresh))
    result = form.merged(ZONE, had)
    named = {rrset.type for rrset in fresh}
    assert _plain(one for one in result if one.type not in named) == _plain(
        one for one in had if one.type not in named or not fresh
    )
    assert _plain(one for one in result if one.type in named) == _plain(fresh)


# -- members


def test_addresses_of_both_kinds_stand_in_a() -> None:
    sets = replaced({"ttl": 60, "a": ["192.0.2.1", "2001:db8::1"], "aaaa": "2001:db8::2"})
    assert sets[1].rdatas == (bytes((192, 0, 2, 1)),)
    assert len(sets[28].rdatas) == 2
    assert sets[1].ttl == sets[28].ttl == 60


def test_a_ttl_that_nobody_says_is_thirty_days() -> None:
    assert TTL_DEFAULT == 2_592_000
    assert replaced({"a": "192.0.2.1"})[1].ttl == TTL_DEFAULT
    assert replaced({"a": "192.0.2.1", "ttl": 0})[1].ttl == 0


def test_single_labels_are_relative_where_the_contract_says_so() -> None:
    sets = replaced(
        {
            "ns": ["ns1", "ns2.example.net"],
            "mx": {"host": "mail"},
            "srv": {"target": "sip", "port": 5060},
            "cname": "www",
            "ptr": "host",
        }
    )
    assert sets[2].rdatas == (b"\3ns1" + ZONE, name_from_text("ns2.example.net"))
    assert sets[15].rdatas == (b"\0\x0a\4mail" + ZONE,)
    assert sets[33].rdatas[0].endswith(b"\3sip" + ZONE)
    assert sets[5].rdatas == (b"\3www" + ZONE,)
    assert sets[12].rdatas == (b"\4host\0",)


def test_long_texts_are_cut_into_strings() -> None:
    (rdata,) = replaced({"txt": "x" * 300})[16].rdatas
    assert rdata == b"\xff" + b"x" * 255 + b"\x2d" + b"x" * 45
    assert show([(16, 1, [rdata])])["txt"] == ["x" * 300]
    assert show([(16, 1, [b"\1a\1b"])])["txt"] == [["a", "b"]]
    assert show([(16, 1, [b"\1\xff"])]) == {"ttl": 1, "rr": [{"type": 16, "rdata": "Af8="}]}


HAD = (RRset(1, 300, (b"\1\2\3\4",)), RRset(16, 60, (b"\1a",)))


def test_a_merge_keeps_ttls_that_are_not_named() -> None:
    merged = {rrset.type: rrset for rrset in given_by({"a": "192.0.2.1", "mx": {"host": "m"}}).merged(ZONE, HAD)}
    assert merged[1].ttl == 300
    assert merged[15].ttl == TTL_DEFAULT
    assert merged[16] == HAD[1]


def test_a_ttl_alone_counts_for_all() -> None:
    assert {rrset.ttl for rrset in given_by({"ttl": 5}).merged(ZONE, HAD)} == {5}


@pytest.mark.parametrize("empty", [None, [], ""])
def test_an_empty_value_removes_the_type(empty: Any) -> None:
    merged = given_by({"a": empty}).merged(ZONE, HAD)
    assert _plain(merged) == _plain(HAD[1:])


def test_append_adds_without_duplicates() -> None:
    merged = given_by({"a": ["1.2.3.4", "192.0.2.1"]}).appended(ZONE, HAD)
    assert _plain(merged) == _plain([RRset(1, 300, (b"\1\2\3\4", b"\xc0\0\2\1")), HAD[1]])
    assert _plain(given_by({"a": []}).appended(ZONE, HAD)) == _plain(HAD)


SOA = from_text(6, "ns.example.net. host.example.net. 7 1 2 3 4")


def test_a_soa_keeps_what_is_not_given_and_its_serial() -> None:
    (soa,) = given_by({"soa": {"email": "a.b@example.org", "serial": 99}}).merged(ZONE, (RRset(6, 5, (SOA,)),))
    assert soa == RRset(6, 5, (from_text(6, "ns.example.net. a\\.b.example.org. 7 1 2 3 4"),))
    assert show([soa])["soa"]["email"] == "a.b@example.org"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": ["192.0.2.256"]}, "a: '192.0.2.256' is not an IPv4 or IPv6 address"),
        ({"aaaa": ["192.0.2.1"]}, "aaaa: '192.0.2.1' is not an IPv6 address"),
        ({"mx": {"host": "192.0.2.1"}}, "mx.host: '192.0.2.1' is not the name of a host"),
        ({"ns": ["bad host.example"]}, "ns: 'bad host.example' is not the name of a host"),
        ({"cname": "a..b"}, "cname: not a domain name"),
        ({"caa": ["nonsense"]}, "caa: "),
        ({"rr": [{"type": 1, "rdata": "AAA="}]}, "rr type 1: "),
        ({"rr": [{"type": 65280, "rdata": "?"}]}, "rr type 65280: '?' is not base64"),
        ({"dhcid": "!"}, "dhcid: '!' is not base64"),
        ({"ttls": {"nope": 1}}, "ttls: there is no type 'nope'"),
        ({"hinfo": {"cpu": "x" * 256, "os": ""}}, "hinfo.cpu: a string is longer than 255 octets"),
        ({"soa": None}, "soa: the zone's SOA cannot be removed"),
    ],
)
def test_what_is_wrong_is_named(value: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        given_by(value)
    assert caught.value.message.startswith(message)


def test_a_soa_stands_at_an_apex_only() -> None:
    with pytest.raises(InputError, match="apex only"):
        given_by({"soa": {"mname": "a"}}).merged(ZONE, HAD)


def test_rname_and_email_must_agree() -> None:
    with pytest.raises(InputError, match="do not agree"):
        given_by({"soa": {"rname": "a.example.", "email": "b@example"}}).merged(ZONE, (RRset(6, 5, (SOA,)),))
