"""Our own source, read by tests."""

import ast


def parsed(text: str) -> ast.Module:
    """The module's tree.

    CPython up to 3.12 now and then raises SystemError where threads parse (python/cpython#106905): once more then.
    """
    for _ in range(3):
        try:
            return ast.parse(text)
        except SystemError:
            continue
    return ast.parse(text)
