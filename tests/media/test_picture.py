"""Pictures as a whole: every way in, every way out, and what happens when writing fails."""

import errno
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import mapsto.media.picture as media
from mapsto.errors import NoSpace, UsageError
from mapsto.media import encoding
from mapsto.media.picture import Picture, read
from samples import ALPHAS, COLOURS, exif_block, quadrants, sample

EXTENSIONS = [extension for each in encoding.FORMATS.values() for extension in each.extensions]
RGBA = np.dstack((np.rint(quadrants(COLOURS) * 255), quadrants(ALPHAS))).astype(np.uint8)
ON_WHITE = RGBA[..., :3] * (RGBA[..., 3:] / 255) + 255 - RGBA[..., 3:]


def test_every_way_in_gives_the_same_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    image = Image.fromarray(RGBA)
    image.save(path)
    content = path.read_bytes()
    unit = RGBA / 255
    tensor = torch.from_numpy(unit).permute(2, 0, 1)
    sources = [
        path,
        str(path),
        content,
        bytearray(content),
        io.BytesIO(content),
        image,
        RGBA,
        unit,
        unit.astype(np.float32),
        tensor,
    ]
    with path.open("rb") as file:
        for source in [*sources, file, tensor[None], (RGBA * np.uint16(257)), Picture.of(RGBA)]:
            assert np.array_equal(Picture.of(source).numpy(), RGBA)
    assert np.array_equal(np.asarray(Picture.of(RGBA).to_pil()), RGBA)


def test_a_pil_image_is_turned_upright() -> None:
    image = Image.open(io.BytesIO(sample("jpg", "RGB", 6).content))
    assert image.size == (16, 24)
    assert np.array_equal(Picture.of(image).pixels, read(sample("jpg", "RGB", 6).content).pixels)
    bare = Image.new("RGB", (4, 2))
    bare.getexif()[0x0112] = 8
    assert Picture.of(bare).size == (2, 4)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_every_format_is_written_and_read(extension: str, tmp_path: Path) -> None:
    path = tmp_path / "new folder" / f"a{extension}"
    picture = Picture.of(RGBA)
    lost = picture.save(path, quality=100)
    again = read(path)
    lossy = {".jpg": 6, ".jpeg": 6, ".avif": 8}.get(extension, 0)
    holds_alpha = encoding.format_of(path).alpha
    assert any("white" in each for each in lost) != holds_alpha
    if extension == ".gif":
        assert np.array_equal(again.alpha, np.where(RGBA[..., 3] < 128, 0, 255))
    elif holds_alpha:
        assert np.array_equal(again.alpha, RGBA[..., 3])
        assert np.abs(again.pixels.astype(int) - RGBA[..., :3]).max() <= lossy
    else:
        assert np.abs(again.pixels - ON_WHITE).max() <= lossy + 1
    assert (path.stat().st_mode & 0o777) == (0o666 & ~_umask())


def _umask() -> int:
    import os

    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize(
    ("name", "hint"), [("a.pngg", "png"), ("a.txt", "Known"), ("a", "Known"), ("a.jpge", "jpeg"), ("a.svg", ".webp")]
)
def test_unknown_extensions_list_the_known(name: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=hint):
        Picture.of(RGBA).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_impossible_qualities_are_refused(quality: int) -> None:
    with pytest.raises(UsageError, match="quality"):
        Picture.of(RGBA).encode("jpg", quality=quality)


def test_sizes_beyond_a_format_say_where_it_ends() -> None:
    wide = Picture.of(np.zeros((1, 16_384, 3), np.uint8))
    with pytest.raises(UsageError, match="16383"):
        wide.encode("webp")
    assert read(wide.encode("png")).size == (16_384, 1)


@pytest.mark.parametrize(("code", "error"), [(errno.ENOSPC, NoSpace), (errno.EIO, OSError)])
def test_a_failed_write_leaves_what_was_there(
    code: int, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"before")

    def half(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(code, "no")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(error):
        Picture.of(RGBA).save(path)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: Path, content: bytes) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Picture.of(RGBA).save(tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_losses_are_said_before_and_after_writing(tmp_path: Path) -> None:
    picture = read(sample("jpg", "RGB").content)
    assert picture.losses("png") == picture.losses("jpg") == ()
    assert "256" in picture.losses("gif")[-1]
    assert "EXIF" in picture.losses("bmp")[0]
    assert "settings" in picture.save(tmp_path / "a.ppm", settings={"seed": 1})[-1]
    assert picture.save(tmp_path / "a.png", settings={"seed": 1}) == ()


def test_a_notebook_shows_a_small_png() -> None:
    wide = Picture.of(np.zeros((10, 3200, 3), np.uint8))
    assert read(wide._repr_png_()).size == (1600, 5)
    assert repr(wide).startswith("Picture(")
    assert repr(Picture.of(RGBA)) == "Picture(24×16, alpha)"
    assert read(Picture.of(RGBA)._repr_png_()).size == (24, 16)


def test_new_pixels_keep_everything_else() -> None:
    first = Image.open(io.BytesIO(sample("png", "RGBA").content))
    buffer = io.BytesIO()
    first.save(buffer, "PNG", exif=exif_block(3), dpi=(300, 300))
    picture = read(buffer.getvalue())
    painted = picture.with_tensor(torch.rand(1, 3, 32, 48))
    again = read(painted.encode("webp", quality=100))
    assert painted.size == again.size == (48, 32)
    assert np.array_equal(again.pixels, painted.pixels)
    assert Image.open(io.BytesIO(painted.encode("png"))).getexif()[0x010F] == "Camera works"


def test_reading_and_writing_do_not_import_torch(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(sample("jpg", "RGB").content)
    program = (
        "import sys; from mapsto.media.picture import Picture; from mapsto.media import animation\n"
        "Picture.of(sys.argv[1]).resized(8).save(sys.argv[2]); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "a.jpg"), str(tmp_path / "b.png")], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss is Linux's")
def test_a_photo_of_12_megapixels_takes_a_few_copies(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise).resize((4000, 3000)).save(tmp_path / "a.jpg", exif=exif)
    program = (
        "import resource, sys; from mapsto.media.picture import read; read(sys.argv[2])\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10\n"
        "before = peak(); read(sys.argv[1]).encode('jpg'); print(peak() - before)"
    )
    (tmp_path / "small.jpg").write_bytes(sample("jpg", "RGB").content)
    command = [sys.executable, "-c", program, str(tmp_path / "a.jpg"), str(tmp_path / "small.jpg")]
    megabytes = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert megabytes < 6 * 36


def test_a_jpeg_of_which_less_is_enough_comes_smaller_and_looks_the_same(tmp_path: Path) -> None:
    small = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    small.resize((900, 600), Image.Resampling.BICUBIC).save(tmp_path / "a.jpg", quality=95, exif=exif)
    whole, part = read(tmp_path / "a.jpg"), read(tmp_path / "a.jpg", enough=100)
    assert (whole.size, part.size) == ((600, 900), (150, 225))
    assert np.abs(whole.resized(100).pixels.astype(int) - part.resized(100).pixels).mean() < 1
    assert read(tmp_path / "a.jpg", enough=601).size == (600, 900)


def test_the_module_offers_what_it_says() -> None:
    assert all(hasattr(media, name) for name in media.__all__)
