"""One frame in, its tiers out: the first pass, coarse and fine, and the exact samples.

Pure; each call is one frame, spends its time in codecs that release the GIL, and may run in any thread.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcine.cine.wire import Tier, WireCodec
from fastcine.codec import htj2k, pixels
from fastcine.codec.checksum import crc32
from fastcine.codec.color_and_loss import decoded_photometric, reversible
from fastcine.codec.decode import decode_unsigned
from fastcine.codec.jpeg import color_transform, passthrough_frame, scan_jpeg
from fastcine.dicom.layout import ImageLayout
from fastcine.dicom.lut import Palette
from fastcine.errors import BadDicom

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
COARSE_STEP = 0.16
FINE_STEP = 0.04
"""Quantiser steps of the first pass, relative to the full range."""
DEFLATE_LEVEL = 1
"""Samples of 32 and 64 bits are rare (dose grids): quick beats small."""
Samples = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Coded:
    """One tier of one frame. `crc32` is over what docs/protocol.md section 1 says for this codec."""

    codec: WireCodec
    bitstream: bytes
    crc32: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a run's frames become tiers; the same for every frame.

    `photometric_interpretation` is that of the decoded samples. `first_pass` is False for samples that no lossy codec
    carries (over 16 bits, floating point); `first_pass_rgb` says that the first pass is RGB whatever is stored.
    `reversible` is what the first bitstream says of its losses, None where it does not say.
    """

    layout: ImageLayout
    exact: WireCodec
    photometric_interpretation: str
    first_pass: bool
    first_pass_rgb: bool
    first_pass_bits: int
    jpeg_transform: bool
    reversible: bool | None
    palette: Palette | None

    @property
    def first_pass_components(self) -> int:
        """1 or 3."""
        return 3 if self.first_pass_rgb or self.layout.samples_per_pixel == 3 else 1


def make_recipe(layout: ImageLayout, first_frame: Sequence[memoryview | bytes], palette: Palette | None) -> Recipe:
    """The recipe of a run, from its layout and its first frame's fragments.

    Raises BadDicom when a JPEG baseline frame is no JPEG at all.
    """
    photometric = decoded_photometric(first_frame, layout)
    exact, transform = WireCodec.HTJ2K, False
    if layout.sample_kind == "float" or layout.bits_stored > htj2k.MAX_BITS:
        exact = WireCodec.DEFLATE
    elif layout.transfer_syntax_uid == JPEG_BASELINE:
        info = scan_jpeg(passthrough_frame(first_frame))
        if info.baseline and layout.bits_stored == 8:
            exact = WireCodec.JPEG
        transform = info.components == 3 and color_transform(info, layout)
    is_palette = photometric == "PALETTE COLOR" and palette is not None
    rgb = is_palette or layout.samples_per_pixel == 3
    return Recipe(
        layout=layout,
        exact=exact,
        photometric_interpretation=photometric,
        first_pass=exact is not WireCodec.DEFLATE,
        first_pass_rgb=rgb,
        first_pass_bits=8 if is_palette else layout.bits_stored,
        jpeg_transform=transform,
        reversible=reversible(first_frame, layout),
        palette=palette if is_palette else None,
    )


def decode(fragments: Sequence[memoryview | bytes], recipe: Recipe, start_bit: int = 0) -> Samples:
    """Stored samples of one frame, as the wire counts them: unsigned (signed ones shifted up), narrowest, C order."""
    return decode_unsigned(fragments, recipe.layout, start_bit=start_bit)


def exact_tier(samples: Samples, fragments: Sequence[memoryview | bytes], recipe: Recipe) -> Coded:
    """The exact tier of a decoded frame. Raises BadDicom when a frame's JPEG is not what the first one was."""
    layout = recipe.layout
    if recipe.exact is WireCodec.JPEG:
        bitstream = passthrough_frame(fragments)
        info = scan_jpeg(bitstream)
        if not info.baseline or (info.components == 3 and color_transform(info, layout) != recipe.jpeg_transform):
            raise BadDicom("frames of one object are coded in different ways", tag="7FE0,0010")
        return Coded(WireCodec.JPEG, bitstream, crc32(bitstream))
    little = np.ascontiguousarray(samples, samples.dtype.newbyteorder("<"))
    checked = crc32(little.data)
    if recipe.exact is WireCodec.DEFLATE:
        return Coded(WireCodec.DEFLATE, zlib.compress(little.data, DEFLATE_LEVEL), checked)
    # Three components always take the reversible transform, YBR too: docs/decisions/0005.
    bitstream = htj2k.encode_exact(samples, layout.bits_stored, rgb=layout.samples_per_pixel == 3)
    return Coded(WireCodec.HTJ2K, bitstream, checked)


def first_pass_samples(samples: Samples, recipe: Recipe) -> Samples:
    """What the first pass codes: the samples themselves, or RGB for colour and palette images."""
    if recipe.palette is not None:
        return pixels.apply_palette(samples, recipe.palette)
    if recipe.layout.samples_per_pixel == 3 and recipe.photometric_interpretation != "RGB":
        return pixels.to_rgb(samples, recipe.photometric_interpretation, recipe.layout.bits_stored)
    return samples


def first_pass_tier(samples: Samples, recipe: Recipe, tier: Tier) -> Coded:
    """One step of the first pass of `first_pass_samples`."""
    step = COARSE_STEP if tier is Tier.COARSE else FINE_STEP
    bitstream = htj2k.encode_first_pass(samples, recipe.first_pass_bits, step)
    return Coded(WireCodec.HTJ2K, bitstream, crc32(bitstream))


def code_frame(
    fragments: Sequence[memoryview | bytes], recipe: Recipe, start_bit: int = 0
) -> tuple[Coded | None, Coded | None, Coded]:
    """All tiers of one frame, in tier order; None where a run has no first pass.

    Raises BadDicom for bytes that do not decode.
    """
    return code_samples(decode(fragments, recipe, start_bit), fragments, recipe)


def code_samples(
    samples: Samples, fragments: Sequence[memoryview | bytes], recipe: Recipe
) -> tuple[Coded | None, Coded | None, Coded]:
    """The same of a frame that is decoded already, as `decode` does it."""
    coarse = fine = None
    if recipe.first_pass:
        seen = first_pass_samples(samples, recipe)
        coarse = first_pass_tier(seen, recipe, Tier.COARSE)
        fine = first_pass_tier(seen, recipe, Tier.FINE)
    return coarse, fine, exact_tier(samples, fragments, recipe)
