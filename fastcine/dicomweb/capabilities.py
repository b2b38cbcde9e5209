"""What this service does, for machines (PS3.18 8.9 and annex H): a WADL document, or the same as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from fastcine.archive.catalog_rows import ATTRIBUTES, Level
from fastcine.codec.encode import DEPTHS
from fastcine.dicom.parse import EXPLICIT_LITTLE
from fastcine.dicomweb.media_types import DICOM, DICOM_JSON, JSON, MEDIA_TYPE_OF, MULTIPART, OCTETS
from fastcine.render.still import MEDIA_TYPES

WADL = "application/vnd.sun.wadl+xml"
_NAMESPACE = "http://wadl.dev.java.net/2009/02"

_OBJECTS = tuple(f'{MULTIPART}; type="{DICOM}"; transfer-syntax={uid}' for uid in ("*", EXPLICIT_LITTLE, *DEPTHS))
_FRAMES = (
    f'{MULTIPART}; type="{OCTETS}"',
    f'{MULTIPART}; type="{OCTETS}"; transfer-syntax=*',
    *(f'{MULTIPART}; type="{MEDIA_TYPE_OF[uid]}"; transfer-syntax={uid}' for uid in DEPTHS),
)
_STUDY = "studies/{study}"
_SERIES = _STUDY + "/series/{series}"
_INSTANCE = _SERIES + "/instances/{instance}"
_FRAME = _INSTANCE + "/frames/{frames}"


@dataclass(frozen=True, slots=True)
class Transaction:
    """One method of a resource: its name, what it answers with, its parameters, and what it takes."""

    name: str
    answers: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


def _keys(level: Level) -> tuple[str, ...]:
    keywords = tuple(keyword for keyword, attribute in ATTRIBUTES.items() if attribute.level <= level)
    return (*keywords, "includefield", "fuzzymatching", "limit", "offset")


_RENDERING = ("window", "viewport", "quality")
_STORED = (f'{MULTIPART}; type="{DICOM}"', f'{MULTIPART}; type="{DICOM_JSON}"')
_JSON = (DICOM_JSON, JSON)


def _transactions() -> dict[tuple[str, str], Transaction]:
    found = {
        ("GET", ""): Transaction("RetrieveCapabilities", (WADL, JSON)),
        ("GET", "studies"): Transaction("SearchForStudies", _JSON, _keys(Level.STUDY)),
        ("GET", "series"): Transaction("SearchForSeries", _JSON, _keys(Level.SERIES)),
        ("GET", "instances"): Transaction("SearchForInstances", _JSON, _keys(Level.IMAGE)),
        ("GET", _STUDY + "/series"): Transaction("SearchForStudySeries", _JSON, _keys(Level.SERIES)),
        ("GET", _STUDY + "/instances"): Transaction("SearchForStudyInstances", _JSON, _keys(Level.IMAGE)),
        ("GET", _SERIES + "/instances"): Transaction("SearchForStudySeriesInstances", _JSON, _keys(Level.IMAGE)),
        ("POST", "studies"): Transaction("StoreInstances", (DICOM_JSON,), takes=_STORED),
        ("POST", _STUDY): Transaction("StoreStudyInstances", (DICOM_JSON,), takes=_STORED),
        ("GET", _FRAME): Transaction("RetrieveFrames", _FRAMES),
        ("GET", _INSTANCE + "/bulkdata/{tag}"): Transaction("RetrieveBulkdata", (OCTETS, _FRAMES[0])),
    }
    for name, path in {"Study": _STUDY, "Series": _SERIES, "Instance": _INSTANCE, "Frames": _FRAME}.items():
        if path != _FRAME:
            found["GET", path] = Transaction(f"Retrieve{name}", _OBJECTS)
            found["DELETE", path] = Transaction(f"Delete{name}", ())
            found["GET", path + "/metadata"] = Transaction(f"Retrieve{name}Metadata", _JSON)
        found["GET", path + "/rendered"] = Transaction(f"RetrieveRendered{name}", MEDIA_TYPES, _RENDERING)
        found["GET", path + "/thumbnail"] = Transaction(f"Retrieve{name}Thumbnail", MEDIA_TYPES, ("viewport",))
    return found


TRANSACTIONS = _transactions()
"""Every transaction, by method and path below the service's root. A test holds it against the routes."""


def as_json(base_url: str) -> dict[str, Any]:
    """The resources with their methods: `{"base", "resources": {path: {method: …}}}`."""
    resources: dict[str, dict[str, Any]] = {}
    for (method, path), each in TRANSACTIONS.items():
        told = {"name": each.name, "answers": each.answers, "parameters": each.parameters, "takes": each.takes}
        resources.setdefault(path or "/", {})[method] = {key: value for key, value in told.items() if value}
    return {"base": base_url, "resources": resources}


def as_wadl(base_url: str) -> bytes:
    """A WADL document: a tree of resources, each with its methods."""
    application = ElementTree.Element("application", {"xmlns": _NAMESPACE})
    top = ElementTree.SubElement(application, "resources", {"base": base_url})
    nodes: dict[str, ElementTree.Element] = {"": top}
    for method, path in sorted(TRANSACTIONS, key=lambda pair: (pair[1], pair[0])):
        if path:  # this document is not described in itself (annex H)
            _add_method(_resource(nodes, path), method, TRANSACTIONS[method, path])
    ElementTree.indent(application)
    return bytes(ElementTree.tostring(application, "utf-8", xml_declaration=True))


def _resource(nodes: dict[str, ElementTree.Element], path: str) -> ElementTree.Element:
    if path not in nodes:
        above, _, own = path.rpartition("/")
        nodes[path] = ElementTree.SubElement(_resource(nodes, above), "resource", {"path": own})
        if own.startswith("{"):
            name = {"name": own.strip("{}"), "style": "template", "required": "true"}
            ElementTree.SubElement(nodes[path], "param", name)
    return nodes[path]


def _add_method(resource: ElementTree.Element, method: str, each: Transaction) -> None:
    node = ElementTree.SubElement(resource, "method", {"name": method, "id": each.name})
    request = ElementTree.SubElement(node, "request")
    if not each.answers:  # done, and nothing to say about it
        ElementTree.SubElement(node, "response", {"status": "204"})
        return
    accept = ElementTree.SubElement(request, "param", {"name": "Accept", "style": "header", "default": each.answers[0]})
    for media_type in each.answers:
        ElementTree.SubElement(accept, "option", {"value": media_type})
    for name in each.parameters:
        ElementTree.SubElement(request, "param", {"name": name, "style": "query"})
    for media_type in each.takes:
        ElementTree.SubElement(request, "representation", {"mediaType": media_type})
    answer = ElementTree.SubElement(node, "response", {"status": "200"})
    for media_type in dict.fromkeys(each.answers):
        ElementTree.SubElement(answer, "representation", {"mediaType": media_type})


def chosen(accepted: Mapping[str, float] | None = None) -> str:
    """WADL unless JSON is liked better; empty where neither is (406). `accepted`: quality by media type."""
    if not accepted:
        return WADL
    anything = max((accepted.get(each, 0.0) for each in ("*/*", "application/*")), default=0.0)
    best = {WADL: accepted.get(WADL, anything), JSON: max(accepted.get(JSON, anything), accepted.get(DICOM_JSON, 0.0))}
    found = max(best, key=lambda each: best[each])
    return found if best[found] > 0 else ""
