"""One tenant sends random requests; nothing of another tenant's may change or come back.

    python -m tests.security.cross_tenant [REQUESTS] [SEED]        the whole: 100 000; needs PYTHONPATH=src:.

Owns: the tenants, what they have, random requests, what is compared. The victim's known names are used in requests; its secrets (each holds
TOKEN) are in none, so that one in an answer is a leak. The attacker may do all that a tenant ordinarily may, but take a virtual
zone back that it gave: that would be its right. Every few hundred requests what the attacker did to itself is mended.
"""

import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nsblast.access.permissions import ORDINARY
from nsblast.admin.app import endpoints
from nsblast.admin.calls import Endpoint
from tests.helpers.api import PASSWORD, Api, api
from tests.security.wire import Got, Wire, basic, key, path

TOKEN = "kxqzsecret"
ALLOWED = sorted(str(one) for one in ORDINARY if str(one) not in ("UPDATE_VZONE", "DELETE_VZONE", "DELETE_SELF_TENANT"))
REPAIR = 400
"""Requests between two repairs."""
LOOK = 1000
"""Requests between two looks at what the victim has: what hides it may be undone later."""
Pools = dict[str, list[str]]


def _do(wire: Wire, method: str, target: str, json: Any = None) -> Any:
    got = wire(method, target, json)
    assert got.status in (200, 201), (method, target, got.body)
    return got.value


