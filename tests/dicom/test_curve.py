import numpy as np
import pytest

from fastcine.dicom.curve import read_curves, samples_per_frame
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from tests.dicom.building import corpus_file, element, image_elements, part10, short


def curves(data):
    structure = parse_object(data)
    return read_curves(data, structure, read_values(data, structure))


def curve(values, *, dimensions=2, points=None, descriptor=(0, 1), representation=1):
    parts = [element(0x50000005, "US", short(dimensions))]
    parts.append(element(0x50000010, "US", short(len(values) if points is None else points)))
    parts.append(element(0x50000020, "CS", b"ECG "))
    parts.append(element(0x50000103, "US", short(representation)))
    if descriptor:
        parts.append(element(0x50000110, "US", b"".join(short(each) for each in descriptor)))
    parts += [element(0x50000112, "US", short(0)), element(0x50000114, "US", short(40))]
    return part10(image_elements() + b"".join(parts) + element(0x50003000, "OW", np.array(values, "<i2").tobytes()))


def test_an_evenly_spaced_curve_stores_only_its_values():
    (found,) = curves(curve([1, -2, 3, -4]))
    assert found.values.tolist() == [[1], [-2], [3], [-4]] and found.values.dtype == np.int16
    assert (found.kind, found.start, found.step, samples_per_frame(found, 2)) == ("ECG", 0, 40, 2)
    assert samples_per_frame(found, 3) is None


def test_without_a_descriptor_everything_is_stored():
    (found,) = curves(curve([1, 10, 2, 20], points=2, descriptor=()))
    assert found.values.tolist() == [[1, 10], [2, 20]] and found.step is None


@pytest.mark.parametrize("change", [{"points": 5000}, {"dimensions": 0}, {"representation": 9}, {"descriptor": (0, 0)}])
def test_damaged_curves_are_left_out(change):
    assert curves(curve([1, 2, 3], **change)) == ()


def test_the_real_angiograms_ecg_matches_its_r_wave_pointer():
    data = corpus_file("xa/fo-dicom__HasFragmentSequence.dcm")
    (found,) = curves(data)
    assert (found.kind, found.points, samples_per_frame(found, 96)) == ("ECG", 3840, 40)
    values = found.values[:, 0].astype(int)
    for peak, frame in ((797, 20), (2086, 53), (3076, 77)):
        around = values[peak - 40 : peak + 41]
        assert around.max() == values[peak] > np.median(values[400:]) and abs(peak / 40 - frame) < 1
