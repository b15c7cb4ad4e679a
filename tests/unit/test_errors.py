"""How failures read."""

import pytest

from ossature.errors import (
    BusyError,
    ConfigError,
    Diagnostic,
    Exit,
    OssatureError,
    Place,
    PlanError,
    UsageError,
)


@pytest.mark.parametrize(
    ("place", "text"),
    [(Place("a"), "a"), (Place("a", 3), "a:3"), (Place("a", 3, 4), "a:3:4"), (Place("a", 0, 4), "a")],
)
def test_place_reads_as_editors_open_it(place: Place, text: str):
    assert str(place) == text


def test_diagnostic_names_place_severity_message_hint_and_code():
    found = Diagnostic("smd-x", "error", Place("a", 1), "is wrong", "mend it")
    assert str(found) == "a:1: error: is wrong (mend it) [smd-x]"
    assert str(Diagnostic("smd-x", "info", Place("a"), "is so")) == "a: info: is so [smd-x]"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (OssatureError, Exit.FAILED),
        (UsageError, Exit.USAGE),
        (ConfigError, Exit.USAGE),
        (PlanError, Exit.NO_PLAN),
        (BusyError, Exit.BUSY),
    ],
)
def test_each_kind_has_its_exit_code(kind: type[OssatureError], code: Exit):
    assert kind("x").exit_code == code
    assert kind("x", exit_code=Exit.DRIFT).exit_code == Exit.DRIFT
    assert kind("x").exit_code == code, "an instance changed its class"


def test_message_starts_with_its_place():
    assert str(OssatureError("is wrong", place=Place("a", 2))) == "a:2: is wrong"
    assert str(OssatureError("is wrong")) == "is wrong"
