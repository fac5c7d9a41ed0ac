r"""How much room a formula will take once MathJax has set it, nearly: so that the page can keep that room until then.

The rules are TeX's (The TeXbook, chapters 17 and 18, appendix G), less what moves nothing by much; the widths are those
of Computer Modern, which MathJax's own font has too. All lengths are in em of that font. What is not known here counts
as one letter: the worst that comes of it is that the line moves a little when the formula arrives.
"""
import functools
import re
from typing import NamedTuple


class Box(NamedTuple):
    """What stands on a line: its width, its reach above and below the line, the kind of thing TeX takes it for."""

    width: float
    above: float = 0.7
    below: float = 0.2
    kind: str = "ord"

    def scaled(self, by):
        return Box(self.width * by, self.above * by, self.below * by, self.kind)


TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\S|(?<=\w)\s+(?=\w)", re.DOTALL)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
ITALIC = dict(zip(LETTERS, (
    .529, .429, .433, .520, .466, .490, .477, .576, .345, .412, .521, .298, .878, .600, .485, .503, .446, .451, .469,
    .361, .572, .485, .716, .572, .490, .465, .750, .759, .715, .828, .738, .643, .786, .831, .440, .555, .849, .681,
    .970, .803, .763, .642, .791, .759, .613, .584, .683, .583, .944, .828, .581, .683)))
ROMAN = dict(zip(LETTERS, (
    .500, .556, .444, .556, .444, .306, .500, .556, .278, .306, .528, .278, .833, .556, .500, .556, .528, .392, .394,
    .389, .556, .528, .722, .528, .528, .444, .750, .708, .722, .764, .681, .653, .785, .750, .361, .514, .778, .625,
    .917, .750, .778, .681, .778, .736, .556, .722, .750, .750, 1.028, .750, .750, .611)))
SYMBOLS = {name: width for width, names in {
    0.278: r". ! \mid | \vert \cdot : ; ,",
    0.389: r"( ) [ ] / \langle \rangle \iota",
    0.444: r"\delta \varepsilon \epsilon \zeta \eta \kappa",
    0.5: r"\{ \} \| \Vert \tau \lVert \rVert \beta \theta \xi \ast * \nu",
    0.571: r"\alpha \gamma \lambda \mu \pi \rho \sigma \psi \varphi \phi \chi \upsilon \partial",
    0.7: r"\omega \Gamma \Lambda \Theta \Psi \Sigma \Phi \Omega \Pi \Xi \nabla \Delta \top",
    0.778: r"+ - = < > \le \ge \leq \geq \times \pm \approx \equiv \ne \neq \sim \propto \in \notin \subset \perp",
    1.0: r"\to \rightarrow \leftarrow \leftrightarrow \gets \mapsto \implies \iff \Rightarrow \ll \gg \infty",
    1.17: r"\ldots \cdots \dots",
}.items() for name in names.split()}
KINDS = {name: kind for kind, names in {
    "rel": r"= < > : \le \ge \leq \geq \approx \equiv \ne \neq \sim \propto \in \notin \subset \perp \mid \ll \gg \to"
           r" \rightarrow \leftarrow \leftrightarrow \gets \mapsto \implies \iff \Rightarrow",
    "bin": r"+ - \times \pm \cdot * \ast",
    "open": r"( [ \{ \langle \lVert \lvert",
    "close": r") ] \} \rangle \rVert \rvert",
    "punct": ", ;",
}.items() for name in names.split()}
SPACES = {
    r"\,": .167, r"\:": .222, r"\>": .222, r"\;": .278, r"\!": -.167, r"\ ": .25, "~": .25, r"\quad": 1, r"\qquad": 2}
NAMED = set(r"\log \exp \max \min \sup \inf \tanh \cosh \sinh \sin \cos \ln \det \arg \lim \Pr".split())
BIG = {  # in a line, and in a display
    r"\sum": (Box(1.056, .75, .3, "op"), Box(1.444, .95, .45, "op")),
    r"\prod": (Box(.944, .75, .3, "op"), Box(1.278, .95, .45, "op")),
    r"\int": (Box(.556, .8, .35, "op"), Box(.944, 1.36, .86, "op")),
}
BELOW = set(r"\sum \prod \max \min \sup \inf \lim".split())  # where a display puts their subscripts
TEXT = set(r"\mathrm \text \operatorname \mathbf \mathbb \mathcal \boldsymbol \mathsf \texttt".split())
ACCENTS = set(r"\tilde \hat \bar \vec \dot \widehat \widetilde \overline \underline".split())
TALL = {"big": (.85, .35), "Big": (1.15, .65), "bigg": (1.45, .95), "Bigg": (1.75, 1.25)}
SCRIPT = 0.707
NO_TERM = (None, "bin", "rel", "open", "punct", "op")  # after these a plus or minus is a sign


@functools.cache
def size(tex, display=False):
    """(width, above, below) of a formula, in em of MathJax's font."""
    box = Formula(tex).line(display)
    return box.width, box.above, box.below


