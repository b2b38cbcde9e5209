"""The codec bench's parts: cases that tell right from wrong, tables that compare with the best that is right."""

import numpy as np
import pytest

from bench import report
from bench.codecs import ingest_runs, others, table
from bench.codecs.case import OURS, Case
from bench.codecs.encoding import Decoded, Near
from bench.codecs.material import Material


def speed(implementation, frame_ms, *, correct=True, failed="", target=0.0, limit_ms=0.0):
    seconds = frame_ms / 1000 * 4
    return {
        "operation": "decode",
        "material": "xa",
        "implementation": implementation,
        "raw_bytes": 1_000_000,
        "frames": 4,
        "target": target,
        "limit_ms": limit_ms,
        "correct": correct,
        "failed": failed,
        "median_s": seconds,
        "least_s": seconds * 0.5,
        "most_s": seconds * 2,
        "rounds": 9,
    }


def test_ours_is_compared_with_the_fastest_that_is_right():
    rows = [speed(OURS, 2, target=3.0), speed("quick and wrong", 1, correct=False), speed("slow", 8), speed("good", 5)]
    ours, wrong, slow, _ = table.speed_lines(rows)
    assert (ours.ratio, ours.met) == ("2.50", False)
    assert ours.speed == "500 (250 to 1000)" and ours.call_ms == "2.00 (1.00 to 4.00)"
    assert wrong.correct == "no" and slow.ratio == "0.62"
    assert table.speed_lines([speed(OURS, 2, target=2.5), speed("good", 5)])[0].met is True


def test_ours_in_another_way_is_no_rival():
    alone = table.speed_lines([speed(OURS, 2, target=1.0), speed(f"{OURS}, two at once", 1)])[0]
    assert (alone.ratio, alone.met) == ("", None)


def test_what_raises_says_so_and_is_no_rival():
    ours, other = table.speed_lines([speed(OURS, 2), speed("other", 1, correct=False, failed="ValueError: no")])
    assert ours.ratio == "" and other.correct == "no: ValueError: no" and not other.speed


@pytest.mark.parametrize(("frame_ms", "met"), [(1.9, True), (2.1, False)])
def test_a_limit_in_milliseconds(frame_ms, met):
    assert table.speed_lines([speed(OURS, frame_ms, limit_ms=2.0)])[0].met is met


def test_a_case_sees_a_wrong_sample_in_any_frame():
    frames = [np.full((4, 4), 7, np.uint8), np.full((4, 4), 9, np.uint8)]
    right = Case("copy", "tiny", OURS, lambda n: frames[n].copy(), frames, 16, 2)
    wrong = Case("copy", "tiny", OURS, lambda n: np.full((4, 4), 7, np.uint8), frames, 16, 2)
    assert right.correct() and not wrong.correct()
    assert not Case("copy", "tiny", OURS, lambda n: ValueError(), frames, 16, 2).correct()


def test_encoders_are_judged_by_what_they_decode_to():
    frame = np.arange(16, dtype=np.uint8).reshape(4, 4)

    def decode(stream):
        return np.frombuffer(stream, np.uint8)

    near = (frame + 1).astype(np.uint8).tobytes()
    assert Decoded(frame, decode) == frame.tobytes() and Decoded(frame, decode) != near
    assert Near(frame, decode, 1.0) == near and Near(frame, decode, 0.5) != near


def test_other_decoders_of_rle_agree_on_three_samples():
    frame = np.random.default_rng(1).integers(0, 256, (9, 7, 3)).astype(np.uint8)
    frames = Material("tiny", 8, (frame,))
    layout = frames.layout("1.2.840.10008.1.2.5")
    for decode in (others.packbits(layout), others.pydicoms_own_rle(layout)):
        assert np.array_equal(decode(frames.rle[0]).reshape(frame.shape), frame)


def found():
    return {
        "versions": {"numpy": "2"},
        "missing": [],
        "speed": [speed(OURS, 2), speed("a|b", 5)],
        "sizes": [
            {
                "material": "xa",
                "raw_of_exact": 2.0,
                "exact_of_plain": 1.0,
                "most_of_plain": 1.02,
                "first_pass_of_exact": 0.09,
                "most_of_exact": 0.08,
                "psnr_db": 38.2,
                "least_psnr_db": 38.0,
            }
        ],
        "ingest": {
            "cpu_s": 1.0,
            "cpu_least_s": 0.9,
            "cpu_most_s": 1.1,
            "wall_s": 0.7,
            "codec_s": {"decode": 0.2, "htj2k_encode": 0.75},
            "grown_bytes": 10 << 20,
            "grown_bytes_twice": 20 << 20,
            "lag_p99_ms": 2.0,
            "lag_most_ms": 9.0,
        },
    }


def test_the_first_pass_is_judged_by_length_and_likeness():
    (row,) = found()["sizes"]
    for change, word in (({}, "missed"), ({"first_pass_of_exact": 0.07}, "met"), ({"psnr_db": 37.9}, "missed")):
        row.update(change)
        assert table.size_cells([row])[0][-1].strip("*") == word


def test_ingest_is_judged_by_its_own_codec_calls():
    met = {what: (figure, met) for what, figure, _, met in ingest_runs.lines(found()["ingest"])}
    assert met["CPU of its codec calls"] == ("1.05", True)
    assert met["wall, two threads, of CPU"] == ("0.70", False)
    assert met["memory grown, in decoded frames: 60 frames, 120"] == ("10.0, 20.0", False)


def test_the_page_gets_the_part_on_codecs_once():
    machine = {"cpu": "a", "cores": 2, "memory_gib": 4, "system": "Linux"}
    saved = {"codecs": found(), "machine": machine, "started": "now", "busy": False}
    page = f"# Benchmarks\n\n## First frame\n\n{report.HOW}"
    once = report.with_parts(page, saved)
    assert report.with_parts(once, saved) == once
    assert once.index("## First frame") < once.index(table.TITLE) < once.index("## How each figure")
    assert "a\\|b" in once and "**missed**" in once
    assert report.with_parts(page, {"codecs": None}) == page
