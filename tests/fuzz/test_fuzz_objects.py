"""The parser, the fragment walk and the decoders on mutated objects; the kernels on buffers of any size."""

import pytest

from tests import corpus
from tests.fuzz.sanitised import built_package, run_module

MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def seeds():
    """Small objects, of every transfer syntax that the corpus has; broken ones among them."""
    return [row["file"] for row in corpus.rows() if row["file"].stat().st_size < MOST_BYTES]


@pytest.fixture(scope="module")
def sanitised(tmp_path_factory):
    return built_package(tmp_path_factory.mktemp("sanitised"))


@corpus.needs_corpus
def test_mutated_objects_for_a_moment(seeds, tmp_path):
    run_module("mutated_objects", tmp_path, 5, 1, *seeds)


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
