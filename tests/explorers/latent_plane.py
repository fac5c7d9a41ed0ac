"""Chapter 10: the decoder, the likelihood and the evidence at any place of the plane, by the notebook's torch."""
import functools

import numpy as np
import torch

from conftest import definitions
from explorers import machine as machine_of

DOC = "notebooks/10_vae"
DRAGS = {"ring": {"z1", "z2"}}
SETTINGS = 40
machine = functools.partial(machine_of, doc=DOC, of="log_px_grid")  # the decoder, the images, and log p(x) of each


def setting(rng, data):
    z1, z2 = rng.uniform(-3.6, 3.6, 2)
    return {"image": int(rng.integers(len(data["images"]))), "z1": z1, "z2": z2}


def truth(state, data):
    book, (decoder, x, log_px) = definitions(DOC), machine(data)
    z, x, evidence = torch.tensor([state["z1"], state["z2"]]), x[state["image"]], log_px[state["image"]].item()
    log_joint = book["log_joint_vae"](x[None], z[None, None], decoder).item()
    with torch.no_grad():
        log_lik = book["log_lik_bernoulli"](x, decoder(z)).item()
    return {
        "log p(x|z) at the ring": log_lik,
        "log p(z) there": torch.distributions.Normal(0.0, 1.0).log_prob(z).sum().item(),
        "log p(x, z), their sum": log_joint,
        "log p(x), over the whole plane": evidence,
        "log p(z|x), the sum less log p(x)": log_joint - evidence,
    }


def fact_the_encoder_misses_the_image_it_opens_on(explorer):
    values = explorer.at({})
    assert values["cover"] < 0.01 and values["at_mu"] < values["at_top"] - 10 and values["gap"] > 10


def fact_it_covers_others_in_part_or_well(explorer):
    cover = [image["cover"] for image in explorer.data["images"]]
    assert any(0.15 < share < 0.5 for share in cover) and any(share > 0.5 for share in cover)


def fact_the_share_in_two_widths_of_q_is_the_posteriors(explorer):
    """By Gauss-Legendre nodes in polar coordinates inside the ellipse, where the notebook counts points of a grid."""
    book, (decoder, x, log_px) = definitions(DOC), machine(explorer.data)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    r, turn = (nodes + 1) / 2, (nodes + 1) * np.pi
    places = np.stack([np.outer(2 * r, np.cos(turn)), np.outer(2 * r, np.sin(turn))], -1).reshape(-1, 2)
    area = np.outer(4 * r * weights / 2, weights * np.pi).ravel()
    for one, image, evidence in zip(x, explorer.data["images"], log_px):
        z = torch.tensor(np.array(image["mu"]) + np.array(image["sigma"]) * places)
        density = torch.exp(book["log_joint_vae"](one[None], z[:, None], decoder)[:, 0] - evidence).numpy()
        share = density @ area * np.prod(image["sigma"])
        assert abs(share - image["cover"]) < 0.01, image["name"]


def fact_the_outlines_hold_a_half_and_nine_tenths(explorer):
    """The density is the same all along an outline, and as high as that which holds the share on another grid."""
    book, (decoder, x, log_px) = definitions(DOC), machine(explorer.data)
    line = torch.linspace(-5, 5, 350)
    z = torch.cartesian_prod(line, line)
    with torch.no_grad():
        logits = decoder(z)
    log_lik = x @ logits.T + torch.nn.functional.logsigmoid(-logits).sum(-1)
    for number, image in enumerate(explorer.data["images"]):
        post = torch.softmax(log_lik[number] - (z**2).sum(-1) / 2, 0)
        density = post.log() - 2 * torch.log(line[1] - line[0])
        for name, share in (("half", 0.5), ("most", 0.9)):
            places = torch.tensor([place for part in image[name] for place in part])
            along = book["log_joint_vae"](x[number:number + 1], places[:, None], decoder)[:, 0] - log_px[number]
            assert along.max() - along.min() < 0.15, image["name"]
            assert abs(post[density > along.mean()].sum() - share) < 0.04, image["name"]


def fact_the_ring_may_go_to_both_places_by_a_button(explorer):
    explorer.root.locator(".explorer-ask button").first.click()
    for label, key in (("To the posterior's top", "top"), ("To the encoder's μ", "mu")):
        explorer.at({"image": 3})
        explorer.root.get_by_role("button", name=label).click()
        explorer.settle()
        assert [explorer.state["z1"], explorer.state["z2"]] == explorer.data["images"][3][key]


def fact_another_image_is_another_question(explorer):
    explorer.at({})
    answers = explorer.root.locator(".explorer-ask button")
    to_mu = explorer.root.get_by_role("button", name="To the encoder's μ")
    answers.first.click()
    assert to_mu.is_visible() and explorer.root.locator(".picture ellipse.q").count() == 2
    explorer.root.locator("select").select_option("2")
    explorer.settle()
    assert explorer.root.locator(".picture ellipse.q").count() == 0, "it shows the answer before the guess"
    assert not to_mu.is_visible(), "it leads to the answer before the guess"
    assert explorer.root.locator(".explorer-ask [aria-pressed=true]").count() == 0
    assert explorer.state["z1"] == explorer.data["images"][2]["top"][0]
