"""What the comparison with BIND, NSD, Knot and PowerDNS once showed to be wrong, one claim each."""

from nsblast.zones.collect import read_zone
from tests.helpers.ask import Server
from tests.helpers.signed import sign_nsec

ZONE = """
$ORIGIN example.
$TTL 300
@ SOA ns host 1 7200 3600 1209600 30
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
*.alias CNAME www
cut NS ns
cut DS 60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A
old DNAME new
a.new A 192.0.2.3
"""


def test_proof_of_a_wildcard_alias_does_not_push_the_target_into_authority() -> None:
    """RFC 4035 3.1.3.3: the NSEC belongs into authority though the chain adds to the answer section after it."""
    answer = Server(sign_nsec(ZONE)).ask("x.alias.example", "A", do=True)
    kinds = [(record[0], record[2]) for record in answer.section("ANSWER")]
    assert kinds == [
        ("x.alias.example.", "CNAME"),
        ("x.alias.example.", "RRSIG"),
        ("www.example.", "A"),
        ("www.example.", "RRSIG"),
    ]
    assert [record[2] for record in answer.section("AUTHORITY")] == ["NSEC", "RRSIG"]


def test_ds_of_an_unsigned_zone_is_no_part_of_a_referral() -> None:
    """RFC 4035 3.1.4 speaks of signed zones."""
    assert [record[2] for record in Server(ZONE).ask("a.cut.example", do=True).section("AUTHORITY")] == ["NS"]
    signed = Server(sign_nsec(ZONE)).ask("a.cut.example", do=True)
    assert [record[2] for record in signed.section("AUTHORITY")] == ["NS", "DS", "RRSIG"]


def test_cd_is_cleared() -> None:
    """RFC 4035 3.1.6."""
    assert Server(ZONE).ask("www.example", flags="CD RD").flags == ["AA", "RD"]


def test_class_any_is_answered_without_authority() -> None:
    """RFC 1035 3.2.5 and 6.2."""
    Server(ZONE).ask("www.example", qclass="ANY").gives("""
        NOERROR
        ANSWER
        www.example. 300 A 192.0.2.2
        """)


def test_a_dname_is_followed_for_any_but_not_for_cname() -> None:
    """RFC 6672 3.2 step 3C goes back to step 1; the CNAME made on the way is all that QTYPE CNAME asks for."""
    Server(ZONE).ask("nothing.old.example", "CNAME").gives("""
        NOERROR aa
        ANSWER
        old.example. 300 DNAME new.example.
        nothing.old.example. 300 CNAME nothing.new.example.
        """)
    Server(ZONE).ask("nothing.old.example", "ANY").gives("""
        NXDOMAIN aa
        ANSWER
        old.example. 300 DNAME new.example.
        nothing.old.example. 300 CNAME nothing.new.example.
        AUTHORITY
        example. 30 SOA ns.example. host.example. 1 7200 3600 1209600 30
        """)


def test_import_sorts_below_a_name_whose_key_is_a_multiple_of_eight_octets() -> None:
    """The sort by eight octets at a time stopped at a key that ended exactly with them, though longer ones followed."""
    names = ["abcdefg", *(f"{letter}.abcdefg" for letter in "zymba")]
    text = "\n".join(["@ 60 SOA a b 1 2 3 4 5", "@ 60 NS a", *(f"{name} 60 A 192.0.2.1" for name in names)])
    keys = [key for key, _, _ in read_zone(text.encode(), b"\x01t\x00").entries()]
    assert keys == sorted(keys)
    assert len(keys) == 7
