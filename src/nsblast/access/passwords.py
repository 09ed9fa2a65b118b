"""Passwords and keys' secrets: how they are hashed and compared.

Owns: argon2id with its parameters, in threads of its own; who is served next there; the form of API keys. Never: who has which, logging.
Two lanes wait for the threads: the first is always served before the second, so that strangers who guess hold up nobody who is known.
A key is `nsb_` + its id + `_` + 43 characters of secret (256 random bits), so that one SHA-256 of it is enough to keep.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from nsblast.errors import InputError, TooMany

PASSWORD_LENGTH = 1024
_T = TypeVar("_T")
WAITING_MAX = 64
"""Hashes that may wait in each lane: each takes some 20 ms of a processor and 19 MiB."""
_KEY = re.compile(r"nsb_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


class Passwords:
    """One server's, or one command's."""

    def __init__(self, threads: int = 1) -> None:
        # RFC 9106 leaves the balance to the user; these are the least that are recommended for servers (19 MiB, 2 passes).
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1, type=Type.ID)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._idle = threads
        self._lanes: tuple[deque[asyncio.Future[None]], ...] = (deque(), deque())
        self._nobody = self.hash(secrets.token_urlsafe())

    def hash(self, password: str) -> str:
        """What is kept of a password. InputError when it is empty or too long."""
        octets = password.encode("utf-8", "surrogatepass")
        if not octets or len(octets) > PASSWORD_LENGTH:
            raise InputError(f"password: expected 1 to {PASSWORD_LENGTH} octets", member="password")
        return self._hasher.hash(octets)

    def verify(self, kept: str, password: str) -> bool:
        """Whether it is the password. An empty `kept` takes the same time and is never right."""
        octets = password.encode("utf-8", "surrogatepass")[: PASSWORD_LENGTH + 1]
        try:
            right = self._hasher.verify(kept or self._nobody, octets)
        except (VerificationError, InvalidHashError):
            return False
        return right and bool(kept) and len(octets) <= PASSWORD_LENGTH

    async def hash_soon(self, password: str) -> str:
        """hash() without holding the loop up. Somebody who is logged in asks for it."""
        return await self._soon(True, self.hash, password)

    async def verify_soon(self, kept: str, password: str, *, known: bool = False) -> bool:
        """verify() without holding the loop up; known: before all that are not. TooMany when too many wait already."""
        return await self._soon(known, self.verify, kept, password)

    async def _soon(self, known: bool, call: Callable[..., _T], *args: str) -> _T:
        loop = asyncio.get_running_loop()
        if self._idle:
            self._idle -= 1
        else:
            lane = self._lanes[0 if known else 1]
            if len(lane) >= WAITING_MAX:
                raise TooMany("too many log-ins at once", retry_after=1)
            turn: asyncio.Future[None] = loop.create_future()
            lane.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._next()
                raise
        try:
            return await loop.run_in_executor(self._pool, call, *args)
        finally:
            self._next()

    def _next(self) -> None:
        """A thread is free: it is the next one's."""
        for lane in self._lanes:
            while lane:
                turn = lane.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._idle += 1

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def check_new(password: str, least: int, what: str = "password") -> None:
    """InputError when a password is too short to be anybody's from now on."""
    if len(password) < least:
        raise InputError(f"{what}: expected at least {least} characters", member=what)


def new_key() -> tuple[str, str, bytes]:
    """(id, the key to be shown once, hash to be kept)."""
    ident, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    return ident, f"nsb_{ident}_{secret}", hash_secret(secret)


def parse_key(text: str) -> tuple[str, str] | None:
    """(id, secret) of a key; None when it is none."""
    match = _KEY.fullmatch(text)
    return (match[1], match[2]) if match else None


def hash_secret(secret: str) -> bytes:
    """What is kept of a key's secret."""
    return hashlib.sha256(secret.encode()).digest()


def same(a: bytes, b: bytes) -> bool:
    """Compared in a time that does not depend on where they differ."""
    return hmac.compare_digest(a, b)
