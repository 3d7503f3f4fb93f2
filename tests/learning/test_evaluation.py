import json
from dataclasses import replace

import pytest

from mapsto.learning.evaluation import GAUSSIAN, RECONSTRUCTIONS, SAMPLES, Evaluation, Row
from mapsto.learning.ladder import BLURRED, FLOOR

RUNGS = tuple(
    Row(name, fd, fd * 10, 1.0, 0.5, 0.5, rung=True)
    for name, fd in ((FLOOR, 2), (BLURRED[0], 30), (BLURRED[1], 60), ("noise", 400))
)
BARE = Evaluation(RUNGS, count=1000, size=(64, 48), seed=0)


def measured(name: str, fd: float, recall: float = 0.4) -> Evaluation:
    return replace(BARE, rows=(Row(name, fd, 100.0, 2.0, 0.6, recall), *RUNGS))


def test_json_and_back() -> None:
    found = replace(
        measured(SAMPLES, 40),
        psnr_db=26.25,
        psnr_pooled_db=25.5,
        nearest=1.01,
        copied=0.012,
        path_length=17.5,
        path_length_error=0.5,
    )
    said = json.loads(json.dumps(found.to_json()))
    assert said["features"] == "features-s"
    assert Evaluation.from_json(said) == found


def test_the_table_has_a_line_for_every_row_and_all_figures_in_columns() -> None:
    lines = measured(SAMPLES, 40.26).text().splitlines()
    assert lines[0].split() == ["fd", "kd", "±", "precision", "recall"]
    assert lines[1].split() == ["samples", "40.3", "100.0", "2.0", "0.60", "0.40"]
    assert lines[2].startswith("the ladder")
    assert [line.rsplit(maxsplit=5)[0] for line in lines[3:7]] == [row.name for row in RUNGS]
    assert len({len(line) for line in (lines[0], lines[1], *lines[3:7])}) == 1


def test_figures_that_were_not_measured_are_not_told() -> None:
    text = BARE.text()
    assert "48 × 64 px" in text
    assert not any(word in text for word in ("dB", "training", "Path"))
    assert BARE.notes() == ()
    assert BARE.row(SAMPLES) is None


@pytest.mark.parametrize(
    ("fd", "place"),
    [
        (1, "as near as “real” (2.0)"),
        (40, "between “blurred ½” (30.0) and “blurred ¼” (60.0)"),
        (100, "between “blurred ¼” (60.0) and “noise” (400.0)"),
        (500, "beyond “noise” (400.0)"),
    ],
)
def test_samples_have_a_place_on_the_ladder(fd: float, place: str) -> None:
    assert measured(SAMPLES, fd).notes() == (f"The samples stand at {fd:.1f}, {place}.",)


def test_reconstructions_are_told_by_how_soft_they_are() -> None:
    assert measured(RECONSTRUCTIONS, 100).notes() == ("The reconstructions stand at 100.0, beyond “blurred ¼” (60.0).",)


@pytest.mark.parametrize(("gaussian", "said"), [(39.0, True), (41.0, False)])
def test_a_prior_that_does_not_beat_a_gaussian_is_named(gaussian: float, said: bool) -> None:
    found = measured(SAMPLES, 40)
    found = replace(found, rows=(*found.rows, Row(GAUSSIAN, gaussian, 1, 1, 0, 0)))
    assert any("beat a Gaussian" in note for note in found.notes()) == said


@pytest.mark.parametrize(("recall", "said"), [(0.09, True), (0.11, False)])
def test_low_recall_is_named(recall: float, said: bool) -> None:
    assert any("few kinds" in note for note in measured(SAMPLES, 40, recall).notes()) == said


@pytest.mark.parametrize(
    ("count", "nearest", "copied", "said"),
    [
        (1000, 1.0, 0.01, ""),
        (1000, 0.94, 0.01, "nearer to the training"),
        (100, 0.94, 0.01, ""),
        (100, 0.85, 0.01, "nearer to the training"),
        (1000, 1.0, 0.05, "5% of the samples"),
        (100, 1.0, 0.05, ""),
    ],
)
def test_copies_are_named_where_it_cannot_be_chance(count: int, nearest: float, copied: float, said: str) -> None:
    found = replace(measured(SAMPLES, 40), count=count, nearest=nearest, copied=copied)
    told = [note for note in found.notes()[1:] if "rough" not in note]
    assert told == [] if not said else said in told[0]


def test_few_pictures_and_a_ladder_out_of_order_are_named() -> None:
    assert replace(BARE, count=50).notes() == ("50 pictures give rough figures; hold out more.",)
    turned = (replace(RUNGS[0], fd=35.0), *RUNGS[1:])
    assert "out of order" in replace(BARE, rows=turned).notes()[0]
