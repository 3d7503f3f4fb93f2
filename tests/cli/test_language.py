from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sentences
from darkroom import Command, photo
from mapsto import words
from mapsto.cli import bar, manual, tongue
from mapsto.cli.app import app
from mapsto.cli.columns import CLOSING, width_of, wrapped
from mapsto.errors import UsageError

CHINESE = re.compile(r"[\u4e00-\u9fff]")

ENGLISH = re.compile(r"[A-Za-z]{3,} [a-z]{3,} [a-z]{3,}")
"""Three words in a row are a sentence."""

VERBS = [command.name or "" for command in app.registered_commands]


@pytest.fixture(autouse=True)
def _silence() -> None:
    """Every test begins and ends in English."""
    tongue.speak("en")


# ---- which language ----


@pytest.mark.parametrize(
    ("environment", "spoken"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "MAPSTO_LANG": "en"}, "en"),
        ({"LC_ALL": "C", "MAPSTO_LANG": "zh-CN"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "MAPSTO_LANG": ""}, "zh"),
    ],
)
def test_the_environment_says_which(environment: dict[str, str], spoken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*words.LOCALE, words.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert words.language() == spoken
    assert words.language("zh") == "zh"
    assert words.language("en_GB") == "en"
    with pytest.raises(UsageError, match="no language 'fr'"):
        words.language("fr")


@pytest.mark.parametrize(
    ("arguments", "rest", "spoken"),
    [
        (["style", "a", "b"], ["style", "a", "b"], "en"),
        (["--lang", "zh", "style", "a"], ["style", "a"], "zh"),
        (["style", "--lang=zh", "a"], ["style", "a"], "zh"),
        (["style", "a", "--lang", "en", "--lang", "zh"], ["style", "a"], "zh"),
        (["style", "--", "--lang", "zh"], ["style", "--", "--lang", "zh"], "en"),
    ],
)
def test_the_flag_stands_anywhere(arguments: list[str], rest: list[str], spoken: str) -> None:
    assert tongue.listen(arguments) == rest
    assert tongue.spoken() == spoken


@pytest.mark.parametrize("arguments", ["--lang fr styles", "styles --lang=fr", "styles --lang=", "styles --lang"])
def test_an_unknown_language_is_told(arguments: list[str], mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    done = mapsto(*arguments.split())
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith("Give en or zh.\n")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    done = mapsto(*arguments.split())
    assert done.code == 2
    assert done.err.endswith("请写 en 或 zh。\n")


def test_an_unknown_variable_is_told_unless_a_flag_outranks_it(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPSTO_LANG", "fr")
    assert mapsto("styles").code == 2
    assert mapsto("--lang", "zh", "--version").code == 0


# ---- sentences ----


@given(
    st.lists(st.sampled_from(["a", "b", "ab", "{0}", "{1}", "{2}", ": "]), min_size=1, max_size=7), st.text("ab: ", max_size=12)
)
def test_open_places_are_found_as_by_a_regular_expression(pieces: list[str], text: str) -> None:
    found = words.Template("".join(pieces), "").values(text)
    pattern = "(.*?)".join(map(re.escape, words.OPEN.split("".join(pieces))[::2]))
    match = re.fullmatch(pattern, text, re.DOTALL)
    assert found == (None if match is None else list(match.groups()))


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    found: dict[str, str] = {}
    monkeypatch.setattr(words, "catalogue", lambda language: found)
    monkeypatch.setattr(words, "_templates", words._templates.__wrapped__)
    monkeypatch.setattr(words, "_said", words._said.__wrapped__)
    return found


def test_sentences_are_said_in_the_other_order_with_sentences_in_them(catalogue: dict[str, str]) -> None:
    catalogue |= {
        "{0} of {1} failed.": "{1} 中 {0} 失败。",
        "{0}: {1}": "{0}：{1}",
        "It is {0}.": "它是 {0}。",
        "so dark": "深",
    }
    assert words.said("3 of 7 failed.", "zh") == "7 中 3 失败。"
    assert words.said("3 of 7 failed.", "en") == "3 of 7 failed."
    assert words.said("It is blue.", "zh") == "它是 blue。"
    assert words.said("It is so dark.", "zh") == "它是深。", "no space between Chinese characters"
    assert words.said("It is 深 红.", "zh") == "它是深 红。", "but a name keeps its own"
    assert words.said("a b: 3 of 7 failed.", "zh") == "a b：7 中 3 失败。"
    assert words.said("nothing of ours", "zh") == "nothing of ours"
    assert words.said("", "zh") == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("4 of 7", "7 中的 4"),
        ("4 of dark red", "深红中的 4"),
        ("4 of red", "red 中的 4"),  # a name
        ("red", "红"),
        ("a: red", "a：红"),
        ("dark red, 4", "深红、4"),
        ("a, b", "a, b"),
        ("one of a, b, c", "其一：a、b、c"),
        ("one of red, (1, 2)", "其一：red, (1, 2)"),
        ("Centre of Open Data", "Centre of Open Data"),
        ("/b: c.png", "/b: c.png"),
        ("red, 6.5 MB", "red, 6.5 MB"),
        ("a b.png  red", "a b.png  红"),
        ("a.png  1×2  9 failed after", "a.png  1×2  其后 9 失败"),
        ("  a b  2×3  1 failed after", "  a b  2×3  其后 1 失败"),
    ],
)
def test_what_is_not_ours_stays(text: str, told: str, catalogue: dict[str, str]) -> None:
    catalogue |= {
        "{0} of {1}": "{1} 中的 {0}",
        "{0}, {1}": "{0}、{1}",
        "{0}: {1}": "{0}：{1}",
        "one of {0}": "其一：{0}",
        "{0} failed after": "其后 {0} 失败",
        "red": "红",
        "dark red": "深红",
    }
    assert words.said(text, "zh") == told


def test_a_sentence_in_itself_ends(catalogue: dict[str, str]) -> None:
    catalogue |= {"not {0}": "non {0}"}
    assert words.said("not " * (words.DEEP + 2) + "1", "zh") == "non " * words.DEEP + "not not 1"


def test_what_many_sentences_could_be_is_not_tried_for_ever() -> None:
    words._said.cache_clear()
    words.said("a and b c or d and e f or g and h i or j, k l and m n of o p by q r to s t", "zh")
    assert words._said.cache_info().misses < 4096


# ---- lines ----


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("abc", 3), ("风格", 4), ("（a）", 5), ("é", 1), ("e\u0301", 1), ("×…", 2)]
)
def test_chinese_characters_take_two_columns(text: str, columns: int) -> None:
    assert width_of(text) == columns


