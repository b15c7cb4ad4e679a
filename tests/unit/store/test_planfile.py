import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.domain.plan import Task
from ossature.errors import PlanError
from ossature.store.planfile import (
    add_task,
    edit_task,
    edit_tasks,
    move_task,
    parse_plan,
    remove_task,
    render_plan,
    splice_plan,
)
from ossature.store.toml_text import blocks, comments

PLAN = '''\
# Our plan. Talk to Kim before you change it.

[meta]
generated_at = "2026-05-04T12:00:00Z"   # by machine
total_tasks = 3
specs = ["S", "R"]
owner = "kim"

# ---- storage ----

# The first one is ours.
[[task]]   # scaffold
id = "001"
spec = "S"
title = "Scaffold"  # do not rename
outputs = [
    "pyproject.toml",
    # the package
    "src/a/__init__.py",  # empty
]
mine = { priority = 1, due = 2026-05-04 }

# loose remark

[[task]]
id = "002"
spec = "S"
title = "Storage"
outputs = ["src/a/storage.py"]
depends_on = ["001"]
status = "skipped"  # until the schema is settled
weight = nan

# shown in full
[task.inject]
"pyproject.toml" = "full"  # small

# ---- the rest ----
[[task]]
id = "003"
spec = "R"
title = \'\'\'Report\'\'\'
outputs = ["src/a/report.py"]
verify = """
python -m a.report
"""

[notes]
# at the very end
x = 1
'''


