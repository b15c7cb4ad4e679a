"""What may start next."""

from hypothesis import given
from hypothesis import strategies as st

from ossature.build.schedule import Blocked, Schedule, with_dependencies
from ossature.domain.plan import Graph, Plan, Task, graph_of


def graph(**edges: str) -> Graph:
    """`b="a"`: b waits for a; several are one letter each."""
    tasks = tuple(Task(name, "S", name, (name,), depends_on=tuple(wanted)) for name, wanted in edges.items())
    return graph_of(Plan(tasks=tasks))


def test_dialogue_of_a_diamond():
    plan = graph(a="", b="a", c="a", d="bc")
    schedule = Schedule(plan, set(plan.order))
    assert schedule.start() == "a"
    assert schedule.start() is None
    assert schedule.finish("a", "met") == []
    assert [schedule.start(), schedule.start(), schedule.start()] == ["b", "c", None]
    schedule.finish("c", "met")
    assert schedule.start() is None
    schedule.finish("b", "met")
    assert schedule.start() == "d"


def test_what_waits_in_vain_is_blocked_once_and_named_in_order():
    plan = graph(a="", b="a", c="b", d="ac", e="")
    schedule = Schedule(plan, set(plan.order))
    assert schedule.start() == "a"
    assert schedule.finish("a", "unmet") == [Blocked("b", "a"), Blocked("c", "a"), Blocked("d", "a")]
    assert schedule.start() == "e"
    assert schedule.finish("e", "unmet") == []
    assert schedule.start() is None


def test_tasks_that_are_not_wanted_are_left_alone():
    plan = graph(a="", b="a", c="a")
    schedule = Schedule(plan, with_dependencies(plan, ["b"]))
    assert schedule.start() == "a"
    schedule.finish("a", "met")
    assert schedule.start() == "b"
    assert schedule.start() is None


@given(st.data())
def test_every_task_is_started_after_what_it_waits_for_or_blocked(data: st.DataObject):
    size = data.draw(st.integers(1, 12))
    names = [f"t{number}" for number in range(size)]
    tasks = tuple(
        Task(
            name,
            "S",
            name,
            (name,),
            depends_on=tuple(
                data.draw(st.lists(st.sampled_from(names[:index]), unique=True)) if index else ()
            ),
        )
        for index, name in enumerate(names)
    )
    plan = graph_of(Plan(tasks=tasks))
    schedule = Schedule(plan, set(plan.order))
    met: set[str] = set()
    closed: set[str] = set()
    while (name := schedule.start()) is not None:
        assert set(plan.dependencies[name]) <= met
        assert name not in closed
        end = data.draw(st.sampled_from(["met", "unmet"]))
        lost = schedule.finish(name, end)
        closed |= {name, *(item.task for item in lost)}
        met |= {name} if end == "met" else set()
    assert closed == set(names)
