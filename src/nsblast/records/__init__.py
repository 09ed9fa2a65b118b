"""Records: rdata from text to octets and back, for every type.

The common types of zone files are read and written by the compiled core; dnspython does all others; types nobody knows have the
generic form of RFC 3597. There is no second hand-written parser beside dnspython's.
"""

from nsblast._core.mnemonic import known_types, type_name, type_number
from nsblast.records.names import name_from_text, name_to_text, quoted
from nsblast.records.rdata import check_wire, from_text, from_words, to_text

__all__ = [
    "check_wire",
    "from_text",
    "from_words",
    "known_types",
    "name_from_text",
    "name_to_text",
    "quoted",
    "to_text",
    "type_name",
    "type_number",
]
