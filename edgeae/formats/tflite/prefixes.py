"""The first operators of a graph as a graph of their own, for timing one operator after another."""

from edgeae.errors import BadInput
from edgeae.formats.tflite.cut import cut
from edgeae.formats.tflite.graph import Graph


def prefix(graph: Graph, count: int) -> Graph:
    """Return the first `count` operators, in execution order, with the inputs of `graph`.

    Its outputs are what `graph` still needs after them (several, where a skip connection is cut),
    what `graph` itself returns, and results that nobody reads, so that an engine computes them.

    Raises:
        BadInput: `count` is not between 1 and the number of operators, or the last operator of the
            prefix has no result to cut at.
    """
    if not 1 <= count <= len(graph.operators):
        raise BadInput(f"a prefix of {count} operators: the graph has {len(graph.operators)}")
    done, later = graph.operators[:count], graph.operators[count:]
    if not any(index >= 0 for index in done[-1].outputs):
        raise BadInput(f"operator {count - 1}, {done[-1].name}, has no result to cut at")
    read_before = {index for operator in done for index in operator.inputs}
    read_later = {index for operator in later for index in operator.inputs}
    wanted = read_later | set(graph.outputs.values())
    made = dict.fromkeys(index for operator in done for index in operator.outputs if index >= 0)
    outputs = [index for index in made if index in wanted or index not in read_before]
    # the newest result first: it is the one that a session reads
    outputs.sort(key=lambda index: index not in done[-1].outputs)
    return cut(graph, graph.inputs, {f"prefix/{index}": index for index in outputs})
