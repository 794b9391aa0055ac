"""The last parity test: nothing in the folder is left out without a word."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.golden

#: What tests take in: it is there to be read, and a test that compared it would compare the data with itself.
INPUTS = (
    r"stats/stats\.npz:.*",
    r"distilbert_tiny/(config|tokenizer|tokenizer_config)\.json:",  # read by the text encoder of every case
    r"smplh_synthetic/.*:hands_(mean|components)[lr]",  # not used, on purpose: hands are flat
    r"(teach|temos)_tiny/cases\.npz:(text\d+|batch\d+|seq\d+/a\d+)/eps",
    r"(teach|temos)_tiny/cases\.npz:(batch\d+|extra)/(hframes|z_prev)",
    r"(teach|temos)_tiny/cases\.npz:motionenc_\w+/(x|lengths)",
    r"losses/teach_step\.npz:teach/(motion_feats_0|motion_feats_1_with_transition|eps_\w+)",
    r"losses/temos_step\.npz:temos/(features|eps_\w+)",
    r"motionclip_tiny/encoder\.npz:\w+\.(x|lengths)",
    r"motionclip_tiny/decoder\.npz:(feat|\w+\.lengths)",
    r"motionclip_tiny/generate\.npz:(feat|mixed_lengths)",
    r"motionclip_tiny/rot2xyz\.npz:(x|lengths|rot(vec|quat|mat)\.x)",
    r"motionclip_tiny/rotations\.npz:(d6|aa)",
    r"motionclip_tiny/losses\.npz:(x|lengths|clip_images_emb)",
    r"motionclip_tiny/mmd\.npz:[ab]",
    r"motionclip_tiny/clip_tiny_state_dict\.npz:.*",
    r"motionclip_tiny/clip_text\.npz:image",
    r"motionclip_tiny/db_\w+\.npz:.*",
    # The original's scripts encoded these with dropout on; without it encodings are compared in encoder and classifier.
    r"motionclip_tiny/(editing|interpolation)\.npz:mu",
    r"metrics/metrics\.npz:.*",
    r"transforms/transforms\.npz:rot/(axis_angle|sixd_random|quat_random_unnormalised|matrix_of_angles_cos_sin)",
    r"transforms/transforms\.npz:(rfeats\d+|smplh|canonicalize_smplh)/(rots|trans)",
    r"transforms/transforms\.npz:(rfeats|rifke)_random/features",
    r"transforms/transforms\.npz:rifke\w*/joints",
    r"transforms/transforms\.npz:interp/([ab]_(rots|trans)|slerp_near_[ab])",
    r"transforms/transforms\.npz:sampling/upsample_in",
)


def contents(golden: Any) -> Iterator[str]:
    """Every array and every JSON case below the folder."""
    for path in sorted(golden.folder.rglob("*")):
        file = path.relative_to(golden.folder).as_posix()
        if path.suffix == ".npz":
            with np.load(path) as archive:
                yield from (f"{file}:{key}" for key in archive.files)
        elif path.name in ("cases.json", "gpt3_annotations.json", "metrics.json"):
            for key, value in json.loads(path.read_text(encoding="utf-8")).items():
                is_group = key in ("texts", "batches", "sequences")
                yield from (f"{file}:{key}/{case}" for case in value) if is_group else [f"{file}:{key}"]
        elif path.suffix == ".json":
            yield f"{file}:"


def test_golden_coverage_leaves_nothing_out(golden: Any, whole_golden_run: bool) -> None:
    if not whole_golden_run:
        pytest.skip("only some of the parity tests were run; what they compare is known after all of them")
    fed = {item for item in golden.fed if any(re.fullmatch(pattern, item) for pattern in INPUTS)}
    read_by_others = {item for item in contents(golden) if re.fullmatch("|".join(INPUTS[:3]), item)}
    known = golden.compared | fed | read_by_others
    left = [item for item in contents(golden) if item not in known]
    assert not left, f"{len(left)} arrays and cases that no test compared, among them: " + ", ".join(left[:60])


def test_golden_coverage_has_the_data_that_the_tests_are_about(golden: Any) -> None:
    folders = (
        "teach_tiny",
        "temos_tiny",
        "motionclip_tiny",
        "losses",
        "metrics",
        "transforms",
        "distilbert_tiny",
        "smplh_synthetic",
    )
    for folder in folders:
        assert (golden.folder / folder).is_dir(), f"{golden.folder} has no {folder}"
