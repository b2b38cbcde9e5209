"""A video's stream out of its object: which container it is in, and what is no video or no longer whole."""

import pytest

from fastcine.archive.video_stream import VideoStream, media_type
from fastcine.errors import BadDicom, NotFound, StorageUnavailable
from tests.dicom.building import encapsulated, image, image_elements, part10

AVC = "1.2.840.10008.1.2.4.102.1"


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"\0\0\0\x18ftypisom\0\0\2\0", "video/mp4"),
        (b"\0\0\1\xba\x44\0\4\0", "video/mpeg"),
        (b"\0\0\1\xb3\x2d\x02", "video/mpeg"),
        ((b"G" + bytes(187)) * 2, "video/mp2t"),
        ((bytes(4) + b"G" + bytes(187)) * 2, "video/mp2t"),
        (b"G" + bytes(383), "application/octet-stream"),
        (b"\0\0\0\1\x67\x64", "application/octet-stream"),
        (b"<html><script>", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_what_the_container_is(head, found):
    assert media_type(head) == found


@pytest.fixture
def opened(tmp_path):
    """Writes an object whose video has these fragments, and opens it."""

    def write(*fragments):
        data = image_elements(frames="5") + encapsulated(fragments)
        (tmp_path / "video.dcm").write_bytes(part10(data, AVC))
        return VideoStream(tmp_path / "video.dcm")

    return write


def test_any_part_of_any_fragments(opened):
    fragments = [b"ab", b"", b"cdef", b"", b"", b"gh", b""]
    with opened(*fragments) as stream:
        assert stream.size_bytes == 8
        for start in range(9):
            for most in range(10):
                assert stream.read(start, most) == b"abcdefgh"[start : start + most]


def test_an_empty_stream(opened):
    with opened(b"", b"") as stream:
        assert (stream.size_bytes, stream.read(0, 10), stream.media_type) == (0, b"", "application/octet-stream")


def test_a_file_that_is_cut_off_while_it_is_read(opened, tmp_path):
    with opened(b"x" * 100, b"y" * 100) as stream:
        with open(tmp_path / "video.dcm", "r+b") as file:
            file.truncate((tmp_path / "video.dcm").stat().st_size - 50)
        assert stream.read(0, 100) == b"x" * 100
        with pytest.raises(BadDicom, match="7FE0,0010"):
            stream.read(0, 200)


def test_what_cannot_be_opened(tmp_path):
    path = tmp_path / "object.dcm"
    with pytest.raises(StorageUnavailable):
        VideoStream(path)
    path.write_bytes(image(bytes(24)))
    with pytest.raises(NotFound):
        VideoStream(path)
    path.write_bytes(part10(image_elements(frames="5"), AVC))
    with pytest.raises(BadDicom):
        VideoStream(path)
