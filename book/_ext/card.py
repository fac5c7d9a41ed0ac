"""The social card: the picture that a link to the book shows elsewhere. The gauge, as in _static/gauge.svg."""

WIDTH, HEIGHT = 1200, 630  # pixels: what every site that shows such cards asks for
ALT = "The gauge: a fixed ceiling at log Z, three lines below it at −J(q), each higher than the last, and the gaps."
Q, GAP, INK, GREY = "#D55E00", "#9B6BB3", "#222222", "#555555"  # as in the figures
LINES = (0.13, 0.32, 0.45)  # the heights of the lines at -J(q)
CEILING, HALF = 0.53, 0.1  # of the picture's height; of its width


def draw(path, title="The ELBO, Step by Step", words="From KL divergence to the variational autoencoder"):
    """Draws the card into a PNG file."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    identity = r"$\log\,Z = \mathrm{KL}(q\,\Vert\,p) - J(q)$"
    with mpl.rc_context({"hatch.color": GAP, "hatch.linewidth": 3, "mathtext.fontset": "dejavuserif"}):
        figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor="white")
        ax = figure.add_axes((0, 0, 1, 1), xlim=(0, 1), ylim=(0, 1))
        ax.axis("off")
        ax.text(0.06, 0.85, title, size=50, family="serif", weight="bold", color=INK, va="center")
        ax.text(0.06, 0.73, words, size=25, family="serif", color=GREY, va="center")
        for number, (x, line) in enumerate(zip((0.22, 0.5, 0.78), LINES, strict=True), start=1):
            fill = {"facecolor": GAP + "33", "edgecolor": GAP, "hatch": "/", "linewidth": 0}
            ax.bar(x, CEILING - line, 1.6 * HALF, bottom=line, **fill)
            ax.plot((x - HALF, x + HALF), (line, line), color=Q, linewidth=6, linestyle=(0, (4, 2.2)))
            ax.text(x, line - 0.03, f"$-J(q_{number})$", size=25, color=Q, ha="center", va="top")
        ax.plot((0.06, 0.94), (CEILING, CEILING), color=INK, linewidth=7)
        ax.text(0.06, CEILING + 0.03, r"$\log\,Z$", size=28, color=INK, va="bottom")
        ax.text(0.94, CEILING + 0.03, identity, size=28, color=INK, ha="right", va="bottom")
        figure.savefig(path, metadata={"Software": None})
