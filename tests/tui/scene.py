"""A project with a plan and a run at a chosen point, made from real journals, attempts and leases."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ossature.digest import digest_bytes
from ossature.domain import event as ev
from ossature.domain.decision import Question
from ossature.domain.finding import Finding, SpecAudit
from ossature.project import Project, load_project
from ossature.store.findings import write_audit
from ossature.store.journal import Journal
from ossature.store.lease import Lease, LeaseInfo

EXAMPLE = Path(__file__).parents[2] / "examples" / "spenny"
RUN = "20260302-101500-a1b2"
START = datetime(2026, 3, 2, 10, 15, tzinfo=UTC)
FIX_NOTE = "FAIL: test_total_of_month: AssertionError: 1250 != 1260"

_TASKS = (
    ("001", "EXPENSES", "Error classes", (), ("spenny/errors.py",), "EXPENSES:Requirements"),
    ("002", "EXPENSES", "Parse and format money", ("001",), ("spenny/money.py",), "EXPENSES:parse-amount"),
    ("003", "EXPENSES", "Records and the book", ("001",), ("spenny/records.py",), "EXPENSES:record-expense"),
    ("004", "EXPENSES", "Store the book on disk", ("003",), ("spenny/store.py",), "EXPENSES:Requirements"),
    ("005", "EXPENSES", "Select expenses", ("003",), ("spenny/selection.py",), "EXPENSES:Requirements"),
    (
        "006",
        "EXPENSES",
        "Sum up by category and month",
        ("002", "005"),
        ("spenny/summary.py",),
        "EXPENSES:Goals",
    ),
    ("007", "SPENNY_CLI", "Tables and messages", ("002", "003"), ("spenny/table.py",), "SPENNY_CLI:cmd-list"),
    (
        "008",
        "SPENNY_CLI",
        "The command line",
        ("004", "006", "007"),
        ("spenny/cli.py",),
        "SPENNY_CLI:exit-codes",
    ),
)

_SUMMARY = '''"""What expenses add up to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spenny.records import Expense


@dataclass(frozen=True)
class Line:
    """One row of a summary."""

    name: str
    cents: int
    percent: int


def by_category(expenses: Iterable[Expense]) -> list[Line]:
    """Greatest first; ties by name."""
    totals: dict[str, int] = {}
    for expense in expenses:
        totals[expense.category] = totals.get(expense.category, 0) + expense.cents
    return _lines(totals)
