"""`keras-cdae datasets`."""

import json
import shlex


def test_list_says_where_to_get_them(invoke):
    from keras_cdae.data.benchmarks import DATASETS

    result = invoke("datasets", "list")
    assert (result.code, result.err) == (0, "")
    for name, info in DATASETS.items():
        assert f"{name} " in result.out
        assert info.url in result.out
    listed = invoke("datasets", "list", "--json").json
    assert [row["name"] for row in listed] == list(DATASETS)


def test_verify_a_whole_data_set(invoke, camera):
    for arguments in ([camera], ["--data-dir", camera]):
        result = invoke("datasets", "verify", "synthetic", *arguments)
        assert (result.code, result.err) == (0, "")
        assert f"ok      layout: {camera}" in result.out
        assert "ok      2 training videos" in result.out
    findings = invoke("datasets", "verify", "synthetic", camera, "--json").json
    assert {row["level"] for row in findings} == {"ok"}


def test_verify_says_what_is_missing_in_json_too(invoke, tmp_path):
    result = invoke("datasets", "verify", "ped2", tmp_path, "--json")
    assert result.code == 1
    (finding,) = json.loads(result.out)
    assert finding["level"] == "error"
    assert "ped2/training/frames/01/000.jpg" in finding["message"]


def test_synthetic_does_not_overwrite(invoke, camera):
    result = invoke("datasets", "synthetic", camera)
    assert result.code == 1
    assert f"{camera}: exists and is not empty" in result.error
    assert "--overwrite" in result.error


def test_synthetic_is_the_same_for_the_same_seed(invoke, tmp_path):
    made = []
    for name in "ab":
        words = [
            "--train-videos",
            "1",
            "--test-videos",
            "1",
            "--frames",
            "60",
            "--seed",
            "7",
        ]
        folder = tmp_path / f"camera {name}"
        result = invoke("datasets", "synthetic", folder, *words)
        assert result.code == 0
        command = shlex.split(result.err.partition("Next: ")[2])
        assert command[-4:-2] == ["--data-dir", str(folder)]
        made.append((folder / "train" / "01.mp4").read_bytes())
    assert made[0] == made[1]
