"""What a save changed, and which tasks that would make a build run: told before anything is run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ossature.build.material import PartKind
from ossature.digest import digest_text
from ossature.domain.plain_text import count
from ossature.engine.plan_effect import changes_between
from ossature.engine.preview import ProjectView
from ossature.errors import Diagnostic

MAX_NAMES = 6
"""Tasks or files that a sentence names."""
_SAVED: frozenset[PartKind] = frozenset({"spec", "arch", "context", "project", "template"})
"""Kinds of what a model sees that change by a save alone."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """The difference between a project before and after a save."""

    saved: tuple[str, ...] = ()
    """What people call the places that say something else now: spec ids, files, `the plan`."""
    by_run: tuple[str, ...] = ()
    """Those of them that a run wrote."""
    stale: tuple[str, ...] = ()
    """Tasks that a build would generate now and would not have before, in its order."""
    reverify: tuple[str, ...] = ()
    may_follow: tuple[str, ...] = ()
    """Tasks that may have to run now, if one before comes out differently."""
    current: tuple[str, ...] = ()
    """Tasks that would have run and need not any more."""
    errors: tuple[Diagnostic, ...] = ()
    """That were not there before."""
    solved: int = 0
    """Errors that are gone."""

    @property
    def is_empty(self) -> bool:
        """Nothing says anything else than before."""
        return not self.saved

    @property
    def tone(self) -> str:
        return "bad" if self.errors else "warn" if self.stale or self.reverify else "good"

    @property
    def sentence(self) -> str:
        """One line for people."""
        own = [name for name in self.saved if name not in self.by_run]
        parts = [f"{_named(own)} saved"] if own else []
        parts += [f"{_named(self.by_run)} edited by the run"] if self.by_run else []
        return f"{'; '.join(parts)}: {'; '.join(self._effects())}"

    def _effects(self) -> list[str]:
        found: list[str] = []
        if self.errors:
            first = self.errors[0]
            what = (
                "a new error" if len(self.errors) == 1 else f"{count(len(self.errors), 'new error')}, first"
            )
            found.append(f"{what} at {first.place}: {first.message}")
        elif self.solved:
            found.append("its error is gone" if self.solved == 1 else f"{self.solved} errors are gone")
        if self.stale:
            found.append(f"would make {_named(self.stale)} stale")
        if self.reverify:
            found.append(f"would verify {_named(self.reverify)} again")
        if self.may_follow and (self.stale or self.reverify):
            found.append(f"{_named(self.may_follow)} may follow")
        if self.current:
            found.append(
                f"{_named(self.current)} {'is' if len(self.current) == 1 else 'are'} up to date again"
            )
        return found or ["makes no task stale"]


def outlook(
    before: ProjectView, after: ProjectView, *, by_run: Collection[str] = (), is_live: bool
) -> Outlook:
    """Compare two looks at one project.

    *by_run* are digests of texts that a run wrote into specs. While *is_live*, or where a run was at work
    between the looks, plan and outputs change by its hand and are left out, and what has landed since
    *before* counts as up to date until the save.
    """
    saved, run_wrote = _saved_specs(before, after, by_run)
    saved += _saved_contexts(before, after)
    if before.project.settings != after.project.settings:
        saved.append("ossature.toml")
    if not is_live:
        saved += _saved_plan(before, after)
        saved += _edited(before, after)
    errors_before, errors = _errors(before), _errors(after)
    fresh = tuple(item for key, item in errors.items() if key not in errors_before)
    solved = [item for key, item in errors_before.items() if key not in errors]
    if not saved:
        # A file that is no spec yet, or not any more: only what is wrong with it tells of its save.
        saved = [item.place.path for item in (*fresh, *solved)]
    if not saved:
        return Outlook()
    landed = _landed(before, after) if is_live else frozenset()
    ran, runs = set(_generated(before)) - landed, _generated(after)
    verified, verifies = set(_verified(before)) - landed, _verified(after)
    might, may = set(before.may_run) - landed, after.may_run
    # What may run is settled by the run as it goes, and what is to be restored is put back by it.
    unsettled = might if is_live else set[str]()
    would = set(before.will_run) - landed
    known_before = ran | verified if is_live else would | might
    known = set(after.will_run) | set(may)
    return Outlook(
        saved=tuple(dict.fromkeys(saved)),
        by_run=tuple(run_wrote),
        stale=tuple(
            name
            for name in runs
            if name not in ran and (name not in unsettled or _is_made_stale(name, before, after))
        ),
        reverify=tuple(name for name in verifies if name not in verified | ran | unsettled),
        may_follow=tuple(name for name in may if name not in might | would),
        current=tuple(name for name in after.by_id if name in known_before and name not in known),
        errors=fresh,
        solved=len(solved),
    )


def _saved_plan(before: ProjectView, after: ProjectView) -> list[str]:
    if before.plan == after.plan:
        return []
    changes = changes_between(before.plan, after.plan) if before.plan and after.plan else ""
    return [f"the plan ({changes})" if changes else "the plan"]


def _saved_specs(
    before: ProjectView, after: ProjectView, by_run: Collection[str]
) -> tuple[list[str], list[str]]:
    old, new = _texts(before), _texts(after)
    names = {path: name for view in (before, after) for path, (name, _) in _texts(view).items()}
    changed = [path for path in names if old.get(path, ("", ""))[1] != new.get(path, ("", ""))[1]]
    mine = [names[path] for path in changed if path in new and digest_text(new[path][1]) in by_run]
    return [names[path] for path in changed], mine


def _texts(view: ProjectView) -> dict[str, tuple[str, str]]:
    """Path -> what people call the file, and its text."""
    found = {spec.path: (name, spec.text) for name, spec in view.tree.specs.items()}
    for name, files in view.tree.architectures.items():
        found |= {file.path: (f"architecture of {name}", file.text) for file in files}
    return found


def _saved_contexts(before: ProjectView, after: ProjectView) -> list[str]:
    old = before.loaded.sources.contexts if before.loaded else {}
    new = after.loaded.sources.contexts if after.loaded else {}
    folder = after.project.settings.context_dir
    return [f"{folder}/{path}" for path in sorted({*old, *new}) if old.get(path) != new.get(path)]


def _edited(before: ProjectView, after: ProjectView) -> list[str]:
    """Outputs that people changed, or changed back."""
    old = {path for view in before.tasks for path in view.edited}
    new = {path for view in after.tasks for path in view.edited}
    return sorted(old ^ new)


def _generated(view: ProjectView) -> list[str]:
    return [
        name for name, foreseen in view.forecast.will_run.items() if foreseen.mode in ("generate", "copy")
    ]


def _verified(view: ProjectView) -> list[str]:
    return [name for name, foreseen in view.forecast.will_run.items() if foreseen.mode == "verify"]


def _landed(before: ProjectView, after: ProjectView) -> frozenset[str]:
    """Tasks that landed between the looks: what was to be done about them has been done."""
    old = {name: view.landing for name, view in before.by_id.items()}
    return frozenset(name for name, view in after.by_id.items() if view.landing != old.get(name))


def _is_made_stale(name: str, before: ProjectView, after: ProjectView) -> bool:
    """Something that a person saves, and no task writes, differs now and did not before."""
    known = {(change.leaf, change.new) for change in before.by_id[name].changes}
    return any(
        (change.leaf, change.new) not in known and change.leaf.partition(" ")[0] in _SAVED
        for change in after.by_id[name].changes
    )


def _errors(view: ProjectView) -> dict[tuple[str, str, str], Diagnostic]:
    """By what they say, wherever in their file: a line added above makes no new error."""
    found = (*view.tree.diagnostics, *view.diagnostics)
    return {(i.code, i.place.path, i.message): i for i in found if i.severity == "error"}


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MAX_NAMES])
    return f"{shown} and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else shown
