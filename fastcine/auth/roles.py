"""Roles, what each may do, and who somebody is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """What a request needs."""

    VIEW = "view"
    STORE = "store"
    REJECT = "reject"
    DELETE = "delete"


class Role(StrEnum):
    """What somebody is in the department."""

    READER = "reader"
    TECHNOLOGIST = "technologist"
    ADMINISTRATOR = "administrator"


GRANTS: dict[Role, frozenset[Permission]] = {
    Role.READER: frozenset({Permission.VIEW}),
    Role.TECHNOLOGIST: frozenset({Permission.VIEW, Permission.STORE, Permission.REJECT}),
    Role.ADMINISTRATOR: frozenset(Permission),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who asks. `name` is empty where nobody has to sign in; `patient_ids` None: every patient may be seen."""

    name: str
    role: Role
    by_way_of: str
    patient_ids: frozenset[str] | None = None

    def may(self, permission: Permission) -> bool:
        """Whether the role carries it."""
        return permission in GRANTS[self.role]

    def may_see(self, patient_id: str) -> bool:
        """Whether a patient's studies are there for this one."""
        return self.patient_ids is None or patient_id in self.patient_ids


ANYBODY = Identity(name="", role=Role.ADMINISTRATOR, by_way_of="no sign-in")
"""Whoever calls a server that asks for no sign-in: one on loopback, or behind a proxy that does it."""
