"""What kernels return is pickled, and comes back as theirs."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import pickle
import weakref
from concurrent.futures import ProcessPoolExecutor
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen
from gru_codegen.modules import load_source

SOURCE = gru_codegen.generate(gru_codegen.cells["lstm"], style="textbook")
T, B, D, H = 3, 4, 2, 5


@pytest.fixture
def kernel() -> ModuleType:
    return load_source(SOURCE, "lstm")


def called(kernel: ModuleType) -> tuple[Any, Any, Any]:
    """What a caller may hold: params, a result with gradients and a State in it, a workspace."""
    params = kernel.init_params(D, H, rng=0)
    workspace = kernel.Workspace(B, D, H)
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H))
    return params, kernel.loss_and_gradients(params, x, y, workspace=workspace), workspace


def types(value: Any) -> list[type]:
    """The types of a value and of all that it holds."""
    parts = value if isinstance(value, tuple) else ()
    return [type(value), *(each for part in parts for each in types(part))]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_there_and_back(kernel: ModuleType, protocol: int) -> None:
    params, result, workspace = given = called(kernel)
    found = pickle.loads(pickle.dumps(given, protocol))
    assert types(found) == types(given)
    assert types(result)[:2] == [kernel.Result, float]
    assert [array.tolist() for array in found[0]] == [array.tolist() for array in params]
    assert found[1].loss == result.loss
    x, y = np.ones((T, B, D)), np.ones((T, B, H))
    one = kernel.loss(params, x, y, workspace=workspace)
    assert kernel.loss(*found[:1], x, y, workspace=found[2]) == one


def test_copies_are_the_kernels_too(kernel: ModuleType) -> None:
    given = called(kernel)
    assert types(copy.deepcopy(given)) == types(given)
    assert types(copy.copy(given[0])) == types(given[0])


def test_kernels_of_one_source_are_told_apart() -> None:
    one, other = load_source(SOURCE, "lstm"), load_source(SOURCE, "lstm")
    for kernel in (other, one):
        params = kernel.init_params(D, H, rng=0)
        assert type(pickle.loads(pickle.dumps(params))) is kernel.Params


def test_a_kernel_that_is_gone_is_made_again() -> None:
    kernel = load_source(f"{SOURCE}# gone\n", "lstm")
    saved = pickle.dumps([called(kernel)[:2], called(kernel)[:2]])
    assert len(saved) < 2 * len(SOURCE)  # which is there once
    gone = weakref.ref(kernel)
    del kernel
    gc.collect()
    assert gone() is None
    another = load_source(SOURCE, "lstm")  # of that name, but not of that source
    (params, result), (others, _) = pickle.loads(saved)
    assert params._fields == result.gradients._fields
    assert type(params) is type(others)
    assert type(params) is not another.Params
    assert type(pickle.loads(pickle.dumps(params))) is type(params)


def answer(source: str, params: Any) -> tuple[Any, Any, bool]:
    """What a worker computes with its own kernel; whether params stay of the class they had."""
    kernel = load_source(source, "lstm")
    _, result, workspace = called(kernel)
    again = pickle.loads(pickle.dumps(params))  # now that there is a kernel
    return result, workspace, type(again) is type(params) and len(params) == len(result.gradients)


def test_a_pool_takes_and_returns_them(kernel: ModuleType) -> None:
    params, result, _ = called(kernel)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        found, workspace, told = pool.submit(answer, SOURCE, params).result()
    assert told
    assert types(found) == types(result)
    assert found.loss == result.loss
    assert found.state.C.tolist() == result.state.C.tolist()
    x, y = np.ones((T, B, D)), np.ones((T, B, H))
    assert kernel.loss(params, x, y, workspace=workspace) == kernel.loss(params, x, y)
