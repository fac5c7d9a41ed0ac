r"""Equations quoted from the chapters: `<!-- equation log-Z -->` in a page of text shows the equation and links to it.

The TeX comes from the chapter when the book is built, so that it cannot drift. `<!-- equation score: ends -->` shows of
a derivation the left side and what it comes to, without the steps between. What follows on the line stands beneath.
"""

import posixpath
import re

QUOTE = re.compile(r"<!--\s*equation\b(.*?)-->")
ASKED = re.compile(r"\s*([A-Za-z0-9-]+)(?::\s*(ends))?\s*")
NUMBER = re.compile(r"\s*&&\s*\(\d+\)")  # of a step, for the reasons beside it
ALIGNED = re.compile(r"\\begin\{aligned\}(.*)\\end\{aligned\}", re.S)
STEP = re.compile(r"\s*&\s*=")


def ends(tex):
    r"""The first and the last side of a derivation, "A &= B \\ &= C" -> "A &= C"; None if it has not two steps."""
    body = ALIGNED.fullmatch(tex.strip())
    rows = [row.strip() for row in body[1].split(r"\\")] if body else []
    steps = [i for i, row in enumerate(rows) if STEP.match(row)]
    if not steps:
        return None
    start = rows[0].partition("&=")[0].strip().removeprefix("&").strip()
    last = r" \\ ".join(rows[steps[-1] :])
    return rf"\begin{{aligned}} {start} {last} \end{{aligned}}"


def shown(asked, equations):
    """What a quote asks for. equations: {name: ledger entry}. -> (entry, TeX); ValueError says what is wrong"""
    match = ASKED.fullmatch(asked)
    if not match:
        raise ValueError(f"<!-- equation{asked}--> is no quote: write <!-- equation log-Z --> or … log-Z: ends -->")
    name, short = match.groups()
    if name not in equations:
        raise ValueError(f"<!-- equation {name} --> quotes an equation that no chapter names")
    tex = NUMBER.sub("", equations[name]["tex"])
    if short and (tex := ends(tex)) is None:
        raise ValueError(f"<!-- equation {name}: ends -->: ({name}) is no derivation in steps, quote it whole")
    return equations[name], tex


def wrong(text, equations):
    """What is wrong with the quotes of a page, one sentence each."""
    for asked in QUOTE.findall(text):
        try:
            shown(asked, equations)
        except ValueError as error:
            yield str(error)


def filled(line, doc, equations):
    """A line of a page with its quote, if it has one, replaced by the display and the link. -> str"""
    quote = QUOTE.search(line)
    if not quote:
        return line
    entry, tex = shown(quote[1], equations)
    home = posixpath.relpath(entry["url"].partition(".html")[0], posixpath.dirname(doc) or ".")
    margin = " " * quote.start()
    return (
        f"{line[: quote.start()]}$$ {' '.join(tex.split())} $$\n"
        f"{margin}[({entry['name']})]({home}.ipynb#eq-{entry['name']}){line[quote.end() :]}"
    )
