import json
from dataclasses import asdict, dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.errors import BadInput
from edgeae.reading.typed_json import rebuild


@dataclass(frozen=True)
class Inner:
    name: str
    at: float = 0.5


@dataclass(frozen=True)
class Outer:
    text: str
    count: int
    share: float
    flag: bool
    free: Any
    inner: Inner
    shape: tuple[int, ...]
    pair: tuple[float, str]
    rows: tuple[Inner, ...]
    items: list[int]
    table: dict[str, dict[str, float]]
    axes: tuple[int | str, ...]
    bounds: tuple[float, float] | None
    maybe: Inner | None = None
    limit: float | None = None
    counts: dict[str, int] = field(default_factory=dict)


def outer() -> Outer:
    return Outer(
        text="a",
        count=3,
        share=0.5,
        flag=True,
        free={"any": [1, None]},
        inner=Inner("b"),
        shape=(1, 2),
        pair=(1.5, "c"),
        rows=(Inner("d"), Inner("e", 2.0)),
        items=[1],
        table={"f": {"g": 1.0}},
        axes=("batch", 28),
        bounds=(0.0, 1.0),
        maybe=Inner("h"),
    )


def told() -> dict[str, Any]:
    return json.loads(json.dumps(asdict(outer())))


def test_what_json_made_of_a_dataclass_is_that_dataclass_again():
    assert rebuild(Outer, told()) == outer()


def test_defaults_stand_in_for_what_is_missing():
    table = told()
    for key in ("maybe", "limit", "counts"):
        del table[key]
    assert rebuild(Outer, table) == Outer(**{**asdict_shallow(outer()), "maybe": None})


def asdict_shallow(value: Outer) -> dict[str, Any]:
    return {key: getattr(value, key) for key in value.__dataclass_fields__}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"text": 1}, "text = 1: allowed is text"),
        ({"count": 1.5}, "count = 1.5: allowed is a whole number"),
        ({"count": True}, "count = True: allowed is a whole number"),
        ({"share": "1"}, "share = '1': allowed is a number or a whole number"),
        ({"share": True}, "share = True: allowed is a number or a whole number"),
        ({"flag": 1}, "flag = 1: allowed is true or false"),
        ({"inner": []}, "inner = []: allowed is a table"),
        ({"inner": {"name": 1}}, "inner.name = 1: allowed is text"),
        ({"inner": {"at": 1.0}}, "missing key 'inner.name'"),
        ({"inner": {"name": "b", "x": 1, "y": 2}}, "unknown keys 'inner.x', 'inner.y'"),
        ({"shape": "12"}, "shape = '12': allowed is a list"),
        ({"shape": [1, "2"]}, "shape[1] = '2': allowed is a whole number"),
        ({"pair": [1.0]}, "pair: a list of 1; allowed are 2 values"),
        ({"pair": ["c", 1.0]}, "pair[0] = 'c': allowed is a number or a whole number"),
        ({"rows": [{"name": "d"}, 3]}, "rows[1] = 3: allowed is a table"),
        ({"items": {"0": 1}}, "items = {'0': 1}: allowed is a list"),
        ({"table": {"f": {"g": None}}}, "table.f.g = None: allowed is a number or a whole number"),
        ({"table": {"f": 1}}, "table.f = 1: allowed is a table"),
        ({"axes": [1.5]}, "axes[0] = 1.5: allowed is a whole number"),
        ({"bounds": [0.0, None]}, "bounds[1] = None: allowed is a number or a whole number"),
        ({"maybe": "h"}, "maybe = 'h': allowed is a table"),
        ({"limit": "1"}, "limit = '1': allowed is a number or a whole number"),
        ({"counts": {"a": "b" * 1000}}, None),
    ],
)
def test_each_wrong_type_names_its_key_and_what_is_allowed(change, line):
    with pytest.raises(BadInput) as caught:
        rebuild(Outer, told() | change)
    assert len(str(caught.value)) < 120
    if line is not None:
        assert str(caught.value) == line


def test_the_top_has_no_key():
    for value in ([], "a", None, 3):
        with pytest.raises(BadInput, match=r"^the content = "):
            rebuild(Outer, value)


def test_whole_numbers_are_numbers():
    assert rebuild(Outer, told() | {"share": 1, "limit": 2, "pair": [1, "c"]}).limit == 2


@given(
    st.sampled_from(sorted(told())),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
)
def test_any_value_is_taken_as_it_is_or_refused_in_one_line(key, value):
    try:
        rebuild(Outer, told() | {key: value})
    except BadInput as error:
        assert key in str(error)
