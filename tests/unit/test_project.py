"""Where a project is and what it is set to."""

from pathlib import Path

import pytest

from ossature.build.cage import Limits
from ossature.build.sandbox import UserSandbox, user_sandbox
from ossature.errors import ConfigError, UsageError
from ossature.project import Project, find_root, load_project
from ossature.settings import ROLE_KEYS, Settings, parse_settings


def settings(text: str) -> Settings:
    return parse_settings(text)[0]


def test_nearest_folder_with_a_config_is_the_root(tmp_path: Path):
    (tmp_path / "ossature.toml").touch()
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_root(inner) == tmp_path
    (inner / "ossature.toml").touch()
    assert find_root(inner) == inner


def test_no_config_names_the_next_command(tmp_path: Path):
    with pytest.raises(UsageError) as error:
        find_root(tmp_path)
    assert "ossature init" in error.value.hint


def test_what_becomes_of_edits_is_one_of_a_few_words():
    assert settings('[build]\nedits = "set-aside"').edits == "set-aside"
    with pytest.raises(ConfigError) as error:
        settings('[build]\n\nedits = "merge"')
    assert (error.value.place.line, "set-aside" in error.value.message) == (3, True)


def test_defaults_hold_without_any_key():
    assert settings("") == Settings()


def test_each_key_reaches_its_field():
    found = settings(
        """
        [project]
        name = "p"
        spec_dir = "s"
        context_dir = "c"
        [output]
        dir = "o"
        language = "zig"
        framework = "f"
        [build]
        max_fix_attempts = 7
        max_inline_lines = 8
        max_output_tokens = 9
        review = true
        timeout_s = 1.5
        setup = "make"
        verify = ["a", "", "b"]
        exclude = ["x"]
        [llm]
        model = "m"
        planner = "p"
        timeout_s = 3
        ollama_base_url = "http://x"
        [validate]
        strict = true
        [history]
        commit = true
        """
    )
    assert found == Settings(
        name="p",
        spec_dir="s",
        context_dir="c",
        output_dir="o",
        language="zig",
        framework="f",
        max_fix_attempts=7,
        max_inline_lines=8,
        max_output_tokens=9,
        review=True,
        verify_timeout_s=1.5,
        setup=("make",),
        verify=("a", "b"),
        exclude=("x",),
        model="m",
        models={"planner": "p"},
        model_timeout_s=3,
        ollama_base_url="http://x",
        is_strict=True,
        keeps_history=True,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[build]\nx = 1\n", "ossature.toml:2: warning: unknown key build.x"),
        ("\n[mood]\n", "ossature.toml:2: warning: unknown table [mood]"),
    ],
)
def test_unknown_keys_are_warnings_with_their_line(text: str, said: str):
    _, (warning,) = parse_settings(text)
    assert str(warning).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[build]\nmax_fix_attempts = 'x'",
            "ossature.toml:2: build.max_fix_attempts has to be a whole number",
        ),
        ("[build]\n\nreview = 1", "ossature.toml:3: build.review has to be true or false"),
        ("[build]\nverify = [1]", "ossature.toml:2: build.verify has to be a list of strings"),
        ("[build]\nmax_fix_attempts = -1", "ossature.toml:2: build.max_fix_attempts cannot be negative"),
        ("[build]\ntimeout_s = 0", "ossature.toml:2: build.timeout_s has to be more than 0"),
        ("[build]\ntimeout_s = nan", "ossature.toml:2: build.timeout_s has to be a number"),
        ("[build]\ntimeout_s = inf", "ossature.toml:2: build.timeout_s is too large"),
        ("[build]\ntimeout_s = -inf", "ossature.toml:2: build.timeout_s cannot be negative"),
        ("[llm]\ntimeout_s = 0.0", "ossature.toml:2: llm.timeout_s has to be more than 0"),
        ("x = [", "ossature.toml:1: invalid TOML"),
        ("build = 1", "[build] has to be a table"),
        ("[output]\ndir = 'a/../../b'", "ossature.toml:2: output.dir = 'a/../../b'"),
        ("[output]\ndir = '~/x'", "folder inside the project"),
        ("[output]\ndir = 'a\\\\..\\\\b'", "folder inside the project"),
        ("[output]\ndir = '.git/x'", "folder inside the project"),
        ("[output]\ndir = 'specs'", "output.dir = 'specs' lies in project.spec_dir"),
        ("[output]\ndir = 'context/out'", "output.dir = 'context/out' lies in project.context_dir"),
    ],
)
def test_wrong_values_are_errors_with_their_line(text: str, said: str):
    with pytest.raises(ConfigError) as error:
        parse_settings(text)
    assert said in str(error.value)


@pytest.mark.parametrize("folder", [".", "out", "specs-out", "./out"])
def test_output_beside_the_specs_is_fine(folder: str):
    assert settings(f"[output]\ndir = '{folder}'").output_dir == folder


def test_environment_wins_over_every_model_of_the_file(tmp_path: Path):
    (tmp_path / "ossature.toml").write_text("[llm]\nmodel = 'a'\nplanner = 'b'\n")
    found = load_project(tmp_path, {"OSSATURE_MODEL": "c"}).settings
    assert {role: found.model_for(role) for role in ROLE_KEYS} == {
        **dict.fromkeys(ROLE_KEYS, "c"),
        "fix_escalation": "",
    }


