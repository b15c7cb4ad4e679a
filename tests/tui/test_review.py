"""A question answered by hunk, from the bar's key to the decision in the inbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from ossature.domain.decision import Approve, Edit, Gate, Mark, Question, Retry, Take, Verb
from ossature.domain.event import QuestionClosed
from ossature.domain.hunks import split
from ossature.domain.review import change_of, fits, proposal_of
from ossature.store.blobs import Blobs
from ossature.store.proposals import propose
from ossature.tui.keys.answers import hunk_draft_id
from ossature.tui.look.glyphs import ASCII, UNICODE
from ossature.tui.look.spans import text_of, width_of
from ossature.tui.screens.hunk_text import hunk_rows, hunk_text, key_of
from ossature.tui.screens.marking import Review
from ossature.tui.screens.review import ReviewScreen
from tests.tui.scene import Scene, owned, while_running
from tests.tui.stage import is_whole, last_letter, press, run, screen, shown, until

OLD = {"a.py": b"one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n", "b.py": None}
NEW = {
    "a.py": OLD["a.py"].replace(b"two", b"2").replace(b"eight", b"8\n8\x1b[2J"),
    "b.py": b"new = [1]\n",
}


def _review(gate: Gate = "landing", verbs: tuple[Verb, ...] = ("approve", "retry"), **fields) -> Review:
    proposals = tuple(proposal_of(path, OLD[path], NEW[path]) for path in NEW)
    asked = Question(id="q", gate=gate, subject="land?", verbs=verbs, proposals=proposals, **fields)
    changes = {one.path: change_of(one, OLD[one.path], NEW[one.path]) for one in proposals}
    return Review(asked, changes)


def test_marks_are_turned_kept_as_a_draft_and_sent():
    review = _review()
    (first, last), (new,) = (change.hunks for change in review.changes.values())
    review = review.toggled("a.py", last.digest).with_words("b.py", new.digest, " why? ")
    assert (review.kept, review.total) == (2, 3)
    assert review.deed() == "land 2 of 3 hunks, verify again"
    again = _review().restored(review.saved())
    assert again == review
    decision = again.decision(by="me")
    assert isinstance(decision, Approve)
    assert fits(decision, review.question)
    assert decision.marks == (
        Mark(path="a.py", hunk=last.digest),
        Mark(path="b.py", hunk=new.digest, is_refused=False, words="why?"),
    )
    assert again.toggled("a.py").kept == 1, "of a file, all are refused first"
    assert again.toggled("a.py").toggled("a.py").kept == 3
    assert again.toggled("a.py", last.digest).with_words("b.py", new.digest, "").saved() == ""
    for torn in ("", "{", "[1]", '[{"path": "a.py"}]', '[{"path": "a.py", "hunk": "0"}]', "3"):
        assert not _review().restored(torn).marks
    assert first.digest != last.digest


@pytest.mark.parametrize(
    ("gate", "verbs", "sides", "said"),
    [
        ("landing", ("approve", "retry"), (), ("land all of it (3 hunks)", "land none, verify again")),
        ("fix", ("approve", "retry"), (), ("call the fixer, which is", "undo 3 of 3 hunks, call the fixer")),
        ("conflict", ("take",), ("mine", "merged"), ("take the merge", "keep yours, verify it")),
        ("conflict", ("take",), ("mine", "theirs"), ("take the new version", "keep yours, verify it")),
        ("spec_edit", ("approve", "skip"), (), ("apply all of it", "apply nothing")),
        ("task_failed", ("retry", "skip"), (), ("generate anew, which", "generate anew, which is told of 3")),
    ],
)
def test_every_gate_says_what_its_answer_does(gate: Gate, verbs, sides, said):
    review = _review(gate, verbs, sides=sides)
    assert review.deed().startswith(said[0])
    assert review.all_marked(is_refused=True).deed().startswith(said[1])
    kinds = {"approve": Approve, "take": Take, "retry": Retry}
    assert isinstance(review.decision(by="me"), kinds[verbs[0]])
    assert fits(review.all_marked(is_refused=True).decision(by="me"), review.question)


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_text_shows_every_hunk_once_with_what_is_around_it(glyphs):
    review = _review()
    for is_wide in (False, True):
        text = hunk_text(review, 60, is_wide=is_wide)
        assert [row.key for row in hunk_rows(review, glyphs)] == list(text.starts)
        assert all(width_of(line) <= 60 for line in text.lines)
        assert "\x1b" not in text.text
        words = text.text.split()
        assert [words.count(word) for word in ("four", "five", "six")] == [1 + is_wide] * 3
    lines = hunk_text(review, 60, is_wide=False).text.split("\n")
    assert lines[lines.index("-two") : lines.index("-two") + 2] == ["-two", "+2"]
    assert "b.py  (new)" in lines
    rows = {row.key: text_of(row.left) for row in hunk_rows(review.toggled("b.py"), glyphs)}
    assert "refused" in rows[key_of("b.py", review.changes["b.py"].hunks[0].digest)]


def test_line_ends_and_bytes_that_are_no_text_are_told():
    before, after = {"x": b"a\r\nb", "y": b"\0"}, {"x": b"a\nb\n", "y": b"\0\0"}
    changes = {path: split(before[path], after[path]) for path in before}
    proposals = tuple(proposal_of(path, before[path], after[path]) for path in before)
    asked = Question(id="q", gate="fix", subject="?", verbs=("approve",), proposals=proposals)
    text = hunk_text(Review(asked, changes), 60, is_wide=False).text
    assert r"-a\r\n" in text or "-b (no line end)" in text
    assert "(binary: 1 -> 2 bytes)" in text


def _ask(scene: Scene, gate: Gate = "landing", number: int = 1) -> Question:
    staged = {name: scene.project.work_dir / "staged" / name for name in NEW}
    for name, path in staged.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(NEW[name])
    question = Question(
        id=f"006-{gate}-{number}",
        gate=gate,
        subject=f"{gate} of a.py and b.py?",
        verbs=("approve", "retry", "edit", "abort"),
        task="006",
        proposals=propose(OLD, NEW, Blobs(scene.project.blobs_dir)),
        files=tuple(scene.project.relative(path) for path in staged.values()),
        titles=tuple(staged),
    )
    scene.ask(question)
    return question


@pytest.mark.parametrize("size", [(120, 40), (60, 20), (40, 12)])
def test_a_review_from_key_to_decision(scene: Scene, size: tuple[int, int]) -> None:
    async def dialogue() -> None:
        while_running(scene)
        question = _ask(scene)
        with owned(scene):
            async with shown(scene, size) as (app, pilot):
                await until(pilot, lambda: "review 3 hunks" in screen(app))
                await press(pilot, "v")
                await until(pilot, lambda: isinstance(app.screen, ReviewScreen) and "1 of 3" in screen(app))
                assert is_whole(app)
                assert "3 of 3 kept" in screen(app)
                assert "land all of it" in screen(app)
                await press(pilot, "j", "space")
                assert "2 of 3 kept" in screen(app)
                assert "land 2 of 3 hunks, verify again" in screen(app)
                assert "refused" in screen(app)
                await press(pilot, "k", "k", "c", *"no 8s", "enter")
                assert "no 8s" in screen(app)
                assert scene.letters() == []
                await press(pilot, "slash", *"new = ", "enter")
                await until(pilot, lambda: "new = [1]" in screen(app))
                await press(pilot, "escape")
                assert len(app.screen_stack) == 1
                await press(pilot, "a", "n")
                assert scene.letters() == [], "marks are not passed over unasked"
                await press(pilot, "v")
                await until(pilot, lambda: "2 of 3 kept" in screen(app))
                await press(pilot, "s", "h", "x")
                assert isinstance(app.screen, ReviewScreen), "answers of the bar wait below"
                await press(pilot, "R", "A", "R", "j", "space", "w", "w", "pagedown", "pageup", "a")
                await until(pilot, scene.letters)
                decision = last_letter(scene)
                assert isinstance(decision, Approve)
                assert fits(decision, question)
                assert sum(mark.is_refused for mark in decision.marks) == 2
                assert "no 8s" in [mark.words for mark in decision.marks]
                assert app.bridge.draft(f"{question.id} hunks") == ""

    run(dialogue())


def test_review_goes_with_its_question_and_retry_and_edit_are_answers_too(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dialogue() -> None:
        while_running(scene)
        first = _ask(scene)
        with owned(scene):
            async with shown(scene, (120, 40)) as (app, pilot):
                monkeypatch.setattr(app, "run_editor", _typing)
                await press(pilot, "v")
                await until(pilot, lambda: isinstance(app.screen, ReviewScreen))
                await press(pilot, "space", "question_mark", *"refuse all", "enter")
                await until(pilot, lambda: "land none" in screen(app))
                scene.tell(QuestionClosed(question_id=first.id, decision=None))
                await until(pilot, lambda: len(app.screen_stack) == 1 and "is closed" in screen(app))
                _ask(scene, "fix", 2)
                await until(pilot, lambda: app.question and app.question.gate == "fix")
                app.bridge.save_draft(hunk_draft_id(app.question), "[]")
                await press(pilot, "a", "y")
                await until(pilot, scene.letters)
                assert isinstance(last_letter(scene), Approve)
                scene.letters()[-1].unlink()
                app.bridge.save_draft(hunk_draft_id(app.question), "")
                await press(pilot, "v")
                await until(pilot, lambda: isinstance(app.screen, ReviewScreen))
                await press(pilot, "space", "r", *"@a:b in words", "enter")
                await until(pilot, scene.letters)
                retry = last_letter(scene)
                assert isinstance(retry, Retry)
                assert (retry.model, retry.feedback, len(retry.marks)) == ("a:b", "in words", 1)
                await press(pilot, "v")
                await until(pilot, lambda: isinstance(app.screen, ReviewScreen))
                await press(pilot, "e")
                await until(pilot, lambda: len(scene.letters()) == 2)
                edit = last_letter(scene)
                assert isinstance(edit, Edit)
                assert edit.content.endswith("typed\n")

    run(dialogue())


def _typing(argv: list[str]) -> int:
    with Path(argv[-1]).open("a", encoding="utf-8") as file:
        file.write("typed\n")
    return 0


def test_nothing_to_review_is_said(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            assert "review" not in screen(app)
            await press(pilot, "v")
            assert "no open question shows a change" in screen(app)

    run(dialogue())
