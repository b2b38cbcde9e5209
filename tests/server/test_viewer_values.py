"""What a study's viewer reads beside the stream: what only some objects say, overlays' bits."""

import io

import numpy as np
import pydicom
import pytest
from aiohttp.test_utils import TestClient, TestServer

from fastcine.archive import presentation_states
from fastcine.cine.wire import run_id, run_name
from fastcine.config import Settings
from fastcine.errors import BadDicom
from fastcine.phantom import dicom_objects as objects
from fastcine.phantom import identity, patient, presentation
from fastcine.phantom.xa_objects import XA_IMAGE, mask_item
from fastcine.server.app import make_app
from tests.archives import fill
from tests.small_xa import small_xa, written

OVERLAY = np.random.default_rng(6).integers(0, 2, (33, 47)).astype(np.uint8)


def with_overlay():
    dataset = small_xa("overlay")
    packed = np.packbits(OVERLAY.reshape(-1), bitorder="little").tobytes()
    for element, vr, value in (
        (0x0010, "US", OVERLAY.shape[0]), (0x0011, "US", OVERLAY.shape[1]), (0x0022, "LO", "Landmarks"),
        (0x0040, "CS", "G"), (0x0050, "SS", [3, -2]), (0x0100, "US", 1), (0x0102, "US", 0),
        (0x3000, "OW", packed + b"\0" * (len(packed) % 2)),
    ):  # fmt: skip
        dataset.add_new(0x60020000 | element, vr, value)
    return dataset


def plane(name, *, of):
    purpose = objects.sequence(objects.code("121314", "DCM", "Other image of biplane pair"))
    other = objects.item(ReferencedSOPInstanceUID=identity.uid_for(301, f"object {of}"))
    other.ReferencedSOPClassUID, other.PurposeOfReferenceCodeSequence = XA_IMAGE, purpose
    image_type = ["ORIGINAL", "PRIMARY", f"BIPLANE {name}"]
    what = f"plane-{name.lower()}"
    return small_xa(what, ImageType=image_type, ReferencedImageSequence=objects.sequence(other))


def of_day(what, date, **elements):
    """A run in a study of its own, of the same Patient ID."""
    return small_xa(what, StudyInstanceUID=f"{identity.uid_for(301, what)}", StudyDate=date, **elements)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("values")
    made = {
        "overlay": with_overlay(),
        "masked": small_xa(
            "masked",
            MaskSubtractionSequence=objects.sequence(mask_item(first=2, last=2, masks=[1])),
            RecommendedViewingMode="SUB",
            ShutterShape="CIRCULAR",
            CenterOfCircularShutter=[32, 30],
            RadiusOfCircularShutter=20,
        ),
        "plane-a": plane("A", of="plane-b"),
        "plane-b": plane("B", of="plane-a"),
        "before": of_day("before", "20250210", angles=(-32, -20)),
        "after": of_day("after", "20270210"),
        "namesake": of_day("namesake", "20250210", IssuerOfPatientID="Elsewhere"),
    }
    paths = written(folder, made)
    state = next(entry for entry in patient.ENTRIES if entry.what == "presentation")
    paths["state"] = folder / "state.dcm"
    paths["state"].write_bytes(state.make(state.place(1)).data)
    receipts = dict(zip(paths, fill(folder / "data", paths.values()), strict=True))
    return folder / "data", receipts, paths


@pytest.fixture
async def client(served):
    server = TestServer(make_app(Settings(data=str(served[0]))))
    await server.start_server(access_log=None)
    async with TestClient(server) as client:
        yield client


async def test_a_description_says_what_only_some_files_say(client, served):
    async def described(name):
        return (await (await client.get(f"/api/runs/{served[1][name].run}")).json())["description"]

    masked, plain = await described("masked"), await described("overlay")
    assert masked["mask"]["subtract_first"] and masked["mask"]["items"][0]["mask_frames"] == [1]
    assert masked["mask"]["items"][0]["frame_ranges"] == [[2, 2]]
    assert masked["pixel_intensity_relationship"] == "LIN"
    assert masked["shutters"] == [{"shape": "circular", "center": [32, 30], "radius": 20, "presentation_value": None}]
    assert not {"mask", "shutters", "stage", "view", "biplane", "r_wave_ms"} & set(plain)
    (overlay,) = plain["overlays"]
    assert overlay == {
        "group": "6002", "rows": 33, "columns": 47, "origin": [3, -2], "frames": 1, "first_frame": 1,
        "every_frame": True, "type": "G", "label": "", "description": "Landmarks",
    }  # fmt: skip


