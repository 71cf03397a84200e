import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("tensorflow")
pytest.importorskip("tf2onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("ai_edge_litert")

from keras_cdae import CDAE
from keras_cdae.errors import MissingDependencyError, ModelFileError
from keras_cdae.export import FORMATS, QUANTIZATIONS, ExportError, export
from keras_cdae.export import exporter as exporter_module
from keras_cdae.export import formats as formats_module
from keras_cdae.export.check import Parity, compare, open_export
from keras_cdae.export.clips import made_clips
from keras_cdae.export.graph import spare_outputs
from keras_cdae.export.metadata import weights_digest
from keras_cdae.runtime import read_metadata

OFFERED = [
    (name, quantize)
    for name, form in FORMATS.items()
    for quantize in form.quantizations
]


@pytest.mark.parametrize(("name", "quantize"), OFFERED)
def test_numbers_agree_with_keras(name, quantize, model, clips, exported):
    result = exported(name, quantize)
    parity = compare(
        model, result.path, clips[1::2], format=name, quantize=quantize
    )
    tolerance = QUANTIZATIONS[quantize].tolerance
    if tolerance is None:
        assert parity.rank_correlation > 0.95
        assert parity.score_rel < 0.01
    else:
        assert parity.score_rel < tolerance
        assert parity.map_rel < tolerance
    assert result.parity == pytest.approx(parity) or result.parity == parity


@pytest.mark.parametrize("name", ["saved_model", "tflite", "onnx"])
def test_every_output_agrees(name, model, clips, exported):
    run = open_export(exported(name).path, name)
    received = run(clips[:1])
    expected = model.score(clips[:1])
    assert set(received) == set(expected) - {"p"}
    for key, values in received.items():
        np.testing.assert_allclose(
            values, expected[key], rtol=2e-3, atol=1e-6, err_msg=key
        )


@pytest.mark.parametrize("name", ["saved_model", "onnx"])
def test_batch_is_free(name, model, clips, exported):
    run = open_export(exported(name).path, name)
    np.testing.assert_allclose(
        run(clips[:3])["score"], model.score(clips[:3])["score"], rtol=1e-5
    )


@pytest.mark.parametrize("quantize", FORMATS["tflite"].quantizations)
def test_tflite_has_only_builtin_operators(quantize, exported):
    from ai_edge_litert.interpreter import Interpreter

    path = exported("tflite", quantize).path
    interpreter = Interpreter(model_path=str(path))
    names = {op["op_name"] for op in interpreter._get_ops_details()}
    assert "CONV_2D" in names
    assert not [name for name in names if name.startswith(("Flex", "CUSTOM"))]
    assert interpreter.get_input_details()[0]["shape"][0] == 1


def test_float16_halves_larger_filters_alone(exported):
    from ai_edge_litert.interpreter import Interpreter

    path = exported("tflite", "float16").path
    interpreter = Interpreter(model_path=str(path))
    types = {t["index"]: t["dtype"] for t in interpreter.get_tensor_details()}
    shapes = {t["index"]: t["shape"] for t in interpreter.get_tensor_details()}
    halves = {index for index, kind in types.items() if kind is np.float16}
    makers = [
        op for op in interpreter._get_ops_details() if op["inputs"][0] in halves
    ]
    made = {int(op["outputs"][0]) for op in makers}
    assert {op["op_name"] for op in makers} == {"DEQUANTIZE"}
    assert len(made) == len(halves) > 10
    sizes = {}
    for op in interpreter._get_ops_details():
        filters = {int(op["inputs"][1])} if op["op_name"] == "CONV_2D" else ()
        assert made.isdisjoint(set(op["inputs"]) - set(filters))
        for index in filters:
            sizes[index] = int(np.prod(shapes[index]))
    kept = [sizes[index] for index in set(sizes) - made]
    assert max(kept) <= min(sizes[index] for index in made)
    assert 0.05 < sum(kept) / sum(sizes.values()) <= 0.15
    whole = exported("tflite").path.stat().st_size
    assert path.stat().st_size < 0.65 * whole


@pytest.mark.parametrize("quantize", ["none", "float16"])
def test_a_black_picture_has_a_finite_score(quantize, model, exported):
    black = np.zeros((1, 5, 32, 32, 1), "uint8")
    run = open_export(exported("tflite", quantize).path, "tflite")
    score = run(black)["score"]
    assert np.isfinite(score).all()
    np.testing.assert_allclose(score, model.score(black)["score"], rtol=1e-2)


def test_float16_of_the_shipped_model_is_accepted(shared_data, tmp_path):
    result = export(
        "ped2-edge",
        tmp_path / "m.tflite",
        format="tflite",
        quantize="float16",
        calibration_clips=shared_data / "ped2" / "training",
    )
    assert result.parity.map_rel < 1e-2
    assert result.parity.rank_correlation > 0.999


@pytest.mark.parametrize("name", ["tflite", "onnx"])
def test_lean_leaves_out_what_no_score_needs(name, model, exported, tmp_path):
    path = tmp_path / f"m{FORMATS[name].suffix}"
    result = export(model, path, format=name, lean=True)
    whole = exported(name)
    assert result.metadata["export"]["left_out"] == ["error"]
    assert set(whole.metadata["outputs"]) - set(result.metadata["outputs"]) == {
        "error"
    }
    clip = made_clips(model)[:1]
    received, expected = (
        open_export(each.path, name)(clip) for each in (result, whole)
    )
    assert set(expected) - set(received) == {"error"}
    for key, values in received.items():
        np.testing.assert_allclose(
            values, expected[key], rtol=1e-5, atol=1e-9, err_msg=key
        )
    assert path.stat().st_size < 0.95 * whole.path.stat().st_size


def test_nothing_of_equation_14_is_spare(make_model):
    assert spare_outputs(make_model()) == ()


def test_int8_quantises_the_inside_of_the_decoders_alone(exported):
    from ai_edge_litert.interpreter import Interpreter

    path = exported("tflite", "int8").path
    interpreter = Interpreter(model_path=str(path))
    types = {t["index"]: t["dtype"] for t in interpreter.get_tensor_details()}
    names = {t["index"]: t["name"] for t in interpreter.get_tensor_details()}
    used, seen = set(), []
    for op in interpreter._get_ops_details():
        kind, output = types[op["inputs"][0]], names[op["outputs"][0]]
        if "encoder" in output and op["op_name"] not in ("QUANTIZE", "CAST"):
            assert kind is np.float32
        if op["op_name"] == "CONV_2D" and "decoder" in output:
            last = bool(re.search(r"decoder\w*/output", output))
            assert kind is (np.float32 if last else np.int8)
            seen.append(last)
        if op["op_name"] in ("REDUCE_MIN", "LOG", "L2_NORMALIZATION"):
            assert kind is np.float32
        used.add((op["op_name"], kind))
    assert {("CONV_2D", np.int8), ("REDUCE_MIN", np.float32)} <= used
    assert (seen.count(True), len(seen)) == (2, 20)


def test_int8_of_onnx_quantises_the_same(exported):
    import onnx

    graph = onnx.load(exported("onnx", "int8").path).graph
    makers = {name: node for node in graph.node for name in node.output}
    seen = {True: [], False: []}
    for node in graph.node:
        if node.op_type == "Conv":
            maker = makers.get(node.input[1])  # of the filters, if any
            rounded = maker is not None and "Dequantize" in maker.op_type
            seen[rounded].append(" ".join([node.name, *node.input]))
    assert len(seen[True]) == 18
    assert all("_decoder" in names for names in seen[True])
    last = [n for n in seen[False] if re.search(r"decoder\w*/output", n)]
    assert len(last) == 2
    assert all(
        "_encoder" in names for names in seen[False] if names not in last
    )


def test_quantised_scores_keep_their_median(model, clips, exported):
    result = exported("tflite", "int8")
    run = open_export(result.path, "tflite")
    scores = np.concatenate([run(clip[None])["score"] for clip in clips])
    shift = np.median(scores - model.score(clips)["score"])
    assert abs(shift) < 0.2 * model.calibration.scale["score"]
    assert result.metadata["export"]["score_offset"] != 0


@pytest.mark.parametrize("name", ["saved_model", "tflite", "onnx"])
def test_metadata_round_trip(name, model, exported):
    result = exported(name)
    inside = read_metadata(result.path)
    beside = json.loads(result.metadata_path.read_text())
    assert inside == beside == json.loads(json.dumps(result.metadata))
    assert inside["input"]["shape"] == [FORMATS[name].batch, 5, 32, 32, 1]
    assert inside["input"]["color_order"] == "grey"
    assert inside["calibration"] == model.calibration.to_dict()
    assert inside["weights_sha256"] == weights_digest(model)
    assert inside["threshold"]["score"] == pytest.approx(
        model.calibration.quantiles[-1]
    )


def test_table_is_consistent():
    for form in FORMATS.values():
        assert set(form.quantizations) <= set(QUANTIZATIONS)
        assert form.quantizations[0] == "none"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"format": "tf"}, "format must be one of saved_model, tflite"),
        (
            {"format": "onnx", "quantize": "dynamic"},
            "onnx offers quantize=none or int8",
        ),
        ({"format": "onnx"}, "must end in .onnx"),
        ({"format": "tflite", "quantize": "int8"}, "needs clips of normal"),
        (
            {
                "format": "tflite",
                "calibration_clips": np.zeros((9, 5, 8, 8, 1), "uint8"),
            },
            r"must be uint8, \(count, 5, 32, 32, 1\)",
        ),
    ],
)
def test_bad_arguments(arguments, message, model, tmp_path):
    with pytest.raises(ValueError, match=message):
        export(model, tmp_path / "m.tflite", **arguments)
    assert not list(tmp_path.iterdir())


