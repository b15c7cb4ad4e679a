"""Bookkeeping grows with the plan, not with its square: operations are counted, nothing is timed."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from ossature.build import material
from ossature.build.material import Sources, material_of
from ossature.build.schedule import Schedule
from ossature.domain.plan import Plan, Task, graph_of
from ossature.domain.spec import SpecTree
from ossature.store.ledger import Landing
from tests.runs.kit import Kit, task

Shape = Callable[[int], list[dict[str, Any]]]


def chain(size: int) -> list[dict[str, Any]]:
    return [
        task(f"{n:03d}", f"f{n}.txt", depends_on=[f"{n - 1:03d}"] if n else [], verify=None)
        for n in range(size)
    ]


def wide(size: int) -> list[dict[str, Any]]:
    return [task(f"{n:03d}", f"f{n}.txt", depends_on=["000"] if n else [], verify=None) for n in range(size)]


def layers(size: int) -> list[dict[str, Any]]:
    """Ten a layer; each waits for two of the layer before."""
    return [
        task(
            f"{n:03d}",
            f"f{n}.txt",
            depends_on=[f"{n - 10:03d}", f"{n - n % 10 - 10:03d}"] if n >= 10 and n % 10 else [],
            verify=None,
        )
        for n in range(size)
    ]


SHAPES = [chain, wide, layers]


def plan_of(tables: list[dict[str, Any]]) -> Plan:
    return Plan(
        tasks=tuple(
            Task(
                id=one["id"],
                spec=one["spec"],
                title=one["title"],
                outputs=tuple(one["outputs"]),
                depends_on=tuple(one["depends_on"]),
            )
            for one in tables
        )
    )


def landing_of(one: Task, found: material.Material) -> Landing:
    return Landing(
        lineage=one.id,
        task=one.id,
        spec=one.spec,
        title=one.title,
        outputs=one.outputs,
        generate=found.generate,
        verify=found.verify,
        files=dict.fromkeys(one.outputs, "0" * 64),
    )


def digests_of_a_build(shape: Shape, size: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many digests are made while each task of a plan is judged and lands."""
    counted = Counter()
    real = material.digest_json

    def digest_json(value: Any) -> str:
        counted["digests"] += 1
        return real(value)

    monkeypatch.setattr(material, "digest_json", digest_json)
    plan = plan_of(shape(size))
    graph = graph_of(plan)
    sources = Sources(SpecTree(), plan, graph, language="text", framework="", landings={})
    schedule = Schedule(graph, set(graph.order))
    while (task_id := schedule.start()) is not None:
        found = material_of(sources.tasks[task_id], sources)
        sources.landed(task_id, landing_of(sources.tasks[task_id], found))
        schedule.finish(task_id, "met")
    return counted["digests"]


@pytest.mark.parametrize("shape", SHAPES)
def test_digests_of_a_build_grow_with_the_plan(shape: Shape, monkeypatch):
    assert digests_of_a_build(shape, 800, monkeypatch) <= 8.2 * digests_of_a_build(shape, 100, monkeypatch)


def test_landing_again_voids_what_is_above_it_and_nothing_else():
    """A digest that is known stays true whatever lands."""
    plan = plan_of(layers(60))
    graph = graph_of(plan)
    landings = {
        one.id: Landing(one.id, one.id, "LIB", "", (), "", "", files={"f": one.id}) for one in plan.tasks
    }
    sources = Sources(SpecTree(), plan, graph, language="", framework="", landings=dict(landings))
    for one in plan.tasks:
        sources.input_digest(one.id)
    for changed in ("000", "011", "035", "059"):
        landings[changed] = Landing(changed, changed, "LIB", "", (), "", "", files={"f": changed + "x"})
        sources.landed(changed, landings[changed])
        afresh = Sources(SpecTree(), plan, graph, language="", framework="", landings=dict(landings))
        for one in plan.tasks:
            assert sources.input_digest(one.id) == afresh.input_digest(one.id)


@contextmanager
def counting_lines(counted: Counter[str]) -> Iterator[None]:
    """Count the lines of ours that run."""

    def local(_frame: FrameType, event: str, _argument: object) -> Any:
        counted["lines"] += event == "line"
        return local

    def trace(frame: FrameType, _event: str, _argument: object) -> Any:
        name = frame.f_code.co_filename
        return local if "/ossature/" in name and "/tests/" not in name else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def lines_of_a_look(kit: Kit, shape: Shape, size: int) -> int:
    """What `status` and a build with nothing done cost."""
    kit.plan(shape(size))
    counted: Counter[str] = Counter()
    with counting_lines(counted):
        view = kit.look()
    assert len(view.tasks) == size
    return counted["lines"]


@pytest.mark.parametrize("shape", SHAPES)
def test_look_at_a_plan_grows_with_it(kit: Kit, shape: Shape):
    assert lines_of_a_look(kit, shape, 800) <= 9.5 * lines_of_a_look(kit, shape, 100)


@pytest.mark.parametrize("shape", [chain, wide])
def test_build_with_nothing_to_do_grows_with_the_plan(kit: Kit, shape: Shape):
    """Tasks that other tools have done are adopted once; the build after that only looks."""
    lines: dict[int, int] = {}
    for size in (40, 320):
        tasks = [{**one, "status": "done"} for one in shape(size)]
        kit.plan(tasks)
        for one in tasks:
            kit.write(f"output/{one['outputs'][0]}", "done\n")
        assert kit.own().code == 0
        counted: Counter[str] = Counter()
        with counting_lines(counted):
            run = kit.own()
        assert (run.ran, len(run.rest)) == ({}, size)
        lines[size] = counted["lines"]
    assert lines[320] <= 9.5 * lines[40]
    assert kit.model.asked == []
