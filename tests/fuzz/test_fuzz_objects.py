"""The parser, the fragment walk and the decoders on mutated objects; the kernels on buffers of any size."""

import pytest

from tests import corpus
from tests.dicom.building import encapsulated, image_elements, part10
from tests.fuzz import mutated_objects
from tests.fuzz.sanitised import built_package, run_module

MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Objects that hold a video, of which the corpus has none: the stream whole, in pieces, and fragmentable."""
    folder = tmp_path_factory.mktemp("videos")
    stream = bytes(range(256)) * 20
    head = image_elements(rows=48, columns=64, samples=3, photometric="YBR_PARTIAL_420", planar=0, frames="12")
    for number, (syntax, pieces) in enumerate([(".4.100", 1), (".4.102", 1), (".4.102.1", 7), (".4.106.1", 40)]):
        step = len(stream) // pieces // 2 * 2
        pixels = encapsulated([stream[first : first + step] for first in range(0, len(stream), step)])
        (folder / f"{number}.dcm").write_bytes(part10(head + pixels, f"1.2.840.10008.1.2{syntax}"))
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def seeds(videos):
    """Small objects, of every transfer syntax that the corpus has; broken ones among them. And videos."""
    return [row["file"] for row in corpus.rows() if row["file"].stat().st_size < MOST_BYTES] + videos


@pytest.fixture(scope="module")
def sanitised(tmp_path_factory):
    return built_package(tmp_path_factory.mktemp("sanitised"))


@corpus.needs_corpus
def test_mutated_objects_for_a_moment(seeds, tmp_path):
    run_module("mutated_objects", tmp_path, 5, 1, *seeds)


def test_mutated_videos_for_a_moment(videos, tmp_path):
    run_module("mutated_objects", tmp_path, 2, 1, *videos)


def test_the_videos_are_read_before_they_are_broken(videos):
    assert all(mutated_objects.read(path.read_bytes()) for path in videos)


def test_kernel_calls_for_a_moment(tmp_path):
    run_module("kernel_calls", tmp_path, 3, 1)


@pytest.mark.soak
@corpus.needs_corpus
@pytest.mark.parametrize("seed", range(2, 12))
def test_mutated_objects_for_a_minute_each(seeds, sanitised, tmp_path, seed):
    run_module("mutated_objects", tmp_path, 60, seed, *seeds, environment=sanitised)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 12))
def test_kernel_calls_for_a_minute_each(sanitised, tmp_path, seed):
    run_module("kernel_calls", tmp_path, 60, seed, environment=sanitised)
