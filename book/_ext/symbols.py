r"""The list of all symbols, from A to Z: what each means, what code calls it, and where it is introduced.

A page asks for it by the comment `<!-- symbols -->`. It is made from the tables that head the chapters, "symbol | in
code | shape", and from the one of the page of notation, "symbol | in code | meaning", so that it cannot drift. What a
symbol is in one chapter stands beside what it is in another. Nothing here needs Sphinx; symbol_tables.py gives each
table its anchor.

A row's symbols are the formulas it begins with (after a semicolon too), those with a colon behind them, and those that
code names: in `$q(\mu) = \mathcal N(m, v)$ | m, v` they are q(μ), m and v.
"""

import posixpath
import re
from collections import namedtuple

import ledger
from equation_list import letters, short, source

LIST = "<!-- symbols -->"
TABLE = re.compile(r"^\| *symbol *\| *in code *\|.*\n\|[-:| ]+\|\n((?:\|.*(?:\n|$))+)", re.M)
ANCHOR = "symbols"
FORMULA = re.compile(r"\$([^$]+)\$")
LEADING = re.compile(r"\s*\$([^$]+)\$(?:\s*,|\s+and)?")
DEFINED = re.compile(r"\$([^$]+)\$:")
RELATION = re.compile(r"=|\\(?:ge|le|propto|in|sim)\b")
EARLIER = re.compile(r"chapters? \d\d(?:(?:,| and|, and) \d\d)*")
ARGUMENTS = re.compile(r"[(\[].*")
DECORATION = re.compile(r"\\(?:tilde|hat|bar|mathbf|boldsymbol|mathcal|mathrm|mathbb|log)(?![A-Za-z])\s*")
WORD = re.compile(r"\\(?:mathrm|text)\{[^}]*\}")
LETTER = re.compile(r"(?:\\[A-Za-z]+|[A-Za-z])(?:_\w)?")
NAMES = re.compile(r"`([\w, ]+)`")  # code that names things, and calls nothing
LINK = re.compile(r"(?<=\]\()[^)\s:]+(?=\))")
GREEK = """alpha beta gamma delta varepsilon eta theta lambda mu nu pi rho sigma tau phi psi Lambda Sigma""".split()

Sense = namedtuple("Sense", "doc text code has_meaning")  # what one row says; text and code in Markdown


def filled(text, doc, pages):
    """A page with the list put where its comment asks for it; pages: {doc: notebook or Markdown}. -> str"""
    return text.replace(LIST, listing(doc, pages)) if LIST in text else text


def listing(doc, pages):
    """The list as Markdown for the page `doc`: a row of letters, and for each letter its symbols."""
    by_letter = {}
    for symbol, senses in sorted(index(pages).items(), key=lambda item: order(item[0])):
        by_letter.setdefault(order(symbol)[0][0].upper(), []).append(_entry(doc, pages, symbol, senses))
    by_letter = dict(sorted(by_letter.items()))
    lines = [letters(by_letter)]
    for letter, entries in by_letter.items():
        lines += [f"## {letter}", *entries]
    return "\n\n".join(lines)


def index(pages):
    """{symbol as TeX: [Sense, …]} of the whole book; a page of notation comes first."""
    found = {}
    for doc, page in sorted(pages.items(), key=lambda item: isinstance(item[1], dict)):
        for text in ledger.markdown_of(page):
            for rows in TABLE.findall(text):
                for cells in map(cells_of, rows.splitlines()):
                    sense = sense_of(doc, cells, is_notation=isinstance(page, str))
                    for symbol in symbols_of(cells) if sense else ():
                        add(found.setdefault(symbol, []), sense)
    return {symbol: senses for symbol, senses in found.items() if senses}


def cells_of(row):
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def sense_of(doc, cells, is_notation):
    """What a row says; None where it only names an earlier chapter, or says nothing."""
    text, code = cells[0], cells[1]
    if is_notation:
        text = f"{text}: {cells[2]}"
    rest = FORMULA.sub("", text).strip(" ,;:")
    if EARLIER.fullmatch(rest) or not (rest or code):
        return None
    return Sense(doc, LINK.sub(lambda link: moved(link[0], doc), text), code, bool(re.search(r"[a-z]", rest)))


