"""The phantom's heart: its axes, its surface, and how it beats and sinks with the breath.

Coordinates are DICOM's patient system in millimetres from the isocentre: x to the patient's left, y to the back,
z to the head (PS3.3 C.7.6.2.1.1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LENGTH_MM = 88.0
_BASE_RADIUS_MM = 35.0


def unit(vector: Floats) -> Floats:
    """``vector`` scaled to length 1."""
    return np.asarray(vector / np.linalg.norm(vector))


# The left ventricle's own axes: base to apex, towards the lateral wall, towards the anterior wall.
LONG = unit(np.array([0.60, -0.58, -0.55]))
LATERAL = unit(np.array([0.80, 0.60, 0.0]) - LONG * float(np.array([0.80, 0.60, 0.0]) @ LONG))
ANTERIOR = np.cross(LATERAL, LONG) * float(np.sign(np.cross(LATERAL, LONG)[2]))
BASE = -LONG * 42.0
APEX = BASE + LONG * LENGTH_MM
ROOT = BASE - LONG * 10.0 + ANTERIOR * 14.0 - LATERAL * 6.0
"""Centre of the aortic root."""


def surface_radius_mm(height: Floats, angle: Floats) -> Floats:
    """Distance of the heart's surface from the long axis.

    ``height`` 0 at the base, 1 at the apex; ``angle`` in radians, 0 anterior, pi/2 lateral, -pi/2 at the right
    ventricle, which bulges there.
    """
    ellipse = np.sqrt(np.clip(1.0 - np.square(np.clip(height, 0.0, 1.0)), 0.0, 1.0))
    away = np.angle(np.exp(1j * (angle + np.pi / 2)))
    bulge = 0.85 * np.exp(-np.square(away / 0.75)) * np.clip(1.05 - height, 0.0, 1.0)
    return np.asarray(_BASE_RADIUS_MM * ellipse * (1.0 + bulge))


def surface(height: float, degrees: float, lift: float = 1.0) -> Floats:
    """The point on the heart's surface at ``height`` (0 base, 1 apex) and ``degrees`` (0 anterior, 90 lateral)."""
    angle = np.deg2rad(degrees)
    radius = float(surface_radius_mm(np.array(height), np.array(angle))) * lift
    radial = np.cos(angle) * ANTERIOR + np.sin(angle) * LATERAL
    return np.asarray(BASE + LONG * (height * LENGTH_MM) + radial * radius)


def onto_surface(point: Floats, lift: float) -> tuple[Floats, Floats]:
    """The nearest surface point along the radius, and the outward normal there (roughly the radius)."""
    offset = point - BASE
    along = float(offset @ LONG)
    radial = offset - LONG * along
    angle = np.arctan2(float(radial @ LATERAL), float(radial @ ANTERIOR))
    normal = unit(radial + 1e-9 * ANTERIOR)
    height = along / LENGTH_MM
    radius = max(float(surface_radius_mm(np.array(height), np.array(angle))) * lift, 2.0)
    return BASE + LONG * along + normal * radius, normal


def moved(points_mm: Floats, *, contraction: float, breath: float) -> Floats:
    """``points_mm`` (n, 3) at a moment: the base comes down to the apex, the wall in and round, all sinks in breathing.

    ``contraction`` 0 (end diastole) to 1 (end systole), ``breath`` 0 (expiration) to 1.
    """
    offset = points_mm - BASE
    along = offset @ LONG
    radial = offset - along[:, None] * LONG
    squeezed = LENGTH_MM - (LENGTH_MM - along) * (1.0 - 0.13 * contraction)
    twist = np.deg2rad(9.0) * contraction * np.clip(along / LENGTH_MM, 0.0, 1.0)
    turned = radial * np.cos(twist)[:, None] + np.cross(LONG, radial) * np.sin(twist)[:, None]
    shrink = 1.0 - 0.16 * contraction
    sunk = np.array([0.0, 0.0, -5.0 * breath])
    return np.asarray(BASE + squeezed[:, None] * LONG + turned * shrink + sunk)
