"""A tenant's random requests neither change nor show what is another's (cross_tenant.py has the long run)."""

from pathlib import Path

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


def test_a_virtual_zone_ends_where_another_tenants_zone_begins(tmp_path: Path) -> None:
    """Given first, in the zone above; then its place came to lie in a delegated sub-zone of a third tenant."""
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
