"""Directives of zone files: $INCLUDE and its fence, $GENERATE, $ORIGIN; the apex where nobody names it; nasty files; writing."""

import io
import os
from typing import Any

import pytest

from nsblast import records
from nsblast.errors import ZoneFileError
from nsblast.zones.collect import read_zone
from nsblast.zones.generate import lines_of
from nsblast.zones.zonefile import find_apex, write_zone

HEAD = "$ORIGIN example.com.\n$TTL 60\n@ SOA ns1 host 1 2 3 4 5\n@ NS ns1.else.where.\n"
APEX = b"\x07example\x03com\x00"


def names(source, **options) -> list[str]:
    """Owner names of the entries without the zone's own."""
    done = read_zone(source, **options)
    return [records.name_to_text(name).removesuffix("example.com.").rstrip(".") for _, name, _ in done.entries()][1:]


def lines(source, **options) -> list[str]:
    out = io.BytesIO()
    write_zone(out, ((key, blob) for key, _, blob in read_zone(source, **options).entries()))
    return out.getvalue().decode().splitlines()[2:]


def refused(source, **options) -> ZoneFileError:
    with pytest.raises(ZoneFileError) as caught:
        list(read_zone(source, **options).entries())
    return caught.value


# -- $INCLUDE --


@pytest.fixture
def folder(tmp_path):
    inner = tmp_path / "zones"
    inner.mkdir()
    return inner


def put(folder, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_include_has_its_own_origin_and_owner(folder) -> None:
    put(folder, "a.zone", HEAD + "x A 192.0.2.1\n$INCLUDE inc.zone sub\n A 192.0.2.2\ny A 192.0.2.3\n")
    put(folder, "inc.zone", "in A 192.0.2.9\n$ORIGIN other.example.com.\n@ A 192.0.2.8\n")
    assert lines(folder / "a.zone") == [
        "other.example.com. 60 IN A 192.0.2.8",
        "in.sub.example.com. 60 IN A 192.0.2.9",
        "x.example.com. 60 IN A 192.0.2.1",
        "x.example.com. 60 IN A 192.0.2.2",
        "y.example.com. 60 IN A 192.0.2.3",
    ]


def test_include_takes_origin_owner_and_ttl_along_and_gives_the_ttl_back(folder) -> None:
    put(folder, "a.zone", HEAD + "x A 192.0.2.1\n$INCLUDE inc.zone\ny A 192.0.2.3\n")
    put(folder, "inc.zone", " A 192.0.2.2\n$TTL 7\n")
    assert [line.split(" ", 2)[:2] for line in lines(folder / "a.zone")] == [
        ["x.example.com.", "60"],
        ["x.example.com.", "60"],
        ["y.example.com.", "7"],
    ]


def test_include_is_found_beside_the_file_that_includes(folder) -> None:
    put(folder, "a.zone", HEAD + '$INCLUDE "deep er/b.zone"\n')
    put(folder, "deep er/b.zone", "$INCLUDE c.zone\n$INCLUDE ../d.zone\n")
    put(folder, "deep er/c.zone", "c A 192.0.2.1\n")
    put(folder, "d.zone", "d A 192.0.2.1\n")
    assert names(folder / "a.zone") == ["c", "d"]


def test_the_soa_may_be_included(folder) -> None:
    put(folder, "a.zone", "$INCLUDE soa.zone\n")
    put(folder, "soa.zone", HEAD)
    assert find_apex(folder / "a.zone") == APEX


@pytest.mark.parametrize(
    "target", ["../secret", "/etc/passwd", "sub/../../secret", "link", "linked/secret", "loop-link"]
)
def test_no_way_out_of_the_folder(folder, target: str) -> None:
    put(folder.parent, "secret", "leak A 192.0.2.1\n")
    (folder / "sub").mkdir()
    (folder / "link").symlink_to("../secret")
    (folder / "linked").symlink_to("..")
    (folder / "loop-link").symlink_to("loop-link")
    put(folder, "a.zone", HEAD + f"$INCLUDE {target}\n")
    error = refused(folder / "a.zone")
    assert (error.line, error.column) == (5, 10)
    assert "a file" in error.expected
    assert "leak" not in str(error)


def test_links_inside_the_folder_are_followed(folder) -> None:
    put(folder, "real.zone", "r A 192.0.2.1\n")
    (folder / "link.zone").symlink_to("real.zone")
    put(folder, "a.zone", HEAD + "$INCLUDE link.zone\n")
    assert names(folder / "a.zone") == ["r"]


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"b": "$INCLUDE a.zone\n"}, "does not include itself"),
        ({"b": "$INCLUDE b\n"}, "does not include itself"),
        ({"b": "$INCLUDE i0\n"} | {f"i{n}": f"$INCLUDE i{n + 1}\n" for n in range(40)}, "at most 32"),
        ({}, "No such file"),
        ({"b": "x A bad\n"}, "IPv4"),
    ],
)
def test_includes_that_are_refused(folder, others: dict[str, str], said: str) -> None:
    put(folder, "a.zone", HEAD + "$INCLUDE b\n")
    for name, text in others.items():
        put(folder, name, text)
    assert said in str(refused(folder / "a.zone"))


