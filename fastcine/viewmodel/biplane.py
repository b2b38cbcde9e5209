"""Which runs of a study are the two planes of one acquisition. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

Description = Mapping[str, Any]


def biplane_pairs(descriptions: Iterable[Description | None]) -> list[dict[str, str]]:
    """`biplane_pairs` of docs/api.md, in the order in which plane A was acquired.

    Where runs name each other that counts. Else two planes are a pair where time and number of acquisition are the
    same and nobody else's: a guess that fits two runs is none.
    """
    known = [each for each in descriptions if each is not None]
    planes = {each["sop_instance_uid"]: each for each in known if each.get("biplane") or each.get("referenced_runs")}
    paired: dict[str, tuple[Description, Description, str]] = {}
    for one in planes.values():
        for named in one.get("referenced_runs", ()):
            other = planes.get(named["sop_instance_uid"])
            if other is not None and other is not one and not {one["run"], other["run"]} & paired.keys():
                a, b = (other, one) if _plane(one) == "B" or _plane(other) == "A" else (one, other)
                paired |= dict.fromkeys((a["run"], b["run"]), (a, b, "reference"))
    for group in _acquisitions(each for each in planes.values() if each["run"] not in paired):
        if sorted(map(_plane, group)) == ["A", "B"]:
            a, b = sorted(group, key=_plane)
            paired |= dict.fromkeys((a["run"], b["run"]), (a, b, "acquisition"))
    told = {a["run"]: {"a": a["run"], "b": b["run"], "by": by} for a, b, by in paired.values()}
    return [told[each["run"]] for each in known if each["run"] in told]


def _plane(description: Description) -> str:
    return str((description.get("biplane") or {}).get("plane", ""))


def _acquisitions(descriptions: Iterable[Description]) -> list[list[Description]]:
    """Planes by what one acquisition shares; those without a time stand alone."""
    groups: dict[tuple[Any, ...], list[Description]] = defaultdict(list)
    for each in descriptions:
        moment, plane = each["acquisition_datetime"], each.get("biplane")
        if moment is not None and plane:
            groups[moment, plane["acquisition_number"], plane["synchronization_uid"]].append(each)
    return list(groups.values())