@given(st.text("风格，。（）“”、ab1- `[]:", max_size=80), st.integers(10, 40))
def test_lines_hold_all_and_do_not_begin_with_punctuation(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines[1:]:
        assert not re.match(rf"[{CLOSING}]", line) or re.search(rf"\s[{CLOSING}]", text)
    assert all(width_of(line) <= width for line in lines if not re.search(r"[!-~，。（）“”、]", line))


def test_lines_are_broken_where_chinese_is() -> None:
    text = "风格是空间里的一个点，所以经过（几个）点的路径就是影片。见 `mapsto morph --help`  [默认：1.0]"
    assert wrapped(text, 24) == [
        "风格是空间里的一个点，所",
        "以经过（几个）点的路径就",
        "是影片。见",
        "`mapsto morph --help`",
        "[默认：1.0]",
    ]
    assert wrapped("一二三四五六七八九", 16) == ["一二三四五六", "七八九"]


# ---- help ----


@pytest.mark.parametrize("arguments", [["--lang", "zh", "--help"], ["-h", "--lang", "zh"], ["--lang=zh"]])
def test_help_is_chinese(arguments: list[str], mapsto: Command) -> None:
    done = mapsto(*arguments)
    assert done.code == 0
    assert done.out.startswith("用法：mapsto [选项] 命令 [参数]...\n\n  把任何照片画成任何风格")
    assert "\n选项：\n" in done.out
    assert re.search(r"\n  style        把照片或视频画成一种风格\n", done.out)
    assert mapsto("--help").out.startswith("Usage: mapsto [OPTIONS] COMMAND [ARGS]...\n"), "and English again"


@pytest.mark.parametrize("columns", [80, 110])
def test_every_verb_has_chinese_help_that_fits_a_terminal(
    columns: int, mapsto: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    monkeypatch.setenv("COLUMNS", str(columns))
    for verb in VERBS:
        done = mapsto(verb, "--help")
        told = [line for line in done.out.splitlines() if not line.lstrip().startswith(("mapsto ", "ffmpeg ", "-", "ffplay"))]
        assert done.code == 0
        assert all(width_of(line) <= columns for line in done.out.splitlines())
        assert not [line for line in told if ENGLISH.search(line)]


def test_defaults_and_what_is_required_are_told(mapsto: Command) -> None:
    out = mapsto("train", "--help", "--lang", "zh").out
    assert re.search(r"--preset tiny\|small\|base +网络的大小  \[默认：small\]\n", out)
    assert "[必填]" in out


def test_help_of_the_package_click_is_translated_too() -> None:
    """Typer may use it, or a copy of its own."""
    click = pytest.importorskip("click")

    @click.command(help="Draw new pictures.", epilog="Say nothing but errors.")
    @click.option("--strength", default=1.0, show_default=True, help="From 0, the photo, to 1, the full style.")
    @click.argument("name", metavar="PHOTO")
    def draw(strength: float, name: str) -> None: ...

    manual.translate(draw, "zh")
    context = draw.make_context("draw", [], resilient_parsing=True)
    assert draw.get_help(context).splitlines() == [
        "用法：draw [选项] 照片",
        "",
        "  生成新图",
        "",
        "选项：",
        "  --strength 数值  0 是照片本身，1 是完整的风格  [默认：1.0]",
        "  --help           显示这份帮助",
        "",
        "  只报告错误",
    ]


def test_english_help_is_what_typer_writes_and_loads_no_catalogue() -> None:
    program = """
import sys
from mapsto.cli.app import run
run(["--help"]), run(["style", "--help"]), run(["style", "--zzz"]), run(["style", "x.jpg", "ink"])
import mapsto.words
print(mapsto.words.catalogue.cache_info().currsize, {"mapsto.cli.manual", "mapsto.cli.columns", "torch"} & set(sys.modules))
"""
    done = _python(program, LANG="zh_CN.UTF-8", LC_ALL="C")
    assert done.stdout.endswith("0 set()\n")
    assert not CHINESE.search(done.stdout + done.stderr)
    assert "Usage: mapsto style [OPTIONS]" in done.stdout


def test_chinese_loads_nothing_heavy() -> None:
    program = """
import sys
from mapsto.cli.app import run
run(["style", "--help"])
print({"torch", "numpy", "PIL", "rich"} & set(sys.modules))
"""
    done = _python(program, LANG="zh_CN.UTF-8")
    assert done.stdout.endswith("set()\n")
    assert done.stdout.startswith("用法：")


def _python(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in (*words.LOCALE, words.VARIABLE)}
    return subprocess.run(
        [sys.executable, "-X", "utf8", "-c", program],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        env={**kept, **environment},
    )


# ---- what goes wrong ----


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["style", "photo.jpg", "mosiac"], 2, "mosaic"),
        (["style", "nothing.jpg", "mosaic"], 4, "nothing.jpg"),
        (["style"], 2, "mapsto style photo.jpg starry-night"),
        (["train"], 2, "vae|flow|gan|music|sound"),
        (["style", "photo.jpg", "mosaic", "--strength", "7"], 2, "7"),
    ],
)
def test_what_goes_wrong_is_told_in_chinese(arguments: list[str], code: int, told: str, mapsto: Command) -> None:
    english, chinese = mapsto(*arguments), mapsto(*arguments, "--lang", "zh")
    assert english.code == chinese.code == code
    assert chinese.err.startswith("mapsto: ")
    assert told in english.err
    assert told in chinese.err
    assert CHINESE.search(chinese.err)
    assert chinese.err.count("\n") == 1
    assert not ENGLISH.search(chinese.err.replace(told, ""))
    assert not CHINESE.search(english.err)


