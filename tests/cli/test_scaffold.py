"""`init` and `new` write files that load, and touch none that is there."""

import pytest

from ossature.cli.commands.scaffold import COMMANDS
from ossature.cli.main import main
from ossature.domain.plain_text import clean
from ossature.errors import UsageError
from ossature.project import load_project
from ossature.spec.tree import load_specs
from tests.cli.conftest import failure, run_command


def test_new_project_loads_without_a_word(root):
    project = load_project(root, {})
    tree = load_specs(root, project.settings.spec_dir)
    assert project.diagnostics == ()
    assert project.settings.name == "parcels"
    assert project.settings.model
    assert list(tree.specs) == ["GREETING"]
    assert tree.diagnostics == ()
    assert "/.ossature/lease\n" in (root / ".gitignore").read_text("utf-8")


def test_init_twice_is_refused(root, screen):
    with pytest.raises(UsageError) as error:
        run_command(COMMANDS, "init", ["."], screen)
    assert "exists" in failure(error)
    assert "ossature new ID" in failure(error)


def test_init_into_a_folder_with_files_is_refused_by_name(tmp_path, root, screen):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine", "utf-8")
    screen.cwd = tmp_path
    with pytest.raises(UsageError, match="is not empty"):
        run_command(COMMANDS, "init", ["full"], screen)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["notes.txt"]


def test_init_here_keeps_what_is_there(tmp_path, screen):
    here = tmp_path / "here"
    (here / "specs").mkdir(parents=True)
    (here / ".gitignore").write_text("mine\n", "utf-8")
    (here / "specs" / "a.smd").write_text("mine\n", "utf-8")
    screen.cwd = here
    assert run_command(COMMANDS, "init", ["."], screen) == 0
    assert (here / ".gitignore").read_text("utf-8") == "mine\n"
    assert [path.name for path in (here / "specs").iterdir()] == ["a.smd"]
    assert "kept     .gitignore" in screen.text
    assert "/.ossature/work/" in screen.text


def test_name_of_a_folder_cannot_break_the_config(tmp_path, capsys):
    assert main(["-C", str(tmp_path), "init", 'a"b\\c']) == 0
    assert load_project(tmp_path / 'a"b\\c', {}).settings.name == "a-b-c"


@pytest.mark.parametrize("arguments", [["PARCELS"], ["x_1", "--title", "Odd: {title} $here # 1"]])
def test_new_spec_and_its_architecture_load_without_a_word(root, screen, arguments):
    assert run_command(COMMANDS, "new", arguments, screen) == 0
    assert run_command(COMMANDS, "new", ["--architecture", *arguments], screen) == 0
    tree = load_specs(root, "specs")
    assert tree.diagnostics == ()
    assert arguments[0] in tree.specs
    assert arguments[0] in tree.architectures


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["../x"], "cannot be an id"),
        (["a b"], "cannot be an id"),
        (["GREETING"], "is the id of specs/greeting.smd already"),
        (["Greeting"], "specs/greeting.smd exists"),
        (["--architecture", "GREETNG"], "did you mean GREETING?"),
    ],
)
def test_new_refuses(root, screen, arguments, said):
    before = (root / "specs" / "greeting.smd").read_bytes()
    with pytest.raises(UsageError) as error:
        run_command(COMMANDS, "new", arguments, screen)
    assert said in failure(error)
    assert (root / "specs" / "greeting.smd").read_bytes() == before


def test_file_names_are_shown_clean(tmp_path, capsys):
    assert main(["-C", str(tmp_path), "init", "e\x1b[2Jvil"]) == 0
    assert "\x1b" not in capsys.readouterr().out
    assert clean("e\x1b[2Jvil") == "e^[[2Jvil"
