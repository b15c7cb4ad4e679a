"""What the house's own style check refuses, and what it lets pass."""

from pathlib import Path

import pytest

from tools.check_style import MAX_LINES, offences


def reasons(root: Path, source: str, *, module: str = "ossature/module.py") -> list[str]:
    path = root / module
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
    return [offence.reason for offence in offences(root)]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1\n", "opens without a sentence"),
        ('"""Doc."""\n' + "x = 1\n" * MAX_LINES, f"{MAX_LINES + 1} lines"),
        ('"""Doc."""\nimport asyncio\nasyncio.create_task(f())\n', "asyncio.create_task"),
        ('"""Doc."""\nimport asyncio\nasyncio.gather(f())\n', "asyncio.gather"),
        ('"""Doc."""\nimport asyncio\nasyncio.get_running_loop().create_task(f())\n', "a loop's create_task"),
        ('"""Doc."""\nfrom asyncio import ensure_future\n', "asyncio.ensure_future"),
        ('"""Doc."""\ntry:\n    f()\nexcept Exception:\n    pass\n', "catches everything"),
        ('"""Doc."""\ntry:\n    f()\nexcept (OSError, Exception):\n    pass\n', "catches everything"),
        ('"""Doc."""\ntry:\n    f()\nexcept:\n    pass\n', "catches everything"),
        ('"""Doc."""\ndef f():\n    raise NotImplementedError\n', "a hook is an @abstractmethod"),
        ('"""Doc."""\ndef f():\n    raise NotImplementedError("f")\n', "a hook is an @abstractmethod"),
        ('"""Doc."""\ntry:\n    f()\nexcept BaseException:\n    pass\n', "catches everything"),
    ],
)
def test_offence_is_named(tmp_path: Path, source: str, reason: str):
    found = reasons(tmp_path, source)
    assert len(found) == 1
    assert found[0].startswith(reason)


@pytest.mark.parametrize(
    "source",
    [
        '"""Doc."""\n' + "x = 1\n" * (MAX_LINES - 1),
        '"""Doc."""\nasync def f(group):\n    group.create_task(g())\n',
        '"""Doc."""\ntry:\n    f()\nexcept BaseException:\n    clean()\n    raise\n',
        '"""Doc."""\ntry:\n    f()\nexcept (OSError, ValueError):\n    pass\n',
    ],
)
def test_house_style_passes(tmp_path: Path, source: str):
    assert reasons(tmp_path, source) == []


def test_only_listed_modules_may_catch_everything(tmp_path: Path):
    source = '"""Doc."""\ntry:\n    f()\nexcept Exception:\n    pass\n'
    assert reasons(tmp_path, source, module="ossature/cli/main.py") == []
