"""The smaller parts of NOTIFY out: whom a zone is told to, which answer is believed, what is remembered."""

import asyncio
from collections.abc import Iterator

import dns.message
import dns.opcode
import dns.rcode
import dns.tsigkeyring
import pytest

from nsblast.access.records_v1 import TsigKey
from nsblast.records import name_from_text
from nsblast.settings import Settings
from nsblast.settings_values import notify_item
from nsblast.store.values_v1 import ZoneKind
from nsblast.transfer import notify_seen
from nsblast.transfer.hosts import Hosts
from nsblast.transfer.notify_queue import Destination, Job, Zone
from nsblast.transfer.notify_seen import SeenOf
from nsblast.transfer.notify_targets import Ourselves, Plan, Target, defaults_of, from_item, may_sign, plan_of
from nsblast.transfer.notify_wire import Ports, UnderWay, message_of
from nsblast.transfer.tsig import take_off
from tests.helpers.updating import SECRET, Updating, tsig_of, updating

ZONE = """\
$ORIGIN told.test.
@ 60 IN SOA primary host 7 3600 600 86400 60
@ 60 IN NS primary
@ 60 IN NS two
@ 60 IN NS ours
@ 60 IN NS ns1.example.
@ 60 IN NS ns.elsewhere.test.
primary 60 IN A 192.0.2.101
two 60 IN A 192.0.2.102
two 60 IN AAAA 2001:db8::102
ours 60 IN A 192.0.2.53
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Updating]:
    with updating() as made:
        made.zone("told.test.", ZONE, settings={"notify": [{"address": "192.0.2.102", "port": 53, "tsig": "k."}]})
        made.zone("plain.test.", ZONE.replace("told", "plain"))
        made.zone(
            "sec.test.",
            ZONE.replace("told", "sec"),
            kind=ZoneKind.SECONDARY,
            settings={"master": {"hostname": "192.0.2.102"}},
        )
        yield made


def plan(place: Updating, zone: str, *, name_servers: bool = True, **settings: object) -> Plan:
    given = Settings(dns_endpoint=["192.0.2.53"], **settings)  # type: ignore[arg-type]
    made = plan_of(
        place.backend,
        Hosts(place.backend, lambda _: ()),
        name_from_text(zone),
        defaults_of(given),
        Ourselves(given).has,
        name_servers=name_servers,
    )
    assert made is not None
    return made


def places(found: Plan) -> set[tuple[str, int, str, str]]:
    return {tuple(each) for each in found.targets}  # type: ignore[misc]


def test_the_ns_set_without_the_master_and_ourselves(place: Updating) -> None:
    """RFC 1996 2.1."""
    found = plan(place, "plain.test.")
    assert places(found) == {
        ("192.0.2.102", 53, "", "two.plain.test."),
        ("2001:db8::102", 53, "", "two.plain.test."),
        ("192.0.2.1", 53, "", "ns1.example."),
    }
    assert found.outside == (name_from_text("ns.elsewhere.test."),)
    assert found.serial == 7


def test_configured_ones_come_first_and_keep_their_key(place: Updating) -> None:
    found = plan(place, "told.test.", notify=["198.51.100.1"])
    assert ("192.0.2.102", 53, "k.", "") in places(found)
    assert not any(address == "198.51.100.1" for address, *_ in places(found))
    assert len([each for each in found.targets if each.address == "192.0.2.102"]) == 1
    assert places(plan(place, "told.test.", name_servers=False)) == {("192.0.2.102", 53, "k.", "")}
    assert places(plan(place, "plain.test.", name_servers=False, notify=["198.51.100.1@54 key:K"])) == {
        ("198.51.100.1", 54, "k.", "")
    }


def test_a_secondary_does_not_tell_its_masters(place: Updating) -> None:
    assert "192.0.2.102" not in {address for address, *_ in places(plan(place, "sec.test."))}


def test_no_zone_no_plan(place: Updating) -> None:
    hosts = Hosts(place.backend, lambda _: ())
    assert plan_of(place.backend, hosts, name_from_text("no.test."), (), lambda *_: False, name_servers=True) is None


def test_ourselves() -> None:
    wild = Ourselves(Settings(dns_endpoint=["0.0.0.0"]))
    assert wild.has("127.0.0.1", 53)
    assert not wild.has("127.0.0.1", 54)
    assert not wild.has("192.0.2.1", 53)
    assert not wild.has("::1", 53)
    assert not Ourselves(Settings(dns_endpoint=["127.0.0.2"])).has("127.0.0.1", 53)


@pytest.mark.parametrize(
    ("text", "stored", "target"),
    [
        (" 192.0.2.1 ", "192.0.2.1", Target("192.0.2.1", 53)),
        ("192.0.2.1@53", "192.0.2.1", Target("192.0.2.1", 53)),
        ("2001:DB8::1@5353  key:Some.Key", "2001:db8::1@5353 key:some.key.", Target("2001:db8::1", 5353, "some.key.")),
    ],
)
def test_the_form_of_a_setting(text: str, stored: str, target: Target) -> None:
    assert notify_item(text) == stored
    assert from_item(stored) == target
    assert notify_item(stored) == stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ns1.example",
        "192.0.2.1@",
        "192.0.2.1@70000",
        "192.0.2.1@0",
        "1.2.3",
        "192.0.2.1 key:",
        "192.0.2.1 key:a..b",
    ],
)
def test_what_is_no_secondary(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        notify_item(text)


# -- on the wire

APEX = b"\4told\4test\0"
SOA = b"\1a\0\1b\0" + (7).to_bytes(4, "big") + bytes(16)
PLAN = Plan(APEX, 7, b"\4ToLd\4test\0", 60, SOA, (), ())
PLACE = ("192.0.2.1", 53)


def job() -> Job:
    return Job(Zone(PLAN, 1), Target(*PLACE), Destination(PLACE))


def plain(packet: bytes) -> bytes:
    found = take_off(packet)
    assert found is not None
    return found.plain


def reply(packet: bytes, rcode: int = 0) -> bytes:
    answer = dns.message.make_response(dns.message.from_wire(packet))
    answer.set_rcode(dns.rcode.Rcode(rcode))
    return answer.to_wire()


def test_the_message() -> None:
    """RFC 1996 3.6, 3.7: AA, one question, the SOA as a hint."""
    message = dns.message.from_wire(message_of(PLAN, b"\1\2"))
    assert message.id == 0x102
    assert message.opcode() == dns.opcode.NOTIFY
    assert dns.flags.to_text(message.flags) == "AA"
    assert message.question[0].to_text() == "ToLd.test. IN SOA"
    assert message.answer[0].to_text() == "ToLd.test. 60 IN SOA a. b. 7 0 0 0 0"


def test_which_answer_is_believed() -> None:
    """RFC 1996 3.6: id, name, address and port."""
    under_way = UnderWay()
    mine = job()
    packet = under_way.make(mine, None)
    answer = reply(packet)
    assert under_way.match(answer, ("192.0.2.2", 53)) is None
    assert under_way.match(answer, ("192.0.2.1", 54)) is None
    assert under_way.match(bytes((answer[0] ^ 1,)) + answer[1:], PLACE) is None
    assert under_way.match(packet, PLACE) is None  # a request, not a response
    assert under_way.match(answer[:2] + b"\x80" + answer[3:], PLACE) is None  # of another opcode
    assert under_way.match(answer[:13] + b"X" + answer[14:], PLACE) is None  # of another zone
    assert under_way.match(answer[:11], PLACE) is None
    found = under_way.match(answer, PLACE)
    assert found is not None
    assert (found[0].job, found[0].apex, found[0].serial, found[1]) == (mine, APEX, 0, 0)
    assert under_way.match(answer, PLACE) is None  # once
    assert len(under_way) == 0


def test_errors_may_come_without_a_question() -> None:
    under_way = UnderWay()
    packet = under_way.make(job(), None)
    assert under_way.match(packet[:2] + bytes((0xA0, 0)) + bytes(8), PLACE) is None
    found = under_way.match(packet[:2] + bytes((0xA0, 4)) + bytes(8), PLACE)
    assert found is not None
    assert found[1] == dns.rcode.NOTIMP


def test_only_the_last_message_of_a_job_is_waited_for() -> None:
    under_way = UnderWay()
    mine = job()
    first = reply(under_way.make(mine, None))
    second = reply(under_way.make(mine, None))
    assert len(under_way) == 1
    assert first[:2] == second[:2] or under_way.match(first, PLACE) is None
    assert under_way.match(second, PLACE) is not None


def test_signed() -> None:
    """RFC 8945 5.3: who does not sign the answer rightly is not believed when all is well, only when it is not."""
    record = TsigKey(tenant="", name="k.test.", algorithm="hmac-sha256", secret=SECRET)
    keyring = {dns.name.from_text("k.test."): tsig_of(record)}
    under_way = UnderWay()
    packet = under_way.make(job(), record)
    asked = dns.message.from_wire(packet, keyring=keyring)
    assert asked.had_tsig
    assert under_way.match(reply(plain(packet)), PLACE) is None
    right = dns.message.make_response(asked)
    assert under_way.match(right.to_wire(), PLACE) is not None
    packet = under_way.make(job(), record)
    found = under_way.match(reply(plain(packet), dns.rcode.NOTAUTH), PLACE)
    assert found is not None
    assert found[1] == dns.rcode.NOTAUTH


def test_ports_leave_from_what_is_served() -> None:
    async def run() -> list[str]:
        heard: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()
        far = Ports(["127.0.8.2"], lambda data, place: heard.put_nowait((data, place)))
        near = Ports(["192.0.2.250"], lambda *_: None)  # not ours: left out
        await far.open()
        await near.open()
        target = next(
            each.get_extra_info("sockname") for (_, source), each in far._ports.items() if source == "127.0.8.2"
        )
        sources = []
        for ports in (far, near):
            assert ports.send(b"x", (target[0], target[1]))
            sources.append((await asyncio.wait_for(heard.get(), 5))[1][0])
        far.close()
        near.close()
        assert not far.send(b"x", (target[0], target[1]))
        return sources

    assert asyncio.run(run()) == ["127.0.8.2", "127.0.0.1"]


# -- what is remembered


def test_seen_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify_seen, "MOST", 10)
    monkeypatch.setattr(notify_seen, "EACH", 3)
    seen = SeenOf()
    for number in range(20):
        seen.answered(bytes((number,)), PLACE, number, 0, 1.0)
    assert len(seen) == 10
    assert seen.get(bytes((19,)), PLACE) is not None
    assert seen.get(bytes((9,)), PLACE) is None
    for number in range(6):
        seen.took(APEX, f"192.0.2.{number}", 7, "axfr", float(number + 1))
    assert {address for address, _ in seen.of(APEX)} == {"192.0.2.3", "192.0.2.4", "192.0.2.5"}
    seen.forget(APEX)
    assert seen.of(APEX) == {}


def test_what_counts_as_knowing() -> None:
    seen = SeenOf()
    seen.answered(APEX, PLACE, 7, dns.rcode.REFUSED, 1.0)
    found = seen.get(APEX, PLACE)
    assert found is not None
    assert not found.acknowledged(7)
    seen.answered(APEX, PLACE, 7, 0, 1.0)
    assert found.acknowledged(7)
    assert not found.acknowledged(8)
    seen.took(APEX, PLACE[0], 8, "ixfr", 2.0)
    taken = seen.get(APEX, (PLACE[0], 0))
    assert taken is not None
    assert taken.acknowledged(8)
    assert taken.members()["transferred"] == {"serial": 8, "time": 2.0, "kind": "ixfr"}


def test_another_tenants_key_of_that_name_signs_nothing(place: Updating) -> None:
    def key(tenant: str) -> TsigKey:
        return TsigKey(tenant=tenant, name="k.", algorithm="hmac-sha256", secret=SECRET)

    first, theirs = plan(place, "told.test."), PLAN._replace(tenant="theirs")
    assert may_sign(first, key(""))
    assert may_sign(theirs, key("theirs"))
    assert may_sign(theirs, key(first.tenant))
    assert not may_sign(theirs, key("another"))
    assert not may_sign(first, key("another"))
