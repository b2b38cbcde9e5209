"""An archive's index as a department has it after years, made up: rows only, no object lies behind them.

Studies and series go in by the statements that receiving uses (index_write.py), thousands in a transaction. Seeded: the
same index every time.
"""

from __future__ import annotations

import random
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.index_write import put_instance
from fastcine.archive.record import IndexRecord, PatientAndStudy, StoredAs
from fastcine.cine.wire import run_id, run_name

BATCH = 40
"""Studies in a transaction. SQLite keeps what a savepoint has changed in a list that every statement walks along."""
FIRST_DAY = datetime(2012, 1, 2, 7, 0, tzinfo=UTC)
DAYS = 5000
_SURNAMES = (
    "ADLER AMADI ANDERSSON BACHMANN BAKKER BAUER BECKER BERG BERNARD BIANCHI BRANDT BROWN CARLSEN CHEN COHEN "
    "COSTA DAHL DIAZ DUBOIS EKBERG ERIKSEN FERRARI FISCHER FRANK FUCHS GARCIA GONZALEZ GRAY GRUBER HAAS HALL "
    "HANSEN HARTMANN HERRERA HOFFMANN HUANG HUBER IVANOV JANSEN JENSEN JOHANSSON KAISER KELLER KIM KLEIN KOCH "
    "KOVAC KRAUSE KRUGER LANG LARSEN LEHMANN LI LIND LOPEZ LUND MAIER MARTIN MAYER MEYER MILLER MOREAU MOSER "
    "MÜLLER NAGY NEUMANN NGUYEN NIELSEN NOVAK OBRIEN OLSEN PARK PEREZ PETERSEN POPOV RICHTER ROMANO ROSSI ROTH "
    "SANCHEZ SATO SCHMID SCHMIDT SCHNEIDER SCHULZ SILVA SINGH SMITH SVENSSON SZABO TANAKA THOMSEN TORRES VOGEL "
    "WAGNER WALKER WANG WEBER WEISS WILLIAMS WOLF WRIGHT YAMADA ZHANG ZIMMERMANN"
)
_GIVEN = (
    "ADA ALEX ANNA ANTON BEATRIX BEN CARLA CARLOS CLARA DAVID DORA ELENA EMIL EVA FELIX FRIDA GEORG GRETA HANNA "
    "HUGO IDA INGRID IVAN JAKOB JANA JOHN JULIA KARL KATJA LARS LENA LEO LUCIA MARIA MARK MIA NADIA NILS NORA "
    "OLGA OSKAR PAUL PAULA PETER RITA ROSA SARA SIMON SOFIA STEFAN TARA THOMAS ULLA VERA VICTOR WALTER XENIA YUKI "
    "ZOE"
)
SURNAMES, GIVEN = _SURNAMES.split(), _GIVEN.split()
DESCRIPTIONS = ("Coronary angiography", "Left heart catheterisation", "PCI", "Echocardiogram", "TAVI planning")
# Of a hundred studies how many are of these modalities. The last is what a search for a rare one has to find.
KINDS = ((("XA",), 45), (("US",), 38), (("XA", "US"), 10), (("XA", "IVUS"), 4), (("CT",), 2), (("XA", "OCT", "SR"), 1))
CLASSES = {"XA": "1.2.840.10008.5.1.4.1.1.12.1", "US": "1.2.840.10008.5.1.4.1.1.3.1"}
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7.2"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is made: on the average `instances` in a study."""

    studies: int
    instances: int = 10


def study_uid(number: int) -> str:
    return f"1.2.826.0.1.3680043.10.1.{number}"


def patient_id(patient: int) -> str:
    return f"PID{patient:07d}"


def accession(number: int) -> str:
    return f"ACC{number:08d}"


def _patient(number: int) -> dict[str, str]:
    """Common names are common: the square of an even random number draws them."""
    drawn = random.Random(number)
    surname = SURNAMES[int(drawn.random() ** 1.5 * len(SURNAMES))]
    born = datetime(1930, 1, 1) + timedelta(days=drawn.randrange(28_000))
    return {
        "patient_id": patient_id(number),
        "patient_name": f"{surname}^{drawn.choice(GIVEN)}",
        "birth_date": f"{born:%Y-%m-%d}",
        "sex": drawn.choice("FM"),
    }


