"""NOTIFY to secondaries by a real server: at once, once for many changes, again when unanswered, one dead secondary beside a live one."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.opcode
import dns.tsig
import dns.tsigkeyring
import pytest

from nsblast.client import Client
from nsblast.client.shapes import Change
from nsblast.transfer.notify_out import FILE
from tests.helpers.api import PASSWORD, Api, api
from tests.helpers.secondary import FakeSecondary, Heard, noerror, refused, silence
from tests.helpers.server import Server, serving
from tests.helpers.transfers import contents, question, serial_of, take

QUICK = ("--notify-timeout", "0.2", "--notify-interval", "0.3", "--notify-tries", "3", "--notify-delay", "0.3")
ZONES = 1000


def zone_text(apex: str) -> str:
    return f"$ORIGIN {apex}\n$TTL 60\n@ SOA ns1 host 1 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.1\n"


def status(server: Api, zone: str, address: str) -> dict[str, Any]:
    with server.client() as client:
        told = client.get(f"/zone/{zone}/status").raise_for_status().json()["value"]
    (found,) = [each for each in told["secondaries"] if each["address"] == address]
    return {**found, "zone_serial": told["serial"]}


def wait_status(server: Api, zone: str, address: str, **wanted: Any) -> dict[str, Any]:
    deadline = time.monotonic() + 10
    while True:
        found = status(server, zone, address)
        if all(found[name] == value for name, value in wanted.items()):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def wait_taken(server: Api, zone: str, kind: str) -> dict[str, Any]:
    """Of this machine, when its last transfer was of that kind."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with server.client() as client:
            told = client.get(f"/zone/{zone}/status").raise_for_status().json()["value"]["secondaries"]
        for each in told:
            if each["address"] == "127.0.0.1" and each["transferred"]["kind"] == kind:
                found: dict[str, Any] = each
                return found
        time.sleep(0.02)
    raise AssertionError(told)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, FakeSecondary]]:
    folder = tmp_path_factory.mktemp("notify")
    with FakeSecondary("127.0.7.1") as secondary:
        flags = ("--notify", secondary.item, "--allow-transfer", "any", *QUICK)
        with api(folder, *flags, workers=1) as server:
            yield server, secondary


def make(server: Api, secondary: FakeSecondary, zone: str) -> None:
    with server.client() as client:
        answer = client.put(f"/zone/{zone}", content=zone_text(f"{zone}."), headers={"content-type": "text/dns"})
        answer.raise_for_status()
    secondary.wait(lambda heard: any(each.zone == f"{zone}." for each in heard))
    time.sleep(0.35)  # notify_delay: what follows is told at once


def change(server: Api, zone: str, times: int = 1) -> int:
    with server.client() as client:
        for number in range(times):
            answer = client.put(f"/rr/w.{zone}", json={"ttl": 60, "txt": f"{time.time()} {number}"})
            serial: int = answer.raise_for_status().json()["value"]["serial"]
    return serial


def of(heard: list[Heard], zone: str) -> list[Heard]:
    return [each for each in heard if each.zone == f"{zone}."]


def test_a_change_is_told_at_once(place: tuple[Api, FakeSecondary]) -> None:
    server, secondary = place
    make(server, secondary, "once.test")
    began = time.monotonic()
    serial = change(server, "once.test")
    heard = secondary.wait(lambda heard: any(each.serial == serial for each in of(heard, "once.test")))
    last = of(heard, "once.test")[-1]
    assert last.at - began < 1.0
    assert last.message.opcode() == dns.opcode.NOTIFY
    assert last.message.flags & dns.flags.AA
    assert last.source[0] == server.address  # by which it knows us
    found = wait_status(server, "once.test", secondary.address, state="acknowledged")
    assert (found["acknowledged"]["serial"], found["acknowledged"]["rcode"], found["zone_serial"]) == (
        serial,
        0,
        serial,
    )


def test_many_changes_are_told_of_few_times_and_the_last_always(place: tuple[Api, FakeSecondary]) -> None:
    server, secondary = place
    make(server, secondary, "many.test")
    before = len(of(secondary.heard, "many.test"))
    began = time.monotonic()
    serial = change(server, "many.test", 200)
    took = time.monotonic() - began
    heard = secondary.wait(lambda heard: any(each.serial == serial for each in of(heard, "many.test")))
    assert len(of(heard, "many.test")[before:]) <= took / 0.3 + 2


def test_what_is_not_answered_is_told_again_and_given_up(place: tuple[Api, FakeSecondary]) -> None:
    server, secondary = place
    make(server, secondary, "lost.test")
    secondary.answer = silence
    try:
        serial = change(server, "lost.test")
        found = wait_status(server, "lost.test", secondary.address, state="silent")
        assert found["tries"] == 3
        mine = [each.at for each in of(secondary.heard, "lost.test") if each.serial == serial]
        assert len(mine) == 3
        # 0.2 s after the first, 0.2 + 0.3 s after the second, and on a busy machine later.
        assert 0.15 < mine[1] - mine[0] < 5
        assert 0.4 < mine[2] - mine[1] < 5
    finally:
        secondary.answer = noerror
    # It is told again when it is heard of: by its answer for another zone.
    make(server, secondary, "other.test")
    found = wait_status(server, "lost.test", secondary.address, state="acknowledged")
    assert found["acknowledged"]["serial"] == serial


