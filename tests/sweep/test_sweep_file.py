"""A sweep's file: what is wrong with it is one line with file, key, value and what is allowed."""

import pytest

from edgeae.errors import BadInput
from edgeae.sweep.file import MOST_CELLS
from edgeae.sweep.plan import read

LEAST = 'families = "deep"\nrecipes = "int8"\n'


def plan(tmp_path, grid: str = "", rest: str = ""):
    path = tmp_path / "s.toml"
    path.write_text(f"[grid]\n{LEAST}{grid}\n{rest}")
    return read(path)


def refusal(tmp_path, text: str) -> str:
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as found:
        read(path)
    line = str(found.value)
    assert line.startswith(f"{path}: ") and "\n" not in line
    return line.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "grid is missing"),
        ("grid = 3", "grid = 3: allowed is a table"),
        ("[grid]\nrecipes = 'int8'", "grid.families is missing"),
        ("[grid]\nfamilys = 'deep'", "unknown key 'grid.familys'; did you mean 'grid.families'?"),
        (f"[grid]\n{LEAST}[gird]\n", "unknown key 'gird'; did you mean 'grid'?"),
        (f"[grid]\n{LEAST}codes = ['a']", "grid.codes[0] = 'a': allowed is a whole number"),
        (f"[grid]\n{LEAST}codes = true", "grid.codes[0] = True: allowed is a whole number"),
        (f"[grid]\n{LEAST}codes = 0", "grid.codes = 0: allowed is 1 to 65,536 (family deep)"),
        (f"[grid]\n{LEAST}seeds = [0, -1]", "grid.seeds = -1: allowed is 0 to 2**32-1"),
        (f"[grid]\n{LEAST}seeds = []", "grid.seeds = []: allowed is a value, or a list of values"),
        (f"[grid]\n{LEAST}hidden = 64", "grid.hidden[0] = 64: allowed is text"),
        (f"[grid]\n{LEAST}hidden = 'a'", "grid.hidden = 'a': allowed are whole numbers, as '12"),
        (f"[grid]\n{LEAST}activations = 'rulu'", "grid.activations: unknown activation 'rulu'"),
        (
            "[grid]\nfamilies = 'depe'\nrecipes = 'int8'",
            "grid.families: unknown family 'depe'; did",
        ),
        ("[grid]\nfamilies = 'deep'\nrecipes = 'int9'", "grid.recipes: unknown recipe 'int9'; did"),
        (
            "[grid]\nfamilies = 'simple'\nrecipes = 'int8'\nhidden = '64'",
            "grid.hidden = ['64']: no family of this grid has hidden layers",
        ),
        (f"[grid]\n{LEAST}exclude = 'shallow*'", "grid.exclude = 'shallow*': fits nothing of this"),
        (f"[grid]\n{LEAST}exclude = 'deep*'", "grid.exclude = ['deep*']: leaves out all 1 bundles"),
        (f"[grid]\n{LEAST}data = ['a/x.npz', 'b/x.npz']", "grid.data: two values are both called"),
        (f"[grid]\n{LEAST}[train]\nepochs = 0", "train.epochs = 0: allowed is a whole number from"),
        (f"[grid]\n{LEAST}[evaluate]\ncore = 'm4'", "evaluate.core: unknown core 'm4'"),
        (
            f"[grid]\n{LEAST}[evaluate]\npart = 'code'",
            "evaluate.part = 'code': allowed is encoder,",
        ),
        (f"[grid]\n{LEAST}[budget]\nloss = nan", "budget.loss = nan: allowed is above 0, finite"),
        (f"[grid]\n{LEAST}[budget]\nloss = '1'", "budget.loss = '1': allowed is a number"),
        (f"[grid]\n{LEAST}[budget]\npacked_bytes = 0", "budget.packed_bytes = 0: allowed is a who"),
        ("[grid", "not TOML: "),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, text, told):
    assert refusal(tmp_path, text).startswith(told)


def test_a_grid_of_ten_million_cells_is_refused_by_its_count(tmp_path):
    codes = ",".join(str(code) for code in range(1, 5001))
    seeds = ",".join(str(seed) for seed in range(2000))
    line = refusal(tmp_path, f"[grid]\n{LEAST}codes = [{codes}]\nseeds = [{seeds}]")
    assert line == (
        "grid: 10,000,000 cells (5,000 codes × 2,000 seeds): allowed are 100,000; split the grid, "
        "or give fewer values"
    )
    assert MOST_CELLS == 100_000


def test_a_value_may_stand_without_a_list_and_twice(tmp_path):
    found = plan(tmp_path, "codes = [8, 8]\nseeds = 3")
    assert [cell.name for cell in found.cells] == ["deep-c8-t1-s3/int8"]


# --- names ---


def names(tmp_path, grid: str, rest: str = "") -> list[str]:
    return [model.name for model in plan(tmp_path, grid, rest).models]


def test_a_name_says_what_differs_from_the_family_s_defaults(tmp_path):
    usual = "[train]\nthreads = 2"
    assert names(tmp_path, "", usual) == ["deep"]
    grid = "hidden = '128,64'\ncodes = 32\nactivations = 'relu'"
    assert names(tmp_path, grid, usual) == ["deep"]
    assert names(tmp_path, "") == ["deep-t1"]  # a sweep's own default is no family's
    grid = "codes = 8\nhidden = '64'\nactivations = 'tanh'\nseeds = 1\ndata = 'digits'"
    assert names(tmp_path, grid, "[train]\nepochs = 3\nthreads = 4") == [
        "deep-c8-h64-tanh-e3-t4-digits-s1"
    ]


def test_a_name_stays_when_values_are_added(tmp_path):
    few = names(tmp_path, "codes = [8]\nseeds = [1]")
    many = names(
        tmp_path,
        "codes = [4, 8]\nseeds = [0, 1]\nhidden = ['128,64', '9']\ndata = ['auto', 'digits']",
    )
    assert set(few) < set(many) and len(set(many)) == 16


def test_a_path_gives_its_stem_and_the_command_has_the_path(tmp_path):
    (model,) = plan(tmp_path, "data = 'some where/my rows.npz'\ncodes = 8").models
    assert model.name == "deep-c8-t1-my-rows"
    assert model.words("some where/my rows.npz", tmp_path) == [
        *("deep", "--code", "8", "--threads", "1", "--data", "some where/my rows.npz"),
        *("--name", "deep-c8-t1-my-rows", "--build", str(tmp_path)),
    ]


def test_a_family_without_hidden_layers_is_one_model_for_all(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(
        "[grid]\nfamilies = ['simple', 'deep']\nhidden = ['64', '32']\nrecipes = 'int8'"
    )
    found = read(path)
    assert [model.name for model in found.models] == ["simple-t1", "deep-h64-t1", "deep-h32-t1"]
    assert found.notes == ("simple has no hidden layers: grid.hidden does not apply to it",)


def test_patterns_leave_out_models_and_bundles(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(
        "[grid]\nfamilies = 'deep'\ncodes = [4, 8, 16]\nrecipes = ['int8', 'float32']\n"
        "exclude = ['deep-c4-*', 'deep-c8-*/float*']"
    )
    found = read(path)
    assert [cell.name for cell in found.cells] == [
        "deep-c8-t1/int8",
        "deep-c16-t1/int8",
        "deep-c16-t1/float32",
    ]
    assert found.excluded == 3
    assert [model.name for model in found.models] == ["deep-c8-t1", "deep-c16-t1"]
