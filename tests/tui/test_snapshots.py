"""Every view shows what it must, and as a terminal showed it before; `make snapshots` takes them anew."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.tui.gallery import ROUTES, SIZES, Route
from tools.snapshots import AS_SVG, FOLDER, drawn


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_view_shows_what_it_must_and_as_before(route: Route) -> None:
    files = asyncio.run(drawn(route))
    for view in route.views:
        for width, height in SIZES:
            text = files[f"{view.name}-{width}x{height}.txt"]
            assert [part for part in view.contains if part not in text] == [], text
            assert len(text.splitlines()) <= height
    for name, content in files.items():
        assert not re.search(r"gallery-|/tmp/|/home/", content), name
        assert content == (FOLDER / name).read_text("utf-8"), f"{name} differs: `make snapshots`, then look"


def test_no_snapshot_is_left_without_its_view() -> None:
    names = {
        f"{view.name}-{width}x{height}.txt"
        for route in ROUTES
        for view in route.views
        for width, height in SIZES
    }
    assert {path.name for path in FOLDER.iterdir()} == names | {f"{name}.svg" for name in AS_SVG}
