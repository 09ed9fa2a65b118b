"""RFC 1996 3.7 to 3.12 and 4: a NOTIFY that comes in, who is listened to and what is answered."""

import asyncio
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rrset
import pytest

from nsblast.access.records_v1 import TsigKey
from nsblast.records import name_to_text
from nsblast.store.values_v1 import ZoneKind
from nsblast.transfer.hosts import Hosts
from nsblast.transfer.notify_in import NotifiesIn
from nsblast.transfer.rules import Act
from nsblast.types import Wire
from tests.helpers.updating import SECRET, Updating, tsig_of, updating

MASTER = bytes((192, 0, 2, 53))
STRANGER = bytes((198, 51, 100, 66))
ZONE = "@ 60 IN SOA ns1.example. host.example. 5 3600 600 86400 60\n@ 60 IN NS ns1.example.\n"


class Receiver:
    """Secondary zones, and what their keeper was told."""

    def __init__(self, place: Updating) -> None:
        self.place = place
        self.rules: dict[Act, tuple[str, ...]] = {}
        self.told: list[tuple[str, bytes, int | None]] = []
        self.codes: list[int] = []
        self.notifies = NotifiesIn(
            place.backend,
            place.accounts,
            Hosts(place.backend, lambda name: ("192.0.2.54",) if name == "primary.test." else ()),
            self,
            lambda: self.rules,
            observe=self.codes.append,
        )

    def notified(self, apex: Wire, client: bytes, serial: int | None) -> None:
        self.told.append((name_to_text(apex), client, serial))

    def send(self, message: dns.message.Message, client: bytes = MASTER, tcp: bool = False) -> dns.message.Message:
        wire = asyncio.run(self.notifies.serve(message.to_wire(), client, tcp))
        keyring = message.keyring if message.keyring is not None else None
        told = dns.message.from_wire(wire, keyring=keyring, request_mac=message.mac)
        assert told.id == message.id
        assert told.flags & dns.flags.QR
        assert told.opcode() == dns.opcode.NOTIFY
        return told

    def rcode(self, message: dns.message.Message, client: bytes = MASTER) -> str:
        return dns.rcode.to_text(self.send(message, client).rcode())


@pytest.fixture(scope="module")
def place() -> Iterator[Updating]:
    with updating() as made:
        master = {"hostname": "192.0.2.53", "port": 53, "tsig": ""}
        also = [{"hostname": "2001:db8::53"}, {"hostname": "primary.test"}]
        made.zone("sec.test.", ZONE, kind=ZoneKind.SECONDARY, settings={"master": {**master, "also": also}})
        rules = {"notify": ["203.0.113.0/24", "key:rule.test."]}
        made.zone("open.test.", ZONE, kind=ZoneKind.SECONDARY, settings={"master": master, "access": rules})
        made.account(
            TsigKey(tenant=made.key.tenant, name="n.test.", algorithm="hmac-sha256", secret=SECRET, notify=True)
        )
        made.account(TsigKey(tenant=made.key.tenant, name="rule.test.", algorithm="hmac-sha1", secret=SECRET))
        yield made


@pytest.fixture
def receiver(place: Updating) -> Receiver:
    return Receiver(place)


def notify(zone: str = "sec.test.", serial: int | None = None, rdtype: str = "SOA") -> dns.message.Message:
    message = dns.message.make_query(zone, rdtype, use_edns=False)
    message.set_opcode(dns.opcode.NOTIFY)
    message.flags = message.flags & ~dns.flags.RD | dns.flags.AA
    if serial is not None:
        message.answer.append(dns.rrset.from_text(zone, 60, "IN", "SOA", f". . {serial} 0 0 0 0"))
    return message


def test_3_7_the_master_is_listened_to(receiver: Receiver) -> None:
    answer = receiver.send(notify(serial=7))
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.flags & dns.flags.AA
    assert answer.question == notify().question
    assert answer.answer == []
    assert receiver.told == [("sec.test.", MASTER, 7)]
    assert receiver.codes == [0]


