"""RFC 2181 11: a label is any octets; a server may not refuse names for what they hold."""

import dns.name
import pytest

from tests.helpers.ask import Server

LABELS = {
    b"_underscore": "192.0.2.1",
    b"with space": "192.0.2.2",
    b"dot.inside": "192.0.2.3",
    b"\x00\x01\xff": "192.0.2.4",
    b'\\back"quote': "192.0.2.5",
    "käse".encode(): "192.0.2.6",
    b"*": "192.0.2.7",
    b"@": "192.0.2.8",
    b"-": "192.0.2.9",
}


def text_of(label: bytes) -> str:
    return dns.name.Name((label,)).to_text().replace("*", "\\*") if label != b"*" else "*"


ZONE = "$ORIGIN any.example.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.100\n" + "".join(
    f"{text_of(label)} A {address}\n" for label, address in LABELS.items()
)


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE)


@pytest.mark.parametrize("label", LABELS, ids=repr)
def test_label_of_any_octets(server: Server, label: bytes) -> None:
    name = dns.name.Name((label, b"any", b"example", b""))
    answer = server.ask(name)
    assert answer.section("ANSWER") == [(str(name), 60, "A", LABELS[label])]
    assert answer.message.answer[0].name.labels == name.labels


def test_dot_inside_a_label_is_not_a_dot_between_labels(server: Server) -> None:
    answer = server.ask(dns.name.Name((b"dot", b"inside", b"any", b"example", b"")))
    assert answer.section("ANSWER")[0][3] == "192.0.2.7", "only the wildcard is there"