def test_an_error_in_an_included_file_names_that_file(folder) -> None:
    put(folder, "a.zone", HEAD + "$INCLUDE b.zone\n")
    put(folder, "b.zone", "\nx CNAME y\nx A 192.0.2.1\n")
    error = refused(folder / "a.zone")
    assert error.path == os.path.realpath(folder / "b.zone")
    assert error.line == 3


def test_only_ordinary_files(folder) -> None:
    os.mkfifo(folder / "pipe")
    put(folder, "a.zone", HEAD + "$INCLUDE pipe\n")
    assert "an ordinary file" in str(refused(folder / "a.zone"))
    assert "an ordinary file" in str(refused(folder / "pipe"))
    assert "an ordinary file" in str(refused(folder))
    assert "No such file" in str(refused(folder / "missing.zone"))
    (folder / "closed.zone").write_text(HEAD)
    (folder / "closed.zone").chmod(0)
    if os.geteuid() != 0:
        assert "Permission denied" in str(refused(folder / "closed.zone"))


def test_text_that_lies_in_no_folder_includes_nothing() -> None:
    assert "in no folder" in str(refused((HEAD + "$INCLUDE b.zone\n").encode()))


@pytest.mark.parametrize("arguments", ["", "a b c", 'b "\\"', "b a..b", "\\000"])
def test_bad_include_lines(folder, arguments: str) -> None:
    put(folder, "b", "")
    put(folder, "a.zone", HEAD + f"$INCLUDE {arguments}\n")
    assert refused(folder / "a.zone").line == 5


# -- $GENERATE --


@pytest.mark.parametrize(
    ("directive", "expected"),
    [
        ("1-3 h$ A 192.0.2.$", ["h1 60 A 192.0.2.1", "h2 60 A 192.0.2.2", "h3 60 A 192.0.2.3"]),
        ("0-4/2 $ 5 CNAME h$.x.", ["0 5 CNAME h0.x.", "2 5 CNAME h2.x.", "4 5 CNAME h4.x."]),
        ("1-1 $ IN 5 PTR ${10,4,d}.x.", ["1 5 PTR 0011.x."]),
        ("255-255 h${0,4,x} 5 IN A 192.0.2.${-250}", ["h00ff 5 A 192.0.2.5"]),
        ("255-255 h${0,0,X}o${0,0,o} A 192.0.2.1", ["hFFo377 60 A 192.0.2.1"]),
        ("18-18 ${0,3,n} PTR a.", ["2.1 60 PTR a."]),
        ("26-26 ${0,7,N}x PTR a.", ["A.1.0.0x 60 PTR a."]),
        ("5-5 a\\$$ TXT x", [r'a\$5 60 TXT "x"']),
        ("5-5 a$$ TXT x", [r'a\$ 60 TXT "x"']),
        ('5-5 a MX "10 m$"', ["a 60 MX 10 m5.example.com."]),
        ('5-5 a TXT "one $" two', ['a 60 TXT "one 5" "two"']),
        ("5-5 a SRV 0 0 $ b", ["a 60 SRV 0 0 5 b.example.com."]),
        ("1-2 a.$ SVCB $ .", ["a.1 60 SVCB 1 .", "a.2 60 SVCB 2 ."]),
    ],
)
def test_generate(directive: str, expected: list[str]) -> None:
    got = lines((HEAD + f"$GENERATE {directive} ; comment\n").encode())
    assert [line.replace(".example.com. ", " ", 1).replace(" IN ", " ") for line in got] == expected


