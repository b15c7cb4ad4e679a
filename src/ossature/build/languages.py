"""What the build has to know about a programming language: the folders in which its tools keep caches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """The profile of one language."""

    name: str
    cache_dirs: frozenset[str] = frozenset()
    """Names of folders that stay in a stage between tasks, wherever in the tree they are."""


_NODE_CACHES = frozenset({"node_modules", ".cache", ".turbo", ".vite"})
_C_CACHES = frozenset({"build", "_build", "cmake-build-debug", "cmake-build-release", ".ccache"})

# `zig-out` and `__pycache__` are left out: a program or a .pyc from an earlier task could be run for today's.
# Go keeps its cache under HOME, which is the slot's own.
_PROFILES: Mapping[str, Language] = {
    profile.name: profile
    for profile in (
        Language("python", frozenset({".pytest_cache", ".mypy_cache", ".ruff_cache"})),
        Language("zig", frozenset({".zig-cache", "zig-cache"})),
        Language("rust", frozenset({"target"})),
        Language("go"),
        Language("node", _NODE_CACHES),
        Language("typescript", _NODE_CACHES),
        Language("c", _C_CACHES),
        Language("cpp", _C_CACHES),
        Language("lua", frozenset({"lua_modules", ".luarocks"})),
    )
}
_ALIASES: Mapping[str, str] = {
    "py": "python",
    "python3": "python",
    "golang": "go",
    "javascript": "node",
    "js": "node",
    "nodejs": "node",
    "node.js": "node",
    "ts": "typescript",
    "c++": "cpp",
    "cxx": "cpp",
    "rs": "rust",
}


def language_named(name: str) -> Language:
    """The profile of a language as `[output] language` spells it; an unknown one has no caches."""
    key = name.strip().casefold()
    key = _ALIASES.get(key, key)
    return _PROFILES.get(key, Language(key))
