"""RFC 1034 6.2: the worked examples of standard queries, asked of the root server C.ISI.EDU."""

import pytest

from tests.conformance.rfc1034.zones import EDU, ROOT
from tests.helpers.ask import Server

SOA = ". 86400 SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. 870611 1800 300 604800 86400"


@pytest.fixture(scope="module")
def root() -> Server:
    return Server(ROOT, any_full=True)


def test_6_2_1_address_of_sri_nic(root: Server) -> None:
    root.ask("SRI-NIC.ARPA", "A").gives("""
        NOERROR aa
        ANSWER
        SRI-NIC.ARPA. 86400 A 26.0.0.73
        SRI-NIC.ARPA. 86400 A 10.0.0.51
        """)


def test_6_2_2_everything_of_sri_nic(root: Server) -> None:
    root.ask("SRI-NIC.ARPA", "ANY").gives("""
        NOERROR aa
        ANSWER
        SRI-NIC.ARPA. 86400 A 26.0.0.73
        SRI-NIC.ARPA. 86400 A 10.0.0.51
        SRI-NIC.ARPA. 86400 HINFO DEC-2060 TOPS20
        SRI-NIC.ARPA. 86400 MX 0 SRI-NIC.ARPA.
        """)


def test_6_2_3_mail_exchange_brings_its_addresses(root: Server) -> None:
    root.ask("SRI-NIC.ARPA", "MX").gives("""
        NOERROR aa
        ANSWER
        SRI-NIC.ARPA. 86400 MX 0 SRI-NIC.ARPA.
        ADDITIONAL
        SRI-NIC.ARPA. 86400 A 26.0.0.73
        SRI-NIC.ARPA. 86400 A 10.0.0.51
        """)


def test_6_2_4_no_such_type(root: Server) -> None:
    """The RFC's answer has no authority section; RFC 2308 2.2 puts the SOA there."""
    root.ask("SRI-NIC.ARPA", "NS").gives(f"NOERROR aa\nAUTHORITY\n{SOA}")


def test_6_2_5_no_such_name(root: Server) -> None:
    root.ask("SIR-NIC.ARPA", "A").gives(f"NXDOMAIN aa\nAUTHORITY\n{SOA}")


def test_6_2_6_referral(root: Server) -> None:
    """A.ISI.EDU lies below the cut EDU, yet its address is known here and goes along."""
    root.ask("BRL.MIL", "A").gives("""
        NOERROR
        AUTHORITY
        MIL. 86400 NS SRI-NIC.ARPA.
        MIL. 86400 NS A.ISI.EDU.
        ADDITIONAL
        SRI-NIC.ARPA. 86400 A 26.0.0.73
        SRI-NIC.ARPA. 86400 A 10.0.0.51
        A.ISI.EDU. 86400 A 26.3.0.103
        """)


def test_6_2_7_alias_of_a_name_below_a_cut(root: Server) -> None:
    """The chain leaves the root zone's authority, so its end is a referral."""
    root.ask("USC-ISIC.ARPA", "A").gives("""
        NOERROR aa
        ANSWER
        USC-ISIC.ARPA. 86400 CNAME C.ISI.EDU.
        AUTHORITY
        EDU. 86400 NS SRI-NIC.ARPA.
        EDU. 86400 NS C.ISI.EDU.
        ADDITIONAL
        SRI-NIC.ARPA. 86400 A 26.0.0.73
        SRI-NIC.ARPA. 86400 A 10.0.0.51
        C.ISI.EDU. 86400 A 10.0.0.52
        """)


def test_6_2_8_the_alias_itself(root: Server) -> None:
    root.ask("USC-ISIC.ARPA", "CNAME").gives("""
        NOERROR aa
        ANSWER
        USC-ISIC.ARPA. 86400 CNAME C.ISI.EDU.
        """)


def test_child_zone_served_beside_its_parent() -> None:
    """With EDU served here too, the deepest zone answers: the cut is now ISI.EDU."""
    Server(ROOT, EDU).ask("USC-ISIC.ARPA", "A").gives("""
        NOERROR aa
        ANSWER
        USC-ISIC.ARPA. 86400 CNAME C.ISI.EDU.
        AUTHORITY
        ISI.EDU. 172800 NS VAXA.ISI.EDU.
        ISI.EDU. 172800 NS A.ISI.EDU.
        ISI.EDU. 172800 NS VENERA.ISI.EDU.
        ADDITIONAL
        VAXA.ISI.EDU. 172800 A 10.2.0.27
        VAXA.ISI.EDU. 172800 A 128.9.0.33
        VENERA.ISI.EDU. 172800 A 10.1.0.52
        VENERA.ISI.EDU. 172800 A 128.9.0.32
        A.ISI.EDU. 172800 A 26.3.0.103
        """)
