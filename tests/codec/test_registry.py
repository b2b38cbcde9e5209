import pytest

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


def test_what_is_decoded():
    families = {row.syntax.family for row in syntax_table() if row.decoder}
    assert families == set(Family) - {Family.VIDEO, Family.REFERENCED}


def test_an_unknown_syntax_is_named():
    with pytest.raises(Unsupported, match=r"1\.2\.3\.4"):
        decoder_family("1.2.3.4")
