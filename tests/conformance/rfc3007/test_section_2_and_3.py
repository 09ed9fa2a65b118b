"""RFC 3007 2, 3: an update is authenticated, and its signer may do what the policy says. RFC 8945 5: errors of signatures."""

import time

import dns.message
import dns.rcode
import dns.tsig
import msgspec
import pytest
from dns.update import UpdateMessage

from nsblast.access.records_v1 import Tenant, Vzone
from nsblast.records import name_from_text
from nsblast.store.values_v1 import ZoneRecord
from nsblast.transfer.rules import Act
from nsblast.zones.model import ChangeSet, ConfigureZone
from tests.helpers.updating import APEX, CLIENT, SECRET, Updating, key, tsig_of, update

OTHER = "11111111-1111-1111-1111-111111111111"


def adding(name: str = "new", rrtype: str = "A", value: str = "192.0.2.200") -> UpdateMessage:
    message = update()
    message.add(name, 60, rrtype, value)
    return message


def access(place: Updating, *rule: str) -> None:
    """The zone's own rule."""
    change = ChangeSet(name_from_text(APEX), (ConfigureZone(settings={"access": {"update": list(rule)}}),))
    place.backend.apply(change)


def test_nobody_may_by_default(place: Updating) -> None:
    assert place.rcode(adding(), sign=None) == "REFUSED"
    assert place.rcode(adding(), bytes((127, 0, 0, 1)), sign=None) == "REFUSED"
    place.account(key("idle.test.", update=False, transfer=True))
    assert place.rcode(adding(), sign=key("idle.test.")) == "REFUSED"


def test_refused_before_prerequisites_are_looked_at(place: Updating) -> None:
    """Who may do nothing learns nothing of the zone."""
    for name in ("www", "nobody"):
        message = update()
        message.present(name)
        assert place.rcode(message, sign=None) == "REFUSED"


def test_the_key_is_the_actor(place: Updating) -> None:
    answer = place.send(adding())
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.had_tsig
    assert place.actor() == ("key:key.test.", "192.0.2.99")


@pytest.mark.parametrize("algorithm", ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"])
def test_algorithms(place: Updating, algorithm: str) -> None:
    record = key(f"{algorithm}.test.", algorithm=algorithm)
    place.account(record)
    assert place.rcode(adding(), sign=record) == "NOERROR"


def test_errors_of_signatures(place: Updating) -> None:
    unknown = key("unknown.test.")
    wrong = key(secret=SECRET[::-1])
    for record, error in ((unknown, dns.rcode.BADKEY), (wrong, dns.rcode.BADSIG)):
        message = adding()
        message.use_tsig(tsig_of(record))
        answer = dns.message.from_wire(place.wire(message.to_wire()), keyring=False)
        assert answer.rcode() == dns.rcode.NOTAUTH
        assert answer.tsig_error == error
    assert place.serial() == 100


def test_badtime(place: Updating, monkeypatch: pytest.MonkeyPatch) -> None:
    message = adding()
    message.use_tsig(tsig_of(place.key))
    packet = message.to_wire()
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 1000)
    answer = dns.message.from_wire(place.wire(packet), keyring=False)
    assert (answer.rcode(), answer.tsig_error) == (dns.rcode.NOTAUTH, dns.rcode.BADTIME)
    assert place.serial() == 100


def test_a_tampered_message(place: Updating) -> None:
    message = adding()
    message.use_tsig(tsig_of(place.key))
    packet = bytearray(message.to_wire())
    packet[packet.index(b"\3new") + 1] ^= 1
    assert place.wire(bytes(packet))[3] & 15 == dns.rcode.NOTAUTH
    assert place.serial() == 100


def test_scope_zones(place: Updating) -> None:
    for name, zones, rcode in (("in", [APEX], "NOERROR"), ("out", ["child.example."], "REFUSED")):
        record = key(f"{name}.test.", zones=zones)
        place.account(record)
        assert place.rcode(adding(), sign=record) == rcode


