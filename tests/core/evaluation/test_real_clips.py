import json
import os

import pytest

from actiongpt_core.evaluation.probes import PROBES
from actiongpt_core.evaluation.real_clips import STORED, RealClips, measure_real_clips, real_clips


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> RealClips:
    monkeypatch.delenv("ACTIONGPT_CMU", raising=False)
    return real_clips()


def test_every_probe_has_been_measured_on_clips_that_no_model_made(stored: RealClips) -> None:
    assert list(stored.rows) == [probe.name for probe in PROBES]
    assert all(row.real or row.parametric for row in stored.rows.values())


def test_the_criteria_hold_for_clips_that_do_what_the_probe_asks(stored: RealClips) -> None:
    for name, row in stored.rows.items():
        if row.parametric:
            assert row.parametric.share == 1.0, name
        if row.real and row.real.of > 1:
            assert row.real.share >= 0.6, name


def test_what_is_stored_is_read_as_it_was_written(stored: RealClips) -> None:
    assert stored.to_dict() | {} == RealClips.from_dict(json.loads(STORED.read_text("utf-8"))).to_dict()


@pytest.mark.cmu
def test_what_is_stored_is_what_is_measured_on_the_set() -> None:
    if not os.environ.get("ACTIONGPT_CMU"):
        pytest.skip("the prepared CMU set is not here: set ACTIONGPT_CMU to its folder")
    from actiongpt_core.data.cmu import CmuSet

    measured, stored = (
        measure_real_clips(CmuSet()).to_dict(),
        RealClips.from_dict(json.loads(STORED.read_text("utf-8"))).to_dict(),
    )
    assert measured["nearest_text"] == pytest.approx(stored["nearest_text"], abs=1e-3)
    for name, row in measured["rows"].items():
        for kind in ("real", "parametric"):
            assert row[kind] == (pytest.approx(stored["rows"][name][kind], abs=1e-3) if row[kind] else None), name