def test_3_7_the_answer_section_may_be_empty(receiver: Receiver) -> None:
    assert receiver.rcode(notify("SEC.Test.")) == "NOERROR"
    assert receiver.told == [("sec.test.", MASTER, None)]


def test_3_12_every_master_may_also_by_name_and_from_mapped_addresses(receiver: Receiver) -> None:
    for client in (
        bytes.fromhex("20010db8000000000000000000000053"),
        bytes((192, 0, 2, 54)),
        b"\0" * 10 + b"\xff\xff" + MASTER,
    ):
        assert receiver.rcode(notify(), client) == "NOERROR"
    assert len(receiver.told) == 3


def test_3_10_others_are_refused_and_nothing_is_done(receiver: Receiver) -> None:
    assert receiver.rcode(notify(serial=7), STRANGER) == "REFUSED"
    assert receiver.told == []
    assert receiver.codes == [5]


def test_rules_let_others_in(receiver: Receiver) -> None:
    assert receiver.rcode(notify("open.test."), bytes((203, 0, 113, 9))) == "NOERROR"
    assert receiver.rcode(notify("open.test."), STRANGER) == "REFUSED"
    receiver.rules = {Act.NOTIFY: ("198.51.100.0/24",)}
    assert receiver.rcode(notify(), STRANGER) == "NOERROR"
    assert receiver.rcode(notify("open.test."), STRANGER) == "REFUSED"  # its own rule stands instead


@pytest.mark.parametrize(
    ("name", "algorithm", "zone"), [("n.test.", "hmac-sha256", "sec.test."), ("rule.test.", "hmac-sha1", "open.test.")]
)
def test_keys_let_others_in_and_the_answer_is_signed(receiver: Receiver, name: str, algorithm: str, zone: str) -> None:
    record = TsigKey(tenant="", name=name, algorithm=algorithm, secret=SECRET)
    message = notify(zone)
    message.use_tsig(tsig_of(record))
    answer = receiver.send(message, STRANGER)
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.had_tsig
    assert len(receiver.told) == 1


def test_a_bad_signature_is_notauth_whoever_sends_it(receiver: Receiver) -> None:
    message = notify()
    message.use_tsig(tsig_of(TsigKey(tenant="", name="n.test.", algorithm="hmac-sha256", secret=b"wrong" * 7)))
    wire = asyncio.run(receiver.notifies.serve(message.to_wire(), MASTER, False))
    assert wire[3] & 15 == dns.rcode.NOTAUTH
    assert receiver.told == []


@pytest.mark.parametrize("zone", ["example.", "nothing.test.", "www.sec.test.", "."])
def test_3_11_zones_that_are_no_secondary_here(receiver: Receiver, zone: str) -> None:
    assert receiver.rcode(notify(zone)) == "NOTAUTH"
    assert receiver.told == []


def test_another_class_is_notauth(receiver: Receiver) -> None:
    message = notify()
    message.question[0].rdclass = dns.rdataclass.CH
    assert receiver.rcode(message) == "NOTAUTH"


def test_only_soa_is_notified_of(receiver: Receiver) -> None:
    assert receiver.rcode(notify(rdtype="A")) == "FORMERR"
    assert receiver.told == []


@pytest.mark.parametrize("cut", [13, 20, 25])
def test_a_malformed_message_is_formerr(receiver: Receiver, cut: int) -> None:
    wire = asyncio.run(receiver.notifies.serve(notify(serial=3).to_wire()[:cut], MASTER, False))
    assert wire[3] & 15 == dns.rcode.FORMERR
    assert receiver.told == []


def test_edns_is_answered_with_edns(receiver: Receiver) -> None:
    message = notify()
    message.use_edns(0, payload=1232)
    assert receiver.send(message).edns == 0
