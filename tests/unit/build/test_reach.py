"""Toolchains are shown and homes are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ossature.build.reach import outermost, readable_roots, system_files, without


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in (
        ".pyenv/shims", ".pyenv/versions/3.12/bin", ".pyenv/versions/3.12/lib", ".cargo/bin", ".local/bin",
        ".local/lib", ".local/share/keyrings", ".local/share/pipx/venvs/black/bin",
        ".local/share/pipx/venvs/black/lib", "bin", "lib", ".ssh", "work/project/node_modules/.bin",
        "conda/bin", "conda/conda-meta", "venv/bin",
    ):  # fmt: skip
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / ".cargo" / "credentials.toml").write_text("token")
    (tmp_path / "venv" / "pyvenv.cfg").write_text(f"home = {tmp_path}/.pyenv/versions/3.12/bin\n")
    black = tmp_path / ".local/share/pipx/venvs/black/bin/black"
    black.touch()
    (tmp_path / ".local" / "bin" / "black").symlink_to(black)
    return tmp_path


def roots(home: Path, *entries: str, tools: Path | None = None, **environ: str) -> list[str]:
    path = ":".join(str(home / entry) for entry in entries)
    found = readable_roots({"PATH": path, **environ}, tools, (home, home / "work" / "project"))
    return [root.relative_to(home).as_posix() for root in found]


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        (".pyenv/shims", [".pyenv"]),
        (".pyenv/versions/3.12/bin", [".pyenv/versions/3.12"]),
        (".cargo/bin", [".cargo/bin"]),
        ("conda/bin", ["conda"]),
        ("venv/bin", [".pyenv/versions/3.12", "venv"]),
        (".local/bin", [".local/bin", ".local/lib", ".local/share/pipx/venvs/black"]),
        ("bin", ["bin"]),
        ("nowhere/bin", []),
        ("work/project/node_modules/.bin", ["work/project/node_modules/.bin"]),
    ],
)
def test_entry_of_path_shows_its_toolchain_and_no_more(home: Path, entry: str, shown: list[str]):
    assert roots(home, entry) == shown


def test_home_itself_is_never_shown(home: Path):
    assert roots(home, "bin", ".") == ["bin"]
    assert readable_roots({"PATH": f"{home}:{home.parent}:/"}, None, (home,)) == []


def test_variables_name_toolchains_too(home: Path):
    (home / ".rustup").mkdir()
    assert roots(home, RUSTUP_HOME=str(home / ".rustup"), JAVA_HOME=str(home)) == [".rustup"]


def test_python_of_the_tools_is_shown_and_their_folder_is_bound_elsewhere(home: Path):
    python = home / ".pyenv/versions/3.12/bin/python3.12"
    python.touch()
    tools = home / "slot" / "bin"
    tools.mkdir(parents=True)
    (tools / "python").symlink_to(python)
    assert roots(home, "slot/bin", tools=tools) == [".pyenv/versions/3.12"]


def test_what_may_not_be_looked_at_is_left_out(monkeypatch: pytest.MonkeyPatch):
    def refuse(_self: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", refuse)
    monkeypatch.setattr(Path, "exists", refuse)
    assert readable_roots({"PATH": "/root/bin"}, None, (Path("/home/me"),)) == []


def test_root_with_something_hidden_is_taken_apart(tmp_path: Path):
    for name in ("a/x", "a/secret/deep", "b", "a/file"):
        (tmp_path / name).mkdir(parents=True)
    hidden = (tmp_path / "a" / "secret", tmp_path / "b")
    assert list(without(tmp_path, hidden)) == [tmp_path / "a" / "file", tmp_path / "a" / "x"]
    assert list(without(tmp_path / "a" / "x", hidden)) == [tmp_path / "a" / "x"]
    assert list(without(tmp_path / "b", hidden)) == []


def test_outermost_folders_stand_for_those_within():
    paths = [Path(name) for name in ("/a/b", "/a", "/ab", "/c/d", "/c/d/e")]
    assert outermost(paths) == [Path("/a"), Path("/ab"), Path("/c/d")]


def test_nothing_private_is_shown_of_etc():
    names = {path.relative_to("/etc").as_posix() for path in system_files(has_network=True)}
    assert not names & {"shadow", "ssl", "ssl/private", "ssh", "gitconfig", "passwd", ""}
