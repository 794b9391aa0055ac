"""Which segments make pairs, and where pairs are cut, against the originals (golden/transforms/babel_pairs.json)."""

from __future__ import annotations

from typing import Any

import pytest

from actiongpt_core.data.babel_pairs import Span, TimedLabel, cut, pairs, spans

pytestmark = pytest.mark.golden

FILE = "transforms/babel_pairs.json"


def test_golden_pairs_are_found_and_cut_as_in_the_originals(golden: Any) -> None:
    expected = golden.load(FILE)
    found = {
        "separate_actions": [cut_case(case) for case in expected["separate_actions"]],
        "extract_frame_labels": [label_case(case) for case in expected["extract_frame_labels"]],
    }
    golden.compare_json(FILE, "", found, expected)


def cut_case(case: dict[str, Any]) -> dict[str, Any]:
    found = cut([(start, end) for start, end in case["segments"]])
    return {
        "segments": case["segments"],
        "pieces": [list(piece) for piece in found.pieces],
        "frames": [found.start, found.end],
        "durations": list(found.durations),
    }


def label_case(case: dict[str, Any]) -> dict[str, Any]:
    labels = [TimedLabel(text=item["proc_label"], start=item["start_t"], end=item["end_t"]) for item in case["labels"]]
    known = spans(labels, case["fps"], case["seqlen"])
    found = pairs(known)
    return {
        **{key: case[key] for key in ("labels", "fps", "seqlen")},
        "separate_pairs": {
            "segments": [frames(pair) for pair in found],
            "actions": [[pair[0].text, pair[-1].text] for pair in found],
            "valid": bool(found),
        },
        "seg": {"segments": frames(known), "actions": [span.text for span in known], "valid": bool(known)},
    }


def frames(found: Any) -> list[list[int]]:
    known: list[Span] = list(found)
    return [list(span.frames) for span in known]