@pytest.mark.parametrize(
    ("directive", "said"),
    [
        ("", "a range"),
        ("1 a A 192.0.2.1", "a range"),
        ("2-1 a A 192.0.2.1", "a range"),
        ("1-2/0 a A 192.0.2.1", "a range"),
        ("1-99999999999 a A 192.0.2.1", "a range"),
        ("0-1001 a$ A 192.0.2.1", "at most 1000"),
        ("1-2 a", "a range, a name"),
        ("1-2 a 60 IN A", "rdata behind the type"),
        ("1-2 a${x} A 192.0.2.1", "${offset"),
        ("1-2 a${1,999} A 192.0.2.1", "${offset"),
        ("1-2 a${-2} A 192.0.2.1", "an offset"),
        ("1-300 a$ A 192.0.2.$", "an IPv4 address"),
        ("1-2 a$.x. A 192.0.2.$", "inside the zone"),
        ('1-2 "a" A 192.0.2.$', "a range, a name"),
        ("1-2 a$ BOGUS 192.0.2.$", "record type"),
        ("1-2 a$ A ( 192.0.2.$", "closing parenthesis"),
    ],
)
def test_generate_refused(directive: str, said: str) -> None:
    error = refused((HEAD + f"$GENERATE {directive}\n").encode(), generate_limit=1000)
    assert said in error.expected
    assert error.line == 5


def test_generated_text_is_bounded() -> None:
    """All lines together, and what is held of them at once: a line may be as long as the text."""
    text = (HEAD + "$GENERATE 1-100 a$ A 192.0.2.1\n$GENERATE 1-100 b$ A 192.0.2.1\n").encode()
    assert read_zone(text, generate_octets=5000).records == 202
    error = refused(text, generate_octets=3000)
    assert "at most 3000 octets" in str(error)
    words: list[Any] = [(word, False, False, 1, 1) for word in (b"1-4096", b"a$", b"TXT", b"x" * (1 << 20))]
    assert max(map(len, lines_of(words, 4096))) < 3 << 20


def test_generate_many() -> None:
    assert len(names((HEAD + "$GENERATE 0-99999 h$ A 192.0.2.1\n").encode())) == 100_000


# -- the apex --


@pytest.mark.parametrize(
    "text",
    [
        HEAD,
        "$TTL 5\nexample.com. IN SOA ns1 host 1 2 3 4 5\n@ NS ns1.else.where.\n",
        "EXAMPLE.com. 5 SOA ns1 host 1 2 3 4 5\n NS x.\n",
        "$TTL 5\nwww.example.com. A 192.0.2.1\nwww.example.com. SVCB 1 x\nexample.com. SOA a b 1 2 3 4 5\nexample.com. NS x\n",
    ],
)
def test_the_apex_is_the_owner_of_the_soa(text: str) -> None:
    assert find_apex(text.encode()) == APEX
    assert read_zone(text.encode()).apex == APEX
    assert next(iter(read_zone(text.encode()).entries()))[1] == APEX


def test_names_are_completed_with_the_apex_that_was_found() -> None:
    text = b"example.com. 5 SOA ns1 host 1 2 3 4 5\n NS ns1\nns1 A 192.0.2.1\n"
    assert lines(text) == ["ns1.example.com. 5 IN A 192.0.2.1"]


def test_origin_given_is_the_apex() -> None:
    text = b"@ 5 SOA ns1 host 1 2 3 4 5\n NS ns1\n"
    assert read_zone(text, origin=b"\x01X\x00").apex == b"\x01x\x00"
    assert "origin" in refused(text).expected
    assert "apex only" in refused(HEAD.encode(), origin=b"\x03com\x00").expected
    assert "inside the zone" in refused(HEAD.encode(), origin=b"\x03net\x00").expected


# -- nasty files --

