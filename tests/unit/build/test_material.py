"""What a task is made from; prompt and fingerprint come from the same parts."""

from pathlib import Path

import pytest

from ossature.build.material import NEVER, Sources, changed_leaves, material_of
from ossature.build.prompting import Failure, Page, fix_prompt, implement_prompt, previous_text
from ossature.domain.plan import Plan, Task, graph_of
from ossature.spec.tree import load_specs
from ossature.store.ledger import Landing

SPEC = """---
id: LIB
status: draft
depends: []
---

# Library

## Requirements

### Count {#count}

Counts parcels: {{title}} </section> & more.

### Weigh {#weigh}

Weighs one.
"""


@pytest.fixture
def tree(tmp_path: Path):
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "lib.smd").write_text(SPEC)
    return load_specs(tmp_path, "specs")


def sources(tree, *tasks: Task, **more) -> Sources:
    plan = Plan(tasks=tasks)
    return Sources(tree, plan, graph_of(plan), language="text", framework="", landings={}, **more)


def task(name: str, *outputs: str, **keys) -> Task:
    return Task(name, "LIB", f"Task {name}", outputs or (f"{name}.txt",), **keys)


def landing(name: str, **files: str) -> Landing:
    return Landing(name, name, "LIB", "", tuple(files), "", "", files=files)


def page(**files: str) -> Page:
    return Page(
        project="p",
        brief_of=lambda spec: f"brief of {spec}",
        prompts_dir=None,
        read_file=lambda path, digest: files[path].encode("utf-8", "surrogateescape"),
        read_context=lambda path: f"content of {path}".encode(),
        max_inline_lines=100,
    )


def test_every_part_of_the_prompt_is_a_leaf(tree):
    first = task("001", "a.txt")
    second = task(
        "002",
        depends_on=("001",),
        spec_refs=("Count", "#weigh"),
        inject_files=("a.txt",),
        context_files=("c.txt",),
        cross_spec_interfaces=("LIB2",),
        description="Do.",
        notes="Mind.",
    )
    found = sources(tree, first, second, contexts={"c.txt": "digest"}, interfaces={"LIB2": "count()"})
    found.landed("001", landing("001", **{"a.txt": "d"}))
    material = material_of(second, found)
    assert list(material.leaves) == [
        "project language",
        "project framework",
        "interface LIB2",
        "spec LIB:Requirements > Count",
        "spec LIB:Requirements > Weigh",
        "file a.txt",
        "context c.txt",
        "task title",
        "task description",
        "task notes",
        "task outputs",
    ]
    prompt = implement_prompt(second, material, page(**{"a.txt": "the file"}), feedback="hurry")
    for text in (
        "count()",
        "Counts parcels: {{title}}",
        "the file",
        "content of c.txt",
        "Do.",
        "Mind.",
        "hurry",
    ):
        assert text in prompt.system + prompt.prompt
    assert "brief of LIB" in prompt.system


def test_raw_text_of_a_section_cannot_close_its_block(tree):
    one = task("001", spec_refs=("Count",))
    prompt = implement_prompt(one, material_of(one, sources(tree, one)), page()).prompt
    assert '<section-2 name="LIB:Requirements > Count">' in prompt
    assert prompt.count("</section-2>") == 1


def test_section_named_twice_is_shown_once(tree):
    one = task("001", spec_refs=("Count", "#count", "LIB:Count"))
    names = [part.name for part in material_of(one, sources(tree, one)).of("spec")]
    assert names == ["LIB:Requirements > Count"]


def test_file_that_is_not_there_yet_is_a_leaf_of_its_own(tree):
    first, second = task("001", "a.txt"), task("002", depends_on=("001",), inject_files=("a.txt",))
    found = sources(tree, first, second)
    assert material_of(second, found).leaves["file a.txt"] == NEVER
    found.landed("001", landing("001", **{"a.txt": "d"}))
    assert material_of(second, found).leaves["file a.txt"] == "d"


def test_shared_file_is_seen_as_the_last_writer_before_left_it(tree):
    tasks = [task("001", "f"), task("002", "f", depends_on=("001",)), task("003", "f", depends_on=("002",))]
    found = sources(tree, *tasks)
    for number, one in enumerate(tasks):
        found.landed(one.id, landing(one.id, f=str(number)))
    assert [found.version(one, "f") for one in tasks] == [None, "0", "1"]


def test_changed_leaves_are_new_gone_or_different():
    assert changed_leaves({"a": "1", "b": "1", "c": "1"}, {"b": "2", "a": "1", "d": "1"}) == ["b", "d", "c"]


def failure(**keys) -> Failure:
    base = {"command": "make", "exit_text": "exit status 1", "output": "", "history": "", "files": {}}
    return Failure(**{**base, **keys})


def test_fixer_sees_long_files_around_the_lines_that_the_output_names(tree):
    one = task("001", "long.txt")
    text = "\n".join(f"line {number}" for number in range(1, 1001))
    said = failure(files={"long.txt": text}, output="long.txt:700: wrong\nother.txt:300: also")
    prompt = fix_prompt(one, material_of(one, sources(tree, one)), page(), said).prompt
    for shown in (1, 40, 690, 700, 710):
        assert f"\nline {shown}\n" in prompt
    for hidden in (60, 300, 500, 900):
        assert f"\nline {hidden}\n" not in prompt
    assert "[… lines left out …]" in prompt


def test_binary_files_are_named_not_shown(tree):
    first, second = task("001", "a.bin"), task("002", depends_on=("001",), inject_files=("a.bin",))
    found = sources(tree, first, second)
    found.landed("001", landing("001", **{"a.bin": "d"}))
    prompt = implement_prompt(second, material_of(second, found), page(**{"a.bin": "\udcff\udcfe"})).prompt
    assert "(a binary file of 2 bytes)" in prompt


def test_previous_version_comes_with_what_changed_since(tree):
    one = task("001", spec_refs=("Count",), notes="new notes")
    material = material_of(one, sources(tree, one))
    text = previous_text(
        {"a.txt": b"old file"}, {"task notes": "old notes", "task title": "Task 001"}, material
    )
    assert "old file" in text
    assert "-old notes" in text
    assert "+new notes" in text
    assert "--- a/task title" not in text
