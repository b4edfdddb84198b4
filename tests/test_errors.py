import inspect
import itertools

import pytest

from edgeae import errors

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value)]
OWN = [value for value in CLASSES if value.__module__ == "edgeae.errors"]


def test_all_lists_every_public_name():
    functions = [value for value in vars(errors).values() if inspect.isfunction(value)]
    public = {value.__name__ for value in [*OWN, *functions] if value.__module__ == "edgeae.errors"}
    assert set(errors.__all__) == public
    assert list(errors.__all__) == sorted(errors.__all__)


@pytest.mark.parametrize("error", OWN, ids=lambda error: error.__name__)
def test_the_tree_names_every_class_with_its_exit_code(error):
    lines = [line.strip("│├└─ ") for line in (errors.__doc__ or "").splitlines()]
    (line,) = [line for line in lines if line.split()[:1] == [error.__name__]]
    if error is not errors.EdgeaeError:
        assert line.split()[1] == str(error.code)


@pytest.mark.parametrize("error", OWN, ids=lambda error: error.__name__)
def test_the_tree_indents_a_class_below_its_base(error):
    tree = (errors.__doc__ or "").splitlines()
    (place,) = [
        n for n, line in enumerate(tree) if error.__name__ in line.strip("│├└─ ").split()[:1]
    ]
    column = tree[place].index(error.__name__)
    above = [line for line in tree[2:place] if len(line) - len(line.lstrip("│├└─ ")) < column]
    if error is not errors.EdgeaeError:
        assert above[-1].strip("│├└─ ").split()[0] == error.__base__.__name__


def test_the_exit_code_of_several_outcomes_is_the_first_of_4_5_2_1_3():
    order = [4, 5, 2, 1, 3, 0]
    for size in range(1, len(order) + 1):
        for codes in itertools.permutations(order, size):
            assert errors.exit_code(codes) == min(codes, key=order.index)
    assert errors.exit_code([]) == 0
    assert errors.exit_code(code for code in (0, 3)) == 3


def test_every_class_has_a_code_that_the_priority_knows():
    assert {error.code for error in OWN} - {130} == set(errors.EXIT_PRIORITY)


def test_an_absent_runtime_says_its_remedy_in_the_same_line():
    assert str(errors.RuntimeUnavailable("no GPU", "plug one in")) == "no GPU; plug one in"
    assert str(errors.RuntimeUnavailable("no GPU")) == "no GPU"


def test_an_unknown_name_is_answered_with_the_nearest_and_the_list():
    line = str(errors.unknown("recipe", "flaot32", ["int8", "float32"]))
    assert line == "unknown recipe 'flaot32'; did you mean 'float32'? (there are: float32, int8)"
    assert str(errors.unknown("model", "x", [])) == "unknown model 'x' (there are: none)"


@pytest.mark.parametrize("kind", [kind for kind in OWN if kind is not errors.RuntimeUnavailable])
def test_what_an_error_is_about_is_named_once_whatever_its_class(kind):
    lines = {"lacks an input": "a.tflite: lacks an input", "a.tflite: empty": "a.tflite: empty"}
    for said, line in lines.items():
        with pytest.raises(kind) as caught, errors.about("a.tflite"):
            raise kind(said)
        assert type(caught.value) is kind and str(caught.value) == line


def test_what_a_machine_lacks_is_about_no_file():
    with pytest.raises(errors.RuntimeUnavailable) as caught, errors.about("a.tflite"):
        raise errors.RuntimeUnavailable("no engine", "pip install it")
    assert str(caught.value) == "no engine; pip install it"