def test_several_failures_are_listed_in_chinese(mapsto: Command) -> None:
    photo("shots/a.jpg")
    for name in ("b.jpg", "c.jpg"):
        with open(f"shots/{name}", "w") as file:  # noqa: PTH123
            file.write("no picture")
    done = mapsto("style", "shots", "mosaic", "-r", "-o", "out", "--lang", "zh")
    assert done.code == 3
    assert "3 张图片中有 2 张失败。" in done.err
    assert all(CHINESE.search(line) for line in done.err.splitlines())


@pytest.mark.parametrize("arguments", ["style nothing.jpg mosaic", "style photo.jpg mosiac", "style --zzz", "styles"])
def test_programs_are_answered_in_english(arguments: str, mapsto: Command) -> None:
    given = arguments.split()
    english, chinese = mapsto(*given, "--json"), mapsto("--lang", "zh", *given, "--json")
    assert english == chinese
    assert json.loads(chinese.out)["command"] == given[0]


SLIPS: Sequence[tuple[str, ...]] = (
    ("stile",),
    ("zzz",),
    ("--zzz",),
    ("style", "--strenth", "1"),
    ("style", "--strengt", "1"),
    ("train",),
    ("train", "flow"),
    ("style", "a", "b", "--strength"),
    ("style", "a", "b", "--strip=1"),
    ("style", "a", "b", "--strength", "x"),
    ("style", "a", "b", "--quality", "x"),
    ("info", "a", "b"),
    ("info", "a", "b", "c"),
    ("compose", "--morph", "a"),
)
"""Mistakes in the command itself."""


