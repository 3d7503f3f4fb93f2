import pytest

from mapsto import errors
from mapsto.errors import MapstoError, nearest
from mapsto.spaces import SpaceError


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.MapstoError, 1),
        (errors.UsageError, 2),
        (SpaceError, 2),
        (errors.UnreadableInput, 4),
        (errors.WeightsError, 5),
        (errors.OutOfMemory, 6),
        (errors.NoSpace, 7),
    ],
)
def test_every_kind_has_its_exit_code_and_is_a_value_error(kind: type[MapstoError], code: int) -> None:
    assert kind.exit_code == code
    assert issubclass(kind, ValueError)


def test_an_error_says_what_and_what_to_do() -> None:
    error = MapstoError("This is wrong.", "Do that.")
    assert (error.what, error.hint, str(error)) == ("This is wrong.", "Do that.", "This is wrong. Do that.")
    assert str(MapstoError("This is wrong.")) == "This is wrong."


def test_nearest_offers_the_best_first_and_nothing_far_fetched() -> None:
    known = ["starry-night", "great-wave", "ink"]
    assert nearest("Stary-Nite", known)[0] == "starry-night"
    assert nearest("qqqq", known) == []
