"""zone import, export, list, show, delete, history, revert, with the server stopped and running."""

import re
from pathlib import Path

import pytest

from tests.helpers.commands import Database, nsblast
from tests.integration.conftest import EXAMPLE

RESULT = {"zone", "serial_before", "serial", "changed", "dry_run", "names_changed"}
EXPORT = """\
example.com. 300 IN SOA ns1.example.com. hostmaster.example.com. 5 3600 600 86400 60
example.com. 300 IN NS ns1.example.com.
a.b.example.com. 300 IN TXT "hi there"
ns1.example.com. 300 IN A 192.0.2.1
*.w.example.com. 300 IN MX 10 mail.example.net.
WWW.example.com. 300 IN A 192.0.2.10
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def small(name: str, address: str = "192.0.2.1", serial: int = 1) -> str:
    return f"$TTL 60\n{name} SOA ns.{name} h.{name} {serial} 2 3 4 5\n{name} NS ns.{name}\nns.{name} A {address}\n"


def test_export_is_the_zone_in_canonical_order(database: Database) -> None:
    assert database.ok("zone", "export", "Example.COM") == EXPORT


def test_what_was_exported_imports_as_no_change(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "out.zone"
    assert database.json("zone", "export", "example.com.", "-o", path) == {
        "zone": "example.com.",
        "file": str(path),
        "records": 6,
    }
    assert path.read_text() == EXPORT
    (told,) = database.json("zone", "import", path)["zones"]
    assert (told["changed"], told["serial_before"], told["serial"]) == (False, 5, 5)
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_export_as_json(database: Database) -> None:
    told = database.json("zone", "export", "example.com")
    assert told["zone"] == "example.com."
    assert {"name": "WWW.example.com.", "ttl": 300, "type": "A", "rdata": "192.0.2.10"} in told["records"]
    assert len(told["records"]) == 6


def test_import_replaces_and_journals_only_the_difference(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "new.zone", EXAMPLE.replace("192.0.2.10", "192.0.2.11").replace(" 5 3600", " 9 3600"))
    told = database.json("zone", "import", path)
    assert {name: told[name] for name in ("imported", "unchanged", "failed")} == {
        "imported": 1,
        "unchanged": 0,
        "failed": 0,
    }
    (zone,) = told["zones"]
    assert set(zone) == RESULT | {"file", "names", "records"}
    assert (zone["serial_before"], zone["serial"], zone["names_changed"], zone["records"]) == (5, 9, 2, 6)
    newest = database.json("zone", "history", "example.com")["changes"][0]
    assert (newest["serial_from"], newest["serial_to"], newest["comment"]) == (
        5,
        9,
        "replaced whole" if database.place else "import new.zone",
    )
    assert [rr["rdata"] for rr in newest["removed"] if rr["type"] == "A"] == ["192.0.2.10"]
    assert [rr["rdata"] for rr in newest["added"] if rr["type"] == "A"] == ["192.0.2.11"]
    assert len(newest["removed"]) == len(newest["added"]) == 2


def test_serial_rises_though_the_file_has_the_old_one(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "new.zone", EXAMPLE.replace("192.0.2.10", "192.0.2.11"))
    (zone,) = database.json("zone", "import", path)["zones"]
    assert (zone["serial_before"], zone["serial"]) == (5, 6)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("www A 192.0.2.256", r":9:7: expected .*192\.0\.2\.256"),
        ("www AAAAA ::1", r":9:5: expected"),
        ("www.example.org. A 192.0.2.1", r":9:1: expected a name inside the zone.*www\.example\.org\."),
        ("www CNAME a", r":9:1: "),
    ],
)
def test_error_names_the_place_and_nothing_changes(database: Database, tmp_path: Path, line: str, said: str) -> None:
    path = write(tmp_path / "bad.zone", EXAMPLE + line + "\n")
    before = database.ok("zone", "export", "example.com")
    message = database.fails(65, "zone", "import", path)
    assert message.startswith(str(path))
    assert re.search(said, message), message
    assert database.ok("zone", "export", "example.com") == before
    assert len(database.json("zone", "history", "example.com")["changes"]) == 1


def test_each_file_stands_for_itself(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "zones"
    folder.mkdir()
    write(folder / "a.zone", small("a.example."))
    write(folder / "b.zone", small("b.example.", address="nonsense"))
    write(folder / "c.example", small("c.example."))
    done = database.run("zone", "import", folder, "--json")
    assert done.code == 65
    assert done.err.count("\n") == 1
    assert f"{folder}/b.zone:4:" in done.err
    assert [done.json[name] for name in ("imported", "unchanged", "failed")] == [2, 0, 1]
    failed = {each["file"]: each for each in done.json["zones"] if "error" in each}
    assert set(failed) == {f"{folder}/b.zone"}
    assert failed[f"{folder}/b.zone"]["error"] == "ZoneFileError"
    assert database.ok("zone", "list") == "example.com.\na.example.\nc.example.\n" or sorted(
        database.ok("zone", "list").split()
    ) == ["a.example.", "c.example.", "example.com."]


def test_many_zones_of_one_folder(database: Database, tmp_path: Path) -> None:
    for number in range(600):
        write(tmp_path / f"z{number}.zone", small(f"z{number}.example."))
    told = database.json("zone", "import", tmp_path)
    assert (told["imported"], told["failed"]) == (601, 0) or told["unchanged"] == 1
    assert len(database.ok("zone", "list", "--below", "example").split()) == 600
    assert database.ok("rr", "get", "ns.z599.example").split()[-1] == "192.0.2.1"


def test_success_is_quiet(database: Database, tmp_path: Path) -> None:
    assert database.ok("zone", "import", write(tmp_path / "a.zone", small("a.example."))) == ""


def test_origin(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "relative", "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n")
    assert "origin" in database.fails(65, "zone", "import", path)
    database.ok("zone", "import", path, "--origin", "O.example")
    assert database.ok("rr", "get", "ns.o.example") == "ns.o.example. 60 IN A 192.0.2.1\n"
    assert "not a domain name" in database.fails(65, "zone", "import", path, "--origin", "a..b")
    assert "2 files" in database.fails(64, "zone", "import", path, path, "--origin", "o.example")


def test_two_files_of_one_zone(database: Database, tmp_path: Path) -> None:
    first, second = (
        write(tmp_path / name, small("a.example.", address))
        for name, address in (("1.zone", "192.0.2.1"), ("2.zone", "192.0.2.2"))
    )
    done = database.run("zone", "import", first, second)
    assert done.code == 65
    assert done.err == f"nsblast: {second}: zone a.example. was read from {first} already\n"
    assert database.ok("rr", "get", "ns.a.example").endswith("192.0.2.1\n")


def test_dry_run_of_an_import(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "new.zone", EXAMPLE.replace("192.0.2.10", "192.0.2.11"))
    before = database.ok("zone", "export", "example.com")
    out = database.ok("zone", "import", path, "--dry-run")
    assert "- WWW.example.com. 300 IN A 192.0.2.10\n" in out
    assert "+ WWW.example.com. 300 IN A 192.0.2.11\n" in out
    assert out.endswith("example.com. would be changed at 2 names, serial 5 to 6\n")
    assert database.ok("zone", "export", "example.com") == before


def large(changed: int = -1) -> str:
    lines = ["$ORIGIN big.example.", "$TTL 60", "@ SOA ns h 1 2 3 4 5", "@ NS ns", "ns A 192.0.2.1"]
    lines += [f"n{number} A 10.0.{number >> 8}.{number & 255}" for number in range(7000) if number != changed]
    return "\n".join(lines) + "\n"


def test_large_zone_and_a_small_change_of_it(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "big.zone", large())
    (told,) = database.json("zone", "import", path)["zones"]
    assert (told["names"], told["records"]) == (7002, 7003)
    assert database.json("zone", "show", "big.example")["names"] == 7002
    (told,) = database.json("zone", "import", write(path, large(changed=77)))["zones"]
    assert (told["serial_before"], told["serial"], told["names_changed"]) == (1, 2, 2)
    assert database.fails(3, "rr", "get", "n77.big.example")
    newest = database.json("zone", "history", "big.example")["changes"][0]
    assert {"name": "n77.big.example.", "ttl": 60, "type": "A", "rdata": "10.0.0.77"} in newest["removed"]
    out = database.ok("zone", "export", "big.example")
    assert out.count("\n") == 7002
    assert not (database.path / "spool").exists() or list((database.path / "spool").iterdir()) == []


def test_large_zone_with_an_error_at_its_end(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "big.zone", large())
    database.ok("zone", "import", path)
    before = database.ok("zone", "export", "big.example")
    write(path, large(changed=77) + "zzz CNAME ns\nzzz A 192.0.2.1\n")
    message = database.fails(65, "zone", "import", path)
    assert re.match(rf"{path}:700[56]:1: ", message), message
    assert database.ok("zone", "export", "big.example") == before
    assert not (database.path / "spool").exists() or list((database.path / "spool").iterdir()) == []


def test_list_and_its_filters(database: Database, tmp_path: Path) -> None:
    for name in ("a.example.", "b.a.example.", "c.example.", "org."):
        database.ok("zone", "import", write(tmp_path / "z", small(name)))
    assert database.ok("zone", "list").split() == ["example.com.", "a.example.", "b.a.example.", "c.example.", "org."]
    assert database.ok("zone", "list", "--below", "a.example").split() == ["a.example.", "b.a.example."]
    assert database.ok("zone", "list", "--match", "*.example.").split() == ["a.example.", "b.a.example.", "c.example."]
    assert database.ok("zone", "list", "--limit", "2").split() == ["example.com.", "a.example."]
    assert database.ok("zone", "list", "--after", "b.a.example").split() == ["c.example.", "org."]
    assert database.ok("zone", "list", "--kind", "secondary") == ""
    zone = database.json("zone", "list", "--limit", "1")["zones"][0]
    assert set(zone) == {"zone", "serial", "kind", "tenant", "names", "created", "changed"}
    assert (zone["zone"], zone["serial"], zone["kind"], zone["names"]) == ("example.com.", 5, "primary", 7)


def test_show(database: Database) -> None:
    out = database.ok("zone", "show", "example.com")
    assert "serial   5\n" in out
    assert "example.com. 300 IN NS ns1.example.com.\n" in out
    told = database.json("zone", "show", "example.com")
    assert {"type": "NS", "ttl": 300, "rdata": ["ns1.example.com."]} in told["apex"]


def test_delete(database: Database) -> None:
    assert database.ok("zone", "delete", "example.com", "--dry-run").endswith("would be deleted, 7 names\n")
    assert database.ok("zone", "list") == "example.com.\n"
    told = database.json("zone", "delete", "example.com")
    assert set(told) == RESULT | {"removed", "added"}
    assert (told["serial_before"], told["serial"], told["changed"]) == (5, None, True)
    assert database.ok("zone", "list") == ""
    assert database.fails(3, "rr", "get", "www.example.com") == "no zone here holds www.example.com."


@pytest.mark.parametrize("command", ["show", "export", "delete", "history"])
def test_unknown_zone(database: Database, command: str) -> None:
    assert database.fails(3, "zone", command, "unknown.example") == "there is no zone unknown.example."
    done = database.run("zone", command, "unknown.example", "--json")
    assert (done.code, done.json["error"]) == (3, "NotFound")


def test_unknown_zone_leaves_the_output_file_alone(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "out", "precious")
    database.fails(3, "zone", "export", "unknown.example", "-o", path)
    assert path.read_text() == "precious"
    assert database.fails(71, "zone", "export", "example.com", "-o", tmp_path / "no" / "folder")


def test_history_is_newest_first(database: Database) -> None:
    for number in range(3):
        database.ok("rr", "set", "h.example.com", "A", f"192.0.2.{number}")
    changes = database.json("zone", "history", "example.com")["changes"]
    assert [(each["serial_from"], each["serial_to"]) for each in changes[:3]] == [(7, 8), (6, 7), (5, 6)]
    assert set(changes[0]) == {
        "serial_from", "serial_to", "time", "actor", "address", "comment", "what", "before", "after", "removed", "added",
    }  # fmt: skip
    assert len(database.json("zone", "history", "example.com", "--limit", "2")["changes"]) == 2
    lines = database.ok("zone", "history", "example.com", "--limit", "1", "--records").splitlines()
    assert "+ h.example.com. 2592000 IN A 192.0.2.2" in lines


def test_names_of_any_octets(database: Database, tmp_path: Path) -> None:
    text = small("a.example.") + 'b\\.c\\000\\255.a.example. 60 TXT "\\000\\""\n'
    database.ok("zone", "import", write(tmp_path / "z", text))
    line = 'b\\.c\\000\\255.a.example. 60 IN TXT "\\000\\""\n'
    assert line in database.ok("zone", "export", "a.example")
    assert database.ok("rr", "get", "b\\.c\\000\\255.a.example") == line


def test_root_zone(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "root", ". 60 SOA a.root. b.root. 1 2 3 4 5\n. 60 NS a.root.\na.root. 60 A 192.0.2.1\n")
    database.ok("zone", "import", path)
    assert database.ok("zone", "list").split()[0] == "."
    assert database.ok("rr", "get", "a.root") == "a.root. 60 IN A 192.0.2.1\n"
    database.ok("zone", "delete", ".")


def test_help_names_every_command() -> None:
    out = nsblast("zone", "--help").out
    for command in ("import", "export", "list", "delete", "check", "show", "history"):
        assert f"\n  {command} " in out


def test_revert(database: Database, tmp_path: Path) -> None:
    before = database.ok("zone", "export", "example.com")
    database.ok("rr", "set", "WWW.example.com", "A", "192.0.2.77")
    database.ok("rr", "set", "new.example.com", "A", "192.0.2.78")
    after = database.ok("zone", "export", "example.com")
    dry = database.json("zone", "revert", "example.com", "5", "--dry-run")
    assert [rr["name"] for rr in dry["removed"] if rr["type"] == "A"] == ["new.example.com.", "WWW.example.com."]
    assert database.ok("zone", "export", "example.com") == after
    assert "serial 7 to 8" in database.ok("zone", "revert", "example.com", "5")
    assert database.ok("zone", "export", "example.com") == before.replace(" 5 3600", " 8 3600")
    newest = database.json("zone", "history", "example.com", "--limit", "1")["changes"][0]
    assert (newest["serial_from"], newest["serial_to"], newest["comment"]) == (7, 8, "revert to serial 5")
    assert database.fails(3, "zone", "revert", "example.com", "4") == (
        "example.com.: the journal does not reach serial 4; it has 5 to 8"
    )