def moved(link, doc):
    """A link on a page of the book as one from its root: "/notebooks/02_log_z.ipynb#eq-log-Z"."""
    path, hash_, anchor = link.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(doc), path)) if path else f"{doc}.ipynb"
    return f"/{target}{hash_}{anchor}"


def add(senses, sense):
    """Adds a sense, unless it is bare of words and those before it have its code already, under fuller ones."""
    known = any(sense.code == other.code and sense.text != other.text for other in senses)
    if sense not in senses and (sense.has_meaning or not known):
        senses.append(sense)


def symbols_of(cells):
    """The symbols that a row defines, as TeX, without what they are applied to. -> list of str"""
    formulas = []
    for part in outside_formulas(";", cells[0]):
        while match := LEADING.match(part):
            formulas.append(match[1])
            part = part[match.end():] if match[0].rstrip().endswith((",", "and")) else ""
    formulas += DEFINED.findall(cells[0])
    symbols = dict.fromkeys(plain(one) for formula in formulas for one in outside_brackets(",", formula))
    written = set(LETTER.findall(WORD.sub("", " ".join(FORMULA.findall(cells[0])))))
    for name in re.findall(r"\w+", " ".join(NAMES.findall(cells[1]))):
        tex = "\\" + name if name.partition("_")[0] in GREEK else name
        if tex in written and tex not in map(base, symbols):
            symbols[tex] = None
    return list(symbols)


def outside_formulas(separator, text):
    """Splits a text where the separator stands outside formulas."""
    return re.split(rf"{separator}(?=(?:[^$]*\$[^$]*\$)*[^$]*$)", text)


def outside_brackets(separator, tex):
    """Splits a formula where the separator stands outside brackets."""
    parts, depth = [""], 0
    for character in tex:
        depth += (character in "([{") - (character in ")]}")
        if character == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def plain(tex):
    r"""A formula's symbol: `m_i=\mathbb{E}_q[x_i]` -> `m_i`. What p and q are distributions of belongs to them."""
    symbol = RELATION.split(tex)[0].strip().removeprefix("-")
    symbol = re.sub(r"\\(tilde|hat|bar|mathbf|boldsymbol|mathcal|mathbb)\{(\w)\}", r"\\\1 \2", symbol)
    symbol = re.sub(r"\\(mathcal|mathbf|mathbb)\s*(\w)", r"\\\1 \2", symbol.replace(r"\,", ""))
    if base(symbol) not in ("p", "q"):
        symbol = ARGUMENTS.sub("", symbol)
    return re.sub(r"\s*([,(]|\\mid)\s*", lambda m: {",": ", ", "(": "("}.get(m[1], r"\mid "), symbol).strip()


def base(symbol):
    r"""The letter or word a symbol is made from: `\hat m_j` -> `m`, `\mathrm{Var}_q` -> `Var`."""
    bare = DECORATION.sub("", symbol) or symbol
    return re.match(r"\\?[A-Za-z]+" if bare[:1] in "\\{" or r"\mathrm" in symbol else ".", bare.lstrip("{"))[0]


def order(symbol):
    """What the list is sorted by: names of letters, Greek ones by theirs; the barest symbol of a letter first."""
    name = base(symbol).lstrip("\\").removeprefix("var").replace("ell", "l")
    return name.lower(), name, len(symbol), symbol


def _entry(doc, pages, symbol, senses):
    """A symbol and its senses as a term and its definitions; equal ones of several chapters are one."""
    merged = {}
    for sense in senses:
        merged.setdefault((sense.text, sense.code), []).append(sense.doc)
    lines = [f"${symbol}$"]
    for (text, code), docs in merged.items():
        where = ", ".join(source(pages, doc, page, _where(page), ANCHOR) for page in docs)
        lines.append(f": {where} {text}{f' — {code}' if code else ''}")
    return "\n".join(lines)


def _where(doc):
    return short(doc)
