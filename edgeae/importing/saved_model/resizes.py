"""Replaces repeats along height and width by a resize.

Keras 3 exports nearest-neighbour upsampling as a repeat along each axis. The int8 kernels of LiteRT
and of microcontrollers support ResizeNearestNeighbor, but not Tile.
"""

from typing import Any

import numpy as np

from edgeae.importing.saved_model.frozen_graph import Tensors, add_constant, needed
from edgeae.originals.graph_parts import node_of
from edgeae.originals.legacy_keras import tf

#: Height and width of (batch, height, width, channels).
_SPATIAL = (1, 2)


def with_resizes(graph: Any, tensors: Tensors) -> Any:
    """Return a GraphDef in which repeats along height or width are resizes.

    Args:
        graph: result of `plain` and `without_batch`.
        tensors: measurements of its nodes.
    """
    by_name = {node.name: node for node in graph.node}
    result = tf.compat.v1.GraphDef(versions=graph.versions)
    resized: dict[str, str] = {}
    for node in graph.node:
        source = _repeated(node, by_name, tensors)
        if source is None:
            result.node.append(node)
            continue
        # two repeats in a row, one per axis, become one resize
        resized[node.name] = source = resized.get(source, source)
        size = np.array(tensors.shapes[node.name][0][1:3], np.int32)
        add_constant(result, f"{node.name}/size", size)
        made = result.node.add(name=node.name, op="ResizeNearestNeighbor")
        made.input.extend([source, f"{node.name}/size"])
        made.attr["T"].type = tf.float32.as_datatype_enum
        made.attr["align_corners"].b = False
        made.attr["half_pixel_centers"].b = True
    return needed(result)


def _repeated(node: Any, by_name: dict[str, Any], tensors: Tensors) -> str | None:
    """Return the node whose values a Reshape repeats along height or width, or None.

    Such a repeat is an ExpandDims, a Tile and a Reshape.
    """
    if node.op != "Reshape":
        return None
    tile = by_name[node_of(node.input[0])]
    if tile.op != "Tile":
        return None
    expand = by_name[node_of(tile.input[0])]
    if expand.op != "ExpandDims" or by_name[node_of(expand.input[1])].op != "Const":
        return None
    source = node_of(expand.input[0])
    before, inner, tiled, after = (
        tensors.shapes[name][0] for name in (source, expand.name, tile.name, node.name)
    )
    axis = int(tf.make_ndarray(by_name[node_of(expand.input[1])].attr["value"].tensor)) % len(inner)
    if len(before) != 4 or axis - 1 not in _SPATIAL:
        return None
    times = tiled[axis]
    repeated = [size * (times if place == axis - 1 else 1) for place, size in enumerate(before)]
    alone = tiled[:axis] + tiled[axis + 1 :] == before
    return source if alone and list(after) == repeated else None
