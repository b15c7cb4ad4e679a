"""Edits of a commented plan: what stays, what is refused and why, and the way back."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.domain.plan import Task
from ossature.engine import plan_edits as ed
from ossature.engine.plan_checking import refuse_worse
from ossature.engine.plan_editing import apply
from ossature.engine.plan_history import PlanHistory, Step
from ossature.engine.plan_writing import settle
from ossature.errors import PlanError
from ossature.store import plan_text
from ossature.store.plan_reading import load_toml
from ossature.store.plan_text import load_exact, task_blocks
from ossature.store.planfile import add_task, edit_tasks, parse_plan, render_plan
from tests.unit.engine.plans import PLAN, ground

GROUND = ground()
IDS = ("001", "002", "003", "004", "005", "006", "007")
MONEY = (
    ed.Share("outputs", "tests/test_money.py", "second"),
    ed.Share("verify", "python -m unittest tests.test_money\n", "second"),
    ed.Share("spec_refs", "parse-amount", "first"),
)


def edited(edit: ed.PlanEdit, text: str = PLAN) -> str:
    new = apply(text, edit).text
    refuse_worse(text, new, GROUND)
    return new


def chunks(text: str) -> tuple[dict[str, str], list[str]]:
    """The block of every task, and all lines that are in none."""
    document = load_exact(text)
    found, rest, at = {}, [], 0
    for block, task in zip(task_blocks(text, document), document["task"], strict=True):
        found[task["id"]] = text[block.lead : block.end].rstrip("\n")
        rest += text[at : block.lead].split("\n")
        at = block.end
    rest += text[at:].split("\n")
    return found, [line for line in rest if line.strip() and not line.startswith("total_tasks")]


ids = st.sampled_from(IDS)
texts = st.sampled_from(("Other", "Zwölf", 'with "quotes"', "two\nlines", ""))
paths = st.sampled_from(("spenny/new.py", "spenny/more.py", "spenny/money.py", "spenny/cli.py"))
edits = st.one_of(
    st.builds(
        lambda task, key, value: ed.SetFields(task, ((key, value),)),
        ids,
        st.sampled_from(("title", "notes", "description")),
        texts,
    ),
    st.builds(
        lambda task, refs: ed.SetFields(task, (("spec_refs", refs), ("verify", ("true", "false")))),
        ids,
        st.sampled_from((("Goals",), ("Goals", "Constraints"), ("Nothing",))),
    ),
    st.builds(ed.SetStatus, ids, st.sampled_from(("pending", "skipped", "manual"))),
    st.builds(lambda a, b, c: ed.ChangeEdges(a, (b,), (c,)), ids, ids, ids),
    st.builds(ed.Move, ids, st.sampled_from((-1, 1))),
    st.builds(ed.Merge, ids, ids, texts),
    st.just(ed.Split("002", "Money", "Its tests", MONEY)),
    st.builds(
        lambda path, need, after: ed.AddTask(
            Task("", "EXPENSES", "New", (path,), depends_on=(need,), spec_refs=("Goals",)), after
        ),
        paths,
        ids,
        ids,
    ),
    st.builds(ed.RemoveTask, ids),
    st.builds(
        lambda task, path: ed.ReplaceBlock(
            task,
            f'# mine\n[[task]] # new\nid = "{task}"\nspec = "EXPENSES"\ntitle = "B"\noutputs = ["{path}"]',
        ),
        ids,
        paths,
    ),
)


def touched(edit: ed.PlanEdit, before: str) -> set[str]:
    """Tasks whose block the edit may change."""
    match edit:
        case ed.AddTask() | ed.Move():
            return set()
        case ed.Split() | ed.Merge() | ed.RemoveTask():
            waiting = {t.id for t in parse_plan(before, name="p").tasks if set(t.depends_on) & {edit.task}}
            other = {edit.other} if isinstance(edit, ed.Merge) else set()
            if other:
                waiting |= {t.id for t in parse_plan(before, name="p").tasks if other & set(t.depends_on)}
            return waiting | other | {edit.task}
    return {edit.task}


@settings(max_examples=20, deadline=None)
@given(st.lists(edits, min_size=1, max_size=6))
def test_edits_leave_all_else_as_it_is_and_undo_gives_the_first_bytes_back(steps: list[ed.PlanEdit]) -> None:
    text, history = PLAN, PlanHistory()
    for edit in steps:
        try:
            new = edited(edit, text)
        except PlanError as error:
            assert error.message
            continue
        assert GROUND.errors(new)[1] == []
        (old_blocks, old_rest), (new_blocks, new_rest) = chunks(text), chunks(new)
        for name in old_blocks.keys() - touched(edit, text):
            assert new_blocks[name] == old_blocks[name]
        assert not Counter(old_rest) - Counter(new_rest)
        found = re.search(r"total_tasks = (\d+)", new)
        assert found
        assert int(found[1]) == len(new_blocks)
        history = history.did(Step("x", text, new, ""))
        text = new
    last, made = text, len(history.steps)
    for _ in range(made):
        text, _, history = history.undo(text)
    assert text == PLAN
    for _ in range(made):
        text, _, history = history.redo(text)
    assert text == last


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (
            ed.ChangeEdges("001", ("004",)),
            "001 Error classes waits for 004 Sums waits for 002 Money waits for 001",
        ),
        (ed.ChangeEdges("004", (), ("002",)), "004: shows spenny/money.py, which 002 writes"),
        (ed.SetFields("004", (("spec_refs", ("Goalz",)),)), "did you mean 'Goals'?"),
        (
            ed.SetFields("005", (("outputs", ("spenny/summary.py",)),)),
            "005: writes spenny/summary.py, which 004 writes too",
        ),
        (ed.SetFields("004", (("outputs", ("../x.py",)),)), "../x.py"),
        (ed.SetFields("004", (("title", ""),)), "`title` is missing"),
        (ed.Move("004", -1), "004 waits for 003"),
        (ed.Move("001", -1), "001 is the first already"),
        (ed.RemoveTask("003"), "003 is needed: 004 and 005 wait for it"),
        (ed.Merge("001", "004", "x"), "004 waits for 002 waits for 001"),
        (ed.Merge("006", "004", "x"), "006 belongs to SPENNY_CLI and 004 to EXPENSES"),
        (ed.Merge("005", "003", "x"), "005 is manual and 003 is pending"),
        (ed.Split("002", "Money", "Tests", ()), "the second part writes no file"),
        (ed.Split("002", "Money", "Tests", MONEY[:1]), "names tests/test_money.py, which 007 writes"),
        (ed.ReplaceBlock("004", '[[task]]\nid = "004"\ntitle = "x\n'), "invalid TOML"),
        (ed.ReplaceBlock("004", '[[task]]\nid = "004"\n[meta]\nx = 1\n'), "one [[task]] and nothing else"),
        (
            ed.ReplaceBlock("004", '[[task]]\nid = "009"\nspec = "EXPENSES"\ntitle = "x"\noutputs = ["a"]\n'),
            "006: depends on 004, which is not in the plan",
        ),
        (ed.RemoveTask("009"), "no task 009"),
    ],
)
def test_what_would_break_the_plan_is_refused_with_the_reason(edit: ed.PlanEdit, reason: str) -> None:
    with pytest.raises(PlanError) as refusal:
        edited(edit)
    assert reason in f"{refusal.value} {refusal.value.hint}"


@pytest.mark.parametrize(
    ("key", "edit", "reason"),
    [
        ('kind = "verify"', ed.Split("002", "A", "B", MONEY), "002 runs written cases: it cannot be split"),
        ('source = ["a"]', ed.Split("002", "A", "B", MONEY), "002 is a copy task: its sources and outputs"),
        ('kind = "verify"', ed.Merge("003", "002", "x"), "cannot be one task: 002 runs written cases"),
        ('source = ["a"]', ed.Merge("003", "002", "x"), "cannot be one task: copy tasks stay by themselves"),
    ],
)
def test_tasks_of_another_kind_are_neither_split_nor_merged(key: str, edit: ed.PlanEdit, reason: str) -> None:
    with pytest.raises(PlanError, match=reason):
        apply(PLAN.replace('notes = "Cents."', key), edit)


def test_a_split_sends_each_dependent_to_the_part_that_writes_what_it_needs() -> None:
    plan = parse_plan(edited(ed.Split("002", "Money", "Its tests", MONEY)), name="p").by_id()
    assert [task for task in plan][:4] == ["001", "002", "007", "003"]
    assert (plan["002"].outputs, plan["002"].verify) == (("spenny/money.py",), ())
    assert plan["007"].outputs == ("tests/test_money.py",)
    assert plan["007"].depends_on == ("001", "002")
    assert plan["007"].inject_files == ("spenny/money.py",)
    assert (plan["002"].spec_refs, plan["007"].spec_refs) == (
        ("parse-amount", "Constraints"),
        ("Constraints",),
    )
    assert plan["004"].depends_on == ("002", "003")
    nothing_named = PLAN.replace('inject_files = ["spenny/money.py"]\n', "")
    both = parse_plan(edited(ed.Split("002", "Money", "Its tests", MONEY), nothing_named), name="p")
    assert both.by_id()["004"].depends_on == ("002", "007", "003")


def test_a_merge_keeps_block_and_id_of_the_first_and_everybody_who_waits() -> None:
    text = edited(ed.Merge("003", "002", "Records of money"))
    plan = parse_plan(text, name="p").by_id()
    assert "002" not in plan
    assert plan["003"].outputs == ("spenny/records.py", "spenny/money.py", "tests/test_money.py")
    assert plan["003"].verify[1] == "python -m unittest tests.test_money"
    assert plan["004"].depends_on == ("003",)
    assert '"spenny/errors.py" = "full"  # small' in text


@pytest.mark.parametrize(
    "edit",
    [ed.Merge("002", "001", "Both"), ed.Split("001", "A", "B", (ed.Share("outputs", "b", "second"),))],
    ids=["merge", "split"],
)
def test_the_plan_is_parsed_as_often_for_many_who_wait_as_for_few(
    edit: ed.PlanEdit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parses(waiting: int) -> int:
        tasks = [Task("001", "S", "One", ("a", "b")), Task("002", "S", "Two", ("c",))]
        tasks += [
            Task(f"{n:03d}", "S", "Waits", (f"{n}",), depends_on=("001",)) for n in range(3, waiting + 3)
        ]
        text = render_plan(tasks, ["S"], generated_at="now")
        read: list[str] = []
        with monkeypatch.context() as patch:
            patch.setattr(
                plan_text, "load_toml", lambda text, **how: read.append(text) or load_toml(text, **how)
            )
            plan = parse_plan(apply(text, edit).text, name="p")
        assert all("001" not in task.depends_on for task in plan.tasks) == isinstance(edit, ed.Merge)
        return len(read)

    assert parses(20) == parses(1)


def test_undo_keeps_each_text_once_and_no_more_than_fit() -> None:
    def fresh(number: int) -> str:
        """As it is read from the disk, another object each time."""
        return f"n = {number} #".ljust(1024 * 1024, "x")

    history = PlanHistory()
    for number in range(40):
        history = history.did(Step(f"{number}", fresh(number), fresh(number + 1), ""))
    assert [step.done for step in history.steps] == [f"{number}" for number in range(24, 40)]
    text = fresh(40)
    for _ in range(5):
        text, _, history = history.undo(str(text.encode(), "utf-8"))
    for _ in range(3):
        text, _, history = history.redo(str(text.encode(), "utf-8"))
    assert text == fresh(38)
    kept = [*history.steps, *reversed(history.undone)]
    assert len({id(side) for step in kept for side in (step.before, step.after)}) == len(kept) + 1
    huge = Step("huge", text, text * 40, "")
    assert history.did(huge).steps == (huge,)
    for number in range(150):
        history = history.did(Step(f"{number}", "", "n = 1", ""))
    assert len(history.steps) == 100


ADD = ed.AddTask(Task("", "EXPENSES", "New", ("new.py",)))
ONE = '[[task]]\nid = "001"\nspec = "EXPENSES"\ntitle = "One"\noutputs = ["a.py"]\n'
WRONG = ("task = 5\n", "task = [1]\n", ONE.replace("[[task]]", "[task]"))


@pytest.mark.parametrize("edit", [ADD, ed.SetFields("001", (("title", "x"),))], ids=["add", "set"])
@pytest.mark.parametrize("text", WRONG)
def test_tasks_that_are_no_array_of_tables_are_refused_with_what_to_write(
    text: str, edit: ed.PlanEdit
) -> None:
    history = PlanHistory().did(Step("x", ONE, ONE.replace("One", "Two"), "001"))
    for way in (
        lambda: apply(text, edit),
        lambda: apply(text, settle(edit, ONE, text)),
        lambda: history.undo(text),
        lambda: edit_tasks(text, {"001": {}}),
        lambda: add_task(text, ADD.task),
    ):
        with pytest.raises(PlanError, match="`task` has to be an array of tables") as refusal:
            way()
        assert refusal.value.hint == "start each task with `[[task]]`"


@pytest.mark.parametrize("name", ["²", "9" * 5000, "٣", "x"], ids=["raised", "long", "arabic", "letter"])
def test_a_new_task_counts_on_whatever_other_ids_look_like(name: str) -> None:
    text = ONE.replace("001", name)
    assert apply(text, ADD).task == "001"
    assert parse_plan(text, name="p").find(name).id == name
    assert parse_plan(ONE, name="p").find(name) is None


def test_a_broken_plan_can_be_mended_step_by_step() -> None:
    broken = PLAN.replace('depends_on = ["004"]', 'depends_on = ["004", "099"]').replace(
        '["Goals"]', '["Goalz"]'
    )
    assert len(GROUND.errors(broken)[1]) == 2
    half = edited(ed.ChangeEdges("006", (), ("099",)), broken)
    assert len(GROUND.errors(half)[1]) == 1
    assert edited(ed.SetFields("004", (("spec_refs", ("Goals",)),)), half) == PLAN
