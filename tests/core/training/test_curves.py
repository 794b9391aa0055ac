from pathlib import Path

from actiongpt_core.training.curves import plot_curves, read_curves


def _write(folder: Path, name: str, rows: list[str]) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "metrics.csv").write_text("\n".join(["a,b,epoch,step", *rows]) + "\n")


def test_curves_of_a_resumed_run_follow_each_other(tmp_path: Path) -> None:
    _write(tmp_path, "from_step_20", ["0.5,,0,29", "0.4,,0,39"])
    _write(tmp_path, "from_step_0", ["0.9,1.0,0,9", "0.8,1.0,0,19"])
    curves = read_curves(tmp_path)
    assert curves["a"] == [(9, 0.9), (19, 0.8), (29, 0.5), (39, 0.4)]


def test_a_value_that_is_only_repeated_is_no_point(tmp_path: Path) -> None:
    _write(tmp_path, "from_step_0", ["0.9,1.0,0,9", "0.8,1.0,0,19", "0.7,1.0,0,29"])
    assert read_curves(tmp_path)["b"] == [(9, 1.0)]


def test_curves_become_a_picture(tmp_path: Path) -> None:
    _write(tmp_path, "from_step_0", ["0.9,1.0,0,9", "0.8,0.5,0,19"])
    assert plot_curves(tmp_path, tmp_path / "curves.png", "Test").stat().st_size > 1000
