"""Transfer syntaxes: what each is, whether its pixels are encapsulated, and whether they can be lossy.

Holds what pydicom's dictionary lacks (.8.1, .110 to .112) beside the rest. Source: PS3.6 annex A, PS3.5 annex A.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_PREFIX = "1.2.840.10008.1.2"


class Family(StrEnum):
    """Who decodes it."""

    NATIVE = "native"
    ENCAPSULATED_NATIVE = "encapsulated native"
    DEFLATED_FRAMES = "deflated frames"
    RLE = "RLE"
    JPEG = "JPEG"
    JPEG_LOSSLESS = "JPEG Lossless"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"
    HTJ2K = "HTJ2K"
    JPEG_XL = "JPEG XL"
    VIDEO = "video"
    REFERENCED = "pixels elsewhere"


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """One transfer syntax. ``lossless`` means that it can carry nothing lossy; the pixels may have been before."""

    uid: str
    name: str
    family: Family
    lossless: bool

    @property
    def encapsulated(self) -> bool:
        """Pixel Data holds fragments instead of the samples themselves."""
        return self.family not in (Family.NATIVE, Family.REFERENCED)

    @property
    def video(self) -> bool:
        """All frames in one stream with prediction between them."""
        return self.family is Family.VIDEO


def _table() -> dict[str, TransferSyntax]:
    rows: list[tuple[str, str, Family, bool]] = [
        ("", "Implicit VR Little Endian", Family.NATIVE, True),
        (".1", "Explicit VR Little Endian", Family.NATIVE, True),
        (".1.98", "Encapsulated Uncompressed Explicit VR Little Endian", Family.ENCAPSULATED_NATIVE, True),
        (".1.99", "Deflated Explicit VR Little Endian", Family.NATIVE, True),
        (".2", "Explicit VR Big Endian", Family.NATIVE, True),
        (".8.1", "Deflated Image Frame Compression", Family.DEFLATED_FRAMES, True),
        (".4.50", "JPEG Baseline (Process 1)", Family.JPEG, False),
        (".4.51", "JPEG Extended (Process 2 and 4)", Family.JPEG, False),
        (".4.53", "JPEG Spectral Selection (Process 6 and 8)", Family.JPEG, False),
        (".4.55", "JPEG Full Progression (Process 10 and 12)", Family.JPEG, False),
        (".4.57", "JPEG Lossless (Process 14)", Family.JPEG_LOSSLESS, True),
        (".4.70", "JPEG Lossless (Process 14, Selection Value 1)", Family.JPEG_LOSSLESS, True),
        (".4.80", "JPEG-LS Lossless", Family.JPEG_LS, True),
        (".4.81", "JPEG-LS Near-Lossless", Family.JPEG_LS, False),
        (".4.90", "JPEG 2000 (Lossless Only)", Family.JPEG_2000, True),
        (".4.91", "JPEG 2000", Family.JPEG_2000, False),
        (".4.92", "JPEG 2000 Part 2 Multi-component (Lossless Only)", Family.JPEG_2000, True),
        (".4.93", "JPEG 2000 Part 2 Multi-component", Family.JPEG_2000, False),
        (".4.94", "JPIP Referenced", Family.REFERENCED, False),
        (".4.95", "JPIP Referenced Deflate", Family.REFERENCED, False),
        (".4.100", "MPEG2 Main Profile / Main Level", Family.VIDEO, False),
        (".4.100.1", "Fragmentable MPEG2 Main Profile / Main Level", Family.VIDEO, False),
        (".4.101", "MPEG2 Main Profile / High Level", Family.VIDEO, False),
        (".4.101.1", "Fragmentable MPEG2 Main Profile / High Level", Family.VIDEO, False),
        (".4.102", "MPEG-4 AVC/H.264 High Profile / Level 4.1", Family.VIDEO, False),
        (".4.102.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1", Family.VIDEO, False),
        (".4.103", "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", Family.VIDEO, False),
        (".4.103.1", "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", Family.VIDEO, False),
        (".4.104", "MPEG-4 AVC/H.264 High Profile / Level 4.2 for 2D Video", Family.VIDEO, False),
        (".4.104.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 for 2D Video", Family.VIDEO, False),
        (".4.105", "MPEG-4 AVC/H.264 High Profile / Level 4.2 for 3D Video", Family.VIDEO, False),
        (".4.105.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 for 3D Video", Family.VIDEO, False),
        (".4.106", "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", Family.VIDEO, False),
        (".4.106.1", "Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", Family.VIDEO, False),
        (".4.107", "HEVC/H.265 Main Profile / Level 5.1", Family.VIDEO, False),
        (".4.108", "HEVC/H.265 Main 10 Profile / Level 5.1", Family.VIDEO, False),
        (".4.110", "JPEG XL Lossless", Family.JPEG_XL, True),
        (".4.111", "JPEG XL JPEG Recompression", Family.JPEG_XL, False),
        (".4.112", "JPEG XL", Family.JPEG_XL, False),
        (".4.201", "High-Throughput JPEG 2000 (Lossless Only)", Family.HTJ2K, True),
        (".4.202", "High-Throughput JPEG 2000 with RPCL Options (Lossless Only)", Family.HTJ2K, True),
        (".4.203", "High-Throughput JPEG 2000", Family.HTJ2K, False),
        (".4.204", "JPIP HTJ2K Referenced", Family.REFERENCED, False),
        (".4.205", "JPIP HTJ2K Referenced Deflate", Family.REFERENCED, False),
        (".5", "RLE Lossless", Family.RLE, True),
        (".7.1", "SMPTE ST 2110-20 Uncompressed Progressive Active Video", Family.REFERENCED, False),
        (".7.2", "SMPTE ST 2110-20 Uncompressed Interlaced Active Video", Family.REFERENCED, False),
        (".7.3", "SMPTE ST 2110-30 PCM Digital Audio", Family.REFERENCED, False),
    ]
    return {
        _PREFIX + suffix: TransferSyntax(_PREFIX + suffix, name, family, lossless)
        for suffix, name, family, lossless in rows
    }


#: Every transfer syntax that is known, by UID.
SYNTAXES = _table()

JPEG_BASELINE = _PREFIX + ".4.50"
JPEG_XL_RECOMPRESSION = _PREFIX + ".4.111"


def find_syntax(uid: str) -> TransferSyntax | None:
    """The transfer syntax of that UID, or None."""
    return SYNTAXES.get(uid)
