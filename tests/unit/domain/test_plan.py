"""The graph of a plan."""

from hypothesis import given
from hypothesis import strategies as st

from ossature.domain.plan import Plan, Task, graph_of, writers_of


def task(name: str, *waits: str, spec: str = "LIB", shows: tuple = (), outputs: tuple = ()) -> Task:
    return Task(name, spec, name, outputs or (name,), depends_on=waits, cross_spec_interfaces=shows)


def graph(*tasks: Task):
    return graph_of(Plan(tasks=tasks))


def test_order_is_topological_and_else_as_in_the_file():
    assert graph(task("c", "a"), task("b"), task("a")).order == ("b", "a", "c")


def test_interface_stands_for_every_task_of_its_spec():
    found = graph(task("a"), task("b"), task("c", spec="APP", shows=("LIB",)))
    assert found.dependencies["c"] == ("a", "b")
    assert found.ancestors("c") == {"a", "b"}
    assert found.descendants("a") == {"c"}


def test_own_spec_and_unknown_ids_make_no_edge():
    found = graph(task("a", "nope", shows=("LIB", "NONE")), task("b"))
    assert found.dependencies["a"] == ()


def test_cycle_is_shown_and_what_waits_for_it_has_no_place():
    found = graph(task("a", "b"), task("b", "a"), task("c", "b"), task("d"))
    assert found.order == ("d",)
    assert found.cycle in (("a", "b", "a"), ("b", "a", "b"))


def test_task_that_waits_for_itself_is_a_cycle():
    assert graph(task("a", "a")).cycle == ("a", "a")


def test_bare_number_finds_a_padded_id():
    plan = Plan(tasks=(task("007"), task("x")))
    assert plan.find("7") is plan.tasks[0]
    assert plan.find("x") is plan.tasks[1]
    assert plan.find("8") is None


def test_writers_are_listed_once_per_path():
    assert writers_of([task("a", outputs=("f", "f", "g")), task("b", outputs=("f",))]) == {
        "f": ["a", "b"],
        "g": ["a"],
    }


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_every_graph_has_an_order_or_a_cycle(edges: list):
    waits: dict[int, list[str]] = {}
    for later, earlier in edges:
        waits.setdefault(later, []).append(str(earlier))
    found = graph(*(task(str(name), *waits.get(name, ())) for name in range(10)))
    place = {name: index for index, name in enumerate(found.order)}
    for name in found.order:
        assert all(place[other] < place[name] for other in found.dependencies[name])
    assert bool(found.cycle) == (len(found.order) < 10)
    for one, other in zip(found.cycle, found.cycle[1:], strict=False):
        assert other in found.dependencies[one]
