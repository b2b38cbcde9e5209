import pytest
from pydicom import Dataset

from fastcine.dicom.layout import image_layout
from fastcine.dicom.lossy import lossy_json, lossy_state
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from tests.dicom.building import corpus_file, make_layout


def state(suffix, *, compressed_bytes=None, reversible=None, **values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    layout = make_layout(rows=100, columns=100, transfer_syntax_uid=f"1.2.840.10008.1.2{suffix}")
    return lossy_state(dataset, layout, compressed_bytes=compressed_bytes, reversible=reversible)


@pytest.mark.parametrize("suffix", ["", ".1", ".4.70", ".4.80", ".4.90", ".4.201", ".5"])
def test_lossless_unless_it_was_lossy_before(suffix):
    assert not state(suffix).source
    found = state(
        suffix, LossyImageCompression="01", LossyImageCompressionRatio="8.2", LossyImageCompressionMethod="ISO_10918_1"
    )
    assert lossy_json(found) == {
        "source": True,
        "ratio": 8.2,
        "method": "ISO_10918_1",
        "text": "lossy 8:1 (ISO_10918_1)",
    }


def test_lossy_by_its_syntax():
    found = state(".4.50", compressed_bytes=1000)
    assert (found.source, found.ratio, found.text) == (True, 10.0, "lossy 10:1 (ISO_10918_1)")
    assert state(".4.50", LossyImageCompression="00").source


@pytest.mark.parametrize("suffix", [".4.81", ".4.91", ".4.203"])
def test_syntaxes_that_may_be_either(suffix):
    assert state(suffix).source and not state(suffix, reversible=True).source
    assert not state(suffix, LossyImageCompression="00").source
    assert state(suffix, reversible=True, LossyImageCompression="01").source


def test_the_last_of_several_steps_counts():
    found = state(
        ".4.91",
        LossyImageCompression="01",
        LossyImageCompressionRatio=["4", "9.6"],
        LossyImageCompressionMethod=["ISO_10918_1", "ISO_15444_1"],
    )
    assert found.text == "lossy 10:1 (ISO_15444_1)"


def test_the_real_angiogram():
    data = corpus_file("xa/fo-dicom__HasFragmentSequence.dcm")
    structure = parse_object(data)
    dataset = read_values(data, structure)
    layout = image_layout(dataset, structure)
    found = lossy_state(dataset, layout, compressed_bytes=structure.pixel_data.length)
    assert found.source and found.text == "lossy 15:1 (ISO_10918_1)"


@pytest.mark.parametrize(
    ("suffix", "method"),
    [(".4.100.1", "ISO_13818_2"), (".4.102", "ISO_14496_10"), (".4.106.1", "ISO_14496_10"), (".4.108", "ISO_23008_2")],
)
def test_video_is_lossy_by_its_syntax(suffix, method):
    assert state(suffix).source and state(suffix).method == method
