"""RFC 8020 2: NXDOMAIN means that nothing lies below, so an empty non-terminal never gets it."""

import pytest

from tests.helpers.ask import Server

ZONE = "$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\na.b.c.d A 192.0.2.2\nx.*.w TXT t\n"


@pytest.mark.parametrize("qname", ["d.example", "c.d.example", "b.c.d.example", "w.example", "*.w.example"])
def test_names_above_data_exist(qname: str) -> None:
    Server(ZONE).ask(qname).gives("NOERROR aa\nAUTHORITY\nexample. 5 SOA ns.example. host.example. 1 2 3 4 5")


@pytest.mark.parametrize("qname", ["x.d.example", "x.c.d.example", "c.c.d.example", "z.a.b.c.d.example", "e.example"])
def test_names_beside_them_do_not(qname: str) -> None:
    server = Server(ZONE)
    for name in (qname, f"below.{qname}", f"far.below.{qname}"):
        assert server.ask(name).head == "NXDOMAIN aa"
