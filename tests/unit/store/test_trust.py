import json
import shutil
from pathlib import Path

import pytest

from ossature.project import Project
from ossature.store.trust import TRUSTED_PATHS, Grant, TrustBook, TrustItem, user_trust

ITEM = TrustItem("verify", "make test", "plan, task 001")


@pytest.fixture
def book(tmp_path: Path) -> TrustBook:
    return TrustBook(tmp_path / "state" / "trust")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "parcels").mkdir()
    return Project(root=tmp_path / "parcels")


def only_file(tmp_path: Path) -> Path:
    (path,) = (tmp_path / "state" / "trust").iterdir()
    return path


def test_an_unknown_project_may_do_nothing(book, project):
    assert book.read(project) == Grant()
    assert not book.read(project).covers(ITEM)


def test_a_grant_is_bound_to_what_was_shown(book, project):
    book.allow(project, [ITEM])
    grant = book.read(project)
    assert grant.covers(TrustItem("verify", "make test", "another place"))
    for other in (
        TrustItem("verify", "make test "),
        TrustItem("setup", "make test"),
        TrustItem("verify", "make test", files=("Makefile 00",)),
    ):
        assert not grant.covers(other)


def test_grants_add_up(book, project):
    book.allow(project, [ITEM])
    book.allow(project, [TrustItem("model", "exec:ask")])
    assert sorted(book.read(project).items.values()) == ["model: exec:ask", "verify: make test"]


def test_a_project_created_here_may_do_what_comes_later(book, project):
    book.own(project)
    assert book.read(project).covers(TrustItem("verify", "whatever"))


def test_another_project_in_the_same_place_has_no_grant(book, project):
    book.own(project)
    shutil.rmtree(project.root)
    project.root.mkdir()
    assert book.read(project) == Grant()


def test_an_identity_that_came_along_is_replaced(book, project):
    project.state_dir.mkdir()
    (project.state_dir / "identity").write_text("known to others\n")
    book.own(project)
    assert book.read(project).is_own
    (project.state_dir / "identity").write_text("known to others\n")
    assert book.read(project) == Grant()


def test_a_copy_elsewhere_has_no_grant(book, project, tmp_path):
    book.own(project)
    copy = tmp_path / "copy"
    shutil.copytree(project.root, copy)
    assert book.read(Project(root=copy)) == Grant()


def test_a_link_to_the_project_is_the_project(book, project, tmp_path):
    book.own(project)
    (tmp_path / "link").symlink_to(project.root)
    assert book.read(Project(root=tmp_path / "link")).is_own


def test_revoking_forgets(book, project):
    book.allow(project, [ITEM])
    assert book.revoke(project)
    assert book.read(project) == Grant()
    assert not book.revoke(project)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"format": 99, "is_own": true}', b"\xff", b'{"is_own": true}', b"[" * 9999],
)
def test_a_damaged_record_grants_nothing(book, project, tmp_path, content):
    book.own(project)
    only_file(tmp_path).write_bytes(content)
    assert book.read(project) == Grant()


@pytest.mark.parametrize("value", ["yes", 1, None, "true"])
def test_only_true_makes_a_project_ones_own(book, project, tmp_path, value):
    book.own(project)
    path = only_file(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "is_own": value}))
    assert not book.read(project).is_own


def test_the_record_is_the_users_alone(book, project, tmp_path):
    book.allow(project, [ITEM], redact=lambda text: text.replace("make", "[redacted]"))
    path = only_file(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert "make" not in path.read_text()
    assert book.read(project).covers(ITEM)


def test_git_does_not_take_the_identity_along(book, project):
    book.own(project)
    assert "identity" in (project.state_dir / ".gitignore").read_text().splitlines()
    assert len((project.state_dir / "identity").read_text().strip()) == 32


def test_the_state_folder_of_the_user_is_found(tmp_path, project):
    user_trust({"XDG_STATE_HOME": str(tmp_path / "xdg"), "HOME": str(tmp_path)}).own(project)
    assert list((tmp_path / "xdg" / "ossature" / "trust").iterdir())
    user_trust({"XDG_STATE_HOME": "relative", "HOME": str(tmp_path)}).own(project)
    assert list((tmp_path / ".local" / "state" / "ossature" / "trust").iterdir())


def test_folders_that_the_user_named_are_trusted(tmp_path, project):
    book = user_trust({TRUSTED_PATHS: f"{tmp_path}:/nowhere", "HOME": str(tmp_path)})
    assert book.read(project).is_own
    for named in ("", "parcels", ".", f"{tmp_path}/par", f"{tmp_path}/parcels/below"):
        assert not user_trust({TRUSTED_PATHS: named, "HOME": str(tmp_path)}).read(project).is_own
