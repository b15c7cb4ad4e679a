"""What the app knows of the project and of one run, and the way of its answers back."""

from __future__ import annotations

from datetime import datetime

from ossature.domain.decision import Command, Decision, Question
from ossature.domain.event import UnknownEvent
from ossature.domain.plain_text import clean_line
from ossature.domain.record import Record, UnknownRecord
from ossature.domain.state import RunState
from ossature.domain.wording import Line, LogLine, sentence
from ossature.engine.eta import past_seconds, remaining_s
from ossature.engine.outcomes import Outcomes, RunOutcomes, outcomes_of
from ossature.engine.preview import ProjectView
from ossature.engine.replay import Mark, Recording
from ossature.engine.session import Attachment, latest_run, live_holder, run_ids
from ossature.errors import OssatureError
from ossature.project import Project
from ossature.store import inbox
from ossature.tui.panes.task_lines import TaskBoard, task_board

_PLAN_WRITES = ("plan_written", "dependency_added")


class Replay:
    """A recording, and the moment of it that is shown."""

    def __init__(self, recording: Recording, moment: int = 1) -> None:
        self.recording = recording
        self.moment = 0
        self.state = RunState()
        self.go_to(moment)

    def go_to(self, moment: int) -> None:
        self.moment = max(0, min(moment, self.recording.count))
        self.state = self.recording.state_at(self.moment)

    @property
    def mark(self) -> Mark | None:
        return self.recording.mark(self.moment)

    @property
    def said(self) -> int:
        """Sentences of the log up to this moment."""
        return self.mark.said if self.mark else 0

    @property
    def place(self) -> str:
        """`132/408 10:15:29`."""
        clock = f" {self.mark.at.astimezone():%H:%M:%S}" if self.mark else ""
        return f"{self.moment}/{self.recording.count}{clock}"


