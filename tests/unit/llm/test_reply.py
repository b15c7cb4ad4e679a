import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from ossature.llm.reply import Blocks, Refusal, missing_outputs, parse_blocks, parse_json
from tests.support.sampling import some

DECLARED = ("a.py", "b/c.py", "doc.md", "empty.py")


def parsed(text, *, declared=DECLARED, current=lambda path: None):
    return parse_blocks(text, declared=declared, current=current)


def files(text, **more):
    outcome = parsed(text, **more)
    assert isinstance(outcome, Blocks), outcome
    return outcome.files


def reason(text, **more):
    outcome = parsed(text, **more)
    assert isinstance(outcome, Refusal), outcome
    return outcome.reason


def test_files_are_taken_out_and_the_rest_is_notes():
    outcome = parsed(
        'First.\n\n<file path="a.py">\nx = 1\n</file>\n\nThen.\n<file path="b/c.py">\n\ny\n\n</file>\nLast.\n'
    )
    assert outcome == Blocks({"a.py": "x = 1\n", "b/c.py": "\ny\n"}, "First.\nThen.\nLast.")


@pytest.mark.parametrize(
    ("inner", "content"),
    [
        ("\nx\n", "x\n"),
        ("\nx\n\n\n", "x\n"),
        ("x", "x\n"),
        ("\nx", "x\n"),
        ("", ""),
        ("\n", ""),
        ("\n\n\n", ""),
        ("\n  x  \n", "  x  \n"),
        ("\r\nx\r\ny\r\n", "x\ny\n"),
    ],
)
def test_content_ends_with_one_newline_unless_it_is_empty(inner, content):
    assert files(f'<file path="a.py">{inner}</file>') == {"a.py": content}


def test_content_may_hold_the_closing_tag():
    inner = "text = '''\n</file>\n'''\nprint('</file>')"
    text = f'<file path="a.py">\n{inner}\n</file>\n<file path="b/c.py">\ny\n</file>'
    assert files(text) == {"a.py": f"{inner}\n", "b/c.py": "y\n"}


def test_content_may_hold_an_opening_tag():
    inner = '<file path="inner.py">\nthis is documentation'
    assert files(f'<file path="a.py">\n{inner}\n</file>') == {"a.py": f"{inner}\n"}


def test_content_may_be_xml_with_elements_of_that_name():
    inner = "<files>\n<file>\na\n</file>\n<file name='b'>\nb\n</file>\n</files>"
    assert files(f'<file path="a.py">\n{inner}\n</file>\nNote.') == {"a.py": f"{inner}\n"}


def test_opening_tag_within_a_line_is_text():
    outcome = parsed('I write <file path="a.py"> now.\n<file path="b/c.py">\ny\n</file>')
    assert outcome.files == {"b/c.py": "y\n"}


def test_edit_tag_does_not_end_a_file():
    assert files('<file path="a.py">\nx\n</edit>\ny\n</file>') == {"a.py": "x\n</edit>\ny\n"}


@pytest.mark.parametrize("tag", ["<file path='a.py'>", '<file  path="a.py" >', '<file path="./a.py">'])
def test_small_variations_of_the_tag_are_understood(tag):
    assert files(f"{tag}\nx\n</file>") == {"a.py": "x\n"}


@pytest.mark.parametrize("fence", ["```", "```python", "````c++", "```python   "])
def test_fence_around_the_whole_content_is_taken_off(fence):
    ticks = fence.rstrip("python c+")
    assert files(f'<file path="a.py">\n{fence}\nx = 1\n{ticks}\n</file>') == {"a.py": "x = 1\n"}


def test_fence_of_a_markdown_file_stays():
    inner = "```python\nx = 1\n```"
    assert files(f'<file path="doc.md">\n{inner}\n</file>') == {"doc.md": f"{inner}\n"}


@pytest.mark.parametrize(
    "inner", ["```\na\n```\ntext\n```\nb\n```", "```\nnot closed", "text\n```\nx\n```", "```python"]
)
def test_fence_that_is_not_around_everything_stays(inner):
    assert files(f'<file path="a.py">\n{inner}\n</file>') == {"a.py": f"{inner}\n"}


