"""The scanner: what stands in which order in an entry, positions of errors, windows on long files."""

import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nsblast._core import scan
from nsblast._core.scan import EV_END, EV_ERROR, EV_GENERATE, EV_INCLUDE, EV_RR, EV_TEXT, Scanner

ORIGIN = b"\x07example\x03com\x00"
A = b"\xc0\x00\x02\x01"


def run(text: bytes, origin: bytes | None = ORIGIN) -> list[tuple]:
    """Every event: records as (line, first label, type, ttl, rdata), errors as ("error", line, column, expected, found)."""
    scanner = Scanner(text, origin=origin)
    out: list[tuple] = []
    while (event := scanner.next()) != EV_END:
        if event == EV_RR:
            out.append(
                (
                    scanner.line,
                    scanner.owner[1 : 1 + scanner.owner[0]].decode("latin-1"),
                    scanner.rrtype,
                    scanner.ttl,
                    scanner.rdata,
                )
            )
        elif event == EV_ERROR:
            out.append(("error", *scanner.error))
            scanner.recover()
        else:
            out.append((event, scanner.words()))
    return out


def one(text: bytes) -> tuple:
    events = run(text)
    assert len(events) == 1, events
    return events[0]


@pytest.mark.parametrize(
    "line",
    [
        b"a 60 IN A 192.0.2.1\n",
        b"a IN 60 A 192.0.2.1\n",
        b"a 60 A 192.0.2.1\n",
        b"a 1m in a 192.0.2.1\n",
        b"a CLASS1 60 TYPE1 192.0.2.1",
        b"a\t60\tIN\tA\t192.0.2.1 ; comment\r\n",
        b"a ( 60 \n IN ; x (\n A\r\n192.0.2.1 )\n",
        b"( a 60 IN A 192.0.2.1 )",
        b"\xef\xbb\xbfa 60 A 192.0.2.1\n",
        b"$TTL 60\na A 192.0.2.1",
        b"$ttl 1M ; x\na IN A 192.0.2.1\n\n ; end\n\t\n",
        b"\\097 60 A 192.0.2.1\n",
    ],
)
def test_ways_to_write_one_record(line: bytes) -> None:
    assert one(line)[1:] == ("a", 1, 60, A)


def test_owner_left_out_is_the_one_above() -> None:
    assert [event[:2] for event in run(b"a 60 A 192.0.2.1\n A 192.0.2.1\n\n\tA 192.0.2.1\n")] == [
        (1, "a"),
        (2, "a"),
        (4, "a"),
    ]


def test_ttl_left_out() -> None:
    text = b"a 60 A 192.0.2.1\na A 192.0.2.1\n$TTL 5\na A 192.0.2.1\na 7 A 192.0.2.1\na A 192.0.2.1\n"
    assert [event[3] for event in run(text)] == [60, 60, 5, 7, 5]
    soa = run(b"@ SOA a b 1 2 3 4 300\na A 192.0.2.1\n")
    assert [event[3] for event in soa] == [300, 300]


@pytest.mark.parametrize(
    ("text", "ttl"),
    [
        (b"0", 0),
        (b"2147483647", 2147483647),
        (b"1w2d3h4m5s", 788645),
        (b"1W", 604800),
        (b"30m", 1800),
        (b"1h1h", 7200),
    ],
)
def test_ttl_units(text: bytes, ttl: int) -> None:
    assert one(b"a " + text + b" A 192.0.2.1")[3] == ttl


