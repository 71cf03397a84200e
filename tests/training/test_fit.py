"""What people do with `fit` beside calling it once with defaults."""

import zipfile

import keras
import numpy as np
import pytest
from conftest import to_numpy

from keras_cdae.errors import NonFiniteError
from keras_cdae.training import stages as stages_module

BASE, LATER = 2e-3, 6e-4  # nano: in stage 1, and in stage 3


@pytest.fixture
def make_model(make_model):
    """As everywhere, but without graphs, which take seconds to trace."""

    def make(**settings):
        model = make_model(**settings)
        if keras.backend.backend() == "tensorflow":
            model.compile(run_eagerly=True)
        return model

    return make


class Seen(keras.callbacks.Callback):
    """What the first batch of each epoch was trained with."""

    def __init__(self):
        super().__init__()
        self.rates, self.stages = [], []

    def on_train_batch_begin(self, batch, logs=None):
        if batch == 0:
            rate = self.model.optimizer.learning_rate
            self.rates.append(float(to_numpy(rate)))
            self.stages.append(self.model.stage)


def fit(model, clips, **options):
    seen = Seen()
    callbacks = [*options.pop("callbacks", ()), seen]
    options = {"batch_size": 12, "verbose": 0, **options}
    model.fit(clips, callbacks=callbacks, **options)
    return seen


@pytest.mark.backend
def test_a_user_s_scheduler_has_the_last_word(make_model, tiny_clips):
    asked = [1e-4, 2e-4, 3e-4]
    scheduler = keras.callbacks.LearningRateScheduler(
        lambda epoch: asked[epoch]
    )
    seen = fit(make_model(), tiny_clips, epochs=3, callbacks=[scheduler])
    assert seen.rates == pytest.approx(asked)


def test_a_rate_set_before_fit_stays(make_model, tiny_clips):
    model = make_model()
    model.optimizer.learning_rate = 1e-5
    for _ in range(2):
        rates = fit(model, tiny_clips, epochs=3).rates
        assert rates == pytest.approx([1e-5, 3e-6, 3e-6])
    model.optimizer.learning_rate = 1e-4
    assert fit(model, tiny_clips, epochs=1).rates == pytest.approx([1e-4])


def test_a_loaded_model_begins_like_the_saved_one(
    trained, tiny_clips, tmp_path
):
    path = tmp_path / "model.keras"
    model = trained
    for _ in range(2):
        model.save(path)
        model = keras.models.load_model(path)
        rates = fit(model, tiny_clips, epochs=3).rates
        assert rates == pytest.approx([BASE, LATER, LATER])


@pytest.mark.backend
@pytest.mark.parametrize("kind", [keras.optimizers.Adam, keras.optimizers.SGD])
def test_an_optimizer_with_a_schedule_of_its_own(make_model, tiny_clips, kind):
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, 20)
    model = make_model()
    model.compile(kind(schedule))
    seen = fit(model, tiny_clips, epochs=3)
    assert seen.stages == ["pretraining", "alternation", "alternation"]
    assert seen.rates == pytest.approx([float(schedule(i)) for i in range(3)])


@pytest.mark.backend
def test_one_epoch_ends_with_clusters(make_model, tiny_clips):
    model = make_model()
    before = to_numpy(model.appearance_clusters.centroids).copy()
    seen = fit(model, tiny_clips)  # one epoch: Keras's default
    assert seen.stages == ["pretraining"]
    assert model.clusters_ready
    assert not model.clusters_in_use
    after = to_numpy(model.appearance_clusters.centroids).copy()
    assert not np.allclose(before, after)
    fit(model, tiny_clips)  # the codes have moved: k-means again
    assert not np.allclose(after, to_numpy(model.appearance_clusters.centroids))


def test_early_stopping_that_goes_back_to_stage_1(make_model, tiny_clips):
    class Best(keras.callbacks.Callback):  # as restore_best_weights does
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                self.weights = self.model.get_weights()

        def on_train_end(self, logs=None):
            self.model.set_weights(self.weights)

    model = make_model()
    fit(model, tiny_clips, epochs=3, callbacks=[Best()])
    assert model.clusters_ready
    assert not model.clusters_in_use


def test_going_on_where_a_shorter_fit_ended(make_model, tiny_clips):
    model = make_model()
    fit(model, tiny_clips, epochs=3)
    seen = fit(model, tiny_clips, epochs=12, initial_epoch=3)
    assert seen.stages == ["alternation"] * 9
    assert seen.rates == pytest.approx([LATER] * 9)


def test_going_on_within_stage_1(make_model, tiny_clips):
    model = make_model()
    fit(model, tiny_clips, epochs=1)
    seen = fit(model, tiny_clips, epochs=6, initial_epoch=1)
    assert seen.stages == ["pretraining"] + ["alternation"] * 4
    assert seen.rates == pytest.approx([BASE] + [LATER] * 4)
    assert model.clusters_in_use


