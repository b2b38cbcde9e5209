"""The browser's decoder (WASM OpenJPH) is the outside oracle where node and the package are there."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastcine.codec.htj2k import decode_exact, decode_first_pass, encode_exact, encode_first_pass
from fastcine.codec.j2k import scan_codestream
from fastcine.errors import BadDicom

ROOT = Path(__file__).parents[2]
STEPS = (0.04, 0.16)


def narrow(bits):
    return np.uint8 if bits <= 8 else np.uint16


@settings(deadline=None, max_examples=120)
@given(st.integers(1, 16), st.tuples(st.integers(1, 70), st.integers(1, 70)), st.sampled_from([1, 3]), st.data())
def test_exact_is_exact(bits, size, components, data):
    rgb, seed = data.draw(st.booleans()), data.draw(st.integers(0, 99))
    shape = size if components == 1 else (*size, 3)
    samples = np.random.default_rng(seed).integers(0, 1 << bits, shape).astype(narrow(bits))
    stream = encode_exact(samples, bits, rgb=rgb)
    found = decode_exact(stream)
    assert found.dtype == narrow(bits) and np.array_equal(found, samples)
    info = scan_codestream(stream)
    assert info.precisions == (bits,) * components and info.reversible and not any(info.signed)
    assert info.multi_component_transform == (rgb and components == 3)


@pytest.mark.parametrize("bits", [1, 8, 10, 12, 14, 16])
def test_openjpeg_decodes_the_exact_tier_too(bits):
    samples = picture(bits)
    assert np.array_equal(imagecodecs.jpeg2k_decode(encode_exact(samples, bits)), samples)


def picture(bits, kind="hard"):
    """Edges at both ends of the range, where a lossy decoder over- and undershoots; or noise; or both in colour."""
    top = (1 << bits) - 1
    y, x = np.mgrid[:129, :201]
    hard = np.where((x // 9 + y // 7) % 2, top, 0)
    noise = np.random.default_rng(bits).integers(0, top + 1, hard.shape)
    chosen = {"hard": hard, "noise": noise, "colour": np.stack([hard, noise, hard[::-1]], -1)}[kind]
    return chosen.astype(narrow(bits))


@pytest.mark.parametrize("bits", [1, 5, 8, 10, 12, 15, 16])
@pytest.mark.parametrize("kind", ["hard", "noise", "colour"])
@pytest.mark.parametrize("step", STEPS)
def test_a_first_pass_is_clamped_never_wrapped(bits, kind, step):
    samples = picture(bits, kind)
    found = decode_first_pass(encode_first_pass(samples, bits, step), bits)
    assert found.dtype == samples.dtype and found.shape == samples.shape
    error = np.abs(found.astype(np.int64) - samples)
    # A wrapped sample is off by the whole range, which a sample of one bit can be anyway.
    assert bits == 1 or error.max() <= 0.75 * ((1 << bits) - 1)
    assert error.mean() < 0.13 * (1 << bits)


def test_the_step_means_the_same_at_every_depth():
    y, x = np.mgrid[:128, :128]
    smooth = (np.sin(x / 9.0) * np.cos(y / 11.0) + 1) / 2
    sizes = []
    for bits in (8, 10, 12, 14, 16):
        samples = np.rint(smooth * ((1 << bits) - 1)).astype(narrow(bits))
        sizes.append(len(encode_first_pass(samples, bits, 0.04)))
    assert max(sizes) < 1.15 * min(sizes)


def test_the_coarse_step_is_smaller():
    samples = picture(8, "noise")
    assert len(encode_first_pass(samples, 8, 0.16)) < 0.7 * len(encode_first_pass(samples, 8, 0.04))


@pytest.mark.parametrize("bits", [0, 17])
def test_depths_that_cannot_be_coded(bits):
    for encode in (encode_exact, lambda samples, depth: encode_first_pass(samples, depth, 0.04)):
        with pytest.raises(ValueError, match="bits"):
            encode(np.zeros((2, 2), np.uint16), bits)


@pytest.mark.parametrize("samples", [np.zeros((2, 2, 2), np.uint8), np.zeros(4, np.uint8), np.zeros((2, 2), np.int16)])
def test_shapes_that_cannot_be_coded(samples):
    with pytest.raises(ValueError, match="unsigned"):
        encode_exact(samples, 8)


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_damaged_streams_raise_ours_or_decode_to_the_size_they_say(data):
    stream = bytearray(STREAM)
    for _ in range(data.draw(st.integers(1, 4))):
        stream[data.draw(st.integers(60, len(stream) - 1))] = data.draw(st.integers(0, 255))
    stream = bytes(stream[: data.draw(st.integers(0, len(stream)))])
    for decode in (decode_exact, lambda each: decode_first_pass(each, 8)):
        try:
            found = decode(stream)
        except BadDicom as error:
            assert error.reason
        else:
            assert found.size


STREAM = encode_exact(picture(8)[:40, :40], 8)


@pytest.mark.parametrize("value", [0x55, 0x2A, 0])
@pytest.mark.parametrize("components", [1, 3])
def test_a_cut_off_stream_is_told_from_a_flat_picture(value, components):
    flat = np.full((40, 30) if components == 1 else (40, 30, 3), value, np.uint8)
    assert np.array_equal(decode_exact(encode_exact(flat, 8)), flat)
    busy = picture(8, "noise" if components == 1 else "colour")
    stream = encode_exact(busy, 8)
    for share in (0.2, 0.7, 0.99):
        with pytest.raises(BadDicom):
            decode_exact(stream[: int(len(stream) * share)])
    passed = encode_first_pass(busy, 8, 0.04)
    with pytest.raises(BadDicom):
        decode_first_pass(passed[: len(passed) // 2], 8)


def wasm_package():
    """The folder of @cornerstonejs/codec-openjph: where NODE_PATH says, or where the viewer's build put it."""
    places = [Path(each) for each in os.environ.get("NODE_PATH", "").split(os.pathsep) if each]
    places += [ROOT / "node_modules", ROOT / "viewer" / "node_modules"]
    for place in places:
        package = place / "@cornerstonejs" / "codec-openjph" / "dist"
        if (package / "openjphjs.js").is_file():
            return package
    return None