def test_uncalibrated_model_is_refused(tmp_path):
    model = CDAE.from_preset("nano", image_size=(32, 32), channels=3)
    path = tmp_path / "m.tflite"
    with pytest.raises(ModelFileError, match="not calibrated"):
        export(model, path, format="tflite")
    result = export(model, path, format="tflite", allow_uncalibrated=True)
    assert "z" not in result.metadata["outputs"]
    assert read_metadata(path)["threshold"] is None
    assert read_metadata(path)["input"]["color_order"] == "RGB"
    assert "z" not in open_export(path, "tflite")(made_clips(model)[:1])


def test_missing_package_names_the_extra(model, tmp_path, monkeypatch):
    monkeypatch.setattr(
        formats_module.importlib.util, "find_spec", lambda name: None
    )
    with pytest.raises(
        MissingDependencyError, match=r"keras-cdae\[export,tensorflow\]"
    ):
        export(model, tmp_path / "m.onnx", format="onnx")


def test_a_broken_export_is_refused_unless_forced(
    model, clips, tmp_path, monkeypatch
):
    bad = Parity("tflite", "int8", 24, 1, 0.1, 1, 0.1, 0.5, 0.1)
    monkeypatch.setattr(exporter_module, "compare", lambda *_, **__: bad)
    path = tmp_path / "m.tflite"
    with pytest.raises(ExportError, match=r"rank correlation .* 0.500"):
        export(model, path, format="tflite", calibration_clips=clips)
    assert not list(tmp_path.iterdir())
    result = export(
        model, path, format="tflite", calibration_clips=clips, force=True
    )
    assert path.is_file()
    assert result.parity is bad


