import random
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.store.toml_text import (
    blocks,
    comments,
    essence,
    has_endless_key,
    headers,
    line_of_key,
    skeleton,
    statement_of,
)

DOCUMENT = '''\
# top
[meta] # of it
x = "[[task]]"

# about one
# more about one
[[task]]
id = "1"
text = """
[[task]]
id = "not" # a comment
"""
list = [
  # inside
  ["a"],
[1, 2],
]

# after one

[[ task ]]
id = '2'
raw = \'\'\'
[[task]]\'\'\'

# of the sub-table
[task.inject]
"a.b" = "full"
# tail

[[task.more]]
n = 1
[other]
[[task]]
id = "3"'''


def test_headers_are_found_outside_strings_and_arrays():
    found = headers(DOCUMENT, skeleton(DOCUMENT))
    assert [(header.line, header.name, header.is_array) for header in found] == [
        (2, "meta", False),
        (7, "task", True),
        (21, "task", True),
        (27, "task.inject", False),
        (31, "task.more", True),
        (33, "other", False),
        (34, "task", True),
    ]


def test_a_block_is_a_table_with_its_sub_tables():
    one, two, three = blocks(DOCUMENT, "task")
    assert DOCUMENT[one.lead : one.start] == "# about one\n# more about one\n"
    assert DOCUMENT[one.start : one.end].endswith("[1, 2],\n]\n")
    assert one.head_end == one.end
    assert DOCUMENT[two.start : two.head_end].endswith("[[task]]'''\n")
    assert DOCUMENT[two.head_end : two.end].startswith("\n# of the sub-table\n[task.inject]\n")
    assert DOCUMENT[two.start : two.end].endswith("n = 1\n")
    assert DOCUMENT[three.start : three.end] == '[[task]]\nid = "3"'
    assert [block.line for block in (one, two, three)] == [7, 21, 34]


def test_a_plain_table_is_a_block_too():
    (meta,) = blocks(DOCUMENT, "meta", is_array=False)
    assert DOCUMENT[meta.start : meta.end] == '[meta] # of it\nx = "[[task]]"\n'
    assert blocks(DOCUMENT, "meta") == []


def test_comments_are_found_outside_strings():
    assert list(comments(DOCUMENT)) == [
        "# top",
        "# of it",
        "# about one",
        "# more about one",
        "# inside",
        "# after one",
        "# of the sub-table",
        "# tail",
    ]


def test_a_key_is_found_on_its_line():
    at = line_of_key(DOCUMENT, "list", 0, len(DOCUMENT))
    assert at is not None
    assert DOCUMENT[at:].startswith("list = [")
    assert line_of_key(DOCUMENT, "lis", 0, len(DOCUMENT)) is None
    assert line_of_key('a = """\nid = 1\n"""\nid = 2', "id", 0, 29) == 19


def test_a_statement_is_all_of_its_lines():
    text = '''a = [ # x
  "]", # ]
  [1],
] # end
b = """
a = 1
b = 2
""" # c
  c = { d = 1 }
d.e = 1
f = 1'''
    statements = {key: statement_of(text, key) for key in "abcdf"}
    assert {key: text[slice(*found)] for key, found in statements.items() if found} == {
        "a": text[: text.index("b = ")],
        "b": text[text.index("b = ") : text.index("  c")],
        "c": "  c = { d = 1 }\n",
        "f": "f = 1",
    }


@settings(deadline=None)
@given(st.text(alphabet="\"'#\\\n[]= a", max_size=60))
def test_a_skeleton_has_the_length_of_its_text_and_only_its_structure(text: str):
    bare = skeleton(text)
    assert len(bare) == len(text)
    assert all(new in (" ", old) for old, new in zip(text, bare, strict=True))
    assert skeleton(bare.replace('"', " ").replace("'", " ")) == bare.replace('"', " ").replace("'", " ")


VALUES = st.one_of(
    st.integers().map(str),
    st.sampled_from(
        ['"[[task]]"', "'[[task]]'", '"""\n[[task]]\n"""', "'''\n# no\n[x]'''", '"a\\"# b"', '""""a"""""']
    ),
    st.sampled_from(["[\n[[1]],\n[2], # c\n]", "{ a = 1 }", "[{ b = [1] }]", "1.5", "07:32:00"]),
)
PIECES = st.one_of(
    st.tuples(st.just("key"), VALUES),
    st.tuples(st.just("task"), st.just("")),
    st.tuples(st.just("other"), st.just("")),
    st.tuples(st.just("comment"), st.sampled_from(["# [[task]]", '# """', "# '", "#"])),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(PIECES, max_size=15))
def test_as_many_blocks_are_found_as_tomllib_reads(pieces: list[tuple[str, str]]):
    lines = []
    for number, (kind, value) in enumerate(pieces):
        lines.append(
            {"key": f"k{number} = {value}", "task": "[[task]]", "other": f"[t{number}]", "comment": value}[
                kind
            ]
        )
    text = "\n".join(lines)
    document = tomllib.loads(text)
    found = blocks(text, "task")
    assert len(found) == len(document.get("task", []))
    assert [text[block.start : block.end] for block in found] == [
        text[block.start : block.end] for block in found if text[block.start :].startswith("[[task]]")
    ]
    for block, table in zip(found, document.get("task", []), strict=True):
        assert tomllib.loads(text[block.start : block.end])["task"] == [table]


@pytest.mark.parametrize("separator", [".", " . ", '."a".', "\t.\t"])
def test_an_endless_key_is_found(separator: str):
    key = separator.join(["a"] * 200)
    for text in (f"{key} = 1", f"[{key}]", f"x = {{ {key} = 1 }}", f"[[{key}]]"):
        assert has_endless_key(skeleton(text))


def test_prose_and_numbers_are_no_endless_keys():
    text = f'x = "{". ".join(["word"] * 300)}"\ny = [{", ".join(["1.5"] * 300)}]\n# {"a." * 300}\n'
    assert not has_endless_key(skeleton(text))


@pytest.mark.parametrize(
    "text", ['"' * 99_999, "'" * 99_998, '"""' + "a" * 300_000, '"' + "\\" * 300_000, "[" * 300_000]
)
def test_unfinished_text_is_scanned_in_one_pass(text: str):
    assert len(skeleton(text)) == len(text)
    assert headers(text, skeleton(text)) == []


def test_texts_of_one_essence_say_the_same():
    pieces = [
        "[a]\n",
        'b = "c"\n',
        'b = "c" # d\n',
        "# e\n",
        "\n",
        "  \n",
        "f = [\n",
        '"g",\n',
        "]\n",
        '"""\n',
    ]
    pieces += [
        "# h",
        "h = '#'\n",
        'i = """\n# j\n\n"""\n',
        "\t",
        " ",
        "'''",
        '"',
        "'",
        "k = 1\n",
        "[[l]]\n",
        "\\",
    ]
    chance = random.Random(3)
    by_essence: dict[str | None, list[str]] = {}
    for _ in range(30000):
        text = "".join(chance.choice(pieces) for _ in range(chance.randint(1, 6)))
        by_essence.setdefault(essence(text), []).append(text)
    pairs = 0
    for texts in by_essence.values():
        meanings = [meaning(text) for text in texts]
        if any(found is not None for found in meanings):
            assert all(found == meanings[0] for found in meanings), texts
            pairs += len(texts) - 1
    assert pairs > 1000


def meaning(text: str) -> object:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
