"""The notebooks' functions against independent judges, which stand in `tests/judges`, one module a chapter.

Every function that a chapter's checks stand on has a judge, and no judge is left without a function.
"""
import importlib
import pkgutil

import numpy as np
import pytest
import torch

import judges
import mutants
from conftest import definitions
from judges import JUDGES

for module in pkgutil.iter_modules(judges.__path__):
    importlib.import_module(f"judges.{module.name}")


def functions():
    """(chapter, function) for every function that has a judge or needs one."""
    for chapter in mutants.chapters():
        notebook = mutants.load(chapter)
        defined = [name for cell in notebook.cells for name in cell.functions]
        for name in dict.fromkeys([*notebook.equation_functions(), *(name for name in defined if name in JUDGES)]):
            yield pytest.param(chapter, name, id=f"{chapter}-{name}")


@pytest.mark.parametrize(("chapter", "name"), list(functions()))
def test_against_an_independent_judge(chapter, name):
    assert name in JUDGES, f"{name} of {chapter} has no independent judge in tests/judges"
    JUDGES[name](definitions(f"notebooks/{chapter}")[name], np.random.default_rng(20_261_122))


def test_every_judge_has_something_to_judge():
    cells = [cell for chapter in mutants.chapters() for cell in mutants.load(chapter).cells]
    assert not set(JUDGES) - {name for cell in cells for name in cell.functions}


@pytest.mark.parametrize(("chapter", "name"), list(functions()))
def test_a_judge_sees_a_wrong_function(chapter, name):
    """Whatever the function returns, three per cent more of it is wrong."""
    right = definitions(f"notebooks/{chapter}")[name]

    def wrong(*arguments, **named):
        answer = right(*arguments, **named)
        if isinstance(answer, torch.nn.Module):
            answer.register_forward_hook(lambda module, rows, out: 1.03 * out)
            return answer
        if isinstance(answer, dict):
            return {key: 1.03 * part for key, part in answer.items()}
        if isinstance(answer, tuple):
            return tuple(1.03 * part for part in answer)
        return 1.03 * (answer if isinstance(answer, torch.Tensor) else np.asarray(answer))

    with pytest.raises(AssertionError):
        JUDGES[name](wrong, np.random.default_rng(20_261_122))
