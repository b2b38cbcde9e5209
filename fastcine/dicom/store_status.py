"""Statuses of C-STORE (PS3.4 B.2.3, PS3.7 C.4.2), which are the Failure Reasons (0008,1197) of STOW-RS too."""

from __future__ import annotations

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000
CONFLICT = 0xC001
DEFECT = 0xC211

_BY_CODE = {
    "mismatch": DOES_NOT_MATCH,
    "conflict": CONFLICT,
    "storage_full": OUT_OF_RESOURCES,
    "storage_unavailable": OUT_OF_RESOURCES,
}


def refusal(code: str) -> int:
    """The status of a refused object, by the code of the error that refused it (docs/errors.md)."""
    return _BY_CODE.get(code, CANNOT_UNDERSTAND)