class Tenants:
    """The provider, the victim and the attacker of one server."""

    def __init__(self, server: Api, seed: int) -> None:
        self.server = server
        self.seed = seed
        self.random = random.Random(seed)
        self.lately: list[tuple[str, str, Any]] = []
        self.admin = Wire(server, basic("admin", PASSWORD))
        self.ids: dict[str, str] = {}
        self.leaks: list[tuple[str, str, bytes]] = []
        self.failures: list[tuple[str, str, int, bytes]] = []
        self.statuses: Counter[int] = Counter()
        self.refused = 0
        self.endpoints: Counter[str] = Counter()
        self._make()
        self.pools = self._pools()
        self.wires = self._wires()

    # -- what there is

    def _make(self) -> None:
        admin = self.admin
        for tenant, root in (("victim", ""), ("attacker", "")):
            form = {"name": tenant, "allowedPermissions": ALLOWED, "root": root}
            form["properties"] = {"note": TOKEN} if tenant == "victim" else {}
            self.ids[tenant] = _do(admin, "POST", path("tenant"), form)["id"]
            act = f"?tenant={tenant}"
            roles = [TOKEN + "role", "ops"] if tenant == "victim" else ["all", "doomed"]
            for role in roles:
                _do(admin, "POST", path("role") + act, {"name": role, "permissions": ALLOWED})
            users = [TOKEN + "user", "victor"] if tenant == "victim" else ["mallory", "sleeper"]
            for user in users:
                form = {
                    "name": user,
                    "roles": roles[-1:] if tenant == "victim" else ["all"],
                    "password": f"{user} password",
                }
                if tenant == "victim":
                    form["properties"] = {"mail": TOKEN}
                _do(admin, "POST", path("user") + act, form)
            name = "victor" if tenant == "victim" else "mallory"
            comment = TOKEN if tenant == "victim" else ""
            made = _do(admin, "POST", path("apikey") + act, {"owner": name, "roles": roles[-1:], "comment": comment})
            self.ids[f"{tenant} key"] = made["id"]
            _do(admin, "POST", path("tsigkey") + act, {"name": f"{tenant}.key", "zones": [f"{tenant}.test"]})
            for zone in (f"{tenant}.test", f"sub.{tenant}.test", f"other-{tenant}.test"):
                _do(
                    admin,
                    "POST",
                    path("zone", zone) + act,
                    {"ns": [f"ns1.{TOKEN if tenant == 'victim' else 'x'}.example"]},
                )
                _do(admin, "PATCH", path("rr", f"www.{zone}") + act, {"txt": [TOKEN if tenant == "victim" else "mine"]})
                if tenant == "victim":
                    _do(admin, "PATCH", path("rr", f"{TOKEN}.{zone}") + act, {"a": ["192.0.2.1"], "txt": [TOKEN]})
                    _do(admin, "PATCH", path("rr", f"zzz-{TOKEN}.{zone}") + act, {"a": ["192.0.2.1"]})
        _do(admin, "POST", path("zone", "provider.test"), {"ns": ["ns1.example.net"]})
        for at, _, giver, holder in (
            ("v.provider.test", "provider.test", "nsblast", "victim"),
            ("m.provider.test", "provider.test", "nsblast", "attacker"),
            ("v.m.provider.test", "provider.test", "nsblast", "victim"),
            ("m.v.provider.test", "provider.test", "nsblast", "attacker"),
            ("v.attacker.test", "attacker.test", "attacker", "victim"),
        ):
            _do(admin, "POST", path("vzone", at) + f"?tenant={giver}", {"tenant": holder})
            if holder == "victim":
                for label in ("www", TOKEN, f"zz{TOKEN}"):
                    _do(
                        admin,
                        "PATCH",
                        path("rr", f"{label}.{at}") + "?tenant=victim",
                        {"txt": [TOKEN], "a": ["192.0.2.2"]},
                    )
        # The attacker's root lies in a zone of the provider's: a sub-zone is delegated.
        _do(admin, "PATCH", path("rr", "www.victim.test") + "?tenant=victim", {"a": ["192.0.2.77"]})

    def _pools(self) -> Pools:
        zones = [
            "victim.test", "sub.victim.test", "other-victim.test", "attacker.test", "sub.attacker.test",
            "other-attacker.test", "provider.test", "v.provider.test", "m.provider.test", "v.m.provider.test",
            "m.v.provider.test", "v.attacker.test", "m.victim.test", "new.attacker.test", "new.victim.test",
            "new.v.attacker.test", "test", "nowhere.test", "new.m.provider.test", "new.v.m.provider.test",
        ]  # fmt: skip
        names = [f"{label}.{zone}" for zone in zones for label in ("www", "new", "*", "a.b")] + zones
        keys = [self.ids["victim key"], self.ids["attacker key"], "0" * 16]
        tenants = [
            "victim",
            "attacker",
            "nsblast",
            self.ids["victim"],
            self.ids["victim"].upper(),
            self.ids["attacker"],
            "VICTIM",
        ]
        return {
            "zone": zones, "vzone": zones, "fqdn": names, "types": ["a", "txt", "ns", "soa", "a,txt", "TYPE16"],
            "user": ["victor", "mallory", "sleeper", "admin", "nobody", "Victor"], "role": ["ops", "all", "Administrator", "doomed", "none"],
            "tenant": tenants, "id": keys, "name": ["victim.key", "attacker.key", "VICTIM.KEY.", "no.key"],
        }  # fmt: skip

    def _wires(self) -> list[tuple[Wire, int]]:
        """The attacker's credentials, and how often each is used. Those that must let nobody in are among them."""
        admin, act = self.admin, f"?tenant={self.ids['attacker']}"
        admin("POST", path("role") + act, {"name": "doomed"})
        self.repair(doom=False)
        made = [({"roles": ["all"]}, 6), ({"roles": ["few"]}, 2)]
        made += [
            ({"roles": ["all"], "networks": ["192.0.2.0/24"]}, 1),
            ({"roles": ["all"], "expires": time.time() + 1}, 1),
        ]
        made += [({"roles": ["all"], "active": False}, 1), ({"roles": ["doomed"]}, 1)]
        wires = [(Wire(self.server, basic("mallory", "mallory password"), address=self._address()), 6)]
        for form, weight in made:
            got = _do(admin, "POST", path("apikey") + act, {"owner": "mallory", **form})
            wires.append((Wire(self.server, key(got["key"]), address=self._address()), weight))
        sleeper = _do(admin, "POST", path("apikey") + act, {"owner": "sleeper", "roles": ["all"]})
        wires.append((Wire(self.server, key(sleeper["key"]), address=self._address()), 1))
        self.repair()
        return wires

    def close(self) -> None:
        """Let the attacker's connections go."""
        for wire, _ in self.wires:
            wire.close()

    def _address(self) -> str:
        """Another one after each refusal, since who fails often is slowed down."""
        return f"127.{self.random.randrange(1, 255)}.{self.random.randrange(1, 255)}.{self.random.randrange(1, 255)}"

    def repair(self, doom: bool = True) -> None:
        """What the attacker may have done to its own accounts is as it was; some are stopped."""
        admin, act = self.admin, f"?tenant={self.ids['attacker']}"
        for role, permissions in (("all", ALLOWED), ("few", ALLOWED)):
            form: dict[str, Any] = {"name": role, "permissions": permissions}
            if role == "few":
                form["filter"] = {"types": ["A", "TXT"]}
            if admin("PUT", path("role", role) + act, form).status == 404:
                _do(admin, "POST", path("role") + act, form)
        if doom:
            admin("DELETE", path("role", "doomed") + act)
        for user, active in (("mallory", True), ("sleeper", False)):
            form = {"name": user, "roles": ["all"], "active": active}
            if admin("PUT", path("user", user) + act, form).status == 404:
                _do(admin, "POST", path("user") + act, {**form, "password": f"{user} password"})
        form = {"name": "attacker", "allowedPermissions": ALLOWED, "active": True}
        assert admin("PUT", path("tenant", self.ids["attacker"]), form).status == 200
        for zone in ("attacker.test", "sub.attacker.test", "other-attacker.test"):
            admin("POST", path("zone", zone) + act, {"ns": ["ns1.x.example"]})
            admin("PATCH", path("rr", f"www.{zone}") + act, {"txt": ["mine"]})

    # -- one request

    def _spelled(self, text: str) -> str:
        """As somebody might write it to get around a comparison."""
        chance = self.random.random()
        if chance < 0.75:
            return quote(text, safe="*@")
        if chance < 0.8:
            return quote(text.upper(), safe="")
        if chance < 0.85:
            return quote(text + ".", safe="")
        if chance < 0.9:
            return "".join(f"%{ord(letter):02x}" for letter in text if ord(letter) < 128)
        if chance < 0.95:
            return quote(f"\\{ord(text[0]):03d}{text[1:]}", safe="")
        return self.random.choice(
            ["%00", "%ff", "..", "%2e%2e", "*", "%2a", "a%00b", " ", "%20victim.test", "victim.test%00", "-1"]
        )

    def _pick(self, pool: str) -> str:
        return self.random.choice(self.pools[pool])

    def _query(self, method: str) -> str:
        given: dict[str, str] = {}
        chance = self.random.random
        if chance() < 0.25:
            given["tenant"] = self.random.choice([*self.pools["tenant"], "*", "", "no"])
        if method == "GET":
            if chance() < 0.3:
                given["limit"] = str(self.random.choice([1, 2, 5, 1000]))
            if chance() < 0.3:
                given["kind"] = self.random.choice(["id", "brief", "default", "verbose"])
            if chance() < 0.2:
                given["direction"] = self.random.choice(["forward", "backward"])
            if chance() < 0.2:
                given["from"] = self.random.choice([self._pick("fqdn"), self._pick("user"), "1", "3.0", "k", ""])
        else:
            if chance() < 0.3:
                given["dry_run"] = "true"
            if chance() < 0.05:
                given["wait"] = "0.1"
            if method == "PATCH" and chance() < 0.5:
                given["append"] = "true"
        return "?" + "&".join(f"{name}={quote(value, safe='*')}" for name, value in given.items()) if given else ""

    def _entry(self) -> dict[str, Any]:
        name = self._pick("fqdn")
        return self.random.choice([
            {"a": ["198.51.100.66"]}, {"txt": ["attack"]}, {"ns": ["ns.attacker.test"]}, {"cname": name}, {"a": []}, {"dname": [name]},
            {"mx": [{"host": name}]}, {"ns": ["ns1.example.net"], "soa": {"mname": "ns1.example.net", "rname": "h.test"}},
            {"fqdn": name, "a": ["198.51.100.66"]}, {"rr": [{"type": 65400, "rdata": "AQI="}]},
        ])  # fmt: skip

    def _body(self, one: Endpoint) -> Any:
        choose, pick = self.random.choice, self._pick
        match one.path.split("/")[1]:
            case "zone" if one.path.endswith("/revert"):
                return {"serial": choose([0, 1, 2, 3, 4])}
            case "zone" if one.method == "PUT":
                return [{"fqdn": pick("fqdn"), **self._entry()} for _ in range(choose([1, 2]))] + choose(
                    [[], [{"fqdn": pick("zone"), "ns": ["ns1.x.example"]}]]
                )
            case "changes":
                return {"changes": [self._change() for _ in range(choose([1, 1, 2, 4]))]}
            case "config":
                part: dict[str, Any] = {"hostname": "192.0.2.66", "tsig": choose(["", "victim.key", "attacker.key"])}
                return {"level": "info"} if one.path == "/config/log" else {"master": part}
            case "vzone":
                return {"tenant": pick("tenant")}
            case "tenant":
                return choose([
                    {"name": pick("tenant")}, {"name": "n", "root": pick("zone")}, {"properties": {"x": "y"}}, {"active": False},
                    {"allowedPermissions": ["IMPERSONATE_TENANT"]}, {"name": "attacker", "id": self.ids["victim"]},
                ])  # fmt: skip
            case "role":
                filters = [{"fqdn": pick("zone")}, {"regex": ".*"}, {"types": ["A"]}]
                every = choose([ALLOWED, [*ALLOWED, "IMPERSONATE_TENANT", "GET_TENANT", "LIST_TENANTS", "METRICS"]])
                return {"name": pick("role"), "permissions": every} | choose([{}, {}, {"filter": choose(filters)}])
            case "user":
                return {
                    "name": pick("user"),
                    "roles": choose([["all"], ["all"], ["ops"], ["Administrator"]]),
                }
            case "apikey":
                return {"owner": choose(["", pick("user")]), "roles": choose([[], ["all"], ["ops"], ["Administrator"]])}
            case "tsigkey":
                return {
                    "name": pick("name"),
                    "transfer": True,
                    "update": True,
                    "zones": choose([[], [pick("zone")]]),
                    "names": [pick("fqdn")],
                }
        return self._entry()

    def _change(self) -> dict[str, Any]:
        method = self.random.choice(["POST", "PUT", "PATCH", "DELETE"])
        if self.random.random() < 0.3:
            return {"method": self.random.choice(["POST", "DELETE"]), "zone": self._pick("zone")}
        change: dict[str, Any] = {"method": method, "fqdn": self._pick("fqdn")}
        if method != "DELETE":
            change["entry"] = {name: value for name, value in self._entry().items() if name != "fqdn"}
        return change

    def step(self, table: list[Endpoint]) -> None:
        """One request of the attacker's, and a look at its answer."""
        one = self.random.choice(table)
        parts = [
            self._spelled(self._pick(part[1:-1])) if part.startswith("{") else part for part in one.full_path.split("/")
        ]
        target = "/".join(parts) + self._query(one.method)
        (wire,) = self.random.choices([each for each, _ in self.wires], [weight for _, weight in self.wires])
        headers = {}
        if self.random.random() < 0.1:
            headers["if-match"] = self.random.choice(["*", '"1.1"', '"x"'])
        body = self._body(one) if one.body is not None else None
        got = wire(one.method, target, body, headers)
        if got.status in (401, 429):
            wire.close()
            wire.address = self._address()
            self.refused += wire is self.wires[0][0] or wire is self.wires[1][0]
            if self.refused > 3:  # it has deleted its own user
                self.repair()
                self.close()
                self.wires = self._wires()
                self.refused = 0
        self.look(one.method, target, got)
        self.statuses[got.status] += 1
        if got.status < 300:
            self.endpoints[f"{one.method} {one.path}"] += 1
            if one.method != "GET":
                self.lately.append((one.method, target, body))

    def look(self, method: str, target: str, got: Got) -> None:
        """What must be in no answer."""
        if TOKEN.encode() in got.body.lower() or TOKEN in str(got.headers).lower():
            self.leaks.append((method, target, got.body[:500]))
        if got.status >= 500:
            self.failures.append((method, target, got.status, got.body[:300]))

    # -- what the victim has

    def victims(self) -> dict[str, Any]:
        """All of it, as the store has it and as the workers answer."""
        found: dict[str, Any] = {"tenant": _do(self.admin, "GET", path("tenant", "victim"))}
        for kind in ("user", "role", "apikey", "tsigkey"):
            found[kind] = _do(self.admin, "GET", path(kind) + "?tenant=victim&kind=verbose&limit=1000")
        found["zones"] = _do(self.admin, "GET", path("zone") + "?tenant=victim&kind=verbose")
        names = [f"{label}.{at}" for at in self._held() for label in ("www", TOKEN, f"zz{TOKEN}")]
        for zone in ("victim.test", "sub.victim.test", "other-victim.test"):
            found[zone] = _do(self.admin, "GET", path("zone", zone) + "?tenant=victim&kind=verbose&limit=1000")
            found[f"{zone} history"] = _do(self.admin, "GET", path("history") + f"?tenant=*&zone={zone}&limit=1000")
            names += [zone, f"www.{zone}", f"{TOKEN}.{zone}"]
        for at in self._held():
            found[at] = _do(self.admin, "GET", path("vzone", at) + "?tenant=victim&kind=verbose&limit=1000")
        for name in names:
            for kind in ("A", "TXT", "NS"):
                answer = self.server.ask(name, kind)
                found[f"dns {name} {kind}"] = sorted(rrset.to_text() for rrset in answer.answer)
        found["victor"] = self._victor()
        return found

    def compare(self, before: dict[str, Any]) -> None:
        """AssertionError when it has not what it had; names what succeeded lately."""
        after = self.victims()
        differences = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
        assert not differences, f"seed {self.seed}: {differences}; succeeded since the last look: {self.lately}"
        self.lately.clear()

    def _victor(self) -> int:
        with Wire(self.server, basic("victor", "victor password")) as wire:
            return wire("GET", path("version")).status

    @staticmethod
    def _held() -> tuple[str, ...]:
        return ("v.provider.test", "v.m.provider.test", "v.attacker.test")