class Bridge:
    """Reads the journal in batches; knows no widget."""

    def __init__(self, project: Project, *, is_read_only: bool = False) -> None:
        self.project = project
        self.is_read_only = is_read_only
        """Nothing is sent and nothing written: for who looks at another person's build."""
        self.view: ProjectView | None = None
        """None until the project has been looked at for the first time."""
        self.attachment: Attachment | None = None
        self.board = TaskBoard()
        self.log: list[LogLine] = []
        self.is_owned = False
        """As of the last `check_owner`."""
        self.plan_writes = 0
        """How often the run that is shown has written the plan."""
        self.number = 0
        """Of the run, for people."""
        self.count = 0
        """Of all runs, when this one was opened."""
        self.is_earlier = False
        """A person went back to this run, which is not the latest: nothing leads away from it unasked."""
        self.elsewhere = ""
        """A live run that is not the one shown, as of the last look."""
        self.replay: Replay | None = None
        """The moment of the run that is shown in place of its end."""
        self.outcomes = Outcomes(project)
        self.known_runs: list[RunOutcomes] = []
        """As of the last look; the one that is live has come further."""
        self.past: dict[str, float] = {}
        """Lineage -> seconds that the task took when it landed last."""
        self._is_ahead = False
        """The run has ended since the project was looked at, so it knows better how the tasks are."""
        self._nothing = RunState()

    @property
    def state(self) -> RunState:
        if self.replay:
            return self.replay.state
        return self.attachment.state if self.attachment else self._nothing

    @property
    def is_live(self) -> bool:
        """A process works on the run that is shown."""
        return self.is_owned and not self.state.is_over and self.replay is None

    @property
    def is_past(self) -> bool:
        """What is shown is not how things are: tasks are as the run knew them, and nothing else is."""
        return self.is_earlier or self.replay is not None

    @property
    def outcome(self) -> str:
        """`live`, how the run ended, `crashed` when its owner is gone, or empty without a run."""
        if self.attachment is None:
            return ""
        if self.replay:
            return "replay"
        if self.state.outcome:
            return self.state.outcome
        return "live" if self.is_owned else "crashed"

    @property
    def questions(self) -> list[Question]:
        """Open ones that somebody still waits for, oldest first."""
        return list(self.state.questions.values()) if self.is_live else []

    @property
    def runs(self) -> list[RunOutcomes]:
        """Runs that went by a plan, oldest first, with the live one as it is now."""
        if not self.is_live or self.attachment is None or not self.state.tasks:
            return self.known_runs
        began = self.state.started_at.isoformat() if self.state.started_at else ""
        run = self.attachment.run
        live = RunOutcomes(run, self.number, began, "running", outcomes_of(self.state))
        return [*(one for one in self.known_runs if one.run != run), live]

    def take_runs(self, runs: list[RunOutcomes]) -> None:
        """What reading the journals has found."""
        self.known_runs = runs
        self.past = past_seconds(runs)

    def remaining_s(self, now: datetime | None) -> float | None:
        """Seconds until the run will be over; None where that cannot be told."""
        settled = [line.id for line in self.board.lines if line.view and line.view.status == "done"]
        return remaining_s(self.state, self.past, now, settled=settled)

    def attach(self, run: str) -> None:
        """Show *run* from its beginning."""
        self.attachment = Attachment(self.project, run)
        ids = run_ids(self.project)
        self.number = ids.index(run) + 1 if run in ids else len(ids) + 1
        self.count = max(len(ids), self.number)
        self.is_earlier = run != latest_run(self.project)
        self.replay = None
        self.log = []
        self._is_ahead = False
        self.check_owner()

    def attach_latest(self) -> bool:
        """Show the live run, else the newest; False when there is none or it is shown already."""
        run = latest_run(self.project)
        if run is None or (self.attachment and self.attachment.run == run):
            return False
        self.attach(run)
        return True

    def check_owner(self) -> bool:
        """Look who owns the project; True when that changed what is shown as live."""
        before = self.is_owned
        self.is_owned = bool(self.attachment and self.attachment.is_owned)
        return before != self.is_owned

    def other_live_run(self) -> str | None:
        """A run that somebody started while ours was over."""
        if self.is_live:
            return None
        holder = live_holder(self.project)
        if not holder or not holder.run or (self.attachment and self.attachment.run == holder.run):
            return None
        return holder.run if (self.project.runs_dir / holder.run / "events.jsonl").exists() else None

    @property
    def last_said(self) -> LogLine | None:
        """The newest sentence of the run, or the newest at the moment that is shown."""
        if self.replay:
            said = self.replay.said
            return self.replay.recording.log[said - 1] if said else None
        return self.log[-1] if self.log else None

    def poll(self) -> list[Record | UnknownRecord]:
        """New records; the log and the tasks are brought up to date with them."""
        if self.attachment is None or self.replay:
            return []
        was_live = self.is_live
        records = self.attachment.poll()
        self.plan_writes += sum(is_news([record], *_PLAN_WRITES) for record in records)
        for record in records:
            line = sentence(record.event)
            if line is not None:
                self.log.append(LogLine(record.at, Line(line.tone, clean_line(line.text))))
        if records:
            if self.state.is_over:
                self._is_ahead = self._is_ahead or was_live
                self.check_owner()
            self.rebuild()
        return records

    def rebuild(self) -> None:
        """Merge run and project anew."""
        if self.is_past:
            self.board = task_board(self.state, None, live=True, known=self.board)
        else:
            runs = self.is_live or self._is_ahead
            self.board = task_board(self.state, self.view, live=runs, known=self.board)

    def see(self, view: ProjectView) -> None:
        """Take what looking at the project has found."""
        self.view = view
        self._is_ahead = False
        self.rebuild()

    def decide(self, decision: Decision) -> None:
        """Send an answer; raises OssatureError where nobody is left to receive it."""
        self._live().decide(decision)

    def command(self, command: Command) -> None:
        """Send a command; raises OssatureError where nobody is left to receive it."""
        self._live().command(command)

    def _live(self) -> Attachment:
        if self.replay:
            raise OssatureError("a replay only shows what was", hint="escape leaves it")
        if self.is_read_only:
            raise OssatureError("this viewer only looks", hint="`ossature tui` without --read-only acts")
        if self.attachment is None or self.state.is_over:
            raise OssatureError("no run is live", hint="b starts one")
        return self.attachment

    def draft(self, question_id: str) -> str:
        """What was typed for that question and not sent; empty, too, where that cannot be read."""
        if self.attachment is None:
            return ""
        try:
            return inbox.read_draft(self.attachment.folder / "drafts", question_id)
        except OssatureError:
            return ""

    def save_draft(self, question_id: str, text: str) -> None:
        """Keep what is typed; empty text forgets it. Raises OssatureError."""
        if self.attachment is not None and not self.is_read_only:
            inbox.save_draft(self.attachment.folder / "drafts", question_id, text)


def is_news(records: list[Record | UnknownRecord], *kinds: str) -> bool:
    """Whether one of the records is of these kinds."""
    return any(not isinstance(r.event, UnknownEvent) and r.event.kind in kinds for r in records)
