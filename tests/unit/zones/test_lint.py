"""Zone check: every code, each with the line it is about; nothing said of a zone that is right."""

import json
from pathlib import Path

import pytest

from nsblast.zones import lint
from nsblast.zones.lint import ERROR, WARNING, check_zone

HEAD = "$ORIGIN example.com.\n$TTL 60\n@ SOA ns1 host 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n"


def said(text: str, **options) -> list[tuple[int, str, str]]:
    return [(problem.line, problem.severity, problem.code) for problem in check_zone(text.encode(), **options)]


def test_nothing_is_said_of_a_zone_that_is_right() -> None:
    text = (
        HEAD
        + "@ MX 10 mail\n@ MX 20 x.y.\n@ NSEC3PARAM 1 0 0 -\nmail A 192.0.2.2\nwww CNAME mail\n*.w A 192.0.2.3\n"
        + "m MX 5 any.w\nsub NS ns.sub\nsub NS ns1\nsub NS ns.else.where.\nns.sub A 192.0.2.4\nsub DS 1 8 2 " + "00" * 32
        + "\nd DNAME other.\n_s._tcp SRV 0 0 1 mail\n_n._tcp SRV 0 0 0 .\nnull MX 0 .\nthere CNAME in.sub\nent.ent A 192.0.2.1\n"
        + "to CNAME ent\n_s2._tcp SRV 1 1 1 ns.sub\nsub2 NS ns.sub\n"
    )  # fmt: skip
    assert said(text) == []


@pytest.mark.parametrize(
    ("tail", "line", "severity", "code"),
    [
        ("a A 192.0.2\n", 6, ERROR, "syntax"),
        ("a LOC x\n", 6, ERROR, "syntax"),
        ("$GENERATE x a$ A 192.0.2.$\n", 6, ERROR, "syntax"),
        ("$INCLUDE x\n", 6, ERROR, "syntax"),
        ("a.b. A 192.0.2.1\n", 6, ERROR, "out-of-zone"),
        ("a.b. SVCB 1 .\n", 6, ERROR, "out-of-zone"),
        ("@ SOA ns1 host 2 2 3 4 5\n", 6, ERROR, "several-soas"),
        ("a SOA ns1 host 2 2 3 4 5\n", 6, ERROR, "soa-below-apex"),
        ("a CNAME ns1\na CNAME x.\n", 7, ERROR, "several-cnames"),
        ("a DNAME x.\na DNAME y.\n", 7, ERROR, "several-dnames"),
        ("a TXT x\na CNAME ns1\n", 7, ERROR, "cname-and-other"),
        ("a NS ns1\na DNAME x.\n", 7, ERROR, "dname-and-ns"),
        ("a DNAME x.\nb.a TXT x\n", 7, ERROR, "below-dname"),
        ("a NS ns.a\n", 6, ERROR, "missing-glue"),
        ("a NS a\n", 6, ERROR, "missing-glue"),
        ("@ NS nix\n", 6, ERROR, "missing-address"),
        ("a NS nix\n", 6, ERROR, "missing-address"),
        ("a NS c\nc CNAME ns1\n", 6, ERROR, "ns-to-cname"),
        ("a MX 1 c\nc CNAME ns1\n", 6, ERROR, "mx-to-cname"),
        ("a SRV 1 1 1 c\nc CNAME ns1\n", 6, ERROR, "srv-to-cname"),
        ("a MX 1 c.w\n*.w CNAME ns1\n", 6, ERROR, "mx-to-cname"),
        ("@ DS 1 8 2 " + "00" * 32 + "\n", 6, ERROR, "ds-at-apex"),
        ("a MX 1 192.0.2.1\n", 6, ERROR, "address-as-name"),
        ("".join(f"a TXT {n:05d}\n" for n in range(4000)), 6, ERROR, "too-large"),
        ("a A 192.0.2.1\na A 192.0.2.1\n", 7, WARNING, "duplicate"),
        ("a NS NS1\nA NS ns1\n", 7, WARNING, "duplicate"),
        ("a A 192.0.2.1\na 5 A 192.0.2.2\n", 7, WARNING, "ttl-mismatch"),
        ("www.example.com A 192.0.2.1\n", 6, WARNING, "missing-dot"),
        ("a MX 1 mail.example.com\n", 6, WARNING, "missing-dot"),
        ("a CNAME b.example.com\n", 6, WARNING, "missing-dot"),
        ("a MX 1 mail.other.net\n", 6, WARNING, "no-target"),
        ("a CNAME nix\n", 6, WARNING, "no-target"),
        ("a SRV 1 1 1 nix\n", 6, WARNING, "no-target"),
        ("a MX 1 t\nt TXT x\n", 6, WARNING, "no-address"),
        ("a MX 1 t\nx.t TXT x\n", 6, WARNING, "no-address"),
        ("a NS ns1\nx.a TXT x\n", 7, WARNING, "occluded"),
        ("a NS ns1\na TXT x\n", 7, WARNING, "occluded"),
        ("a NS ns1\nx.a A 192.0.2.1\n", 7, WARNING, "unused-glue"),
        ("a DS 1 8 2 " + "00" * 32 + "\n", 6, WARNING, "ds-without-ns"),
        ("*.a NS ns1\n", 6, WARNING, "wildcard-cut"),
    ],
)
def test_each_problem(tail: str, line: int, severity: str, code: str) -> None:
    assert said(HEAD + tail) == [(line, severity, code)]


