from __future__ import annotations

import numpy as np
import pytest

from fastcine.phantom.projection import CArm, Tubes, draw_tubes

SPINE = np.array([[0.0, 80.0, 0.0]])
LEFT = np.array([[40.0, 0.0, 0.0]])
HEAD = np.array([[0.0, 0.0, 40.0]])


def arm(primary: float, secondary: float) -> CArm:
    return CArm(primary, secondary, 512, 512, 0.36)


def place(point: np.ndarray, primary: float, secondary: float) -> tuple[float, float]:
    position, _ = arm(primary, secondary).project(point)
    return float(position[0, 0]), float(position[0, 1])


def test_in_ap_left_is_right_and_head_is_up() -> None:
    assert place(LEFT, 0, 0)[0] > 300 and place(HEAD, 0, 0)[1] < 200
    assert place(np.zeros((1, 3)), 0, 0) == (255.5, 255.5)


def test_the_spine_moves_to_the_right_in_lao_and_to_the_left_in_rao() -> None:
    assert place(SPINE, 45, 0)[0] > 300
    assert place(SPINE, -30, 0)[0] < 200
    assert place(SPINE, 90, 0)[0] > 450


def test_in_cranial_views_the_front_projects_lower() -> None:
    front = np.array([[0.0, -50.0, 0.0]])
    assert place(front, 0, 30)[1] > 300
    assert place(front, 0, -30)[1] < 200


@pytest.mark.parametrize("angles", [(0, 0), (-32, -20), (40, 25), (90, 0)])
def test_axes_are_a_right_handed_frame(angles: tuple[float, float]) -> None:
    right, up, towards = arm(*angles).axes()
    assert np.allclose(np.array([right, up, towards]) @ np.array([right, up, towards]).T, np.eye(3), atol=1e-12)
    assert np.allclose(np.cross(up, right), towards) or np.allclose(np.cross(right, up), towards)


def test_what_lies_nearer_to_the_source_is_larger() -> None:
    view = arm(0, 0)
    _, scale = view.project(np.array([[0.0, 60.0, 0.0], [0.0, 0.0, 0.0], [0.0, -60.0, 0.0]]))
    assert scale[0] > scale[1] > scale[2]
    assert scale[1] == pytest.approx(1050 / 765 / 0.36)


def _tube(x0: float, x1: float, y: float, *, radius: float, layer: int = 0) -> Tubes:
    one = np.ones(1)
    return Tubes(
        start=np.array([[x0, y]]), end=np.array([[x1, y]]), start_radius=one * radius, end_radius=one * radius,
        start_density=one, end_density=one, layer=np.array([layer]),
    )  # fmt: skip


def test_a_tubes_shadow_is_a_chord_of_its_circle() -> None:
    shadow = draw_tubes(_tube(10, 50, 32, radius=6), rows=64, columns=64)
    column = shadow[:, 30]
    assert column[32] == pytest.approx(12)
    assert column[36] == pytest.approx(2 * np.sqrt(36 - 16), rel=1e-5)
    assert column[25] == 0 and column[39] == 0 and shadow[32, 60] == 0


def test_a_hair_keeps_a_pixels_width_and_loses_density() -> None:
    thick = draw_tubes(_tube(10, 50, 32, radius=0.8), rows=64, columns=64).sum()
    thin = draw_tubes(_tube(10, 50, 32, radius=0.2), rows=64, columns=64).sum()
    assert thin == pytest.approx(thick / 4, rel=0.02)


def test_tubes_partly_outside_are_clipped() -> None:
    shadow = draw_tubes(_tube(-20, 90, 1, radius=5), rows=64, columns=64)
    assert shadow[1, 0] == pytest.approx(10) and shadow[1, 63] == pytest.approx(10) and shadow[7:].max() == 0
