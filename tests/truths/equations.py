"""One step of every cell, written by hand a second time.

A step takes x (B, D) and the states before it, each (B, H), and returns the output and the states
after it. Its signature says the rest: the states are its arguments by place, the weights those by
name. `f` holds sigmoid, tanh and relu for whatever the arrays are, mpmath numbers or torch tensors;
@ is the matrix product, * goes entry by entry, and a bias or a peephole, (H,), meets every row.

Written from the papers that are cited, not from gru_codegen.cells. Where a paper has column
vectors, W x + U h is x @ W + h @ Wrec here. What the update gate does at 1 is said where papers
disagree.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

Step = Callable[..., tuple[Any, tuple[Any, ...]]]


def rnn(f: Any, x: Any, S: Any, *, W: Any, Wrec: Any, b: Any) -> Any:
    """Elman 1990, with tanh for the logistic function."""
    h = f.tanh(x @ W + S @ Wrec + b)
    return h, (h,)


def gru(
    f: Any, x: Any, S: Any, *, Wz: Any, Wrecz: Any, Wca: Any, Wrecca: Any, Wr: Any, Wrecr: Any
) -> Any:
    """Chung et al. 2014, arXiv:1412.3555, section 3.2: z = 1 writes the candidate."""
    z = f.sigmoid(x @ Wz + S @ Wrecz)
    r = f.sigmoid(x @ Wr + S @ Wrecr)
    n = f.tanh(x @ Wca + (r * S) @ Wrecca)
    h = (1 - z) * S + z * n
    return h, (h,)


def gru_bias(
    f: Any,
    x: Any,
    S: Any,
    *,
    Wz: Any,
    Wrecz: Any,
    bz: Any,
    Wca: Any,
    Wrecca: Any,
    bca: Any,
    Wr: Any,
    Wrecr: Any,
    br: Any,
) -> Any:
    """The same with a bias in each activation."""
    z = f.sigmoid(x @ Wz + S @ Wrecz + bz)
    r = f.sigmoid(x @ Wr + S @ Wrecr + br)
    n = f.tanh(x @ Wca + (r * S) @ Wrecca + bca)
    h = (1 - z) * S + z * n
    return h, (h,)


def gru_reset_after(
    f: Any,
    x: Any,
    S: Any,
    *,
    Wz: Any,
    Wrecz: Any,
    bz: Any,
    Wca: Any,
    Wrecca: Any,
    bca: Any,
    brecca: Any,
    Wr: Any,
    Wrecr: Any,
    br: Any,
) -> Any:
    """torch.nn.GRU, as its documentation writes it: z = 1 keeps the state."""
    r = f.sigmoid(x @ Wr + S @ Wrecr + br)
    z = f.sigmoid(x @ Wz + S @ Wrecz + bz)
    n = f.tanh(x @ Wca + bca + r * (S @ Wrecca + brecca))
    h = (1 - z) * n + z * S
    return h, (h,)


def lstm(
    f: Any,
    x: Any,
    S: Any,
    C: Any,
    *,
    Wi: Any,
    Wreci: Any,
    bi: Any,
    Wf: Any,
    Wrecf: Any,
    bf: Any,
    Wca: Any,
    Wrecca: Any,
    bca: Any,
    Wo: Any,
    Wreco: Any,
    bo: Any,
) -> Any:
    """torch.nn.LSTM, as its documentation writes it."""
    i = f.sigmoid(x @ Wi + S @ Wreci + bi)
    forget = f.sigmoid(x @ Wf + S @ Wrecf + bf)
    g = f.tanh(x @ Wca + S @ Wrecca + bca)
    o = f.sigmoid(x @ Wo + S @ Wreco + bo)
    c = forget * C + i * g
    h = o * f.tanh(c)
    return h, (h, c)


def lstm_peephole(
    f: Any,
    x: Any,
    S: Any,
    C: Any,
    *,
    Wi: Any,
    Wreci: Any,
    pi: Any,
    bi: Any,
    Wf: Any,
    Wrecf: Any,
    pf: Any,
    bf: Any,
    Wca: Any,
    Wrecca: Any,
    bca: Any,
    Wo: Any,
    Wreco: Any,
    po: Any,
    bo: Any,
) -> Any:
    """Graves 2013, arXiv:1308.0850, equations 7 to 11: the output gate sees the new cell state."""
    i = f.sigmoid(x @ Wi + S @ Wreci + pi * C + bi)
    forget = f.sigmoid(x @ Wf + S @ Wrecf + pf * C + bf)
    c = forget * C + i * f.tanh(x @ Wca + S @ Wrecca + bca)
    o = f.sigmoid(x @ Wo + S @ Wreco + po * c + bo)
    h = o * f.tanh(c)
    return h, (h, c)


def lstm_coupled(
    f: Any,
    x: Any,
    S: Any,
    C: Any,
    *,
    Wi: Any,
    Wreci: Any,
    bi: Any,
    Wca: Any,
    Wrecca: Any,
    bca: Any,
    Wo: Any,
    Wreco: Any,
    bo: Any,
) -> Any:
    """Greff et al. 2015, arXiv:1503.04069, CIFG: f = 1 - i; without their peepholes."""
    i = f.sigmoid(x @ Wi + S @ Wreci + bi)
    g = f.tanh(x @ Wca + S @ Wrecca + bca)
    o = f.sigmoid(x @ Wo + S @ Wreco + bo)
    c = (1 - i) * C + i * g
    h = o * f.tanh(c)
    return h, (h, c)


def mgu(
    f: Any, x: Any, S: Any, *, Wf: Any, Wrecf: Any, bf: Any, Wca: Any, Wrecca: Any, bca: Any
) -> Any:
    """Zhou et al. 2016, arXiv:1603.09420: the forget gate at 1 writes."""
    forget = f.sigmoid(x @ Wf + S @ Wrecf + bf)
    n = f.tanh(x @ Wca + (forget * S) @ Wrecca + bca)
    h = (1 - forget) * S + forget * n
    return h, (h,)


def gru1(
    f: Any,
    x: Any,
    S: Any,
    *,
    Wrecz: Any,
    bz: Any,
    Wca: Any,
    Wrecca: Any,
    bca: Any,
    Wrecr: Any,
    br: Any,
) -> Any:
    """Dey and Salem 2017, arXiv:1701.05923, variant 1: z = 1 writes, as in the next two."""
    z, r = f.sigmoid(S @ Wrecz + bz), f.sigmoid(S @ Wrecr + br)
    n = f.tanh(x @ Wca + (r * S) @ Wrecca + bca)
    h = (1 - z) * S + z * n
    return h, (h,)


def gru2(f: Any, x: Any, S: Any, *, Wrecz: Any, Wca: Any, Wrecca: Any, bca: Any, Wrecr: Any) -> Any:
    """Dey and Salem 2017, variant 2."""
    z, r = f.sigmoid(S @ Wrecz), f.sigmoid(S @ Wrecr)
    n = f.tanh(x @ Wca + (r * S) @ Wrecca + bca)
    h = (1 - z) * S + z * n
    return h, (h,)


def gru3(f: Any, x: Any, S: Any, *, bz: Any, Wca: Any, Wrecca: Any, bca: Any, br: Any) -> Any:
    """Dey and Salem 2017, variant 3."""
    z, r = f.sigmoid(bz), f.sigmoid(br)
    n = f.tanh(x @ Wca + (r * S) @ Wrecca + bca)
    h = (1 - z) * S + z * n
    return h, (h,)


def mingru(f: Any, x: Any, S: Any, *, Wz: Any, Wca: Any) -> Any:
    """Feng et al. 2024, arXiv:2410.01201, section 3.1, without biases."""
    z = f.sigmoid(x @ Wz)
    h = (1 - z) * S + z * (x @ Wca)
    return h, (h,)


def sru(
    f: Any, x: Any, C: Any, *, W: Any, Wf: Any, pf: Any, bf: Any, Wr: Any, pr: Any, br: Any
) -> Any:
    """Lei et al. 2018, arXiv:1709.02755, equations 1 to 4: r sees the previous c, not the new."""
    forget = f.sigmoid(x @ Wf + pf * C + bf)
    c = forget * C + (1 - forget) * (x @ W)
    r = f.sigmoid(x @ Wr + pr * C + br)
    return r * c + (1 - r) * x, (c,)


def ligru(
    f: Any, x: Any, S: Any, *, Wz: Any, Wrecz: Any, bz: Any, Wca: Any, Wrecca: Any, bca: Any
) -> Any:
    """Ravanelli et al. 2018, arXiv:1803.10225, without batch normalisation: z = 1 keeps."""
    z = f.sigmoid(x @ Wz + S @ Wrecz + bz)
    n = f.relu(x @ Wca + S @ Wrecca + bca)
    h = z * S + (1 - z) * n
    return h, (h,)


STEPS: dict[str, Step] = {
    step.__name__.replace("_", "-"): step
    for step in (
        rnn,
        gru,
        gru_bias,
        gru_reset_after,
        lstm,
        lstm_peephole,
        lstm_coupled,
        mgu,
        gru1,
        gru2,
        gru3,
        mingru,
        sru,
        ligru,
    )
}

#: Cells that add x to a state, so that the input size is the hidden size.
SQUARE = {"sru"}


def _arguments(cell: str, kind: Any) -> list[str]:
    parameters = inspect.signature(STEPS[cell]).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind == kind]


def states_of(cell: str) -> list[str]:
    """The names of its states."""
    return _arguments(cell, inspect.Parameter.POSITIONAL_OR_KEYWORD)[2:]


def weights_of(cell: str, D: int, H: int) -> dict[str, tuple[int, ...]]:
    """The shapes of its weights by name, which tells them: W, Wrec, and one row per vector."""

    def shape(name: str) -> tuple[int, ...]:
        return (H, H) if name.startswith("Wrec") else (D, H) if name.startswith("W") else (H,)

    return {name: shape(name) for name in _arguments(cell, inspect.Parameter.KEYWORD_ONLY)}


def run(cell: str, f: Any, weights: Any, x: Any, states: tuple[Any, ...]) -> Any:
    """The outputs of all steps, a list of (B, H), and the last states, for x of (T, B, D)."""
    outputs = []
    for x_t in x:
        output, states = STEPS[cell](f, x_t, *states, **weights)
        outputs.append(output)
    return outputs, states