@pytest.mark.backend
@pytest.mark.parametrize("both", [False, True])
def test_frozen_centroids_stay(make_model, tiny_clips, both):
    model = make_model()
    model.appearance_clusters.trainable = False
    model.motion_clusters.trainable = not both
    model.compile()
    fit(model, tiny_clips, epochs=1)
    layers = (model.appearance_clusters, model.motion_clusters)
    before = [to_numpy(layer.centroids).copy() for layer in layers]
    model.initialize_clusters(*before)
    model.schedule = type(model.schedule)(pretrain_epochs=0)
    before = [to_numpy(layer.centroids).copy() for layer in layers]
    weights = to_numpy(model.trainable_variables[0]).copy()
    seen = fit(model, tiny_clips, epochs=1)
    assert seen.stages == ["alternation"]
    assert not np.allclose(weights, to_numpy(model.trainable_variables[0]))
    stayed = [
        np.array_equal(old, to_numpy(layer.centroids))
        for old, layer in zip(before, layers, strict=True)
    ]
    assert stayed == [True, both]


def test_a_generator_is_refused_at_once(make_model, tiny_clips):
    model = make_model()
    batches = (tiny_clips[:4] for _ in range(9))
    with pytest.raises(TypeError, match="a generator can be read once only"):
        model.fit(batches, epochs=3, steps_per_epoch=3, verbose=0)
    assert len(list(batches)) == 9


def test_a_list_is_refused(make_model, tiny_clips):
    with pytest.raises(TypeError, match=r"pass numpy\.stack\(x\)"):
        make_model().fit(list(tiny_clips), verbose=0)


@pytest.fixture
def clustered(monkeypatch):
    """The clips that k-means was given, by call."""
    calls = []

    def spy(encode, *data, **options):
        def listen(clips):
            calls.append(np.array(clips))
            return encode(clips)

        return stages_module_collect(listen, *data, **options)

    stages_module_collect = stages_module.collect_codes
    monkeypatch.setattr(stages_module, "collect_codes", spy)
    return calls


def test_validation_split_keeps_clips_out_of_k_means(
    make_model, tiny_clips, clustered
):
    fit(make_model(), tiny_clips, epochs=1, validation_split=0.5)
    np.testing.assert_array_equal(np.concatenate(clustered), tiny_clips[:6])


@pytest.mark.backend
def test_k_means_sees_the_normal_clips_of_pairs(
    make_model, tiny_clips, clustered
):
    fit(make_model(), np.flip(tiny_clips, 1).copy(), y=tiny_clips, epochs=1)
    np.testing.assert_array_equal(np.concatenate(clustered), tiny_clips)


@pytest.mark.backend
def test_validation_of_pairs_compares_with_the_normal_clips(
    trained, tiny_clips
):
    def losses(*data):
        return trained.evaluate(*data, verbose=0, return_dict=True)

    odd = np.flip(tiny_clips, 1).copy()
    outputs = trained(odd)["appearance"]
    expected = np.mean((to_numpy(outputs) - tiny_clips[:, -1]) ** 2)
    pairs = losses(odd, tiny_clips)
    assert pairs["appearance_loss"] == pytest.approx(expected, rel=1e-3)
    alone = losses(odd)
    assert alone["appearance_loss"] != pytest.approx(expected, rel=1e-2)
    # Clips that are not normal have no part in the clusters.
    assert pairs["appearance_distance"] == 0
    assert alone["appearance_distance"] > 0


