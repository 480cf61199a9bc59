"""The floor: the matrix products that the reference GRU needs, and nothing else.

They are as few and as large as the mathematics allows. Products of the input run over all T B rows
and all three gates at once; a step has one product for the two gates that read the state and one
for the candidate, whose operand waits for the reset gate; backward has the same two, transposed;
the gradients of the weights again run over all T B rows. Operands are contiguous and hold what
the forward and the backward pass would have put there, so the last three products are the six
gradients; results go to arrays that are there already.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from benchmarks.contenders import Prepared
from benchmarks.hand_written import sigmoid
from benchmarks.problem import Array, Problem


class Operands(NamedTuple):
    """The operands of all products. Gates lie side by side in columns: Z, R, CA."""

    x: Array  # (T B, D)
    S_prev: Array  # (T, B, H) the state before each step
    RS: Array  # (T, B, H) the same, reset
    da_zr: Array  # (T, B, 2 H) adjoint of what goes into the two sigmoids
    da_ca: Array  # (T, B, H) ... and into tanh
    da: Array  # (T B, 3 H) both
    W: Array  # (D, 3 H)
    Wrec_zr: Array  # (H, 2 H)
    Wrecca: Array  # (H, H)


class Products(NamedTuple):
    """The results of all products."""

    xW: Array  # (T B, 3 H)
    S_Wrec: Array  # (T, B, 2 H)
    RS_Wrec: Array  # (T, B, H)
    dRS: Array  # (T, B, H)
    carry: Array  # (T, B, H) what the two gates pass on to the step before
    dW: Array  # (D, 3 H)
    dWrec_zr: Array  # (H, 2 H)
    dWrecca: Array  # (H, H)


def operands(problem: Problem) -> Operands:
    """Run forward and backward once, in the plainest way, and keep the operands of the products."""
    Wz, Wrecz, Wca, Wrecca, Wr, Wrecr = problem.params.values()
    x, y, (T, B, D) = problem.x, problem.y, problem.x.shape
    S = [problem.states["S"]]
    Z, R, CA, da_z, da_r, da_ca = (np.empty_like(y) for _ in range(6))
    for t in range(T):
        Z[t] = sigmoid(x[t] @ Wz + S[t] @ Wrecz)
        R[t] = sigmoid(x[t] @ Wr + S[t] @ Wrecr)
        CA[t] = np.tanh(x[t] @ Wca + (R[t] * S[t]) @ Wrecca)
        S.append((1 - Z[t]) * S[t] + Z[t] * CA[t])
    carry = np.zeros_like(S[0])
    for t in reversed(range(T)):
        dS = S[t + 1] - y[t] + carry
        da_z[t] = dS * (CA[t] - S[t]) * Z[t] * (1 - Z[t])
        da_ca[t] = dS * Z[t] * (1 - CA[t] ** 2)
        dRS = da_ca[t] @ Wrecca.T
        da_r[t] = dRS * S[t] * R[t] * (1 - R[t])
        carry = dS * (1 - Z[t]) + dRS * R[t] + da_z[t] @ Wrecz.T + da_r[t] @ Wrecr.T
    S_prev, da_zr = np.stack(S[:-1]), np.concatenate([da_z, da_r], axis=2)
    return Operands(
        x=x.reshape(T * B, D),
        S_prev=S_prev,
        RS=R * S_prev,
        da_zr=da_zr,
        da_ca=da_ca,
        da=np.concatenate([da_zr, da_ca], axis=2).reshape(T * B, -1),
        W=np.hstack([Wz, Wr, Wca]),
        Wrec_zr=np.hstack([Wrecz, Wrecr]),
        Wrecca=Wrecca,
    )


def empty_products(o: Operands) -> Products:
    (T, B, H), (D, _), dtype = o.S_prev.shape, o.W.shape, o.x.dtype
    shapes = (T * B, 3 * H), (T, B, 2 * H), *3 * [(T, B, H)], (D, 3 * H), (H, 2 * H), (H, H)
    return Products(*(np.empty(shape, dtype) for shape in shapes))


def multiply(o: Operands, p: Products) -> Products:
    """Do all products, which is timed."""
    T, B, H = o.S_prev.shape
    matmul = np.matmul
    matmul(o.x, o.W, out=p.xW)
    for t in range(T):
        matmul(o.S_prev[t], o.Wrec_zr, out=p.S_Wrec[t])
        matmul(o.RS[t], o.Wrecca, out=p.RS_Wrec[t])
    Wrecca_T, Wrec_zr_T = o.Wrecca.T, o.Wrec_zr.T
    for t in range(T - 1, -1, -1):
        matmul(o.da_ca[t], Wrecca_T, out=p.dRS[t])
        matmul(o.da_zr[t], Wrec_zr_T, out=p.carry[t])
    matmul(o.x.T, o.da, out=p.dW)
    matmul(o.S_prev.reshape(T * B, H).T, o.da_zr.reshape(T * B, 2 * H), out=p.dWrec_zr)
    matmul(o.RS.reshape(T * B, H).T, o.da_ca.reshape(T * B, H), out=p.dWrecca)
    return p


def prepare(problem: Problem, cell: str) -> Prepared:
    given = operands(problem)
    room = empty_products(given)

    def read(products: Any) -> dict[str, Any]:
        Wz, Wr, Wca = np.hsplit(products.dW, 3)
        Wrecz, Wrecr = np.hsplit(products.dWrec_zr, 2)
        recurrent = {"Wrecz": Wrecz, "Wrecr": Wrecr, "Wrecca": products.dWrecca}
        return {"Wz": Wz, "Wr": Wr, "Wca": Wca, **recurrent}

    return lambda: multiply(given, room), read
