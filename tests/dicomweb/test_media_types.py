"""What is accepted, and what is served for it."""

import pytest

from fastcine.dicom.parse import EXPLICIT_LITTLE as EXPLICIT
from fastcine.dicomweb.media_types import frame_forms, object_forms, parse_accept, wants_json

SV1, BASELINE, BIG = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.2"
JLS, HTJ2K, RPCL = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202"


def test_the_most_wanted_comes_first():
    found = parse_accept(
        'multipart/related; type="image/jpeg"; q=0.5, application/dicom+json;q=0.1, */*;q=0, text/x; note="a, b; q=1"'
    )
    assert [each.media_type for each in found] == ["text/x", "multipart/related", "application/dicom+json"]
    assert found[0].parameters == {"note": "a, b; q=1"} and found[1].part_type == "image/jpeg"
    assert parse_accept("", ",", ";q=1") == [] and parse_accept("a/b;q=x") == []


def test_json():
    assert wants_json([]) and wants_json(parse_accept("*/*")) and wants_json(parse_accept("application/json"))
    assert not wants_json(parse_accept("application/dicom+xml"))


@pytest.mark.parametrize(
    ("accept", "stored", "expected"),
    [
        ("", SV1, ("image/jpeg", SV1, True, True)),
        ("*/*", SV1, ("image/jpeg", SV1, True, True)),
        ('multipart/related; type="application/octet-stream"', SV1,
         ("application/octet-stream", EXPLICIT, True, False)),
        ('multipart/related; type="application/octet-stream"; transfer-syntax=*', SV1, ("image/jpeg", SV1, True, True)),
        (f'multipart/related; type="image/jpeg"; transfer-syntax={SV1}', SV1, ("image/jpeg", SV1, True, True)),
        (f'multipart/related; type="image/jpeg"; transfer-syntax={BASELINE}', SV1, None),
        ('multipart/related; type="image/jls"; q=0.3, multipart/related; type="image/jpeg"', SV1,
         ("image/jpeg", SV1, True, True)),
        ('multipart/related; type="image/jls", multipart/related; type="image/jpeg"', SV1,
         ("image/jpeg", SV1, True, True)),
        ('multipart/related; type="image/jls"', SV1, ("image/jls", JLS, True, False)),
        ("image/jphc", EXPLICIT, ("image/jphc", HTJ2K, False, False)),
        (f"image/jphc; transfer-syntax={RPCL}", SV1, ("image/jphc", RPCL, False, False)),
        (f"image/jls; transfer-syntax={RPCL}", SV1, None),
        ("image/jphc", BASELINE, None),
        ("image/jls", "1.2.840.10008.1.2.4.81", ("image/jls", "1.2.840.10008.1.2.4.81", False, True)),
        ("image/jpeg", SV1, ("image/jpeg", SV1, False, True)),
        ("application/octet-stream", EXPLICIT, ("application/octet-stream", EXPLICIT, False, False)),
        ("application/octet-stream", BIG, ("application/octet-stream", EXPLICIT, False, False)),
        ("text/html", SV1, None),
    ],
)  # fmt: skip
def test_frames(accept, stored, expected):
    form = next(iter(frame_forms(parse_accept(accept), stored)), None)
    assert form is None if expected is None else (
        form.media_type, form.transfer_syntax, form.multipart, form.as_stored) == expected  # fmt: skip


@pytest.mark.parametrize(
    ("accept", "stored", "expected"),
    [
        ("", SV1, (SV1, True, True)),
        ('multipart/related; type="application/dicom"', SV1, (SV1, True, True)),
        (f'multipart/related; type="application/dicom"; transfer-syntax={EXPLICIT}', SV1, (EXPLICIT, True, False)),
        (f'multipart/related; type="application/dicom"; transfer-syntax={EXPLICIT}', BASELINE, None),
        (f'multipart/related; type="application/dicom"; transfer-syntax={JLS}', SV1, (JLS, True, False)),
        (f"application/dicom; transfer-syntax={RPCL}", BASELINE, None),
        (f"application/dicom; transfer-syntax={RPCL}", BIG, (RPCL, False, False)),
        ("application/dicom; transfer-syntax=1.2.840.10008.1.2", SV1, None),
        (f"application/dicom; transfer-syntax={RPCL}, application/dicom", BIG, (BIG, False, True)),
        ("application/dicom; transfer-syntax=*", BASELINE, (BASELINE, False, True)),
        (f'multipart/related; type="application/dicom"; transfer-syntax={BASELINE}', SV1, None),
        ("image/jpeg", SV1, None),
    ],
)  # fmt: skip
def test_objects(accept, stored, expected):
    form = next(iter(object_forms(parse_accept(accept), stored)), None)
    assert (form and (form.transfer_syntax, form.multipart, form.as_stored)) == expected
