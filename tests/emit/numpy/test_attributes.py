"""Where variables live: their arrays, what is a view of them, and what it is called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gru_codegen.emit.numpy.attributes import Attributes
from gru_codegen.emit.numpy.functions import phase_function
from gru_codegen.emit.numpy.names import Names
from gru_codegen.emit.numpy.workspace import workspace_lines
from gru_codegen.ir import Every, Loop, Now, Orientation, Ref, Var
from gru_codegen.passes.schedule.unroll import unroll
from gru_codegen.passes.simplify.dead_code import eliminate_dead_code
from gru_codegen.plan import plan
from tests.emit.programs import beside, into, of_one_step, op, timed, weight, with_attributes

a, b, c, d = map(timed, "abcd")
s = of_one_step("s")
U = weight("U", "H", "H")
tanh, add = op("tanh"), op("add")


def before(ref: Ref) -> Ref:
    return Ref(ref.var, Now(-1))


def after(ref: Ref) -> Ref:
    return Ref(ref.var, Now(1))


def shapes(attributes: Attributes) -> dict[str, str]:
    return {array.name: attributes.shape(array) for array in attributes.plan.arrays}


def views(attributes: Attributes) -> dict[str, str]:
    return {view.name: view.code for view in attributes.views()}


#: What stands beside one another before the functions of both are taken.
PRODUCTS = (into(c, tanh(s)), into(d, tanh(s)))


# --- places ---------------------------------------------------------------------------------------


def test_what_is_handed_out_is_kept_for_every_step_and_the_rest_is_not() -> None:
    attributes = with_attributes(Loop("forward", (into(b, tanh(s)), into(a, tanh(b)))), results=[a])
    assert shapes(attributes) == {"s": "B, H", "b": "B, H", "a": "T, B, H"}
    assert views(attributes) == {"a": "self._a[:steps]"}
    assert str(attributes.plan.numbers()) == "T B H + 2 B H"


def test_columns_are_stored_transposed() -> None:
    attributes = with_attributes(
        into(of_one_step("W_a", ("D+H", "H")), tanh(U)),
        Loop("forward", (into(a, tanh(s)),)),
        orientation="columns",
        results=[a],
    )
    assert shapes(attributes) == {"W_a": "D + H, H", "s": "H, B", "a": "T, H, B"}


def test_a_vector_is_a_shape_of_one_size() -> None:
    attributes = with_attributes(into(of_one_step("half_v", ("H",)), tanh(weight("v", "H"))))
    assert shapes(attributes) == {"half_v": "H,"}


# --- packs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("middle", "name", "meaning"),
    [
        ("v" * 13, f"first_{'v' * 13}_last", ""),
        ("v" * 14, "first_to_last", f"first, {'v' * 14} and last"),
    ],
)
def test_a_long_name_says_its_ends_and_then_the_meaning_says_all(
    middle: str, name: str, meaning: str
) -> None:
    parts = [timed("first"), timed(middle), timed("last")]
    products = [into(part, tanh(s)) for part in parts]
    both = into(timed("a"), tanh(beside(*parts)))
    [array] = [
        each
        for each in with_attributes(Loop("forward", (*products, both))).plan.arrays
        if len(each.shapes) == 3
    ]
    assert (array.name, array.meaning) == (name, meaning)


@pytest.mark.parametrize(
    ("orientation", "shape", "found"),
    [
        (
            "rows",
            "2, T, B, H",
            {
                "a_b": "self._a_b[:, :steps].swapaxes(0, 1)",
                "a": "self._a_b[0, :steps]",
                "b": "self._a_b[1, :steps]",
            },
        ),
        (
            "columns",
            "T, 2 * H, B",
            {
                "a_b": "self._a_b[:steps]",
                "a": "self._a_b[:steps, :H]",
                "b": "self._a_b[:steps, H:]",
            },
        ),
    ],
)
def test_a_pack_is_one_array(orientation: Orientation, shape: str, found: dict[str, str]) -> None:
    attributes = with_attributes(
        Loop("forward", (*PRODUCTS, into(beside(a, b), tanh(beside(c, d))))),
        orientation=orientation,
        results=[a, b],
    )
    scratch = "2, B, H" if orientation == "rows" else "2 * H, B"
    assert shapes(attributes) == {
        "c_d": scratch,
        "a_b": shape,
        "s": "B, H" if orientation == "rows" else "H, B",
    }
    assert views(attributes) == found


def test_a_part_reads_the_sizes_that_its_slice_names() -> None:
    attributes = with_attributes(
        Loop("forward", (*PRODUCTS, into(beside(a, b), tanh(beside(c, d))))),
        orientation="columns",
        results=[a, b],
    )
    sizes = {view.name: view.sizes for view in attributes.views()}
    assert sizes == {"a_b": (), "a": ("H",), "b": ("H",)}


def test_parts_of_scratch_are_views_made_once() -> None:
    loop = Loop("forward", (*PRODUCTS, into(beside(a, b), tanh(beside(c, d)))))
    rows, columns = (
        {v.name: v.code for v in with_attributes(loop, orientation=orientation).parts_of_scratch()}
        for orientation in ("rows", "columns")
    )
    assert rows == {
        "c": "self.c_d[0]",
        "d": "self.c_d[1]",
        "a": "self.a_b[0]",
        "b": "self.a_b[1]",
    }
    assert columns["c"] == "self.c_d[:H]"
    assert columns["d"] == "self.c_d[H:]"


def test_a_pack_within_another_is_a_run_of_its_parts() -> None:
    """Three neighbours, of which two are an operand of their own."""
    statements = (into(beside(a, b, c), tanh(d)), into(s, tanh(beside(b, c))))
    attributes = with_attributes(
        Loop("forward", statements[:1]), *statements[1:], orientation="columns"
    )
    assert list(shapes(attributes)) == ["a_b_c", "d", "s"]
    place = attributes.plan.place(beside(b, c).var)
    assert (place.start, place.stop) == (1, 3)


# --- overwriting ----------------------------------------------------------------------------------


def test_what_overwrites_another_has_no_array_of_its_own() -> None:
    loops = Loop("forward", (into(a, tanh(s)),)), Loop("reverse", (into(b, tanh(a)),))
    attributes = with_attributes(*loops, results=[a, b], overwrites={"b": "a"})
    assert shapes(attributes) == {"s": "B, H", "a": "T, B, H"}
    assert views(attributes) == {"a": "self._a[:steps]", "b": "self._a[:steps]"}
    remarks = {view.name: view.remark for view in attributes.views()}
    assert remarks == {"a": "", "b": "meaning of b, written over a"}


def test_a_chain_of_overwriting_ends_at_what_has_storage() -> None:
    loops = (into(ref, tanh(s)) for ref in (a, b, c))
    attributes = with_attributes(
        *(Loop("forward", (loop,)) for loop in loops),
        results=[a, b, c],
        overwrites={"b": "a", "c": "b"},
    )
    assert list(shapes(attributes)) == ["s", "a"]
    assert views(attributes)["c"] == "self._a[:steps]"


def test_one_whose_overwritten_variable_is_gone_has_storage_of_its_own() -> None:
    """Pruning may remove what another was written over, and that is no reason to fail."""
    loop = Loop("forward", (into(a, tanh(s)), into(b, tanh(s))))
    attributes = with_attributes(loop, results=[a, b], overwrites={"b": "a"})
    program = unroll(2)(attributes.program)
    pruned = eliminate_dead_code(
        type(program)(**{**vars(program), "entries": {"forward": (b.var,)}})
    )
    assert "a" not in pruned.variables()
    assert list(shapes(Attributes(plan(pruned)))) == ["s", "b"]


# --- steps before and after -----------------------------------------------------------------------


def test_the_state_before_a_step_is_a_view_of_one_more_step() -> None:
    state = timed("S")
    attributes = with_attributes(
        Loop("forward", (into(state, tanh(before(state))),)), results=[state]
    )
    assert shapes(attributes) == {"S": "T + 1, B, H"}
    assert views(attributes) == {"S_prev": "self._S[:steps]", "S": "self._S[1 : steps + 1]"}
    assert {v.name: v.code for v in attributes.ends([state.var], by_row=True)} == {
        "S_first": "self._S[0]",
        "S_last": "self._S[steps]",
    }
    columns = Attributes(plan(replace(attributes.program, orientation="columns")))
    assert [view.code for view in columns.ends([state.var], by_row=True)] == [
        "self._S[0].T",
        "self._S[steps].T",
    ]
    assert str(attributes.plan.numbers()) == "T B H + B H"


def test_what_is_read_of_the_next_step_is_a_view_too() -> None:
    loop = Loop("reverse", (into(a, tanh(after(a))),))
    attributes = with_attributes(loop, results=[a])
    assert shapes(attributes) == {"a": "T + 1, B, H"}
    assert views(attributes) == {"a_next": "self._a[1 : steps + 1]", "a": "self._a[:steps]"}


# --- names ----------------------------------------------------------------------------------------


def test_names_of_steps_come_from_tuples_and_the_others_from_the_workspace() -> None:
    attributes = with_attributes(Loop("forward", (into(a, add(s, before(a))),)), results=[a])
    names = Names(attributes)
    spelled = [names.spell(ref, "t") for ref in (a, before(a), s, Ref(a.var, Every()))]
    assert spelled == ["a_t", "a_prev_t", "s", "a"]
    assert names.steps == {"a_t": "a", "a_prev_t": "a_prev"}
    assert {name: local.code for name, local in names.local.items()} == {"s": "w.s", "a": "w.a"}
    assert not names.indexed


def test_inputs_are_indexed() -> None:
    x = timed("x", "input", ("B", "D"))
    names = Names(with_attributes(Loop("forward", (into(a, tanh(x)),))))
    assert names.spell(x, "3") == "x[3]"
    assert names.indexed
    assert names.steps == {}


def test_transposes_and_columns_are_made_once() -> None:
    names = Names(with_attributes(Loop("forward", (into(a, tanh(s)),)), orientation="columns"))
    assert names.transposed(U) == "U_T"
    assert names.column(weight("v", "H")) == "v_column"
    assert names.transposed(Ref(a.var, Every())) == "a_turned"
    assert names.local["U_T"].code == "U.T"
    assert names.local["v_column"].code == "v[:, None]"
    assert names.local["a_turned"].code == "_turned(a)"


# --- the lines of a Workspace ---------------------------------------------------------------------


def test_a_workspace_makes_what_functions_use_and_no_more() -> None:
    """The view of the part that nobody reads alone is left out."""
    x, W, state = timed("x", "input", ("B", "D")), weight("W", "D", "H"), timed("S")
    product = into(s, op("matmul")(x, W))
    gates = into(beside(a, b), tanh(beside(c, d)))
    loop = Loop("forward", (product, *PRODUCTS, gates, into(state, add(a, s))))
    attributes = with_attributes(loop, orientation="columns", results=[state])
    [phase] = attributes.program.phases
    lines = workspace_lines(attributes, [phase_function(phase, attributes)], [])
    assert lines.once == [
        "        B, H, dtype = self.batch_size, self.hidden_size, self.dtype",
        "        self.c_d = np.empty((2 * H, B), dtype)",
        "        self.a_b = np.empty((2 * H, B), dtype)",
        "        self.s = np.empty((H, B), dtype)  # meaning of s",
        "        self.c = self.c_d[:H]  # meaning of c",
        "        self.d = self.c_d[H:]  # meaning of d",
        "        self.a = self.a_b[:H]  # meaning of a",
    ]
    assert lines.arrays == [
        "        B, H, dtype = self.batch_size, self.hidden_size, self.dtype",
        "        self._S = np.empty((T, H, B), dtype)  # meaning of S",
    ]
    assert lines.views == [
        "        self.S = self._S[:steps]",
        "        self.S_turned = _turned(self.S)",
        "        self.forward_steps = list(zip(self.S))",
    ]


def test_a_workspace_shows_rows_that_are_gathered_as_one_matrix() -> None:
    """And with a sample per column, as what is copied there is stored."""
    state, a_b = timed("S"), beside(a, b)
    product = into(s, op("matmul")(timed("x", "input", ("B", "D")), weight("W", "D", "H")))
    rows = Ref(Var("a_b_rows", ("B", "H+H"), "work", timed=True, meaning="gathered"), Every())
    total = Ref(Var("dU", ("H+H", "H+H"), "gradient"))
    attributes = with_attributes(
        Loop("forward", (product, into(a, tanh(s)), into(b, tanh(s)), into(state, add(a, b)))),
        into(rows, replace(a_b, when=Every())),
        into(total, op("contract")(rows, rows)),
        orientation="columns",
        results=[state],
        by_row=[rows],
    )
    [phase] = attributes.program.phases
    lines = workspace_lines(attributes, [phase_function(phase, attributes)], [])
    made = "        self._a_b_rows = np.empty((T, B, 2 * H), dtype)  # gathered"
    assert [line for line in lines.arrays if "rows" in line] == [made]
    assert [line for line in lines.views if "rows" in line] == [
        "        self.a_b_rows_turned = _turned(self._a_b_rows[:steps])",
        "        self.a_b_rows = _rows(self._a_b_rows[:steps])",
    ]
    assert str(attributes.plan.numbers()) == "5 T B H + B H"
