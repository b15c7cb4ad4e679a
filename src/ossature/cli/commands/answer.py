"""`answer` and `stop`: a word to a run from outside."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from ossature.cli.answers import SIDES, VERBS, Answer, decision_for
from ossature.cli.ask import show_question
from ossature.cli.command import Command
from ossature.cli.nearest import hint_for
from ossature.cli.reviewing import parse_numbers, show_hunks
from ossature.cli.terminal import Terminal
from ossature.domain.decision import Pause, Question, Requeue, Resume, Stop
from ossature.domain.event import CommandReceived, DecisionRefused, QuestionClosed
from ossature.domain.record import Record, UnknownRecord
from ossature.domain.wording import words
from ossature.engine.session import Attachment, latest_run, live_holder
from ossature.errors import Exit, OssatureError, UsageError
from ossature.project import Project, load_project

_POLL_S = 0.05
Settled = Callable[[Record | UnknownRecord], bool]


def answer(args: argparse.Namespace, terminal: Terminal) -> int:
    """List what is open, or send one answer and wait for what becomes of it."""
    attachment = live_run(load_project(terminal.cwd, terminal.environ))
    questions = attachment.state.questions
    name, verb = _split(args.words, questions)
    if args.show:
        show_hunks(_pick(name, questions), attachment.project, terminal)
        return Exit.OK
    if not verb:
        return _list([questions[name]] if name else list(questions.values()), terminal)
    question = _pick(name, questions)
    said = Answer(
        verb,
        feedback=args.feedback,
        side=args.side,
        path=args.path,
        content=_content(args.file, terminal.cwd),
        without=tuple(number for text in args.without or () for number in parse_numbers(text)),
    )
    decision = decision_for(said, question, attachment.project)
    attachment.decide(decision)
    closing = wait_for(attachment, lambda record: _settles(record, question.id, decision.id), pause=_pause)
    if isinstance(closing.event, DecisionRefused):
        raise OssatureError(f"[{question.id}] refused: {words(closing.event.reason)}")
    if isinstance(closing.event, QuestionClosed) and _sender(closing.event) != decision.id:
        by = closing.event.decision.by if closing.event.decision else "the end of the run"
        raise OssatureError(f"[{question.id}] was closed by {by} before this answer came")
    terminal.line(f"[{question.id}] {verb}: accepted", tone="good")
    return Exit.OK


def stop(args: argparse.Namespace, terminal: Terminal) -> int:
    """Ask the live run to end, to pause or to go on, and wait until it has heard."""
    attachment = live_run(load_project(terminal.cwd, terminal.environ))
    wish: Stop | Pause | Resume
    if args.pause:
        wish, how = Pause(by="cli"), "starts nothing new; `ossature stop --resume` lets it go on"
    elif args.resume:
        wish, how = Resume(by="cli"), "goes on"
    elif args.now:
        wish, how = Stop(mode="now", by="cli"), "stops now"
    else:
        how = "stops after the work in flight (`ossature stop --now` does not wait for it)"
        wish = Stop(mode="drain", by="cli")
    send(attachment, wish)
    terminal.line(f"run {attachment.run} {how}", tone="good")
    return Exit.OK


def send(attachment: Attachment, wish: Stop | Pause | Resume | Requeue) -> None:
    """Send a command to a live run and wait until it has heard; raises OssatureError where it ends first."""
    attachment.command(wish)
    wait_for(attachment, lambda record: isinstance(record.event, CommandReceived), pause=_pause)


def wait_for(
    attachment: Attachment, is_settled: Settled, *, pause: Callable[[], None]
) -> Record | UnknownRecord:
    """The first new record that settles the matter; raises OssatureError when the owner goes without one."""
    while True:
        is_owned = attachment.is_owned
        records = attachment.poll()
        for record in records:
            if is_settled(record):
                return record
        if not records and (attachment.state.is_over or not is_owned):
            raise OssatureError(
                f"run {attachment.run} ended before it heard this",
                hint="`ossature build` takes up what was left",
            )
        if not records:
            pause()


def live_run(project: Project) -> Attachment:
    """The live run up to now; raises OssatureError, naming the next command, where there is none."""
    holder = live_holder(project)
    if holder is None:
        last = latest_run(project)
        raise OssatureError(
            f"no run is at work; the last one, {last}, has no owner" if last else "no run is at work",
            hint="start one with `ossature build`; it asks again what was left open",
        )
    if not holder.run:
        raise OssatureError("a run is just starting", hint="try again in a moment")
    attachment = Attachment(project, holder.run)
    while attachment.poll():
        pass
    return attachment


def _split(given: list[str], questions: dict[str, Question]) -> tuple[str, str]:
    """Question id and verb; each empty where it was left out."""
    match given:
        case []:
            return "", ""
        case [word] if word in questions:
            return word, ""
        case [word] if word in VERBS:
            return "", word
        case [word]:
            raise UsageError(
                f"{word!r} is neither an open question nor a verb",
                hint=hint_for(word, [*questions, *VERBS], otherwise="see `ossature answer`"),
            )
        case [name, verb] if verb in VERBS:
            return name, verb
        case [_, verb]:
            raise UsageError(
                f"there is no verb {verb!r}",
                hint=hint_for(verb, VERBS, otherwise=f"one of: {', '.join(VERBS)}"),
            )
        case _:
            raise UsageError("too many words", hint="put feedback into --feedback 'TEXT'")


def _pick(name: str, questions: dict[str, Question]) -> Question:
    if not questions:
        raise OssatureError("nothing is open: no question waits for an answer", hint="see `ossature attach`")
    if not name and len(questions) == 1:
        return next(iter(questions.values()))
    if name not in questions:
        what = f"{name!r} is not open" if name else "more than one question is open"
        raise UsageError(what, hint=f"open: {', '.join(questions)}")
    return questions[name]


def _list(questions: list[Question], terminal: Terminal) -> int:
    if not questions:
        terminal.line("nothing is open", tone="quiet")
    for question in questions:
        terminal.spans([("ask", f"[{question.id}] "), ("strong", question.subject)])
        show_question(question, terminal)
        terminal.line(f"  ossature answer {question.id} {'|'.join(question.verbs)}", tone="quiet")
    return Exit.OK


def _settles(record: Record | UnknownRecord, question_id: str, decision_id: str) -> bool:
    match record.event:
        case QuestionClosed():
            return record.event.question_id == question_id
        case DecisionRefused():
            return record.event.decision.id == decision_id
    return False


def _sender(event: QuestionClosed) -> str:
    return event.decision.id if event.decision else ""


def _content(name: str | None, cwd: Path) -> str | None:
    if name is None:
        return None
    try:
        return (cwd / name).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8") from error
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from error


def _pause() -> None:
    time.sleep(_POLL_S)


def _add_answer_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="[QUESTION] VERB", help=f"verbs: {', '.join(VERBS)}")
    parser.add_argument("--feedback", default="", metavar="TEXT", help="approve, retry: a word to the model")
    parser.add_argument("--show", action="store_true", help="list the numbered hunks of the question")
    parser.add_argument(
        "--without", action="append", metavar="N,N", help="approve, retry, take: refuse these hunks (--show)"
    )
    parser.add_argument("--side", default="", choices=("", *SIDES), help="take: whose version")
    parser.add_argument("--file", metavar="PATH", help="edit: the file that holds the new content")
    parser.add_argument(
        "--path", default="", metavar="P", help="edit: which of the question's files it replaces"
    )


def _add_stop_arguments(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--now", action="store_true", help="interrupt the work in flight")
    how.add_argument("--pause", action="store_true", help="do not end it, but start nothing new")
    how.add_argument("--resume", action="store_true", help="let a paused run go on")


COMMANDS = {
    "answer": Command(
        about="Answers an open question of the live run; without a verb, lists what is open.",
        examples=(
            ("ossature answer", "what is open"),
            ("ossature answer approve", "the only open question"),
            ("ossature answer q2 retry --feedback 'use a heap'", "with a word to the model"),
            ("ossature answer q3 take --side mine", "keep the file on disk"),
            ("ossature answer q4 --show", "the hunks that it is about, numbered"),
            ("ossature answer q4 approve --without 2,5", "all but these"),
        ),
        add_arguments=_add_answer_arguments,
        run=answer,
    ),
    "stop": Command(
        about="Asks the live run to end. What has landed stays; the next build takes up the rest.",
        examples=(
            ("ossature stop", "after the work in flight"),
            ("ossature stop --now", "at once"),
            ("ossature stop --pause", "let it wait; --resume lets it go on"),
        ),
        add_arguments=_add_stop_arguments,
        run=stop,
    ),
}
