"""Outputs that are copies of context files."""

from pathlib import Path

import pytest

from ossature.build.copying import copied_files, sources_of
from ossature.domain.plan import Task
from ossature.errors import OssatureError

NAMES = ("a.svg", "art/b.svg", "art/deep/c.svg", "art/d.png", "x[1].txt")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name in NAMES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


CASES = [
    (("a.svg",), ("b.svg",), {"b.svg": "a.svg"}),
    (("context://a.svg",), ("a.svg",), {"a.svg": "a.svg"}),
    (("context://art/*.svg",), ("img/*.svg",), {"img/b.svg": "art/b.svg"}),
    (
        ("context://art/**",),
        ("img/**",),
        {"img/b.svg": "art/b.svg", "img/deep/c.svg": "art/deep/c.svg", "img/d.png": "art/d.png"},
    ),
    (("context://x[1].txt",), ("y.txt",), {"y.txt": "x[1].txt"}),
    (("a.svg", "context://art/*.png"), ("1.svg", "*.png"), {"1.svg": "a.svg", "d.png": "art/d.png"}),
]


@pytest.mark.parametrize(("sources", "outputs", "expected"), CASES)
def test_patterns_put_what_they_catch(context: Path, sources: tuple, outputs: tuple, expected: dict):
    one = Task("001", "LIB", "Copy", outputs, source=sources)
    assert {path: raw.decode() for path, raw in copied_files(one, context).items()} == expected
    assert sorted(sources_of(one, NAMES)) == sorted(expected.values())


@pytest.mark.parametrize(
    ("sources", "outputs", "said"),
    [
        (("a.svg",), ("a", "b"), "1 sources and 2 outputs"),
        (("http://a.svg",), ("a",), "is not of context://"),
        (("art/*",), ("a",), "a pattern on both sides"),
        (("missing",), ("a",), "matches no file"),
        (("*/*",), ("*",), "one * or ** at most"),
        (("../a.svg",), ("a",), "matches no file"),
    ],
)
def test_wrong_patterns_are_told(context: Path, sources: tuple, outputs: tuple, said: str):
    one = Task("001", "LIB", "Copy", outputs, source=sources)
    with pytest.raises(OssatureError) as error:
        copied_files(one, context)
    assert said in str(error.value)


def test_wrong_pattern_takes_nothing():
    assert sources_of(Task("001", "LIB", "Copy", ("*",), source=("*/*",)), NAMES) == []
