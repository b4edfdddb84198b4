import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.errors import BadInput
from edgeae.reading.names import check_name, is_name


@pytest.mark.parametrize("name", ["deep", "p80-pqat-int8", "a.b", "größe", "自", "a b", "x" * 200])
def test_names(name):
    assert is_name(name)
    check_name("--name", name)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", ".hidden", "a/b", "a\\b", "/", "a\0", "a\nb", "\x1b[31mred", "a\x9b31m"),
        *("\ud800", "\u202eabc", "x" * 201, "ö" * 101),
    ],
)
def test_what_is_no_name(name):
    assert not is_name(name)
    with pytest.raises(BadInput) as caught:
        check_name("--name", name)
    line = str(caught.value)
    assert line.startswith("--name = ") and "allowed is" in line
    assert line.isprintable() and len(line) < 200


@given(st.text(max_size=30))
def test_a_name_is_one_part_of_a_path_and_prints_as_it_is(tmp_path_factory, name):
    if is_name(name):
        folder = tmp_path_factory.mktemp("names")
        (folder / name).mkdir()
        assert [path.name for path in folder.iterdir()] == [name]
        assert name.isprintable() and name.encode()