SCRIPT = """
const [folder, listing] = process.argv.slice(2);
const fs = require("fs"), path = require("path");
require(path.join(folder, "openjphjs.js"))({ locateFile: (name) => path.join(folder, name) }).then((module) => {
  const decoder = new module.HTJ2KDecoder();
  for (const name of JSON.parse(listing)) {
    const stream = fs.readFileSync(name);
    decoder.getEncodedBuffer(stream.length).set(stream);
    decoder.decode();
    fs.writeFileSync(name + ".raw", Buffer.from(decoder.getDecodedBuffer()));
  }
});
"""


def lines_put_right(raw):
    """The trap of ``encode_exact``: line k of component after component stands at row k // 3, component k % 3."""
    rows, columns, _ = raw.shape
    return raw.transpose(0, 2, 1).reshape(3, rows, columns).transpose(1, 2, 0)


def test_the_browsers_decoder_agrees(tmp_path):
    package = wasm_package()
    if package is None or shutil.which("node") is None:
        pytest.skip("needs node and @cornerstonejs/codec-openjph (node_modules or NODE_PATH)")
    (tmp_path / "decode.cjs").write_text(SCRIPT)
    cases = []
    for bits in (1, 3, 8, 10, 12, 15, 16):
        for kind in ("hard", "noise", "colour"):
            samples = picture(bits, kind)
            streams = [encode_exact(samples, bits, rgb=True), encode_exact(samples, bits)]
            streams += [encode_first_pass(samples, bits, step) for step in STEPS]
            for exact, stream in zip((True, True, False, False), streams, strict=True):
                path = tmp_path / f"{len(cases)}.j2c"
                path.write_bytes(stream)
                cases.append((path, bits, samples, exact, stream))
    names = json.dumps([str(path) for path, *_ in cases])
    subprocess.run(["node", str(tmp_path / "decode.cjs"), str(package), names], check=True, timeout=120)
    for path, bits, samples, exact, stream in cases:
        raw = np.fromfile(f"{path}.raw", samples.dtype).reshape(samples.shape)
        if samples.ndim == 3 and not scan_codestream(stream).multi_component_transform:
            raw = lines_put_right(raw)
        if exact:
            assert np.array_equal(raw, samples)
        else:
            # The two versions of the library round differently now and then; neither wraps.
            mine = decode_first_pass(stream, bits).astype(np.int64)
            assert np.abs(mine - np.minimum(raw, (1 << bits) - 1)).max() <= 1
