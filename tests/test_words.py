"""Chinese has a sentence for every one that the source can tell, and real errors come out in it."""

import errno
import io
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import sentences
from mapsto.errors import MapstoError
from mapsto.words import CLEAR, catalogue, said

WORDS = catalogue("zh")

OPEN = re.compile(r"\{\d+\}")

CODE = re.compile(r"`[^`]*`|'[^']*'|https?://[^\s，。）]+|宽x高|照片名\.styles\.png|声部=\w+,…")
"""What is typed or quoted as it is, and keeps its own punctuation."""

HAN = "\u3400-\u9fff"


def known() -> set[str]:
    by_hand = {*sentences.JOINED, *sentences.SYSTEM, *sentences.LIBRARIES, *sentences.CLICK, *sentences.ELSEWHERE}
    return {*sentences.found(), *sentences.helped()} | by_hand


# ---- parity ----


def test_every_sentence_is_known_in_chinese() -> None:
    assert not {sentence: sentences.found().get(sentence, "help") for sentence in known() - set(WORDS)}


def test_chinese_knows_no_sentence_that_nothing_says() -> None:
    assert not set(WORDS) - known()


def test_no_words_of_the_source_are_told_in_a_way_that_is_not_followed() -> None:
    assert not list(sentences.unheard())


def test_both_languages_leave_the_same_places_open() -> None:
    assert not [(key, other) for key, other in WORDS.items() if Counter(OPEN.findall(key)) != Counter(OPEN.findall(other))]


def test_places_are_numbered_in_the_order_of_the_english() -> None:
    assert not [key for key in WORDS if OPEN.findall(key) != [f"{{{n}}}" for n in range(len(OPEN.findall(key)))]]


def test_what_is_code_is_the_same_in_both() -> None:
    """Commands, options and names of files are typed as they are, whatever the language."""

    def code(text: str) -> Counter[str]:
        return Counter(
            re.findall(r"--[a-z-]+|MAPSTO_[A-Z]+|mapsto\[\w+\]|\.(?:mid|mp4|mkv|gif|webp|png|wav|flac|jpg|sf2)\b", text)
        )

    assert not [(key, other) for key, other in WORDS.items() if code(key) != code(other)]


# ---- what the Chinese looks like ----


def test_chinese_is_chinese() -> None:
    bare = [(key, other) for key, other in WORDS.items() if key not in sentences.JOINED and not re.search(f"[{HAN}]", other)]
    assert not [each for each in bare if re.search("[a-z]", CODE.sub("", OPEN.sub("", each[1])).lower())]


def test_chinese_has_its_own_punctuation() -> None:
    wrong = re.compile(f"[{HAN}][,;:?!()]|[,;:?!(][{HAN}]|[{HAN}]\\.$|[，。；：？！]{{2}}")
    assert not [other for other in WORDS.values() if wrong.search(CODE.sub("x", other))]


def test_a_space_stands_between_chinese_and_other_letters_and_nowhere_else() -> None:
    wrong = re.compile(
        f"[{HAN}][A-Za-z0-9{{`]|[A-Za-z0-9}}`][{HAN}]|[{HAN}] [{HAN}]|[{HAN}A-Za-z0-9}}] [，。；：？！、）]|[，。；：？！、（] "
    )
    assert not [other for other in WORDS.values() if wrong.search(CODE.sub("x", other))]


def test_sentences_end_alike() -> None:
    ends = {".": "。", "?": "？"}
    whole = [key for key in WORDS if " " in key and key[-1] in ends and key not in (*sentences.helped(), *sentences.CLICK)]
    assert not [(key, WORDS[key]) for key in whole if not WORDS[key].endswith(ends[key[-1]])]


# ---- how sentences are recognised ----


def filled(template: str, values: list[str]) -> str:
    return OPEN.sub(lambda place: values[int(place[0][1:-1])], template)


@pytest.mark.parametrize("name", ["q{}", "/home/me/q{}.png", "'my q{}'"])
def test_every_sentence_is_recognised_whatever_fills_it(name: str) -> None:
    """No other sentence takes it, and names stay what they are."""
    wrong = []
    for key, other in WORDS.items():
        values = [name.format(n) for n in range(len(OPEN.findall(key)))]
        letters = sum(map(str.isalpha, OPEN.sub("", key)))
        is_clear = letters >= CLEAR and "} {" not in key if " " in name else letters > 0
        if values and is_clear and said(filled(key, values), "zh") != filled(other, values):
            wrong.append((key, said(filled(key, values), "zh")))
    assert not wrong


