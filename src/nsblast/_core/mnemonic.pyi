"""Names of types, both ways."""

def type_number(text: str) -> int:
    """The number of a type's name or of TYPEnnn; ValueError for anything else."""

def type_name(number: int) -> str:
    """The type's name, or TYPEnnn; ValueError outside 0..65535."""

def known_types() -> dict[str, int]:
    """Every type that has a name here."""
