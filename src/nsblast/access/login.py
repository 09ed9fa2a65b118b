"""From credentials to an actor.

Owns: HTTP's Authorization and X-API-Key values, what is remembered of verified passwords, the same answer for every refusal.
Never: logging a secret, deciding what an actor may do. Invariants: every request looks its user, key and tenant up anew, so a change
counts on the next request; what is remembered is only that a password (by a keyed hash) fitted the very hash the user still has.
An unknown user costs the same hashing as a known one with a wrong password. argon2 never runs in the loop. Where somebody logged in
before is a known address: its attempts are hashed before those of strangers.
"""

import asyncio
import base64
import binascii
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from nsblast.access.accounts import Accounts
from nsblast.access.may import Actor
from nsblast.access.passwords import Passwords, hash_secret, parse_key, same
from nsblast.access.throttle import KEPT, Throttle, Turns, crowded, place_of
from nsblast.errors import Unauthorized
from nsblast.logs import log
from nsblast.types import Clock

REMEMBERED = 10_000
FOR = 300.0
"""Seconds a verified password is remembered."""
ACTORS = 10_000


class Login:
    """Used by one loop."""

    def __init__(
        self,
        accounts: Accounts,
        passwords: Passwords | None = None,
        *,
        clock: Clock = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.accounts = accounts
        self.passwords = passwords or Passwords()
        self.throttle = Throttle()
        self.turns = Turns()
        self._clock = clock
        self._sleep = sleep
        self._secret = secrets.token_bytes(32)
        self._verified: OrderedDict[bytes, tuple[str, float]] = OrderedDict()
        self._under_way: dict[tuple[bytes, str, str], asyncio.Future[bool]] = {}
        self._known: OrderedDict[str, None] = OrderedDict()
        self._actors: dict[tuple[str, str], tuple[int, Actor]] = {}

    async def identify(self, authorization: str, api_key: str, address: str) -> Actor:
        """The actor of a request by its headers ("" = not sent). Unauthorized, or TooMany with retry_after."""
        scheme, _, value = authorization.partition(" ")
        match scheme.lower():
            case "basic":
                user, password = _pair(value.strip())
                return await self.basic(user, password, address)
            case "bearer":
                return await self.bearer(value.strip(), address)
            case "" if api_key:
                return await self.bearer(api_key.strip(), address)
            case "":
                raise Unauthorized("credentials are missing")
        raise Unauthorized("credentials are neither Basic nor Bearer")

    async def basic(self, name: str, password: str, address: str) -> Actor:
        """A user with a password."""
        user = self.accounts.user(name)
        mark = self._mark(name, password)
        if user is None or not self._remembers(mark, user.password):
            kept = user.password if user is not None else ""
            right = await self._attempt(mark, kept, name, password, address)
            # It may have been changed or deleted meanwhile.
            user = self.accounts.user(name)
            if not right or user is None or user.password != kept:
                raise self._refusal(address, name, "wrong password" if user else "no such user")
        cached = self._actors.get((name, ""))
        if cached is not None and cached[0] == self.accounts.generation:
            return cached[1]
        generation = self.accounts.generation
        actor = self.accounts.actor(user)
        if actor is None:
            raise self._refuse(address, name, "user or tenant is not active")
        self._keep(generation, actor)
        return actor

    async def bearer(self, text: str, address: str) -> Actor:
        """An API key."""
        now = self._clock()
        parts = parse_key(text)
        key = self.accounts.key(parts[0]) if parts is not None else None
        # Compared in any case, so that nothing tells an id that exists.
        right = same(hash_secret(parts[1] if parts else ""), key.secret if key is not None else bytes(32))
        if key is None or not right:
            await self._wait(address, "")
            raise self._refuse(address, "", "unknown key")
        if key.networks and not _is_within(address, tuple(key.networks)):
            raise self._refuse(address, "", "key from outside its networks", key=key.id)
        if key.expires and now >= key.expires:
            raise self._refuse(address, "", "key has expired", key=key.id)
        cached = self._actors.get((key.owner, key.id))
        if cached is not None and cached[0] == self.accounts.generation:
            return cached[1]
        generation = self.accounts.generation
        owner = self.accounts.user(key.owner)
        actor = self.accounts.actor(owner, key, now=now) if owner is not None else None
        if actor is None:
            raise self._refuse(address, "", "key, its user or tenant is not active", key=key.id)
        self._keep(generation, actor)
        return actor

    async def hash_password(self, password: str) -> str:
        """What a user's record keeps of a password."""
        return await self.passwords.hash_soon(password)

    # -- what is remembered --

    def _mark(self, name: str, password: str) -> bytes:
        told = name.encode("utf-8", "surrogatepass") + b"\0" + password.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(told, key=self._secret, digest_size=32).digest()

    def _remembers(self, mark: bytes, kept: str) -> bool:
        found = self._verified.get(mark)
        if found is None or not kept:
            return False
        if found[0] != kept or found[1] < time.monotonic():
            del self._verified[mark]
            return False
        return True

    def _remember(self, mark: bytes, kept: str) -> None:
        self._verified[mark] = (kept, time.monotonic() + FOR)
        if len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)

    def _keep(self, generation: int, actor: Actor) -> None:
        if len(self._actors) >= ACTORS:
            self._actors.clear()
        self._actors[actor.user, actor.key] = (generation, actor)

    # -- who tries, who fails --

    async def _attempt(self, mark: bytes, kept: str, name: str, password: str, address: str) -> bool:
        """Whether it fits. Who comes at once from one address with the same credential is one attempt and pays for one hash."""
        which = mark, kept, place_of(address)
        task = self._under_way.get(which)
        if task is None:
            task = asyncio.ensure_future(self._try(mark, kept, name, password, address))
            self._under_way[which] = task
            task.add_done_callback(lambda _: self._under_way.pop(which, None))
        return await asyncio.shield(task)

    async def _try(self, mark: bytes, kept: str, name: str, password: str, address: str) -> bool:
        async with self.turns.one(address):
            await self._wait(address, name)
            place = place_of(address)
            right = await self.passwords.verify_soon(kept, password, known=place in self._known)
            if right:
                self._remember(mark, kept)
                self.throttle.succeeded(name)
                self._known[place] = None
                self._known.move_to_end(place)
                if len(self._known) > KEPT:
                    self._known.popitem(last=False)
            else:
                self.throttle.failed(address, name, time.monotonic())
            return right

    async def _wait(self, address: str, user: str) -> None:
        pause = self.throttle.wait(address, user, time.monotonic())
        if pause is None:
            raise crowded()
        if pause:
            await self._sleep(pause)

    def _refuse(self, address: str, user: str, why: str, key: str = "") -> Unauthorized:
        """A refusal that counts as a failure."""
        self.throttle.failed(address, user, time.monotonic())
        return self._refusal(address, user, why, key)

    def _refusal(self, address: str, user: str, why: str, key: str = "") -> Unauthorized:
        """The reason is for the log alone."""
        log().warning("log-in refused", user=user[:255], key=key, address=address, reason=why)
        return Unauthorized("the credentials are not valid")


def _pair(value: str) -> tuple[str, str]:
    try:
        name, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise Unauthorized("Basic credentials are malformed") from None
    if not colon:
        raise Unauthorized("Basic credentials are malformed")
    return name, password


@lru_cache(maxsize=4096)
def _networks(networks: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(each, strict=False) for each in networks)


def _is_within(address: str, networks: tuple[str, ...]) -> bool:
    try:
        place = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(place, IPv6Address) and place.ipv4_mapped is not None:
        place = place.ipv4_mapped
    return any(place in network for network in _networks(networks))