@pytest.mark.parametrize("arguments", SLIPS, ids=" ".join)
def test_mistakes_in_the_command_are_told_in_chinese(arguments: tuple[str, ...], mapsto: Command) -> None:
    english, chinese = mapsto(*arguments), mapsto(*arguments, "--lang", "zh")
    assert english.code == chinese.code == 2
    assert CHINESE.search(chinese.err)
    assert re.search(r"用法见 mapsto( \w+)? --help。\n$", chinese.err)
    assert not re.search(r"\b(is|not|such|for|should|Missing|Option|Invalid|Got)\b", chinese.err)
    sentence = english.err.removeprefix("mapsto: ").partition(" — ")[0]
    told = [words.Template(template.rstrip("."), "").values(sentence) for template in sentences.CLICK]
    assert any(values is not None for values in told)


def test_a_wrong_variable_is_told_in_chinese(mapsto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPSTO_STRIP", "maybe")
    monkeypatch.setenv("MAPSTO_LANG", "zh")
    done = mapsto("style", "photo.jpg", "mosaic")
    assert done.code == 2
    assert "'--strip' 的值不对" in done.err


# ---- progress ----


def test_progress_is_told_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 12.0, 12.0, 12.0])
    monkeypatch.setattr(bar.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(sys, "stderr", said := io.StringIO())
    heard: list[str] = []
    monkeypatch.setattr(bar, "WATCHERS", [lambda part, text: heard.append(text)])
    tongue.speak("zh")
    with bar.Bar(2) as line:
        line.show(1, "drawing")
    assert re.fullmatch(r"[\u4e00-\u9fff]+: 50 %，还需 12 秒\n", said.getvalue())
    assert heard == ["drawing"], "programs are told in English"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("a.jpg", "a.jpg"),
        ("a" * 60, "a" * 21 + "…" + "a" * 22),
        ("图" * 30, "图" * 10 + "…" + "图" * 11),
        ("图" * 22, "图" * 22),
    ],
)
def test_a_long_text_keeps_its_ends_and_its_columns(text: str, short: str) -> None:
    assert bar._short(text) == short
    assert width_of(bar._short(text)) <= 44
