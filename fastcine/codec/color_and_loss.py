"""What a frame's bitstream says beyond its samples: the colour they come out in, and whether any were lost."""

from __future__ import annotations

from collections.abc import Sequence

from fastcine.codec.j2k import scan_codestream
from fastcine.codec.jpeg import color_transform, scan_jpeg
from fastcine.dicom.layout import ImageLayout
from fastcine.dicom.syntaxes import JPEG_XL_RECOMPRESSION, Family, find_syntax

_JPEG = (Family.JPEG, Family.JPEG_LOSSLESS)
_JPEG_2000 = (Family.JPEG_2000, Family.HTJ2K)


def decoded_photometric(fragments: Sequence[memoryview | bytes], layout: ImageLayout) -> str:
    """The photometric interpretation of what ``decode_frame`` returns for this frame.

    Codecs that carry a colour transform undo it (JPEG 2000, HTJ2K, JPEG XL): RGB then, whatever the object says.
    JPEG components come out as stored: YBR_FULL or RGB by ``color_transform``. Native YBR_FULL_422 comes out with its
    chroma doubled, which is YBR_FULL. Raises BadDicom for a bitstream without a header.
    """
    stated = layout.photometric_interpretation
    if layout.samples_per_pixel != 3:
        return stated
    syntax = find_syntax(layout.transfer_syntax_uid)
    family = syntax.family if syntax else None
    if family is Family.VIDEO:
        return stated  # codec.video.Video has said it; the fragments are the whole stream
    frame = b"".join(fragments)
    if family in _JPEG:
        return "YBR_FULL" if color_transform(scan_jpeg(frame), layout) else "RGB"
    if family in _JPEG_2000:
        transformed = scan_codestream(frame).multi_component_transform
        return "RGB" if transformed or stated in ("YBR_RCT", "YBR_ICT") else _doubled(stated)
    if family is Family.JPEG_XL and layout.transfer_syntax_uid != JPEG_XL_RECOMPRESSION:
        return "RGB"
    return _doubled(stated)


def _doubled(stated: str) -> str:
    return "YBR_FULL" if stated == "YBR_FULL_422" else stated


def reversible(fragments: Sequence[memoryview | bytes], layout: ImageLayout) -> bool | None:
    """Whether this frame's coding lost nothing; None where the bitstream does not say. For ``lossy_state``.

    JPEG 2000 and HTJ2K: False with the irreversible wavelet, None with the reversible one, whose stream may have been
    cut to a rate all the same. JPEG-LS by its NEAR parameter. Raises BadDicom for a bitstream without a header.
    """
    syntax = find_syntax(layout.transfer_syntax_uid)
    if syntax is None or syntax.video:
        return None
    if syntax.lossless:
        return True
    frame = b"".join(fragments)
    if syntax.family in _JPEG_2000:
        return None if scan_codestream(frame).reversible else False
    if syntax.family is Family.JPEG_LS:
        return scan_jpeg(frame).near == 0
    if syntax.family is Family.JPEG:
        return scan_jpeg(frame).lossless
    return None
