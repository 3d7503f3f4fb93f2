from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapsto.errors import UsageError
from mapsto.image.timeline import keys_of, seconds_of, timed

KNOWN = ["ink", "mosaic", "great-wave", "starry-night"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2s", 2), ("2.5s", 2.5), ("2", 2), ("500ms", 0.5), ("00:09.5", 9.5), ("1:02:03", 3723), ("90:00", 5400), (" 0 ", 0)],
)
def test_times_as_people_write_them(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1:60", "1:60:00", "two", "inf", "nan", "999999h", "1e9", "999999:00:00"])
def test_what_is_no_time(text: str) -> None:
    assert seconds_of(text) is None


def test_keys_have_styles_times_holds_and_fused_parts() -> None:
    keys = keys_of("photo@0s..1s, starry-night:0.5+mosaic:1.5@4s, great-wave@00:09.5", KNOWN)
    assert [key.parts for key in keys] == [(), (("starry-night", 0.25), ("mosaic", 0.75)), (("great-wave", 1.0),)]
    assert [(key.time, key.until) for key in keys] == [(0, 1), (4, None), (9.5, None)]


def test_a_list_says_the_same(tmp_path: Path) -> None:
    spelled = keys_of("ink@0s, starry-night:0.5+mosaic:0.5@4s", KNOWN)
    assert keys_of([("ink", 0), ([("starry-night", 1), ("mosaic", 1)], 4)], KNOWN) == spelled
    assert keys_of(["ink@0s", "starry-night+mosaic@4s"], KNOWN) == spelled


def test_a_file_may_have_an_at_and_a_plus_in_its_name(tmp_path: Path) -> None:
    odd = tmp_path / "me+you@2s"
    odd.write_bytes(b"")
    keys = keys_of(f"{odd}, {odd}@3s", KNOWN)
    assert [(key.parts, key.time) for key in keys] == [(((odd, 1.0),), None), (((odd, 1.0),), 3.0)]


def test_an_at_may_be_part_of_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "me@work" / "a.jpg"
    file.parent.mkdir()
    file.write_bytes(b"")
    assert keys_of(f"{file}:0.5+ink:0.5, ink", KNOWN)[0].parts == ((file, 0.5), ("ink", 0.5))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("ink", "two or more"),
        ("", "two or more"),
        ("ink@2s, mosaic@1s", "Style 2 comes at 1 s, after one at 2 s"),
        ("ink@2s..1s, mosaic", "Style 1 comes at 1 s"),
        ("ink@0s, mosaic@soon", "'soon' in 'mosaic@soon' is no time"),
        ("ink@0s, mosaic@1s..never", "is no time"),
        ("ink@0s, grate-wave@4s", "great-wave"),
        ([("ink", -1), "mosaic"], "-1 s is no time"),
        (7, "no way through styles"),
    ],
)
def test_what_is_wrong_is_told(path: object, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        keys_of(path, KNOWN)
    assert says in str(caught.value)


def test_missing_times_lie_evenly_between_their_neighbours() -> None:
    found = timed(keys_of("ink, mosaic, great-wave@6s, ink, photo", KNOWN), 10)
    assert found is not None
    assert [key.time for key in found] == [0, 3, 6, 8, 10]


def test_missing_times_begin_where_a_hold_ends() -> None:
    found = timed(keys_of("ink@0s..4s, mosaic, photo@6s", KNOWN), None)
    assert found is not None
    assert [(key.time, key.until) for key in found] == [(0, 4), (5, 5), (6, 6)]


def test_without_any_time_the_way_itself_decides() -> None:
    assert timed(keys_of("ink, mosaic", KNOWN), 3) is None


@pytest.mark.parametrize(
    ("path", "seconds", "says"), [("ink@0s, mosaic", None, "no time"), ("ink, mosaic@5s", 4, "all ends after 4 s")]
)
def test_an_end_is_needed_and_not_passed(path: str, seconds: float | None, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        timed(keys_of(path, KNOWN), seconds)


@given(st.lists(st.one_of(st.none(), st.floats(0, 100)), min_size=2, max_size=7))
def test_times_never_go_back_and_those_that_are_given_stay(given_times: list[float | None]) -> None:
    there = iter(sorted(time for time in given_times if time is not None))
    times = [None if time is None else next(there) for time in given_times]
    keys = keys_of(["ink" if time is None else ("ink", time) for time in times], KNOWN)
    found = timed(keys, 100)
    if found is None:
        assert all(time is None for time in times)
        return
    filled = [key.time for key in found]
    assert filled == sorted(filled, key=lambda time: time or 0.0)
    assert all(time is None or time == new for time, new in zip(times, filled, strict=True))
