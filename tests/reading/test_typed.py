import dataclasses
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.errors import BadInput
from edgeae.reading import typed


@dataclass(frozen=True)
class Inner:
    name: str
    at: float = 0.5

    def __post_init__(self) -> None:
        typed.require(self.at >= 0, "at", self.at, "0 or more")


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
    form: Literal["int8", "float16"]
    maybe: Inner | None = None
    limit: float | None = None
    size: int | float = 1
    edge: Literal["int8"] | None = None
    counts: dict[str, int] = field(default_factory=dict)
    forms: tuple[Literal["tflite", "onnx"], ...] = ()


SOME = Outer(
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
    form="int8",
    maybe=Inner("h"),
)
#: Keys without a default.
REQUIRED = [item.name for item in dataclasses.fields(Outer)][:14]


def decoded(value: Outer = SOME) -> dict[str, Any]:
    """Return a dataclass as JSON decodes it."""
    table: dict[str, Any] = json.loads(json.dumps(asdict(value)))
    return table


def refusal(change: dict[str, Any]) -> str:
    with pytest.raises(BadInput) as caught:
        typed.build(Outer, decoded() | change)
    line = str(caught.value)
    assert "\n" not in line
    return line


WHOLE = st.integers(-(1 << 63), (1 << 63) - 1)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
INNER = st.builds(Inner, st.text(), NUMBER.map(abs))
OUTER = st.builds(
    Outer,
    *(st.text(), WHOLE, NUMBER, st.booleans(), st.none() | WHOLE | st.lists(st.text()), INNER),
    shape=st.lists(WHOLE).map(tuple),
    pair=st.tuples(NUMBER, st.text()),
    rows=st.lists(INNER).map(tuple),
    items=st.lists(WHOLE),
    table=st.dictionaries(st.text(), st.dictionaries(st.text(), NUMBER)),
    axes=st.lists(WHOLE | st.text()).map(tuple),
    bounds=st.none() | st.tuples(NUMBER, NUMBER),
    form=st.sampled_from(["int8", "float16"]),
    maybe=st.none() | INNER,
    limit=st.none() | NUMBER,
    size=WHOLE | NUMBER,
    edge=st.sampled_from(["int8", None]),
    counts=st.dictionaries(st.text(), WHOLE),
    forms=st.lists(st.sampled_from(["tflite", "onnx"])).map(tuple),
)


@given(OUTER)
def test_what_json_makes_of_a_dataclass_is_that_dataclass_again(value):
    again = typed.build(Outer, decoded(value))
    assert again == value
    # equality does not distinguish 1 from 1.0
    assert json.dumps(asdict(again)) == json.dumps(asdict(value))


