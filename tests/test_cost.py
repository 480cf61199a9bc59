"""What programs cost, and what a pass says that it gained."""

from __future__ import annotations

import gru_codegen as gc
from gru_codegen.cost import cost, gains
from gru_codegen.lower import lower
from gru_codegen.passes import hoist, prune, share


def test_each_pass_says_what_it_gained() -> None:
    shared, pruned, hoisted = gains(lower(gc.derive(gc.GRU)), (share, prune, hoist))
    assert str(shared).splitlines()[:2] == ["share", "  GEMMs: 18 T"]
    assert shared.before.flops != shared.after.flops
    assert str(pruned).splitlines()[0] == "prune"
    assert pruned.before == shared.after
    assert str(hoisted).splitlines()[:2] == ["hoist", "  GEMMs: 18 T -> 6 T + 12"]
    # The sums over time are within the GEMMs now: six accumulations less, and that of the loss.
    assert str(hoisted.before.flops).endswith(" + 3 T D H + 3 T H^2 + 2 T")
    assert str(hoisted.before.flops).replace(" + 3 T D H + 3 T H^2 + 2 T", " + 1") == str(
        hoisted.after.flops
    )


def test_the_last_gain_ends_at_the_cost_of_the_whole() -> None:
    program = lower(gc.derive(gc.GRU))
    *_, last = gains(program, (share, prune))
    assert last.after == cost(prune(share(program)))
