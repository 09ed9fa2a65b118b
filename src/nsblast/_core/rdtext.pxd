# Rdata of the common types, from the text of a master file to octets. Which fields a type has; each field's text form is in fields.pyx.
#
# Types: A NS CNAME SOA PTR MX TXT AAAA SRV DNAME DS SSHFP RRSIG NSEC DNSKEY NSEC3 NSEC3PARAM TLSA SMIMEA CDS CDNSKEY OPENPGPKEY SPF CAA.
# All others, and the \# form of any, are read by dnspython (records/).

from libc.stdint cimport uint16_t

from nsblast._core.fields cimport Origin
from nsblast._core.token cimport Text
from nsblast._core.wire cimport Writer

# Is the type's rdata read here?
cdef bint rdata_is_compiled(uint16_t rrtype) noexcept nogil
# Read the rdata and the end of the entry. Afterwards t.expected tells of an error; w.bad = longer than the Writer has room.
cdef void rdata_from_text(Text* t, uint16_t rrtype, const Origin* origin, Writer* w) noexcept nogil
