"""The project as a build changes it: what is on disk, what has landed, and what each task gets to see."""

from __future__ import annotations

from ossature.build.evidence import keep_evidence
from ossature.build.material import Material
from ossature.build.order import Order
from ossature.build.staleness import Judgement, heads
from ossature.build.tools import Tools
from ossature.build.unowned import unowned_files
from ossature.build.workspace import FileSource
from ossature.domain import event as ev
from ossature.domain.plan import Task
from ossature.domain.wish import NO_WISH, Wish
from ossature.engine.sources import ORIGIN, Loaded
from ossature.store.ledger import Landing


class Site:
    """Knows the files of a project while tasks land."""

    def __init__(self, tools: Tools, loaded: Loaded) -> None:
        self._tools = tools
        self._loaded = loaded
        self._sources = loaded.sources
        self._unowned: dict[str, str] | None = None
        self._position = {task_id: index for index, task_id in enumerate(loaded.graph.order)}
        self._landed_paths = {path for entry in tools.ledger.landings.values() for path in entry.files}
        self.heads = heads(self._sources.writers, self._sources.landings)
        """Output path -> id of the last of its writers that has landed: the disk shows its version."""

    def order(
        self,
        task: Task,
        material: Material,
        found: Judgement,
        landing: Landing | None,
        *,
        is_forced: bool = False,
        wish: Wish = NO_WISH,
        tried: int = 0,
        asked: int = 0,
        is_continued: bool = False,
    ) -> Order:
        """What *task* is built from now; *landing* is what it landed last."""
        # What a pattern of outputs stood for is known from the landing alone.
        on_disk = dict(landing.files) if landing and task.source else {}
        bases = {path: landing.base(path) for path in landing.files} if landing else {}
        by_hand = {path for path in bases if landing and landing.is_by_hand(path)}
        for path in task.written:
            head = self._sources.landings.get(self.heads.get(path, ""))
            on_disk[path] = head.files[path] if head else self._before_tasks(path)
            bases[path] = head.base(path) if head else on_disk[path]
            by_hand.discard(path)
            if head and head.is_by_hand(path):
                by_hand.add(path)
            if (digest := self._tools.output_digest(path)) in self._loaded.leftovers.get(path, ()):
                on_disk[path] = digest or ""
        hidden = frozenset(
            path
            for path in task.written
            if path in self.heads and self.heads[path] in self._loaded.graph.descendants(task.id)
        )
        return Order(
            task=task,
            lineage=self._loaded.lineages[task.id],
            material=material,
            mode="verify" if found.standing == "verify" else "generate",
            reason=found.reason,
            tree=self._tree(task),
            previous=landing,
            shown={path: digest for path, digest in on_disk.items() if digest},
            bases=bases,
            by_hand=frozenset(by_hand),
            hidden=hidden,
            strangers=lambda: self._strangers(task),
            stand_in=lambda path: self.stand_in(task.id, path),
            keep=lambda: keep_evidence(
                task,
                material,
                self._sources,
                self._tools.blobs,
                self._tools.page,
                redact=self._tools.redact,
            ),
            is_forced=is_forced,
            wish=wish,
            tried=tried,
            asked=asked,
            below=lambda: self._loaded.graph.descendants(task.id),
            is_continued=is_continued,
        )

    def on_disk(self, path: str) -> str | None:
        """Digest of an output; None where it is missing, or is what a task left that writes it no longer."""
        digest = self._tools.output_digest(path)
        return None if digest in self._loaded.leftovers.get(path, ()) else digest

    def landing_of(self, task: Task) -> Landing | None:
        """What *task* landed last."""
        return self._sources.landings.get(task.id)

    def has_outputs(self, task: Task) -> bool:
        """All outputs of *task* are on disk."""
        return all(self._tools.output_digest(path) is not None for path in task.outputs)

    def note_landed(self, task: Task, landing: Landing) -> None:
        """Take *landing* as what *task* stands for from now on."""
        self._sources.landed(task.id, landing)
        self._landed_paths |= set(landing.files)
        written = {
            path: self._sources.writers[path] for path in landing.files if path in self._sources.writers
        }
        self.heads |= heads(written, self._sources.landings)

    def adopt_origins(self, task: Task) -> None:
        """Keep a person's file that stands where the first task of its path will write."""
        fresh: dict[str, bytes] = {}
        for path in task.written:
            digest = self._tools.output_digest(path)
            # Before anything has landed there, the file is a person's, and so is any newer version of it.
            is_origin = self._sources.origins.get(path) == digest or path in self._sources.setup
            is_known = is_origin or path in self.heads or self._is_leftover(path)
            if not is_known and digest is not None and not task.was_done:
                fresh[path] = self._tools.output.read(path)
        for path, content in fresh.items():
            digest = self._tools.blobs.put(content)
            origin = Landing(
                lineage=f"{ORIGIN}{path}",
                task="",
                spec="",
                title=path,
                outputs=(path,),
                generate="",
                verify="",
                files={path: digest},
                run=self._tools.run,
                at=self._tools.now(),
            )
            self._tools.ledger.append_landed(self._tools.ledger.append_intent(origin, {path: digest}))
            self._sources.origins[path] = digest
            text = f"{path} was there before: {task.id} sees it, and it is kept as blob {digest}"
            self._tools.channel.emit(ev.Noticed(level="info", text=text))

    def stand_in(self, task_id: str, path: str) -> str:
        """What is on disk once *task_id* writes *path* no more: another's version, or nothing."""
        landings = self._sources.landings
        for name in reversed(self._sources.writers.get(path, [])):
            if name != task_id and name in landings and path in landings[name].files:
                return landings[name].files[path]
        return self._before_tasks(path) if task_id else self._sources.origins.get(path, "")

    def _before_tasks(self, path: str) -> str:
        """Digest of what was there before the first task of *path*: a person's file, or the setup's."""
        return self._sources.origins.get(path, "") or self._sources.setup.get(path, "")

    def _strangers(self, task: Task) -> dict[str, str]:
        """Outputs of tasks that *task* does not wait for, and who writes them."""
        above = self._sources.input_trees.seen_by(task.id)
        return {
            path: ids[0]
            for path, ids in self._sources.writers.items()
            if task.id not in ids and not any(name in above for name in ids)
        }

    def _tree(self, task: Task) -> dict[str, FileSource]:
        """What the stage of *task* holds: unowned files, then what the tasks before it landed, in order."""
        tree = {
            path: FileSource(digest, self._tools.project.output_root / path)
            for path, digest in self._unowned_files().items()
        }
        tree |= {path: FileSource(digest) for path, digest in self._sources.setup.items()}
        above = self._sources.input_trees.seen_by(task.id)
        for path, digest in self._sources.origins.items():
            if path in task.written or any(name in above for name in self._sources.writers.get(path, ())):
                tree[path] = FileSource(digest)
        for name in sorted(above, key=self._position.__getitem__):
            if name in self._sources.landings:
                tree |= {path: FileSource(d) for path, d in self._sources.landings[name].files.items()}
        return tree

    def _unowned_files(self) -> dict[str, str]:
        if self._unowned is None:
            left = {path for path in self._landed_paths if self._is_leftover(path)}
            found = unowned_files(self._tools.project, left.union(self._sources.writers))
            self._unowned = dict(found.files)
            if found.skipped:
                reasons = ", ".join(f"{path} ({why})" for path, why in found.skipped.items())
                text = f"left out of stages: {reasons}"
                self._tools.channel.emit(ev.Noticed(level="warning", text=text))
        return self._unowned

    def _is_leftover(self, path: str) -> bool:
        """The file is as a task landed it that the plan no longer has; changed since, it is a person's."""
        return self._tools.output_digest(path) in self._loaded.leftovers.get(path, ())