def tables(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(text, parse_float=str).get("task", [])
    return found


def ids(text: str) -> list[str]:
    return [table["id"] for table in tables(text)]


def lost_comments(before: str, after: str) -> Counter[str]:
    return Counter(comments(before)) - Counter(comments(after))


# --- rendering

FULL = Task(
    id="002",
    spec="S",
    title='Quotes " and \\ and #',
    outputs=("a.py", "b.py"),
    description="Two\nlines with \"\"\" and \\ and '''\n",
    depends_on=("001",),
    spec_refs=("Requirements > X", "Goals"),
    arch_refs=("Components > C",),
    verify=("python -c \"print('x')\"", "true"),
    inject_files=("c.py",),
    cross_spec_interfaces=("R",),
    context_files=("notes/[x].txt",),
    source=("context://a",),
    covers=("anchor",),
    notes="carriage\r\nreturn\ttab\x00\x7f",
    kind="verify",
    intent="manual",
    timeout_s=1.5,
    inject={"c.d.py": "interface"},
    model="m:x",
    context_budget_tokens=7,
)


def test_a_plan_is_rendered_for_people():
    text = render_plan([Task("001", "S", "T", ("a", "b"), verify=("true",))], ["S"], generated_at="now")
    assert text.splitlines()[:2] == [line for line in text.splitlines() if line.startswith("# ")]
    assert text.partition("\n\n")[2] == (
        '[meta]\ngenerated_at = "now"\ntotal_tasks = 1\nspecs = ["S"]\n\n[[task]]\nid = "001"\nspec = "S"\n'
        'title = "T"\noutputs = [\n    "a",\n    "b",\n]\nverify = ["true"]\n'
    )


def test_a_rendered_plan_comes_back():
    tasks = [Task("001", "R", "T", ()), FULL]
    plan = parse_plan(render_plan(tasks, ["R", "S"], generated_at="now"), name="p")
    assert [replace(task, line=0) for task in plan.tasks] == tasks
    assert plan.specs == ("R", "S")
    assert [item.code for item in plan.diagnostics] == ["plan-missing-key"]  # task 001 has no outputs


def test_the_status_of_an_engine_is_never_rendered():
    text = render_plan([Task("001", "S", "T", ("a",), was_done=True)], ["S"], generated_at="now")
    assert "status =" not in text.partition("[[task]]")[2]


def test_an_empty_plan_is_rendered():
    assert tomllib.loads(render_plan([], [], generated_at="now"))["meta"]["total_tasks"] == 0


TEXTS = st.text(max_size=20)
LISTS = st.lists(TEXTS, max_size=3).map(tuple)
TASKS = st.builds(
    Task,
    id=st.text(min_size=1, max_size=5),
    spec=st.text(min_size=1, max_size=5),
    title=st.text(min_size=1, max_size=30),
    outputs=st.lists(TEXTS, min_size=1, max_size=3).map(tuple),
    description=st.text(),
    depends_on=LISTS,
    verify=st.lists(st.text(min_size=1).filter(lambda text: text.strip() != ""), max_size=3).map(tuple),
    notes=st.text(),
    intent=st.sampled_from(["pending", "skipped", "manual"]),
    inject=st.dictionaries(TEXTS, st.sampled_from(["full", "interface"]), max_size=2),
    timeout_s=st.floats(0, 1e9),
    context_budget_tokens=st.integers(0, 10**6),
)


@settings(deadline=None, max_examples=150)
@given(tasks=st.lists(TASKS, max_size=3, unique_by=lambda task: task.id))
def test_any_plan_comes_back(tasks: list[Task]):
    plan = parse_plan(render_plan(tasks, [], generated_at="now"), name="p")
    # Characters that nobody sees are kept, too, and warned about.
    assert {item.code for item in plan.diagnostics} <= {"file-hidden-character"}
    assert [replace(task, line=0) for task in plan.tasks] == tasks


# --- editing


def test_an_edit_touches_one_value():
    assert edit_task(PLAN, "002", {"title": "Files"}) == PLAN.replace('"Storage"', '"Files"')
    assert edit_task(PLAN, "001", {"title": "New"}) == PLAN.replace('"Scaffold"', '"New"')


def test_an_edit_that_changes_nothing_gives_the_same_bytes():
    assert edit_task(PLAN, "001", {"title": "Scaffold", "status": None}) == PLAN
    assert edit_task(PLAN, "002", {"depends_on": ("001",)}) == PLAN
    assert edit_task(PLAN, "002", {}) == PLAN


def test_a_new_key_goes_behind_the_keys_of_its_task():
    assert edit_task(PLAN, "001", {"notes": "n"}) == PLAN.replace(
        "due = 2026-05-04 }\n", 'due = 2026-05-04 }\nnotes = "n"\n'
    )
    assert edit_task(PLAN, "002", {"notes": "n"}) == PLAN.replace(
        "weight = nan\n", 'weight = nan\nnotes = "n"\n'
    )


def test_the_comment_of_a_removed_value_stays():
    text = edit_task(PLAN, "002", {"status": None})
    assert "status =" not in text
    assert "# until the schema is settled\n" in text
    assert not lost_comments(PLAN, text)


def test_comments_within_a_list_stay_with_their_lines():
    text = edit_task(PLAN, "001", {"outputs": ["new", "pyproject.toml", "src/a/__init__.py"]})
    assert tables(text)[0]["outputs"] == ["new", "pyproject.toml", "src/a/__init__.py"]
    assert '    # the package\n    "src/a/__init__.py",  # empty\n' in text
    text = edit_task(PLAN, "001", {"outputs": ["other"]})
    assert tables(text)[0]["outputs"] == ["other"]
    assert not lost_comments(PLAN, text)


def test_a_sub_table_is_edited_in_place():
    text = edit_task(PLAN, "002", {"inject": {"pyproject.toml": "interface", "b": "full"}})
    assert tables(text)[1]["inject"] == {"pyproject.toml": "interface", "b": "full"}
    assert '[task.inject]\n"pyproject.toml" = "interface"  # small\nb = "full"\n' in text
    text = edit_task(PLAN, "002", {"inject": None, "notes": "n"})
    assert "inject" not in tables(text)[1]
    assert not lost_comments(PLAN, text)


def test_a_status_can_be_set():
    text = edit_task(PLAN, "001", {"status": "manual"})
    assert parse_plan(text, name="p").tasks[0].intent == "manual"


@pytest.mark.parametrize("edit", [edit_task, lambda text, _id, _x: remove_task(text, _id), move_task])
def test_an_unknown_task_is_an_error(edit: Any):
    with pytest.raises(PlanError, match="has no task 009") as caught:
        edit(PLAN, "009", {})
    assert caught.value.hint


def test_a_text_that_is_no_toml_is_an_error_with_its_line():
    with pytest.raises(PlanError, match="invalid TOML") as caught:
        edit_task("x = 1\n[[task]\n", "001", {"title": "x"})
    assert caught.value.place is not None
    assert caught.value.place.line == 2


def test_a_task_without_a_line_break_at_the_end_can_be_edited():
    text = PLAN.partition("\n[notes]")[0].rstrip("\n")
    edited = edit_task(text, "003", {"notes": "n"})
    assert edited == text + '\nnotes = "n"\n'


def test_tasks_as_inline_tables_can_be_edited():
    text = 'task = [{ id = "1", x = 1 }, { id = "2" }] # c\n'
    edited = edit_task(text, "2", {"title": "T"})
    assert tables(edited) == [{"id": "1", "x": 1}, {"id": "2", "title": "T"}]
    assert list(comments(edited)) == ["# c"]


@pytest.mark.parametrize("name", ["001", "002", "003"])
def test_windows_line_ends_stay(name: str):
    text = PLAN.replace("\n", "\r\n")
    for edited in (
        edit_task(text, name, {"notes": "a\nb", "covers": ["x", "y"], "title": "T"}),
        add_task(text, FULL, name),
        remove_task(text, name),
        move_task(text, name, ""),
    ):
        assert "\n" not in edited.replace("\r\n", "")


# --- edits of any plan

COMMENT = st.sampled_from(["# why", "#", "# [[task]]", "# a = 1", "# ---- part ----", "# naïve ✓"])
WORDS = st.text(alphabet="ab \n\"'\\#[]=é\t", max_size=12)
KEYS = ("title", "description", "notes", "depends_on", "verify", "status", "outputs", "inject", "timeout_s")


def quoted(text: str) -> str:
    return '"' + "".join(f"\\u{ord(char):04x}" if char in '"\\\n\t' else char for char in text) + '"'


@st.composite
def values(draw: st.DrawFn) -> str:
    """The text of a value of some kind, with comments where they may stand."""
    kind = draw(st.sampled_from(["text", "long", "literal", "list", "lines", "number", "inline"]))
    if kind == "list":
        return "[" + ", ".join(map(quoted, draw(st.lists(WORDS, max_size=3)))) + "]"
    if kind == "lines":
        lines = ["["]
        for word in draw(st.lists(WORDS, max_size=4)):
            lines += [f"    {draw(COMMENT)}"] if draw(st.booleans()) else []
            lines.append(f"    {quoted(word)},{' ' + draw(COMMENT) if draw(st.booleans()) else ''}")
        return "\n".join([*lines, "]"])
    return {
        "text": quoted(draw(WORDS)),
        "long": '"""\n[[task]]\n# no comment\n"""',
        "literal": "'''[x]'''",
        "number": draw(st.sampled_from(["1", "1.5", "nan", "true", "2026-05-04"])),
        "inline": '{ a = 1, "b.c" = [2] }',
    }[kind]


@st.composite
def plans(draw: st.DrawFn) -> str:
    lines: list[str] = []

    def remarks() -> None:
        for _ in range(draw(st.integers(0, 2))):
            lines.append(draw(st.sampled_from(["", "  "])) if draw(st.booleans()) else draw(COMMENT))

    def key(name: str, value: str) -> None:
        tail = f"  {draw(COMMENT)}" if draw(st.booleans()) else ""
        lines.append(f"{name} = {value}{tail}")

    remarks()
    if draw(st.booleans()):
        lines.append("[meta]")
        key("total_tasks", str(draw(st.integers(0, 4))))
        remarks()
    for number in range(draw(st.integers(1, 4))):
        lines.append(f"[[task]]{' # here' if draw(st.booleans()) else ''}")
        key("id", f'"{number}"')
        for name in draw(st.lists(st.sampled_from([*KEYS, "mine", "_x", "A-b"]), unique=True, max_size=5)):
            remarks()
            key(name, draw(values()))
        remarks()
        if draw(st.integers(0, 3)) == 0:
            lines.append("[task.sub]")
            key("s", draw(values()))
            remarks()
    if draw(st.booleans()):
        lines.append("[tail]")
        key("t", draw(values()))
        remarks()
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))


