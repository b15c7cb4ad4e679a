"""Folders of ours are deleted whole, whatever is in them, and nothing beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ossature.errors import DiskError
from ossature.store.removal import remove_tree, set_aside, size_of


def test_size_is_that_of_all_files_and_of_no_link(tmp_path: Path):
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    (folder / "a").write_bytes(b"123")
    (folder / "below" / "b").write_bytes(b"4567")
    (tmp_path / "large").write_bytes(b"x" * 10_000)
    assert size_of(folder) == 7
    (folder / "link").symlink_to(tmp_path / "large")
    assert 7 < size_of(folder) < 1000
    assert size_of(tmp_path / "large") == 10_000
    assert size_of(tmp_path / "missing") == 0


def test_a_folder_that_is_set_aside_is_gone_at_once(tmp_path: Path):
    for content in (b"1", b"2"):
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "a").write_bytes(content)
        set_aside(tmp_path / "folder", tmp_path / "work" / "trash")
        assert not (tmp_path / "folder").exists()
    assert len(list((tmp_path / "work" / "trash").iterdir())) == 2


def test_read_only_folders_go_and_what_links_lead_to_stays(tmp_path: Path):
    folder = tmp_path / "folder"
    (folder / "cache" / "below").mkdir(parents=True)
    (folder / "cache" / "below" / "module").write_bytes(b"x")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_bytes(b"x")
    (folder / "link").symlink_to(tmp_path / "mine")
    (folder / "cache" / "below").chmod(0o500)
    (folder / "cache").chmod(0o500)
    remove_tree(folder)
    remove_tree(folder)
    assert not folder.exists()
    assert (tmp_path / "mine" / "file").read_bytes() == b"x"


def test_a_link_in_the_place_of_a_folder_is_refused(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    with pytest.raises(DiskError):
        remove_tree(tmp_path / "link")
    assert (tmp_path / "mine").is_dir()
