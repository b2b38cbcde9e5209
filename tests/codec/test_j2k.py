import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcine.codec.j2k import check_complete, scan_codestream
from fastcine.errors import BadDicom

IMAGE = np.arange(40 * 50, dtype=np.uint16).reshape(40, 50)


def test_htj2k():
    found = scan_codestream(imagecodecs.htj2k_encode(IMAGE, reversible=True))
    assert (found.width, found.height, found.components, found.precisions) == (50, 40, 1, (16,))
    assert found.reversible and found.high_throughput and not found.signed[0] and found.start == 0


def test_jpeg_2000_in_a_box():
    found = scan_codestream(imagecodecs.jpeg2k_encode(IMAGE.astype(np.uint8), level=0, codecformat="jp2"))
    assert (found.width, found.height) == (50, 40) and found.start > 0 and not found.high_throughput


def test_lossy_colour_and_signed():
    colour = np.zeros((8, 8, 3), np.uint8)
    found = scan_codestream(imagecodecs.htj2k_encode(colour, 0.1, reversible=False, rgb=True))
    assert not found.reversible and found.multi_component_transform and found.components == 3
    assert scan_codestream(imagecodecs.htj2k_encode(colour[..., 0].astype(np.int16), reversible=True)).signed == (True,)


@pytest.mark.parametrize("cut", [0, 3, 20, 60])
def test_cut_off(cut):
    with pytest.raises(BadDicom):
        scan_codestream(imagecodecs.htj2k_encode(IMAGE, reversible=True)[:cut])


@pytest.mark.parametrize(
    ("at", "edit", "words"),
    [
        (24, "00000001 00000001", "2000 tiles"),
        (24, "00000000", "do not begin where the image does"),
        (32, "ff000000", "do not begin where the image does"),
        (36, "00000001", "do not begin where the image does"),
        (43, "00", "without samples"),
    ],
    ids=["tiny tiles", "no width", "far right", "one line down", "no step"],
)
def test_tiles_that_cannot_be_are_refused_before_a_codec_walks_through_them(at, edit, words):
    """Offsets from the codestream's first byte. The third came of mutated objects: OpenJPH never came back from it."""
    edited = bytearray(imagecodecs.htj2k_encode(IMAGE, reversible=True))
    edited[at : at + len(bytes.fromhex(edit))] = bytes.fromhex(edit)
    with pytest.raises(BadDicom, match=words):
        scan_codestream(bytes(edited))


@given(st.binary(max_size=200))
def test_any_bytes(data):
    try:
        assert scan_codestream(b"\xff\x4f\xff\x51" + data).components > 0
    except BadDicom as error:
        assert error.reason


@pytest.mark.parametrize("tilepart", [None, 1])
def test_a_stream_that_is_cut_off_is_told(tilepart):
    stream = imagecodecs.htj2k_encode(IMAGE, reversible=True, tlm=True, tilepart=tilepart)
    info = scan_codestream(stream)
    check_complete(stream, info)
    check_complete(stream + b"\0\0", info)
    for length in range(info.tiles_offset, len(stream) - 1, 7):
        with pytest.raises(BadDicom):
            check_complete(stream[:length], info)


def test_a_tile_part_of_open_length():
    stream = bytearray(imagecodecs.htj2k_encode(IMAGE, reversible=True))
    info = scan_codestream(stream)
    stream[info.tiles_offset + 6 : info.tiles_offset + 10] = bytes(4)
    check_complete(bytes(stream) + b"\0", info)
    with pytest.raises(BadDicom):
        check_complete(bytes(stream[:-10]), info)
