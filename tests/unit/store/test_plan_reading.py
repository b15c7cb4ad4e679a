import random
from pathlib import Path

import pytest

from ossature.domain.plan import Plan, Task
from ossature.errors import Diagnostic, DiskError, Exit, PlanError
from ossature.store.plan_reading import MAX_BYTES
from ossature.store.planfile import parse_plan, read_plan

MINIMAL = '[[task]]\nid = "001"\nspec = "S"\ntitle = "T"\noutputs = ["a.py"]\n'

FULL = '''\
# comment

[meta]
generated_at = "2026-05-04T12:00:00Z"
total_tasks = 1
specs = ["B", "A"]
other = true

[[task]] # the line of the task
id = "001"
spec = "A"
title = "Title"
description = """
Two
lines"""
outputs = ["src/a.py", "src/b.py"]
depends_on = ["000"]
spec_refs = ["Goals"]
arch_refs = ["Flow"]
status = "manual"
verify = ["true", "", "false"]
kind = "verify"
vmd_file = "specs/a.vmd"
inject_files = ["src/z.py"]
cross_spec_interfaces = ["B"]
context_files = ["c.txt"]
source = ["context://x"]
covers = ["r1"]
notes = "n"
timeout_s = 2.5
model = "m:x"
context_budget_tokens = 1000
mine = { x = 1 }

[task.inject]
"src/z.py" = "interface"
'''


def read(text: str) -> Plan:
    return parse_plan(text, name="plan.toml")


def only(plan: Plan) -> Diagnostic:
    (diagnostic,) = plan.diagnostics
    return diagnostic


def test_every_key_is_read():
    plan = read(FULL)
    assert plan == Plan(
        tasks=(
            Task(
                id="001",
                spec="A",
                title="Title",
                outputs=("src/a.py", "src/b.py"),
                description="Two\nlines",
                depends_on=("000",),
                spec_refs=("Goals",),
                arch_refs=("Flow",),
                verify=("true", "false"),
                inject_files=("src/z.py",),
                cross_spec_interfaces=("B",),
                context_files=("c.txt",),
                source=("context://x",),
                covers=("r1",),
                notes="n",
                kind="verify",
                intent="manual",
                timeout_s=2.5,
                inject={"src/z.py": "interface"},
                model="m:x",
                context_budget_tokens=1000,
                line=9,
            ),
        ),
        specs=("B", "A"),
        path="plan.toml",
    )


def test_four_keys_are_enough():
    plan = read(MINIMAL)
    assert plan.tasks == (Task("001", "S", "T", ("a.py",), line=1),)
    assert plan.specs == ("S",)
    assert plan.diagnostics == ()


@pytest.mark.parametrize("key", ["id", "spec", "title", "outputs"])
@pytest.mark.parametrize("is_empty", [True, False])
def test_a_needed_key_that_is_missing_or_empty_is_an_error(key: str, is_empty: bool):
    lines = []
    for line in f"# first\n{MINIMAL}".splitlines():
        if not line.startswith(key):
            lines.append(line)
        elif is_empty:
            lines.append(f"{key} = {'[]' if key == 'outputs' else chr(34) * 2}")
    plan = read("\n".join(lines))
    problem = only(plan)
    assert (problem.code, problem.severity) == ("plan-missing-key", "error")
    assert f"`{key}`" in problem.message
    assert problem.place.line == (
        lines.index(next(x for x in lines if x.startswith(key))) + 1 if is_empty else 2
    )
    assert len(plan.tasks) == (0 if key == "id" else 1)


def test_a_verify_task_needs_no_outputs():
    assert read('[[task]]\nid = "1"\nspec = "S"\ntitle = "T"\nkind = "verify"').diagnostics == ()


