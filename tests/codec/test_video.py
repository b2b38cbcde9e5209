"""Encapsulated video: every codec and container of PS3.5 8.2.5 to 8.2.7, against PyAV's own decode of the whole."""

import pytest

pytest.importorskip("av")

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fastcine.codec import video
from fastcine.codec.video import Video
from fastcine.errors import BadDicom, Unsupported
from tests.codec.videos import COLUMNS, ROWS, UID, coded_video, luma_by_pyav, moving
from tests.dicom.building import make_layout

STREAMS = [
    (".100", "mpeg2video", "mpeg2video", "yuv420p"),
    (".101", "mpeg2video", "mpeg", "yuv420p"),
    (".101.1", "mpeg2video", "mpegts", "yuv420p"),
    (".102", "libx264", "mp4", "yuv420p"),
    (".103.1", "libx264", "h264", "yuv420p"),
    (".104", "libx264", "mpegts", "yuv420p"),
    (".107", "libx265", "mp4", "yuv420p"),
    (".107", "libx265", "hevc", "yuv420p"),
    (".108", "libx265", "mp4", "yuv420p10le"),
]


def layout_of(syntax=".102", **changes):
    values = {"rows": ROWS, "columns": COLUMNS, "frames": 12, "samples_per_pixel": 3} | changes
    return make_layout(transfer_syntax_uid=UID + syntax, photometric_interpretation="YBR_PARTIAL_420", **values)


@pytest.fixture(scope="module")
def avc():
    return coded_video("libx264", "mp4")


@pytest.mark.parametrize(("syntax", "codec", "container", "pix_fmt"), STREAMS)
def test_every_codec_and_container(syntax, codec, container, pix_fmt):
    stream = coded_video(codec, container, pix_fmt=pix_fmt)
    deep = pix_fmt == "yuv420p10le"
    layout = layout_of(syntax, **({"bits_allocated": 16, "bits_stored": 10, "bytes_per_sample": 2} if deep else {}))
    found = Video([stream[:100], stream[100:101], b"", stream[101:]], layout)
    assert found.photometric_interpretation == "YBR_PARTIAL_420"
    frames, expected = list(found.frames()), luma_by_pyav(stream)
    assert len(frames) == len(expected) == 12
    for number, (samples, luma) in enumerate(zip(frames, expected, strict=True)):
        assert samples.shape == (ROWS, COLUMNS, 3) and samples.dtype == (np.uint16 if deep else np.uint8)
        assert samples.flags.c_contiguous and samples.flags.writeable
        assert np.array_equal(samples[..., 0], luma)
        source = moving(number, 10 if deep else 8)
        assert np.abs(samples[..., 0].astype(int) - source[:ROWS]).mean() < (40 if deep else 10)
        # Each chroma sample stands for 2x2 pixels.
        for channel in (1, 2):
            quads = samples[..., channel].reshape(ROWS // 2, 2, COLUMNS // 2, 2)
            assert (quads == quads[:, :1, :, :1]).all()
            assert np.abs(quads[:, 0, -1, 0].astype(int) - int(source[-1, -1])).mean() < (24 if deep else 6)


def test_chroma_planes_are_not_exchanged():
    import av

    stream = coded_video("mpeg2video", "mpeg2video", frames=1)
    (samples,) = Video([stream], layout_of(".100", frames=1)).frames()
    with av.open(video._Stream([stream])) as source:
        planes = next(source.decode(video=0)).to_ndarray()
    blue = planes[ROWS : ROWS + ROWS // 4].reshape(ROWS // 2, COLUMNS // 2)
    red = planes[ROWS + ROWS // 4 :].reshape(ROWS // 2, COLUMNS // 2)
    assert np.array_equal(samples[::2, ::2, 1], blue) and np.array_equal(samples[1::2, 1::2, 2], red)


def test_full_range_is_ybr_full():
    stream = coded_video("libx264", "mp4", pix_fmt="yuvj420p")
    assert Video([stream], layout_of()).photometric_interpretation == "YBR_FULL"


def test_one_sample_a_pixel_gets_the_luma(avc):
    layout = make_layout(transfer_syntax_uid=UID + ".102", rows=ROWS, columns=COLUMNS, frames=12)
    found = Video([avc], layout)
    assert found.photometric_interpretation == "MONOCHROME2"
    assert all(np.array_equal(a, b) for a, b in zip(found.frames(), luma_by_pyav(avc), strict=True))


def test_number_of_frames_and_a_frame_by_its_number(avc):
    expected = luma_by_pyav(avc)
    assert len(list(Video([avc], layout_of(frames=5)).frames())) == 5
    found = Video([avc], layout_of(frames=40))
    assert len(list(found.frames())) == 12
    for number in (11, 0, 7):
        assert np.array_equal(found.frame_near(number)[..., 0], expected[number])
    assert np.array_equal(found.frame_near(20)[..., 0], expected[11])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows": ROWS + 2}, "video of 48x64 in an image of 50x64"),
        ({"bits_allocated": 16, "bits_stored": 10, "bytes_per_sample": 2}, "8 bits where Bits Stored is 10"),
        ({"signed": True}, "signed"),
        ({"rows": 16, "columns": 16}, "7FE0,0010"),
    ],
)
def test_what_contradicts_the_layout(avc, changes, words):
    with pytest.raises(BadDicom, match=words):
        Video([avc], layout_of(**changes))


def test_without_pyav(avc, monkeypatch):
    monkeypatch.setattr(video, "installed", lambda: False)
    with pytest.raises(Unsupported, match=r"fastcine\[video\]"):
        Video([avc], layout_of())


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"\0" * 1000,
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0",
    ],
)
def test_what_is_no_video(stream):
    with pytest.raises(BadDicom):
        Video([stream], layout_of())


def test_containers_that_dicom_does_not_know():
    with pytest.raises(BadDicom):
        Video([coded_video("libx264", "matroska")], layout_of())


STREAM = coded_video("libx264", "mpegts")


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_hostile_streams_raise_ours_or_decode_to_the_layout(data):
    stream = bytearray(STREAM)
    for _ in range(data.draw(st.integers(1, 8))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    stream = bytes(stream[: data.draw(st.integers(len(stream) // 2, len(stream)))])
    try:
        for samples in Video([stream], layout_of()).frames():
            assert samples.shape == (ROWS, COLUMNS, 3) and samples.dtype == np.uint8
    except (BadDicom, Unsupported) as error:
        assert "7FE0,0010" in str(error) or isinstance(error, Unsupported)
