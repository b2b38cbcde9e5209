import numpy as np
import pytest

from fastcine.dicom.overlay import read_overlays
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from tests.dicom.building import corpus_file, element, image_elements, part10, short


def overlays(data):
    structure = parse_object(data)
    return read_overlays(data, structure, read_values(data, structure))


def overlay(planes, *, origin=(1, 1), bits=None, rows=None):
    planes = np.array(planes, np.uint8)
    frames, real_rows, columns = planes.shape
    packed = np.packbits(planes.reshape(-1), bitorder="little").tobytes() if bits is None else bits
    packed += b"\0" * (len(packed) % 2)
    parts = [element(0x60000010, "US", short(rows or real_rows)), element(0x60000011, "US", short(columns))]
    parts += [element(0x60000015, "IS", f"{frames} ".encode()), element(0x60000040, "CS", b"G ")]
    parts += [element(0x60000050, "SS", np.array(origin, "<i2").tobytes()), element(0x60000051, "US", short(2))]
    parts += [element(0x60000100, "US", short(1)), element(0x60000102, "US", short(0))]
    return part10(image_elements() + b"".join(parts) + element(0x60003000, "OW", packed))


def test_planes_run_on_without_padding():
    planes = np.random.default_rng(1).integers(0, 2, (3, 5, 7))
    (found,) = overlays(overlay(planes, origin=(0, -3)))
    assert (found.rows, found.columns, found.frames, found.first_frame, found.origin) == (5, 7, 3, 2, (0, -3))
    for frame in range(3):
        assert np.array_equal(found.plane(frame), planes[frame].astype(bool))
    with pytest.raises(IndexError):
        found.plane(3)


def test_damaged_overlays_are_left_out():
    assert overlays(overlay(np.ones((1, 5, 7)), bits=b"\1")) == ()
    assert overlays(part10(image_elements())) == ()


def test_an_overlay_in_unused_bits_is_named():
    parts = [element(0x60000010, "US", short(4)), element(0x60000011, "US", short(6))]
    parts += [element(0x60000100, "US", short(16)), element(0x60000102, "US", short(12))]
    (found,) = overlays(part10(image_elements() + b"".join(parts)))
    assert found.embedded_bit == 12 and not found.packed


def test_a_real_overlay_equals_pydicoms():
    import io

    import pydicom

    data = corpus_file("codec_single/pydicom__examples_overlay.dcm")
    (found,) = overlays(data)
    expected = pydicom.dcmread(io.BytesIO(data)).overlay_array(0x6000)
    assert np.array_equal(found.plane(0), expected.astype(bool)) and found.plane(0).any()
