"""rr get, set, add, delete, with the server stopped and running."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.helpers.commands import Database

RESULT = {"zone", "serial_before", "serial", "changed", "dry_run", "names_changed", "removed", "added"}


def records(database: Database, name: str) -> dict[str, list[str]]:
    return {each["type"]: each["rdata"] for each in database.json("rr", "get", name)["rrsets"]}


def test_get(database: Database) -> None:
    assert database.ok("rr", "get", "www.EXAMPLE.com") == "WWW.example.com. 300 IN A 192.0.2.10\n"
    assert database.ok("rr", "get", "example.com", "ns") == "example.com. 300 IN NS ns1.example.com.\n"
    assert database.json("rr", "get", "www.example.com.") == {
        "zone": "example.com.",
        "name": "WWW.example.com.",
        "rrsets": [{"type": "A", "ttl": 300, "rdata": ["192.0.2.10"]}],
    }


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("get", "x.example.org"), 3, "no zone here holds x.example.org."),
        (("get", "x.example.com"), 3, "there is no record at x.example.com."),
        (("get", "b.example.com"), 3, "there is no record at b.example.com."),
        (("get", "www.example.com", "MX"), 3, "there is no MX record at www.example.com."),
        (("get", "www.example.com", "AX"), 65, "'AX' is no record type like AAAA or TYPE65280"),
        (("get", "www..example.com"), 65, "not a domain name: 'www..example.com': "),
        (("set", "www.example.com", "A", "1.2.3"), 65, ""),
        (("set", "x.example.org", "A", "192.0.2.1"), 3, "no zone here holds x.example.org."),
        (("set", "www.example.com", "A", "192.0.2.1", "--zone", "example.org"), 3, "there is no zone example.org."),
        (("set", "www.example.com", "A", "192.0.2.1", "--ttl", "-1"), 64, ""),
        (("set", "www.example.com", "A"), 64, ""),
        (("set", "www.example.com", "CNAME", "a.example.com"), 65, ""),
        (("set", "www.example.com", "SOA", "a. b. 1 2 3 4 5"), 65, ""),
        (("set", "www.example.com", "TYPE255", "\\# 0"), 65, ""),
        (("add", "www.example.com", "CNAME", "a.example.com"), 65, ""),
        (("delete", "x.example.com"), 3, "there is no record at x.example.com."),
        (("delete", "www.example.com", "MX"), 3, "there is no MX record at www.example.com."),
        (("delete", "www.example.com", "A", "192.0.2.99"), 3, "there is no A record at www.example.com. with rdata 192.0.2.99"),
        (("delete", "example.com"), 65, ""),
        (("delete", "example.com", "SOA"), 65, ""),
        (("delete", "example.com", "NS"), 65, ""),
    ],
)  # fmt: skip
def test_refusals(database: Database, words: tuple[str, ...], code: int, said: str) -> None:
    before = database.ok("zone", "export", "example.com")
    message = database.fails(code, "rr", *words)
    assert message.startswith(said)
    assert database.ok("zone", "export", "example.com") == before


def test_set_replaces_the_rrset_and_keeps_its_ttl(database: Database) -> None:
    told = database.json("rr", "set", "www.example.com", "A", "192.0.2.2", "192.0.2.3")
    assert set(told) == RESULT
    assert (told["serial_before"], told["serial"], told["changed"], told["dry_run"]) == (5, 6, True, False)
    assert {"name": "WWW.example.com.", "ttl": 300, "type": "A", "rdata": "192.0.2.10"} in told["removed"]
    assert {"name": "WWW.example.com.", "ttl": 300, "type": "A", "rdata": "192.0.2.2"} in told["added"]
    assert records(database, "www.example.com") == {"A": ["192.0.2.2", "192.0.2.3"]}


def test_set_makes_a_name_and_those_above_it(database: Database) -> None:
    out = database.ok("rr", "set", "New.deep.example.com", "MX", "10", "mail.example.net")
    assert "+ New.deep.example.com. 2592000 IN MX 10 mail.example.net.\n" in out
    assert out.endswith("serial 5 to 6\n")
    assert records(database, "new.deep.example.com") == {"MX": ["10 mail.example.net."]}
    assert "there is no record" in database.fails(3, "rr", "get", "deep.example.com")


def test_set_to_what_is_there_changes_nothing(database: Database) -> None:
    assert database.ok("rr", "set", "www.example.com", "A", "192.0.2.10") == "example.com. stays as it is, serial 5\n"


def test_add(database: Database) -> None:
    database.ok("rr", "add", "www.example.com", "A", "192.0.2.10", "192.0.2.11")
    database.ok("rr", "add", "www.example.com", "AAAA", "2001:db8::1", "--ttl", "60")
    assert database.ok("rr", "get", "www.example.com").splitlines() == [
        "WWW.example.com. 300 IN A 192.0.2.10",
        "WWW.example.com. 300 IN A 192.0.2.11",
        "WWW.example.com. 60 IN AAAA 2001:db8::1",
    ]


def test_delete_records_types_and_names(database: Database) -> None:
    database.ok("rr", "add", "www.example.com", "A", "192.0.2.11")
    database.ok("rr", "add", "www.example.com", "AAAA", "2001:db8::1")
    database.ok("rr", "delete", "www.example.com", "A", "192.0.2.10")
    assert records(database, "www.example.com") == {"A": ["192.0.2.11"], "AAAA": ["2001:db8::1"]}
    database.ok("rr", "delete", "www.example.com", "A")
    assert records(database, "www.example.com") == {"AAAA": ["2001:db8::1"]}
    database.ok("rr", "delete", "www.example.com")
    assert database.fails(3, "rr", "get", "www.example.com")
    assert database.json("zone", "show", "example.com")["names"] == 6


def test_dry_run_tells_and_changes_nothing(database: Database) -> None:
    before = database.ok("zone", "export", "example.com")
    for words in (
        ("set", "www.example.com", "A", "192.0.2.3"),
        ("delete", "www.example.com"),
        ("add", "new.example.com", "A", "192.0.2.3"),
    ):
        assert "would be changed" in database.ok("rr", *words, "--dry-run")
        told = database.json("rr", *words, "--dry-run")
        assert (told["dry_run"], told["changed"], told["serial_before"], told["serial"]) == (True, True, 5, 6)
    assert database.ok("zone", "export", "example.com") == before


def test_parent_and_child_zone_hold_one_name(database: Database, tmp_path: Path) -> None:
    database.ok("rr", "set", "sub.example.com", "NS", "ns.sub.example.com")
    path = tmp_path / "sub"
    path.write_text("$ORIGIN sub.example.com.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.7\n")
    database.ok("zone", "import", path)
    assert database.json("rr", "get", "sub.example.com", "NS")["zone"] == "sub.example.com."
    if database.place:
        said = database.fails(65, "rr", "get", "sub.example.com", "NS", "--zone", "example.com")
        assert said == "over HTTP sub.example.com. is of sub.example.com., the deepest zone that holds it"
        return
    assert database.json("rr", "get", "sub.example.com", "NS", "--zone", "example.com")["zone"] == "example.com."
    database.ok("rr", "set", "ns.sub.example.com", "A", "192.0.2.8", "--zone", "example.com")
    assert records(database, "ns.sub.example.com") == {"A": ["192.0.2.7"]}
    assert database.ok("rr", "get", "ns.sub.example.com", "--zone", "example.com").endswith("192.0.2.8\n")
    assert "is not in zone" in database.fails(65, "rr", "get", "www.example.com", "--zone", "sub.example.com")


def test_negative_numbers_are_rdata(database: Database) -> None:
    database.ok("rr", "set", "loc.example.com", "LOC", "42", "21", "54", "N", "71", "06", "18", "W", "-24m", "30m")
    assert "-24" in database.ok("rr", "get", "loc.example.com", "LOC")


def test_every_actor_is_in_the_history(database: Database) -> None:
    database.ok("rr", "set", "www.example.com", "A", "192.0.2.2")
    assert database.json("zone", "history", "example.com", "--limit", "1")["changes"][0]["actor"] != ""


def test_writers_at_the_same_time_lose_nothing(database: Database) -> None:
    def add(number: int) -> None:
        # Threads of one process: with the server stopped each waits until the other has let go of the database.
        database.ok("rr", "add", "shared.example.com", "A", f"10.0.0.{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(12)))
    assert len(records(database, "shared.example.com")["A"]) == 12
    assert database.json("zone", "show", "example.com")["serial"] == 17
