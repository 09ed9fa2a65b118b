"""RFC 2181 9: TC is set only when something required did not fit; additional data left out does not set it."""

from tests.helpers.ask import Server

ZONE = """
$ORIGIN example.
$TTL 60
@ SOA ns host 1 2 3 4 5
@ NS ns
ns A 192.0.2.1
""" + "".join(f"@ MX {i} mail{i}\n" + f"mail{i} AAAA 2001:db8::{i:x}\n" * 1 for i in range(10, 25))


def test_additional_data_gives_way_silently() -> None:
    answer = Server(ZONE).ask("example", "MX", tcp=False)
    assert "TC" not in answer.flags
    assert len(answer.section("ANSWER")) == 15
    assert 0 < len(answer.section("ADDITIONAL")) < 15


def test_additional_data_is_whole_over_tcp() -> None:
    answer = Server(ZONE).ask("example", "MX", tcp=True)
    assert len(answer.section("ADDITIONAL")) == 15


def test_answer_that_does_not_fit_sets_tc() -> None:
    big = ZONE + "".join(f"big MX {i} {'x' * 40}{i}\n" for i in range(20))
    assert "TC" in Server(big).ask("big.example", "MX", tcp=False).flags
