"""Sizes and durations as people write them: 512MiB, 1.5s, 30d. Both directions, exact where a whole unit fits."""

import re

_SIZE_UNITS = {
    "": 1, "b": 1,
    "k": 1 << 10, "kib": 1 << 10, "kb": 1000,
    "m": 1 << 20, "mib": 1 << 20, "mb": 1000**2,
    "g": 1 << 30, "gib": 1 << 30, "gb": 1000**3,
    "t": 1 << 40, "tib": 1 << 40, "tb": 1000**4,
}  # fmt: skip
_TIME_UNITS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_NUMBER_UNIT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]*)\s*")


def _split(text: object, units: dict[str, int] | dict[str, float], what: str, example: str) -> tuple[str, str]:
    match = (
        _NUMBER_UNIT.fullmatch(str(text))
        if isinstance(text, str | int | float) and not isinstance(text, bool)
        else None
    )
    if match is None or match[2].lower() not in units:
        raise ValueError(f"expected a {what} like {example}")
    return match[1], match[2].lower()


def parse_size(text: object) -> int:
    """Octets; ValueError when it is no size."""
    number, unit = _split(text, _SIZE_UNITS, "size", "512MiB")
    return int(float(number) * _SIZE_UNITS[unit]) if "." in number else int(number) * _SIZE_UNITS[unit]


def parse_duration(text: object) -> float:
    """Seconds; ValueError when it is no duration."""
    number, unit = _split(text, _TIME_UNITS, "duration", "10s, 500ms, 2h or 30d")
    return float(number) * _TIME_UNITS[unit]


def format_size(octets: int) -> str:
    """The shortest spelling that parse_size reads back unchanged."""
    for unit, factor in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if octets and octets % factor == 0:
            return f"{octets // factor}{unit}"
    return str(octets)


def format_duration(seconds: float) -> str:
    """The shortest spelling that parse_duration reads back unchanged (to the millisecond)."""
    for unit in ("d", "h", "m"):
        if seconds and seconds % _TIME_UNITS[unit] == 0:
            return f"{int(seconds / _TIME_UNITS[unit])}{unit}"
    if seconds == int(seconds):
        return f"{int(seconds)}s"
    return f"{round(seconds * 1000)}ms"
