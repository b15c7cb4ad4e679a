"""Commands run in no mode that nobody chose, and see no key."""

import asyncio
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from ossature.build.cage import Limits, OpenCage, base_interpreter
from ossature.build.command import Action, LocalExecutor
from ossature.build.sandbox import UserSandbox, choose, make_python_dir, scrubbed_environ
from ossature.build.tiers import Found, Machine
from ossature.errors import Exit, OssatureError
from ossature.settings import Settings


class NoSandbox(Machine):
    """A machine where nothing works."""

    def bwrap(self):
        return None

    def landlock_abi(self):
        return 0


class Recorded(Machine):
    """A machine where *tier* works."""

    def find(self, policy, *, tier=None):
        return Found("bubblewrap", OpenCage(policy.limits), ())


BARE = NoSandbox({"PATH": "/usr/bin"}, Path("/p"))
GOOD = Recorded({}, Path("/p"))


def choice_of(flag, user, machine=BARE, *, settings=None, is_demo=False, network_allowed=False):
    wanted = user if isinstance(user, UserSandbox) else UserSandbox(mode=user)
    return choose(
        flag, wanted, machine,
        settings=settings or Settings(), hidden=(), network_allowed=network_allowed, is_demo=is_demo,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("flag", "user", "is_demo"),
    [
        (None, None, False),
        ("workspace-write", None, False),
        ("read-only", None, False),
        (None, "workspace-write", False),
        ("workspace-write", "danger-full-access", False),
        ("read-only", None, True),
        (None, "read-only", True),
    ],
)
def test_where_no_sandbox_works_nothing_runs(flag, user, is_demo):
    with pytest.raises(OssatureError) as refused:
        choice_of(flag, user, is_demo=is_demo)
    assert refused.value.exit_code == Exit.NO_SANDBOX == 6
    assert (flag or user or "workspace-write") in refused.value.message
    assert "your rights" in refused.value.message
    if sys.platform == "linux":
        assert "bubblewrap is not installed" in refused.value.message
        assert "Landlock" in refused.value.message
    assert "install bubblewrap" in refused.value.hint
    assert "--sandbox danger-full-access" in refused.value.hint
    assert 'mode = "danger-full-access"' in refused.value.hint
    assert "~/.config/ossature/config.toml" in refused.value.hint


@pytest.mark.parametrize("machine", [BARE, GOOD])
@pytest.mark.parametrize(
    ("flag", "user"),
    [("danger-full-access", None), (None, "danger-full-access"), ("danger-full-access", "read-only")],
)
def test_full_access_is_had_by_asking_and_said_aloud(flag, user, machine):
    choice = choice_of(flag, user, machine)
    assert (choice.mode, choice.tier, choice.cage) == ("danger-full-access", "none", None)
    assert "without a sandbox" in choice.notices[0]


def test_demo_runs_open_where_nothing_works_and_says_so():
    choice = choice_of(None, None, is_demo=True)
    assert (choice.mode, choice.cage) == ("danger-full-access", None)
    assert "demo" in choice.notices[0]
    assert choice_of(None, None, GOOD, is_demo=True).tier == "bubblewrap"


@pytest.mark.parametrize(
    ("flag", "user"), [("read-only", None), (None, "read-only"), ("read-only", "workspace-write")]
)
def test_flag_wins_over_the_users_config(flag, user):
    assert choice_of(flag, user, GOOD).mode == "read-only"


@pytest.mark.parametrize(
    ("user", "asks", "allowed", "granted"),
    [
        (False, False, False, False),
        (False, False, True, False),
        (False, True, False, False),
        (False, True, True, True),
        (True, False, False, True),
        (True, True, False, True),
    ],
)
def test_network_is_the_users_to_give(user, asks, allowed, granted):
    choice = choice_of(
        None, UserSandbox(has_network=user), GOOD,
        settings=Settings(wants_network=asks), network_allowed=allowed,
    )  # fmt: skip
    assert choice.has_network is granted
    assert bool(choice.notices) == (asks and not granted)


def test_limits_are_the_users_and_the_idle_time_the_projects():
    choice = choice_of(
        None, UserSandbox(limits=Limits(processes=7)), GOOD, settings=Settings(idle_timeout_s=3.0)
    )
    assert choice.limits == Limits(processes=7, idle_timeout_s=3.0)


CANARIES = {
    "OPENAI_API_KEY": "sk-canary-01",
    "ANTHROPIC_API_KEY": "sk-ant-canary-02",
    "AWS_SECRET_ACCESS_KEY": "canary-03",
    "AWS_SESSION_TOKEN": "canary-04",
    "GITHUB_TOKEN": "ghp_canary05",
    "HF_TOKEN": "hf_canary06",
    "NPM_TOKEN": "npm_canary07",
    "DATABASE_URL": "postgres://me:canary-08@host/db",
    "SSH_AUTH_SOCK": "/tmp/canary-09.sock",
    "LC_OPENAI_KEY": "sk-canary-10",
    "RUSTUP_HOME": "sk-canary-11",
    "GOROOT": "/canary-12/is/no/folder",
    "LD_PRELOAD": "/canary-13.so",
    "BASH_ENV": "/canary-14",
    "PYTHONPATH": "/canary-15",
    "LANGUAGE": "canary-16",
    "XDG_CONFIG_HOME": "/canary-17",
    "HOME": "/home/canary-18",
    "USER": "canary-19",
}