def test_compile_arguments_travel_with_the_file(make_model, tmp_path):
    model = make_model()
    model.compile(
        keras.optimizers.Adam(1e-3), run_eagerly=True, steps_per_execution=2
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.run_eagerly
    assert loaded.steps_per_execution == 2


@pytest.mark.backend
def test_pairs_of_arrays_are_trained_on(make_model, tiny_clips):
    other = np.flip(tiny_clips, 1).copy()

    def losses(x, y):
        model = make_model(seed=3)
        history = model.fit(
            x, y, batch_size=12, epochs=1, verbose=0, shuffle=False
        )
        return history.history["loss"][0], model.train_on_batch(x, y)[0]

    plain, pairs = losses(tiny_clips, None), losses(tiny_clips, other)
    assert losses(tiny_clips, tiny_clips) == pytest.approx(plain, rel=1e-5)
    assert losses(tiny_clips, np.zeros(12)) == pytest.approx(plain, rel=1e-5)
    assert pairs[0] != pytest.approx(plain[0], rel=1e-3)
    untrained = make_model(seed=3).train_on_batch(tiny_clips, other)[0]
    assert pairs[0] == pytest.approx(untrained, rel=1e-5)


@pytest.mark.parametrize(
    ("x", "options", "error", "words"),
    [
        (
            "clips",
            {"y": np.zeros((3, 5, 32, 32, 1))},
            ValueError,
            "12 and 3 cl",
        ),
        ("clips", {"sample_weight": np.ones(12)}, ValueError, "no sample_weig"),
        ("clips", {"class_weight": {0: 1.0}}, ValueError, "no class_weight"),
        ("none", {}, ValueError, "at least one clip"),
        ("dict", {}, TypeError, "Received: x of type dict"),
        ("list", {}, TypeError, r"numpy\.stack"),
        ("nothing", {}, TypeError, "Received: x of type NoneType"),
    ],
)
def test_what_fit_and_evaluate_refuse(
    make_model, tiny_clips, x, options, error, words
):
    model = make_model()
    given = {
        "clips": tiny_clips,
        "none": tiny_clips[:0],
        "dict": {"clips": tiny_clips},
        "list": list(tiny_clips),
        "nothing": None,
    }[x]
    with pytest.raises(error, match=words):
        model.fit(given, **options)
    if "class_weight" not in options:
        with pytest.raises(error, match=words):
            model.evaluate(given, **options)


@pytest.mark.backend
def test_losses_of_validation_do_not_depend_on_the_batch_size(
    make_model, tiny_clips
):
    model = make_model()
    clips = np.concatenate([tiny_clips, np.zeros_like(tiny_clips[:1])])
    found = [
        model.evaluate(clips, batch_size=size, verbose=0, return_dict=True)
        for size in (13, 6)
    ]
    assert found[0].keys() == found[1].keys()
    for name, value in found[0].items():
        assert found[1][name] == pytest.approx(value, rel=1e-4), name


def test_nan_in_validation_ends_fit(make_model, tiny_clips):
    broken = tiny_clips[:4].copy()
    broken[2] = np.nan
    with pytest.raises(NonFiniteError, match="look at the validation clips"):
        fit(make_model(), tiny_clips, validation_data=broken)


def test_steps_do_not_wait_for_the_callbacks_of_fit(make_model, tiny_clips):
    model = make_model()
    watch = stages_module.Watch()
    watch.set_model(model)
    watch.on_epoch_begin(4)
    watch.on_train_batch_begin(0)
    watch.set_model(None)  # a thread of Keras calls it while weights change
    assert watch.async_safe
    watch.on_train_batch_end(0, {"loss": 1.0})
    message = r"epoch 5, batch 8, stage 'pretraining' \(learning rate 0.002\)"
    with pytest.raises(NonFiniteError, match=message):
        watch.on_train_batch_end(7, {"loss": float("nan")})


def test_clips_that_are_not_in_0_to_1_are_told(make_model, tiny_clips, caplog):
    fit(make_model(), tiny_clips * 255)
    assert "divide them by 255" in caplog.text
    caplog.clear()
    model = make_model()
    model.score(tiny_clips * 255)
    model.score(tiny_clips * 255)
    assert caplog.text.count("divide them by 255") == 1
    caplog.clear()
    make_model().score((tiny_clips.clip(0, 1) * 255).astype("uint8"))
    assert "divide" not in caplog.text
    for dtype in ("bool", "uint16"):
        with pytest.raises(ValueError, match=f"Received: {dtype}"):
            model.score((tiny_clips * 255).astype(dtype))


def test_scores_of_random_centroids_and_of_nan_are_told(
    make_model, tiny_clips, caplog
):
    model = make_model()
    model.score(tiny_clips)
    model.score(tiny_clips)
    assert caplog.text.count("The centroids are random") == 1
    fit(model, tiny_clips)
    caplog.clear()
    model = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(model)
    )
    assert "random" not in caplog.text
    broken = tiny_clips.copy()
    broken[3] = np.nan
    model.score(broken)
    assert "1 of 12 scores are not finite" in caplog.text


@pytest.mark.backend
def test_a_file_of_another_backend_is_trained_on(
    make_model, tiny_clips, tmp_path
):
    model = make_model()
    fit(model, tiny_clips, epochs=2)
    model.save(tmp_path / "here.keras")
    with (
        zipfile.ZipFile(tmp_path / "here.keras") as here,
        zipfile.ZipFile(tmp_path / "there.keras", "w") as there,
    ):
        text = here.read("config.json").decode()
        assert "keras.src.backend" not in text
        assert '"module": "keras.optimizers"' in text
        # As torch's own optimizers are called; none there under the others.
        foreign = "keras.src.backend.torch.optimizers.torch_adam"
        text = text.replace(
            '"module": "keras.optimizers"', f'"module": "{foreign}"'
        )
        there.writestr("config.json", text)
        for name in here.namelist():
            if name != "config.json":
                there.writestr(name, here.read(name))
    loaded = keras.models.load_model(tmp_path / "there.keras")
    rate = loaded.optimizer.autoencoders
    assert type(rate).__module__ == type(keras.optimizers.Adam()).__module__
    fit(loaded, tiny_clips, epochs=3, initial_epoch=2)
    assert loaded.clusters_in_use


def test_optimizers_that_wrap_others_are_refused(make_model):
    inner = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="a LossScaleOptimizer"):
        make_model().compile(keras.optimizers.LossScaleOptimizer(inner))
