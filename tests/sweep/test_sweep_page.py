"""The page of a sweep: what it shows, what it leaves out and says so, and that it stands alone."""

import math
import re
from dataclasses import replace

import pytest
from grid_sweeps import BYTES, LOSS, cells, sweep
from read_pages import Reader, in_a_browser, rows_of, words

from edgeae.sweep.axes import Axis, level, short_name, varied
from edgeae.sweep.page.contributions import contributions
from edgeae.sweep.page.figures import sample
from edgeae.sweep.page.page import page, write
from edgeae.sweep.result import Sweep


def classes(text: str, tag: str) -> list[str]:
    """The classes of the elements of a tag, in the drawings for a laptop."""
    wide = "".join(re.findall(r'<div class="wide">(.*?)</div>', text, re.S))
    return [found.get("class") or "" for name, found in Reader(wide).tags if name == tag]


def test_the_head_says_what_the_grid_was_and_what_became_of_it():
    made = cells(seeds=2)
    made[3] = replace(made[3], state="failed", reason="export: it broke", loss=None)
    told = words(page(sweep(made)))
    assert "s: 24 cells, 23 done, 1 failed" in told
    assert "The grid has 2 families × 3 codes × 2 recipes × 2 seeds." in told
    assert "evaluate.corecortex-m4" in told.replace(" ", "")


def test_markers_are_filled_on_the_front_of_three_axes_and_the_line_is_of_two():
    made = cells()
    # more loss and more bytes than others, but the fewest instructions
    made[1] = replace(made[1], loss=0.5, packed_bytes=10**6, instructions=1)
    found = sweep(made)
    best = [cell.name for cell in found.cells if cell.on_front]
    assert made[1].name in best
    text = page(found)
    marks = [kind for kind in classes(text, "path") if kind.startswith("mark")]
    assert len(marks) == 2 * len(made)  # of two plots
    assert sum("beaten" not in kind for kind in marks) == 2 * len(best)
    titles = re.findall(rf"<title>{made[1].name}: (.*?)</title>", text)
    assert "1,000,000 packed bytes, loss 0.500000, on the front" in titles
    assert "1 instructions, loss 0.500000, on the line, on the front" in titles
    lines = re.findall(r'<polyline points="([^"]*)" class="front"', text)
    assert len(lines) == 4  # two plots, two widths
    # made[1] is on none; two of equal loss and bytes differ in instructions: both are on the line
    assert len(best) == 5 and len(lines[0].split()) == 5


def test_without_a_core_there_is_one_plot_and_two_figures():
    text = page(sweep(cells(counted=False)))
    assert text.count('class="front"') == 2  # of two widths
    assert "Instructions" not in Reader(text).text
    assert "the front of loss and packed bytes: no other" in words(text)


