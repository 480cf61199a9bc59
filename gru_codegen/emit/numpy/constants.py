"""The arguments of a module beside its weights, constants and inputs, and the code of them."""

from __future__ import annotations

from gru_codegen.emit.entry_points import Interface
from gru_codegen.emit.lines import signature
from gru_codegen.emit.sizes import in_code, letters, parameter, quoted
from gru_codegen.ir import Program, Var

__all__ = ["code_of_inputs", "made_constants", "numbers_of_sizes", "signature_of_prepared"]


def numbers_of_sizes(program: Program) -> str:
    """The code of a dictionary of the sizes of constants that a call is given, by their letters."""
    sizes = dict.fromkeys(
        n for var in program.given_constants for n in var.shape if not n.isdigit()
    )
    return f"{{{', '.join(f'{quoted((n,))[1:-2]}: {in_code(n)}' for n in sizes)}}}"


def made_constants(program: Program) -> list[tuple[Var, str, str, str]]:
    """The constants that a Workspace makes: how in words, as data, and the code that does."""
    found = []
    for var in program.constants:
        if var.name in program.made:
            pattern, numbers = program.made[var.name]
            words = f"{pattern}({', '.join(map(str, numbers))})" if numbers else pattern
            data = [quoted((pattern,))[1:-2], quoted(var.shape), *map(str, numbers)]
            shape = letters(tuple(map(parameter, var.shape)))
            code = f"_{pattern}({', '.join([shape, 'self.dtype', *map(str, numbers)])})"
            found.append((var, words, f"({', '.join(data)})", code))
    return found


def signature_of_prepared(interface: Interface) -> str:
    """The line that begins the function which checks weights, constants and inputs."""
    constants = bool(interface.constants)
    arguments = ["params: Any", *(["constants: Any"] if constants else []), "x: Any"]
    types = ["Params", *(["Constants"] if constants else [])]
    types += ["Inputs" if interface.several else "Array", "Workspace"]
    return signature(
        "_prepared", [*arguments, "workspace: Workspace | None"], f"tuple[{', '.join(types)}]"
    )


def code_of_inputs(interface: Interface) -> dict[str, str]:
    """The code of x: its type, it with a sample per column, and its arrays as keywords."""
    if not interface.several:
        return {"x_type": "Array", "turned_x": "_turned(x)", "inputs_by_name": "x=x"}
    return {
        "x_type": "Inputs",
        "turned_x": "Inputs(*map(_turned, x))",
        "inputs_by_name": '**{f"x.{name}": array for name, array in x._asdict().items()}',
    }