@pytest.mark.parametrize(
    ("line", "attribute", "default"),
    [
        ("description = 7", "description", ""),
        ("title = 7", "title", ""),
        ("spec = []", "spec", ""),
        ('outputs = "a"', "outputs", ()),
        ("outputs = [1]", "outputs", ()),
        ("depends_on = {}", "depends_on", ()),
        ('depends_on = "001"', "depends_on", ()),
        ("spec_refs = [[]]", "spec_refs", ()),
        ("verify = 7", "verify", ()),
        ('verify = ["a", 1]', "verify", ()),
        ("notes = true", "notes", ""),
        ("status = 7", "intent", "pending"),
        ("status = []", "intent", "pending"),
        ("kind = 1.5", "kind", "task"),
        ('timeout_s = "3"', "timeout_s", 0),
        ("timeout_s = true", "timeout_s", 0),
        ("timeout_s = -1", "timeout_s", 0),
        ("timeout_s = inf", "timeout_s", 0),
        ("timeout_s = nan", "timeout_s", 0),
        ("context_budget_tokens = []", "context_budget_tokens", 0),
        ('inject = ["a"]', "inject", {}),
        ('inject = { a = "some" }', "inject", {}),
        ("inject = { a = 1 }", "inject", {}),
        ('inject = { a.b = "full" }', "inject", {}),
        ("model = 2026-05-04", "model", ""),
    ],
)
def test_a_wrong_type_is_an_error_on_its_line_and_counts_as_absent(
    line: str, attribute: str, default: object
):
    key = line.partition(" ")[0]
    kept = [other for other in MINIMAL.splitlines() if not other.startswith(f"{key} ")]
    plan = read("\n".join([*kept, "# more", line]))
    problem = only(plan)
    assert (problem.code, problem.severity) == ("plan-wrong-type", "error")
    assert problem.place.line == len(kept) + 2
    assert getattr(plan.tasks[0], attribute) == default


def test_an_id_of_the_wrong_type_leaves_the_task_out():
    plan = read(MINIMAL.replace('"001"', "1"))
    assert only(plan).code == "plan-wrong-type"
    assert plan.tasks == ()


@pytest.mark.parametrize(
    ("status", "intent", "was_done"),
    [
        ("pending", "pending", False),
        ("done", "pending", True),
        ("failed", "pending", False),
        ("skipped", "skipped", False),
        ("manual", "manual", False),
    ],
)
def test_a_status_is_intent_only(status: str, intent: str, was_done: bool):
    plan = read(f'{MINIMAL}status = "{status}"\n')
    assert plan.diagnostics == ()
    assert (plan.tasks[0].intent, plan.tasks[0].was_done) == (intent, was_done)


def test_an_unknown_status_is_a_warning_and_an_unknown_kind_an_error():
    for line, severity in (('status = "blessed"', "warning"), ('kind = "magic"', "error")):
        problem = only(read(f"{MINIMAL}{line}\n"))
        assert (problem.code, problem.severity, problem.place.line) == ("plan-unknown-value", severity, 6)
        assert "use one of" in problem.hint


def test_a_verify_may_be_one_command():
    assert read(f'{MINIMAL}verify = "make test"').tasks[0].verify == ("make test",)
    assert read(f'{MINIMAL}verify = " "').tasks[0].verify == ()


def test_an_id_that_is_taken_is_an_error_at_the_second_task():
    plan = read(f"{MINIMAL}\n{MINIMAL}")
    problem = only(plan)
    assert (problem.code, problem.place.line) == ("plan-duplicate-id", 7)
    assert "line 1" in problem.message
    assert len(plan.tasks) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[[task]]\nid = \n", 2),
        ("a = 1\na = 2\n", 2),
        ('x = "', 1),
        ("[meta\n", 1),
        ('\n\nx = """\n', 4),
        ("x = [1,\n", 2),
        ("\ufeff\ufeffx = 1", 1),
    ],
)
def test_what_is_no_toml_is_one_error_with_its_line(text: str, line: int):
    plan = read(text)
    assert plan.tasks == ()
    problem = only(plan)
    assert (problem.code, problem.severity) == ("plan-invalid-toml", "error")
    assert problem.place.line == line


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 50_000,
        "x = " + "{a=" * 50_000,
        "x = " + "9" * 5_000,
        ".".join("a" * 100_000) + " = 1",
        "[" + ".".join('"a"' for _ in range(100_000)) + "]",
        "x = {" + " . ".join("a" * 100_000) + " = 1}",
        '"' * 100_000,
        "\0",
        "x = 1e999999",
        "x = 99999-01-01",
    ],
)
def test_a_text_made_to_hurt_is_one_error_or_nothing(text: str):
    plan = read(text)
    assert plan.tasks == ()
    assert all(problem.code == "plan-invalid-toml" for problem in plan.diagnostics)


