"""A smaller program that computes the same: fewer operations, and no unused weights."""

from dataclasses import replace
from typing import Any

from torch import Tensor

from .program import Operation, Program


def folded(program: Program) -> Program:
    """Merge each scale and shift of channels into the layer before it, if only it uses that one."""
    weights = list(program.weights)
    kept: dict[int, Operation] = {}  # by output
    renamed: dict[int, int] = {}
    users: dict[int, int] = {program.output: 1}
    for operation in program.operations:
        for i in operation.inputs:
            users[i] = users.get(i, 0) + 1
    for operation in program.operations:
        inputs = tuple(renamed.get(i, i) for i in operation.inputs)
        operation = replace(operation, inputs=inputs)
        before = kept.get(inputs[0]) if operation.kind == "affine" else None
        vector = len(program.shapes[operation.output]) == 1
        if before and users[inputs[0]] == 1 and _folds(before, vector):
            scale, shift = (weights[i].double() for i in operation.weights)
            numbers, merged = _merged(before, [weights[i] for i in before.weights], scale, shift)
            places = range(len(weights), len(weights) + len(merged))
            weights += [weight.float() for weight in merged]
            kept[inputs[0]] = replace(before, weights=tuple(places), settings=numbers)
            users[inputs[0]] = users.get(operation.output, 0)
            renamed[operation.output] = inputs[0]
        else:
            kept[operation.output] = operation
    last = renamed.get(program.output, program.output)
    return Program(program.shapes, tuple(weights), tuple(kept.values()), last)


def _folds(before: Operation, vector: bool) -> bool:
    return before.kind in ("conv", "deconv", "affine") or (before.kind == "linear" and vector)


def _merged(
    before: Operation, weights: list[Tensor], scale: Tensor, shift: Tensor
) -> tuple[dict[str, Any], list[Tensor]]:
    """The settings and weights of ``before``, followed by a scale and shift of its channels."""
    weight = weights[0].double()
    bias = weights[1].double() * scale + shift if len(weights) > 1 else shift
    if before.kind == "affine":
        weight = weight * scale
    elif before.kind == "deconv":
        inputs, outputs, *size = weight.shape
        groups = before.settings["groups"]
        of_group = scale.view(groups, 1, outputs, 1, 1)
        weight = weight.view(groups, inputs // groups, outputs, *size) * of_group
        weight = weight.view(inputs, outputs, *size)
    else:
        weight = weight * scale.view(-1, *[1] * (weight.dim() - 1))
    return dict(before.settings), [weight, bias]


def pruned(program: Program) -> Program:
    """Drop values and weights that nothing uses, and count the rest anew."""
    kept: list[Operation] = []
    values = {program.output}
    for operation in reversed(program.operations):
        if operation.output in values:
            kept.append(operation)
            values |= set(operation.inputs)
    kept.reverse()
    numbers = {old: new for new, old in enumerate([0, *(o.output for o in kept)])}
    used = {old: new for new, old in enumerate(i for o in kept for i in o.weights)}
    return Program(
        tuple(program.shapes[old] for old in numbers),
        tuple(program.weights[old] for old in used),
        tuple(
            replace(
                o,
                inputs=tuple(numbers[i] for i in o.inputs),
                output=numbers[o.output],
                weights=tuple(used[i] for i in o.weights),
            )
            for o in kept
        ),
        numbers[program.output],
    )
