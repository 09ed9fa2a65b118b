# DNSSEC proofs of negative, wildcard and referral answers from the NSEC or NSEC3 records in the zone.
# All give OK, MISS, BUSY, CORRUPT or SERVFAIL, and put nothing when the zone is not signed.

from nsblast._core.nodes cimport Sources
from nsblast._core.status cimport Status
from nsblast._core.txn cimport Txn

cdef Status prove_nxdomain(Txn* txn, const Sources* src) noexcept nogil         # RFC 4035 3.1.3.2, 5155 7.2.2
cdef Status prove_nodata(Txn* txn, const Sources* src) noexcept nogil           # RFC 4035 3.1.3.1 and 3.1.3.4, 5155 7.2.3 to 7.2.5
cdef Status prove_wildcard(Txn* txn, const Sources* src) noexcept nogil         # RFC 4035 3.1.3.3, 5155 7.2.6
cdef Status prove_insecure(Txn* txn, const Sources* src) noexcept nogil         # RFC 4035 3.1.4, 5155 7.2.7
