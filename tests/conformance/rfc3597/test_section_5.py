"""RFC 3597 5: text representation of unknown types, and of known ones in the same form."""

import pytest

from nsblast.errors import ZoneFileError
from tests.helpers.zonetext import APEX, zone_lines


def zone(line: str) -> list[str]:
    return zone_lines(APEX + line + "\n")


def test_type_and_class_by_number() -> None:
    assert zone("a 60 CLASS1 TYPE731 \\# 6 abcdef 01 23 45") == ["a.example.com. 60 TYPE731 \\# 6 abcdef012345"]
    assert zone("a CLASS1 60 TYPE1 192.0.2.1") == ["a.example.com. 60 A 192.0.2.1"]
    assert zone("a 60 type28 2001:db8::1") == ["a.example.com. 60 AAAA 2001:db8::1"]


def test_empty_rdata() -> None:
    assert zone("a 60 TYPE62347 \\# 0") == ["a.example.com. 60 TYPE62347 \\# 0"]


def test_digits_in_any_case_over_several_lines() -> None:
    assert zone("a 60 TYPE731 \\# ( 4 ; four\n aB\n CD 00 01 )") == ["a.example.com. 60 TYPE731 \\# 4 abcd0001"]


def test_known_types_in_the_generic_form() -> None:
    assert zone("a 60 A \\# 4 0A000001") == ["a.example.com. 60 A 10.0.0.1"]
    assert zone("a 60 TYPE15 \\# 8 000A 046d61696c 00") == ["a.example.com. 60 MX 10 mail."]
    assert zone("a 60 EUI48 \\# 6 00005e00532a") == zone("a 60 EUI48 00-00-5e-00-53-2a")


@pytest.mark.parametrize(
    "rdata",
    [
        "TYPE731 abcd",
        "TYPE731",
        "TYPE731 \\#",
        "TYPE731 \\# 3 abcd",
        "TYPE731 \\# 1 abcd",
        "TYPE731 \\# 2 abcdx",
        "TYPE731 \\# 2 abcg",
        "TYPE731 \\# 1 abc",
        "TYPE731 \\# -1",
        "TYPE731 \\# 65536 " + "00" * 65536,
        "TYPE65536 \\# 0",
        "TYPE \\# 0",
        "A \\# 5 0A00000100",
        "A \\# 3 0A0000",
        "MX \\# 2 000A",
        "NS \\# 2 C000",
        'TYPE731 "\\#" 0',
    ],
)
def test_what_is_refused(rdata: str) -> None:
    with pytest.raises(ZoneFileError):
        zone(f"a 60 {rdata}")
