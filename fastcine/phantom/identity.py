"""Who the phantom is: fixed demographics, UIDs and random streams derived from the seed."""

from __future__ import annotations

import hashlib

import numpy as np

PATIENT_NAME = "Phantom^Paula"
BIRTH_DATE = "19610412"
SEX = "F"
UTC_OFFSET = "+0100"
COMMENT = "PHANTOM: synthetic images, no real patient"
IMPLEMENTATION_UID = "2.25.225373254373712463478142352174853521873"
IMPLEMENTATION_VERSION = "FASTCINE_PHANTOM"


def _digest(seed: int, what: str) -> bytes:
    return hashlib.sha256(f"fastcine phantom {seed} {what}".encode("ascii")).digest()


def uid_for(seed: int, what: str) -> str:
    """A UID under 2.25 (PS3.5 B.2) for ``what``, always the same for one seed; shaped as a version 8 UUID."""
    raw = bytearray(_digest(seed, what)[:16])
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    return f"2.25.{int.from_bytes(raw, 'big')}"


def rng_for(seed: int, what: str) -> np.random.Generator:
    """An independent random stream for ``what`` (PCG64)."""
    return np.random.Generator(np.random.PCG64(int.from_bytes(_digest(seed, "random " + what)[16:], "big")))


def patient_id(seed: int) -> str:
    """The phantom's Patient ID, such as ``PH-1``."""
    return f"PH-{seed}"
