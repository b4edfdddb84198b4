"""The bottleneck of a graph, against removing each node and looking for a way around it."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.errors import BadInput
from edgeae.importing.bottleneck import Choice, Node, choose
from edgeae.reading import typed


def chain(*sizes: int, skips: tuple[tuple[int, int], ...] = ()) -> list[Node]:
    """Nodes n0 → n1 → …; a skip joins two of them as well."""
    sources = {place: [place - 1] * (place > 0) for place in range(len(sizes))}
    for source, target in skips:
        sources[target].append(source)
    return [
        Node(f"n{place}", tuple(f"n{source}" for source in sources[place]), size)
        for place, size in enumerate(sizes)
    ]


def code(nodes: list[Node], name: str | None = None) -> Choice:
    return choose(nodes, nodes[0].name, nodes[-1].name, name)


def test_the_narrowest_node_is_the_code_and_the_others_are_alternatives():
    found = code(chain(784, 128, 32, 64, 784))
    assert (found.name, found.size) == ("n2", 32)
    assert found.alternatives == (("n3", 64), ("n1", 128))
    assert found.narrower is found.around is None


def test_of_equals_in_a_row_it_is_the_last_before_the_graph_widens():
    # Dense, BatchNormalization, activation; a later place as narrow changes nothing
    assert code(chain(64, 8, 8, 8, 16, 8, 64)).name == "n3"


def test_what_only_reshapes_belongs_to_the_decoder_unless_the_encoder_ends_there():
    nodes = [
        Node("image", (), 64),
        Node("code", ("image",), 8),
        Node("flat", ("code",), 8, same_values=True),
        Node("block", ("flat",), 8, same_values=True),
        Node("out", ("block",), 64),
    ]
    assert code(nodes).name == "code"
    ended = [Node(n.name, n.inputs, n.size, n.same_values, n.name == "flat") for n in nodes]
    assert code(ended).name == "flat"


def test_a_code_wider_than_the_input_is_found_where_it_is_the_only_narrowest():
    """As in keras.io's convolutional example: 784 → 25,088 → 6,272 → 1,568 → 6,272 → …"""
    sizes = (784, 25088, 6272, 6272, 1568, 6272, 25088, 784)
    found = choose(chain(*sizes), "n0", "n7", wide=True)
    assert (found.name, found.size) == ("n4", 1568)
    with pytest.raises(BadInput, match="no bottleneck"):
        code(chain(*sizes))
    for several in ((784, 1568, 6272, 1568, 784), (784, 1568, 1568, 784), (784, 784)):
        with pytest.raises(BadInput, match="no bottleneck"):
            choose(chain(*several), "n0", f"n{len(several) - 1}", wide=True)
    reshaped = [
        Node("image", (), 784),
        Node("pool", ("image",), 1568),
        Node("flat", ("pool",), 1568, same_values=True),
        Node("out", ("flat",), 784),
    ]
    assert choose(reshaped, "image", "out", wide=True).name == "pool"


def test_a_skip_inside_encoder_or_decoder_shuts_only_what_it_spans():
    found = code(chain(64, 32, 4, 32, 16, 32, 5, 32, 64, skips=((1, 3), (5, 7))))
    assert (found.name, found.size) == ("n4", 16)
    # said, because it is what a reader would have taken for the code
    assert found.narrower == ("n2", 4)
    assert found.around == ("n1", "n3")


@pytest.mark.parametrize(
    ("nodes", "named", "line"),
    [
        (chain(8, 16, 8, 8), None, "no bottleneck: no layer is narrower than the input's 8 values"),
        (chain(8, 8), None, "no bottleneck: no layer"),
        (chain(8, 2, 8, 8, skips=((0, 2),)), None, "the connection n0 → n2 bypasses"),
        (chain(8, 8, 2, 8, 8, skips=((1, 3),)), "n2", "connection n1 → n3 bypasses it"),
        (chain(8, 4, 2, 8), "n9", "unknown layer 'n9'"),
        (chain(8, 4, 2, 8), "n0", "is the input"),
        (chain(8, 4, 2, 8), "n3", "is the output"),
        ([*chain(8, 4, 2), Node("end", ("n1",), 8)], "n2", "not on a path from the input"),
    ],
)
def test_what_cannot_be_cut_is_refused(nodes, named, line):
    with pytest.raises(BadInput, match=line):
        code(nodes, named)


