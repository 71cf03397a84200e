"""What people do with `fit` beside calling it once with defaults."""

import keras
import numpy as np
import pytest
from conftest import to_numpy

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
