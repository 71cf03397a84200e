import io
import zipfile

import keras
import numpy as np
import pytest
import reference
from conftest import to_numpy

from keras_cdae.errors import ModelFileError, NonFiniteError
from keras_cdae.models import CDAE
from keras_cdae.runs.trainer import calibrate
from keras_cdae.training.optimizer import BlockOptimizer
from keras_cdae.training.schedule import Schedule

pytestmark = pytest.mark.backend


def weights_of(variables):
    return [to_numpy(variable).copy() for variable in variables]


def equal(before, after):
    return all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def all_differ(before, after):
    return all(np.any(a != b) for a, b in zip(before, after, strict=True))


def test_outputs_have_the_documented_shapes(make_model, tiny_clips):
    outputs = make_model()(tiny_clips[:2])
    shapes = {name: tuple(value.shape) for name, value in outputs.items()}
    assert shapes == {
        "appearance": (2, 32, 32, 1),
        "motion": (2, 4, 32, 32, 1),
        "appearance_distance": (2, 4, 4),
        "motion_distance": (2, 4, 4),
    }


@pytest.mark.parametrize("channels", [1, 3])
def test_score_equals_the_oracle(make_model, rng, channels):
    model = make_model(channels=channels)
    clips = rng.random((3, 5, 32, 32, channels)).astype("float32")
    outputs = {k: to_numpy(v) for k, v in model(clips).items()}
    names = ("appearance", "motion", "appearance_distance", "motion_distance")
    arguments = [outputs[name] for name in names]
    result = model.score(clips)
    terms = reference.clip_terms(clips, *arguments)
    for name, term in zip(
        ("appearance_distance", "motion_distance", "error"), terms, strict=True
    ):
        np.testing.assert_allclose(result[name], term, rtol=1e-4)
    np.testing.assert_allclose(
        result["score"], reference.anomaly_score(clips, *arguments), rtol=1e-4
    )
    assert result["map"].shape == (3, 4, 4)


def test_distances_equal_the_oracle(make_model, tiny_clips):
    model = make_model()
    codes = [to_numpy(code) for code in model.encode(tiny_clips)]
    outputs = model(tiny_clips)
    for code, clusters, name in zip(
        codes,
        (model.appearance_clusters, model.motion_clusters),
        ("appearance_distance", "motion_distance"),
        strict=True,
    ):
        np.testing.assert_allclose(
            to_numpy(outputs[name]),
            reference.nearest_distance(code, to_numpy(clusters.centroids)),
            atol=1e-5,
        )


def test_losses_equal_the_equations(trained, tiny_clips):
    outputs = {k: to_numpy(v) for k, v in trained(tiny_clips).items()}
    losses = trained.block_losses("autoencoders", tiny_clips)
    losses = {k: float(to_numpy(v)) for k, v in losses.items()}
    last = tiny_clips[:, -1]
    target = reference.motion_target(tiny_clips)
    appearance = ((last - outputs["appearance"]) ** 2).mean()
    motion = ((target - outputs["motion"]) ** 2).mean()
    codes = [to_numpy(code) for code in trained.encode(tiny_clips)]
    clusters = reference.cluster_loss(
        *codes,
        to_numpy(trained.appearance_clusters.centroids),
        to_numpy(trained.motion_clusters.centroids),
        alpha=trained.alpha,
        weight=trained.redundancy_weight,
    )
    total = appearance + motion + trained.cluster_weight * clusters  # Eq. 13
    assert losses["appearance_loss"] == pytest.approx(appearance, rel=1e-4)
    assert losses["motion_loss"] == pytest.approx(motion, rel=1e-4)
    assert losses["loss"] == pytest.approx(total, rel=1e-4)
    eq12 = trained.block_losses("centroids", tiny_clips)["loss"]
    assert float(to_numpy(eq12)) == pytest.approx(clusters, rel=1e-4)


def test_uint8_clips_are_scaled(make_model, tiny_clips):
    model = make_model()
    pixels = (255 * tiny_clips).round().astype("uint8")
    np.testing.assert_allclose(
        model.score(pixels)["score"],
        model.score((pixels / 255.0).astype("float32"))["score"],
        rtol=1e-5,
    )


def test_score_does_not_depend_on_the_batch(trained, tiny_clips):
    together = trained.score(tiny_clips, batch_size=5)["score"]
    alone = [
        trained.score(clip[None], batch_size=1)["score"][0]
        for clip in tiny_clips
    ]
    np.testing.assert_allclose(together, alone, rtol=1e-4)


