"""Chapters 10 and 11: training a VAE beside a DataLoader and Pyro, and exact evidence beside what multiplying costs."""
import contextlib
import itertools
import warnings

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

import frame
from conftest import definitions

WHY_TRAINING = """
An epoch of `train` (chapter 10): an encoder and a decoder of one hidden layer of tanh, one draw an image, Adam.
The digits' machine has 64-128-2 units, float64 and batches of 64, as in the chapter; the large one 784-400-20,
float32 and batches of 128, as in its `long_run`, on random pixels.
All sides train the same networks on the same images, in batches of the same size, with the same ELBO and Adam.
Before they are timed, two steps are taken by the book and by Pyro from the same weights with the same draws: the same
losses and the same new weights, to 1e-9 (1e-5 in float32).

- DataLoader: the chapter's own step, fed by `DataLoader(TensorDataset(x), batch, shuffle=True)` in this process, as
  is usual.
- Pyro: `SVI` with `pyro.optim.Adam`, model and guide as in its VAE example, validation off, not compiled (its JIT was
  slower here); its batches are cut as the chapter cuts them.
  `TraceMeanField_ELBO` has the rate in closed form, as the book has; `Trace_ELBO` samples it.
- The products alone: the matrix products of the step, forward and backward, in the same shapes, into memory that is
  there.
- The peak: as many multiplications and additions in products of two 1536 × 1536 matrices of the same type.
  A weight takes 2 an image forward and 4 backward, those of the encoder's first layer 2 backward.

What decides: with a small machine, the calls between the products, autograd's and Adam's, and on top of them Pyro's
handlers; with a large one, the products.
A DataLoader takes the images one by one and stacks them again.
"""
WHY_EVIDENCE = """
`log_px_grid` (chapter 10, 500 × 500 points) and `table_of` with `log_px_table` (chapter 11, 281 × 281) give log p(x)
of the 297 test images, in float64, under a decoder trained for 30 epochs.
Before they are timed they agree with chapter 11's Gauss–Legendre panels to 1e-6 (relative).

The limit is what the multiplications cost at this machine's peak (the product of two 1536 × 1536 matrices): each
point is decoded once for all images, and meets each image in one product over the pixels.
Beside it stands one `torch.exp` for each image and point, which no sum of densities can do without.

What decides: not the products.
Each image and point costs its exponential and several passes through memory, for the prior, the maximum, the
difference and the sum, since the sum is taken so that nothing overflows and nothing that counts vanishes.
"""
NUMBERS = itertools.count()  # of Pyro's machines
PEAK = 1536  # rows of the square matrices whose product tells the peak; fewer in a test


def machine(book, sizes, dtype, rate):
    """A fresh encoder and decoder, the same each time, and Adam. -> encoder, decoder, adam, generator"""
    d, hidden, latents = sizes
    torch.manual_seed(0)
    pair = book["network"](d, hidden, 2 * latents).to(dtype), book["network"](latents, hidden, d).to(dtype)
    adam = torch.optim.Adam([weights for net in pair for weights in net.parameters()], rate)
    return *pair, adam, torch.Generator().manual_seed(0)


def step(book, x, eps, encoder, decoder, adam, sampled=False):
    """The step of the chapter's `train`, or with the rate sampled. -> the loss"""
    elbo = elbo_sampled(book, x, eps, encoder, decoder) if sampled else book["elbo_draw"](x, eps, encoder, decoder)
    loss = -elbo.mean()
    adam.zero_grad()
    loss.backward()
    adam.step()
    return loss.item()


def by_loader(book, x, encoder, decoder, adam, generator, batch):
    """An epoch of that step, the images from a DataLoader. -> the mean ELBO"""
    latents, total = encoder[-1].out_features // 2, 0.0
    for (images,) in DataLoader(TensorDataset(x), batch, shuffle=True, generator=generator):
        eps = torch.randn(len(images), latents, generator=generator, dtype=x.dtype)
        total -= step(book, images, eps, encoder, decoder, adam) * len(images)
    return total / len(x)