def test_edits_are_applied_to_the_current_file():
    text = '<edit path="a.py">\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n</edit>'
    assert files(text, current={"a.py": "x = 1\ny = 1\n"}.get) == {"a.py": "x = 2\ny = 1\n"}


def test_two_edits_of_one_file_are_one():
    def edit(old, new):
        return f'<edit path="a.py">\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n</edit>\n'

    text = edit("x", "y") + "and\n" + edit("y", "z")
    assert files(text, current={"a.py": "x\n"}.get) == {"a.py": "z\n"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no <file"),
        ("Just words.", "no <file"),
        ('<file path="a.py">\nx', "half a reply"),
        ('<file path="a.py">\nx\n</file>\n<file path="b/c.py">\ny', 'inside <file path="b/c.py">'),
        ('<edit path="a.py">\nx\n</file>', "half a reply"),
        ('<file path="z.py">\nx\n</file>', "It may write: `a.py`"),
        ('<file path="../a.py">\nx\n</file>', "not a plain relative path"),
        ('<file path="/etc/passwd">\nx\n</file>', "not a plain relative path"),
        ('<file path="~/a.py">\nx\n</file>', "not a plain relative path"),
        ('<file path="b\\c.py">\nx\n</file>', "not a plain relative path"),
        ('<file path="">\nx\n</file>', "not a plain relative path"),
        ('<file path="a.py\x1b[31m">\nx\n</file>', "not a plain relative path"),
        ('<file path="a.py">\nx\n</file>\n<file path="./a.py">\ny\n</file>', "more than once"),
        ('<file path="a.py">\nx\n</file>\n<edit path="a.py">\n</edit>', "more than once"),
        ('<edit path="a.py">\n<<<<<<< SEARCH\nq\n=======\nr\n>>>>>>> REPLACE\n</edit>', "does not exist yet"),
        ('<file name="a.py">\nx\n</file>', "Malformed tag"),
        ('<file path="b/c.py">\ny\n</file>\n<file>\nx\n</file>', "Malformed tag `<file>`"),
    ],
)
def test_unusable_reply_is_refused_with_what_to_change(text, words):
    assert words in reason(text)


def test_nothing_of_a_refused_reply_is_used():
    assert isinstance(parsed('<file path="a.py">\nx\n</file>\n<file path="z.py">\nx\n</file>'), Refusal)


def test_all_problems_are_told_at_once_up_to_a_few():
    text = "".join(f'<file path="z{n}.py">\nx\n</file>\n' for n in range(9))
    lines = reason(text).split("\n")
    assert len(lines) == 7 and lines[-1] == "… and 3 more problems."


def test_unmatched_edit_shows_the_closest_lines():
    text = '<edit path="a.py">\n<<<<<<< SEARCH\nvalue = one\n=======\nr\n>>>>>>> REPLACE\n</edit>'
    said = reason(text, current={"a.py": "other\nvalue = 1\n"}.get)
    assert "value = 1" in said and "(2-2)" in said


def test_missing_outputs_keep_their_order():
    blocks = parsed('<file path="a.py">\nx\n</file>')
    assert missing_outputs(blocks, ("b/c.py", "a.py", "doc.md")) == ("b/c.py", "doc.md")


line = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20)
content = st.lists(st.one_of(line, st.sampled_from(["</file>", "```", "</edit>", "x </file>"]))).map(
    "\n".join
)


@given(st.dictionaries(st.sampled_from(DECLARED), content, min_size=1))
def test_any_content_comes_back_as_it_was_written(written):
    text = "".join(f'Note.\n<file path="{path}">\n{inner}\n</file>\n' for path, inner in written.items())
    outcome = parsed(text)
    assert isinstance(outcome, Blocks)
    for path, inner in written.items():
        if inner.strip("\n").startswith("```"):
            continue
        wanted = inner.rstrip("\n")
        assert outcome.files[path] == (f"{wanted}\n" if wanted else "")


@given(
    st.lists(
        st.sampled_from(
            ['<file path="a.py">', "</file>", "<edit path='a.py'>", "</edit>", "\n", "x", "<file"]
        )
    )
)
def test_any_mixture_of_tags_is_parsed_or_refused(pieces):
    assert isinstance(parsed("".join(pieces)), Blocks | Refusal)


