"""What may be asked to be done to accounts, as values.

Owns: the vocabulary. Never: checks (rules.py), the store.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from nsblast.access.records_v1 import Account
from nsblast.types import CommitNumber
from nsblast.zones.model import Expect


@dataclass(frozen=True, slots=True)
class Put:
    """Make it the record. Conflict when it is there and must not be, NotFound the other way."""

    record: Account
    expect: Expect = Expect.ANY


@dataclass(frozen=True, slots=True)
class Alter:
    """Change the record as it is when the change's turn comes, so that none made meanwhile is lost. NotFound when there is none."""

    kind: type
    name: str
    """Id of a tenant or key, else the name."""
    alter: Callable[[Any], Account]
    tenant: str = ""
    """Roles only: whose. Else, when given, the record must be that tenant's."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Take the record away, with what cannot be without it (rules.py). NotFound when there is none."""

    kind: type
    name: str
    tenant: str = ""
    """As in Alter."""


Op: TypeAlias = Put | Alter | Delete


@dataclass(frozen=True, slots=True)
class AccountChange:
    """Operations on accounts, in order; all of them happen, or none."""

    ops: tuple[Op, ...]
    actor: str = ""
    address: str = ""
    comment: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class AccountResult:
    """What came of it: every record that changed, before and after, those included that were not named."""

    number: CommitNumber
    """0 for a dry run, and when nothing was to be changed."""
    changed: tuple[tuple[Account | None, Account | None], ...]