class Formula:
    """A formula read from left to right, once."""

    def __init__(self, tex):
        self.tokens = TOKEN.findall(tex)[::-1]

    def next(self):
        return self.tokens.pop() if self.tokens else "}"

    def follows(self, *tokens):
        return bool(self.tokens) and self.tokens[-1] in tokens

    def line(self, display, letters=ITALIC, script=False, until=("}",)):
        """Boxes up to the closing token, which is taken too, side by side; rows, where the line holds `\\\\`."""
        rows, boxes = [], []
        while self.tokens and not self.follows(*until):
            token = self.next()
            if token in ("\\\\", "&"):
                rows += [boxes] if token != "&" else []
                boxes = [] if token != "&" else boxes
            elif token in (r"\textstyle", r"\displaystyle"):
                display = token == r"\displaystyle"
            else:
                boxes.append(self.scripted(token, display, letters, script))
        if self.tokens:
            self.next()
        lines = [side_by_side(row, script) for row in [*rows, boxes] if row]
        return stacked(lines) if len(lines) > 1 else lines[0] if lines else Box(0)

    def argument(self, display, letters=ITALIC, script=False):
        token = self.next()
        return self.line(display, letters, script) if token == "{" else self.box(token, display, letters, script)

    def scripted(self, token, display, letters, script):
        """One thing with its subscript and superscript."""
        box = self.box(token, display, letters, script)
        sub = sup = Box(0, 0, 0)
        while self.follows("_", "^", "'"):
            mark = self.next()
            if mark == "_":
                sub = self.argument(False, script=True).scaled(SCRIPT)
            else:
                sup = self.argument(False, script=True).scaled(SCRIPT) if mark == "^" else Box(sup.width + .3, .5, 0)
        above = max(box.above, sup.above + (.41 if not display else .45) if sup.width else 0)
        below = max(box.below, sub.below + .2 if sub.width else 0)
        if display and token in BELOW:
            below = box.below + (.2 + sub.above + sub.below if sub.width else 0)
            above = box.above + (.2 + sup.above if sup.width else 0)
            return Box(max(box.width, sub.width, sup.width), above, below, box.kind)
        wide = max(sub.width, sup.width)
        return Box(box.width + wide + (.05 if wide else 0), above, below, box.kind)

    def box(self, token, display, letters, script):
        """One thing without its scripts."""
        if token == "{":
            return self.line(display, letters, script)._replace(kind="ord")
        if token in SPACES:
            return Box(SPACES[token], 0, 0, "space")
        if token.isspace():
            return Box(.333 if letters is ROMAN else 0, 0, 0, "space")
        if token in TEXT:
            inner = self.argument(False, ROMAN, script)
            return inner._replace(kind="op" if token == r"\operatorname" else "ord")
        if token in ACCENTS:
            inner = self.argument(display, letters, script)
            return inner._replace(above=inner.above + .1)
        if token in (r"\frac", r"\tfrac", r"\dfrac", r"\binom"):
            return self.fraction(token == r"\dfrac" or token == r"\frac" and display, script)
        if token == r"\sqrt":
            inner = self.argument(display, letters, script)
            return Box(inner.width + .833, inner.above + .2, inner.below, "ord")
        if token == r"\begin":
            name = self.environment()
            inner = self.line(display or name == "aligned", until=(r"\end",))
            self.environment()
            return inner._replace(kind="inner", width=inner.width + (1 if name != "aligned" else 0))
        if token in (r"\left", r"\right"):
            return self.box(self.next(), display, letters, script)
        for name, (above, below) in TALL.items():
            if re.fullmatch(rf"\\{name}[lrm]?", token):
                self.next()
                return Box(.46 + .15 * (above - .85), above, below, "close" if token.endswith("r") else "open")
        if token in NAMED:
            return Box(sum(ROMAN[c] for c in token[1:]), .7, .2, "op")
        if token in BIG:
            return BIG[token][display]
        kind = KINDS.get(token, "ord")
        reach = (.75, .25) if kind in ("open", "close") else (.7, .2)
        return Box(letters.get(token) or SYMBOLS.get(token) or .5, *reach, kind)

    def environment(self):
        """The name in braces after \\begin or \\end."""
        name = ""
        while self.tokens and (token := self.next()) != "}":
            name += token.strip("{")
        return name

    def fraction(self, display, script):
        over, under = (self.argument(False, script=script or not display) for _ in range(2))
        if not display:
            over, under = over.scaled(SCRIPT), under.scaled(SCRIPT)
        up, down = (.677, .686) if display else (.394, .345)
        return Box(max(over.width, under.width) + .24, up + over.above, down + under.below, "inner")


def side_by_side(boxes, script):
    """Boxes on one line, with TeX's spaces between them."""
    width, before = 0.0, None
    solid = [box for box in boxes if box.kind != "space"]
    kinds = [box.kind for box in solid]
    for i, kind in enumerate(kinds):
        after = kinds[i + 1] if i + 1 < len(kinds) else None
        if kind == "bin" and (before in NO_TERM or after in (None, "rel", "close", "punct")):
            kind = "ord"  # a sign
        width += gap(before, kind, script) if before else 0
        before = kind
    width += sum(box.width for box in boxes)
    return Box(width, max((b.above for b in solid), default=.7), max((b.below for b in solid), default=.2),
               solid[0].kind if len(solid) == 1 else "ord")


def gap(left, right, script):
    """The space TeX leaves between two kinds of things (The TeXbook, page 170)."""
    pair = (left, right)
    if left == "op" and right in ("ord", "op") or right == "op" and left in ("ord", "op", "close"):
        return .167
    if script:
        return 0
    if "rel" in pair:
        other = right if left == "rel" else left
        return 0 if other in ("rel", "open" if right == "rel" else "close", "punct" if right == "rel" else "") else .278
    if "bin" in pair:
        return .222
    if left == "punct" or "inner" in pair and not (left == "open" or right in ("close", "open") and left != "inner"):
        return .167
    return 0


def stacked(rows):
    """Rows of a table, centred on the axis."""
    height = sum(max(row.above, .7) + max(row.below, .3) for row in rows) + .3 * (len(rows) - 1)
    return Box(max(row.width for row in rows), height / 2 + .25, height / 2 - .25, "inner")