def test_a_refusal_is_no_acknowledgement_and_ends_it(place: tuple[Api, FakeSecondary]) -> None:
    server, secondary = place
    make(server, secondary, "no.test")
    good, secondary.answer = secondary.answer, refused
    try:
        serial = change(server, "no.test")
        found = wait_status(server, "no.test", secondary.address, state="refused")
        assert (found["acknowledged"]["serial"], found["acknowledged"]["rcode"]) == (serial, 5)
    finally:
        secondary.answer = good
    with server.client() as client:
        told = client.post("/zone/no.test/notify").raise_for_status().json()["value"]
    assert told == {
        "zone": "no.test.",
        "serial": serial,
        "secondaries": [{"address": secondary.address, "port": secondary.port}],
    }
    wait_status(server, "no.test", secondary.address, state="acknowledged")


def test_a_zone_has_secondaries_of_its_own_and_a_key_for_each(place: tuple[Api, FakeSecondary]) -> None:
    server, default = place
    make(server, default, "own.test")
    with server.client() as client:
        secret = (
            client.post("/tsigkey", json={"name": "n.test", "algorithm": "hmac-sha256"})
            .raise_for_status()
            .json()["value"]["secret"]
        )
        keyring = dns.tsigkeyring.from_text({"n.test.": ("hmac-sha256", secret)})
        with FakeSecondary("127.0.7.2", keyring=keyring) as own:
            form = {"notify": [{"address": own.address, "port": own.port, "tsig": "n.test"}]}
            client.put("/config/own.test/notify", json=form).raise_for_status()
            own.wait(lambda heard: len(of(heard, "own.test")) == 1)  # it knew nothing yet
            count = len(of(default.heard, "own.test"))
            serial = change(server, "own.test")
            heard = own.wait(lambda heard: any(each.serial == serial for each in heard))
            assert all(each.message.had_tsig for each in heard)
            wait_status(server, "own.test", own.address, state="acknowledged", tsig="n.test.")
            assert len(of(default.heard, "own.test")) == count
            # An answer that is not signed by the key is nobody's.
            own.answer = lambda message: (
                bytes((*message.to_wire()[:2], 0xA0, 0, 0, 1, 0, 0, 0, 0, 0, 0))
                + message.question[0].name.to_wire()
                + b"\0\6\0\1"
            )
            change(server, "own.test")
            wait_status(server, "own.test", own.address, state="silent")
        assert client.get("/config/own.test/notify").json()["value"]["notify"][0]["tsig"] == "n.test."
        for wrong in (
            {"address": "ns1.test"},
            {"address": "192.0.2.1", "port": 0},
            {"address": "192.0.2.1", "tsig": "nobody"},
        ):
            assert client.put("/config/own.test/notify", json={"notify": [wrong]}).status_code == 400
        client.delete("/config/own.test/notify").raise_for_status()
        assert client.get("/config/own.test/notify").json()["value"]["notify"] is None


def test_transfers_are_in_the_status(place: tuple[Api, FakeSecondary]) -> None:
    server, secondary = place
    make(server, secondary, "taken.test")
    at = server.address, server.port
    serial = serial_of(contents(take(question("taken.test."), at)))
    found = wait_taken(server, "taken.test", "axfr")
    assert (found["source"], found["transferred"]["serial"]) == ("transfer", serial)
    change(server, "taken.test")
    take(question("taken.test.", serial), at)
    assert wait_taken(server, "taken.test", "ixfr")["transferred"]["serial"] == serial + 1


def test_a_write_waits_for_the_secondaries_when_asked_to(place: tuple[Api, FakeSecondary]) -> None:
    server, secondary = place
    make(server, secondary, "waited.test")
    at = server.address, server.port
    with FakeSecondary("127.0.0.1") as own, server.client() as client:
        with Client(server.url, user="admin", password=PASSWORD) as typed:
            asked = {"notify": [{"address": own.address, "port": own.port}]}
            assert client.put("/config/waited.test/notify?wait=9", json=asked).json()["replicated"] is True
            began = time.monotonic()
            made = typed.put_entry("w.waited.test", {"txt": ["one"]}, wait=0.3)
            assert (made.replicated, time.monotonic() - began > 0.3) == (False, True), "it knows, and has it not"
            assert typed.put_entry("w.waited.test", {"txt": ["two"]}).replicated is None

            def takes(message: dns.message.Message) -> bytes | None:
                take(question("waited.test."), at)
                return noerror(message)

            own.answer = takes
            began = time.monotonic()
            assert typed.put_entry("w.waited.test", {"txt": ["three"]}, wait=20).replicated is True
            gone: Change = {"method": "DELETE", "fqdn": "w.waited.test"}
            assert [each.replicated for each in typed.change([gone], wait=20)] == [True]
            assert time.monotonic() - began < 10
        tried = client.put("/rr/w.waited.test?wait=9&dry_run=true", json={"a": "192.0.2.1"}).json()
        assert "replicated" not in tried
        assert client.post("/user?wait=9", json={"name": "waits"}).json()["replicated"] is True
        told = client.delete("/zone/waited.test?wait=9").json()
        assert (told["rcode"], told["replicated"]) == (200, False), "nothing tells secondaries that a zone is gone"


