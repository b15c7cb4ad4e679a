"""Files made to hurt: each is read to its end, and what is wrong with it is told."""

import pytest

from ossature.spec.refs import Refs
from ossature.spec.tree import MAX_BYTES, build_tree

HEAD = "---\nid: A\nstatus: draft\npriority: low\n---\n# T\n"
BODY = HEAD + "## Requirements\n\n### R\n\nwords\n\n"
AMD = "---\nspec: A\nstatus: draft\n---\n# T\n## Components\n### C\n"
N = 100_000
ROOM = MAX_BYTES - 500

SPECS = {
    "hash marks in one line": "#" * N,
    "hash mark lines": "#\n" * (N - 1),
    "h1 lines": "# x\n" * (N - 1),
    "h2 lines": HEAD + "## \n" * (N - 10),
    "different h2 lines": HEAD + "".join(f"## Gaol {n}\n" for n in range(50_000)),
    "requirement lines": BODY + "### R\n" * (N - 20),
    "different requirements": BODY + "".join(f"### R{n}\nx\n" for n in range(45_000)),
    "one heading": HEAD + "## " + "x" * ROOM,
    "blank heading": HEAD + "## " + " " * ROOM,
    "closing marks": HEAD + "## x" + " #" * (ROOM // 2),
    "braces": HEAD + "## x " + "{#a" * (ROOM // 3) + "}",
    "classes": HEAD + "## x {" + " .a" * (ROOM // 3) + "}",
    "unclosed fence": BODY + "```\n" + "## x\n" * 50_000,
    "fence lines": BODY + "```\n" * (N - 20),
    "fences of growing length": BODY + "\n".join("`" * n for n in range(3, 1_400)),
    "one long fence": BODY + "`" * ROOM,
    "backticks and tildes": BODY + "```\n~~~\n" * 40_000,
    "nested list": BODY + "".join(" " * n + "- x\n" for n in range(1_400)),
    "nested list under errors": BODY + "**Errors:**\n" + "".join(" " * n + "- x\n" for n in range(1_400)),
    "error bullets": BODY + "**Errors:**\n" + "- a -> b\n" * 90_000,
    "error bullets without arrow": BODY + "**Errors:**\n" + "- a\n" * 90_000,
    "nested continuation": BODY + "**Errors:**\n- a -> b\n" + "  - c\n" * 20_000,
    "prose under errors": BODY + "**Errors:**\na -> b\n" + "c\n" * 40_000,
    "backticks under errors": BODY + "**Errors:**\n- " + "`" * ROOM,
    "labels": BODY + "**Accepts:** x\n" * 60_000,
    "stars": BODY + "*" * ROOM,
    "label without end": BODY + "**" + "x" * ROOM,
    "spaces": BODY + " " * ROOM,
    "tabs before a bullet": BODY + "**Errors:**\n" + "\t" * ROOM + "- a",
    "dashes": BODY + "- " * (ROOM // 2),
    "digits": BODY + "1" * ROOM,
    "hidden characters": BODY + "\u202e" * (ROOM // 3),
    "carriage returns": "\r" * ROOM,
    "yaml brackets": f"---\nid: {'[' * 60_000}\n---\n# T\n",
    "yaml braces": f"---\nid: {'{' * 60_000}\n---\n# T\n",
    "yaml dashes": f"---\nid:\n  {'- ' * 30_000}\n---\n# T\n",
    "yaml question marks": f"---\n{'? ' * 30_000}\n---\n# T\n",
    "yaml bomb": "---\na: &a [x,x]\n" + "".join(f"{c}: &{c} [*a,*a]\n" for c in "bcdefg") + "---\n# T\n",
    "yaml merge": "---\na: &a {b: c}\nid: {<<: *a}\n---\n# T\n",
    "yaml quotes": f"---\nid: '{chr(39) * 60_001}\n---\n# T\n",
    "yaml python tag": "---\nid: !!python/object/apply:os.system [exit]\n---\n# T\n",
    "yaml lines": "---\n" + "a: b\n" * 12_000 + "---\n# T\n",
    "huge frontmatter": "---\n" + "a: b\n" * 90_000 + "---\n# T\n",
    "no end of frontmatter": "---\n" + "--- x\n" * 90_000,
    "huge id": f"---\nid: {'A' * 60_000}\n---\n# T\n",
    "huge id of an older file": f"# T\n@id: {'A' * ROOM}\n",
    "huge depends": f"# T\n@id: A\n@depends: [{','.join(str(n) for n in range(120_000))}]\n",
    "at keys": "# T\n" + "@id: A\n" * 90_000,
}
ARCHITECTURES = {
    "components": AMD + "".join(f"### C{n}\n**Depends on:** D{n}\n" for n in range(25_000)),
    "component loops": AMD + "".join(f"### C{n}\n**Depends on:** C{n}\n" for n in range(20_000)),
    "paths": AMD + "@path: ../x\n" * 80_000,
    "long path": AMD + "@path: " + "../" * 300_000,
    "dependencies": AMD + "**Depends on:** " + ",".join(f"D{n}" for n in range(140_000)),
    "parentheses": AMD + "**Depends on:** " + "(" * ROOM,
    "contracts": AMD + "**Contracts:**\n" + "- c\n" * 90_000,
    "interfaces": AMD + "**Interface:**\n```\n```\n" * 25_000,
    "data models": AMD + "## Data Models\n" + "### M\n" * 90_000,
}


@pytest.mark.parametrize("text", SPECS.values(), ids=SPECS.keys())
def test_a_hurtful_spec_is_read_to_its_end(text):
    tree = build_tree({"a.smd": text.encode()})
    assert tree.diagnostics
    assert all(d.place.path == "a.smd" and len(d.message) < 400 for d in tree.diagnostics)
    for spec in tree.specs.values():
        assert "".join(s.text for s in spec.sections if s.level < 3) == spec.body
        Refs(tree).spec(spec.id, "requirements > nothing of that name")


@pytest.mark.parametrize("text", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
def test_a_hurtful_architecture_is_read_to_its_end(text):
    tree = build_tree({"a.amd": text.encode(), "a.smd": BODY.encode()})
    assert any(d.place.path == "a.amd" for d in tree.diagnostics)
    assert all(len(d.message) < 400 for d in tree.diagnostics)
    Refs(tree).architecture("A", "components > nothing of that name")


@pytest.mark.parametrize("name", ["yaml bomb", "yaml merge", "yaml python tag"])
def test_yaml_tricks_are_refused_or_read_as_text(name):
    tree = build_tree({"a.smd": SPECS[name].encode()})
    assert tree.specs == {}
    assert tree.has_errors