def test_pixelwise_fusion_averages_the_product(make_model, tiny_clips):
    model = make_model(fusion="pixelwise")
    maps = model.score_maps(tiny_clips)
    names = ("error", "appearance_distance", "motion_distance")
    product = np.prod([maps[name] for name in names], axis=0)
    np.testing.assert_allclose(
        model.score(tiny_clips)["score"],
        np.log(product.mean((1, 2))),
        rtol=1e-4,
    )


def test_fit_runs_the_stages_and_the_loss_falls(make_model, tiny_clips):
    seen = []
    model = make_model()
    spy = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.stage)
    )
    history = model.fit(
        tiny_clips, epochs=6, batch_size=4, verbose=0, callbacks=[spy]
    ).history
    assert seen == ["pretraining"] * 2 + ["alternation"] * 4
    assert model.clusters_ready
    losses = history["loss"]
    assert np.isfinite(losses).all()
    assert losses[1] < losses[0]
    assert losses[-1] < losses[2]
    assert losses[-1] > 0
    scores = model.score(tiny_clips)["score"]
    assert np.isfinite(scores).all()
    assert scores.std() > 1e-4  # a collapsed model scores everything alike
    for clusters in (model.appearance_clusters, model.motion_clusters):
        centroids = to_numpy(clusters.centroids)
        apart = np.linalg.norm(centroids[:, None] - centroids[None], axis=-1)
        assert apart[~np.eye(len(centroids), dtype=bool)].min() > 1e-3


def test_frozen_blocks_do_not_move(trained, tiny_clips):
    for stage, moving, frozen in (
        ("pretraining", "autoencoders", "centroids"),
        ("autoencoders", "autoencoders", "centroids"),
        ("centroids", "centroids", "autoencoders"),
    ):
        trained.set_stage(stage)
        rest = weights_of(trained.block_variables(frozen))
        work = weights_of(trained.block_variables(moving))
        trained.train_on_batch(tiny_clips)
        assert equal(rest, weights_of(trained.block_variables(frozen)))
        assert all_differ(work, weights_of(trained.block_variables(moving)))
    trained.set_stage("alternation")
    everything = weights_of(trained.trainable_variables)
    trained.train_on_batch(tiny_clips)
    assert all_differ(everything, weights_of(trained.trainable_variables))


def test_blocks_are_all_trainable_weights(make_model):
    model = make_model()
    blocks = [model.block_variables(b) for b in ("autoencoders", "centroids")]
    assert len(blocks[1]) == 2
    assert len(blocks[0]) + 2 == len(model.trainable_variables)


def test_alternation_by_epoch_takes_turns(make_model, tiny_clips):
    model = make_model(schedule={"pretrain_epochs": 1, "alternate": "epoch"})
    seen = []
    spy = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.stage)
    )
    history = model.fit(tiny_clips, epochs=4, verbose=0, callbacks=[spy])
    assert seen == ["pretraining", "autoencoders", "centroids", "autoencoders"]
    for name in ("appearance_loss", "motion_loss", "motion_explained"):
        _, before, resting, _ = history.history[name]
        assert resting != 0  # shown as it is, not as nothing
        assert resting == pytest.approx(before, abs=0.2)


def test_what_is_frozen_is_told(make_model, tiny_clips, caplog):
    model = make_model()
    for layer in model.layers:
        if layer.name.endswith(("encoder", "decoder")):
            layer.trainable = False
    model.fit(tiny_clips[:4], epochs=1, verbose=0)
    assert "Both autoencoders are frozen" in caplog.text
    model.trainable = False
    with pytest.raises(ValueError, match="All weights are frozen"):
        model.fit(tiny_clips[:4], epochs=1, verbose=0)


def test_learning_rates_follow_the_schedule(make_model, tiny_clips):
    model = make_model(
        schedule=Schedule(
            pretrain_epochs=1,
            decay_after=2,
            learning_rate=1e-3,
            alternation_factor=0.5,
            decay_factor=0.1,
            cluster_learning_rate=1e-4,
        )
    )
    rates = []
    spy = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: rates.append(
            float(to_numpy(model.optimizer.learning_rate))
        )
    )
    model.fit(tiny_clips, epochs=4, verbose=0, callbacks=[spy])
    np.testing.assert_allclose(rates, [1e-3, 5e-4, 5e-4, 5e-5], rtol=1e-5)
    centroids = to_numpy(model.optimizer.centroids.learning_rate)
    np.testing.assert_allclose(centroids, 1e-4, rtol=1e-5)
    model.fit(tiny_clips, epochs=1, verbose=0)  # a new fit starts anew
    np.testing.assert_allclose(
        to_numpy(model.optimizer.learning_rate), 1e-3, rtol=1e-5
    )


