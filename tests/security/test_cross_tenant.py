"""A tenant's random requests neither change nor show what is another's (cross_tenant.py has the long run)."""

from pathlib import Path

import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import pytest

from tests.helpers.api import PASSWORD, api
from tests.security.cross_tenant import TOKEN, run
from tests.security.wire import Wire, basic, key, path


@pytest.mark.timeout(200)
@pytest.mark.parametrize("seed", [1, 2])
def test_random_requests(tmp_path: Path, seed: int) -> None:
    run(tmp_path, 2500, seed)


def _do(wire: Wire, method: str, target: str, json: object = None) -> object:
    got = wire(method, target, json)
    assert got.status in (200, 201), (method, target, got.body)
    return got.value


def test_a_zone_does_not_hide_what_another_tenant_was_given(tmp_path: Path) -> None:
    """A subtree given in the zone above comes before a delegated sub-zone around it; afterwards nobody else reaches into that."""
    with api(tmp_path, workers=1) as server, Wire(server, basic("admin", PASSWORD)) as admin:
        keys = {}
        for tenant, root in (("provider", ""), ("accomplice", ""), ("victim", "x.provider.test")):
            _do(admin, "POST", path("tenant"), {"name": tenant, "root": root})
            everything = admin("GET", path("tenant", tenant)).value["allowedPermissions"]
            act = f"?tenant={tenant}"
            _do(admin, "POST", path("role") + act, {"name": "all", "permissions": everything})
            _do(admin, "POST", path("user") + act, {"name": tenant, "roles": ["all"]})
            made = admin("POST", path("apikey") + act, {"owner": tenant, "roles": ["all"]})
            keys[tenant] = Wire(server, key(made.value["key"]))
        provider, accomplice, victim = keys.values()
        ns = {"ns": ["ns1.example.net"]}
        _do(provider, "POST", path("zone", "provider.test"), ns)
        _do(provider, "POST", path("vzone", "a.x.provider.test"), {"tenant": "accomplice"})
        _do(accomplice, "PATCH", path("rr", "www.a.x.provider.test"), {"txt": ["before"]})
        for tenant in (victim, provider):
            for target in ("x.provider.test", "a.x.provider.test"):
                assert tenant("POST", path("zone", target), ns).status == 403
        assert b"before" in str(server.ask("www.a.x.provider.test", "TXT").answer[0]).encode()
        _do(provider, "DELETE", path("vzone", "a.x.provider.test"))
        _do(provider, "DELETE", path("rr", "www.a.x.provider.test"))
        _do(victim, "POST", path("zone", "x.provider.test"), ns)
        _do(victim, "PATCH", path("rr", "www.a.x.provider.test"), {"txt": [TOKEN]})
        target = path("rr", "www.a.x.provider.test")
        assert accomplice("GET", target).status == 403
        assert accomplice("PATCH", target, {"txt": ["attack"]}).status == 403
        assert provider("GET", target).status == 403
        assert TOKEN not in str(accomplice("GET", path("vzone", "a.x.provider.test") + "?kind=verbose").body)
        assert victim("GET", target).value["txt"] == [TOKEN]
        for wire in keys.values():
            wire.close()
        assert [TOKEN in rrset.to_text() for rrset in server.ask("www.a.x.provider.test", "TXT").answer] == [True]


def test_a_record_does_not_hide_what_another_tenant_was_given(tmp_path: Path) -> None:
    """NS and DNAME above a virtual zone would take it out of the DNS: nobody but its tenant puts them there, over HTTP or by update."""
    with api(tmp_path, workers=1) as server, Wire(server, basic("admin", PASSWORD)) as admin:
        for tenant in ("middle", "victim"):
            _do(admin, "POST", path("tenant"), {"name": tenant})
        everything = admin("GET", path("tenant", "middle")).value["allowedPermissions"]
        _do(admin, "POST", path("role") + "?tenant=middle", {"name": "all", "permissions": everything})
        _do(admin, "POST", path("user") + "?tenant=middle", {"name": "m", "roles": ["all"]})
        made = admin("POST", path("apikey") + "?tenant=middle", {"owner": "m", "roles": ["all"]})
        _do(admin, "POST", path("zone", "p.test"), {"ns": ["ns1.example.net"]})
        _do(admin, "POST", path("vzone", "m.p.test"), {"tenant": "middle"})
        _do(admin, "POST", path("vzone", "v.x.m.p.test"), {"tenant": "victim"})
        _do(admin, "PATCH", path("rr", "www.v.x.m.p.test") + "?tenant=victim", {"txt": [TOKEN]})
        tsig = {"name": "m.key", "update": True}
        secret = admin("POST", path("tsigkey") + "?tenant=middle", tsig).value["secret"]
        ring = dns.tsigkeyring.from_text({"m.key.": ("hmac-sha256", secret)})
        with Wire(server, key(made.value["key"])) as middle:
            for name in ("m.p.test", "x.m.p.test"):
                for entry in ({"ns": ["ns.evil.example"]}, {"dname": ["evil.example."]}):
                    for method in ("PUT", "PATCH"):
                        assert middle(method, path("rr", name), entry).status == 403, (name, entry)
                    change = {"method": "PATCH", "fqdn": name, "entry": entry}
                    assert middle("POST", path("changes"), {"changes": [change]}).status == 403
                for rdtype, rcode in (
                    ("NS", dns.rcode.REFUSED),
                    ("DNAME", dns.rcode.REFUSED),
                    ("PTR", dns.rcode.NOERROR),
                ):
                    update = dns.update.UpdateMessage("p.test", keyring=ring, keyname="m.key.")
                    update.add(f"{name}.", 60, rdtype, "evil.example.")
                    assert dns.query.udp(update, server.address, 5, server.port).rcode() == rcode, (name, rdtype)
            # what hides nothing of anybody's is allowed as ever
            for name in ("v2.x.m.p.test", "w.m.p.test"):
                _do(middle, "PATCH", path("rr", name), {"ns": ["ns.mine.example"]})
            _do(middle, "PATCH", path("rr", "x.m.p.test"), {"txt": ["mine"]})
        assert admin("PATCH", path("rr", "p.test"), {"dname": ["evil.example."]}).status == 403
        _do(admin, "PATCH", path("rr", "p.test"), {"ns": ["ns1.example.net", "ns2.example.net"]})
        _do(admin, "PATCH", path("rr", "v.x.m.p.test") + "?tenant=victim", {"ns": ["ns.victim.example"]})
        _do(admin, "PATCH", path("rr", "v.x.m.p.test") + "?tenant=victim", {"ns": []})
        assert [TOKEN in rrset.to_text() for rrset in server.ask("www.v.x.m.p.test", "TXT").answer] == [True]