def test_problems_of_the_apex() -> None:
    assert said("") == [(0, ERROR, "no-soa")]
    assert said("", origin=b"\x01x\x00") == [(0, ERROR, "no-soa")]
    assert said("a.x. 5 A 192.0.2.1\n", origin=b"\x01x\x00") == [(0, ERROR, "no-ns"), (0, ERROR, "no-soa")]
    assert said("x. 5 SOA a. b. 1 2 3 4 5\n") == [(0, ERROR, "no-ns")]
    assert said("x. 5 SOA a. b\\@c.d. 1 2 3 4 5\n@ NS a.\n") == [(1, WARNING, "soa-mail")]
    assert said("a 5 A 192.0.2\n") == [(0, ERROR, "no-soa"), (1, ERROR, "syntax")]
    assert said(". 5 SOA a. b. 1 2 3 4 5\n. NS a.\na. A 192.0.2.1\n") == []


def test_everything_is_said_not_only_the_first() -> None:
    text = HEAD + "a A x\nb A 192.0.2.1 y\nc.d. A 192.0.2.1\ne MX 1 nix\nf TXT (\n g"
    assert [code for _, _, code in said(text)] == ["syntax", "syntax", "out-of-zone", "no-target", "syntax"]


def test_messages_and_json(tmp_path: Path) -> None:
    path = tmp_path / "a.zone"
    path.write_text(HEAD + "a MX 1 mail.other.net\nb A 192.0.2\n")
    problems = [json.loads(json.dumps(problem.as_json())) for problem in check_zone(path)]
    assert problems == [
        {
            "file": str(path),
            "line": 6,
            "column": 0,
            "severity": "warning",
            "code": "no-target",
            "message": "a.example.com. MX: mail.other.net.example.com. does not exist in this zone: is a final dot missing?",
        },
        {
            "file": str(path),
            "line": 7,
            "column": 5,
            "severity": "error",
            "code": "syntax",
            "message": "expected an IPv4 address, found '192.0.2'",
        },
    ]


def test_problems_name_the_file_that_was_included(tmp_path: Path) -> None:
    (tmp_path / "a.zone").write_text(HEAD + "$INCLUDE b.zone\n")
    (tmp_path / "b.zone").write_text("a A x\nb CNAME nix\n")
    found = check_zone(tmp_path / "a.zone")
    assert [(Path(problem.file).name, problem.line, problem.code) for problem in found] == [
        ("b.zone", 1, "syntax"),
        ("b.zone", 2, "no-target"),
    ]


def test_there_is_an_end_to_it() -> None:
    found = check_zone((HEAD + "a A x\n" * 50).encode(), most=10)
    assert len(found) == 11
    assert found[0].code == "more"


def test_names_of_any_depth() -> None:
    assert list(lint.suffixes(b"\x01a\x02bc\x00")) == [b"\x01a\x02bc\x00", b"\x02bc\x00", b"\x00"]
    assert lint.is_below(b"\x01a\x02bc\x00", b"\x02bc\x00")
    assert not lint.is_below(b"\x03\x02bc\x00", b"\x02bc\x00")
