"""Which landings a task's stage holds, and the digest by which its verify knows them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property

from ossature.digest import canonical_json, digest_json, digest_text
from ossature.domain.plan import Graph
from ossature.settings import Isolation
from ossature.store.ledger import Landing

_BOTTOM = canonical_json(["tree"])
"""The node below the first task, where a stage holds all tasks before its own."""


class InputTrees:
    """Digests of what each task gets to see; kept until something that they hang on lands anew."""

    def __init__(self, graph: Graph, landings: Mapping[str, Landing], isolation: Isolation) -> None:
        """*landings* (by task id) may change; whoever changes one says so to `landed`."""
        self._graph = graph
        self._landings = landings
        self._isolation = isolation
        self._digests: dict[str, str] = {}
        """Of what a task landed and of all that it waits for."""
        self._before: list[str] = []
        """Of what the first n tasks of the order landed."""

    @cached_property
    def _position(self) -> dict[str, int]:
        return {task_id: index for index, task_id in enumerate(self._graph.order)}

    def seen_by(self, task_id: str) -> Collection[str]:
        """Ids of the tasks whose landings the stage of *task_id* holds."""
        if self._isolation == "tree":
            return frozenset(self._graph.order[: self._position.get(task_id, 0)])
        return self._graph.ancestors(task_id)

    def digest(self, task_id: str) -> str:
        """Of everything that `seen_by` names, as it landed."""
        if self._isolation == "tree":
            return self._digest_before(self._position.get(task_id, 0))
        return digest_text(self._root(task_id))

    def nodes(self, task_id: str, is_kept: Callable[[str], bool]) -> list[str]:
        """Canonical JSON of the nodes of that tree, the lowest first; none below one that *is_kept*."""
        if self._isolation == "tree":
            return self._chain(task_id, is_kept)
        fresh: dict[str, str] = {}
        waiting = list(self._graph.dependencies[task_id])
        while waiting:
            name = waiting.pop()
            if name not in fresh and not is_kept(self._with_dependencies(name)):
                fresh[name] = self._node(name)
                waiting.extend(self._graph.dependencies[name])
        ordered = sorted(fresh, key=lambda name: self._position.get(name, 0))
        return [*(fresh[name] for name in ordered), self._root(task_id)]

    def settled(self, task_id: str, is_open: Callable[[str], bool]) -> Iterator[str]:
        """Digests of those nodes of the tree on which no task hangs that *is_open*."""
        if self._isolation != "tree":
            yield from (self._with_dependencies(n) for n in self.seen_by(task_id) if not is_open(n))
            return
        for position, name in enumerate(self._graph.order[: self._position.get(task_id, 0)], 1):
            if is_open(name):
                return
            yield self._digest_before(position)

    def landed(self, task_id: str) -> None:
        """Digests that hang on a landing of *task_id* are made anew."""
        del self._before[self._position.get(task_id, 0) + 1 :]
        # A digest is known only where those of all that it waits for are: nothing is below an unknown one.
        waiting = [task_id]
        while waiting:
            name = waiting.pop()
            if self._digests.pop(name, None) is not None:
                waiting.extend(self._graph.dependents[name])

    def _digest_before(self, position: int) -> str:
        if not self._before:
            self._before.append(digest_text(_BOTTOM))
        while len(self._before) <= position:
            name = self._graph.order[len(self._before) - 1]
            self._before.append(digest_json([self._before[-1], self._files(name)]))
        return self._before[position]

    def _chain(self, task_id: str, is_kept: Callable[[str], bool]) -> list[str]:
        position = self._position.get(task_id, 0)
        texts: list[str] = []
        while position and not is_kept(self._digest_before(position)):
            files = self._files(self._graph.order[position - 1])
            position -= 1
            texts.append(canonical_json([self._digest_before(position), files]))
        return [_BOTTOM, *reversed(texts)]

    def _root(self, task_id: str) -> str:
        return canonical_json(sorted({self._with_dependencies(o) for o in self._graph.dependencies[task_id]}))

    def _with_dependencies(self, task_id: str) -> str:
        if task_id not in self._digests:
            for name in self._above_first(task_id):
                self._digests[name] = digest_text(self._node(name))
        return self._digests[task_id]

    def _node(self, task_id: str) -> str:
        below = sorted({self._digests[other] for other in self._graph.dependencies[task_id]})
        return canonical_json([self._files(task_id), below])

    def _files(self, task_id: str) -> list[tuple[str, str]]:
        landing = self._landings.get(task_id)
        return sorted(landing.files.items()) if landing else []

    def _above_first(self, task_id: str) -> list[str]:
        """*task_id* and what it waits for as far as not yet known, dependencies first (no recursion)."""
        order: dict[str, None] = {}
        waiting = [task_id]
        opened: set[str] = set()
        while waiting:
            name = waiting[-1]
            if name in self._digests or name in opened:
                waiting.pop()
                if name not in self._digests:
                    order.setdefault(name)
                continue
            opened.add(name)
            waiting.extend(other for other in self._graph.dependencies[name] if other not in self._digests)
        return list(order)