async def test_an_overlays_bits_are_those_that_pydicom_reads(client, served):
    answer = await client.get(f"/api/runs/{served[1]['overlay'].run}/overlays/6002")
    body = await answer.read()
    assert answer.status == 200 and len(body) == (33 * 47 + 7) // 8
    bits = np.unpackbits(np.frombuffer(body, "u1"), bitorder="little")[: 33 * 47].reshape(33, 47)
    expected = pydicom.dcmread(io.BytesIO(served[2]["overlay"].read_bytes())).overlay_array(0x6002)
    assert np.array_equal(bits, expected) and bits.any()


@pytest.mark.parametrize("group", ["6000", "6001", "6020", "x"])
async def test_overlays_that_are_not_there(client, served, group):
    answer = await client.get(f"/api/runs/{served[1]['overlay'].run}/overlays/{group}")
    assert answer.status == 404


async def test_priors_are_the_same_patients_and_issuers_other_studies(client, served):
    receipts = served[1]
    url = f"/api/studies/{receipts['overlay'].study_instance_uid}/priors"
    body = await (await client.get(url)).json()
    after, before = body["priors"]
    assert [after["study_instance_uid"], before["study_instance_uid"]] == [
        receipts[name].study_instance_uid for name in ("after", "before")
    ]
    assert (after["earlier"], before["earlier"]) == (False, True)
    assert before["study_date_text"] == "2025-02-10 09:15" and before["modalities"] == ["XA"]
    (run,) = before["runs"]
    assert run["run"] == receipts["before"].run and run["geometry"]["label"] == "RAO 32 CAU 20"
    assert "PH-" not in url and "PH-" not in str(body)
    namesake = await (await client.get(f"/api/studies/{receipts['namesake'].study_instance_uid}/priors")).json()
    assert namesake == {"priors": []}


async def test_what_another_study_has_is_not_told_of_one_that_is_not_there(client):
    for name in ("priors", "presentation-states"):
        assert (await client.get(f"/api/studies/1.2.3/{name}")).status == 404


async def test_a_study_names_its_biplane_pairs(client, served):
    receipts = served[1]
    study = await (await client.get(f"/api/studies/{receipts['overlay'].study_instance_uid}")).json()
    pair = {"a": receipts["plane-a"].run, "b": receipts["plane-b"].run, "by": "reference"}
    assert study["biplane_pairs"] == [pair]
    before = await (await client.get(f"/api/studies/{receipts['before'].study_instance_uid}")).json()
    assert "biplane_pairs" not in before


async def test_presentation_states_come_as_values(client, served):
    uid = served[1]["state"].study_instance_uid
    study = await (await client.get(f"/api/studies/{uid}")).json()
    assert [tile["sop_class_uid"] for tile in study["tiles"]] == [presentation.GRAYSCALE]
    body = await (await client.get(f"/api/studies/{uid}/presentation-states")).json()
    (state,) = body["presentation_states"]
    assert body["unreadable"] == 0 and state["sop_instance_uid"] == served[1]["state"].sop_instance_uid
    (image,) = state["for"]
    assert image["run"] == run_name(run_id(image["sop_instance_uid"])) and image["frames"] == [presentation.FRAME]
    assert (state["voi"][0]["windows"][0]["center"], state["voi"][0]["windows"][0]["width"]) == presentation.WINDOW
    assert state["rotation_deg"] == 90 and state["displayed_areas"][0]["top_left"] == [512, 1]
    assert state["shutters"][0]["radius"] == presentation.SHUTTER_RADIUS
    assert state["annotations"][0]["texts"][0]["anchor"]["point"] == list(presentation.POINT)


async def test_a_state_that_cannot_be_read_is_counted(client, served, monkeypatch):
    def broken(*_):
        raise BadDicom("damaged")

    monkeypatch.setattr(presentation_states, "parse_object", broken)
    url = f"/api/studies/{served[1]['state'].study_instance_uid}/presentation-states"
    assert await (await client.get(url)).json() == {"presentation_states": [], "unreadable": 1}
