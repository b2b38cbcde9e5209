"""Packed style sheets and pages, read by the browser: they are the ones that were written."""

import pytest

from fastcine.server.static import viewer_root
from tests.e2e.conftest import opened_page

ROOT = viewer_root()
RULES = """(text) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return [...sheet.cssRules].map((rule) => rule.cssText);
}"""
ELEMENTS = (
    """(text) => new DOMParser().parseFromString(text, "text/html").documentElement.outerHTML.replace(/\\s+/g, " ")"""
)

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def page(browser):
    with opened_page(browser) as page:
        yield page


def both(name):
    return [(folder / name).read_text("utf-8") for folder in (ROOT, ROOT / "packed")]


def test_a_packed_style_sheet_has_the_rules_of_its_source(page):
    for path in sorted((ROOT / "style").glob("*.css")):
        source, packed = both(f"style/{path.name}")
        rules = page.evaluate(RULES, source)
        assert len(rules) >= 5, path.name
        assert page.evaluate(RULES, packed) == rules
        assert len(packed) < len(source)
        # The answer depends on the text: one declaration less is seen.
        assert page.evaluate(RULES, packed.replace("}", ";x:y}", 1).replace(":", ":inherit;z:", 1)) != rules


def test_a_packed_page_has_the_elements_and_blanks_of_its_source(page):
    for path in sorted(ROOT.glob("*.html")):
        source, packed = both(path.name)
        assert page.evaluate(ELEMENTS, packed) == page.evaluate(ELEMENTS, source), path.name
        assert len(packed) < len(source)
