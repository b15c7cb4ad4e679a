"""Settle findings by edits of the specs: a model proposes, a person decides, nothing else is overwritten."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ossature.analysis.audit import audit_spec
from ossature.analysis.desk import Desk
from ossature.analysis.rulings import Bench, find_judged
from ossature.analysis.spec_fix import SpecEdit, Word, new_errors, propose_edit, read_files
from ossature.build.diffing import unified
from ossature.build.merging import merge
from ossature.digest import digest_bytes, digest_text
from ossature.domain import event as ev
from ossature.domain.decision import Abort, Approve, Decision, Edit, Question, Retry
from ossature.domain.finding import Finding
from ossature.domain.plain_text import count
from ossature.domain.review import marks_of, told
from ossature.domain.ruling import Judged
from ossature.domain.spec import SpecTree
from ossature.engine.sources import load_tree
from ossature.errors import OssatureError, UsageError
from ossature.spec.document import fold
from ossature.spec.lines import normalise
from ossature.store.blobs import Blobs
from ossature.store.disk import read_bytes, write_atomic
from ossature.store.findings import read_audits
from ossature.store.proposals import kept_files, propose, read_changes
from ossature.store.rulings import read_rulings
from ossature.store.safe_root import SafeRoot


@dataclass(frozen=True, slots=True)
class Fixed:
    """What came of the findings."""

    applied: int = 0
    """Edits that were written."""
    left: int = 0
    """Findings that stay as they are."""

    @property
    def sentence(self) -> str:
        parts = [f"{count(self.applied, 'edit')} applied"] if self.applied else []
        parts += [f"{count(self.left, 'finding')} left as {'it is' if self.left == 1 else 'they are'}"]
        return ", ".join(parts if self.left or not self.applied else parts[:1])


class SpecFixing:
    """One finding after another; each edit is seen by a person before it is written."""

    def __init__(self, desk: Desk, blobs: Blobs) -> None:
        self._desk = desk
        self._blobs = blobs
        self._asked = 0
        self._cycles: dict[str, int] = {}
        """Spec -> how often it was reviewed again in this run."""

    async def run(self, tree: SpecTree, names: Sequence[str]) -> Fixed:
        """Settle the findings with these ids. Raises UsageError, ModelError, OssatureError."""
        wanted = [_find(self._judged(tree), name) for name in names]
        done = Fixed()
        for judged in wanted:
            finding: Finding | None = judged.finding
            while finding is not None:
                tree = load_tree(self._desk.project)
                is_applied = await self._settle(tree, finding)
                done = Fixed(done.applied + is_applied, done.left + (not is_applied))
                finding = await self._left_over(finding) if is_applied else None
        return done

    def _judged(self, tree: SpecTree) -> list[Judged]:
        audits = read_audits(self._desk.project.audit_dir)
        bench = Bench(tree, read_rulings(self._desk.project.rulings_path))
        return bench.judge_all({name: audit.findings for name, audit in audits.items()})

    async def _left_over(self, finding: Finding) -> Finding | None:
        """Review the spec again; the error that is still at that place, if there is one."""
        limit, spec = self._desk.project.settings.max_fix_cycles, finding.spec
        tree = load_tree(self._desk.project)
        if spec not in tree.specs or self._cycles.get(spec, 0) >= limit:
            return None
        self._cycles[spec] = self._cycles.get(spec, 0) + 1
        audit = await audit_spec(self._desk, tree, spec)
        if self._cycles[spec] >= limit:
            return None
        return next(
            (
                item
                for item in audit.open_errors
                if finding.severity == "error" and fold(item.place) == fold(finding.place)
            ),
            None,
        )

    async def _settle(self, tree: SpecTree, finding: Finding) -> bool:
        """Ask for edits until one is written (True) or the person leaves the finding as it is."""
        edit = await propose_edit(self._desk, tree, finding, Word())
        while True:
            question = self._question(finding, edit)
            answer = await self._desk.channel.ask(question)
            match answer:
                case Approve():
                    outcome = self._approved(tree, finding, edit, question, answer)
                    if isinstance(outcome, bool):
                        return outcome
                    edit = outcome
                case Edit(path=name, content=content):
                    edit = self._edited(tree, edit, question.title(name), content)
                case Retry():
                    self._desk.refuse("spec_fix")
                    edit = await propose_edit(self._desk, tree, finding, self._word(question, answer))
                case Abort():
                    raise OssatureError(
                        "ended at the question about the edit; the specs are as they were",
                        hint="`ossature audit --fix` asks again, with the same proposal",
                    )
                case _:
                    return self._leave(finding)

    def _leave(self, finding: Finding) -> bool:
        self._desk.refuse("spec_fix")
        self._say(f"{finding.spec or 'the finding'}: left as it is")
        return False

    def _question(self, finding: Finding, edit: SpecEdit) -> Question:
        self._asked += 1
        shown = self._show(edit)
        return Question(
            id=f"spec-{self._asked}",
            gate="spec_edit",
            subject=f"apply this edit of {', '.join(edit.after)}? It settles: {finding.issue}",
            detail="\n\n".join(filter(None, (edit.notes, unified(edit.before, edit.after)))),
            verbs=("approve", "retry", "edit", "skip", "abort"),
            spec=finding.spec,
            files=tuple(shown),
            digests=tuple(shown.values()),
            titles=tuple(edit.after),
            proposals=propose(edit.before, edit.after, self._blobs),
        )

    def _show(self, edit: SpecEdit) -> dict[str, str]:
        """Put the edit and its difference into the attempt's folder; returns copy -> digest."""
        if edit.exchange is None:
            return {}
        log = edit.exchange.log
        log.write_changes(unified(edit.before, edit.after))
        root = SafeRoot(log.folder / "staged", syncs=False)
        shown: dict[str, str] = {}
        for path, content in edit.after.items():
            root.write(path, content)
            shown[self._desk.project.relative(log.folder / "staged" / path)] = digest_bytes(content)
        return shown

    def _word(self, question: Question, answer: Retry) -> Word:
        changes = read_changes(question.proposals, self._blobs)
        redactor = self._desk.caller.redactor
        said = told(changes, marks_of(answer), redactor) or redactor.text(question.detail)
        return Word(answer.feedback, said, answer.model)

    def _edited(self, tree: SpecTree, edit: SpecEdit, path: str, content: str) -> SpecEdit:
        """With a person's version of one file, unless the specs could not be read with it."""
        changed = replace(edit, after={**edit.after, path: content.encode("utf-8")}, notes="as you edited it")
        return changed if self._is_readable(tree, changed.after) else edit

    def _approved(
        self, tree: SpecTree, finding: Finding, edit: SpecEdit, question: Question, answer: Decision
    ) -> SpecEdit | bool:
        """Write what is left of the edit: whether there was something; or what is to be asked instead."""
        left = kept_files(question.proposals, marks_of(answer), self._blobs)
        after = {**edit.after, **{path: content for path, content in left.items() if content is not None}}
        after = {path: content for path, content in after.items() if content != edit.before[path]}
        if not after:
            return self._leave(finding)
        if left and not self._is_readable(tree, after):
            return edit
        current = {path: read_bytes(self._desk.project.root / path) for path in after}
        moved = {path for path, content in current.items() if content != edit.before[path]}
        if moved:
            return self._merged(tree, edit, after, current)
        for path, content in after.items():
            self._write(path, content)
            name = next((s for s, spec in tree.specs.items() if spec.path == path), finding.spec)
            text = normalise(content.decode("utf-8", "replace"))
            self._desk.channel.emit(ev.SpecEdited(spec=name, path=path, digest=digest_text(text)))
        self._desk.keep("spec_fix")
        return True

    def _merged(
        self, tree: SpecTree, edit: SpecEdit, after: Mapping[str, bytes], current: Mapping[str, bytes]
    ) -> SpecEdit:
        """The edit on top of what was saved meanwhile. Raises OssatureError where both change one place."""
        merged: dict[str, bytes] = {}
        for path, content in after.items():
            found = merge(edit.before[path], current[path], content)
            if found is None or not found.is_clean:
                raise OssatureError(
                    f"{path} was changed meanwhile, where the edit changes it; nothing was written",
                    hint="`ossature audit --fix` proposes one for the file as it is now",
                )
            merged[path] = found.content
        self._say(f"{', '.join(merged)} was changed meanwhile: this is the edit on top of that")
        if not self._is_readable(tree, merged):
            raise OssatureError("with what was saved meanwhile the edit does not fit; nothing was written")
        return replace(edit, before=dict(current), after=merged)

    def _is_readable(self, tree: SpecTree, after: Mapping[str, bytes]) -> bool:
        """The specs have no new errors with these files; else it is said."""
        errors = new_errors(read_files(self._desk, tree), after)
        if errors:
            self._say(f"not applied: {errors[0]}", level="warning")
        return not errors

    def _write(self, path: str, content: bytes) -> None:
        """Replace the file that the path leads to, with its permissions. Raises DiskError."""
        whole: Path = (self._desk.project.root / path).resolve()
        write_atomic(whole, content, mode=stat.S_IMODE(whole.stat().st_mode))

    def _say(self, text: str, *, level: Literal["info", "warning"] = "info") -> None:
        self._desk.channel.emit(ev.Noticed(level=level, text=text))


def _find(judged: Sequence[Judged], name: str) -> Judged:
    found = find_judged(judged, name)
    if len(found) != 1:
        what = "more than one finding" if found else "no finding any more"
        raise UsageError(f"{name!r} names {what}", hint="see `ossature audit --list`")
    return found[0]
