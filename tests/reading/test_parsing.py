import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.errors import BadInput
from edgeae.reading.parsing import parse_json, parse_toml, read_json, read_toml

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('abc[{"\\', max_size=5), inner),
    max_leaves=20,
)


def refusal(parse, content: bytes) -> str:
    with pytest.raises(BadInput) as caught:
        parse(content, "a/file")
    line = str(caught.value)
    assert line.startswith("a/file: ") and "\n" not in line and len(line) < 300
    return line


# JSON


@given(PLAIN)
def test_plain_json_comes_back(value):
    assert parse_json(json.dumps(value).encode(), "a/file") == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode(), "a/file") == value


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_json_is_nested_64_deep_and_no_deeper(opening):
    closing = opening.replace(b'"a":', b"").translate(bytes.maketrans(b"[{", b"]}"))[::-1]
    per = opening.count(b"[") + opening.count(b"{")
    fits = opening * (64 // per) + b"1" + closing * (64 // per)
    parse_json(fits, "a/file")
    for depth in (64 // per + 1, 100_000):
        assert "64 deep" in refusal(parse_json, opening * depth + b"1" + closing * depth)
        assert "64 deep" in refusal(parse_json, opening * depth)  # and never closed


def test_another_depth_can_be_asked_for():
    parse_json(b"[[1]]", "a/file", deepest=2)
    with pytest.raises(BadInput, match="2 deep"):
        parse_json(b"[[[1]]]", "a/file", deepest=2)


def test_brackets_within_strings_nest_nothing():
    value = {"[" * 100: ["{" * 100, '"[' * 100, "\\" * 3 + "[" * 100]}
    assert parse_json(json.dumps(value).encode(), "a/file") == value


@pytest.mark.parametrize("token", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1E+400"])
def test_numbers_are_finite(token):
    assert "finite numbers" in refusal(parse_json, b'{"loss": %s}' % token)


def test_integers_have_64_bits():
    for fits in (2**63 - 1, -(2**63) + 1):
        assert parse_json(b"[%d]" % fits, "a/file") == [fits]
    for digits in (b"9" * 19, b"-" + b"9" * 20, b"1" * 5000, b"9" * 1_000_000):
        assert "64 bits" in refusal(parse_json, b"[%s]" % digits)


def test_a_float_may_have_many_digits():
    assert parse_json(b"[0.%s]" % (b"3" * 60), "a/file") == [pytest.approx(1 / 3)]


@pytest.mark.parametrize("escaped", [r"\u0000", r"\ud800", r"\uDFFF", r"\udc00\ud800"])
def test_text_that_no_terminal_or_file_takes_is_refused_with_its_key(escaped):
    line = refusal(parse_json, rf'{{"dataset": {{"names": ["a", "b{escaped}"]}}}}'.encode())
    assert "dataset.names[1] holds a NUL character or a lone surrogate" in line
    assert "a key below loss" in refusal(parse_json, rf'{{"loss": {{"{escaped}": 1}}}}'.encode())
    assert "the text" in refusal(parse_json, f'"{escaped}"'.encode())


def test_a_pair_of_surrogates_is_a_character():
    assert parse_json(rb'["\ud83d\ude00"]', "a/file") == ["\N{GRINNING FACE}"]


@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_one_line(content):
    try:
        parse_json(content, "a/file")
    except BadInput as error:
        assert str(error).startswith("a/file: ")


def test_json_comes_of_regular_files(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    assert read_json(tmp_path / "a.json") == {}
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(BadInput, match="not a regular file"):
        read_json(tmp_path / "fifo")
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "nowhere")


# TOML


def test_toml_gives_its_tables():
    found = parse_toml(b'a = 1\nb = "\xc3\xa9"\n[c.d]\ne = [[1], [2.5]]\n', "a/file")
    assert found == {"a": 1, "b": "é", "c": {"d": {"e": [[1], [2.5]]}}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a = " + b"[" * 100_000, "not TOML"),
        (b"a = " + b"[" * 70 + b"]" * 70, "64 deep"),
        (b"[" + b".".join([b"a"] * 100) + b"]\nb = 1", "64 deep"),
        (b".".join([b"a"] * 5000) + b" = 1", "not TOML"),
        (b"a = " + b"{b = " * 5000, "not TOML"),
        (b"a = " + b"9" * 5000, "not TOML"),
        (b"a.b = [1, 9223372036854775808]", "a.b[1] is an integer of more than 64 bits"),
        (b"a = 0x" + b"f" * 1000, "a is an integer of more than 64 bits"),
        (rb'a = "b\u0000"', "a holds a NUL character"),
        (rb'"a\u0000" = 1', "a key below the top holds a NUL character"),
        (b"a = '\xff'", "not TOML"),
        (b"a = 1\na = 2", "not TOML"),
    ],
)
def test_what_no_file_of_edgeae_s_holds_is_refused(content, words):
    assert words in refusal(parse_toml, content)


@given(st.binary(max_size=60))
def test_any_bytes_are_toml_or_one_line(content):
    try:
        parse_toml(content, "a/file")
    except BadInput as error:
        assert str(error).startswith("a/file: ")


def test_toml_comes_of_regular_files(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "a.toml").write_text("a = 1")
    assert read_toml(tmp_path / "a.toml") == {"a": 1}
    for path, words in {
        tmp_path / "fifo": "not a regular file",
        tmp_path / "nowhere": "no such file",
        Path("/dev/zero"): "not a regular file",
        tmp_path / "a.toml" / "b": "not readable",
    }.items():
        with pytest.raises(BadInput) as caught:
            read_toml(path)
        assert str(path) in str(caught.value) and words in str(caught.value)
