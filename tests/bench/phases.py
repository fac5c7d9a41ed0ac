"""Builds a book as book/build.py does, and writes down how long each part of Sphinx's work took.

`python phases.py BUILD SECONDS`: BUILD is the build.py of the copy to build, SECONDS the JSON file to write. Jupyter
Book runs in a process of its own, which first calls `watch`; the build itself is not changed.
"""
import atexit
import json
import sys
import time
from pathlib import Path


def watch(path):
    """Time the parts of the Sphinx build that this process is about to do; write the seconds when it ends."""
    start = time.perf_counter()
    from sphinx.application import Sphinx
    from sphinx.builders import Builder
    from sphinx.builders.html import StandaloneHTMLBuilder

    seconds = {}
    watched = {
        "set-up": (Sphinx, "__init__"), "reading": (Builder, "read"), "writing": (Builder, "write"),
        "finishing": (StandaloneHTMLBuilder, "finish"), "search index": (StandaloneHTMLBuilder, "dump_search_index"),
    }
    for name, (owner, method) in watched.items():
        setattr(owner, method, timing(getattr(owner, method), name, seconds))
    atexit.register(lambda: Path(path).write_text(json.dumps(seconds | {"whole": time.perf_counter() - start})))


def timing(function, name, seconds):
    """The function, adding the seconds that it takes to seconds[name]."""

    def timed(*arguments, **named):
        start = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start

    return timed


def main(build, seconds):
    """Builds. -> exit status"""
    sys.path.insert(0, str(Path(build).parent))
    import build as book

    here = str(Path(__file__).resolve().parent)
    first = f"import sys; sys.path.insert(0, {here!r}); import phases; phases.watch({seconds!r}); "
    book.JUPYTER_BOOK = first + book.JUPYTER_BOOK
    sys.argv = [build]
    return book.main()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