def test_each_block_counts_its_own_steps(trained):
    # 12 clips in batches of 4: one epoch of pretraining, two alternating
    assert int(to_numpy(trained.optimizer.autoencoders.iterations)) == 9
    assert int(to_numpy(trained.optimizer.centroids.iterations)) == 6


def test_keras_callbacks_can_change_the_learning_rate(make_model, tiny_clips):
    model = make_model()
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="loss", factor=0.5, patience=1, min_delta=1e9
    )
    seen = []
    scheduler = keras.callbacks.LearningRateScheduler(
        lambda epoch, rate: seen.append(rate) or rate
    )
    centroids = float(to_numpy(model.optimizer.centroids.learning_rate))
    history = model.fit(
        tiny_clips, epochs=3, verbose=0, callbacks=[scheduler, plateau]
    )
    assert float(to_numpy(model.optimizer.learning_rate)) < 6e-4
    assert len(seen) == 3  # once an epoch, with the autoencoders' rate
    np.testing.assert_allclose(history.history["learning_rate"], seen)
    after = float(to_numpy(model.optimizer.centroids.learning_rate))
    assert after == centroids


def test_averaged_weights_of_the_autoencoders_are_swapped(
    make_model, tiny_clips
):
    model = make_model()
    model.compile(optimizer=keras.optimizers.SGD(0.01, use_ema=True))
    seen = []

    def look(epoch, logs):
        seen.append(weights_of(model.appearance_encoder.trainable_variables))

    callbacks = [
        keras.callbacks.LambdaCallback(on_epoch_end=look),
        keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
        keras.callbacks.LambdaCallback(on_epoch_end=look),
    ]
    model.fit(
        tiny_clips, batch_size=4, epochs=1, verbose=0, callbacks=callbacks
    )
    last, averaged = seen
    assert all_differ(last, averaged)


def test_own_optimizer_updates_the_autoencoders(make_model):
    model = make_model()
    model.compile(optimizer=keras.optimizers.SGD(0.01))
    assert isinstance(model.optimizer, BlockOptimizer)
    assert isinstance(model.optimizer.autoencoders, keras.optimizers.SGD)
    assert isinstance(model.optimizer.centroids, keras.optimizers.Adam)


def test_loss_and_metrics_are_the_method_s_own(make_model):
    with pytest.raises(ValueError, match="CDAE has its own loss"):
        make_model().compile(loss="mse")


def test_validation_reports_every_term(make_model, tiny_clips):
    history = make_model().fit(
        tiny_clips, validation_data=tiny_clips[:4], epochs=2, verbose=0
    )
    for name in ("loss", "motion_loss", "motion_explained", "redundancy"):
        assert f"val_{name}" in history.history
        assert np.isfinite(history.history[f"val_{name}"]).all()


def test_explained_share_is_the_ratio_of_means(trained, tiny_clips):
    result = trained.evaluate(tiny_clips, verbose=0, return_dict=True)
    target = reference.motion_target(tiny_clips)
    motion = to_numpy(trained(tiny_clips)["motion"])
    share = 1 - ((target - motion) ** 2).mean() / (target**2).mean()
    assert result["motion_explained"] == pytest.approx(share, abs=1e-4)


@pytest.mark.parametrize("stage", [1, 3])
def test_nan_stops_the_run_and_says_where(make_model, tiny_clips, stage):
    model = make_model()
    bad = tiny_clips.copy()
    if stage == 1:
        bad[0, 0, 0, 0] = np.nan
        data = bad
    else:
        data = tiny_clips
        model.fit(data, epochs=3, verbose=0)
        model.schedule = Schedule(pretrain_epochs=0, learning_rate=1e30)
        model.compile()
    message = r"became NaN or infinite in epoch \d, batch \d, stage"
    with pytest.raises(NonFiniteError, match=message):
        model.fit(data, epochs=3, verbose=0, shuffle=False)