def test_every_cell_has_a_line_over_the_varied_axes_and_the_figures():
    found = sweep(cells())
    kinds = classes(page(found), "path")
    best = sum(cell.on_front for cell in found.cells)
    assert kinds.count("curve s0") + kinds.count("curve s1") == best
    drawn = re.findall(r'<path d="([^"]*)" class="threads few"', page(found))
    wide = drawn[: len(drawn) // 2]
    assert sum(path.count("M") for path in wide) == len(found.cells) - best
    assert {path.count("L") + path.count("M") for path in wide} == {6}  # 3 axes, 3 figures


def test_a_line_ends_where_its_figure_is_missing():
    made = cells()
    made[0] = replace(made[0], instructions=None, state="not measured", reason="C lacks it")
    text = page(sweep(made))
    assert "1 cell lacks a figure; such a line ends where it is missing." in words(text)
    assert "1 cell has a loss, but not this cost, and cannot be drawn." in words(text)
    paths = re.findall(r'<path d="([^"]*)" class="threads few"', text)
    assert sorted(path.count("L") for path in paths)[0] == 4


def test_shares_of_a_product_of_factors_are_those_of_its_logarithms():
    found = sweep(cells())
    told = contributions(found.cells, varied(found), "all")
    assert told is not None and told.balanced
    spread = {name: variance(factors) for name, factors in LOSS.items()}
    whole = sum(spread.values())
    shares = {row.axis: row.shares[0] for row in told.rows}
    assert shares == {name: pytest.approx(spread[name] / whole) for name in shares}
    assert list(shares) == ["family", "code", "recipe"]
    sizes = {name: variance(factors) for name, factors in BYTES.items()}
    assert {row.axis: row.shares[1] for row in told.rows} == {
        name: pytest.approx(sizes[name] / sum(sizes.values())) for name in sizes
    }
    assert told.sums[:2] == (pytest.approx(1), pytest.approx(1))
    # the geometric mean of 12 losses: the logarithms' mean over the other axes
    others = [math.log(x) for x in LOSS["code"].values()], [math.log(1.0), math.log(1.01)]
    mean = 0.01 * 2 * math.exp(sum(sum(logs) / len(logs) for logs in others))
    assert told.rows[0].means["simple"][0].text == f"{mean:.6f}"
    assert told.rows[0].means["simple"][0].n == 6


def variance(factors: dict[object, float] | dict[object, int]) -> float:
    logs = [math.log(value) for value in factors.values()]
    return sum((value - sum(logs) / len(logs)) ** 2 for value in logs) / len(logs)


def test_a_grid_with_a_gap_is_said_to_be_unbalanced_and_nothing_is_summed():
    made = cells()
    balanced = words(page(sweep(made)))
    assert "The grid is balanced" in balanced and "interactions" in balanced
    made[0] = replace(made[0], loss=None, packed_bytes=None, instructions=None, state="failed")
    text = words(page(sweep(made)))
    assert "1 of 12 cells have no loss and no packed bytes and no instructions" in text
    assert "The grid is not balanced: the levels of any two axes do not occur" in text
    assert "interactions" not in text


def test_each_dataset_is_compared_by_itself_and_all_together():
    text = page(sweep([*cells(), *cells(data="rows.npz")]))
    assert text.count('class="front"') == 2 * 2 * 2
    told = words(text)
    for title in ("All datasets together", "On digits", "On rows.npz"):
        assert title in told
    assert ["data", "0 %", "0 %", "0 %"] in rows_of(text)  # both have the same figures


def test_the_table_has_each_cell_and_reasons_are_grouped():
    made = cells()
    for place in (2, 4):
        made[place] = replace(made[place], state="failed", reason="export: it broke")
    made[5] = replace(made[5], state="over budget", reason="too large")
    rows = rows_of(page(sweep(made)))
    names = [row[0] for row in rows]
    assert all(names.count(cell.name) in (1, 2) for cell in made)
    reasons = [row for row in rows if row[0] in ("failed", "over budget")]
    assert reasons == [
        ["failed", "2", "export: it broke", f"{made[2].name}, {made[4].name}"],
        ["over budget", "1", "too large", made[5].name],
    ]


def test_times_are_in_the_table_and_their_machines_if_there_are_several():
    made = cells()
    assert "p50" not in page(sweep(made))
    timed = [replace(cell, p50_us=12.5, host="box") for cell in made[:-1]] + made[-1:]
    text = page(sweep(timed))
    assert "median duration of one call of the encoder in null, on box." in words(text)
    assert rows_of(text)[-1][-2:] == ["–", "done"] and rows_of(text)[-2][-2:] == ["12.5 µs", "done"]
    timed[0] = replace(timed[0], host="pi4")
    text = page(sweep(timed))
    assert "on pi4, box. Times of different machines do not compare." in words(text)
    assert rows_of(text)[-2][-3:] == ["12.5 µs", "box", "done"]


def test_thousands_of_cells_are_drawn_in_part_and_the_page_says_so():
    many = [
        replace(cell, model=f"m{number}", seed=number, loss=(cell.loss or 0) * (1 + number / 9e3))
        for number in range(1000)
        for cell in cells()
    ]
    many += [
        replace(many[number], model=f"f{number}", state="failed", reason=f"no {number}", loss=None)
        for number in range(300)
    ]
    found = sweep(many)
    text = page(found)
    assert len(text) < 1_500_000
    told, best = words(text), sum(cell.on_front for cell in found.cells)
    assert f"{12_000 - best - 5000:,} cells off the front are not drawn" in told
    assert f"{12_000 - best - 600:,} cells off the front are not drawn" in told
    assert "11,300 cells are not in this table; s.json has all." in told
    assert "100 cells with further reasons are not in this table" in told
    dots = re.findall(r'<path d="([^"]*)" class="dots', text)
    assert sum(path.count("M") for path in dots) == 2 * 2 * 5000


def test_a_sample_is_of_all_kinds_and_the_same_each_time():
    made = cells(seeds=500)
    some = sample(made, 600)
    assert some == sample(made, 600) and len({cell.name for cell in some}) == 600
    share = sum(cell.recipe == "int8" for cell in some) / 600
    assert 0.4 < share < 0.6  # every tenth would be of one recipe only
    assert sample(made[:5], 600) == made[:5]


def hostile() -> Sweep:
    bad = "</title></svg><script>x()</script>"
    made = [
        replace(cell, model=cell.model + bad, recipe=cell.recipe + bad, family=cell.family + bad)
        for cell in cells(data=f"d{bad}")
    ]
    made[0] = replace(made[0], state="failed", reason=f"`{bad}` & <img src=http://x.test/y>")
    return sweep(made, name="s<b>", families=[f"simple{bad}", f"deep{bad}"])


def test_hostile_names_are_text():
    text = page(hostile())
    tags = [tag for tag, _ in Reader(text).tags]
    assert "script" not in tags and "img" not in tags and "b" in tags
    assert "<script>x()</script>" in Reader(text).text
    assert "<title>edgeae sweep: s&lt;b&gt;</title>" in text


def test_the_page_makes_no_request_and_its_ids_are_unique(tmp_path):
    for number, found in enumerate((hostile(), sweep([*cells(), *cells(data="other")]))):
        write(tmp_path / f"{number}.html", found)
        read = Reader((tmp_path / f"{number}.html").read_text())
        outside = [
            value
            for _, attributes in read.tags
            for key, value in attributes.items()
            if key in ("src", "href", "action", "data", "xlink:href")
            and not (value or "").startswith(("data:", "#"))
        ]
        assert outside == []
        policy = [a["content"] for _, a in read.tags if a.get("http-equiv")]
        assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
        assert "url(" not in page(found) and "@import" not in page(found)
        ids = [a["id"] for _, a in read.tags if "id" in a]
        assert len(ids) == len(set(ids))
        for tag, attributes in read.tags:
            wanted = (attributes.get("aria-labelledby") or "").split()
            assert set(wanted) <= set(ids)
            if tag == "svg" and attributes.get("aria-hidden") != "true":
                assert attributes["role"] == "img" and len(wanted) == 2


def test_a_sweep_of_one_cell_or_of_failures_only_is_a_page():
    (one,) = cells()[:1]
    text = words(page(sweep([one])))
    assert "s: 1 cell, 1 done" in text and "No axis of the grid has two levels" in text
    failed = [replace(cell, state="failed", reason="no", loss=None) for cell in cells()]
    text = words(page(sweep(failed)))
    assert "No cell has a loss and its packed bytes." in text and "s: 12 cells, 0 done" in text
    flat = [replace(cell, loss=0.01, packed_bytes=10, instructions=10) for cell in cells()]
    assert ["family", "–", "–", "–"] in rows_of(page(sweep(flat)))


def test_a_loss_of_zero_is_left_out_of_logarithmic_scales_and_said():
    made = cells()
    made[0] = replace(made[0], loss=0.0)
    text = words(page(sweep(made)))
    assert "1 cell has a figure of 0, which a logarithmic scale cannot show" in text


def test_levels_are_in_order_and_named():
    made = [
        replace(cell, code=code, hidden=hidden)
        for cell, code, hidden in zip(
            cells(), [32, 8, None] * 4, [(), (128, 64), None] * 4, strict=True
        )
    ]
    found = sweep(made, hidden=["128,64", "64"])
    axes = {axis.name: axis.levels for axis in varied(found)}
    assert axes["code"] == ("by rule", "8", "32")
    assert axes["hidden"] == ("none", "128,64", "by rule")
    assert "seed" not in axes and "data" not in axes
    assert level(made[1], "hidden") == "128,64"
    shown = [Axis("family", ("a", "b")), Axis("code", ("8", "9")), Axis("seed", ("0", "1"))]
    assert short_name(made[1], shown) == "simple c8 s0"
    assert short_name(made[1], []) == made[1].recipe


@pytest.mark.system
@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_its_window_and_no_label_is_cut_off(tmp_path, width):
    made = [
        replace(cell, model=cell.model + "-h512x256x128-sigmoid-e30", hidden=hidden)
        for cell in cells(seeds=12)
        for hidden in ((512, 256, 128), (64,))
    ]
    made[0] = replace(made[0], state="failed", reason="e" * 200, loss=None)
    found = in_a_browser(page(sweep(made, hidden=["512,256,128", "64"])), tmp_path, width)
    assert found["page"] <= width
    assert found["cut"] == []
    if width == 390:
        assert found["wide"]  # tables scroll in their own containers
