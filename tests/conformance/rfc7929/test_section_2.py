"""RFC 7929 2 and 3: OPENPGPKEY under the hash of the local part; large keys need TCP."""

from tests.helpers.ask import Server

OWNER = "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._openpgpkey.example.com"
SMALL = "mQENBA=="
LARGE = "QUJD" * 700
ZONE = f"$ORIGIN example.com.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\n{OWNER}. OPENPGPKEY {SMALL}\nbig OPENPGPKEY {LARGE}\n"


def test_key_of_a_user() -> None:
    answer = Server(ZONE).ask(OWNER, "OPENPGPKEY")
    assert answer.section("ANSWER") == [(f"{OWNER}.", 60, "OPENPGPKEY", SMALL)]


def test_key_larger_than_udp() -> None:
    server = Server(ZONE)
    assert server.ask("big.example.com", "OPENPGPKEY", tcp=False).head == "NOERROR aa tc"
    record = server.ask("big.example.com", "OPENPGPKEY", tcp=True).section("ANSWER")[0]
    assert record[3].replace(" ", "") == LARGE
