"""The event file of a training that goes on, ends, continues or is replaced."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from board_files import parsed, read
from fake_exports import fake_model

from edgeae.families.table import settings
from edgeae.tracking import curve as curves
from edgeae.tracking import event_file
from edgeae.tracking.tensorboard import Board, place

PLAN = json.loads(json.dumps(asdict(settings("variational", epochs=4, learning_rate=0.5))))
CURVE = [
    {"loss": 4.0 / n, "reconstruction": 3.0 / n, "kl": 1.0 / n, "validation_loss": 2.0 / n}
    for n in range(1, 5)
]


def steps(folder: Path) -> list[int]:
    return [step for step, _ in read(folder)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tmp_path / "build" / "some"


def test_each_epoch_is_a_step_with_losses_terms_and_rate(model: Path) -> None:
    board = Board(model, PLAN)
    board.show([])
    assert steps(place(model)) == []
    for epoch in range(1, 5):
        board.show(CURVE[:epoch])
        assert steps(place(model)) == list(range(1, epoch + 1))
    assert place(model) == model.parent / "tensorboard" / "some"
    (_, second), (_, last) = read(place(model))[1::2]
    assert {key: value for key, value in second.items() if key != "learning_rate"} == {
        **{"loss/training": 2.0, "loss/validation": 1.0},
        **{"terms/kl": 0.5, "terms/reconstruction": 1.5},
    }
    assert second["learning_rate"] == pytest.approx(0.5 * 0.505)  # half of the cosine
    assert last["learning_rate"] == pytest.approx(0.005)


def test_a_file_begins_with_version_start_and_settings(model: Path) -> None:
    Board(model, PLAN).show([])
    (path,) = place(model).iterdir()
    events = event_file.events(path.read_bytes())
    assert events is not None and events[:2] == [event_file.version(), event_file.start()]
    (value,) = parsed("Event", events[2]).summary.value
    assert value.metadata.plugin_data.plugin_name == "hparams" and len(events) == 3


def test_the_only_term_is_the_loss_itself() -> None:
    row = {"loss": 1.0, "reconstruction": 1.0, "validation_loss": 2.0}
    (figures,) = curves.epochs(PLAN, [row])
    assert set(figures) == {"loss/training", "loss/validation", "learning_rate"}


def test_a_training_that_is_continued_continues_the_file(model: Path) -> None:
    Board(model, PLAN).show(CURVE[:2])
    (path,) = place(model).iterdir()
    before = path.read_bytes()
    again = Board(model, PLAN)
    again.show(CURVE[:2])
    assert path.read_bytes() == before
    again.show(CURVE[:3])
    assert path.read_bytes().startswith(before)
    assert steps(place(model)) == [1, 2, 3]


def test_a_training_that_goes_on_without_its_file_writes_all_of_it(model: Path) -> None:
    Board(model, PLAN).show(CURVE[:3])
    assert steps(place(model)) == [1, 2, 3]


@pytest.mark.parametrize("change", ["settings", "figures", "shorter"])
def test_another_training_replaces_the_file(model: Path, change: str) -> None:
    Board(model, PLAN).show(CURVE[:3])
    (path,) = place(model).iterdir()
    other = {**PLAN, "seed": 1} if change == "settings" else PLAN
    curve = [{**row, "loss": 9.0} for row in CURVE] if change == "figures" else CURVE
    Board(model, other).show(curve[:1] if change == "shorter" else curve)
    assert not path.exists()
    assert steps(place(model)) == ([1] if change == "shorter" else [1, 2, 3, 4])


def test_a_file_that_was_cut_off_is_replaced(model: Path) -> None:
    Board(model, PLAN).show(CURVE[:2])
    (path,) = place(model).iterdir()
    path.write_bytes(path.read_bytes()[:-7])
    Board(model, PLAN).show(CURVE[:3])
    assert steps(place(model)) == [1, 2, 3]


def test_files_of_others_are_left_alone(model: Path) -> None:
    place(model).mkdir(parents=True)
    other = place(model) / "events.out.tfevents.1.host"
    other.write_bytes(b"mine")
    Board(model, PLAN).show(CURVE[:1])
    Board(model, {**PLAN, "seed": 1}).show(CURVE[:1])
    assert other.read_bytes() == b"mine" and len(list(place(model).iterdir())) == 2


def test_an_interrupt_while_it_is_written_doubles_no_step(model: Path, monkeypatch) -> None:
    board = Board(model, PLAN)
    board.show(CURVE[:1])
    (path,) = place(model).iterdir()
    whole = Path.open

    class Interrupted:
        def __init__(self, stream) -> None:
            self._stream = stream

        def __enter__(self):
            return self

        def __exit__(self, *_: object) -> None:
            self._stream.close()

        def write(self, content: bytes) -> None:
            self._stream.write(content)
            raise KeyboardInterrupt

    monkeypatch.setattr(Path, "open", lambda *given, **how: Interrupted(whole(*given, **how)))
    with pytest.raises(KeyboardInterrupt):
        board.show(CURVE[:2])
    monkeypatch.undo()
    board.show(CURVE[:3])
    assert list(place(model).iterdir()) == [path]
    assert steps(place(model)) == [1, 2, 3]


def test_a_training_that_has_ended_is_written_from_its_record(model: Path) -> None:
    training = fake_model(
        model, configuration=PLAN, curve=CURVE, best_epoch=3, losses={"test": 0.25}
    )
    Board(model, PLAN).show(CURVE[:2])
    for _ in range(2):
        Board(model, training.configuration).finish(training)
        *epochs, last = read(place(model))
        assert [step for step, _ in epochs] == [1, 2, 3, 4]
        assert last == (3, {"loss/test": 0.25})
