"""An audit: the function is called, compared with the derivation, and its faults are looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Table
from dataclasses import replace
from os import PathLike
from reprlib import repr as shortened
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_codegen.audit.differences import ROUGH, STEP, central_difference
from gru_codegen.audit.factors import said, tolerance
from gru_codegen.audit.forward import ONE, Computed, Losses, variant_of
from gru_codegen.audit.function import Foreign, Found
from gru_codegen.audit.mapping import Mapping, mapping_of, read_table
from gru_codegen.audit.model import Model
from gru_codegen.audit.orders import in_known_order
from gru_codegen.audit.points import Data, points
from gru_codegen.audit.report import NO_FAULT_KNOWN, Audit, Fault, Finding
from gru_codegen.audit.search import Explanation, agree, difference, explain, read
from gru_codegen.audit.standards import Standard, reached
from gru_codegen.cell import Cell
from gru_codegen.cells.gru import GRU
from gru_codegen.derive import derive
from gru_codegen.errors import CellError, DerivationError, VerificationError
from gru_codegen.known import require_known
from gru_codegen.losses import L2, Loss
from gru_codegen.parse import declared_cell, declared_loss
from gru_codegen.readouts import readouts

__all__ = ["audit"]

Array = NDArray[Any]
RIGHT_FOR_ITS_LOSS = "right for the loss that it computes"


def audit(
    function: Callable[..., Any],
    *,
    cell: Cell | str | PathLike[str] = GRU,
    loss: Loss | str | PathLike[str] = L2,
    readout: str = "none",
    mapping: str | Table[str, Any] | None = None,
    name: str | None = None,
) -> Audit:
    """Compare the loss and the gradients of `function` with those of `cell`, and name its faults.

    It is called with small random arrays, several times. Without a mapping it is called as
    ``function(params, x, y, s0)``, params a dict of the weights by their names, x (T, B, D), y
    (T, B, H), s0 (B, H), and returns the loss and a dict of the gradients.

    cell, loss, readout: as for `load`.
    mapping: a path of a TOML file, or the table in it (docs/audit.md).
    name: what the report calls the function.

    Raises
    ------
    TypeError: `function` cannot be called, or `cell` or `loss` is neither a declaration nor the
        name of one.
    VerificationError: the function raises, or does not return what the mapping says; the mapping
        has a fault. The message is one line.
    CellError: the cell has two inputs, or constants; or there is no such cell or loss.
    ValueError: there is no such readout.
    """
    if not callable(function):
        raise TypeError(
            f"function: expected a function, or what is called like one, got {shortened(function)}"
        )
    cell, loss = declared_cell(cell), declared_loss(loss)
    known = require_mapping(mapping, cell, loss, readout)
    subject = name or str(getattr(function, "__qualname__", repr(function)))
    against = ", ".join([cell.name, loss.name] + [readout] * (readout != "none"))
    try:
        return _Auditor(function, known, readouts[readout](cell), loss).audit(subject, against)
    except VerificationError as error:
        raise VerificationError(f"{subject}: {error}") from error


def require_mapping(
    mapping: str | Table[str, Any] | None, cell: Cell, loss: Loss, readout: str
) -> Mapping:
    """The mapping for a cell with a readout and a loss; what is raised is as for `audit`."""
    require_known("readout", readout, readouts)
    complete = readouts[readout](cell)
    if len(complete.inputs) != 1:
        raise CellError(
            f"cell {cell.name!r}: it has {len(complete.inputs)} inputs; one can be audited"
        )
    if complete.constants:
        raise CellError(
            f"cell {cell.name!r}: it has constants, which no function that is audited is given"
        )
    if isinstance(mapping, str):
        return mapping_of(read_table(mapping), complete, loss, mapping)
    return mapping_of(mapping or {}, complete, loss)


class _Auditor:
    def __init__(self, function: Any, mapping: Mapping, cell: Cell, loss: Loss) -> None:
        self.foreign = Foreign(function, mapping)
        data = Data(
            "B" not in mapping.x.names,
            mapping.x.indices,
            not self.foreign.takes_states,
            mapping.sizes,
        )
        self.points = list(points(cell, loss, data))
        self.declared = Computed(cell, loss, at_last=mapping.at_last)
        self.notes: list[str] = []

    def audit(self, subject: str, against: str) -> Audit:
        self.foreign, self.notes = in_known_order(self.foreign, self._fits)
        found = [self.foreign(point) for point in self.points]
        self._note_changes(found)
        computed, of_loss = self._loss(found)
        no_faults: tuple[Fault, ...] = ()
        if computed is None:
            of_gradients, faults = self._against_differences(found[0]), no_faults
        else:
            of_gradients, faults = self._against_derivation(computed, found)
        findings = (*of_loss, *self._outputs(found), *of_gradients)
        return Audit(subject, against, findings, faults, tuple(self.notes))

    # --- the call ---------------------------------------------------------------------------

    def _fits(self, foreign: Foreign) -> bool:
        """Return whether the loss is the declared one or, if none is returned, a gradient."""
        some = self.points[:2]
        found = [foreign(point) for point in some]
        if found[0].loss is not None:
            return self.declared.multiple(self._losses(found)) is not None
        model = Model(derive(self.declared.cell, self.declared.loss))
        gradients = model.backward(model.forward(some[0]))
        return any(agree(found[0].gradients[name], g) for name, g in gradients.items())

    def _losses(self, found: Sequence[Found]) -> Losses:
        """The losses as multiples of the scale that the mapping says."""
        some = self.points[: len(found)]
        scale = self.foreign.mapping.scale
        values = [
            np.nan if each.loss is None else each.loss / scale.at(point.sizes)
            for each, point in zip(found, some, strict=True)
        ]
        return Losses(some, values, max(map(tolerance, found[0].gradients.values())))

    def _note_changes(self, found: Sequence[Found]) -> None:
        if changed := sorted({name for each in found for name in each.changed}):
            self.notes.append(f"the function changes {_listed(changed)} where it is")
        again = self.foreign(self.points[0])
        for name, gradient in again.gradients.items():
            if not np.array_equal(gradient, found[0].gradients[name], equal_nan=True):
                self.notes.append(
                    f"called again with the same arguments it gives another d{name}; does it add "
                    "to what the last call has left?"
                )
                return

    # --- the loss and the outputs -------------------------------------------------------------

    def _loss(self, found: Sequence[Found]) -> tuple[Computed | None, list[Finding]]:
        """The loss that the function computes, as far as it is known, and what is said of it."""
        if found[0].loss is None:
            return self.declared, []
        losses = self._losses(found)
        expected = [self.declared.at(point) for point in self.points]
        error = max(
            difference(np.array(f), np.array(e))
            for f, e in zip(losses.values, expected, strict=True)
        )
        if not np.isfinite(losses.values).all():
            return self.declared, [Finding("loss", np.inf, "is not finite")]
        computed = variant_of(self.declared, losses)
        if computed is None:
            return None, [Finding("loss", error, NO_FAULT_KNOWN)]
        multiple = said(computed.scale) if computed.scale != ONE else ""
        if multiple and not computed.text and self.foreign.mapping.scale.text == "1":
            self.notes.append(
                f'if the loss is meant so, the mapping says scale = "{computed.scale}"'
            )
        fault = "; ".join(part for part in (computed.text, multiple) if part)
        return computed, [Finding("loss", error, fault)]

    def _outputs(self, found: Sequence[Found]) -> Iterator[Finding]:
        if found[0].outputs is None:
            return
        model = Model(derive(self.declared.cell, self.declared.loss))
        axes = self.foreign.mapping.x.of_outputs(str(self.declared.cell.outputs[0].shape[1]))
        pairs = [
            (each.outputs, np.array(axes.of(model.forward(point).outputs)))
            for each, point in zip(found, self.points, strict=True)
        ]
        error = max(difference(f, e) for f, e in pairs if f is not None)
        right = all(agree(f, e) for f, e in pairs if f is not None)
        yield Finding("outputs", error, "" if right else NO_FAULT_KNOWN)

    # --- gradients --------------------------------------------------------------------------

    def _against_differences(self, found: Found) -> list[Finding]:
        """The gradients beside differences of the loss that the function computes."""
        return [
            self._against_difference(name, gradient) for name, gradient in found.gradients.items()
        ]

    def _against_difference(self, name: str, gradient: Array) -> Finding:
        error = difference(gradient, central_difference(self.foreign, self.points[0], name))
        text = f"the derivative of the loss that it computes, by differences of {STEP:g}"
        if error <= ROUGH:
            return Finding(self._called(name), error, "", f"is {text}")
        return Finding(self._called(name), error, f"is not {text}")

    def _against_derivation(
        self, computed: Computed, found: Sequence[Found]
    ) -> tuple[list[Finding], tuple[Fault, ...]]:
        """The gradients beside those of the loss that the function computes."""
        try:
            own = Standard.of(computed, self._scaled(computed))
        except (CellError, DerivationError):  # of a forward pass that no cell can have
            return self._against_differences(found[0]), ()
        standards = [own]
        if computed.scale != ONE:
            standards.append(replace(own, scales=self._scaled(replace(computed, scale=ONE))))
        if computed.text:
            declared = Model(derive(self.declared.cell, self.declared.loss))
            standards.append(replace(own, backward=declared, at_last=self.declared.at_last))
        explained = [(s, s.explain(self.points, found, read)) for s in standards]
        if all(explanation.unexplained for _, explanation in explained):
            explained = [(s, s.explain(self.points, found, explain)) for s in standards]
        standard, explanation = min(explained, key=lambda pair: pair[1].rank)
        return self._told(computed, own, standard, explanation, found)

    def _scaled(self, computed: Computed) -> list[float]:
        """The multiples at the points of the loss of cell and loss that a function has."""
        scale = self.foreign.mapping.scale
        steps = [
            p.sizes["T"] if computed.at_last and computed.loss.mean else 1 for p in self.points
        ]
        return [
            scale.at(point.sizes) * computed.scale.at(point.sizes) * step
            for point, step in zip(self.points, steps, strict=True)
        ]

    def _told(
        self,
        computed: Computed,
        own: Standard,
        standard: Standard,
        explanation: Explanation,
        found: Sequence[Found],
    ) -> tuple[list[Finding], tuple[Fault, ...]]:
        """The findings and faults of an explanation."""
        cases = standard.cases(self.points, found)
        changes = explanation.changes[len(standard.base) :]
        reaches = [reached(standard.backward, cases, explanation.changes, c) for c in changes]
        faults = [
            Fault(change.text, tuple(self._called(name) for name in names))
            for change, names in zip(changes, reaches, strict=True)
        ]
        if explanation.scale is not None:
            names = list(cases[0].found)
            reaches.append(names)
            faults.append(Fault(f"every gradient {said(explanation.scale)}", tuple(names)))
        judge = standard if standard.backward is own.backward else own
        right = [
            case.expected(judge.backward, judge.base) for case in judge.cases(self.points, found)
        ]
        remark = (
            RIGHT_FOR_ITS_LOSS
            if computed.text or standard.scales != self._scaled(self.declared)
            else ""
        )
        findings = []
        for weight in computed.cell.weights:
            name = weight.name
            pairs = [(f.gradients[name], e[name]) for f, e in zip(found, right, strict=True)]
            finding = self._finding(name, pairs, remark)
            if finding.fault:
                numbers = [f"fault {n}" for n, names in enumerate(reaches, 1) if name in names]
                finding = replace(finding, fault=_fault(explanation, name, numbers))
            findings.append(finding)
        return findings, tuple(faults)

    def _finding(self, name: str, pairs: Sequence[tuple[Array, Array]], remark: str) -> Finding:
        agreed = [agree(f, e) for f, e in pairs]
        error = max(difference(f, e) for f, e in pairs)
        if all(agreed):
            return Finding(self._called(name), error, "", remark)
        special = [p.name for p, right in zip(self.points, agreed, strict=True) if p.name and right]
        return Finding(self._called(name), error, NO_FAULT_KNOWN, right_if=tuple(special))

    def _called(self, name: str) -> str:
        """The gradient of a weight, and what the function calls the weight."""
        for theirs, arrangement in self.foreign.mapping.weights.items():
            if name in arrangement.names and len(arrangement.names) > 1:
                return f"d{name} (in {theirs})"
            if name in arrangement.names and theirs != name:
                return f"d{name} ({theirs})"
        return f"d{name}"


def _fault(explanation: Explanation, name: str, numbers: Sequence[str]) -> str:
    """The faults of a wrong gradient."""
    if name not in explanation.readings:
        return _listed(numbers) or "is that of the declared equations at the values of this pass"
    reading = explanation.readings[name]
    if reading is None:
        return NO_FAULT_KNOWN
    return f"{_listed(numbers)}; besides, it {reading}" if numbers else reading


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