def test_save_and_load_keep_everything(trained, tiny_clips, tmp_path):
    calibrate(
        trained,
        [(255 * tiny_clips[:, 0]).astype("uint8")],
        source="test",
        fps=25.0,
    )
    path = tmp_path / "model.keras"
    trained.save(path)
    loaded = keras.models.load_model(path)
    assert isinstance(loaded, CDAE)
    assert loaded.get_config() == trained.get_config()
    assert loaded.calibration == trained.calibration
    for a, b in zip(
        trained.optimizer.variables, loaded.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))
    expected, got = trained.score(tiny_clips), loaded.score(tiny_clips)
    assert set(got) == {*expected, "z", "p"}
    for name in expected:
        np.testing.assert_allclose(got[name], expected[name], rtol=1e-5)


def test_files_keep_the_state_of_the_optimizers_where_it_always_was(
    trained, tmp_path
):
    import h5py

    trained.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        weights = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(weights) as file:
        assert set(file["optimizer"]) == {"autoencoders", "centroids", "vars"}


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="what is tested is the signature; torch has no SavedModel of it",
)
def test_keras_exports_a_model_that_was_only_loaded(
    trained, tiny_clips, tmp_path
):
    import tensorflow as tf

    trained.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    loaded.export(tmp_path / "saved", verbose=False)
    saved = tf.saved_model.load(str(tmp_path / "saved"))
    expected, got = trained(tiny_clips), saved.serve(tiny_clips)
    assert set(got) == set(expected)
    for name in expected:
        np.testing.assert_allclose(got[name], expected[name], atol=1e-5)


def test_loaded_model_goes_on_as_the_saved_one(trained, tiny_clips, tmp_path):
    trained.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    results = []
    for model in (trained, loaded):
        model.set_stage("alternation")
        model.reset_metrics()
        results.append([model.train_on_batch(tiny_clips)[0] for _ in range(3)])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5)


