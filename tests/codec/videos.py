"""Small videos, coded with PyAV, and DICOM objects that hold them. Import it where PyAV is there."""

import io
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate

av.logging.set_level(av.logging.PANIC)

ROWS, COLUMNS, RATE = 48, 64, 25
UID = "1.2.840.10008.1.2.4"


def moving(number, bits=8):
    """A picture as planes of 4:2:0, shape (rows * 3 / 2, columns): a ramp and a tint that move on."""
    top = (1 << bits) - 1
    luma = (np.add.outer(np.arange(ROWS), 2 * np.arange(COLUMNS)) + 9 * number) % 200 + 20
    chroma = np.full((ROWS // 2, COLUMNS), 90 + 3 * number)
    chroma[:, : COLUMNS // 4] += 40
    return (np.concatenate([luma, chroma]) * (top + 1) // 256).astype(np.uint8 if bits == 8 else np.uint16)


def coded_video(codec, container, *, frames=12, pix_fmt="yuv420p", options=None):
    """A stream of `frames` moving pictures, with B-frames where the codec likes them."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        stream = output.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = COLUMNS, ROWS, pix_fmt
        quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        stream.options = quiet | (options or {})
        stream.codec_context.gop_size = 6
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(moving(number, 10 if "10" in pix_fmt else 8), format=pix_fmt)
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return target.getvalue()


def luma_by_pyav(stream):
    """The oracle: every frame's luma, decoded by PyAV from the joined stream."""
    with av.open(io.BytesIO(stream)) as source:
        return [frame.to_ndarray()[:ROWS, :COLUMNS] for frame in source.decode(video=0)]


def video_object(path, stream, syntax, *, frames=12, pieces=1, **elements):
    """A US multi-frame object that holds the stream in `pieces` fragments."""
    ds = pydicom.Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID + syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.4.1"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = pydicom.uid.generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = pydicom.uid.generate_uid(), pydicom.uid.generate_uid()
    ds.Modality, ds.PatientName, ds.PatientID = "US", "Made^Up", "1"
    ds.Rows, ds.Columns, ds.NumberOfFrames, ds.SamplesPerPixel = ROWS, COLUMNS, frames, 3
    ds.PhotometricInterpretation, ds.PixelRepresentation, ds.PlanarConfiguration = "YBR_PARTIAL_420", 0, 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
    ds.FrameTime, ds.FrameIncrementPointer = "40", 0x00181063
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    cuts = [len(stream) * piece // pieces // 2 * 2 for piece in range(pieces)] + [len(stream)]
    fragments = [stream[first:after] for first, after in pairwise(cuts)]
    ds.PixelData = encapsulate(fragments, has_bot=False)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.save_as(path, enforce_file_format=True)
    return ds
