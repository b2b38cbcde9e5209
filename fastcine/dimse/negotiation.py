"""Which presentation contexts are accepted: all storage, in every transfer syntax that the archive knows.

A fixed table would be every storage class times every transfer syntax, copied for each association; so it is made from
what the caller proposes. Private and unknown storage classes are stored too: the archive keeps what it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydicom.uid import UID
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.service_class import ServiceClass
from pynetdicom.sop_class import _STORAGE_CLASSES, uid_to_service_class

from fastcine.dicom.parse import EXPLICIT_LITTLE, IMPLICIT_LITTLE
from fastcine.dicom.syntaxes import SYNTAXES, Family

VERIFICATION = "1.2.840.10008.1.1"
FIND = {
    "1.2.840.10008.5.1.4.1.2.1.1": "Patient Root Query/Retrieve Information Model - FIND",
    "1.2.840.10008.5.1.4.1.2.2.1": "Study Root Query/Retrieve Information Model - FIND",
}
MOVE = {
    "1.2.840.10008.5.1.4.1.2.1.2": "Patient Root Query/Retrieve Information Model - MOVE",
    "1.2.840.10008.5.1.4.1.2.2.2": "Study Root Query/Retrieve Information Model - MOVE",
}
GET = {
    "1.2.840.10008.5.1.4.1.2.1.3": "Patient Root Query/Retrieve Information Model - GET",
    "1.2.840.10008.5.1.4.1.2.2.3": "Study Root Query/Retrieve Information Model - GET",
}
PATIENT_ROOT = frozenset(
    uid for table in (FIND, MOVE, GET) for uid, name in table.items() if name.startswith("Patient")
)
MESSAGE_SYNTAXES = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
STORED_SYNTAXES = frozenset(uid for uid, row in SYNTAXES.items() if row.family is not Family.REFERENCED)
"""What objects may come in: pixels that are elsewhere cannot be kept."""


def is_storage(abstract_syntax: str) -> bool:
    """A storage class of the standard, retired ones too, or one that nobody but its maker knows."""
    uid = UID(abstract_syntax)
    if uid in _STORAGE_CLASSES.values():
        return True
    if not (uid.is_private or uid.startswith("1.2.840.10008.5.1.4.1.1.")):
        return False
    return uid_to_service_class(uid) is ServiceClass  # no service that pynetdicom knows


def accepted(proposed: Sequence[PresentationContext]) -> list[PresentationContext]:
    """The contexts of ours that answer a proposal; of several transfer syntaxes the caller's first known one."""
    found: dict[str, PresentationContext] = {}
    for context in proposed:
        uid = str(context.abstract_syntax)
        if uid in found:
            continue
        if uid == VERIFICATION or uid in FIND or uid in MOVE or uid in GET:
            found[uid] = build_context(uid, list(MESSAGE_SYNTAXES))
        elif is_storage(uid):
            ours = build_context(uid, _known_syntaxes(proposed, uid))
            if ours.transfer_syntax:
                # Both ways round: C-GET sends over the association that asked (PS3.7 D.3.3.4).
                ours.scu_role, ours.scp_role = True, True
                found[uid] = ours
    return list(found.values())


def _known_syntaxes(proposed: Sequence[PresentationContext], abstract_syntax: str) -> Any:
    """In the order of the proposal, which is the caller's preference."""
    uids = [
        str(uid)
        for context in proposed
        if str(context.abstract_syntax) == abstract_syntax
        for uid in context.transfer_syntax
    ]
    return [uid for uid in dict.fromkeys(uids) if uid in STORED_SYNTAXES] or [EXPLICIT_LITTLE]
