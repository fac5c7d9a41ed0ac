"""Chapter 11: −J of any upright ellipse by the notebook's table, and by points around it; and what can be recovered."""
import functools

import numpy as np
import torch

from conftest import definitions
from explorers import machine as machine_of

DOC = "notebooks/11_gap"
DRAGS = {"centre": {"m1", "m2"}, "right": {"s1"}, "top": {"s2"}}
KEYS = ("m1", "s1", "m2", "s2")
machine = functools.partial(machine_of, doc=DOC, of="table_of")  # the decoder, the images, and their tables


def setting(rng, data):
    """Where the sliders surely go: the posterior's place, and no wider than the wider of both ellipses."""
    number = int(rng.integers(len(data["images"])))
    image = data["images"][number]
    seen, both = np.concatenate(image["most"]), np.array([image["encoder"], image["best"]])
    m1, m2 = rng.uniform(seen.min(0), seen.max(0))
    s1, s2 = rng.uniform(0.06, both[:, 1::2].max(), 2)
    return {"image": number, "m1": m1, "s1": s1, "m2": m2, "s2": s2}


def eta_of(ellipses):
    """(m1, s1, m2, s2) in rows as the notebook's eta: widths as logs."""
    m1, s1, m2, s2 = ellipses.T
    return np.stack([m1, np.log(s1), m2, np.log(s2)], -1)


def minus_J(data, image, ellipses):
    """By the notebook's table. ellipses: (n, 4) -> (n,)"""
    return definitions(DOC)["elbo_table"](machine(data)[2][image:image + 1], eta_of(ellipses))[0]


def truth(state, data):
    image = state["image"]
    log_px = definitions(DOC)["log_px_table"](machine(data)[2][image:image + 1])[0]
    ours = minus_J(data, image, np.array([[state[key] for key in KEYS]]))[0]
    theirs = minus_J(data, image, np.array([data["images"][image]["encoder"]]))[0]
    return {
        "−J, the ELBO, of your q": ours,
        "−J, the ELBO, of the encoder's q": theirs,
        "log p(x)": log_px,
        "recovered of the encoder's gap": ours - theirs,
        "still missing, KL(q‖p(z|x))": log_px - ours,
    }


def fact_no_slider_takes_q_out_of_the_picture(explorer):
    """At every end of its sliders q's centre is in the frame."""
    for number in range(len(explorer.data["images"])):
        for far in (-9, 9):
            explorer.at({"image": number, "m1": far, "m2": far, "s1": 9, "s2": 9})
            inside = explorer.root.evaluate("""(root) => {
              const frame = root.querySelector("clipPath rect").getBBox(), q = root.querySelector(".picture ellipse.q");
              const [x, y] = ["cx", "cy"].map((name) => Number(q.getAttribute(name)));
              return x >= frame.x && x <= frame.x + frame.width && y >= frame.y && y <= frame.y + frame.height;
            }""")
            assert inside, explorer.state


def fact_the_points_of_the_plane_suffice(explorer):
    """The same −J by chapter 10's points around q and the rate as a formula."""
    (decoder, x, _), rng, book = machine(explorer.data), np.random.default_rng(2), definitions(DOC)
    nodes = torch.linspace(-7.5, 7.5, 121)
    fine = nodes, torch.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi) / 8
    for state in (setting(rng, explorer.data) for _ in range(5)):
        log_var = 2 * torch.log(torch.tensor([[state["s1"], state["s2"]]]))
        mu, image = torch.tensor([[state["m1"], state["m2"]]]), state["image"]
        with torch.no_grad():
            by_points = book["elbo_cloud"](x[image:image + 1], mu, log_var, decoder, fine).item()
        assert abs(explorer.at(state)["minus_J"] - by_points) < 5e-5, state


def fact_the_best_beats_the_encoder_on_every_image(explorer):
    for number, image in enumerate(explorer.data["images"]):
        values = explorer.at({"image": number, **dict(zip(KEYS, image["best"]))})
        assert values["minus_J"] > image["elbo"] + 0.01
        assert abs(values["minus_J"] - image["top"]) < 1e-9


def fact_no_ellipse_passes_the_best_nor_log_px(explorer):
    rng = np.random.default_rng(3)
    for number, image in enumerate(explorer.data["images"]):
        best = np.array(image["best"])
        far = np.column_stack([rng.uniform(-3.2, 3.2, 150), rng.uniform(0.06, 0.6, 150),
                               rng.uniform(-3.2, 3.2, 150), rng.uniform(0.06, 0.6, 150)])
        near = best + rng.normal(size=(150, 4)) * [0.1, 0.03, 0.1, 0.03]
        near[:, 1::2] = near[:, 1::2].clip(0.06, 0.6)
        found = minus_J(explorer.data, number, np.concatenate([far, near]))
        assert found.max() <= image["top"] + 1e-9 <= image["log_px"]


def fact_a_hand_beats_the_encoder_in_twenty_moves(explorer):
    """Coarse moves, one control after the other, each kept if −J rises: more than half of the gap comes back."""
    state = explorer.at({}) and explorer.state
    before = explorer.at(state)
    value, moves = before["minus_J"], 0
    for size in (0.4, 0.2):
        for key in ("m1", "m2", "m1", "m2", "m1"):
            for sign in (1, -1):
                tried = state | {key: state[key] + sign * size}
                moves += 1
                if (reached := explorer.at(tried)["minus_J"]) > value:
                    state, value = tried, reached
                    break
    assert moves <= 20 and value - before["elbo"] > before["amortisation"] / 2


def fact_most_of_its_gap_is_the_encoders_fault(explorer):
    values = explorer.at({})
    assert values["amortisation"] > 10 and values["approximation"] < 1 and abs(values["recovered"]) < 1e-9


def fact_another_image_brings_the_encoders_q(explorer):
    explorer.at({})
    explorer.root.locator(".explorer-ask button").first.click()
    explorer.root.locator("select").select_option("4")
    explorer.settle()
    assert [explorer.state[key] for key in KEYS] == explorer.data["images"][4]["encoder"]
    assert explorer.root.locator(".explorer-ask [aria-pressed=true]").count() == 0
    explorer.root.get_by_role("button", name="The best there is").click()
    explorer.settle()
    assert [explorer.state[key] for key in KEYS] == explorer.data["images"][4]["best"]


def fact_it_says_how_far_the_best_is(explorer):
    explorer.at({})
    explorer.root.locator(".explorer-ask button").first.click()
    said, best = explorer.root.locator(".explorer-says"), dict(zip(KEYS, explorer.data["images"][0]["best"]))
    values = explorer.at(best | {"m1": best["m1"] + 0.05})
    assert f"{values['top'] - values['minus_J']:.2f} short of the best q" in said.inner_text()
    explorer.at(best)
    assert said.inner_text().startswith("This is the best q") and "you" not in said.inner_text()
