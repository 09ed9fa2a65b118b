"""RFC 5155 7.2: referrals (7.2.7), DS (7.2.4), asking for NSEC3 owner names (7.2.8), zones without opt-out or salt."""

import pytest

from tests.conformance.rfc5155 import zones
from tests.conformance.rfc5155.zones import EXAMPLE, PLAIN, SOA
from tests.helpers.ask import Server
from tests.helpers.signed import sign_nsec3


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(EXAMPLE)


def test_7_2_4_no_ds_at_an_opt_out_delegation(server: Server) -> None:
    server.ask("c.example", "DS", do=True).gives(f"NOERROR aa\nAUTHORITY\n{SOA}{zones.APEX}{zones.A}")


def test_7_2_4_ds_at_a_signed_delegation(server: Server) -> None:
    server.ask("a.example", "DS", do=True).gives("""
        NOERROR aa
        ANSWER
        a.example. 3600 DS 58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C
        a.example. 3600 RRSIG DS
        """)


def test_7_2_7_referral_to_a_signed_zone(server: Server) -> None:
    server.ask("mc.a.example", "MX", do=True).gives("""
        NOERROR
        AUTHORITY
        a.example. 3600 NS ns1.a.example.
        a.example. 3600 NS ns2.a.example.
        a.example. 3600 DS 58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C
        a.example. 3600 RRSIG DS
        ADDITIONAL
        ns1.a.example. 3600 A 192.0.2.5
        ns2.a.example. 3600 A 192.0.2.6
        """)


def test_7_2_7_referral_without_opt_out_has_the_matching_nsec3() -> None:
    answer = Server(sign_nsec3(PLAIN)).ask("mc.c.example", "MX", do=True)
    owners = [record for record in answer.section("AUTHORITY") if record[2] == "NSEC3"]
    assert len(owners) == 1
    assert owners[0][3].split()[5:] == ["NS"]


def test_7_2_8_owner_name_of_an_nsec3_is_no_name(server: Server) -> None:
    """It exists only as a record of the chain: asked for, the name does not exist, and the proof says so."""
    answer = server.ask("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example", "NSEC3", do=True)
    assert answer.head == "NXDOMAIN aa"
    assert {record[2] for record in answer.section("AUTHORITY")} == {"SOA", "RRSIG", "NSEC3"}
    assert server.ask("r53bq7cc2uvmubfu5ocmm6pers9tk9en.example", "A").head == "NXDOMAIN aa"


def test_7_2_8_name_with_data_at_a_hash_exists(server: Server) -> None:
    """2t7b4g4v... is both the hash of ns1.example and a host."""
    server.ask("2t7b4g4vsa5smi47k61mv5bv1a22bojr.example", "A", do=True).gives("""
        NOERROR aa
        ANSWER
        2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. 3600 A 192.0.2.127
        2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. 3600 RRSIG A
        """)


def test_zone_without_salt_or_iterations() -> None:
    """As RFC 9276 wants them."""
    server = Server(sign_nsec3(PLAIN, salt="", iterations=0))
    answer = server.ask("a.c.x.w.example", "A", do=True)
    assert answer.head == "NXDOMAIN aa"
    proofs = [record for record in answer.section("AUTHORITY") if record[2] == "NSEC3"]
    assert 1 <= len(proofs) <= 3
    assert all(record[3].startswith("1 0 0 - ") for record in proofs)


def test_without_do_no_proofs(server: Server) -> None:
    assert [record[2] for record in server.ask("a.c.x.w.example").section("AUTHORITY")] == ["SOA"]
