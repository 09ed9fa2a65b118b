"""Long work in a thread beside others: it lets go of the interpreter of its own accord, many times before it would be asked to.

Owns: the pauses. Never: what is worked on. Whoever waits for the interpreter asks for it after five milliseconds, and a change needs
it several times on its way: beside a thread that never pauses, each took twenty times as long.
"""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
TURN = 0.0005
"""Seconds of work between two pauses."""
PAUSE = 0.00005
"""Seconds; whoever waits is woken when it begins."""
_LOOK = 8


def in_turns(items: Iterable[T]) -> Iterator[T]:
    """The items, with pauses between them; nothing for the committing thread, which others wait for."""
    began = time.perf_counter()
    for number, item in enumerate(items):
        if number % _LOOK == 0 and time.perf_counter() - began > TURN:
            time.sleep(PAUSE)
            began = time.perf_counter()
        yield item
