"""Where a task stands, from what it is made from and what landed."""

import pytest

from ossature.build.material import Material, Part
from ossature.build.staleness import heads, judge, lineages, match_landings
from ossature.domain.plan import Plan, Task
from ossature.store.ledger import Landing

TASK = Task("001", "LIB", "Write", ("a.txt", "b.txt"), verify=("true",))
MATERIAL = Material((Part("spec", "Count", "1"), Part("task", "title", "2")), ("true",), "tree")
LANDED = Landing(
    "write-1234",
    "001",
    "LIB",
    "Write",
    ("a.txt", "b.txt"),
    MATERIAL.generate,
    MATERIAL.verify,
    leaves=MATERIAL.leaves,
    verify_leaves=MATERIAL.verify_leaves,
    files={"a.txt": "A", "b.txt": "B"},
)
DISK = {"a.txt": "A", "b.txt": "B"}


def standing(task=TASK, material=MATERIAL, landing=LANDED, disk=DISK, shown=None):
    found = judge(task, material, landing, on_disk=disk.get, heads=shown or {})
    return found.standing, found.reason


def test_nothing_changed():
    assert standing() == ("done", "up to date")


def test_never_built():
    assert standing(landing=None) == ("pending", "never built")


def test_changed_leaf_is_named_and_more_are_counted():
    one = Material((Part("spec", "Count", "9"), Part("task", "title", "2")), ("true",), "tree")
    both = Material((Part("spec", "Count", "9"), Part("task", "title", "9")), ("true",), "tree")
    assert standing(material=one) == ("stale", "spec Count changed")
    assert standing(material=both) == ("stale", "spec Count changed and 1 more")


def test_leaf_that_is_gone_or_new_is_a_change():
    less = Material((Part("spec", "Count", "1"),), ("true",), "tree")
    more = Material((*MATERIAL.parts, Part("file", "x", "1")), ("true",), "tree")
    assert standing(material=less) == ("stale", "task title changed")
    assert standing(material=more) == ("stale", "file x changed")


def test_what_only_the_verify_sees_is_verified_again():
    assert standing(material=Material(MATERIAL.parts, ("false",), "tree")) == (
        "verify",
        "verify commands changed",
    )
    assert standing(material=Material(MATERIAL.parts, ("true",), "other")) == (
        "verify",
        "input tree changed",
    )


def test_missing_output_is_restored_and_a_stale_task_is_not():
    assert standing(disk={"a.txt": "A"}) == ("restore", "b.txt is gone")
    changed = Material((Part("spec", "Count", "9"), MATERIAL.parts[1]), ("true",), "tree")
    assert standing(disk={}, material=changed)[0] == "stale"


def test_hand_edit_is_named_and_rebuilds_nothing():
    assert standing(disk={"a.txt": "mine", "b.txt": "B"}) == ("done", "up to date; edited by hand: a.txt")


def test_file_of_a_later_writer_is_not_missed():
    assert standing(disk={"a.txt": "later", "b.txt": "B"}, shown={"a.txt": "002"}) == ("done", "up to date")


@pytest.mark.parametrize(
    ("intent", "disk", "expected"),
    [
        ("skipped", DISK, ("skipped", "the plan says skipped")),
        ("manual", DISK, ("manual", "written by hand")),
        ("manual", {}, ("manual", "written by hand; a.txt is not there yet")),
    ],
)
def test_intent_of_a_person_comes_first(intent: str, disk: dict, expected: tuple):
    task = Task("001", "LIB", "Write", ("a.txt", "b.txt"), intent=intent)
    assert standing(task, disk=disk) == expected


def landing(name: str, *, task: str = "", title: str = "", outputs: tuple = (), spec: str = "LIB") -> Landing:
    return Landing(name, task, spec, title, outputs, "", "", files=dict.fromkeys(outputs, name))


class TestMatching:
    def match(self, tasks: list[Task], landings: list[Landing]) -> dict[str, str]:
        found = match_landings(Plan(tasks=tuple(tasks)), {item.lineage: item for item in landings})
        return {task_id: item.lineage for task_id, item in found.items()}

    def test_same_spec_outputs_and_title_win_over_the_id(self):
        tasks = [Task("001", "LIB", "B", ("b",)), Task("002", "LIB", "A", ("a",))]
        landings = [
            landing("a", task="001", title="A", outputs=("a",)),
            landing("b", task="002", title="B", outputs=("b",)),
        ]
        assert self.match(tasks, landings) == {"001": "b", "002": "a"}

    def test_outputs_alone_are_enough(self):
        assert self.match(
            [Task("009", "LIB", "New", ("a",))], [landing("a", task="001", title="Old", outputs=("a",))]
        ) == {"009": "a"}

    def test_id_alone_is_enough_within_a_spec(self):
        old = landing("a", task="001", title="Old", outputs=("a",))
        assert self.match([Task("001", "LIB", "New", ("b",))], [old]) == {"001": "a"}
        assert self.match([Task("001", "APP", "New", ("b",))], [old]) == {}

    def test_each_landing_goes_to_one_task(self):
        tasks = [Task("001", "LIB", "A", ("a",)), Task("002", "LIB", "A2", ("a",))]
        assert self.match(tasks, [landing("a", task="002", title="A", outputs=("a",))]) == {"001": "a"}

    def test_file_that_was_there_before_is_nobodys_landing(self):
        assert self.match([Task("001", "LIB", "A", ("a",))], [landing("origin.a", outputs=("a",))]) == {}

    def test_lineages_are_kept_and_new_ones_differ(self):
        tasks = (
            Task("001", "LIB", "A", ("a",)),
            Task("002", "LIB", "B", ("b",)),
            Task("003", "LIB", "B", ("b",)),
        )
        names = lineages(Plan(tasks=tasks), {"001": landing("kept")})
        assert names["001"] == "kept"
        assert len(set(names.values())) == 3


def test_head_is_the_last_writer_that_landed():
    landings = {"1": landing("x", outputs=("f",)), "2": landing("y", outputs=("f",))}
    assert heads({"f": ["1", "2", "3"], "g": ["3"]}, landings) == {"f": "2"}
