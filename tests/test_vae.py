"""Chapter 10's code in the reader's hands: kept weights, runs that were stopped, and the same seed twice."""
import numpy as np
import pytest
import torch

from conftest import definitions


@pytest.fixture(scope="module")
def vae():
    return definitions("notebooks/10_vae")


def weights(*nets):
    return [each.detach().numpy() for net in nets for each in net.parameters()]


def same(some, others):
    """Bit for bit."""
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(some, others, strict=True))


def test_what_was_saved_is_what_is_loaded(vae, tmp_path):
    net, twin = vae["network"](6, 5, 4), vae["network"](6, 5, 4)
    assert not same(weights(net), weights(twin))
    vae["save"](tmp_path / "net.npz", encoder=net, curve=[1.0, 2.5])
    vae["load"](tmp_path / "net.npz", encoder=twin)
    assert same(weights(net), weights(twin))
    assert [path.name for path in tmp_path.iterdir()] == ["net.npz"]
    with np.load(tmp_path / "net.npz") as arrays:
        assert arrays["curve.value"].tolist() == [1.0, 2.5]


def test_weights_that_do_not_fit_are_refused(vae, tmp_path):
    vae["save"](tmp_path / "net.npz", encoder=vae["network"](6, 5, 4))
    with pytest.raises(RuntimeError, match="size mismatch"):
        vae["load"](tmp_path / "net.npz", encoder=vae["network"](6, 7, 4))
    with pytest.raises(KeyError, match="decoder"):
        vae["load"](tmp_path / "net.npz", decoder=vae["network"](6, 5, 4))


def test_no_pickle_is_opened_or_made(vae, tmp_path):
    net, opened = vae["network"](6, 5, 4), []

    class Trap:
        def __reduce__(self):
            return opened.append, ("ran",)

    arrays = {f"encoder.{name}": value.numpy() for name, value in net.state_dict().items()}
    np.savez(tmp_path / "trap.npz", **arrays | {"encoder.0.bias": np.array([Trap()], dtype=object)})
    with pytest.raises(ValueError, match="allow_pickle=False"):
        vae["load"](tmp_path / "trap.npz", encoder=net)
    with pytest.raises(TypeError, match="pickled"):
        vae["save"](tmp_path / "net.npz", encoder=net, other=Trap())
    assert not opened and not (tmp_path / "net.npz").exists()


def test_a_save_that_fails_leaves_the_old_file(vae, tmp_path, monkeypatch):
    path = tmp_path / "net.npz"
    vae["save"](path, encoder=vae["network"](6, 5, 4))
    before = path.read_bytes()

    def disk_full(file, **arrays):
        file.write_bytes(b"half of it")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", disk_full)
    with pytest.raises(OSError, match="no space"):
        vae["save"](path, encoder=vae["network"](6, 5, 4))
    assert path.read_bytes() == before


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not(vae, tmp_path):
    grey, test_grey = torch.rand(2, 60, 36, generator=torch.Generator().manual_seed(1), dtype=torch.float32)
    (stopped := tmp_path / "stopped").mkdir()
    (whole := tmp_path / "whole").mkdir()

    def run(folder, epochs):
        *nets, curve = vae["long_run"](grey, test_grey, folder, epochs, hidden=8, latents=2)
        return [*weights(*nets), curve]

    half, resumed, at_once = run(stopped, 2), run(stopped, 4), run(whole, 4)
    assert at_once[0].dtype == np.float32 and at_once[-1].shape == (4, 3)
    assert same(resumed, at_once) and not same(half[:-1], at_once[:-1])
    assert same(half[-1:], [at_once[-1][:2]])
    assert same(run(stopped, 4), at_once)  # nothing left to do


def test_the_same_seed_trains_the_same_machine(vae):
    x = torch.bernoulli(torch.full((100, 64), 0.4), generator=torch.Generator().manual_seed(1))

    def trained(seed):
        machine = vae["make_vae"](seed, 2)
        vae["train"](x, *machine[:3], 2, machine[3])
        return weights(*machine[:2])

    assert same(trained(5), trained(5)) and not same(trained(5), trained(6))
