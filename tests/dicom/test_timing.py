import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from fastcine.dicom.layout import image_layout
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.dicom.timing import frame_timing, timing_json
from tests.dicom.building import corpus_file, make_layout

TIME, VECTOR = 0x00181063, 0x00181065


def timing(frames=4, **values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return frame_timing(dataset, make_layout(frames=frames))


def test_frame_time_is_exact():
    found = timing(frames=3000, FrameTime="33.333", FrameIncrementPointer=TIME)
    assert found.frame_time_ms == Fraction(33333, 1000) and found.frame_starts_ms is None
    assert found.starts_ms(3000)[2999] == Fraction(33333 * 2999, 1000)
    assert found.duration_ms == Fraction(33333 * 3000, 1000)
    assert (found.source, found.acquisition_known) == ("Frame Time", True)


def test_the_first_element_of_a_vector_is_always_0():
    found = timing(FrameTimeVector=["99", "40", "35.5", "40"], FrameIncrementPointer=VECTOR)
    assert found.frame_starts_ms == (0, 40, Fraction(151, 2), Fraction(231, 2))
    assert found.duration_ms == Fraction(231, 2) + Fraction(231, 2) / 3
    assert (found.source, found.acquisition_known) == ("Frame Time Vector", True)


def test_a_vector_of_equal_steps_is_a_frame_time():
    found = timing(FrameTimeVector=["0", "40", "40", "40"], FrameIncrementPointer=VECTOR)
    assert found.frame_time_ms == 40 and found.frame_starts_ms is None and found.duration_ms == 160


def test_the_pointer_decides_between_two():
    both = {"FrameTime": "50", "FrameTimeVector": ["0", "10", "20", "10"]}
    assert timing(**both, FrameIncrementPointer=TIME).source == "Frame Time"
    assert timing(**both, FrameIncrementPointer=VECTOR).source == "Frame Time Vector"
    assert timing(FrameTime="50").source == "Frame Time"


@pytest.mark.parametrize(
    "vector", [b"0\\10", b"0\\x\\10\\10", b"0\\-10\\10\\10", b"0\\0\\0\\0", b"0\\99999\\99999\\99999"]
)
def test_a_pointer_to_a_vector_that_is_unusable_falls_back(vector):
    dataset = Dataset()
    dataset.FrameTime, dataset.FrameIncrementPointer = "50", VECTOR
    dataset.add_new(VECTOR, "OB", vector)
    found = frame_timing(dataset, make_layout(frames=4))
    assert (found.source, found.frame_time_ms) == ("Frame Time", 50)
    assert any("Frame Time Vector" in problem for problem in found.problems)


def test_a_vector_without_its_leading_0():
    found = timing(FrameTimeVector=["10", "20", "10"], FrameIncrementPointer=VECTOR)
    assert found.frame_starts_ms == (0, 10, 30, 40) and found.problems


def test_frames_that_step_through_something_else_have_no_cine_time():
    found = timing(FrameTime="50", FrameIncrementPointer=0x00540080, Modality="NM")
    assert not found.acquisition_known and found.problems


@pytest.mark.parametrize("written", ["0", "-5", "fast", "1e9", "nan", "99999999999"])
def test_a_malformed_frame_time_is_passed_over_and_named(written):
    dataset = Dataset()
    dataset.add_new(TIME, "LO", written)
    dataset.RecommendedDisplayFrameRate = "25"
    found = frame_timing(dataset, make_layout(frames=4))
    assert (found.frame_time_ms, found.source) == (40, "Recommended Display Frame Rate")
    assert any("Frame Time" in problem for problem in found.problems)


def test_frame_time_0_of_a_single_frame_is_legal():
    assert timing(frames=1, FrameTime="0").problems == ()


@pytest.mark.parametrize(
    ("values", "step", "source"),
    [
        ({"RecommendedDisplayFrameRate": "25", "CineRate": "30"}, Fraction(40), "Recommended Display Frame Rate"),
        ({"CineRate": "30"}, Fraction(100, 3), "Cine Rate"),
        ({"Modality": "XA"}, Fraction(200, 3), "default 15 fps (XA)"),
        ({"Modality": "US"}, Fraction(100, 3), "default 30 fps (US)"),
        ({"Modality": "OT"}, Fraction(200, 3), "default 15 fps"),
        ({"CineRate": "0", "Modality": "XA"}, Fraction(200, 3), "default 15 fps (XA)"),
    ],
)
def test_display_rates_are_no_acquisition_times(values, step, source):
    found = timing(**values)
    assert (found.frame_time_ms, found.source, found.acquisition_known) == (step, source, False)


def test_recommended_rate_is_told_beside_the_acquisition():
    found = timing(FrameTime="33", RecommendedDisplayFrameRate="15", CineRate="30")
    assert (found.source, found.recommended_fps, found.cine_rate_fps) == ("Frame Time", 15.0, 30.0)


def enhanced(moments):
    dataset = Dataset()
    groups = []
    for moment in moments:
        content, group = Dataset(), Dataset()
        content.add_new(0x00189074, "LO", moment)
        group.FrameContentSequence = [content]
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    return dataset


def test_enhanced_objects_by_their_datetimes():
    dataset = enhanced([f"20260301091500.{place:06d}" for place in (0, 66667, 133333, 200000)])
    found = frame_timing(dataset, make_layout(frames=4))
    assert found.frame_starts_ms == (0, Fraction(66667, 1000), Fraction(133333, 1000), 200)
    assert (found.source, found.acquisition_known) == ("Frame Acquisition DateTime", True)


@pytest.mark.parametrize(
    "moments",
    [
        ["20260301091500", "20260301091500", "20260301091500"],
        ["20260301091501", "20260301091500", "20260301091502"],
        ["20260301091500", "20260301091500.1+0100", "20260301091500.2"],
        ["20260301091500", "nonsense", "20260301091500.2"],
        ["20260301091500", "20260301092500", "20260301093500"],
    ],
)
def test_datetimes_that_are_no_cine(moments):
    found = frame_timing(enhanced(moments), make_layout(frames=3))
    assert not found.acquisition_known


def test_datetimes_that_most_frames_share_are_planes_or_whole_seconds():
    second = ["20260301091500"] * 3 + ["20260301091501"] * 3
    found = frame_timing(enhanced(second), make_layout(frames=6))
    assert not found.acquisition_known and "Frame Acquisition DateTime is the same for many frames" in found.problems
    twice = ["20260301091500", "20260301091500", "20260301091500.05", "20260301091500.1"]
    assert frame_timing(enhanced(twice), make_layout(frames=4)).acquisition_known


def test_sequencing_and_trims():
    found = timing(PreferredPlaybackSequencing=1, StartTrim="2", StopTrim="99")
    assert (found.sequencing, found.start_trim, found.stop_trim) == ("sweep", 2, None)
    assert "Stop Trim is no frame of the run" in found.problems
    assert timing().sequencing == "loop"


def test_delays_are_kept():
    found = timing(FrameTime="40", FrameDelay="12.5", ImageTriggerDelay="100")
    assert (found.frame_delay_ms, found.trigger_delay_ms) == (Fraction(25, 2), 100)


@given(st.lists(st.integers(1, 5000), min_size=2, max_size=60))
def test_starts_are_the_sums_of_the_steps(tenths):
    written = ["0"] + [f"{step / 10 + 1:.1f}" for step in tenths]
    found = timing(frames=len(written), FrameTimeVector=written, FrameIncrementPointer=VECTOR)
    starts = found.starts_ms(len(written))
    assert [after - before for before, after in itertools.pairwise(starts)] == [Fraction(w) for w in written[1:]]
    assert found.duration_ms == starts[-1] * Fraction(len(written), len(written) - 1)


def test_json_as_the_api_has_it():
    found = timing_json(timing(frames=96, FrameTime="33"))
    assert found["frame_time_ms"] == 33.0 and found["duration_ms"] == 3168.0 and found["fps"] == 30.303
    assert set(found) == {
        "frame_time_ms", "frame_starts_ms", "duration_ms", "source", "fps", "recommended_fps", "cine_rate_fps",
        "sequencing", "start_trim", "stop_trim", "acquisition_known",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "source", "duration_ms"),
    [
        ("xa/fo-dicom__HasFragmentSequence.dcm", "Frame Time", 3168.0),
        ("us/dicomParser__IM00001.implicit_little_endian.dcm", "Frame Time Vector", 354.2846),
        ("us/pydicom__examples_ybr_color.dcm", "Frame Time", 999.99),
    ],
)
def test_real_runs(name, source, duration_ms):
    data = corpus_file(name)
    structure = parse_object(data)
    dataset = read_values(data, structure)
    found = frame_timing(dataset, image_layout(dataset, structure))
    assert found.source == source and float(found.duration_ms) == pytest.approx(duration_ms, abs=0.001)
    assert found.acquisition_known and not found.problems
