"""Sizes, spans of time and ages."""

from datetime import timedelta

import pytest

from ossature.cli.sizes import age, duration, size
from ossature.errors import UsageError


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1536, "1.5 KiB"),
        (20 * 1024, "20 KiB"),
        (3 * 1024**3, "3.0 GiB"),
        (5000 * 1024**4, "5000 TiB"),
    ],
)
def test_sizes_have_the_unit_that_fits(number: int, shown: str):
    assert size(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (42.4, "42 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7800, "2 h 10 min"),
    ],
)
def test_durations_have_the_unit_that_fits(seconds: float, shown: str):
    assert duration(seconds) == shown


def test_ages_are_hours_days_or_weeks():
    assert [age(text) for text in ("12h", "30d", "4w")] == [
        timedelta(hours=12),
        timedelta(days=30),
        timedelta(weeks=4),
    ]


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5d", "9999999d", "40000d", "1m", "٣d"])
def test_other_ages_are_refused(text: str):
    with pytest.raises(UsageError, match="is no age"):
        age(text)
