"""What the service says of itself is what it does."""

import re
import urllib.request
from xml.etree import ElementTree

import orjson
import pytest

from fastcine.config import Settings
from fastcine.dicomweb.capabilities import TRANSACTIONS, WADL, chosen
from fastcine.server.app import make_app
from tests.dicomweb.test_client import fetch
from tests.serving import serving

NAMESPACE = "{http://wadl.dev.java.net/2009/02}"


def below(path):
    return re.sub(r"\{[^}]*\}", "{}", path).removeprefix("/dicomweb").strip("/")


def test_every_route_is_told_and_no_other(tmp_path):
    routes = make_app(Settings(data=str(tmp_path))).router.routes()
    served = {
        (route.method, below(route.resource.canonical))
        for route in routes
        if route.resource is not None and route.resource.canonical.startswith("/dicomweb")
        and route.method not in ("HEAD", "OPTIONS")
    }  # fmt: skip
    assert {(method, below(path)) for method, path in TRANSACTIONS} == served


def walked(node, path=""):
    for resource in node.findall(f"{NAMESPACE}resource"):
        own = f"{path}/{resource.get('path')}".strip("/")
        yield from (((method.get("name"), own), method) for method in resource.findall(f"{NAMESPACE}method"))
        yield from walked(resource, own)


def test_from_a_server(tmp_path):
    with serving(tmp_path / "data") as server:
        url = f"{server.url}/dicomweb/"
        with urllib.request.urlopen(urllib.request.Request(url, method="OPTIONS"), timeout=20) as answer:
            assert answer.headers.get_content_type() == WADL
            document = ElementTree.fromstring(answer.read())
        assert document.tag == f"{NAMESPACE}application"
        (resources,) = document
        assert resources.get("base") == url
        methods = dict(walked(resources))
        assert set(methods) == {key for key in TRANSACTIONS if key[1]}
        options = methods["GET", "studies/{study}"].findall(f".//{NAMESPACE}option")
        assert any("1.2.840.10008.1.2.4.202" in option.get("value") for option in options)
        # What it says that it answers with, it answers with: nothing is there, which is another thing.
        for (method, path), transaction in TRANSACTIONS.items():
            where = url + re.sub(
                r"\{(\w+)\}", lambda found: {"frames": "1", "tag": "7FE00010"}.get(found[1], "1.2"), path
            )
            if method == "GET":
                for media_type in transaction.answers:
                    assert fetch(where, Accept=media_type)[0] in (200, 204, 404), (where, media_type)
        status, headers, text = fetch(url, Accept="application/json")
        assert status == 200 and headers["Content-Type"] == "application/json"
        told = orjson.loads(text)
        assert told["base"] == url
        assert {(m, "" if p == "/" else p) for p, each in told["resources"].items() for m in each} == set(TRANSACTIONS)
        assert fetch(url, Accept="text/html")[0] == 406
        assert fetch(url + "nothing")[0] == 404


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ({}, WADL), ({"*/*": 1.0}, WADL), ({"application/json": 1.0, "*/*": 0.1}, "application/json"),
        ({"application/dicom+json": 0.5}, "application/json"), ({"text/html": 1.0}, ""),
        ({WADL: 0.2, "application/json": 0.3}, "application/json"),
    ],
)  # fmt: skip
def test_which_form(accepted, expected):
    assert chosen(accepted) == expected
