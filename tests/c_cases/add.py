"""Random models of ADD or SUB."""

from ai_edge_litert import schema_py_generated as schema
from c_cases import operands, tensors
from c_models import Case, model, operator


def random_case(rng) -> Case:
    if rng.random() < 0.1:
        return power_of_two(rng)
    return operands.random_case(rng, ["ADD", "SUB"])


def power_of_two(rng) -> Case:
    """Int16 whose scales are powers of 2; the operator rounds one operand before it adds."""
    name = str(rng.choice(["ADD", "SUB"]))
    shape = tensors.shape(rng, 3)
    powers = [-9, -9 - int(rng.integers(0, 16))]
    rng.shuffle(powers)
    options = getattr(schema, f"{name.capitalize()}OptionsT")()
    options.fusedActivationFunction = int(rng.integers(0, 4))
    options.potScaleInt16 = True
    constant = tensors.values(rng, shape, "int16")
    graph = [
        tensors.activation(rng, "x", shape, "int16", scales=(2.0 ** powers[0],)),
        tensors.activation(rng, "b", shape, "int16", scales=(2.0 ** powers[1],), data=constant),
        tensors.activation(rng, "y", shape, "int16", scales=(2.0**-9,)),
    ]
    content = model(graph, [operator(name, [0, 1], [2], options)])
    return Case(content, tensors.values(rng, (6, *shape), "int16"))
