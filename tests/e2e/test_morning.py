"""What an echo reader finds in the morning: the made-up studies are there as a worklist shows them."""

from tests.e2e.morning import FRAMES, VIEWS, make_morning
from tests.serving import serving


def test_each_study_has_its_loops_in_the_order_of_acquisition(tmp_path):
    data, studies = make_morning(tmp_path, studies=2, loops=8)
    with serving(data) as server:
        rows = server.json("/api/worklist", {"limit": 50})["studies"]
        assert [row["study_instance_uid"] for row in rows] == [study.study_instance_uid for study in studies]
        assert len({row["patient_id"] for row in rows}) == 2
        for study in studies:
            tiles = server.json(f"/api/studies/{study.study_instance_uid}")["tiles"]
            assert tuple(tile["sop_instance_uid"] for tile in tiles) == study.loops
            assert {tile["state"] for tile in tiles} == {"ready"}
            described = [tile["description"] for tile in tiles]
            assert [each["view"]["name"] for each in described] == [VIEWS[n % len(VIEWS)] for n in range(8)]
            assert all(each["frames"] == FRAMES and each["r_wave_ms"] == [40.0] for each in described)