def table() -> list[Endpoint]:
    """Endpoints that are asked: not those that go on for ever, nor backups of the whole server."""
    return [one for one in endpoints() if one.path != "/events" and one.tag != "docs" and "/backup" not in one.path]


def run(folder: Path, requests: int, seed: int) -> Tenants:
    """Attack; AssertionError when something leaked or changed."""
    with api(folder, workers=1) as server:
        tenants = Tenants(server, seed)
        before = tenants.victims()
        assert before["victor"] == 200
        assert any(TOKEN in str(value) for name, value in before.items() if name.startswith("dns"))
        every = table()
        for number in range(requests):
            tenants.step(every)
            if number % REPAIR == REPAIR - 1:
                tenants.repair()
            if number % LOOK == LOOK - 1:
                tenants.compare(before)
        tenants.compare(before)
        tenants.close()
        tenants.admin.close()
        assert not tenants.leaks, f"seed {seed}: {tenants.leaks[:5]}"
        assert not tenants.failures, f"seed {seed}: {tenants.failures[:5]}"
        # Else nothing would have been tried.
        succeeded = sum(count for status, count in tenants.statuses.items() if status < 300)
        assert succeeded > requests / 20, tenants.statuses
        return tenants


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    began = time.monotonic()
    done = run(Path(tempfile.mkdtemp()), wanted, int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30))
    print(f"{wanted} requests in {time.monotonic() - began:.0f} s: {dict(sorted(done.statuses.items()))}")
    print(f"{len(done.endpoints)} endpoints answered 2xx; nothing leaked, nothing changed")
