"""Queries over the index: narrowed by the database, matched exactly, in order."""

import pytest

from fastcine.archive.catalog import Query, search
from fastcine.archive.catalog_rows import ATTRIBUTES, Level
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.dicom.matching import matcher
from fastcine.errors import UsageError
from tests.archive.factories import part10, record, stored_as
from tests.archives import fill

PATIENTS = [
    ("DOE^JOHN", "PH-1", "20260301", "081500"), ("Doe^Jane", "PH-10", "20260302", "235959.5"),
    ("MÜLLER^JOHANN", "ph-1", "20251231", ""), ("YAMADA^TAROU=山田^太郎=やまだ^たろう", "J1", "20260301", "0700"),
    ("O'BRIEN^CONAN", "X*1", "", ""), ("DOE^JOHN", "PH-1", "20260401", "120000"),
    ("Weiß^Kai [x]", "A[1]", "20260301", ""),
]  # fmt: skip


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalog")
    files = []
    for number, (name, patient_id, date, time) in enumerate(PATIENTS):
        for series in range(1, 3):
            for image in range(1, 4):
                data = part10(
                    f"1.2.{number}.{series}.{image}", f"1.2.{number}", f"1.2.{number}.{series}",
                    SpecificCharacterSet="ISO_IR 192", PatientName=name, PatientID=patient_id, StudyDate=date,
                    StudyTime=time, SeriesNumber=series, InstanceNumber=image, Modality="XA" if series == 1 else "US",
                    AccessionNumber=f"A{number}", StudyDescription=f"Study {number}",
                    ReferringPhysicianName="König^Ida" if number % 2 else "Konig^Ida",
                )  # fmt: skip
                path = folder / f"{number}-{series}-{image}.dcm"
                path.write_bytes(data)
                files.append(path)
    receipts = fill(folder / "data", files, make=False)
    assert {str(each.outcome) for each in receipts} == {"stored"}
    found = Index(DataFolder(folder / "data").index_path)
    yield found
    found.close()


def studies(index, **keys):
    found = search(index, Query(level=Level.STUDY, keys=keys))
    return [each["StudyInstanceUID"][0] for each in found.rows]


def test_newest_first_and_all_without_keys(index):
    assert studies(index) == ["1.2.5", "1.2.1", "1.2.0", "1.2.3", "1.2.6", "1.2.2", "1.2.4"]
    series = search(index, Query(level=Level.SERIES, keys={"StudyInstanceUID": "1.2.0"})).rows
    assert [each["SeriesNumber"] for each in series] == [("1",), ("2",)]
    images = search(index, Query(level=Level.IMAGE, keys={"SeriesInstanceUID": "1.2.0.2"})).rows
    assert [each["SOPInstanceUID"] for each in images] == [("1.2.0.2.1",), ("1.2.0.2.2",), ("1.2.0.2.3",)]


def test_what_a_study_says(index):
    (row,) = search(index, Query(level=Level.STUDY, keys={"StudyInstanceUID": "1.2.1"})).rows
    assert row["PatientName"] == ("Doe^Jane",) and row["StudyDate"] == ("20260302",)
    assert row["StudyTime"] == ("235959.500000",) and set(row["ModalitiesInStudy"]) == {"US", "XA"}
    assert (row["NumberOfStudyRelatedSeries"], row["NumberOfStudyRelatedInstances"]) == (("2",), ("6",))
    (row,) = search(index, Query(level=Level.STUDY, keys={"StudyInstanceUID": "1.2.4"})).rows
    assert row["StudyDate"] == () and row["StudyTime"] == ()


def test_patients_come_once(index):
    rows = search(index, Query(level=Level.PATIENT, keys={"PatientName": "doe*"})).rows
    assert [each["PatientID"][0] for each in rows] == ["PH-1", "PH-10"]
    assert all("StudyInstanceUID" not in each for each in rows)