@pytest.mark.parametrize(
    ("text", "line", "column", "expected", "found"),
    [
        (b"a 60 A 192.0.2\n", 1, 8, "IPv4", b"192.0.2"),
        (b"\n\na 60 A\n", 3, 7, "IPv4", b""),
        (b"a 60 A 192.0.2.1 x\n", 1, 18, "end of the record", b"x"),
        (b"a A 192.0.2.1\n", 1, 3, "a TTL", b"A"),
        (b"a 60 BOGUS x\n", 1, 6, "record type", b"BOGUS"),
        (b"a 60 TYPE65536 x\n", 1, 6, "record type", b"TYPE65536"),
        (b"a 60 ANY x\n", 1, 6, "may stand in a zone", b"ANY"),
        (b"a 60 TYPE250 \\# 0\n", 1, 6, "may stand in a zone", b"TYPE250"),
        (b"a 60 CH A 192.0.2.1\n", 1, 6, "class IN", b"CH"),
        (b"a 60 CLASS3 A 192.0.2.1\n", 1, 6, "class IN", b"CLASS3"),
        (b"a 2147483648 A 192.0.2.1\n", 1, 3, "2147483647", b"2147483648"),
        (b"a 4000w A 192.0.2.1\n", 1, 3, "2147483647", b"4000w"),
        (b"a 1h30 A 192.0.2.1\n", 1, 3, "a TTL", b"1h30"),
        (b"a 1y A 192.0.2.1\n", 1, 3, "a TTL", b"1y"),
        (b"a 60 60 A 192.0.2.1\n", 1, 6, "record type", b"60"),
        (b" 60 A 192.0.2.1\n", 1, 2, "owner name", b"60"),
        (b"a..b 60 A 192.0.2.1\n", 1, 1, "empty labels", b"a..b"),
        (b"a\\ 60 A 192.0.2.1", 1, 7, "a TTL", b"A"),
        (b"a\\25x 60 A 192.0.2.1", 1, 1, "DDD", b"a\\25x"),
        (b"a\\256 60 A 192.0.2.1", 1, 1, "DDD", b"a\\256"),
        (b'"a" 60 A 192.0.2.1', 1, 1, "domain name", b"a"),
        (b"a 60 MX 10 (\n  mail\n", 1, 12, "closing parenthesis", b""),
        (b"a 60 A 192.0.2.1 )\n", 1, 18, "opening parenthesis", b")"),
        (b'a 60 TXT "open\n', 1, 10, "closing quote", b""),
        (b'a 60 TXT "open', 1, 10, "closing quote", b""),
        (b"a 60 TXT a\x00b\n", 1, 11, "control", b"\x00"),
        (b"a 60 TXT a\rb\n", 1, 11, "line feed", b""),
        (b"a 60 TXT a\\", 1, 11, "after the backslash", b"\\"),
        (b"$TTL x\n", 1, 6, "a TTL", b"x"),
        (b"$TTL 1 2\n", 1, 8, "end of the line", b"2"),
        (b"$ORIGIN\n", 1, 8, "domain name", b""),
        (b"$BOGUS x\n", 1, 1, "$ORIGIN", b"$BOGUS"),
        (b"a 60 NS " + b"x" * 64 + b"\n", 1, 9, "63", b"x" * 64),
        (b"a 60 NS " + b".".join([b"y" * 62] * 4) + b"\n", 1, 9, "255", b".".join([b"y" * 62] * 4)[:80]),
    ],
)
def test_errors_name_the_place(text: bytes, line: int, column: int, expected: str, found: bytes) -> None:
    event = run(text)[0]
    assert event[0] == "error", event
    assert (event[1], event[2], event[4]) == (line, column, found), event
    assert expected in event[3]


def test_no_origin_is_known() -> None:
    assert "origin" in run(b"a 60 A 192.0.2.1", None)[0][3]
    assert run(b"$ORIGIN example.com.\na 60 A 192.0.2.1", None)[0][1] == "a"


def test_recovery_goes_on_behind_the_entry() -> None:
    text = b"a 60 A bad\nb 60 A 192.0.2.1\nc 60 MX ( bad\n  x ) \nd 60 A 192.0.2.1\ne 60 MX 1 (\nf 60 A 192.0.2.1\n"
    assert [event[1] for event in run(text)] == [1, "b", 3, "d", 7]
    assert run(b"\x01\x01\n\x01") == [
        ("error", 1, 1, "text (control characters are written \\DDD)", b"\x01"),
        ("error", 2, 1, "text (control characters are written \\DDD)", b"\x01"),
    ]


def test_words_of_what_is_handed_to_python() -> None:
    text = b'a 60 SVCB 1 . alpn="h2"\n$INCLUDE "my file" ( sub )\n$GENERATE 1-2 a$ A 192.0.2.$ ; x\na 60 A \\# 4 c0000201\n'
    events = run(text)
    assert [event[0] for event in events] == [EV_TEXT, EV_INCLUDE, EV_GENERATE, EV_TEXT]
    assert [word[:3] for word in events[0][1]] == [
        (b"1", False, False),
        (b".", False, False),
        (b"alpn=", False, False),
        (b"h2", True, True),
    ]
    assert [word[0] for word in events[1][1]] == [b"my file", b"sub"]
    assert [word[3:] for word in events[2][1]] == [(3, 11), (3, 15), (3, 18), (3, 20)]


