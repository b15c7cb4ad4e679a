"""Which tasks use which part of the specs."""

from __future__ import annotations

from ossature.domain.plan import Plan, Task
from ossature.spec.coverage import Coverage, coverage_of
from ossature.spec.tree import build_tree
from tests.runs.kit import APP, LIB, LIB_AMD

FILES = {"specs/lib.smd": LIB, "specs/app.smd": APP, "specs/lib.amd": LIB_AMD}
TREE = build_tree({path: text.encode() for path, text in FILES.items()})


def at(heading: str, path: str = "specs/lib.smd") -> tuple[str, int]:
    return path, FILES[path].splitlines().index(heading) + 1


def task(name: str, *refs: str, arch: tuple[str, ...] = ()) -> Task:
    return Task(id=name, spec="LIB", title=name, outputs=(name,), spec_refs=refs, arch_refs=arch)


def test_a_part_is_used_by_who_names_it_what_it_lies_in_or_what_lies_in_it() -> None:
    plan = Plan(tasks=(task("2", "Count"), task("1", "Requirements"), task("3", "Constraints")))
    found = coverage_of(plan, TREE)
    assert found.tasks_at(*at("### Count {#count}")) == ("2", "1")
    assert found.tasks_at(*at("### Weigh {#weigh}")) == ("1",)
    assert found.tasks_at(*at("## Requirements")) == ("2", "1")
    assert found.tasks_at("specs/lib.smd", 0) == ("2", "1", "3")
    assert found.tasks_at(*at("## Overview")) == ()
    assert found.spots["2"] == {at("### Count {#count}")}
    assert len(found.spots["1"]) == 3
    assert found.unused_in("specs/lib.smd") == 0


def test_unused_is_what_is_to_be_built_and_nobody_shows() -> None:
    found = coverage_of(Plan(tasks=(task("1", "Count", arch=("Shelf",)),)), TREE)
    app = [at("### Show {#show}", "specs/app.smd"), at("### Help {#help}", "specs/app.smd")]
    assert found.unused == {
        at("### Weigh {#weigh}"),
        at("## Constraints"),
        at("### Scale", "specs/lib.amd"),
        *app,
    }
    assert coverage_of(Plan(), TREE) == Coverage()