@pytest.mark.parametrize(
    "keys",
    [
        {"PatientName": "DOE*"}, {"PatientName": "doe^john"}, {"PatientName": "DOE"}, {"PatientName": "*john*"},
        {"PatientName": "?OE^J*"}, {"PatientName": "山田*"}, {"PatientName": "山*"}, {"PatientName": "O'BRIEN*"},
        {"PatientName": "O*"}, {"PatientName": "müller^j*"}, {"PatientName": '"*'}, {"PatientName": "DOE^JOHN^^^"},
        {"PatientID": "PH-1"}, {"PatientID": "PH-*"}, {"PatientID": "PH-1*"}, {"PatientID": "*1"},
        {"PatientID": "ph-1"}, {"PatientID": "PH-1\\J1"}, {"PatientID": "X*1"}, {"AccessionNumber": "A3"},
        {"AccessionNumber": "A?"}, {"StudyDate": "20260301"}, {"StudyDate": "20260301-20260302"},
        {"StudyDate": "-20260101"}, {"StudyDate": "20260302-"}, {"StudyDate": "nonsense"}, {"StudyTime": "08-12"},
        {"ModalitiesInStudy": "XA"}, {"ModalitiesInStudy": "MR"}, {"StudyDescription": "Study*"},
        {"StudyInstanceUID": "1.2.0\\1.2.3\\1.9"}, {"PatientName": "DOE*", "StudyDate": "202603*"},
        {"PatientName": "DOE*", "PatientID": "PH-1", "StudyDate": "20260401"}, {"NumberOfStudyRelatedSeries": "2"},
        {"PatientName": "*WEISS*"}, {"PatientName": "*eiss^k*"}, {"PatientName": "*iß*"}, {"PatientName": "*[x]"},
        {"PatientName": "*ller^*"}, {"PatientName": "*太*"}, {"PatientName": "*%*"}, {"StudyID": ""},
        {"PatientName": "*oe*", "ModalitiesInStudy": "US"}, {"ModalitiesInStudy": "X?"},
        {"ModalitiesInStudy": "XA\\MR"},
        {"ModalitiesInStudy": "xa"}, {"PatientID": "A[1]"}, {"PatientID": "A[[]1]*"}, {"PatientID": "*[1]"},
        {"PatientID": "PH-1", "ModalitiesInStudy": "XA", "PatientName": "*J*"}, {"AccessionNumber": "*3"},
        {"AccessionNumber": "A1\\A2"}, {"StudyDescription": "Study ?"}, {"StudyDescription": "study 1"},
        {"NumberOfStudyRelatedInstances": "6.0"}, {"NumberOfStudyRelatedInstances": "x"}, {"PatientSex": "F"},
        {"PatientBirthDate": "19610412"}, {"PatientBirthDate": "1961-"}, {"PatientBirthDate": "-1960"},
        {"PatientBirthDate": "x"}, {"ReferringPhysicianName": "KÖ*"}, {"ReferringPhysicianName": "*ig^*"},
        {"ReferringPhysicianName": "konig*"}, {"InstitutionName": "Any*"},
    ],
    ids=str,
)  # fmt: skip
def test_narrowing_loses_nothing(index, keys):
    """The database's short cut answers what matching every study would."""
    every = search(index, Query(level=Level.STUDY)).rows
    expected = [
        row["StudyInstanceUID"][0]
        for row in every
        if all(matcher(ATTRIBUTES[keyword].matching, asked)(row[keyword]) for keyword, asked in keys.items())
    ]
    assert studies(index, **keys) == expected


def test_keys_of_higher_levels_and_pages(index):
    keys = {"PatientID": "PH-1", "Modality": "XA"}
    found = search(index, Query(level=Level.IMAGE, keys=keys))
    assert [each["StudyInstanceUID"][0] for each in found.rows] == ["1.2.5"] * 3 + ["1.2.0"] * 3
    page = search(index, Query(level=Level.IMAGE, keys=keys, offset=2, limit=3))
    assert page.more and page.rows == found.rows[2:5]
    assert not search(index, Query(level=Level.IMAGE, keys=keys, offset=3, limit=3)).more


