"""What a kernel has no lines for is refused by name."""

from __future__ import annotations

import pytest

from gru_codegen.emit.numpy.requirements import require_boundaries, require_interface
from gru_codegen.errors import ProgramError
from gru_codegen.ir import Every, Expr, Loop, Now, Phase, Program, Ref, Role, Statement, Var
from tests.emit.programs import into, op, timed, weight, whole, with_attributes

add, tanh = op("add"), op("tanh")
x = timed("x", "input")


def _bounded(boundary: Expr, role: Role = "value") -> Ref:
    return Ref(Var("A", ("B", "H"), role, True, boundary), Now())


def _refused(
    *blocks: Statement | Loop, states: tuple[Ref, ...] = (), carry: Ref | None = None
) -> str:
    plan = with_attributes(*blocks, carries=[] if carry is None else [carry]).plan
    try:
        require_boundaries(plan, [state.var for state in states])
    except ProgramError as error:
        return str(error)
    return ""


def _recurring(a: Ref, offset: int) -> Loop:
    before = Ref(a.var, Now(offset))
    return Loop("forward" if offset < 0 else "reverse", (into(a, add(x, before)),))


def test_initial_states_and_the_adjoints_of_last_ones_are_written() -> None:
    state = _bounded(Ref(Var("a0", ("B", "H"), "initial")))
    assert not _refused(_recurring(state, -1), states=(state,))
    carry = _bounded(Ref(Var("dA_last", ("B", "H"), "last")), "adjoint")
    assert not _refused(_recurring(carry, 1), carry=carry)


def test_a_number_is_written_before_what_is_computed_for_all_steps_at_once() -> None:
    a, b = _bounded(whole(2)), timed("C")
    reader = Loop("forward", (into(b, Ref(a.var, Now(-1))),))
    assert not _refused(into(Ref(a.var, Every()), tanh(Ref(x.var, Every()))), reader)


@pytest.mark.parametrize("boundary", [whole(2), Ref(Var("a0", ("B", "H"), "initial"))])
@pytest.mark.parametrize("offset", [-1, 1])
def test_any_other_boundary_is_refused(boundary: Expr, offset: int) -> None:
    said = _refused(_recurring(_bounded(boundary), offset))
    assert said.startswith(f"A is {boundary} beyond the steps, read at step t{offset:+d}: a kernel")


def test_a_state_is_read_before_the_first_step_alone_and_is_its_initial_one() -> None:
    state, number = _bounded(Ref(Var("a0", ("B", "H"), "initial"))), _bounded(whole(2))
    assert "step t+1" in _refused(_recurring(state, 1), states=(state,))
    assert "A is 2 beyond" in _refused(_recurring(number, -1), states=(number,))


def test_a_carry_is_read_beyond_the_last_step_as_what_a_caller_adds() -> None:
    number = _bounded(whole(2), "adjoint")
    assert "A is 2 beyond" in _refused(_recurring(number, 1), carry=number)


def test_a_number_beyond_the_last_step_is_refused() -> None:
    a, b = _bounded(whole(2)), timed("C")
    reader = Loop("reverse", (into(b, Ref(a.var, Now(1))),))
    assert "step t+1" in _refused(into(Ref(a.var, Every()), tanh(Ref(x.var, Every()))), reader)


def test_a_fraction_before_the_first_step_is_refused() -> None:
    a, b = _bounded(whole("1/2")), timed("C")
    reader = Loop("forward", (into(b, Ref(a.var, Now(-1))),))
    assert "A is 1/2 beyond" in _refused(
        into(Ref(a.var, Every()), tanh(Ref(x.var, Every()))), reader
    )


def _program(*blocks: Statement, phase: str = "backward", weights: tuple[Ref, ...] = ()) -> Program:
    return Program("test", tuple(w.var for w in weights), (Phase(phase, blocks),), {})


W = weight("W", "D", "H")
dW = Ref(Var("dW", ("D", "H"), "gradient", adjoint_of="W"))


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (_program(into(timed("A"), tanh(timed("A")))), "x: a kernel takes this input"),
        (_program(into(timed("A"), tanh(x)), weights=(W,)), "W: a kernel has its gradient, noth"),
        (
            _program(into(dW, 2 * W), into(timed("A", shape=("B", "P")), tanh(x)), weights=(W,)),
            "A: no input and no weight has its size P",
        ),
        (
            _program(into(timed("A"), op("add")(x, timed("Y", "target")))),
            "Y: phase backward reads it, which has no targets",
        ),
    ],
)
def test_a_program_whose_kernel_could_not_be_called_is_refused(program: Program, said: str) -> None:
    with pytest.raises(ProgramError, match=f"^{said}"):
        require_interface(program, ["x"])
