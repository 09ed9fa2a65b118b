"""Length of a thread's turns: told to the kernel where it knows of it, and silently nothing elsewhere."""

import os
import platform
import threading

import pytest

from nsblast.process import slices

KNOWN = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2]) >= (6, 12)


def in_thread(work) -> list:
    found: list = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found


@pytest.mark.skipif(not KNOWN, reason="Linux before 6.12 has one length for all")
def test_the_kernel_takes_note_and_keeps_the_rest() -> None:
    def change() -> tuple[bool, int, list[int]]:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 3)
        taken = slices.take_turns_of(slices.SHORT)
        call = slices._CALLS[platform.machine()][1]
        lengths = [attributes.runtime for attributes in (slices._attributes(call),) if attributes]
        later = in_thread(lambda: getattr(slices._attributes(call), "runtime", 0))
        return taken, os.getpriority(os.PRIO_PROCESS, threading.get_native_id()), lengths + later

    assert in_thread(change) == [(True, 3, [slices.SHORT, slices.SHORT])]
    # The thread that began it all has what it had.
    assert slices._attributes(slices._CALLS[platform.machine()][1]).runtime != slices.SHORT


def test_a_machine_it_does_not_know_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "pdp11")
    assert not slices.take_turns_of(slices.SHORT)


def test_a_kernel_that_refuses_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_CALLS", {platform.machine(): (100_000, 100_001)})
    assert not slices.take_turns_of(slices.SHORT)
