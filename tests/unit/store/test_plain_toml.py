"""The fast reader gives what tomllib gives, or nothing."""

import random
import tomllib

import pytest

from ossature.store.plain_toml import load_plain

PLAIN = """\
# head

[meta]
total_tasks = 2
specs = [
    "A",
    "B",
]

[[task]]
id = "001"
title = "ein Türchen"
outputs = ["a.txt", "b.txt"]
depends_on = []
verify = [
    "true",
    "false"
]

[[task]]
id = "002"
timeout_s = 3.5
notes = \"\"\"
[task]
\"\"\"
# a word
[task.inject]
"a.txt" = "full"
"""
REFUSED = [
    'x = """\n[[task]]\n"""\n',
    "x = [\n[[task]]\n]\n",
    "task = 1\n",
    "[[task]]\nid = 1\n[other]\nid = 2\n",
    "[[task]]\nid = 1\n[[ task ]]\nid = 2\n",
    '[[task]]\nid = "1"\nid = "2"\n',
    '[[task]]\nid = "1"\n\n[[task]]\nid = "\\q"\n',
    '[[task]]\r\nid = "1"\r\n',
    '[[task]]\nid = ["a",\n',
    '[[task]]\nid = [\n"a"\n"b"\n]\n',
    '[[task]]\nid = "a\x00"\n',
    "[[task]]\nid = \n",
]


def test_plain_plan_is_read_as_by_the_full_parser():
    assert load_plain(PLAIN) == tomllib.loads(PLAIN)
    assert load_plain("") == {}


@pytest.mark.parametrize("text", REFUSED)
def test_what_only_a_full_parser_knows_is_left_to_it(text):
    assert load_plain(text) is None


def test_it_never_disagrees_with_the_full_parser():
    pieces = [
        "[[task]]\n",
        "[meta]\n",
        'a = "b"\n',
        'c = ["d", "e"]\n',
        "f = [\n",
        '  "g",\n',
        '  "h"\n',
        "]\n",
    ]
    pieces += [
        '"""\n',
        "'''\n",
        'i = """\n',
        "# j\n",
        "k = 1\n",
        "[task.l]\n",
        "[[task.m]]\n",
        'n = "\\u0041"\n',
    ]
    pieces += [
        "\n",
        '  a = "b"\n',
        'a.b = "c"\n',
        'a = "b" # "c\n',
        "[[task]] # x\n",
        'o = ["p",\n',
        "q = []\n",
    ]
    chance = random.Random(7)
    read = 0
    for _ in range(4000):
        text = "".join(chance.choice(pieces) for _ in range(chance.randint(1, 9)))
        found = load_plain(text)
        if found is not None:
            assert found == tomllib.loads(text), text
            read += 1
    assert read > 300