def through_a_pipe(text: bytes, piece: int) -> list[tuple]:
    """The same text read from a descriptor that gives a few octets at a time."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        for at in range(0, len(text), piece):
            os.write(write_end, text[at : at + piece])
        os._exit(0)
    os.close(write_end)
    try:
        scanner = Scanner(read_end, origin=ORIGIN)
        out: list[tuple] = []
        while (event := scanner.next()) != EV_END:
            if event == EV_RR:
                out.append((scanner.line, scanner.owner, scanner.rdata))
            elif event == EV_ERROR:
                out.append(scanner.error)
                scanner.recover()
            else:
                out.append((event, scanner.words()))
        return out
    finally:
        os.close(read_end)
        os.waitpid(pid, 0)


PIECES = st.lists(
    st.sampled_from(
        [
            b"a 60 A 192.0.2.1",
            b"\n",
            b"\r\n",
            b" ",
            b"(",
            b")",
            b";c",
            b'"',
            b'x "a b"',
            b"\\",
            b"$TTL 5",
            b"TXT",
            b"b 5 TXT q",
        ]
    ),
    max_size=30,
).map(b"".join)


@settings(max_examples=60, deadline=None)
@given(text=PIECES, piece=st.integers(1, 7))
@example(text=b"a 60 MX (\nb 60 A 1\n", piece=1)
@example(text=b"a 60 TXT x\r\n\r\nb 60 A 192.0.2.1", piece=1)
@example(text=b'(a 60 A 192.0.2.1a\nx "a b"\n', piece=1)
@example(text=b'(a 60 A x\nx "a b"\n', piece=9)
@example(text=b'(a 60 A x\nx "a b"\n', piece=10)
def test_a_window_changes_nothing(text: bytes, piece: int) -> None:
    """Read at once and read in pieces, any text gives the same records and the same errors."""
    scanner = Scanner(text, origin=ORIGIN)
    out: list[tuple] = []
    while (event := scanner.next()) != EV_END:
        if event == EV_RR:
            out.append((scanner.line, scanner.owner, scanner.rdata))
        elif event == EV_ERROR:
            out.append(scanner.error)
            scanner.recover()
        else:
            out.append((event, scanner.words()))
    assert through_a_pipe(text, piece) == out


def test_files_longer_than_the_window(tmp_path) -> None:
    path = tmp_path / "long.zone"
    count = 120_000
    with path.open("wb") as file:
        for number in range(count):
            file.write(b"host%06d 60 IN A 192.0.2.1\n" % number)
    with path.open("rb") as file:
        scanner = Scanner(file.fileno(), origin=ORIGIN)
        for number in range(count):
            assert scanner.next() == EV_RR
            assert scanner.line == number + 1
        assert scanner.owner.startswith(b"\x0ahost%06d" % (count - 1))
        assert scanner.next() == EV_END
        assert scanner.consumed == path.stat().st_size


def test_one_entry_longer_than_the_window(tmp_path) -> None:
    path = tmp_path / "wide.zone"
    path.write_bytes(
        b"a 60 TXT (" + b"\n;" + b"x" * 3_000_000 + b"\n y )\nb 60 TXT " + b'"' + b"z" * 10_000_000 + b'"\nc 60 TXT c\n'
    )
    with path.open("rb") as file:
        scanner = Scanner(file.fileno(), origin=ORIGIN)
        assert scanner.next() == EV_RR
        assert scanner.rdata == b"\x01y"
        assert scanner.next() == EV_ERROR
        assert scanner.error[:3] == (4, 10, "a string of at most 255 octets")
        scanner.recover()
        assert scanner.next() == EV_RR
        assert scanner.line == 5


def test_a_folder_is_no_file(tmp_path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(IsADirectoryError):
            Scanner(fd).next()
    finally:
        os.close(fd)


@pytest.mark.parametrize("text", [b"", b" a", b"a b", b"a;", b"(a", b"a\n", b"..", b"a" * 64, b"\\", b"\\1"])
def test_bad_names(text: bytes) -> None:
    with pytest.raises(ValueError):
        scan.name_from_text(text, ORIGIN)


@given(text=st.binary(max_size=400))
def test_any_octets_end(text: bytes) -> None:
    """However broken, the text is read to its end, each error once, in the order of lines."""
    lines = [event[1] for event in run(text) if event[0] == "error"]
    assert len(lines) <= text.count(b"\n") + 1
    assert all(1 <= line <= text.count(b"\n") + 2 for line in lines)
