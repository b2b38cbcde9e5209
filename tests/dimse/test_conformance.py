"""docs/conformance.md says what the code's tables say."""

import re
from pathlib import Path

from fastcine.archive.catalog_rows import ATTRIBUTES
from fastcine.codec.encode import DEPTHS, encoded_photometric
from fastcine.codec.transcode import TABLE_BYTES, TARGETS, is_kept
from fastcine.config import Settings
from fastcine.dicom import store_status as storing
from fastcine.dicom.parse import DEFLATED
from fastcine.dicom.part10 import IMPLEMENTATION_CLASS_UID
from fastcine.dicom.syntaxes import SYNTAXES
from fastcine.dicomweb import qido
from fastcine.dicomweb.capabilities import TRANSACTIONS
from fastcine.dicomweb.media_types import object_forms, parse_accept
from fastcine.dimse import association, finding, negotiation, retrieving
from fastcine.render.still import MEDIA_TYPES

TEXT = (Path(__file__).parents[2] / "docs/conformance.md").read_text("utf-8")


def rows(heading):
    part = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in re.findall(r"^\| .*\|$", part, re.M)][1:]


def test_sop_classes():
    table = {**negotiation.FIND, **negotiation.MOVE, **negotiation.GET, negotiation.VERIFICATION: "Verification"}
    assert {uid.strip("`"): name for name, uid, _ in rows("SOP classes") if uid} == table


def test_transfer_syntaxes():
    said = {uid.strip("`"): (name, kept) for name, uid, kept in rows("Transfer syntaxes")}
    assert said == {uid: (SYNTAXES[uid].name, "yes" if is_kept(uid) else "no") for uid in negotiation.STORED_SYNTAXES}


def test_transcoding():
    said = {uid.strip("`"): (name, bits, rgb, web) for name, uid, bits, rgb, web in rows("Transcoding")}
    assert said == {
        uid: (
            SYNTAXES[uid].name,
            f"{DEPTHS[uid][0]} to {DEPTHS[uid][-1]}" if uid in DEPTHS else "any",
            encoded_photometric("RGB", uid),
            "yes" if object_forms(parse_accept(f"application/dicom; transfer-syntax={uid}"), DEFLATED) else "no",
        )
        for uid in TARGETS
    }
    assert f"at most {TABLE_BYTES >> 20} MB" in TEXT


def test_keys():
    assert {(name, level, how) for name, level, how in rows("Query")} == {
        (name, attribute.level.name, str(attribute.matching)) for name, attribute in ATTRIBUTES.items()
    }


def test_statuses():
    said = {int(status.strip("`"), 16) for status, _ in rows("Storage")}
    assert said == {storing.SUCCESS, storing.OUT_OF_RESOURCES, storing.DOES_NOT_MATCH, storing.CANNOT_UNDERSTAND,
                    storing.CONFLICT, storing.DEFECT}  # fmt: skip
    query, retrieve = TEXT.split("\n## Query\n")[1].split("\n## Retrieve\n")
    for status in (finding.PENDING, finding.PENDING_SOME_KEYS, finding.CANCELLED, finding.OUT_OF_RESOURCES,
                   finding.DOES_NOT_MATCH, finding.UNABLE_TO_PROCESS):  # fmt: skip
        assert f"`{status:04X}`" in query
    for status in (retrieving.SUCCESS, retrieving.PENDING, retrieving.SOME_FAILED, retrieving.CANCELLED,
                   retrieving.OUT_OF_RESOURCES_SUBOPERATIONS, retrieving.DESTINATION_UNKNOWN,
                   retrieving.DOES_NOT_MATCH, retrieving.UNABLE_TO_PROCESS):  # fmt: skip
        assert f"`{status:04X}`" in retrieve


def test_dicomweb():
    assert {(method, path[2:-1]): name for name, method, path in rows("DICOMweb")} == {
        key: transaction.name for key, transaction in TRANSACTIONS.items()
    }
    text = TEXT.split("\n## DICOMweb\n")[1]
    assert f"at most {qido.MOST_LIMIT:,}".replace(",", " ") in text.replace("\n", " ")
    assert f"{qido.DEFAULT_LIMIT} unless `limit`" in text
    assert all(f"`{media_type}`" in text for media_type in MEDIA_TYPES)
    codes = ("storage_full", "storage_unavailable", "mismatch", "conflict", "bad_dicom", "not_dicom")
    assert {f"`{storing.refusal(code):04X}`" for code in codes} == set(re.findall("`[A-F0-9]{4}`", text))


def test_numbers():
    assert IMPLEMENTATION_CLASS_UID in TEXT
    settings = Settings()
    assert f"`dicom_port` ({settings.dicom_port})" in TEXT and settings.ae_title in TEXT
    assert f"`max_associations` ({settings.max_associations})" in TEXT
    assert f"{association.MAX_PDU_BYTES:,} bytes".replace(",", " ") in TEXT
