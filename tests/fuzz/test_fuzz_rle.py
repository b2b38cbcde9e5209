"""The RLE codec under the sanitisers, on mutated frames."""

import pytest

from tests.fuzz.sanitised import built_driver, run_driver


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    return built_driver(tmp_path_factory.mktemp("fuzz"), "fuzz_rle", "fc_rle.c", "fc_planes.c")


def test_two_seconds(driver):
    run_driver(driver, 2)


@pytest.mark.soak
def test_ten_minutes(driver):
    run_driver(driver, 600)