def test_scope_names_and_types(place: Updating) -> None:
    record = key("acme.test.", names=["_acme-challenge.www.example."], types=["TXT"])
    place.account(record)
    assert place.rcode(adding("_acme-challenge.www", "TXT", '"token"'), sign=record) == "NOERROR"
    assert place.rcode(adding("x._acme-challenge.www", "TXT", '"token"'), sign=record) == "NOERROR"
    assert place.rcode(adding("_acme-challenge.www"), sign=record) == "REFUSED"
    assert place.rcode(adding("www", "TXT", '"token"'), sign=record) == "REFUSED"
    message = update()
    message.delete("_acme-challenge.www", "TXT")
    assert place.rcode(message, sign=record) == "NOERROR"


def test_deleting_a_name_needs_all_its_types(place: Updating) -> None:
    record = key("types.test.", types=["TXT"])
    place.account(record)
    for name, rcode in (("www", "REFUSED"), ("a.b", "NOERROR"), ("nobody", "NOERROR")):
        message = update()
        message.delete(name)
        assert place.rcode(message, sign=record) == rcode, name
    assert len(place.shows("www.example.")) == 3


def test_networks_and_stopped_keys(place: Updating) -> None:
    far = key("far.test.", networks=["198.51.100.0/24"])
    stopped = key("stopped.test.", active=False)
    place.account(far, stopped)
    assert place.rcode(adding(), sign=far) == "REFUSED"
    assert place.rcode(adding(), bytes((198, 51, 100, 7)), sign=far) == "NOERROR"
    message = adding()
    message.use_tsig(tsig_of(stopped))
    assert dns.message.from_wire(place.wire(message.to_wire()), keyring=False).tsig_error == dns.rcode.BADKEY


def test_rules_of_zone_and_server(place: Updating) -> None:
    place.account(key("listed.test.", update=False))
    listed = key("listed.test.")
    assert place.rcode(adding(), sign=listed) == "REFUSED"
    access(place, "key:listed.test.", "203.0.113.0/24")
    assert place.rcode(adding(), sign=listed) == "NOERROR"
    assert place.rcode(adding("b1"), bytes((203, 0, 113, 1)), sign=None) == "NOERROR"
    assert place.actor() == ("update", "203.0.113.1")
    assert place.rcode(adding("b2"), sign=None) == "REFUSED"
    place.rules[Act.UPDATE] = ("any",)
    assert place.rcode(adding("b3"), sign=None) == "REFUSED"  # the zone's own rule stands instead
    access(place)
    assert place.rcode(adding("b3"), sign=None) == "REFUSED"
    place.zone("open.test.", "$ORIGIN open.test.\n@ 300 IN SOA a a 1 2 3 4 5\n@ 300 IN NS a\n")
    message = update("open.test.")
    message.add("new", 60, "A", "192.0.2.1")
    assert place.rcode(message, sign=None) == "NOERROR"


def test_tenants_and_their_parts_of_a_zone(place: Updating) -> None:
    place.account(Tenant(id=OTHER, name="other"))
    theirs = key("theirs.test.", tenant=OTHER)
    place.account(theirs)
    assert place.rcode(adding(), sign=theirs) == "REFUSED"
    record = place.backend.zone(name_from_text(APEX))
    assert isinstance(record, ZoneRecord)
    part = Vzone(tenant=OTHER, name="part.example.", zone=APEX, incarnation=record.incarnation)
    place.account(part)
    assert place.rcode(adding("x.part"), sign=theirs) == "NOERROR"
    assert place.rcode(adding("y"), sign=theirs) == "REFUSED"
    assert place.rcode(adding("z.part")) == "REFUSED"
    assert place.rcode(adding("z")) == "NOERROR"
    place.account(msgspec.structs.replace(Tenant(id=OTHER, name="other"), active=False))
    assert place.rcode(adding("x2.part"), sign=theirs) == "REFUSED"


def test_the_client_is_named_in_history(place: Updating) -> None:
    mapped = bytes(10) + b"\xff\xff" + CLIENT
    assert place.rcode(adding(), mapped) == "NOERROR"
    assert place.actor()[1] == "192.0.2.99"
