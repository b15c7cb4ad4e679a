"""Which folders stay in a stage between tasks."""

import pytest

from ossature.build.languages import language_named


@pytest.mark.parametrize(
    ("name", "cache_dir"),
    [
        ("zig", ".zig-cache"),
        ("Rust", "target"),
        ("typescript", "node_modules"),
        ("js", "node_modules"),
        ("C++", "build"),
    ],
)
def test_caches_of_compilers_stay(name, cache_dir):
    assert cache_dir in language_named(name).cache_dirs


@pytest.mark.parametrize(
    "name", ["python", "zig", "rust", "go", "node", "typescript", "c", "cpp", "lua", "default", ""]
)
def test_no_language_keeps_what_could_be_run_in_place_of_todays_files(name):
    assert not language_named(name).cache_dirs & {"__pycache__", "zig-out", "bin", "dist", "src", ""}


def test_unknown_language_has_no_caches():
    assert language_named("Befunge").cache_dirs == frozenset()
