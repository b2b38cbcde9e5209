"""Our own source, read by tests."""

import ast


def parsed(text: str) -> ast.Module:
    """The module's tree.

    CPython up to 3.12 now and then says SystemError where another thread parses too (python/cpython#106905): then again.
    """
    for _ in range(3):
        try:
            return ast.parse(text)
        except SystemError:
            continue
    return ast.parse(text)
