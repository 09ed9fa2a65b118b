# The additional section: addresses and service records of the names that chosen RRsets point to.
# RFC 1034 3.7, 2782, 3403, 9460 4.1; glue of referrals RFC 9471.

from nsblast._core.nodes cimport Sources
from nsblast._core.rrset cimport Rrset
from nsblast._core.status cimport Status
from nsblast._core.txn cimport Txn

# What the RRset of an answer, owned by sname, points to. OK, MISS, BUSY, CORRUPT.
cdef Status additional_of(Txn* txn, const Sources* src, const Rrset* rrset) noexcept nogil
# Glue for the NS set of the cut at the suffix of txn.encloser labels of sname. OK, MISS, BUSY, CORRUPT.
cdef Status glue_of(Txn* txn, const Sources* src, const Rrset* rrset) noexcept nogil