@pytest.mark.parametrize("blank", ["\t", "\u3000", "  ", "\u00a0 "])
@pytest.mark.parametrize("asked", ["DOE*", "doe^john", "DOE^J*"])
def test_a_blank_in_front_of_a_name_hides_nothing(tmp_path, blank, asked):
    """matching.py strips them, whatever they are; the database must not have left the study out before."""
    index = Index(tmp_path / "index.sqlite", durable=False)
    for number, name in enumerate(("DOE^JOHN", f"{blank}DOE^JOHN", "ROE^DOE^JOHN")):
        one = record(f"1.9.{number}", study=f"1.8.{number}", series=f"1.7.{number}", patient_name=name)
        index.add_instance(one, stored_as(str(number)))
    behind = record(
        "1.9.9", study="1.8.9", series="1.7.9", patient_name="X", patient_name_ideographic=f"{blank}DOE^JOHN"
    )
    index.add_instance(behind, stored_as("9"))
    assert set(studies(index, PatientName=asked)) == {"1.8.0", "1.8.1", "1.8.9"}
    index.close()


def test_fuzzy(index):
    found = search(index, Query(level=Level.STUDY, keys={"PatientName": "muller joh"}, fuzzy=True))
    assert [each["StudyInstanceUID"][0] for each in found.rows] == ["1.2.2"]


def test_a_key_of_a_lower_level_is_refused(index):
    with pytest.raises(UsageError, match="SOPInstanceUID"):
        search(index, Query(level=Level.STUDY, keys={"SOPInstanceUID": "1.2"}))


@pytest.mark.parametrize(
    "keys",
    [
        {"Modality": "US"}, {"Modality": "U?"}, {"Modality": "MR"}, {"Modality": "US", "PatientName": "doe*"},
        {"SeriesNumber": "2"}, {"SeriesNumber": "x"}, {"SeriesDescription": "L*"},
        {"SeriesInstanceUID": "1.2.0.1\\1.2.3.2"},
        {"SeriesInstanceUID": "1.9"}, {"SOPInstanceUID": "1.2.1.1.1\\1.2.5.2.3"}, {"SOPClassUID": "1.2.3"},
        {"InstanceNumber": "3", "StudyInstanceUID": "1.2.2"}, {"AvailableTransferSyntaxUID": "1.2.840.10008.1.2.1"},
        {"SeriesInstanceUID": "1.2.0.1", "SOPInstanceUID": "1.2.1.1.1"}, {"Rows": "4"}, {"NumberOfFrames": "3"},
    ],
    ids=str,
)  # fmt: skip
def test_narrowing_loses_nothing_below_studies(index, keys):
    every = search(index, Query(level=Level.IMAGE)).rows
    expected = [
        row["SOPInstanceUID"]
        for row in every
        if all(matcher(ATTRIBUTES[keyword].matching, asked)(row[keyword]) for keyword, asked in keys.items())
    ]
    assert [row["SOPInstanceUID"] for row in search(index, Query(level=Level.IMAGE, keys=keys)).rows] == expected
    if all(ATTRIBUTES[keyword].level <= Level.SERIES for keyword in keys):
        series = dict.fromkeys(
            row["SeriesInstanceUID"] for row in every
            if all(matcher(ATTRIBUTES[keyword].matching, asked)(row[keyword]) for keyword, asked in keys.items())
        )  # fmt: skip
        assert [row["SeriesInstanceUID"] for row in search(index, Query(level=Level.SERIES, keys=keys)).rows] == list(
            series
        )


def test_the_modalities_of_a_study_follow_it(tmp_path):
    """A search by modality has a table of its own, which a study's row keeps in step: moved, and gone."""
    index = Index(tmp_path / "index.sqlite", durable=False)
    index.add_instance(record(modality="XA", study_datetime=None, study_date_text=""), stored_as("a"))
    index.add_instance(record("1.2.3.5", series="1.2.4", modality='U"S'), stored_as("b"))
    assert studies(index, ModalitiesInStudy="XA") == studies(index, ModalitiesInStudy='U"S') == ["1.2"]
    assert studies(index, ModalitiesInStudy="US") == []
    assert index.read(lambda c: c.execute("SELECT count(*) FROM study_modality").fetchone()[0]) == 2

    def delete(connection):
        connection.execute("PRAGMA defer_foreign_keys = ON")
        for table in ("ingest_queue", "run", "instance", "series", "study", "study_text"):
            connection.execute(f"DELETE FROM {table}")

    index.write(delete)
    assert index.read(lambda c: c.execute("SELECT count(*) FROM study_modality").fetchone()[0]) == 0
    index.close()