CHANGES = st.dictionaries(
    st.sampled_from(KEYS),
    st.one_of(
        st.none(),
        WORDS,
        st.lists(WORDS, max_size=4),
        st.floats(0, 100),
        st.dictionaries(WORDS, WORDS, max_size=2),
    ),
    min_size=1,
    max_size=3,
)


def expected(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: repr(value) if isinstance(value, float) else value for key, value in changes.items()}
    return {key: value for key, value in {**table, **plain}.items() if value is not None}


@settings(deadline=None, max_examples=400)
@given(text=plans(), changes=CHANGES, data=st.data())
def test_an_edit_of_any_plan_keeps_everything_else(text: str, changes: dict[str, Any], data: st.DataObject):
    before = tomllib.loads(text, parse_float=str)
    index = data.draw(st.integers(0, len(before["task"]) - 1))
    edited = edit_task(text, str(index), changes)
    after = tomllib.loads(edited, parse_float=str)
    assert after["task"][index] == expected(before["task"][index], changes)
    assert {**after, "task": after["task"][:index] + after["task"][index + 1 :]} == {
        **before,
        "task": before["task"][:index] + before["task"][index + 1 :],
    }
    assert not lost_comments(text, edited)
    old, new = blocks(text, "task")[index], blocks(edited, "task")[index]
    assert edited[: new.start] == text[: old.start]
    # Only a missing line break at the end is added.
    assert edited.endswith(text[old.end :]) or edited.endswith(f"{text[old.end :]}\n")


