import os
import struct
import zipfile
from pathlib import Path

import pytest

from corpus import good
from mapsto.errors import MapstoError, UnreadableInput
from mapsto.media import albums
from mapsto.media.albums import contents, find

PNG = good("png")


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(PNG + name.encode())
    return root


def packed(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def names(source: object) -> list[str]:
    return [entry.name for entry in find(source)]  # type: ignore[arg-type]


def read(path: Path) -> dict[str, bytes | MapstoError]:
    return {entry.name: content for entry, content in contents(find(path))}


def test_a_folder_is_its_pictures_and_those_of_its_folders(tmp_path: Path) -> None:
    tree(tmp_path, "b.png", "a/c.JPG", "a/d/e.webp", "画/猫.png", "notes.txt", ".hidden.png", ".cache/x.png", "a/png")
    assert names(tmp_path) == names(str(tmp_path)) == ["a/c.JPG", "a/d/e.webp", "b.png", "画/猫.png"]
    assert read(tmp_path)["画/猫.png"] == PNG + "画/猫.png".encode()


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    tree(tmp_path / "other", "x.png")
    tree(tmp_path / "here", "a.png", "sub/b.png")
    (tmp_path / "here/loop").symlink_to(tmp_path / "here")
    (tmp_path / "here/sub/up").symlink_to("..")
    (tmp_path / "here/linked").symlink_to(tmp_path / "other")
    (tmp_path / "here/self.png").symlink_to("self.png")
    (tmp_path / "here/gone.png").symlink_to("nowhere")
    found = read(tmp_path / "here")
    assert sorted(found) == ["a.png", "gone.png", "linked/x.png", "self.png", "sub/b.png"]
    assert isinstance(found["gone.png"], UnreadableInput)
    assert isinstance(found["self.png"], UnreadableInput)


def test_a_pipe_is_told_and_not_waited_for(tmp_path: Path) -> None:
    tree(tmp_path, "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    assert "pipe" in str(read(tmp_path)["pipe.png"])


def test_a_zip_is_the_folder_it_was_made_of(tmp_path: Path) -> None:
    folder = tree(tmp_path / "set", "a/x.png", "b/y.png", "z.jpg")
    files = {f"set/{name}": (folder / name).read_bytes() for name in names(folder)}
    junk = {
        "__MACOSX/set/._x.png": b"junk",
        "set/.thumb.png": b"junk",
        "set/.old/a.png": b"junk",
        "set/read.me": b"junk",
        "set/": b"",
    }
    assert read(packed(tmp_path / "set.zip", files | junk)) == read(folder)


def test_only_the_outermost_folder_of_a_zip_is_passed_over(tmp_path: Path) -> None:
    assert names(packed(tmp_path / "a.zip", {"one/a/x.png": PNG, "one/a/y.png": PNG})) == ["a/x.png", "a/y.png"]
    assert names(packed(tmp_path / "b.zip", {"a/x.png": PNG, "y.png": PNG})) == ["a/x.png", "y.png"]


def test_names_in_utf8_are_read_where_the_zip_does_not_say_so(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"猫.png": PNG, "plain.png": PNG})
    content = path.read_bytes()
    said, silent = struct.pack("<H", 0x800), struct.pack("<H", 0)
    at = content.index("猫.png".encode())
    central = content.rindex("猫.png".encode())
    for flags in (at - 24, central - 38):  # the flags of the local header, and of the entry in the list at the end
        assert content[flags : flags + 2] == said
        content = content[:flags] + silent + content[flags + 2 :]
    path.write_bytes(content)
    assert read(path) == {"plain.png": PNG, "猫.png": PNG}


def test_several_sources_keep_their_names_apart(tmp_path: Path) -> None:
    tree(tmp_path / "oak", "1.png")
    tree(tmp_path, "single.dat")
    packed(tmp_path / "elm.zip", {"1.png": PNG})
    sources = [tmp_path / "oak", tmp_path / "elm.zip", tmp_path / "single.dat"]
    assert names(sources) == ["oak/1.png", "elm/1.png", "single.dat"]
    entries = find(sources)
    assert [entry.name for entry, _ in contents(entries[::-1])] == names(sources)[::-1]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_damaged_entry_is_told_and_the_others_are_read(tmp_path: Path, method: int) -> None:
    path = packed(tmp_path / "a.zip", {"a.png": PNG, "b.png": os.urandom(500), "c.png": PNG}, method)
    content = bytearray(path.read_bytes())
    at = content.index(b"b.png") + 5
    content[at : at + 400] = bytes(400)
    path.write_bytes(content)
    found = read(path)
    assert found["a.png"] == found["c.png"] == PNG
    assert "damaged in the zip" in str(found["b.png"])


def test_a_bomb_is_told_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "a.zip", {"a.png": PNG, "bomb.png": bytes(albums.LARGE + 1)})
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda self, info: info.filename.encode())
    found = read(path)
    assert found["a.png"] == b"a.png"
    assert "16 MB, which no picture does" in str(found["bomb.png"])


def test_a_zip_that_claims_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(albums, "MAX_TOTAL", 2 * len(PNG))
    path = packed(tmp_path / "a.zip", {f"{i}.png": PNG for i in range(3)})
    with pytest.raises(UnreadableInput, match="would unpack"):
        find(path)


def test_a_locked_entry_is_told(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.png": PNG})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    assert "password" in str(read(path)["a.png"])


@pytest.mark.parametrize("content", [b"", b"PK\3\4 and nothing more", PNG])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(UnreadableInput, match="no zip"):
        find(tmp_path / "a.zip")


def test_nothing_found_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match=r"no picture in .*\.png"):
        find(tree(tmp_path, "notes.txt"))
    with pytest.raises(UnreadableInput, match="an empty list"):
        find([])
    with pytest.raises(UnreadableInput, match="does not exist"):
        find(tmp_path / "missing")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    tree(tmp_path, "a.png", "closed/b.png")
    (tmp_path / "closed").chmod(0)
    told: list[str] = []
    assert [entry.name for entry in find(tmp_path, lambda name, reason: told.append(reason))] == ["a.png"]
    (tmp_path / "closed").chmod(0o700)
    assert "closed" in told[0]


def test_the_stamp_changes_with_the_content(tmp_path: Path) -> None:
    tree(tmp_path, "a.png")
    before = find(tmp_path)[0].stamp
    (tmp_path / "a.png").write_bytes(PNG[::-1] + b"a.png"[::-1])
    os.utime(tmp_path / "a.png", ns=(0, 1))
    assert find(tmp_path)[0].stamp != before