@pytest.mark.parametrize(
    "text", ["no codec for stream and file", "Expected ';', got 'a and b'", "data", "a, b and c d", "is it a or b c?"]
)
def test_foreign_texts_stay_as_they_are(text: str) -> None:
    assert said(f"q.png is damaged or incomplete: {text}.", "zh") == f"q.png 已损坏或不完整：{text}。"
    assert said(text, "zh") in (text, WORDS.get(text))


def test_names_are_never_translated() -> None:
    for name in ("data", "painting", "music", "none", "reading"):
        assert name in WORDS
        assert said(f"There is no picture in {name}.", "zh") == f"{name} 里没有图片。"


def test_lists_and_values_are_translated_within_sentences() -> None:
    assert said("Perhaps ink or pen or tiles?", "zh") == "是不是 ink 或 pen 或 tiles？"
    assert said("Known taps: a, b, c, d, e, f.", "zh") == "已有的特征层：a、b、c、d、e、f。"
    assert said("Leave --steps and --size out.", "zh") == "请去掉 --steps 和 --size。"
    assert said("There is no picture in an empty list.", "zh") == "空列表里没有图片。"
    assert said("Cannot write a/b.png: Permission denied.", "zh") == "无法写入 a/b.png：没有权限。"


def test_english_is_english() -> None:
    assert said("There are no points.", "en") == "There are no points."


# ---- real errors ----


def unknown_style(_: Path) -> None:
    from mapsto.image.styles import parts_of

    parts_of("starry-nigt", ["starry-night", "great-wave"])


def weights_of_styles_sum_to_zero(_: Path) -> None:
    from mapsto.image.styles import parts_of

    parts_of("ink:0,pen:0", ["ink", "pen"])


def strength_out_of_range(_: Path) -> None:
    from mapsto.image.styles import check_strength

    check_strength(1.5)


def truncated_picture(folder: Path) -> None:
    from mapsto.media.picture import read

    whole = io.BytesIO()
    Image.effect_noise((64, 64), 50).convert("RGB").save(whole, "JPEG")
    (folder / "cut.jpg").write_bytes(whole.getvalue()[:-500])
    read(folder / "cut.jpg")


def text_as_picture(folder: Path) -> None:
    from mapsto.media.picture import read

    (folder / "notes.png").write_text("This is no picture.")
    read(folder / "notes.png")