@settings(deadline=None, max_examples=150)
@given(text=plans(), edits=st.lists(st.tuples(st.integers(0, 3), CHANGES), max_size=4))
def test_many_edits_lose_no_comment(text: str, edits: list[tuple[int, dict[str, Any]]]):
    edited = text
    count = len(tables(text))
    for number, changes in edits:
        edited = edit_task(edited, str(number % count), changes)
    assert not lost_comments(text, edited)
    assert len(tables(edited)) == count


@settings(deadline=None, max_examples=50)
@given(text=plans(), changes=st.dictionaries(st.sampled_from("0123"), CHANGES, min_size=1))
def test_several_tasks_are_edited_as_one_by_one(text: str, changes: dict[str, dict[str, Any]]):
    known = {name: wanted for name, wanted in changes.items() if name in ids(text)}
    one_by_one = text
    for name, wanted in known.items():
        one_by_one = edit_task(one_by_one, name, wanted)
    assert edit_tasks(text, known) == one_by_one
    with pytest.raises(PlanError, match="has no task 009"):
        edit_tasks(text, {**known, "009": {}})


@settings(deadline=None, max_examples=200)
@given(text=plans(), data=st.data())
def test_tasks_of_any_plan_can_be_moved_removed_and_added(text: str, data: st.DataObject):
    count = len(tables(text))
    one, other = data.draw(st.integers(0, count - 1)), data.draw(st.integers(0, count))
    before_id = "" if other == count else str(other)
    moved = move_task(text, str(one), before_id)
    order = [str(number) for number in range(count) if number != one]
    order.insert(len(order) if before_id in ("", str(one)) else order.index(before_id), str(one))
    assert ids(moved) == (order if before_id != str(one) else [str(number) for number in range(count)])
    assert Counter(comments(moved)) == Counter(comments(text))

    removed = remove_task(text, str(one))
    assert ids(removed) == [str(number) for number in range(count) if number != one]
    block = blocks(text, "task")[one]
    assert lost_comments(text, removed) == Counter(comments(text[block.start : block.end]))

    added = add_task(text, replace(FULL, id="new"), before_id)
    order = [str(number) for number in range(count)]
    order.insert(other, "new")
    assert ids(added) == order
    assert Counter(comments(added)) == Counter(comments(text))


# --- adding, removing, moving


def test_the_number_of_tasks_is_kept_right_where_it_was_right():
    assert "total_tasks = 4\n" in add_task(PLAN, FULL)
    assert "total_tasks = 2\n" in remove_task(PLAN, "001")
    wrong = PLAN.replace("total_tasks = 3", "total_tasks = 9")
    assert "total_tasks = 9\n" in remove_task(wrong, "001")


def test_a_task_takes_the_comment_right_above_it_along():
    text = move_task(PLAN, "001", "003")
    assert ids(text) == ["002", "001", "003"]
    assert "# The first one is ours.\n[[task]]   # scaffold\n" in text
    assert text.index("# ---- storage") < text.index('id = "002"') < text.index("# The first one")
    assert text.endswith(PLAN[PLAN.index("# ---- the rest") :])


def test_moving_a_task_to_where_it_is_changes_nothing():
    assert move_task(PLAN, "002", "002") == PLAN
    assert move_task(PLAN, "002", "003") == PLAN


def test_a_removed_task_leaves_the_comments_around_it():
    text = remove_task(PLAN, "003")
    assert ids(text) == ["001", "002"]
    assert "# ---- the rest ----\n\n[notes]" in text


def test_the_last_task_can_be_removed_and_one_added_to_nothing():
    text = remove_task(render_plan([FULL], ["S"], generated_at="now"), "002")
    assert ids(text) == []
    assert ids(add_task(text, FULL)) == ["002"]
    assert ids(add_task("", FULL)) == ["002"]


def test_a_task_is_added_between_others():
    text = add_task(PLAN, replace(FULL, id="010"), "002")
    assert ids(text) == ["001", "010", "002", "003"]
    assert text.index("# loose remark") < text.index('id = "010"')


