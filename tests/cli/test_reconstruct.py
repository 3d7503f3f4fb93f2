from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import corpus
from darkroom import Command, photo, pixels
from mapsto import Generator
from mapsto.cli.reconstruct import likeness_db
from mapsto.files import sha256
from mapsto.learning.measure import psnr
from mapsto.media import picture
from mapsto.media.picture import Picture


def test_there_and_back_with_its_likeness(mapsto: Command) -> None:
    done = mapsto("reconstruct", "photo.jpg", "--model", "hills", "--json")
    (made,) = json.loads(done.out)["outputs"]
    assert (made["path"], made["width"], made["height"], made["seed"]) == ("photo.hills.png", 24, 16, None)
    hills = Generator.from_pretrained("hills", device="cpu", precision="fp32")
    assert np.array_equal(pixels("photo.hills.png"), hills.reconstruct("photo.jpg").numpy())
    expected = psnr(picture.read("photo.hills.png").tensor(), hills.fitted("photo.jpg"))
    assert made["psnr_db"] == pytest.approx(expected, abs=0.02)
    assert mapsto("reconstruct", "photo.jpg", "--model", "hills").out.endswith(f"{made['psnr_db']:.1f} dB\n")
    found = picture.settings("photo.hills.png") or {}
    assert found["source"] == {"name": "photo.jpg", "sha256": sha256(Path("photo.jpg"))}
    assert "truncation" not in found


def test_side_by_side_shows_what_the_model_was_given(mapsto: Command) -> None:
    for options in (["--side-by-side", "-o", "both.png"], ["-o", "one.png"]):
        assert mapsto("reconstruct", "photo.jpg", "--model", "hills", "--scale", 2, *options).code == 0
    both, one = pixels("both.png"), pixels("one.png")
    assert np.array_equal(both[:, -48:], one)
    hills = Generator.from_pretrained("hills", device="cpu", precision="fp32")
    given = Picture.of(hills.fitted("photo.jpg")).pixels
    assert np.array_equal(both[::2, :48:2], given)


def test_refining_brings_what_the_model_can_draw_nearer(mapsto: Command) -> None:
    mapsto("generate", "hills", "--prior", "gaussian", "-o", "drawn.png")

    def likeness(*options: object) -> float:
        done = mapsto("reconstruct", "drawn.png", "--model", "hills", "--json", *options)
        return float(json.loads(done.out)["outputs"][0]["psnr_db"])

    assert likeness("--refine", 30) > likeness() + 0.1


def test_a_model_of_pixels_finds_its_own_way(mapsto: Command) -> None:
    done = mapsto("reconstruct", "photo.jpg", "--model", "dots")
    assert (done.code, "no encoder" in done.err) == (2, True)
    assert mapsto("reconstruct", "photo.jpg", "--model", "dots", "--refine", 2).code == 0


def test_transparency_there_and_back(mapsto: Command) -> None:
    Image.new("RGBA", (32, 32), (200, 30, 90, 128)).save("clear.png")
    assert mapsto("reconstruct", "clear.png", "--model", "sprites", "--transparent", "--side-by-side").code == 0
    with Image.open("clear.sprites.png") as image:
        assert image.mode == "RGBA"
        assert np.abs(np.subtract(image.getpixel((4, 4)), (200, 30, 90, 128))).max() <= 1


def test_several_and_those_that_fail(mapsto: Command) -> None:
    photo("shots/a.jpg")
    Path("shots/b.png").touch()
    done = mapsto("reconstruct", "shots/", "-r", "--model", "hills", "-o", "out/")
    assert done.code == 3
    assert "shots/b.png is empty" in done.err
    assert [path.name for path in Path("out").iterdir()] == ["a.hills.png"]
    done = mapsto("reconstruct", "shots/a.jpg", "photo.jpg", "--model", "hills", "-o", "out/", "--dry-run")
    assert done.out.splitlines() == ["shots/a.jpg → out/a.hills.png", "photo.jpg → out/photo.hills.png"]


@pytest.mark.parametrize("name", list(corpus.BAD)[:4])
def test_a_bad_file_is_one_clear_line_and_no_result(mapsto: Command, tmp_path: Path, name: str) -> None:
    make, says = corpus.BAD[name]
    done = mapsto("reconstruct", make(tmp_path), "--model", "hills", "-o", "out/")
    assert done.code == 4
    assert (done.err.count("\n"), says.lower() in done.err.lower()) == (1, True)
    assert not list(Path().glob("out/*"))


def test_equal_pictures_have_a_likeness_that_can_be_written() -> None:
    same = Picture.of(np.zeros((4, 4, 3), np.uint8))
    assert likeness_db(same, same) == 99