def svg_as_picture(folder: Path) -> None:
    from mapsto.media.picture import read

    (folder / "logo.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    read(folder / "logo.svg")


def missing_picture(folder: Path) -> None:
    from mapsto.media.picture import read

    read(folder / "nowhere.jpg")


def huge_picture(folder: Path) -> None:
    from mapsto.media.picture import read

    Image.new("L", (2000, 1000)).save(folder / "large.png")
    read(folder / "large.png", max_pixels=1_000_000)


def full_disk(folder: Path) -> None:
    from mapsto.files import atomic

    with atomic(folder / "out.png"):
        raise OSError(errno.ENOSPC, "No space left on device")


def folder_is_a_file(folder: Path) -> None:
    from mapsto.files import atomic

    (folder / "file").touch()
    with atomic(folder / "file" / "out.png"):
        pass


def pickle_as_weights(folder: Path) -> None:
    from mapsto import weights

    (folder / "model.pkl").write_bytes(b"\x80\x04K\x01.")
    weights.load(folder / "model.pkl")


def unknown_weights(_: Path) -> None:
    from mapsto import weights

    weights.resolve("style-z")


def unknown_instrument(_: Path) -> None:
    from mapsto.sound.instrument import parts_of

    parts_of("flut:0.5,violin:0.5", ["flute", "violin", "cello"])


def broken_midi(folder: Path) -> None:
    from mapsto.media.midi import read_midi

    (folder / "cut.mid").write_bytes(b"MThd\x00\x00\x00\x06\x00\x01\x00\x02\x01\xe0MTrk\x00\x00\x00\x04\x00\xff\x2f\x00")
    read_midi(folder / "cut.mid")


def text_as_sound(folder: Path) -> None:
    from mapsto.media.audio import about

    (folder / "a.wav").write_text("not a sound at all")
    about(folder / "a.wav")


def unknown_key(_: Path) -> None:
    from mapsto.sound.tonality import named

    named("Hb")


def no_way_between(_: Path) -> None:
    from mapsto.image.timeline import keys_of

    keys_of("ink", ["ink", "pen"])


def one_picture_to_learn_from(_: Path) -> None:
    from mapsto.learning.choices import check_count

    check_count(1)


def seed_out_of_range(_: Path) -> None:
    from mapsto.device import generator

    generator(-1)


def wrong_config(folder: Path) -> None:
    from mapsto.cli.config import _options

    (folder / "mapsto.toml").write_text('strength = "much"\n')
    _options(folder / "mapsto.toml")


REAL: dict[Callable[[Path], None], tuple[str, str]] = {
    unknown_style: ("没有叫 'starry-nigt' 的风格，也没有这样的文件。", "是不是 starry-night？"),
    weights_of_styles_sum_to_zero: ("'ink:0,pen:0' 的权重之和为 0。", "请至少让一种风格的权重大于 0。"),
    strength_out_of_range: ("强度 1.5 超出范围。", "范围从 0（照片本身）到 1（完整的风格）。"),
    truncated_picture: ("TMP/cut.jpg 已损坏或不完整：图片文件被截断（N 字节未处理）。", "请重新复制、下载或导出。"),
    text_as_picture: (
        "TMP/notes.png 不是已知类型的图片（JPEG、PNG、WebP、TIFF、GIF、BMP、PPM、AVIF）。",
        "请先导出为 PNG 或 JPEG。",
    ),
    svg_as_picture: ("TMP/logo.svg 是 SVG 图形，这里不能读取。", "请先导出为 PNG 或 JPEG。"),
    missing_picture: ("TMP/nowhere.jpg 不存在。", "请检查拼写和所在的文件夹。"),
    huge_picture: (
        "TMP/large.png 有 2000 × 1000 = 2.0 百万像素；上限是 1 百万像素。",
        "请缩小它；如果信任这个文件，也可以放宽上限（--max-pixels）。",
    ),
    full_disk: ("空间不足，写不下 TMP/out.png。", "请腾出空间，或用 -o 换一个文件夹。"),
    folder_is_a_file: ("无法写入 TMP/file/out.png：文件已存在。", "请用 -o 换一个位置。"),
    pickle_as_weights: ("model.pkl 不是 .safetensors 文件。", "其他格式打开时可能执行代码，所以不打开。"),
    unknown_weights: ("没有叫 'style-z' 的权重。", "是不是 style-s 或 style-video-s 或 style-encoder-s？"),
    unknown_instrument: ("没有叫 'flut' 的乐器。", "是不是 flute？"),
    broken_midi: ("TMP/cut.mid 不完整或已损坏：2 轨中只有 1 轨。", "请重新复制、下载或导出。"),
    text_as_sound: ("TMP/a.wav 是文本，不是声音。", "请导出为 WAV 或 FLAC。"),
    unknown_key: ("没有 'Hb' 调。", "是不是 Gb 或 Eb 或 Db？请写成 D、Bb 或 F#m 这样。"),
    no_way_between: ("路要从一种风格走到另一种。", "请写两种以上，例如 'photo, starry-night'。"),
    one_picture_to_learn_from: (
        "从零学起，一张图片太少：只会被死记硬背。",
        "请给 8 张以上，最好 1,000 张；或从一个模型已会的开始：`mapsto adapt`。",
    ),
    seed_out_of_range: ("种子 -1 超出范围。", "种子是 0 到 2^63 - 1 的整数。"),
    wrong_config: ("TMP/mapsto.toml 把 strength 设为 'much'；应为一个数或整数。", "请改正或删除这一行。"),
}
"""Errors that the library raises, and what and hint in Chinese; TMP is the folder."""


@pytest.mark.parametrize("cause", REAL, ids=lambda cause: cause.__name__)
def test_real_errors_are_told_in_chinese(cause: Callable[[Path], None], tmp_path: Path) -> None:
    with pytest.raises(MapstoError) as caught:
        cause(tmp_path)
    told = tuple(said(part, "zh").replace(str(tmp_path), "TMP") for part in (caught.value.what, caught.value.hint))
    told = tuple(re.sub(r"（\d+ 字节", "（N 字节", part) for part in told)  # of a picture as this Pillow writes it
    assert told == REAL[cause]
