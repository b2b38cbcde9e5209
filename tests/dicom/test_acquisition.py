"""Stage and view, R waves and planes: what the file says, and nothing where it is silent."""

from fractions import Fraction

import pytest
from pydicom import Dataset, Sequence

from fastcine.dicom.acquisition import acquisition_json

STARTS = tuple(Fraction(n * 40) for n in range(20))


def told(**elements):
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return acquisition_json(dataset, STARTS)


def other_plane(uid="1.2.3", code="121314", scheme="DCM"):
    purpose, item = Dataset(), Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator = code, scheme
    item.ReferencedSOPInstanceUID, item.PurposeOfReferenceCodeSequence = uid, Sequence([purpose])
    return item


def test_a_plain_run_takes_no_byte():
    assert told(Modality="XA", ImageType=["ORIGINAL", "PRIMARY", "SINGLE PLANE"], PatientOrientation="") == {}


def test_stage_and_view():
    found = told(
        StageName="Peak", StageNumber=3, NumberOfStages=4, ViewName="A2C", ViewNumber=2, NumberOfViewsInStage=4,
        NumberOfEventTimers=1, EventElapsedTimes="180000", EventTimerNames="INFUSION",
    )  # fmt: skip
    assert found == {
        "stage": {"name": "Peak", "number": 3, "count": 4, "timers": [{"name": "INFUSION", "elapsed_ms": 180000.0}]},
        "view": {"name": "A2C", "number": 2, "count": 4},
    }
    assert told(StageName="Rest") == {"stage": {"name": "Rest", "number": None, "count": None}}


def test_r_waves_by_their_times():
    found = told(RWaveTimeVector=[512.25, -20.5, 1e9], RWavePointer=[3], HeartRate=72)
    assert found == {"r_wave_ms": [-20.5, 512.25], "r_wave_source": "R Wave Time Vector", "heart_rate_bpm": 72.0}


def test_r_waves_by_their_frames():
    found = told(RWavePointer=[1, 12, 21, 0])
    assert found == {"r_wave_ms": [0.0, 440.0], "r_wave_source": "R Wave Pointer"}


@pytest.mark.parametrize("rate", ["0", "-4", "4000"])
def test_absurd_heart_rates_are_none(rate):
    assert told(HeartRate=rate) == {}


def test_a_plane_names_the_other():
    found = told(
        ImageType=["ORIGINAL", "PRIMARY", "BIPLANE B"], AcquisitionNumber=7, AcquisitionTimeSynchronized="Y",
        SynchronizationFrameOfReferenceUID="1.9",
        ReferencedImageSequence=Sequence(
            [other_plane(), other_plane("1.2.4", code="121311"), other_plane("1.2.5", scheme="X")]
        ),
    )  # fmt: skip
    assert found == {
        "biplane": {
            "plane": "B",
            "acquisition_number": 7,
            "frame_of_reference_uid": None,
            "synchronization_uid": "1.9",
            "time_synchronized": True,
        },
        "referenced_runs": [{"sop_instance_uid": "1.2.3", "purpose": "121314"}],
    }
    assert told(PlaneIdentification="PLANE A")["biplane"]["plane"] == "A"


def test_an_orientation_needs_both_directions():
    assert told(PatientOrientation=["L", "F"]) == {"patient_orientation": ["L", "F"]}
    assert told(PatientOrientation="L") == {}
