"""Settles what a person wrote against what is about to land, before anything of either is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ossature.build.diffing import unified
from ossature.build.merging import Merge, has_markers, holds_all, merge, without_hand
from ossature.build.order import Order
from ossature.build.tools import Tools
from ossature.digest import digest_bytes
from ossature.domain import event as ev
from ossature.domain.decision import Decision, Edit, Proposal, Side, Take, Verb
from ossature.domain.hunks import split
from ossature.domain.review import kept
from ossature.errors import DiskError
from ossature.store.disk import write_atomic
from ossature.store.ledger import Aside
from ossature.store.proposals import propose

Outcome = Literal["clear", "staged"]
"""clear: the files may land as they are; staged: others took their place and are to be verified."""


class Stage(Protocol):
    """Where a version is put to be verified and to land."""

    def edit(self, path: str, content: str | bytes) -> None:
        """Put a person's version there."""

    def is_of_person(self, path: str) -> bool:
        """What is there now is a version that a person put there."""


class Asking(Protocol):
    """Opens the `conflict` gate."""

    async def __call__(
        self,
        subject: str,
        verbs: tuple[Verb, ...],
        *,
        sides: tuple[Side, ...],
        detail: str,
        files: Mapping[str, str],
        proposals: tuple[Proposal, ...],
    ) -> Decision:
        """`files`: project-relative name -> digest; `proposals`: what may be taken by hunk."""


@dataclass(frozen=True, slots=True)
class Clash:
    """One output of which a person's version and another one are there."""

    path: str
    mine: bytes
    theirs: bytes
    base: bytes | None
    """What both start from; None where that is not known."""
    merged: Merge | None
    is_on_disk: bool
    """False: mine was accepted before, and the disk shows a later writer's version."""
    is_accepted: bool
    """Mine has landed; else it is on disk only."""

    @property
    def is_mergeable(self) -> bool:
        return self.merged is not None and self.merged.is_clean

    @property
    def is_carried_over(self) -> bool:
        """Their version holds every change of mine already."""
        if self.merged is None:
            return holds_all(self.theirs, base=self.base, mine=self.mine)
        return self.merged.is_clean and self.merged.content == self.theirs


