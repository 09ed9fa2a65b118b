"""Hashed owner names of RFC 5155 as the compiled core makes them."""

def hashed_label(wire: bytes, salt: bytes, iterations: int) -> bytes | None:
    """The 32 octets of a (lower-case) name's hashed label; None where hashlib's own functions cannot be had."""