WIDE = b"a TXT" + b" " * 2_000_000 + b"x ; " + b"c" * 2_000_000


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (b"a A 192.0.2.1", ["a"]),
        (b"a A 192.0.2.1\r\nb A 192.0.2.1\r\n\r\n", ["a", "b"]),
        (b"a A 192.0.2.1 ; \x00\xff\x01 anything\n", ["a"]),
        (WIDE, ["a"]),
        (b"a TXT (" + b"\n" * 200_000 + b"x )\nb A 192.0.2.1", ["a", "b"]),
        (b"a TXT " + b"(" * 50_000 + b"x" + b")" * 50_000 + b"\n", ["a"]),
        (b"\\000\\255 A 192.0.2.1\n", ["\\000\\255"]),
        (b"\xc3\xa4 A 192.0.2.1\n", ["\\195\\164"]),
        (b";" * 100, []),
        (b"\n" * 100_000, []),
    ],
    ids=range(10),
)
def test_nasty_but_right(tail: bytes, expected: list[str], tmp_path) -> None:
    assert names(HEAD.encode() + tail) == expected
    path = tmp_path / "nasty.zone"
    path.write_bytes(HEAD.encode() + tail)
    assert names(path) == expected


@pytest.mark.parametrize(
    ("tail", "line", "column"),
    [
        (b"a TXT (" + b"\n" * 200_000, 5, 7),
        (b'a TXT "' + b"x" * 3_000_000 + b"\n", 5, 7),
        (b"a TXT " + b"x" * 3_000_000 + b"\n", 5, 7),
        (b"a TXT \x00\n", 5, 7),
        (b"\x00" * 3_000_000, 5, 1),
        (b"a" * 3_000_000 + b" A 192.0.2.1\n", 5, 1),
        (b"a A 192.0.2.1\n" * 2_000_000 + b"b\n", 2_000_005, 2),
        (b"a NULL \\# 65536 " + b"00" * 65536, 5, 8),
        (b"a TXT " + b'"xxxxxxxxx" ' * 1_000_000, 5, 3),
    ],
    ids=range(9),
)
def test_nasty_and_wrong(tail: bytes, line: int, column: int, tmp_path) -> None:
    path = tmp_path / "nasty.zone"
    path.write_bytes(HEAD.encode() + tail)
    error = refused(path, memory=1)
    assert (error.path, error.line, error.column) == (str(path), line, column)
    assert len(str(error)) < 600


# -- writing --


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"b A 192.0.2.\\001", r"found '192.0.2.\001'"),
        (b"b\\400 A 192.0.2.1", r"found 'b\400'"),
        (b"b LOC a\\.b c", r"found 'a\.b c'"),
        (b"b TXT \x07", r"found '\007'"),
        (b"b A \xc3\xa4'", 'found "ä\'"'),
        (b"b A \xff", r"found '\255'"),
        (b"$GENERATE 1\\.2 b$ A 192.0.2.$", r"found '1\.2 b$ A 192.0.2.$'"),
    ],
)
def test_what_was_found_is_shown_as_it_was_written(line: bytes, found: str) -> None:
    told = str(refused(HEAD.encode() + line + b"\n"))
    assert told.endswith(found), told


def test_written_zone_is_canonical_with_the_soa_first() -> None:
    text = (
        HEAD
        + 'b TXT "q\\"" \\; \\200\nB A 192.0.2.2\nb A 192.0.2.1\n*.a HTTPS 1 . alpn=h2\na.a TYPE65280 \\# 1 ff\n@ A 192.0.2.3\n'
    )
    out = io.BytesIO()
    count = write_zone(out, ((key, blob) for key, _, blob in read_zone(text.encode()).entries()))
    assert out.getvalue().decode() == (
        "example.com. 60 IN SOA ns1.example.com. host.example.com. 1 2 3 4 5\n"
        "example.com. 60 IN A 192.0.2.3\n"
        "example.com. 60 IN NS ns1.else.where.\n"
        '*.a.example.com. 60 IN HTTPS 1 . alpn="h2"\n'
        "a.a.example.com. 60 IN TYPE65280 \\# 1 ff\n"
        "b.example.com. 60 IN A 192.0.2.1\n"
        "b.example.com. 60 IN A 192.0.2.2\n"
        'b.example.com. 60 IN TXT "q\\"" ";" "\\200"\n'
    )
    assert count == 8
