import numpy as np
import pytest

from fastcine.archive.overlay_bits import overlay_bits
from fastcine.dicom.overlay import overlay_json, read_overlays
from fastcine.dicom.parse import EXPLICIT_BIG, EXPLICIT_LITTLE, parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.errors import NotFound
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


def embedded(pixels, *, bit, syntax=EXPLICIT_LITTLE):
    big = syntax == EXPLICIT_BIG
    frames, rows, columns = pixels.shape
    head = image_elements(rows=rows, columns=columns, allocated=16, stored=12, frames=f"{frames} ", big=big)
    parts = [element(0x60000010, "US", short(rows, big=big), big=big)]
    parts += [element(0x60000011, "US", short(columns, big=big), big=big)]
    parts += [element(0x60000100, "US", short(16, big=big), big=big)]
    parts += [element(0x60000102, "US", short(bit, big=big), big=big)]
    words = pixels.astype(">u2" if big else "<u2").tobytes()
    return part10(head + b"".join(parts) + element(0x7FE00010, "OW", words, big=big), syntax)


@pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, EXPLICIT_BIG])
def test_bits_beside_the_samples_are_packed_as_others_are(syntax, tmp_path):
    planes = np.random.default_rng(3).integers(0, 2, (3, 5, 7))
    pixels = np.random.default_rng(4).integers(0, 4096, (3, 5, 7)) | planes << 13
    path = tmp_path / "embedded.dcm"
    path.write_bytes(embedded(pixels, bit=13, syntax=syntax))
    bits = np.unpackbits(np.frombuffer(overlay_bits(path, 0x6000), "u1"), bitorder="little")[: planes.size]
    assert np.array_equal(bits.reshape(planes.shape), planes)
    with pytest.raises(NotFound):
        overlay_bits(path, 0x6002)


def test_bits_of_the_samples_themselves_are_no_overlay(tmp_path):
    path = tmp_path / "embedded.dcm"
    path.write_bytes(embedded(np.ones((1, 4, 4), int), bit=11))
    with pytest.raises(NotFound):
        overlay_bits(path, 0x6000)


def test_a_plane_without_a_frame_lies_over_every_frame():
    (placed,) = overlays(overlay(np.ones((1, 5, 7))))
    sizes = element(0x60000010, "US", short(5)) + element(0x60000011, "US", short(7))
    (found,) = overlays(part10(image_elements() + sizes + element(0x60003000, "OW", bytes(6))))
    assert overlay_json(found)["every_frame"] is True and overlay_json(placed)["every_frame"] is False
