from pydicom.uid import UID, AllTransferSyntaxes

from fastcine.dicom.syntaxes import SYNTAXES, Family, find_syntax


def test_every_syntax_that_pydicom_knows_is_known_and_agrees():
    for uid in AllTransferSyntaxes:
        found = find_syntax(str(uid))
        assert found is not None, uid
        if found.family is not Family.REFERENCED:
            assert found.encapsulated == UID(uid).is_encapsulated, uid


def test_what_pydicom_lacks():
    for suffix, family in ((".8.1", Family.DEFLATED_FRAMES), (".1.98", Family.ENCAPSULATED_NATIVE)):
        assert find_syntax("1.2.840.10008.1.2" + suffix).family is family
    assert [find_syntax(f"1.2.840.10008.1.2.4.{last}").family for last in (110, 111, 112)] == [Family.JPEG_XL] * 3


def test_lossless_only_syntaxes():
    lossy = {uid for uid, syntax in SYNTAXES.items() if not syntax.lossless}
    assert {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.203"} <= lossy
    assert not {"1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"} & lossy
    assert find_syntax("1.2.3") is None