@given(st.sets(st.sampled_from(sorted(decoded()))))
def test_a_missing_key_has_its_default_or_is_named(keys):
    table = {key: item for key, item in decoded().items() if key not in keys}
    missing = [key for key in REQUIRED if key in keys]
    if missing:
        with pytest.raises(BadInput) as caught:
            typed.build(Outer, table)
        verb = "is" if len(missing) == 1 else "are"
        assert str(caught.value) == f"{', '.join(missing)} {verb} missing"
    else:
        made = typed.build(Outer, table)
        plain = Outer(**{key: getattr(SOME, key) for key in REQUIRED})
        assert all(getattr(made, key) == getattr(plain, key) for key in keys)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"text": 1}, "text = 1: allowed is text"),
        ({"count": 1.5}, "count = 1.5: allowed is a whole number"),
        ({"count": True}, "count = True: allowed is a whole number"),
        ({"share": "1"}, "share = '1': allowed is a number"),
        ({"share": True}, "share = True: allowed is a number"),
        ({"flag": 1}, "flag = 1: allowed is true or false"),
        ({"inner": []}, "inner = []: allowed is a table"),
        ({"inner": {"name": 1}}, "inner.name = 1: allowed is text"),
        ({"inner": {"at": 1.0}}, "inner.name is missing"),
        ({"inner": {"name": "b", "at": -1}}, "inner.at = -1.0: allowed is 0 or more"),
        (
            {"inner": {"nam": "b"}},
            "unknown key 'inner.nam'; did you mean 'inner.name'? (there are: inner.at, inner.name)",
        ),
        ({"shape": "12"}, "shape = '12': allowed is a list"),
        ({"shape": [1, "2"]}, "shape[1] = '2': allowed is a whole number"),
        ({"pair": [1.0]}, "pair: a list of 1; allowed are 2 values"),
        ({"pair": ["c", 1.0]}, "pair[0] = 'c': allowed is a number"),
        ({"rows": [{"name": "d"}, 3]}, "rows[1] = 3: allowed is a table"),
        ({"rows": [{"name": "d", "at": -2.0}]}, "rows[0].at = -2.0: allowed is 0 or more"),
        ({"items": {"0": 1}}, "items = {'0': 1}: allowed is a list"),
        ({"table": {"f": {"g": None}}}, "table.f.g = None: allowed is a number"),
        ({"table": {"f": 1}}, "table.f = 1: allowed is a table"),
        ({"axes": [1.5]}, "axes[0] = 1.5: allowed is a whole number or text"),
        ({"bounds": [0.0, None]}, "bounds[1] = None: allowed is a number"),
        ({"maybe": "h"}, "maybe = 'h': allowed is a table"),
        ({"limit": "1"}, "limit = '1': allowed is a number"),
        ({"size": None}, "size = None: allowed is a whole number or a number"),
        ({"form": "int16"}, "form = 'int16': allowed is int8, float16"),
        ({"form": ["int8"]}, "form = ['int8']: allowed is int8, float16"),
        ({"edge": "uint8"}, "edge = 'uint8': allowed is int8"),
        ({"forms": ["tflite", "pb"]}, "forms[1] = 'pb': allowed is tflite, onnx"),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_what_is_allowed(change, line):
    assert refusal(change) == line


def test_a_long_value_or_key_is_shown_in_part():
    assert len(refusal({"counts": {"a": "b" * 1000}})) < 120
    assert "c" * 61 not in refusal({"c" * 1000: 1})


@pytest.mark.parametrize("value", [[], "a", None, 3])
def test_the_top_has_no_key(value):
    with pytest.raises(BadInput, match=r"^the content = .*: allowed is a table$"):
        typed.build(Outer, value)


def test_whole_numbers_become_floats_only_if_the_field_is_a_float():
    made = typed.build(Outer, decoded() | {"share": 1, "limit": 2, "pair": [1, "c"], "size": 1})
    assert [type(item) for item in (made.share, made.limit, made.pair[0])] == [float] * 3
    assert type(made.size) is int


def test_a_field_that_the_caller_gives_is_no_key():
    assert typed.build(Inner, {}, given={"name": "a"}) == Inner("a")
    with pytest.raises(BadInput, match=r"^unknown key 'x\.name'.* \(there are: x\.at\)$"):
        typed.build(Inner, {"name": "b"}, "x", given={"name": "a"})


def test_further_keys_of_the_file_are_suggested():
    with pytest.raises(BadInput, match="did you mean 'extends'"):
        typed.build(Inner, {"extend": "b"}, also=("extends",))


@pytest.mark.parametrize("schema", [0, 3, "1", 1.0, True, None, []])
def test_only_known_schemas_are_read(schema):
    table = {"schema": schema}
    with pytest.raises(BadInput) as caught:
        typed.check_schema(table, 1, 2)
    assert str(caught.value) == f"schema = {schema!r}: this edgeae reads schema 1 and 2"
    assert typed.check_schema(table | {"schema": 2}, 1, 2) == {"schema": 2}


@given(
    st.sampled_from(sorted(decoded())),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
)
def test_any_value_is_taken_as_it_is_or_refused_with_its_key(key, value):
    try:
        made = typed.build(Outer, decoded() | {key: value})
    except BadInput as error:
        assert key in str(error)
    else:
        text = json.dumps(asdict(made)[key])
        assert text == json.dumps(value) or json.loads(text) == value or value != value