def pyros(encoder, decoder, loss, rate):
    """Pyro's SVI of the same machine; the loss is a mean over images. -> SVI

    A name in Pyro's store belongs to one network: a second one of that name would not be trained, silently."""
    import pyro
    from pyro import distributions, infer, poutine

    number = next(NUMBERS)

    def model(x):
        pyro.module(f"decoder {number}", decoder)
        with pyro.plate("images", len(x)), poutine.scale(scale=1 / len(x)):
            start = x.new_zeros(len(x), decoder[0].in_features)
            z = pyro.sample("z", distributions.Normal(start, 1.0).to_event(1))
            pyro.sample("x", distributions.Bernoulli(logits=decoder(z)).to_event(1), obs=x)

    def guide(x):
        pyro.module(f"encoder {number}", encoder)
        with pyro.plate("images", len(x)), poutine.scale(scale=1 / len(x)):
            mu, log_var = encoder(x).chunk(2, -1)
            pyro.sample("z", distributions.Normal(mu, torch.exp(log_var / 2)).to_event(1))

    return infer.SVI(model, guide, pyro.optim.Adam({"lr": rate}), loss=getattr(infer, loss)())


@contextlib.contextmanager
def pyro_alone():
    """Pyro, if it is here, without its validation and with a store of its own for the time of the block."""
    if not frame.installed("pyro-ppl"):
        yield
        return
    import pyro

    with pyro.validation_enabled(False), pyro.get_param_store().scope():
        yield


def by_pyro(svi, x, generator, batch):
    """An epoch of SVI. -> the mean ELBO, estimated"""
    rows = torch.randperm(len(x), generator=generator).split(batch)
    return -sum(svi.step(x[some]) * len(some) for some in rows) / len(x)


def products(sizes, batch, dtype):
    """The matrix products of one step, forward and backward. -> a function that does them"""
    d, hidden, latents = sizes
    layers, pairs = [(d, hidden), (hidden, 2 * latents), (latents, hidden), (hidden, d)], []
    for number, (n_in, n_out) in enumerate(layers):
        x, W, g = (torch.randn(shape, dtype=dtype) for shape in ((batch, n_in), (n_out, n_in), (batch, n_out)))
        pairs += [(x, W.T), (g.T, x)] + [(g, W)] * (number > 0)
    pairs = [(a, b, torch.empty(len(a), b.shape[1], dtype=dtype)) for a, b in pairs]
    return lambda: [torch.mm(a, b, out=out) for a, b, out in pairs]


def operations(sizes):
    """Multiplications and additions for an image and step, those of the products alone. -> a number"""
    d, hidden, latents = sizes
    return 6 * (d * hidden + hidden * 2 * latents + latents * hidden + hidden * d) - 2 * d * hidden


def peak(dtype, rows):
    """The product that tells the peak, and its operations. -> a function, a number"""
    a, b, out = (torch.randn(rows, rows, dtype=dtype) for _ in range(3))
    return lambda: torch.mm(a, b, out=out), 2 * rows**3


def agree(book, x, sizes, dtype, rate):
    """Raises Different unless `step` is the step of `train`, and Pyro's too, from the draw that Pyro makes."""
    latents, tol = sizes[2], 1e-9 if dtype == torch.float64 else 1e-5
    trained = machine(book, sizes, dtype, rate)
    book["train"](x, *trained[:3], 2, trained[3], batch=len(x))
    *ours, generator = machine(book, sizes, dtype, rate)
    for _ in range(2):
        rows = torch.randperm(len(x), generator=generator)
        step(book, x[rows], torch.randn(len(x), latents, generator=generator, dtype=dtype), *ours)
    same_weights("two steps of the book's", ours, trained, tol)
    for loss in ("TraceMeanField_ELBO", "Trace_ELBO") if frame.installed("pyro-ppl") else ():
        theirs, (*ours, _) = machine(book, sizes, dtype, rate), machine(book, sizes, dtype, rate)
        svi = pyros(*theirs[:2], loss, rate)
        for seed in (1, 2):
            torch.manual_seed(seed)
            their_loss = svi.step(x)
            torch.manual_seed(seed)
            eps = torch.distributions.Normal(x.new_zeros(len(x), latents), 1.0).sample()
            frame.same(f"loss of {loss}", step(book, x, eps, *ours, sampled=loss == "Trace_ELBO"), their_loss, tol)
        same_weights(f"two steps of {loss}", ours, theirs, tol)


def same_weights(what, ours, theirs, tol):
    """Raises Different unless two machines have the same weights. ours, theirs: encoder, decoder, …"""
    for net, other in zip(ours[:2], theirs):
        for name, weights in net.named_parameters():
            frame.same(f"{name} after {what}", weights.detach(), other.get_parameter(name).detach(), tol)


def elbo_sampled(book, x, eps, encoder, decoder):
    """The ELBO with the rate sampled too: log q(z|x) - log p(z) at the draw. -> (n,)"""
    mu, log_var = encoder(x).chunk(2, -1)
    z = mu + torch.exp(log_var / 2) * eps
    return book["log_lik_bernoulli"](x, decoder(z)) - (z**2 - eps**2 - log_var).sum(-1) / 2


