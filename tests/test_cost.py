"""What programs cost, and what a pass says that it gained."""

from __future__ import annotations

import pytest

import gru_codegen as gc
from gru_codegen.cost import cost, gains
from gru_codegen.lower import lower
from gru_codegen.passes import (
    Layout,
    Style,
    eliminate_common_subexpressions,
    eliminate_dead_code,
    fission_loops,
    optimise,
)
from gru_codegen.polynomials import Polynomial


def test_each_pass_says_what_it_gained() -> None:
    shared, pruned, hoisted = gains(
        lower(gc.derive(gc.GRU)),
        (eliminate_common_subexpressions, eliminate_dead_code, fission_loops),
    )
    assert str(shared).splitlines()[:2] == ["eliminate_common_subexpressions", "  GEMMs: 18 T"]
    assert shared.before.flops != shared.after.flops
    assert str(pruned).splitlines()[0] == "eliminate_dead_code"
    assert pruned.before == shared.after
    assert str(hoisted).splitlines()[:2] == ["fission_loops", "  GEMMs: 18 T -> 6 T + 12"]
    # The sums over time are within the GEMMs now: six accumulations less, and that of the loss.
    assert str(hoisted.before.flops).endswith(" + 3 T D H + 3 T H^2 + 2 T")
    assert str(hoisted.before.flops).replace(" + 3 T D H + 3 T H^2 + 2 T", " + 1") == str(
        hoisted.after.flops
    )


def test_the_last_gain_ends_at_the_cost_of_the_whole() -> None:
    program = lower(gc.derive(gc.GRU))
    *_, last = gains(program, (eliminate_common_subexpressions, eliminate_dead_code))
    assert last.after == cost(eliminate_dead_code(eliminate_common_subexpressions(program)))


# Counted by hand for the GRU. Its products are 2 B D H flops for each of the three gates' inputs
# and 2 B H^2 for each state's, forward; backward the gradient of each weight costs as much as its
# product and each of the three Wrec^T as well. The adjoint of the input is three products more and
# two sums. The rest is elementwise, for each step of each sample, and counted for one of them:
#
# forward   textbook, 12: Z and R each + and sigmoid (4), R o S (1), CA + and tanh (2),
#           S: 1 - Z, two products, + (4), the selection past a sample's length (1).
#           rows, 15: a sigmoid is 1/2 (1 + tanh), so Z and R are +, tanh, +, times (8);
#           S + Z o (CA - S) is one less (3). Its halves of Wz, Wr, Wrecz, Wrecr are made once.
#           columns and folded, 12: the sums of products are within the GEMMs, three less.
# backward  rows, 17: dS (1), dS o Z (1), daCA (3), dRS o R (1), daR = (dRS - dRS o R) o RS (2),
#           dS - dS o Z (1), daZ, that o (S - S_prev) (2), dS_prev (3), a sample's length (3).
#           blocked, the same: a product in blocks is one GEMM.
#           columns, 2 GEMMs a step: of daCA with Wrecca^T, of [daZ daR] with [Wrecz Wrecr]^T; two
#           behind the loop: of [x S_prev] with [daZ daR], of [x RS] with daCA. 1 - Z is there
#           twice: alone, and beside 1 - R.
#           folded: three identities more in the second GEMM, 6 B H^2, and three additions less.
COUNTS: list[tuple[Style, Layout, str, str, str]] = [
    ("textbook", "rows", "forward", "6 T", "6 T B D H + 6 T B H^2 + 12 T B H"),
    (
        "textbook",
        "rows",
        "backward",
        "9 T",
        "6 T B D H + 12 T B H^2 + 23 T B H + 3 T D H + 3 T H^2",
    ),
    ("textbook", "rows", "inputs", "3 T", "6 T B D H + 2 T B D"),
    ("fast", "rows", "forward", "3 T + 3", "6 T B D H + 6 T B H^2 + 15 T B H + 2 D H + 2 H^2"),
    ("fast", "rows", "backward", "3 T + 6", "6 T B D H + 12 T B H^2 + 17 T B H"),
    ("fast", "rows", "inputs", "3", "6 T B D H + 2 T B D"),
    ("fast", "blocked", "forward", "3 T + 3", "6 T B D H + 6 T B H^2 + 15 T B H + 2 D H + 2 H^2"),
    ("fast", "blocked", "backward", "3 T + 6", "6 T B D H + 12 T B H^2 + 17 T B H"),
    ("fast", "columns", "forward", "2 T", "6 T B D H + 6 T B H^2 + 12 T B H + 2 D H + 2 H^2"),
    ("fast", "columns", "backward", "2 T + 2", "6 T B D H + 12 T B H^2 + 22 T B H"),
    ("fast", "folded", "forward", "2 T", "6 T B D H + 6 T B H^2 + 12 T B H + 2 D H + 2 H^2"),
    ("fast", "folded", "backward", "2 T + 2", "6 T B D H + 18 T B H^2 + 19 T B H"),
]


@pytest.mark.parametrize(("style", "layout", "phase", "gemms", "flops"), COUNTS)
def test_the_gru_costs_what_was_counted_by_hand(
    style: Style, layout: Layout, phase: str, gemms: str, flops: str
) -> None:
    found = cost(optimise(lower(gc.derive(gc.GRU)), style, None, layout), (phase,))
    assert (str(found.gemms), str(found.flops)) == (gemms, flops)


# --- polynomials ---------------------------------------------------------------------------------


def test_a_product_with_a_sum_of_sizes_is_multiplied_out() -> None:
    found = Polynomial.product(2, ("B", "D+H", "H+H"))
    assert str(found) == "4 B D H + 4 B H^2"
    assert str(Polynomial.product(3, ("D+1", "H"))) == "3 D H + 3 H"


def test_numbers_in_text_are_multiplied() -> None:
    assert str(Polynomial.product(2, ("T", "3", "H"))) == "6 T H"
    assert str(Polynomial.product(0, ("T",))) == "0"


def test_like_terms_are_added_whatever_their_order() -> None:
    total = Polynomial({("H", "B"): 1}) + Polynomial({("B", "H"): 2, (): 5})
    assert total == Polynomial({("B", "H"): 3, (): 5})
    assert str(total) == "3 B H + 5"
    assert total != Polynomial({("B", "H"): 3})


def test_sizes_are_written_in_a_fixed_order_and_others_last() -> None:
    assert str(Polynomial.product(1, ("K", "O", "H", "D", "B", "T"))) == "T B D H O K"


def test_some_sizes_or_all_can_have_numbers() -> None:
    found = Polynomial({("T", "H", "H"): 2, ("B",): 1})
    assert found.fixed({"H": 3}) == Polynomial({("T",): 18, ("B",): 1})
    assert found.at({"T": 5, "H": 3, "B": 7}) == 97
    assert found.times(3) == Polynomial({("T", "H", "H"): 6, ("B",): 3})
