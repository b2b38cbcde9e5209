import pytest
from pydicom import Dataset

from fastcine.dicom.identity import date_text, read_identity
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from tests.dicom.building import corpus_file


def identity(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return read_identity(dataset)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Phantom^Paula", "Phantom, Paula"),
        ("Adams^John Robert Quincy^^Rev.^B.A. M.Div.", "Adams, Rev. John Robert Quincy, B.A. M.Div."),
        ("Cher", "Cher"),
        ("^Given", "Given"),
        ("", ""),
        ("A\x00B^\x1b[31mC", "A B, [31mC"),
        ("A^B^C^D^E^F^G", "A, D B C, E"),
    ],
)
def test_names(written, shown):
    dataset = Dataset()
    dataset.add_new(0x00100010, "LO", written)
    assert read_identity(dataset).patient_name == shown


def test_component_groups():
    found = identity(PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう")
    assert (found.patient_name, found.patient_name_ideographic, found.patient_name_phonetic) == (
        "Yamada, Tarou",
        "山田, 太郎",
        "やまだ, たろう",
    )
    assert identity(PatientName="=山田^太郎").patient_name == "山田, 太郎"


@pytest.mark.parametrize(
    ("written", "shown"),
    [("19610412", "12 Apr 1961"), ("1961.04.12", "12 Apr 1961"), ("196104", "Apr 1961"), ("19610400", "Apr 1961"),
     ("1961", "1961"), ("19610000", "1961"), ("00000000", "unknown"), ("", "unknown"), ("n/a", "unknown"),
     ("19619999", "1961")],
)  # fmt: skip
def test_birth_dates(written, shown):
    assert date_text(written) == shown


def test_a_partial_birth_date_is_no_date():
    dataset = Dataset()
    dataset.add_new(0x00100030, "LO", "196104")
    found = read_identity(dataset)
    assert found.birth_date is None and found.birth_date_text == "Apr 1961"


@pytest.mark.parametrize(
    ("born", "study", "age", "shown"),
    [("19610412", "20260301", "", "64 y"), ("19610301", "20260301", "", "65 y"), ("20260225", "20260301", "", "4 d"),
     ("20260101", "20260301", "", "8 w"), ("20250101", "20260301", "", "14 mo"), ("", "20260301", "045Y", "45 y"),
     ("", "", "006M", "6 mo"), ("", "", "old", ""), ("20270101", "20260301", "031D", "31 d")],
)  # fmt: skip
def test_ages(born, study, age, shown):
    dataset = Dataset()
    for tag, value in ((0x00100030, born), (0x00080020, study), (0x00101010, age)):
        dataset.add_new(tag, "LO", value)
    assert read_identity(dataset).age_text == shown


def test_the_rest():
    found = identity(
        PatientID=" PH-1 ", IssuerOfPatientID="HOSP", PatientSex="F", AccessionNumber="A1", StudyDescription="X"
    )
    assert (found.patient_id, found.issuer, found.sex, found.accession_number) == ("PH-1", "HOSP", "F", "A1")
    dataset = Dataset()
    dataset.add_new(0x00100040, "LO", "unknown")
    assert read_identity(dataset).sex == ""


def test_a_megabyte_of_name_stays_one_short_line():
    dataset = Dataset()
    dataset.add_new(0x00100010, "UT", "A" * 1_000_000)
    assert len(read_identity(dataset).patient_name) == 200


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("weird/fo-dicom__chrH31.dcm", ("Yamada, Tarou", "山田, 太郎", "やまだ, たろう")),
        ("weird/fo-dicom__chrH32.dcm", ("ﾔﾏﾀﾞ, ﾀﾛｳ", "山田, 太郎", "やまだ, たろう")),
        ("weird/fo-dicom__chrI2.dcm", ("Hong, Gildong", "洪, 吉洞", "홍, 길동")),
        ("weird/fo-dicom__chrKoreanMulti.dcm", ("김희중", "", "")),
        ("weird/fo-dicom__chrArab.dcm", ("قباني, لنزار", "", "")),
        ("weird/fo-dicom__chrGreek.dcm", ("Διονυσιος", "", "")),
        ("weird/fo-dicom__chrHbrw.dcm", ("שרון, דבורה", "", "")),
        ("weird/fo-dicom__chrFren.dcm", ("Buc, Jérôme", "", "")),
    ],
)
def test_the_standards_character_set_examples(name, groups):
    data = corpus_file(name)
    found = read_identity(read_values(data, parse_object(data)))
    assert (found.patient_name, found.patient_name_ideographic, found.patient_name_phonetic) == groups
