"""The sizes that are measured, and the goals at each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gru_codegen.passes import Layout

__all__ = ["DTYPES", "FAMILY", "GATES", "LARGEST", "LAYOUTS", "SIZES", "THREADS", "Size"]


#: How many gates the cells have that are measured, candidates among them.
GATES = {"gru": 3, "gru-reset-after": 3, "rnn": 1, "lstm": 4}


class Size(NamedTuple):
    """Time steps, batch size, input size and hidden size."""

    T: int
    B: int
    D: int
    H: int

    def __str__(self) -> str:
        return ",".join(map(str, self))

    def gemm_flops(self, cell: str = "gru") -> int:
        """Multiplications and additions in the matrix products of a cell.

        Each of its gates has one of the input and one of the state, forward and for the gradient of
        the weight; that of the state once more, for the adjoint of the state.
        """
        T, B, D, H = self
        return 2 * T * B * H * GATES[cell] * (2 * D + 3 * H)


SIZES = (
    Size(16, 1, 8, 8),
    Size(32, 8, 16, 32),
    Size(32, 32, 64, 128),
    Size(64, 64, 128, 256),
    Size(32, 128, 512, 512),
)

#: Where matrix products are nearly all of the time.
LARGEST = SIZES[3:]

#: The cells that torch.nn has layers for, with biases, and the sizes at which they meet.
FAMILY = dict.fromkeys(("gru-reset-after", "rnn", "lstm"), SIZES[2:4])

#: For each dtype, the largest error of a contender, relative to the largest entry of each array.
DTYPES = {"float32": 1e-5, "float64": 1e-12}

THREADS = (1, 2)

#: The layouts of the fast style. Written here because a worker that asked the package for them
#: would load SymPy, which most of them have no use for; a test compares the two.
LAYOUTS: tuple[Layout, ...] = ("rows", "blocked", "columns", "folded")
