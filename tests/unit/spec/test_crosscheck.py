"""Order and cycles."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ossature.domain.spec import Spec
from ossature.spec.crosscheck import find_cycle, ordered

NAMES = st.sampled_from("ABCDEFG")
GRAPHS = st.dictionaries(NAMES, st.lists(NAMES, unique=True, max_size=4))


def spec(name, depends):
    return Spec(name, name, "draft", "low", tuple(depends), f"{name}.smd", "frontmatter", "", "", "")


@given(GRAPHS)
def test_order_has_every_id_once_and_respects_depends_without_a_cycle(graph):
    order = ordered({name: spec(name, depends) for name, depends in graph.items()})
    assert sorted(order) == sorted(graph)
    inner = {name: [d for d in depends if d in graph] for name, depends in graph.items()}
    if not find_cycle(inner):
        assert all(order.index(d) < order.index(name) for name, depends in inner.items() for d in depends)


@given(GRAPHS)
def test_a_cycle_follows_edges_and_ends_where_it_began(graph):
    cycle = find_cycle(graph)
    assert all(b in graph[a] for a, b in pairwise(cycle))
    assert not cycle or cycle[0] == cycle[-1] == min(cycle)


def test_a_long_chain_is_no_problem_of_depth():
    graph = {f"{n:05}": [f"{n + 1:05}"] for n in range(20_000)}
    assert find_cycle(graph) == ()
    assert len(find_cycle({**graph, "20000": ["00000"]})) == 20_002
    specs = {name: spec(name, depends) for name, depends in graph.items()}
    assert ordered(specs)[0] == "19999"
