"""The demo builds the shipped example without a key, and says where to look next."""

import json


def test_demo_lands_everything_and_shows_the_fix(shell, tmp_path):
    folder = tmp_path / "a folder"
    done = shell("demo", "--headless", "--dir", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    *story, _, fix, place, _, cd, first, second, third = done.stdout.splitlines()
    assert story[-1].startswith("run succeeded")
    assert ": red at first: " in fix
    assert fix.endswith("; green after one fix")
    assert place == f"everything is in {folder}; the program is in output/"
    assert cd == f"  cd '{folder}'"
    for line in (first, second, third):
        arguments = line.split("  ")[1].split()[1:]
        assert shell(*arguments, cwd=folder).returncode == 0
    document = json.loads(shell("status", "--json", cwd=folder).stdout)
    assert {task["status"] for task in document["tasks"]} == {"done"}
    again = shell("build", cwd=folder)
    assert (again.returncode, again.stdout.split(":")[0]) == (0, "nothing to do")


def test_demo_never_writes_into_a_folder_with_files(shell, tmp_path):
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    done = shell("demo", "--dir", ".")
    assert done.returncode == 2
    assert "no terminal here: the demo runs as with --headless\n" in done.stderr
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_the_screen_needs_a_terminal(shell, root):
    done = shell("tui", cwd=root)
    assert done.returncode == 2
    assert "the screen needs a terminal" in done.stderr