def test_commands_and_metrics(place: tuple[Api, FakeSecondary]) -> None:
    server, secondary = place
    make(server, secondary, "cli.test")
    shown = server.command("zone", "status", "cli.test").stdout
    assert "cli.test. primary, serial 1" in shown
    assert f"{secondary.address} port {secondary.port}, acknowledged, answered of 1" in shown
    before = len(of(secondary.heard, "cli.test"))
    assert server.command("zone", "notify", "cli.test").stdout == f"{secondary.address} port {secondary.port}\n"
    secondary.wait(lambda heard: len(of(heard, "cli.test")) == before + 1)
    assert server.command("zone", "notify", "none.test", check=False).returncode != 0
    new = "192.0.2.7@5353, 2001:db8::1"
    assert (
        server.command("zone", "secondaries", "cli.test", "--set", new).stdout
        == "192.0.2.7 port 5353\n2001:db8::1 port 53\n"
    )
    assert "1.2.3" in server.command("zone", "secondaries", "cli.test", "--set", "1.2.3", check=False).stderr
    assert server.command("zone", "secondaries", "cli.test", "--default").stdout == "as in the settings\n"
    with server.client() as client:
        text = client.get(f"{server.url}/metrics").raise_for_status().text
    counts = {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if line.startswith("nsblast_")}
    assert counts['nsblast_notifies_total{result="answered"}'] > 0
    assert counts["nsblast_secondaries_silent"] == 0


def test_what_was_not_told_before_a_death_is_told_after_it(place: tuple[Api, FakeSecondary]) -> None:
    server, secondary = place
    make(server, secondary, "death.test")
    deadline = time.monotonic() + 10
    while not (server.db_path / FILE).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    good, secondary.answer = secondary.answer, silence
    serial = change(server, "death.test")
    secondary.wait(lambda heard: any(each.serial == serial for each in of(heard, "death.test")))
    server.kill(server.pids()["control"])
    secondary.answer = good
    count = len(of(secondary.heard, "death.test"))
    server.wait_ready()
    heard = secondary.wait(lambda heard: len(of(heard, "death.test")) > count)
    assert of(heard, "death.test")[-1].serial == serial


def test_rfc1996_2_1_the_ns_set_is_told_at_port_53_but_for_the_master(tmp_path: Path) -> None:
    try:
        second = FakeSecondary("127.0.7.53", port=53)
        master = FakeSecondary("127.0.7.54", port=53)
    except PermissionError:
        pytest.skip("port 53 is not ours to take")
    with second, master, serving(tmp_path, "--notify-ns", workers=1) as server:
        zone = tmp_path / "zone"
        zone.write_text(
            "$ORIGIN ns.test.\n$TTL 60\n@ SOA first h 7 3600 600 86400 60\n@ NS first\n@ NS second\n"
            f"first A {master.address}\nsecond A {second.address}\n"
        )
        server.command("zone", "import", str(zone))
        heard = second.wait(lambda heard: len(heard) > 0)
        assert (heard[0].zone, heard[0].serial, heard[0].message.opcode()) == ("ns.test.", 7, dns.opcode.NOTIFY)
        assert heard[0].source[0] == server.address
        told = server.command("zone", "status", "ns.test").stdout
        assert "127.0.7.53 port 53, second.ns.test., acknowledged, answered of 7" in told
        assert master.heard == []


def test_a_dead_secondary_delays_no_other(tmp_path: Path) -> None:
    """1,000 zones, one dead and one live secondary: the live one is told of each at once (in turn with the dead one it takes 23 s or more)."""
    folder = tmp_path / "zones"
    folder.mkdir()
    for number in range(ZONES):
        (folder / f"z{number}.zone").write_text(zone_text(f"z{number}.test."))
    with contextlib.ExitStack() as stack:
        live = stack.enter_context(FakeSecondary("127.0.7.3"))
        dead = stack.enter_context(FakeSecondary("127.0.7.4", silence))
        flags = ("--notify", f"{dead.item},{live.item}")
        server: Server = stack.enter_context(serving(tmp_path, *flags, workers=1))
        server.command("zone", "import", str(folder))
        done = time.monotonic()
        heard = live.wait(lambda heard: len({each.zone for each in heard}) == ZONES)
        assert heard[-1].at - done < 8.0
        assert len(dead.heard) < ZONES  # it is not flooded either