def test_role_has_its_own_model_or_the_common_one():
    found = settings("[llm]\nmodel = 'a'\nbuild = 'b'\nfix_escalation = 'c'\n")
    assert [found.model_for(role) for role in ("implement", "fix", "audit", "fix_escalation")] == [
        "b",
        "b",
        "a",
        "c",
    ]


def test_config_that_is_not_utf8_names_the_line(tmp_path: Path):
    (tmp_path / "ossature.toml").write_bytes(b"# a\n# \xff\n")
    with pytest.raises(ConfigError) as error:
        load_project(tmp_path, {})
    assert str(error.value) == "ossature.toml:2: is not UTF-8"


def test_paths_are_below_the_root(tmp_path: Path):
    project = Project(tmp_path)
    for path in (project.plan_path, project.ledger_path, project.lease_path, project.interfaces_dir):
        assert path.is_relative_to(tmp_path / ".ossature")
    assert project.relative(project.plan_path) == ".ossature/plan.toml"


def test_sandbox_mode_is_read_from_the_users_own_config(tmp_path: Path):
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert user_sandbox(environ) == UserSandbox()
    config = tmp_path / "ossature" / "config.toml"
    config.parent.mkdir()
    config.write_text('[sandbox]\nmode = "danger-full-access"\n')
    assert user_sandbox(environ).mode == "danger-full-access"
    config.write_text('[sandbox]\nmode = "none"\n')
    with pytest.raises(ConfigError) as error:
        user_sandbox(environ)
    assert f"{config}:2" in str(error.value)


def test_the_time_of_a_verify_has_an_older_name_that_gives_way():
    def limit(text: str) -> float:
        return parse_settings(f"[build]\n{text}")[0].verify_timeout_s

    assert limit("") == 120
    assert limit("timeout_s = 5") == 5
    assert limit("timeout_s = 5\nverify_timeout_s = 7") == 7


def test_budgets_are_read_and_no_limit_is_the_default():
    assert not parse_settings("")[0].limits.has_any
    limits = parse_settings("[budget]\nrun_usd = 2.5\nday_tokens = 1000\n")[0].limits
    assert (limits.of("run", "usd"), limits.of("day", "tokens"), limits.of("task", "usd")) == (2.5, 1000, 0)
    assert limits.has_usd
    assert not parse_settings("[budget]\nrun_tokens = 9")[0].limits.has_usd


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[build]\nisolation = "none"', 2),
        ("[build]\nverify_attempts = 0", 2),
        ("[build]\nverify_timeout_s = 0", 2),
        ("[budget]\nrun_usd = -1", 2),
        ("[budget]\n\nrun_usd = true", 3),
        ('[budget]\nday_tokens = "many"', 2),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_their_line(text, line):
    with pytest.raises(ConfigError) as caught:
        parse_settings(text)
    assert caught.value.place is not None
    assert caught.value.place.line == line


def test_settings_that_have_an_effect_are_not_reported():
    text = (
        '[build]\nsetup = "make"\nverify_attempts = 3\n[llm]\nfix_escalation = "big"\n[budget]\nrun_usd = 1\n'
    )
    assert parse_settings(text)[1] == ()


def test_user_config_of_the_sandbox_is_read_whole(tmp_path: Path):
    config = tmp_path / "ossature" / "config.toml"
    config.parent.mkdir()
    config.write_text(
        '[sandbox]\ntier = "landlock"\nnetwork = true\nfile_mib = 1\nopen_files = 64\n'
        "memory_mib = 0\nprocesses = 20\n"
    )
    assert user_sandbox({"XDG_CONFIG_HOME": str(tmp_path)}) == UserSandbox(
        tier="landlock", has_network=True, limits=Limits(1, 64, 0, 20)
    )


@pytest.mark.parametrize(
    "line",
    [
        'tier = "none"',
        "tier = 1",
        'mode = "auto"',
        "mode = true",
        'network = "yes"',
        "network = 1",
        "processes = -1",
        "processes = 1.5",
        "open_files = true",
        'memory_mib = "4G"',
    ],
)
def test_user_config_with_a_wrong_value_names_its_line(tmp_path: Path, line: str):
    config = tmp_path / "ossature" / "config.toml"
    config.parent.mkdir()
    config.write_text(f"# mine\n[sandbox]\n{line}\n")
    with pytest.raises(ConfigError) as error:
        user_sandbox({"XDG_CONFIG_HOME": str(tmp_path)})
    assert f"{config}:3" in str(error.value)
    assert line.split(maxsplit=1)[0] in str(error.value)


def test_project_may_ask_for_the_network_and_for_nothing_else():
    asked, warnings = parse_settings("[sandbox]\nnetwork = true\n")
    assert (asked.wants_network, warnings) == (True, ())
    loosened, warnings = parse_settings('[sandbox]\nmode = "danger-full-access"\nnetwork = false\n')
    assert (loosened.wants_network, [item.code for item in warnings]) == (False, ["config-sandbox"])
    with pytest.raises(ConfigError, match=r"sandbox\.network"):
        parse_settings('[sandbox]\nnetwork = "yes"\n')


def test_idle_timeout_is_seconds_and_may_be_nought():
    assert settings("[build]\nidle_timeout_s = 2.5\n").idle_timeout_s == 2.5
    assert settings("[build]\nidle_timeout_s = 0\n").idle_timeout_s == 0
    with pytest.raises(ConfigError):
        settings("[build]\nidle_timeout_s = -1\n")