def test_tasks_that_are_inline_tables_are_not_moved_by_machine():
    text = 'task = [{ id = "1" }, { id = "2" }]\n'
    for act in (
        lambda: move_task(text, "1", ""),
        lambda: remove_task(text, "1"),
        lambda: add_task(text, FULL),
    ):
        with pytest.raises(PlanError) as caught:
            act()
        assert caught.value.hint == "edit plan.toml by hand"


# --- splicing


def spliced(text: str, tasks: list[Task], replaced: set[str], specs: tuple[str, ...] = ("S", "R")) -> str:
    return splice_plan(text, tasks, replaced_specs=replaced, specs=specs, generated_at="later")


def kept(text: str) -> dict[str, Task]:
    return {task.id: task for task in parse_plan(text, name="p").tasks}


def test_tasks_of_other_specs_keep_their_blocks_byte_for_byte():
    old = kept(PLAN)
    new = replace(old["003"], title="Summary")
    text = spliced(PLAN, [old["001"], old["002"], new], {"R"})
    assert text.startswith(PLAN[: PLAN.index("[meta]")])
    start, end = PLAN.index("# The first one"), PLAN.index("# ---- the rest")
    assert PLAN[start:end] in text
    assert tables(text)[2]["title"] == "Summary"
    assert 'generated_at = "later"   # by machine\n' in text
    assert 'owner = "kim"\n' in text
    assert not lost_comments(PLAN, text)
    assert text.endswith(PLAN[PLAN.index("[notes]") :])


def test_a_replaced_task_with_a_known_id_keeps_its_comments_and_unknown_keys():
    old = kept(PLAN)
    new = replace(old["001"], title="Base", outputs=("pyproject.toml",), description="d", intent="pending")
    text = spliced(PLAN, [new, replace(old["002"], intent="pending"), old["003"]], {"S"})
    first, second, _ = tables(text)
    assert first["mine"] == tables(PLAN)[0]["mine"]
    assert (first["title"], first["outputs"], first["description"]) == ("Base", ["pyproject.toml"], "d")
    assert "status" not in second
    assert not lost_comments(PLAN, text)


def test_tasks_are_put_in_the_order_given_and_others_are_gone():
    old = kept(PLAN)
    added = [replace(FULL, id="010", spec="R"), replace(FULL, id="011", spec="R")]
    text = spliced(PLAN, [added[0], old["002"], added[1]], {"S", "R"}, specs=("R",))
    assert ids(text) == ["010", "002", "011"]
    assert tomllib.loads(text)["meta"]["total_tasks"] == 3
    assert tomllib.loads(text)["meta"]["specs"] == ["R"]
    assert tomllib.loads(text)["notes"] == {"x": 1}
    assert "# loose remark" in text
    assert [replace(task, line=0) for task in kept(text).values() if task.id != "002"] == added


def test_a_plan_without_meta_gets_one():
    text = spliced('# mine\n\n[[task]]\nid = "001"\nspec = "S"\n', [replace(FULL, id="009")], {"S"})
    assert text.startswith("# mine\n\n[meta]\n")
    assert ids(text) == ["009"]


def test_a_plan_without_tasks_gets_some():
    text = spliced("# mine\n", [FULL], {"S"})
    assert text.startswith("# mine\n")
    assert ids(text) == ["002"]
    assert ids(spliced(text, [], {"S"})) == []


def test_a_kept_task_that_is_not_there_is_an_error():
    with pytest.raises(PlanError, match="task 010 is not in the plan"):
        spliced(PLAN, [replace(FULL, id="010")], {"R"})


@settings(deadline=None, max_examples=150)
@given(text=plans(), data=st.data())
def test_splicing_any_plan_gives_the_tasks_asked_for(text: str, data: st.DataObject):
    count = len(tables(text))
    order = data.draw(st.permutations([str(number) for number in range(count)]))
    stays = order[: data.draw(st.integers(0, count))]
    fresh = [Task(f"n{number}", "S", "T", ("a",)) for number in range(data.draw(st.integers(0, 2)))]
    tasks = [*(Task(name, "K", "", ()) for name in stays), *fresh]
    result = splice_plan(text, tasks, replaced_specs={"S"}, specs=["S"], generated_at="g")
    before = {table["id"]: table for table in tables(text)}
    assert tables(result)[: len(stays)] == [before[name] for name in stays]
    assert ids(result) == [task.id for task in tasks]
    gone = Counter[str]()
    for block, name in zip(blocks(text, "task"), map(str, range(count)), strict=True):
        if name not in stays:
            gone += Counter(comments(text[block.lead : block.end]))
    assert lost_comments(text, result) - gone == Counter()
