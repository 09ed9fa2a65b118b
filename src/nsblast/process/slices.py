"""How long the scheduler lets a thread run before others get their turn, which is also how soon it gets its own.

Linux from 6.12 on takes a wish for that from any thread of the ordinary policy (sched_setattr(2), `sched_runtime`): who asks for short
turns interrupts who has long ones, and gets no more of the processor in all. Owns: that call. Never: priorities, which take
from others what they give. Where the kernel or the machine does not know of it, nothing changes.
"""

import ctypes
import platform

SHORT = 100_000
"""Nanoseconds, the least that Linux grants: some thirty answers over UDP."""
USUAL = 0
"""As the system has it, some milliseconds."""

# sched_setattr, sched_getattr: no function of every C library.
_GENERIC = (274, 275)
_CALLS = {
    "x86_64": (314, 315),
    "aarch64": _GENERIC,
    "riscv64": _GENERIC,
    "loongarch64": _GENERIC,
    "ppc64le": (355, 356),
}
_ORDINARY = (0, 3)  # SCHED_OTHER, SCHED_BATCH
_LIBC = ctypes.CDLL(None, use_errno=True)


class _Attributes(ctypes.Structure):
    """struct sched_attr as it was first; the kernel takes any size."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )


def _attributes(call: int) -> _Attributes | None:
    own = _Attributes()
    if _LIBC.syscall(ctypes.c_long(call), 0, ctypes.byref(own), ctypes.c_uint(ctypes.sizeof(own)), 0):
        return None
    return own


def take_turns_of(nanoseconds: int) -> bool:
    """Wish for turns of this length for the calling thread, and threads it begins later; whether the kernel took note."""
    set_call, get_call = _CALLS.get(platform.machine(), (0, 0))
    own = _attributes(get_call) if get_call else None
    if own is None or own.policy not in _ORDINARY:
        return False
    own.size, own.runtime = ctypes.sizeof(own), nanoseconds
    if _LIBC.syscall(ctypes.c_long(set_call), 0, ctypes.byref(own), ctypes.c_uint(0)):
        return False
    now = _attributes(get_call)
    return now is not None and nanoseconds in (now.runtime, USUAL)
