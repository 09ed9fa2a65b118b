"""Records from the words of a command line."""

import pytest

from nsblast.cli.rr import read_rdatas, type_of
from nsblast.errors import InputError
from nsblast.records import to_text

A, MX, TXT, LOC = 1, 15, 16, 29


def shown(rrtype: int, *words: str) -> list[str]:
    return [to_text(rrtype, rdata) for rdata in read_rdatas(rrtype, words)]


def test_each_argument_is_a_record() -> None:
    assert shown(A, "192.0.2.1", "192.0.2.2") == ["192.0.2.1", "192.0.2.2"]
    assert shown(MX, "10 a.example.", "20 b.example.") == ["10 a.example.", "20 b.example."]


def test_names_are_absolute_without_a_final_dot() -> None:
    assert shown(MX, "10 mail.example.com") == ["10 mail.example.com."]


def test_words_of_one_record_are_put_together() -> None:
    assert shown(MX, "10", "mail.example.com.") == ["10 mail.example.com."]
    assert len(read_rdatas(LOC, ("42", "21", "54", "N", "71", "06", "18", "W", "-24m", "30m"))) == 1


def test_generic_form() -> None:
    assert shown(65280, "\\# 2 0a0b") == ["\\# 2 0a0b"]
    assert read_rdatas(A, ("\\# 4 c0000201",)) == [b"\xc0\x00\x02\x01"]


@pytest.mark.parametrize(
    ("word", "rdata"),
    [
        ("v=spf1 -all", b"\x0bv=spf1 -all"),
        ('"v=spf1" "-all"', b"\x06v=spf1\x04-all"),
        ("a\\;b", b"\x03a;b"),
        ("", b"\x00"),
        ("grün", b"\x05gr\xc3\xbcn"),
    ],
)
def test_text_without_quotes_is_one_text(word: str, rdata: bytes) -> None:
    assert read_rdatas(TXT, (word,)) == [rdata]


def test_long_text_is_cut_into_strings() -> None:
    (rdata,) = read_rdatas(TXT, ("x" * 300,))
    assert rdata == b"\xff" + b"x" * 255 + b"\x2d" + b"x" * 45


@pytest.mark.parametrize("words", [("192.0.2.256",), ("192.0.2.1", "x"), ("192.0.2.1 192.0.2.2",)])
def test_bad_rdata(words: tuple[str, ...]) -> None:
    with pytest.raises(InputError):
        read_rdatas(A, words)


def test_types() -> None:
    assert type_of("aaaa") == 28
    assert type_of("TYPE65280") == 65280
    with pytest.raises(InputError, match="'AAAAA' is no record type"):
        type_of("AAAAA")
