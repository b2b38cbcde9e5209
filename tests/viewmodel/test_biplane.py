"""Which runs are planes of one acquisition: by what they name, else by what only two of them share."""

from fastcine.viewmodel.biplane import biplane_pairs

NINE, TEN = "2026-03-01T09:00:00+01:00", "2026-03-01T10:00:00+01:00"


def run(name, plane="", *, names="", at=NINE, number=1):
    described = {"run": name, "sop_instance_uid": f"1.{name}", "acquisition_datetime": at}
    if plane:
        described["biplane"] = {"plane": plane, "acquisition_number": number, "synchronization_uid": None}
    if names:
        described["referenced_runs"] = [{"sop_instance_uid": f"1.{names}", "purpose": "121314"}]
    return described


def test_a_pair_names_each_other_or_one_the_other():
    expected = [{"a": "a", "b": "b", "by": "reference"}]
    assert biplane_pairs([run("b", "B", names="a"), None, run("a", "A", names="b")]) == expected
    assert biplane_pairs([run("a", "A"), run("b", "B", names="a", at=TEN)]) == expected


def test_planes_of_one_moment_are_a_pair_where_there_are_just_two():
    assert biplane_pairs([run("b", "B"), run("a", "A"), run("x"), run("c", "A", at=TEN), run("d", "B", at=TEN)]) == [
        {"a": "a", "b": "b", "by": "acquisition"},
        {"a": "c", "b": "d", "by": "acquisition"},
    ]
    assert biplane_pairs([run("a", "A"), run("b", "B"), run("c", "B")]) == []
    assert biplane_pairs([run("a", "A"), run("b", "B", number=2)]) == []
    assert biplane_pairs([run("a", "A", at=None), run("b", "B", at=None)]) == []


def test_nobody_is_in_two_pairs_and_nobody_is_his_own():
    assert biplane_pairs([run("a", "A", names="b"), run("b", "B"), run("c", "A", names="b")]) == [
        {"a": "a", "b": "b", "by": "reference"}
    ]
    assert biplane_pairs([run("a", "A", names="a")]) == []
    assert biplane_pairs([run("a", "A", names="gone")]) == []