def test_backup_and_restore_goes_on(make_model, tiny_clips, tmp_path):
    class Crash(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def fit(model, callbacks):
        model.fit(
            tiny_clips,
            epochs=4,
            batch_size=4,
            verbose=0,
            shuffle=False,
            callbacks=callbacks,
        )

    whole = make_model(seed=3)
    fit(whole, [])
    model = make_model(seed=3)
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt):
        fit(model, [Crash(), backup])
    again = make_model(seed=9)  # other weights: the backup must replace them
    fit(again, [keras.callbacks.BackupAndRestore(tmp_path / "backup")])
    for a, b in zip(whole.weights, again.weights, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains(make_model, tiny_clips, policy):
    model = make_model(dtype=policy)
    history = model.fit(tiny_clips, epochs=4, batch_size=4, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert history["appearance_loss"][-1] < history["appearance_loss"][0]
    assert model.score(tiny_clips)["score"].dtype == "float32"


def test_jit_compile_gives_the_same_numbers(make_model, tiny_clips):
    if keras.backend.backend() == "torch":
        pytest.skip("torch's compiler takes minutes")
    if keras.backend.backend() == "jax":
        pytest.skip("every other test compiles; without, it is slow")
    losses = []
    for jit in (True, False):
        model = make_model(seed=1)
        model.compile(jit_compile=jit)
        fit = model.fit(tiny_clips, epochs=2, verbose=0, shuffle=False)
        losses.append(fit.history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_size": (30, 32)}, "multiples of 8"),
        ({"channels": 0}, "channels=0"),
        ({"channels": 1.0}, "channels=1.0"),
        ({"image_size": 32}, "image_size=32"),
        ({"width": 4.0}, "width=4.0"),
        ({"attention": True}, "attention=True"),
        ({"cluster_weight": float("nan")}, "cluster_weight=nan"),
        ({"clip_length": 1}, "clip_length=1"),
        ({"skips": "all"}, "skips='all'"),
        ({"motion_input": "flow"}, "motion_input='flow'"),
        ({"loss_type": "l3"}, "loss_type='l3'"),
        ({"fusion": "sum"}, "fusion='sum'"),
        ({"distance": "far"}, "distance='far'"),
        ({"cluster_weight": -1.0}, "cluster_weight=-1.0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        CDAE(**{"image_size": (32, 32), "width": 4, **arguments})


def test_model_of_a_later_version_is_refused(make_model):
    config = {**make_model().get_config(), "format_version": 99}
    with pytest.raises(ModelFileError, match=r"version 99.*--upgrade"):
        CDAE.from_config(config)


def test_unknown_preset_lists_the_known():
    with pytest.raises(ValueError, match="paper, edge, nano"):
        CDAE.from_preset("huge")


@pytest.mark.parametrize(
    "shape", [(2, 4, 32, 32, 1), (2, 5, 32, 32, 3), (5, 32, 32, 1)]
)
def test_clips_of_another_shape_are_refused(make_model, shape):
    with pytest.raises(ValueError, match="Expected clips of shape"):
        make_model().score(np.zeros(shape, "float32"))


@pytest.mark.parametrize(
    "options",
    [
        {"skips": "none"},
        {"motion_input": "frames"},
        {"attention": None},
        {"attention": {"pooled": True, "deviation": "absolute"}},
        {"loss_type": "l2", "gradient_weight": 0.01, "distance": "soft"},
    ],
)
def test_options_train_and_reload(make_model, tiny_clips, tmp_path, options):
    model = make_model(**options)
    history = model.fit(tiny_clips, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.score(tiny_clips)["score"],
        model.score(tiny_clips)["score"],
        rtol=1e-5,
    )


def test_paper_preset_has_the_published_size():
    model = CDAE.from_preset("paper", image_size=(64, 64))
    # The published network has 6.1 million parameters.
    assert 5.5e6 < model.count_params() < 6.7e6
    codes = model.encode(np.zeros((1, 5, 64, 64, 3), "float32"))
    assert tuple(codes[0].shape) == (1, 8, 8, 256)  # 32 x 32 at 256 x 256


def test_pairs_train_towards_the_normal_clip(make_model, tiny_clips):
    """What is not normal has its normal clip as target, and no cluster."""
    model = make_model()
    model.set_stage("alternation")
    odd = tiny_clips.copy()
    odd[::2] = odd[::2, ::-1]
    alone = model.block_losses("autoencoders", tiny_clips[1::2])
    pairs = model.block_losses("autoencoders", odd, tiny_clips)
    for name in ("appearance_distance", "motion_distance"):
        np.testing.assert_allclose(
            to_numpy(pairs[name]), to_numpy(alone[name]), rtol=1e-4
        )
    outputs = {k: to_numpy(v) for k, v in model(odd).items()}
    target = reference.motion_target(tiny_clips)
    expected = np.square(target - outputs["motion"]).mean()
    np.testing.assert_allclose(
        to_numpy(pairs["motion_loss"]), expected, rtol=1e-4
    )
    same = model.block_losses("autoencoders", tiny_clips, tiny_clips)
    plain = model.block_losses("autoencoders", tiny_clips)
    np.testing.assert_allclose(
        to_numpy(same["loss"]), to_numpy(plain["loss"]), rtol=1e-5
    )


def test_labels_beside_the_clips_are_not_looked_at(make_model, tiny_clips):
    model = make_model()
    clips, target = model.unpack((tiny_clips, np.zeros(len(tiny_clips))))
    assert clips is tiny_clips
    assert target is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"score_terms": ()}, "score_terms must be some of"),
        ({"score_terms": ("motion",)}, "score_terms=..motion"),
        ({"score_terms": {"error": 12}}, "multiple of 8"),
        ({"score_terms": {"error": 64}}, "within the picture"),
        (
            {
                "score_terms": {"error": 8, "motion_distance": None},
                "fusion": "pixelwise",
            },
            "have one square",
        ),
    ],
)
def test_scores_that_cannot_be_are_refused(make_model, arguments, message):
    with pytest.raises(ValueError, match=message):
        make_model(**arguments)


def test_the_score_is_that_of_the_terms_and_the_pooling(make_model, tiny_clips):
    model = make_model(score_terms={"motion_error": 16})
    result = model.score(tiny_clips)
    motion = to_numpy(model(tiny_clips)["motion"])
    error = np.square(reference.motion_target(tiny_clips) - motion)
    error = error.mean((1, 4)).reshape(-1, 4, 8, 4, 8).mean((2, 4))
    squares = [
        error[:, y : y + 2, x : x + 2].mean((1, 2))
        for y in range(3)
        for x in range(3)
    ]
    np.testing.assert_allclose(
        result["score"], np.log(np.max(squares, axis=0)), rtol=1e-3
    )
    maps = model.score_maps(tiny_clips)
    product = error * maps["appearance_distance"] * maps["motion_distance"]
    around = np.pad(product, ((0, 0), (1, 1), (1, 1)), "symmetric")
    np.testing.assert_allclose(
        result["map"][:, 1, 2], around[:, 1:4, 2:5].mean((1, 2)), rtol=1e-3
    )
    np.testing.assert_allclose(
        result["motion_error"], error.mean((1, 2)), rtol=1e-3
    )


def test_one_clip_is_a_batch(make_model, tiny_clips):
    model = make_model()
    logs = model.train_on_batch(tiny_clips[:1])
    assert np.isfinite(logs).all()