@pytest.mark.parametrize(
    ("parity", "message"),
    [
        (
            Parity("onnx", "none", 9, 1, 2e-4, 1, 0, 1, 1),
            "score differs by 0.0002",
        ),
        (Parity("onnx", "none", 9, 1, 0, 1, 2e-4, 1, 1), "map by 0.0002"),
        (Parity("onnx", "none", 9, 1, 0, 1, np.nan, 1, 1), "not finite"),
        (Parity("onnx", "none", 9, 1, 9e-5, 1, 9e-5, 1, 1), None),
        (Parity("onnx", "int8", 9, 1, 0.1, 1, 0.3, 0.96, 1), None),
    ],
)
def test_what_parity_allows(parity, message):
    problem = parity.problem()
    assert problem is None if message is None else message in problem


def test_a_folder_of_other_files_is_kept(model, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ExportError, match="holds other files"):
        export(model, tmp_path, format="saved_model")
    assert (tmp_path / "thesis.txt").is_file()


def test_mixed_precision_model_is_exported_in_float32(model, tmp_path):
    mixed = CDAE.from_preset(
        "nano", image_size=(32, 32), channels=1, dtype="mixed_bfloat16"
    )
    mixed.set_weights(model.get_weights())
    mixed.calibration = model.calibration
    result = export(mixed, tmp_path / "m.tflite", format="tflite")
    assert result.parity.score_rel < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch"])
def test_another_backend_exports(backend, model, videos, tmp_path):
    pytest.importorskip(backend)
    model.save(tmp_path / "m.keras")
    script = (
        "import sys; from keras_cdae.export import export; "
        "r = export(sys.argv[1], sys.argv[2], format='tflite'); "
        "print(r.parity.score_rel)"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            script,
            str(tmp_path / "m.keras"),
            str(tmp_path / "m.tflite"),
        ],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout.split()[-1]) < 1e-4
