"""A signed zone imported again under the same serial once got the old one plus one, which broke the SOA's signature."""

from pathlib import Path

import pytest

from nsblast.errors import InputError
from tests.helpers.commands import Database
from tests.helpers.signed import sign_nsec

HEAD = "$ORIGIN s.\n$TTL 300\n@ SOA ns host {serial} 3600 900 604800 60\n@ NS ns\nns A 192.0.2.1\n"


def zone_file(folder: Path, serial: int, *records: str, signed: bool = True) -> Path:
    file = folder / "s.zone"
    text = HEAD.format(serial=serial) + "\n".join(records) + "\n"
    file.write_text(sign_nsec(text) if signed else text)
    return file


@pytest.mark.parametrize("serial", [4, 5])
@pytest.mark.parametrize("many", [1, 6000])
def test_signed_zone_must_bring_a_newer_serial(tmp_path: Path, serial: int, many: int) -> None:
    database = Database(tmp_path / "db")
    database.ok("zone", "import", zone_file(tmp_path, 5))
    before = database.ok("zone", "export", "s")
    others = [f"x{n} A 192.0.2.9" for n in range(many)]
    told = database.fails(InputError.exit_code, "zone", "import", zone_file(tmp_path, serial, *others))
    assert f"s.zone: s.: the zone is signed with serial {serial}, but 5 is served already" in told
    assert database.ok("zone", "export", "s") == before
    database.ok("zone", "import", zone_file(tmp_path, 6, *others))
    assert database.json("zone", "show", "s")["serial"] == 6


def test_the_same_signed_zone_again_changes_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "db")
    database.ok("zone", "import", zone_file(tmp_path, 5))
    assert database.json("zone", "import", zone_file(tmp_path, 5))["unchanged"] == 1


def test_other_zones_still_get_the_next_serial(tmp_path: Path) -> None:
    database = Database(tmp_path / "db")
    database.ok("zone", "import", zone_file(tmp_path, 5, signed=False))
    database.ok("zone", "import", zone_file(tmp_path, 5, "x A 192.0.2.9", signed=False))
    assert database.json("zone", "show", "s")["serial"] == 6