def scrub(environ, tmp_path, **changes):
    folders = {name: tmp_path / name for name in ("home", "temp_dir", "python_dir")}
    return scrubbed_environ(environ, **{**folders, **changes})


def test_no_key_passes(tmp_path):
    environ = scrub({**CANARIES, "PATH": "/usr/bin"}, tmp_path)
    assert not [f"{name}={value}" for name, value in environ.items() if "canary" in f"{name}{value}".lower()]


def test_no_key_reaches_a_command(tmp_path, monkeypatch):
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)
    environ = scrub(os.environ, tmp_path)
    action = Action("env; cat /proc/$$/environ 2>/dev/null", tmp_path, environ, 20.0, tmp_path / "log")
    finished = asyncio.run(LocalExecutor().run(action))
    assert "CI=1" in finished.head
    assert "canary" not in finished.head.lower()


def test_environment_is_private_and_steady(tmp_path):
    environ = scrub(
        {"PATH": "/a:/b", "TERM": "xterm", "TZ": "Europe/Berlin", "LC_CTYPE": "de_DE.UTF-8"}, tmp_path
    )
    assert environ == {
        "PATH": f"{tmp_path / 'python_dir'}:/a:/b",
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "temp_dir"),
        "TZ": "Europe/Berlin",
        "LC_CTYPE": "de_DE.UTF-8",
        "LANG": "C.UTF-8",
        "LC_MESSAGES": "C",
        "TERM": "dumb",
        "CI": "1",
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }


def test_messages_stay_english_under_lc_all(tmp_path):
    environ = scrub({"LC_ALL": "de_DE.UTF-8", "LANG": "fr_FR.UTF-8"}, tmp_path)
    assert "LC_ALL" not in environ
    assert (environ["LANG"], environ["LC_MESSAGES"]) == ("de_DE.UTF-8", "C")


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        (".:/usr/bin:", "/usr/bin"),
        ("bin:/usr/bin:../x:~/bin", "/usr/bin"),
        ("", "/usr/local/bin:/usr/bin:/bin"),
        (None, "/usr/local/bin:/usr/bin:/bin"),
    ],
)
def test_path_has_no_entry_inside_the_stage(tmp_path, path, kept):
    environ = scrub({} if path is None else {"PATH": path}, tmp_path)
    assert environ["PATH"] == f"{tmp_path / 'python_dir'}:{kept}"


def test_compiler_below_the_real_home_is_still_found(tmp_path):
    (tmp_path / "me" / ".rustup").mkdir(parents=True)
    (tmp_path / "go").mkdir()
    environ = scrub({"HOME": str(tmp_path / "me"), "GOROOT": str(tmp_path / "go")}, tmp_path)
    assert environ["RUSTUP_HOME"] == str(tmp_path / "me" / ".rustup")
    assert environ["GOROOT"] == str(tmp_path / "go")
    assert "PYENV_ROOT" not in environ


def test_extra_wins(tmp_path):
    assert scrub({}, tmp_path, extra={"CI": "0", "MINE": "1"})["CI"] == "0"


def ask(python_dir, source, tmp_path):
    """What a command sees that runs `python`."""
    environ = scrub({"PATH": "/usr/bin:/bin"}, tmp_path, python_dir=python_dir)
    done = subprocess.run(
        ["/bin/sh", "-c", f"python -c '{source}' && python3 -c '{source}'"],
        cwd=tmp_path, env=environ, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == second
    return first


def test_python_is_the_interpreter_below_ours(tmp_path):
    folder = make_python_dir(tmp_path / "bin", base_interpreter())
    assert ask(folder, "import sys, unittest, json, ssl; print(*sys.version_info[:3])", tmp_path) == " ".join(
        map(str, sys.version_info[:3])
    )
    assert ask(folder, "import sys; print(sys.prefix == sys.base_prefix)", tmp_path) == "True"
    assert ask(folder, "import sys; print(sys.prefix)", tmp_path) == sys.base_prefix


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="needs a virtual environment to run in")
def test_our_own_packages_are_not_seen(tmp_path):
    folder = make_python_dir(tmp_path / "bin", base_interpreter())
    source = f"import sys; print(any(p.startswith({sys.prefix!r}) for p in sys.path))".replace("'", '"')
    assert ask(folder, source, tmp_path) == "False"
    find = 'from importlib.util import find_spec; print(find_spec("ossature"))'
    assert ask(folder, find, tmp_path) == "None"


def test_link_to_a_virtual_environment_is_why_the_base_is_taken(tmp_path):
    venv.create(tmp_path / "venv", symlinks=True, with_pip=False)
    folder = make_python_dir(tmp_path / "bin", tmp_path / "venv" / "bin" / "python")
    assert ask(folder, "import sys, unittest; print(sys.prefix)", tmp_path) == sys.base_prefix


def test_links_are_made_once_and_mended(tmp_path):
    folder, interpreter = tmp_path / "bin", base_interpreter()
    make_python_dir(folder, interpreter)
    before = (folder / "python").lstat().st_mtime_ns
    make_python_dir(folder, interpreter)
    assert (folder / "python").lstat().st_mtime_ns == before
    (folder / "python").unlink()
    (folder / "python3").unlink()
    (folder / "python3").write_text("#!/bin/sh\necho evil\n")
    make_python_dir(folder, interpreter)
    assert [(folder / name).readlink() for name in ("python", "python3")] == [interpreter, interpreter]
    assert sorted(path.name for path in folder.iterdir()) == ["python", "python3"]
    assert Path(interpreter).is_file()