def patients(studies: int) -> int:
    """How many have had `studies` studies."""
    return max(1, studies * 3 // 5)


def study_of(number: int, size: Size) -> tuple[PatientAndStudy, tuple[str, ...], int]:
    """One study: its row, its modalities, and how many instances it has."""
    drawn = random.Random(1_000_000_007 + number)
    moment = FIRST_DAY + timedelta(days=drawn.randrange(DAYS), minutes=drawn.randrange(720))
    (modalities,) = drawn.choices([kind for kind, _ in KINDS], [share for _, share in KINDS])
    study = PatientAndStudy(
        study_instance_uid=study_uid(number),
        **_patient(drawn.randrange(patients(size.studies))),
        study_datetime=moment,
        study_date_text=f"{moment:%Y-%m-%d %H:%M}",
        description=drawn.choice(DESCRIPTIONS),
        accession_number=accession(number),
        study_id=str(number),
        referring_physician_name=f"{drawn.choice(SURNAMES)}^{drawn.choice(GIVEN)}",
        institution_name="PHANTOM HOSPITAL",
    )
    # From a half to one and a half of the average.
    return study, modalities, max(len(modalities), round(size.instances * (0.5 + (number % 101) / 100)))


def first_records(number: int, size: Size) -> tuple[list[IndexRecord], int]:
    """The first instance of each of a study's series, and how many instances the study has."""
    study, modalities, instances = study_of(number, size)
    return [
        IndexRecord(
            patient_and_study=study,
            series_instance_uid=f"{study.study_instance_uid}.{series}",
            sop_instance_uid=f"{study.study_instance_uid}.{series}.0",
            sop_class_uid=CLASSES.get(modality, SECONDARY_CAPTURE),
            transfer_syntax_uid=JPEG_LOSSLESS,
            modality=modality,
            series_number=series + 1,
            series_description=f"{modality} series",
            series_datetime=study.study_datetime,
            instance_number=1,
            kind="run",
            frames=60,
            rows=512,
            columns=512,
        )
        for series, modality in enumerate(modalities)
    ], instances


def _stored_as(record: IndexRecord) -> StoredAs:
    uids = (record.study_instance_uid, record.series_instance_uid, record.sop_instance_uid)
    hashes = {"head_sha256": bytes(32), "data_set_sha256": record.sop_instance_uid.encode()[-32:]}
    return StoredAs(location=f"objects/{'/'.join(uids)}.dcm", file_bytes=1_000_000, data_set_offset=400, **hashes)


def _put(connection: sqlite3.Connection, numbers: range, size: Size) -> None:
    """Studies: the first instance of each series as receiving puts it, the others as copies of that one."""
    own = ("sop_instance_uid", "instance_number", "location")
    columns = [row["name"] for row in connection.execute("PRAGMA table_info(instance)")]
    shared = ", ".join(name for name in columns if name not in (*own, "id"))
    copy = (
        f"INSERT INTO instance ({', '.join(own)}, {shared}) SELECT ?, ?, ?, {shared} FROM instance"
        " WHERE sop_instance_uid = ? RETURNING id"
    )
    for number in numbers:
        firsts, instances = first_records(number, size)
        for first in firsts:
            put_instance(connection, first, stored_as=_stored_as(first), priority=None)
        for instance in range(len(firsts), instances):
            first = firsts[instance % len(firsts)]
            uid = f"{first.series_instance_uid}.{instance}"
            location = f"objects/{first.study_instance_uid}/{first.series_instance_uid}/{uid}.dcm"
            (row,) = connection.execute(copy, (uid, instance, location, first.sop_instance_uid)).fetchall()
            connection.execute(
                "INSERT INTO run VALUES (?, ?, 60, NULL, 'ready', '', 0, 0, 0)", (run_name(run_id(uid)), row["id"])
            )


_COUNT = (
    "UPDATE series SET objects = (SELECT count(*) FROM instance WHERE instance.series = series.id)",
    "UPDATE study SET objects = (SELECT sum(objects) FROM series WHERE series.study = study.serial)",
    "UPDATE study SET runs = objects",
    "UPDATE run SET state = 'ready'",
)


def make(root: Path, size: Size) -> int:
    """A data folder with such an index; how many instances it has. Nothing waits to be made."""
    folder = DataFolder(root, durable=False)
    index = Index(folder.index_path, durable=False)
    try:
        for begin in range(0, size.studies, BATCH):
            numbers = range(begin, min(begin + BATCH, size.studies))
            index.write(partial(_put, numbers=numbers, size=size))
        for statement in _COUNT:
            index.write(lambda connection, statement=statement: connection.execute(statement).rowcount)  # type: ignore[misc]
        return index.read(lambda connection: int(connection.execute("SELECT count(*) FROM instance").fetchone()[0]))
    finally:
        index.close()
