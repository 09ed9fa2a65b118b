"""RFC 4034 6.1 and 6.3: the canonical order of names decides which NSEC covers a name; RRs of a set are in order."""

import pytest

from tests.helpers.ask import Server
from tests.helpers.signed import sign_nsec

ORDER = [
    "example",
    "a.example",
    "yljkjljk.a.example",
    "Z.a.example",
    "zABC.a.EXAMPLE",
    "z.example",
    "\\001.z.example",
    "*.z.example",
    "\\200.z.example",
]
ZONE = sign_nsec(
    "$ORIGIN .\n$TTL 3600\nexample. SOA ns.example. h.example. 1 2 3 4 3600\nexample. NS ns.elsewhere.\n"
    + "".join(f"{name}. TXT {index}\n" for index, name in enumerate(ORDER))
)


@pytest.mark.parametrize(
    ("qname", "before"),
    [
        ("0.example", 0),
        ("b.a.example", 1),
        ("yljkjljl.a.example", 2),
        ("za.a.example", 3),
        ("zabd.a.example", 4),
        ("y.example", 4),
        ("\\000.z.example", 5),
        ("x.\\001.z.example", 6),
    ],
)
def test_6_1_order_of_the_rfcs_example(qname: str, before: int) -> None:
    answer = Server(ZONE).ask(qname, "A", do=True)
    owners = [record[0].lower().rstrip(".") for record in answer.section("AUTHORITY") if record[2] == "NSEC"]
    assert ORDER[before].lower() in owners


def test_6_3_records_of_a_set_come_in_canonical_order() -> None:
    zone = "$ORIGIN x.\n$TTL 60\n@ SOA . . 1 2 3 4 5\n@ NS .\na TXT zz\na TXT a\na TXT bbb\na TXT b\n"
    rdatas = [record[3] for record in Server(zone).ask("a.x", "TXT").section("ANSWER")]
    assert rdatas == ['"a"', '"b"', '"zz"', '"bbb"']
