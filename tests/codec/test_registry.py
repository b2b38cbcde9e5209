import pytest

from fastcine.codec import video
from fastcine.codec.registry import decoder_family, syntax_table
from fastcine.dicom.syntaxes import SYNTAXES, Family
from fastcine.errors import Unsupported


def test_every_syntax_has_a_decoder_or_a_reason():
    rows = syntax_table()
    assert len(rows) == len(SYNTAXES)
    for row in rows:
        assert bool(row.decoder) != bool(row.reason), row.syntax.uid
        if row.decoder:
            assert decoder_family(row.syntax.uid) is row.syntax.family
        else:
            with pytest.raises(Unsupported) as error:
                decoder_family(row.syntax.uid)
            assert error.value.transfer_syntax == row.syntax.uid and row.reason in str(error.value)


@pytest.mark.parametrize("pyav", [False, True])
def test_what_is_decoded(pyav, monkeypatch):
    monkeypatch.setattr(video, "installed", lambda: pyav)
    families = {row.syntax.family for row in syntax_table() if row.decoder}
    assert families == set(Family) - {Family.REFERENCED} - (set() if pyav else {Family.VIDEO})


def test_video_without_pyav_says_what_to_install(monkeypatch):
    monkeypatch.setattr(video, "installed", lambda: False)
    reasons = {row.reason for row in syntax_table() if row.syntax.video}
    assert reasons == {video.NEEDS_PYAV} and "fastcine[video]" in video.NEEDS_PYAV


@pytest.mark.parametrize("suffix", [".4.94", ".4.95", ".4.204", ".4.205", ".7.1", ".7.2", ".7.3"])
def test_jpip_and_smpte_2110_are_refused(suffix):
    with pytest.raises(Unsupported, match="on another server"):
        decoder_family("1.2.840.10008.1.2" + suffix)


def test_an_unknown_syntax_is_named():
    with pytest.raises(Unsupported, match=r"1\.2\.3\.4"):
        decoder_family("1.2.3.4")