def training(small=False):
    """Rows of the training. -> Section"""
    book, part = definitions("notebooks/10_vae"), frame.Section("Training a VAE", WHY_TRAINING)
    x = torch.tensor((book["data"].digits()[0] >= 8) * 1.0)[:1500]
    pixels = torch.bernoulli(torch.full((128 if small else 6400, 784), 0.2), generator=torch.Generator().manual_seed(0))
    plans = [("the digits, 64-128-2, float64", x[:64] if small else x, (64, 128, 2), 64, 2e-3, 1 if small else 15),
             ("784-400-20, float32", pixels.float(), (784, 400, 20), 128, 1e-3, 1 if small else 7)]
    for name, images, sizes, batch, rate, rounds in plans:
        with pyro_alone(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old idioms of theirs
            part.rows += training_rows(book, name, images, sizes, batch, rate, rounds, 64 if small else PEAK)
    if not frame.installed("pyro-ppl"):
        part.notes.append("Beside Pyro: not measured, it is not installed here.")
    return part


def training_rows(book, name, x, sizes, batch, rate, rounds, rows):
    """The rows of one machine and its images."""
    dtype, n = x.dtype, len(x)
    agree(book, x[:batch], sizes, dtype, rate)
    encoder, decoder, adam, generator = machine(book, sizes, dtype, rate)
    others = [machine(book, sizes, dtype, rate) for _ in range(3)]
    multiply, (large, done) = products(sizes, batch, dtype), peak(dtype, rows)
    runs = {
        "the book": lambda: book["train"](x, encoder, decoder, adam, 1, generator, batch=batch),
        "DataLoader": lambda: by_loader(book, x, *others[0], batch),
        "products": lambda: [multiply() for _ in range(n // batch)], "peak": large,
    }
    if frame.installed("pyro-ppl"):
        for loss, other in zip(("TraceMeanField_ELBO", "Trace_ELBO"), others[1:]):
            svi = pyros(*other[:2], loss, rate)
            runs[f"Pyro, {loss}"] = lambda svi=svi: by_pyro(svi, x, generator, batch)
    seconds = frame.in_turn(rounds, **runs)
    ours = seconds.pop("the book")
    limits = {"the products alone": frame.scaled(seconds.pop("products"), n / batch / (n // batch)),
              "the peak": frame.scaled(seconds.pop("peak"), n * operations(sizes) / done)}
    return [frame.Row(name, beside, ours, theirs, n, "images") for beside, theirs in (seconds | limits).items()]


def evidence(small=False):
    """Rows of the exact evidence. -> Section"""
    ten, eleven = definitions("notebooks/10_vae"), definitions("notebooks/11_gap")
    part = frame.Section("Exact evidence on a grid", WHY_EVIDENCE)
    x = torch.tensor((ten["data"].digits()[0] >= 8) * 1.0)
    encoder, decoder, adam, generator = ten["make_vae"](0, 2)
    ten["train"](x[:1500], encoder, decoder, adam, 2 if small else 30, generator)
    x, rounds, n, panels, rows = (x[1500:1503], 1, 100, 20, 64) if small else (x[1500:], 5, 500, 50, PEAK)
    runs = {"log_px_grid": (lambda: ten["log_px_grid"](x, decoder, n), n**2),
            "table_of, log_px_table": (lambda: eleven["log_px_table"](eleven["table_of"](x, decoder)), 281**2)}
    by_panels, (large, done) = eleven["log_px_panels"](x, decoder, panels), peak(torch.float64, rows)
    some, out = (torch.empty(len(x), 4000).uniform_(-700, 0) for _ in range(2))
    each = sum(weights.numel() for weights in decoder.parameters() if weights.dim() == 2) + x.numel()
    for name, (run, points) in runs.items():
        frame.same(f"log evidence by {name}", np.asarray(run()), by_panels, 1e-6)
        seconds = frame.in_turn(rounds, ours=run, peak=large, exp=lambda: torch.exp(some, out=out))
        limits = {"multiplying at the peak": frame.scaled(seconds["peak"], 2 * each * points / done),
                  "an exponential each": frame.scaled(seconds["exp"], points / 4000)}
        work = f"{name}, {points:,} points"
        part.rows += [frame.Row(work, beside, seconds["ours"], theirs, len(x), "images")
                      for beside, theirs in limits.items()]
    return part
