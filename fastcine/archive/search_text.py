"""How patients are searched: text in, FTS5 tokens and match expressions out. Pure.

Case, width (half-width katakana), accents and the `^ =` of person names make no difference; every word of a search must
begin a word of the study's text. Ideographs and kana have no spaces between words, so each is a word of its own.
"""

from __future__ import annotations

import re
import unicodedata

MAX_SEARCH_WORDS = 12
"""A name, an ID and a date are fewer; a pasted page must not become a thousand FTS terms."""
_UNSPACED = re.compile(
    "([\u2e80-\u2fdf\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
)


def _words(text: str) -> list[str]:
    """Words of letters and digits, folded: NFKC, case-fold, accents off (FTS5's own folding is ASCII-minded)."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    # Voiced kana decompose to base and mark: the mark is a letter of the word there, an accent elsewhere.
    kept = (c for c in folded if not unicodedata.combining(c) or c in "\u3099\u309a")
    plain = unicodedata.normalize("NFC", "".join(kept))
    return re.findall(r"\w+", _UNSPACED.sub(r" \1 ", plain.replace("_", " ")))


def index_text(*parts: str) -> str:
    """The text that the index keeps of `parts`: folded words with a space between."""
    return " ".join(word for part in parts for word in _words(part))


INITIAL_MARK = "\ua71d"
"""Stands before an initial that is kept as a word of its own. A letter to FTS5, and of no language."""


def name_text(*groups: str) -> str:
    """`index_text` of a person's name, and its words' initials (a to z).

    The words of descriptions lie in the same lists as names: all that begins with an A, say, is every angiography there
    is. `MILLER^A*` goes along the initials instead.
    """
    words = index_text(*groups)
    return words + "".join(f" {INITIAL_MARK}{word[0]}" for word in words.split() if "a" <= word[0] <= "z")


def match_expression(search: str) -> str | None:
    """The FTS5 expression of what somebody typed; None where it holds no word (then everything matches).

    What stands together ("PH-1", "小東") must stand together; the last word of each may go on.
    """
    phrases = [words for chunk in search.split()[:MAX_SEARCH_WORDS] if (words := _words(chunk))]
    if not phrases:
        return None
    # _words leaves letters and digits only, so nothing of FTS5's syntax can come through.
    return " AND ".join(f'"{" ".join(words)}"*' for words in phrases)