@dataclass
class Conflicts:
    """The conflicts of one task on its way."""

    tools: Tools
    order: Order
    stage: Stage
    ask: Asking
    _settled: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """Path -> digest of a person's version, and whether it was given up."""
    _hand: dict[str, tuple[bytes | None, bytes]] = field(default_factory=dict)
    """Path -> what a person's version starts from, and that version; given up ones are not among them."""
    _said: set[str] = field(default_factory=set)
    seen: dict[str, str | None] = field(default_factory=dict)
    """Path -> digest of what the disk showed when it was last looked at; what else is there must stay."""

    async def settle(self, files: Mapping[str, bytes]) -> Outcome | Decision:
        """Ask until nothing of a person's stands against *files*; a decision is one that ends the task.

        A version that is given up becomes a blob, and the run says which. Raises DiskError.
        """
        outcome: Outcome = "clear"
        while clashes := self._clashes(files):
            if kept := [clash for clash in clashes if _came_out_as_before(clash)]:
                for clash in kept:
                    self._say(f"{clash.path} came out as it was generated before: your version of it stays")
                    self._stage(clash, clash.mine)
                outcome = "staged"
                continue
            group = [clash for clash in clashes if clash.is_mergeable] or clashes
            answer = await self._asked(group)
            if any(self._mine(clash.path)[0] != digest_bytes(clash.mine) for clash in group):
                self._say(f"{_names(group)} changed again while the question was open")
                continue
            if not isinstance(answer, Take | Edit):
                return answer
            if self._act(answer, group):
                outcome = "staged"
        return outcome

    async def settle_early(self, paths: Sequence[str]) -> Decision | None:
        """Ask about edited outputs before a model is paid, where nobody could choose later.

        None: they were given up for what will land. A decision is one that ends the task.
        """
        digests = {path: self.tools.output_digest(path) or "" for path in paths}
        answer = await self.ask(
            f"{', '.join(paths)} edited by hand, and {self.order.task.id} is about to be built anew",
            ("take", "skip", "abort"),
            sides=("theirs", "aside"),
            detail="",
            files={self._disk_name(path): digest for path, digest in digests.items()},
            proposals=(),
        )
        if not isinstance(answer, Take):
            return answer
        for path, digest in digests.items():
            self._give_up(path, self.tools.output.read(path), answer.side)
            self._settled[path] = digest, True
        return None

    def generated(self, files: Mapping[str, bytes], by_hand: Mapping[str, bytes | None]) -> dict[str, str]:
        """Path -> digest of what a model wrote, for those of *files* in which a person had a hand.

        Lines of a person's that a model took over stay a person's: the next version that drops them is a
        conflict again. *by_hand* gives what a model had staged before a person's version took its place.
        """
        found: dict[str, str] = {}
        for path, content in files.items():
            if path not in by_hand and path not in self._hand:
                continue
            written = by_hand.get(path, content)
            if written is not None and path in self._hand:
                base, mine = self._hand[path]
                written = without_hand(written, base=base, mine=mine)
            found[path] = "" if written is None else self.tools.blobs.put(written)
        return found

    def _clashes(self, files: Mapping[str, bytes]) -> list[Clash]:
        found: list[Clash] = []
        for path, theirs in files.items():
            mine, base = self._mine(path)
            settled, is_given_up = self._settled.get(path, ("", False))
            if not mine or (settled == mine and (is_given_up or self.stage.is_of_person(path))):
                continue
            clash = self._clash(path, theirs, mine=mine, base=base)
            self._hand[path] = clash.base, clash.mine
            if clash.mine == theirs:
                continue
            if clash.is_carried_over:
                self._say_once(f"your edits of {path} are in the new version already")
            else:
                found.append(clash)
        return found

    def _mine(self, path: str) -> tuple[str, str]:
        """Digests of what a person wrote at *path* and of what that started from; empty for nothing."""
        order = self.order
        is_hidden = path in order.hidden
        disk = None if is_hidden else self.tools.output_digest(path)
        if not is_hidden:
            self.seen[path] = disk
        if disk is not None and disk != order.shown.get(path, ""):
            return disk, order.bases.get(path, "")
        if disk is None and not is_hidden:
            # Deleted: the person took it away, and there is nothing of theirs to keep.
            return "", ""
        landed = order.previous
        if is_hidden:
            is_by_hand = landed is not None and path in landed.files and landed.is_by_hand(path)
            return (landed.files[path], landed.base(path)) if landed and is_by_hand else ("", "")
        shown = order.shown[path]
        return (shown, order.bases[path]) if path in order.by_hand else ("", "")

    def _clash(self, path: str, theirs: bytes, *, mine: str, base: str) -> Clash:
        is_hidden = path in self.order.hidden
        is_accepted = is_hidden or mine == self.order.shown.get(path, "")
        content = self.tools.blobs.get(mine) if is_accepted else self.tools.output.read(path)
        start = self._blob(base)
        merged = merge(start, content, theirs) if start is not None and content != theirs else None
        return Clash(path, content, theirs, start, merged, not is_hidden, is_accepted)

    def _blob(self, digest: str) -> bytes | None:
        try:
            return self.tools.blobs.get(digest) if digest else None
        except DiskError:
            # A blob that is gone costs the offer of a merge, not the build.
            return None

    async def _asked(self, group: Sequence[Clash]) -> Decision:
        is_mergeable = all(clash.is_mergeable for clash in group)
        sides: tuple[Side, ...] = ("mine", "merged", "theirs", "aside")
        if not is_mergeable:
            sides = ("mine", "theirs", "aside")
        task = self.order.task.id
        return await self.ask(
            f"{_names(group)} of {task} holds edits by hand, and a new version is ready: which one lands?",
            ("take", "edit", "skip", "abort"),
            sides=sides,
            detail=_detail(group),
            files={name: digest for clash in group for name, digest in self._shown(clash).items()},
            proposals=propose(*_sides(group, is_merged=is_mergeable), self.tools.blobs),
        )

    def _shown(self, clash: Clash) -> dict[str, str]:
        """A draft that can be edited, the merge where there is one, and what is on disk."""
        content = clash.merged.content if clash.merged is not None else clash.mine
        draft = self.tools.project.root / self._draft_name(clash.path)
        write_atomic(draft, content)
        shown = {self._draft_name(clash.path): digest_bytes(content)}
        if clash.is_on_disk:
            shown[self._disk_name(clash.path)] = digest_bytes(clash.mine)
        return shown

    def _act(self, answer: Take | Edit, group: Sequence[Clash]) -> bool:
        """Do as answered; whether the stage holds another version now."""
        match answer:
            case Edit(path=name, content=text):
                return self._act_on_edit(name, text, group)
            case Take(side=side, marks=marks):
                before, after = _sides(group, is_merged=side == "merged")
                changes = {path: split(before[path], after[path]) for path in before} if marks else {}
                left = kept(changes, marks)
                # A list, since each of them is to be settled.
                return any([self._take(clash, side, left.get(clash.path)) for clash in group])

    def _take(self, clash: Clash, side: Side, left: bytes | None) -> bool:
        """Settle one output; *left* is what a person left of that side, None for all of it."""
        if side in ("theirs", "aside"):
            self._give_up(clash.path, clash.mine, side)
        if left is not None:
            self._stage(clash, left)
        elif side == "mine":
            self._stage(clash, clash.mine)
        elif side == "merged":
            assert clash.merged is not None
            self._stage(clash, clash.merged.content)
        else:
            self._hand.pop(clash.path, None)
            self._settled[clash.path] = digest_bytes(clash.mine), True
            return False
        return True

    def _act_on_edit(self, name: str, text: str, group: Sequence[Clash]) -> bool:
        content = text.encode("utf-8")
        for clash in group:
            if name in (self._draft_name(clash.path), self._disk_name(clash.path), clash.path):
                if clash.merged is not None and has_markers(content):
                    self._say(f"{clash.path} still has conflict markers in it, so it was not taken")
                    return False
                self._stage(clash, content)
                return True
        self._say(f"{name} is not one of the files in question")
        return False

    def _stage(self, clash: Clash, content: bytes) -> None:
        self.stage.edit(clash.path, content)
        self._settled[clash.path] = digest_bytes(clash.mine), False

    def _give_up(self, path: str, content: bytes, side: Side) -> None:
        set_aside(self.tools, self.order.task.id, path, content, how=how_of(side))

    def _disk_name(self, path: str) -> str:
        project = self.tools.project
        return project.relative(project.output_root / path)

    def _draft_name(self, path: str) -> str:
        project = self.tools.project
        folder = project.runs_dir / self.tools.run / "drafts" / "merge"
        return project.relative(folder / self.order.lineage / path)

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)

    def _say(self, text: str) -> None:
        self.tools.channel.emit(ev.Noticed(level="info", text=text))