@pytest.mark.parametrize(
    "text", ["task = 7", "task = {}", "[task]\nid = 1", "task = [1, 2]", 'task = "x"', "[task.x]\n[task.y]"]
)
def test_tasks_that_are_no_tables_are_an_error(text: str):
    plan = read(text)
    assert only(plan).code == "plan-wrong-type"
    assert plan.tasks == ()


def test_tasks_as_inline_tables_are_read_without_a_line():
    plan = read('task = [{ id = "1", spec = "S", title = "T", outputs = ["a"] }, { id = "2" }]')
    assert [task.id for task in plan.tasks] == ["1", "2"]
    assert plan.tasks[0].line == 0
    assert {problem.place.line for problem in plan.diagnostics} == {0}


def test_tasks_among_other_tables_have_the_lines_of_their_headers():
    before, after = 'x = """\n[[task]]\n"""\n', '[[ task ]]\nid = "002"\n[[task]] # c\nid = "003"\n[tail]\n'
    plan = read(f"{before}{MINIMAL}[other]\n{after}")
    assert [(task.id, task.line) for task in plan.tasks] == [("001", 4), ("002", 10), ("003", 12)]
    lines = [problem.place.line for problem in plan.diagnostics]
    assert lines == [10] * 3 + [12] * 3


@pytest.mark.parametrize("meta", ["meta = 7", "[[meta]]", "[meta]\nspecs = 7", "[meta]\nspecs = [1]"])
def test_a_meta_of_the_wrong_type_is_an_error_and_the_tasks_stay(meta: str):
    plan = read(f"{meta}\n{MINIMAL}")
    assert only(plan).code == "plan-wrong-type"
    assert len(plan.tasks) == 1
    assert plan.specs == ("S",)


def test_an_empty_plan_is_empty():
    assert read("") == Plan(path="plan.toml")
    assert read("# nothing\n") == Plan(path="plan.toml")


def test_ugly_titles_are_read_as_they_are():
    title = "[/x] {" + "a" * 300 + "\x85\u202e"
    assert read(MINIMAL.replace('"T"', f"'{title}'")).tasks[0].title == title


def test_windows_line_ends_and_a_byte_order_mark_are_read(tmp_path: Path):
    path = tmp_path / "plan.toml"
    path.write_bytes(b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode())
    assert read_plan(path, name="plan.toml") == read(FULL)


def test_a_missing_plan_says_what_to_run(tmp_path: Path):
    with pytest.raises(PlanError) as caught:
        read_plan(tmp_path / "none", name=".ossature/plan.toml")
    assert caught.value.hint == "run `ossature audit`"
    assert caught.value.exit_code == Exit.NO_PLAN
    assert str(caught.value).startswith(".ossature/plan.toml: ")


def test_a_folder_in_the_place_of_a_plan_is_a_disk_error(tmp_path: Path):
    with pytest.raises(DiskError):
        read_plan(tmp_path, name="plan.toml")


def test_a_plan_that_is_not_utf8_is_an_error_with_its_line(tmp_path: Path):
    path = tmp_path / "plan.toml"
    path.write_bytes(b'a = 1\nb = "\xff"\n')
    problem = only(read_plan(path, name="p"))
    assert (problem.code, problem.place.line) == ("plan-not-utf8", 2)


def test_a_plan_that_is_too_large_is_an_error(tmp_path: Path):
    path = tmp_path / "plan.toml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    assert only(read_plan(path, name="p")).code == "plan-too-large"


def test_no_mutation_of_a_plan_breaks_the_reader():
    source = random.Random(3)
    original = (FULL + MINIMAL.replace("001", "002")).encode()
    for _ in range(2_000):
        mutated = bytearray(original)
        for _ in range(source.randrange(1, 4)):
            at = source.randrange(len(mutated))
            match source.randrange(4):
                case 0:
                    mutated[at] = source.randrange(256)
                case 1:
                    del mutated[at : at + source.randrange(1, 20)]
                case 2:
                    mutated[at:at] = source.choice(
                        [b"[[task]]\n", b'"""', b"{", b"]", b".", b"\n", b"=", b"'"]
                    )
                case _:
                    end = at + source.randrange(1, 60)
                    mutated[at:at] = mutated[at:end]
        plan = read(mutated.decode("utf-8", "replace"))
        assert all(item.place.line >= 0 for item in plan.diagnostics)
        assert plan.tasks or plan.diagnostics