@pytest.mark.parametrize(
    ("nodes", "line"),
    [
        (
            chain(8, 32, 16, 8),
            "no bottleneck: no layer is narrower than the input's 8 values; "
            "--code-layer takes n2 (16), n1 (32)",
        ),
        (
            chain(8, 9, 2, 12, 8, skips=((1, 3),)),
            "no bottleneck: the connection n1 → n3 bypasses the narrowest layer, n2 (2 values "
            "of the input's 8), so the model cannot be cut there; --code-layer takes n1 (9), "
            "n3 (12); bypassed layers: n2 (2)",
        ),
        (
            chain(8, 2, 8, 8, skips=((0, 3),)),
            "no bottleneck: the connection n0 → n3 bypasses the narrowest layer, n1 (2 values "
            "of the input's 8), so the model cannot be cut there; no layer can be the code; "
            "bypassed layers: n1 (2), n2 (8)",
        ),
        (
            chain(8, *range(20, 8, -1), 8),
            "no bottleneck: no layer is narrower than the input's 8 values; --code-layer takes "
            "n12 (9), n11 (10), n10 (11), n9 (12), n8 (13), n7 (14), n6 (15), n5 (16) and 4 more",
        ),
    ],
)
def test_without_a_bottleneck_the_layers_are_listed(nodes, line):
    with pytest.raises(BadInput) as caught:
        code(nodes)
    assert str(caught.value) == line
    for name in re.findall(
        r"(n\d+) \(\d+\)", line.partition("takes")[2].partition("; bypassed")[0]
    ):
        assert code(nodes, name).name == name


def test_a_named_layer_may_be_as_wide_as_it_likes():
    assert code(chain(8, 16, 2, 8), "n1").size == 16


def test_constants_and_dead_ends_do_not_lead_around():
    nodes = [
        Node("weights", (), 100),
        Node("image", (), 64),
        Node("a", ("image", "weights"), 32),
        Node("dead", ("image",), 1),
        Node("code", ("a", "weights"), 4),
        Node("out", ("code", "weights"), 64),
    ]
    found = choose(nodes, "image", "out")
    assert found.name == "code" and found.alternatives == (("a", 32),)


@given(st.data())
def test_a_node_can_be_cut_at_exactly_if_the_output_cannot_be_reached_without_it(data):
    length = data.draw(st.integers(3, 12))
    sources = {
        place: data.draw(st.sets(st.integers(0, place - 1), min_size=1, max_size=3))
        for place in range(1, length)
    }
    nodes = [Node("n0", (), 100)]
    nodes += [
        Node(f"n{place}", tuple(f"n{source}" for source in sorted(sources[place])), place)
        for place in range(1, length)
    ]

    def reached(without: int | None) -> bool:
        seen = {0}
        for place in range(1, length):
            if place != without and sources[place] & seen:
                seen.add(place)
        return length - 1 in seen

    needed = {place for place in range(1, length - 1) if not reached(place)}
    if not needed:
        with pytest.raises(BadInput, match="no bottleneck"):
            code(nodes)
        return
    found = code(nodes)
    assert {found.name, *dict(found.alternatives)} == {f"n{place}" for place in needed}
    assert found.size == min(needed)


def test_a_block_of_the_decoder_as_narrow_as_the_code_is_not_the_code():
    # n1 → wide n2 → n3, and n1 + n3: both ends of the block are as narrow as each other
    assert code(chain(64, 4, 16, 4, 64, skips=((1, 3),))).name == "n1"


@given(st.data())
def test_of_equals_it_is_the_last_before_one_that_is_wider_or_led_around(data):
    length = data.draw(st.integers(3, 12))
    sizes = [100, *(data.draw(st.sampled_from([4, 16])) for _ in range(length - 2)), 100]
    pairs = st.tuples(st.integers(0, length - 1), st.integers(0, length - 1))
    skips = data.draw(st.lists(pairs.filter(lambda pair: pair[0] < pair[1] - 1), max_size=3))
    free = [
        size if not any(source < place < target for source, target in skips) else None
        for place, size in enumerate(sizes)
    ]
    inner = free[1:-1]
    if not any(inner):
        return
    least = min(size for size in inner if size)
    last = inner.index(least) + 1
    while last + 1 < length - 1 and free[last + 1] == least:
        last += 1
    assert code(chain(*sizes, skips=tuple(skips))).name == f"n{last}"


def test_it_survives_json():
    found = code(chain(64, 32, 4, 32, 16, 32, 64, skips=((1, 3),)))
    assert typed.build(Choice, json.loads(json.dumps(found.to_json()))) == found