def how_of(side: Side) -> str:
    """How the ledger calls a version that was given up by taking *side*."""
    return "set aside" if side == "aside" else "given up"


def set_aside(tools: Tools, task: str, path: str, content: bytes, *, how: str) -> None:
    """Keep a person's version of an output for good, and say where. Raises DiskError."""
    digest = tools.blobs.put(content)
    tools.ledger.append_aside(Aside(path, digest, task, how, tools.run, tools.now()))
    blob = tools.project.relative(tools.blobs.path_of(digest))
    text = f"your {path} is kept as {blob} (`ossature accept --list` lists such versions)"
    tools.channel.emit(ev.Noticed(level="info", text=text))


def _sides(group: Sequence[Clash], *, is_merged: bool) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Path -> a person's version, and what may take its place hunk by hunk."""
    after = {
        clash.path: clash.merged.content if is_merged and clash.merged is not None else clash.theirs
        for clash in group
    }
    return {clash.path: clash.mine for clash in group}, after


def _came_out_as_before(clash: Clash) -> bool:
    """Nothing new was generated, and mine was taken over it before."""
    return clash.is_accepted and clash.theirs == clash.base


def _names(group: Sequence[Clash]) -> str:
    return ", ".join(clash.path for clash in group)


def _detail(group: Sequence[Clash]) -> str:
    lines: list[str] = []
    for clash in group:
        if clash.merged is None:
            lines.append(f"{clash.path}: no merge can be offered")
        elif clash.merged.is_clean:
            lines.append(f"{clash.path}: both versions merge without a conflict")
        else:
            places = "place" if clash.merged.conflicts == 1 else "places"
            lines.append(
                f"{clash.path}: both changed the same lines at {clash.merged.conflicts} {places}; "
                "`edit` opens the merge with markers"
            )
    for clash in group:
        if clash.base is not None:
            lines += ["your edits:", unified({clash.path: clash.base}, {clash.path: clash.mine}).rstrip("\n")]
    return "\n".join(lines)