'''

_DIFF = """--- a/spenny/summary.py
+++ b/spenny/summary.py
@@ -21,7 +21,9 @@ def by_category(expenses: Iterable[Expense]) -> list[Line]:
     totals: dict[str, int] = {}
     for expense in expenses:
-        totals[expense.category] = expense.cents
+        totals[expense.category] = totals.get(expense.category, 0) + expense.cents
     return _lines(totals)


+def by_month(expenses: Iterable[Expense]) -> list[Line]:
+    \"\"\"Oldest first.\"\"\"
+
"""

_VERIFY = """$ python -m unittest tests.test_summary
..F....
======================================================================
FAIL: test_total_of_month (tests.test_summary.ByMonth.test_total_of_month)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "tests/test_summary.py", line 41, in test_total_of_month
    self.assertEqual(sum(line.cents for line in lines), 1260)
AssertionError: 1250 != 1260

----------------------------------------------------------------------
Ran 7 tests in 0.004s

FAILED (failures=1)
"""

FINDINGS = (
    Finding(
        spec="EXPENSES",
        severity="error",
        place="Requirements > Record an expense",
        issue="It is not said what happens to an id when the newest expense is removed and another is added.",
        suggestion="Say that an id is never given twice, and where the next one is kept.",
        path="specs/expenses.smd",
        line=47,
    ),
    Finding(
        spec="SPENNY_CLI",
        severity="warning",
        place="Requirements > Summarise spending",
        issue="Shares are rounded, but not how: the lines may not add up to 100%.",
        suggestion="Name the rule, for instance largest remainder.",
        path="specs/spenny_cli.smd",
        line=62,
    ),
    Finding(
        spec="SPENNY_CLI",
        severity="info",
        place="Goals",
        issue="The width of a table is nowhere limited.",
        path="specs/spenny_cli.smd",
        line=13,
    ),
)


class Scene:
    """A project folder whose run can be moved on, event by event."""

    def __init__(self, root: Path, *, started: str = "") -> None:
        """*started* `just now` puts the run's clock a minute and a half before the present."""
        shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns(".ossature", "output"))
        self.project: Project = load_project(root, {})
        self.clock = datetime.now(UTC) - timedelta(seconds=95) if started == "just now" else START
        self.project.state_dir.mkdir()
        _write_plan(self.project)
        self._journal: Journal | None = None

    def begin(self, run: str = RUN, *, replay: str = "", goal: ev.Goal = "build") -> None:
        """Start a run."""
        (self.project.runs_dir / run / "inbox").mkdir(parents=True)
        self._journal = Journal(self.project.runs_dir / run / "events.jsonl", now=lambda: self.clock)
        self.run = run
        self.tell(
            ev.RunStarted(
                run=run,
                goal=goal,
                pid=4711,
                host="forge",
                project="Spenny",
                version="0.1.0",
                preset="tui",
                model="anthropic:claude-sonnet-4-6",
                replay=replay,
            )
        )
        self.tell(ev.PhaseStarted(phase="build"))
        self.tell(ev.PlanAdopted(tasks=rows()))

    def tell(self, event: ev.Event, *, after_s: float = 1.0) -> None:
        """Append to the journal."""
        assert self._journal is not None
        self.clock += timedelta(seconds=after_s)
        self._journal.append(event)

    def call(self, task: str, number: int = 1, role: ev.Role = "implement") -> Path:
        """A model is asked; the folder of the attempt, with its prompt."""
        folder = self.project.tasks_dir / f"{lineage(task)}" / f"{self.run}-{number}-{role}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "prompt.md").write_text(_prompt(task, self.project), encoding="utf-8")
        self.tell(
            ev.ModelCalled(
                role=role,
                task=task,
                lineage=lineage(task),
                attempt=number,
                model="anthropic:claude-sonnet-4-6",
                folder=self.project.relative(folder),
                prompt_tokens=2140,
            )
        )
        return folder

    def reply(self, task: str, number: int = 1, role: ev.Role = "implement", *, text: str = "") -> Path:
        """The reply is whole and its files are staged."""
        folder = self.project.tasks_dir / f"{lineage(task)}" / f"{self.run}-{number}-{role}"
        output = _output(task)
        body = text or f'The module as declared.\n\n<file path="{output}">\n{_SUMMARY}</file>\n'
        (folder / "response.md").write_text(body, encoding="utf-8")
        (folder / "changes.diff").write_text(_DIFF, encoding="utf-8")
        self.tell(
            ev.ModelReplied(
                role=role,
                task=task,
                lineage=lineage(task),
                attempt=number,
                folder=self.project.relative(folder),
                source="live",
                input_tokens=2140,
                output_tokens=812,
                cached_tokens=1310,
                cost_usd=0.0186,
                seconds=8.2,
            ),
            after_s=8.0,
        )
        name = self.project.relative(folder)
        self.tell(ev.FilesStaged(task=task, attempt=number, files=(output,), folder=name))
        log = self.project.relative(folder / "verify.log")
        self.tell(ev.VerifyStarted(task=task, attempt=number, commands=(_command(task),), log=log))
        return folder

    def verified(
        self, task: str, number: int = 1, role: ev.Role = "implement", *, is_ok: bool = True
    ) -> None:
        folder = self.project.tasks_dir / f"{lineage(task)}" / f"{self.run}-{number}-{role}"
        log = folder / "verify.log"
        log.write_text(
            f"$ {_command(task)}\n.......\nRan 7 tests in 0.004s\n\nOK\n" if is_ok else _VERIFY, "utf-8"
        )
        self.tell(
            ev.VerifyFinished(
                task=task,
                attempt=number,
                verdict="ok" if is_ok else "failed",
                exit_status=0 if is_ok else 1,
                command="" if is_ok else _command(task),
                summary="" if is_ok else FIX_NOTE,
                seconds=0.4,
                log=self.project.relative(log),
            )
        )

    def land(self, task: str, number: int = 1) -> None:
        self.tell(ev.TaskLanded(task=task, attempt=number, files=(_output(task),), changed=1, seconds=10))

    def build(self, *tasks: str) -> None:
        """Tasks from start to landing."""
        for task in tasks:
            self.start(task)
            self.call(task)
            self.reply(task)
            self.verified(task)
            self.land(task)

    def start(self, task: str) -> None:
        self.tell(ev.TaskStarted(task=task, lineage=lineage(task), reason="never built"))

    def ask_fix(self, task: str, *, question: str = "") -> Question:
        """The fix gate on the first attempt of *task*, with its staged file."""
        staged = self.project.work_dir / "stage" / _output(task)
        staged.parent.mkdir(parents=True, exist_ok=True)
        staged.write_text(_SUMMARY, encoding="utf-8")
        asked = Question(
            id=question or f"{task}-fix-1",
            gate="fix",
            subject=f"{task} verify failed (exit 1): {FIX_NOTE}. Ask the model for a fix?",
            detail=f"{FIX_NOTE}\n  tests/test_summary.py:41 in test_total_of_month",
            verbs=("approve", "retry", "edit", "skip", "abort"),
            task=task,
            spec="EXPENSES",
            files=(self.project.relative(staged),),
            digests=(digest_bytes(staged.read_bytes()),),
        )
        self.ask(asked)
        return asked

    def ask(self, question: Question) -> None:
        self.tell(ev.QuestionAsked(question=question))

    def finish(self, outcome: ev.Outcome = "succeeded", **fields: object) -> None:
        self.tell(ev.RunFinished(outcome=outcome, exit_code=0 if outcome == "succeeded" else 1, **fields))

    def audit(self) -> None:
        """Store findings as an audit leaves them."""
        for spec in ("EXPENSES", "SPENNY_CLI"):
            found = tuple(finding for finding in FINDINGS if finding.spec == spec)
            write_audit(self.project.audit_dir, SpecAudit(spec=spec, inputs_digest="0" * 64, findings=found))

    def letters(self) -> list[Path]:
        """What lies in the inbox."""
        return sorted((self.project.runs_dir / self.run / "inbox").glob("*.json"))


@contextmanager
def owned(scene: Scene) -> Iterator[None]:
    """A process (this one) owns the run of the scene."""
    lease = Lease(scene.project.lease_path)
    lease.acquire(LeaseInfo(pid=4711, host="forge", since=START.isoformat(), run=scene.run))
    try:
        yield
    finally:
        lease.release()


def at_fix_gate(scene: Scene) -> None:
    """Five of eight tasks are there; the sixth waits for a person, the seventh runs."""
    scene.audit()
    scene.begin()
    scene.build("001", "002", "003", "004", "005")
    scene.start("006")
    scene.call("006")
    scene.reply("006")
    scene.start("007")
    scene.call("007")
    scene.verified("006", is_ok=False)
    scene.ask_fix("006")


def while_running(scene: Scene) -> None:
    """Four tasks are there, the fifth streams in, beside the sixth that is verified."""
    scene.audit()
    scene.begin()
    scene.build("001", "002", "003")
    scene.start("004")
    scene.call("004")
    scene.start("005")
    folder = scene.call("005")
    scene.reply("004")
    (folder / "response.md.part").write_text(f'<file path="{_output("005")}">\n{_SUMMARY}', encoding="utf-8")


def rows() -> tuple[ev.TaskRow, ...]:
    return tuple(
        ev.TaskRow(id=t, spec=spec, title=title, lineage=lineage(t), outputs=outputs, depends_on=needs)
        for t, spec, title, needs, outputs, _ in _TASKS
    )


def lineage(task: str) -> str:
    return f"task-{task}"


def _output(task: str) -> str:
    return next(outputs[0] for t, _, _, _, outputs, _ in _TASKS if t == task)


def _command(task: str) -> str:
    return f"python -m unittest tests.test_{Path(_output(task)).stem}"


def _prompt(task: str, project: Project) -> str:
    title = next(title for t, _, title, *_ in _TASKS if t == task)
    spec = (project.root / "specs" / "expenses.smd").read_text("utf-8")
    head = f"# Task {task}: {title}\n\nWrite `{_output(task)}`. It is verified with:\n\n"
    return f"{head}```sh\n{_command(task)}\n```\n\n{spec}"


def _write_plan(project: Project) -> None:
    parts = ['[meta]\nspecs = ["EXPENSES", "SPENNY_CLI"]\n']
    for task, spec, title, needs, outputs, ref in _TASKS:
        parts.append(
            f'[[task]]\nid = "{task}"\nspec = "{spec}"\ntitle = "{title}"\n'
            f"outputs = {list(outputs)!r}\ndepends_on = {list(needs)!r}\n"
            f'spec_refs = ["{ref}"]\nverify = ["{_command(task)}"]\n'
        )
    project.plan_path.write_text("\n".join(parts), encoding="utf-8")
