"""RFC 1035 5.1: the format of master files."""

import pytest

from nsblast.errors import ZoneFileError
from tests.helpers.zonetext import APEX, zone_lines


def test_blank_lines_and_comments_may_stand_anywhere() -> None:
    assert zone_lines(f"\n ; only this\n{APEX}\n\t; and this\na 60 A 192.0.2.1;\n\n") == [
        "a.example.com. 60 A 192.0.2.1"
    ]


def test_origin_line() -> None:
    text = (
        APEX + "$ORIGIN sub ; relative to the one before\na 60 A 192.0.2.1\n$ORIGIN b.example.com.\n@ 60 A 192.0.2.2\n"
    )
    assert zone_lines(text) == ["b.example.com. 60 A 192.0.2.2", "a.sub.example.com. 60 A 192.0.2.1"]


def test_a_line_that_begins_with_a_blank_has_the_owner_of_the_last_record() -> None:
    assert zone_lines(APEX + "a 60 A 192.0.2.1\n\n$ORIGIN x\n 60 A 192.0.2.2\n") == [
        "a.example.com. 60 A 192.0.2.1",
        "a.example.com. 60 A 192.0.2.2",
    ]


@pytest.mark.parametrize("middle", ["60 IN", "IN 60", "60", "60 in"])
def test_ttl_and_class_in_either_order(middle: str) -> None:
    assert zone_lines(APEX + f"a {middle} A 192.0.2.1\n") == ["a.example.com. 60 A 192.0.2.1"]


def test_omitted_class_and_ttl_are_the_last_stated_ones() -> None:
    assert zone_lines(APEX + "a 60 IN A 192.0.2.1\nb A 192.0.2.2\n") == [
        "a.example.com. 60 A 192.0.2.1",
        "b.example.com. 60 A 192.0.2.2",
    ]


def test_types_classes_and_names_in_any_case() -> None:
    assert zone_lines(APEX + "A 60 iN mX 10 Mail\n") == ["A.example.com. 60 MX 10 Mail.example.com."]


def test_names_without_a_final_dot_are_relative() -> None:
    assert zone_lines(APEX + "a 60 CNAME b\nb 60 CNAME b.\nc.example.com. 60 CNAME @\n") == [
        "a.example.com. 60 CNAME b.example.com.",
        "b.example.com. 60 CNAME b.",
        "c.example.com. 60 CNAME example.com.",
    ]


def test_a_free_standing_at_sign_is_the_origin() -> None:
    assert zone_lines(APEX + "@ 60 A 192.0.2.1\n\\@ 60 A 192.0.2.2\n") == [
        "example.com. 60 A 192.0.2.1",
        "\\@.example.com. 60 A 192.0.2.2",
    ]


def test_backslash_takes_special_meaning_away() -> None:
    assert zone_lines(APEX + "a\\.b 60 A 192.0.2.1\na\\;\\(\\) 60 A 192.0.2.2\n") == [
        "a\\.b.example.com. 60 A 192.0.2.1",
        "a\\;\\(\\).example.com. 60 A 192.0.2.2",
    ]


def test_backslash_and_three_digits_are_an_octet_of_text() -> None:
    assert zone_lines(APEX + "\\097\\046\\000\\255 60 A 192.0.2.1\n") == ["a\\.\\000\\255.example.com. 60 A 192.0.2.1"]


def test_digits_behind_a_backslash_must_be_three_and_an_octet() -> None:
    for name in ("\\1", "\\12", "\\256", "\\999"):
        with pytest.raises(ZoneFileError, match="DDD"):
            zone_lines(APEX + f"{name} 60 A 192.0.2.1\n")


def test_parentheses_join_lines() -> None:
    text = APEX + "a 60 TXT ( one ; comment )\n two\n\n) three\nb ( 60\nA\n192.0.2.1 )\n"
    assert zone_lines(text) == ['a.example.com. 60 TXT "one" "two" "three"', "b.example.com. 60 A 192.0.2.1"]


def test_quotes_hold_blanks_and_everything_but_a_quote() -> None:
    assert zone_lines(APEX + 'a 60 TXT "a ; ( b" c "d\\"e"\n') == ['a.example.com. 60 TXT "a ; ( b" "c" "d\\"e"']


def test_a_string_has_at_most_255_octets() -> None:
    assert zone_lines(APEX + "a 60 TXT " + "x" * 255)
    with pytest.raises(ZoneFileError, match="255"):
        zone_lines(APEX + "a 60 TXT " + "x" * 256)


def test_a_master_file_is_of_one_class() -> None:
    for other in ("CH", "HS", "CLASS254"):
        with pytest.raises(ZoneFileError, match="class IN"):
            zone_lines(APEX + f"a 60 {other} A 192.0.2.1\n")
