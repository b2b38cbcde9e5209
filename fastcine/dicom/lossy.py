"""Whether the pixels were ever compressed with loss, and how far (PS3.3 C.7.6.1.1.5).

The flag is never reset: an uncompressed object may hold pixels that were lossy before.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import Dataset

from fastcine.dicom.layout import ImageLayout
from fastcine.dicom.syntaxes import find_syntax
from fastcine.dicom.values import decimals, text, texts

_FLAG, _RATIO, _METHOD = 0x00282110, 0x00282112, 0x00282114
#: Where the flag stood before 1996; the corpus' real angiogram has it there.
_RETIRED_FLAG = 0x00082110

_METHODS = {
    ".4.50": "ISO_10918_1",
    ".4.51": "ISO_10918_1",
    ".4.53": "ISO_10918_1",
    ".4.55": "ISO_10918_1",
    ".4.81": "ISO_14495_1",
    ".4.91": "ISO_15444_1",
    ".4.93": "ISO_15444_2",
    ".4.203": "ISO_15444_15",
    ".4.111": "ISO_10918_1",
    ".4.112": "ISO_18181_1",
    ".4.100": "ISO_13818_2",
    ".4.101": "ISO_13818_2",
    **dict.fromkeys((".4.102", ".4.103", ".4.104", ".4.105", ".4.106"), "ISO_14496_10"),
    ".4.107": "ISO_23008_2",
    ".4.108": "ISO_23008_2",
}
#: Lossy by nature; the other syntaxes that may be lossy can also be reversible.
_ALWAYS = frozenset((".4.50", ".4.51", ".4.53", ".4.55", ".4.111"))
_PREFIX = "1.2.840.10008.1.2"


@dataclass(frozen=True, slots=True)
class Lossy:
    """``source``: the pixels were compressed with loss before they came here. ``ratio`` is uncompressed to compressed
    bytes of the last step, None where unknown; ``method`` the defined term of that step, or empty."""

    source: bool
    ratio: float | None
    method: str
    text: str


def lossy_state(
    dataset: Dataset, layout: ImageLayout, *, compressed_bytes: int | None = None, reversible: bool | None = None
) -> Lossy:
    """The state of one image. ``compressed_bytes`` is the size of all fragments, used where no ratio is written;
    ``reversible`` is what the codestream itself says, where somebody looked.

    A syntax that may be lossy counts as lossy unless the file or the codestream says that it is not.
    """
    syntax = find_syntax(layout.transfer_syntax_uid)
    suffix = layout.transfer_syntax_uid.removeprefix(_PREFIX)
    if syntax is not None and syntax.video:
        suffix = ".".join(suffix.split(".")[:3])  # the fragmentable form of a syntax is coded as the syntax is
    flag = text(dataset, _FLAG) or text(dataset, _RETIRED_FLAG)
    now = suffix in _ALWAYS or (syntax is not None and not syntax.lossless and not reversible and flag != "00")
    if not now and flag != "01":
        return Lossy(False, None, "", "")
    ratios = [float(value) for value in decimals(dataset, _RATIO) if value is not None and value > 0]
    ratio = ratios[-1] if ratios else None
    if ratio is None and now and compressed_bytes:
        ratio = layout.frames * layout.native_frame_bits / 8 / compressed_bytes
    methods = texts(dataset, _METHOD)
    method = methods[-1] if methods else (_METHODS.get(suffix, "") if now else "")
    shown = f" {int(ratio + 0.5)}:1" if ratio is not None and ratio >= 1.5 else ""
    return Lossy(True, ratio, method, f"lossy{shown}" + (f" ({method})" if method else ""))


def lossy_json(lossy: Lossy) -> dict[str, object]:
    """The ``lossy`` object of docs/api.md."""
    ratio = None if lossy.ratio is None else round(lossy.ratio, 1)
    return {"source": lossy.source, "ratio": ratio, "method": lossy.method, "text": lossy.text}