MANY = some(2_000_000, 10_000_000)
ADVERSARIAL = [
    '<file path="a.py">',
    "</file>",
    '<file path="',
    "\n<file",
    "</file> ",
    "\n</edit>\n",
    "`" * 3 + "\n",
    "\n",
]


@pytest.mark.parametrize("piece", [*ADVERSARIAL, '\n<file path="a.py">\n', "</file>\n", " "])
@pytest.mark.timeout(60)
def test_megabytes_of_tags_end(piece):
    text = piece * (MANY // len(piece))
    assert isinstance(parsed(text), Blocks | Refusal)
    assert isinstance(parsed(f'<file path="a.py">\n{text}\n</file>\n'), Blocks | Refusal)


@pytest.mark.timeout(60)
def test_megabytes_of_one_file_come_through():
    inner = "0123456789abcde\n" * (MANY // 16)
    assert files(f'<file path="a.py">\n{inner}</file>') == {"a.py": inner}


@pytest.mark.timeout(60)
def test_megabytes_of_edits_end():
    piece = "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n"
    text = f'<edit path="a.py">\n{piece * (MANY // len(piece))}</edit>'
    assert "edits" in reason(text, current={"a.py": "a\n" * 1_000_000}.get)


class Task(BaseModel):
    id: str
    outputs: list[str] = Field(min_length=1)


class Tasks(BaseModel):
    tasks: list[Task]


GOOD = {"tasks": [{"id": "a", "outputs": ["x {y} ```json"]}]}


@pytest.mark.parametrize(
    "text",
    [
        "{json}",
        "  {json}\n",
        "Here it is:\n```json\n{json}\n```\nDone.",
        "```JSON\n{json}\n```",
        'No: ```json\n{"tasks": 1}\n```\nbut:\n```json\n{json}\n```',
        "Here it is: {json} as asked.",
        "```\n{json}\n```",
        "```json\n{json}",
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_json_is_found_where_models_put_it(text, indent):
    found = parse_json(text.replace("{json}", json.dumps(GOOD, indent=indent)), Tasks)
    assert isinstance(found, Tasks), found
    assert found.model_dump() == GOOD


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no JSON object"),
        ("[1, 2]", "no JSON object"),
        ("I cannot.", "no JSON object"),
        ('{"tasks": [', "no JSON object"),
        ('{"tasks": [}', "cannot be read"),
        ('{"tasks": [{"id": "a", "outputs": ["x"]}], "n": NaN}', "NaN"),
        ('{"tasks": [], "n": -Infinity}', "-Infinity"),
        ('{"tasks": [], "tasks": []}', "'tasks' appears twice"),
        ('{"tasks": [{"id": "\\ud800", "outputs": ["x"]}]}', "surrogate"),
        ('{"tasks": ' + "[" * 200_000 + "]" * 200_000 + "}", "too deeply"),
        ('{"tasks": [], "n": ' + "9" * 5000 + "}", "cannot be used"),
        ("{}", "tasks: Field required"),
        ('{"tasks": 3}', "tasks: Input should be a valid list"),
        ('{"tasks": [{"id": "a", "outputs": []}]}', "tasks[0].outputs: List should have at least 1 item"),
    ],
)
def test_unusable_json_is_refused_with_the_reason(text, words):
    outcome = parse_json(text, Tasks)
    assert isinstance(outcome, Refusal)
    assert words in outcome.reason


def test_many_problems_are_cut_short():
    outcome = parse_json(json.dumps({"tasks": [{} for _ in range(20)]}), Tasks)
    assert len(outcome.reason.split("\n")) == 11
    assert "more problems" in outcome.reason


def test_reason_does_not_repeat_a_long_input():
    outcome = parse_json(json.dumps({"tasks": "x" * 100_000}), Tasks)
    assert len(outcome.reason) < 200


@pytest.mark.parametrize("piece", ["```json\n", "{", "}", '{"a":', "\n```json\n{\n"])
@pytest.mark.timeout(60)
def test_megabytes_of_broken_json_end(piece):
    assert isinstance(parse_json(piece * (MANY // len(piece)), Tasks), Refusal)
