"""CDAE's autoencoders without clusters are CDAE's autoencoders."""

import keras
import numpy as np
import pytest

from keras_cdae.baselines import PlainCDAE
from keras_cdae.training.schedule import Schedule


def make(**settings):
    keras.utils.set_random_seed(0)
    return PlainCDAE.from_preset("nano", (32, 32), 1, **settings)


def with_weights_of(cdae):
    """Return a model without clusters that has a CDAE's autoencoders."""
    model = make(attention=cdae.attention)
    layers = {layer.name: layer for layer in model.network.layers}
    for branch in ("appearance", "motion"):
        for ours, theirs in (("in", "encoder"), ("out", "decoder")):
            layer = getattr(cdae, f"{branch}_{theirs}")
            layers[f"{branch}_{ours}"].set_weights(layer.get_weights())
    return model


@pytest.mark.parametrize("attention", [{}, None], ids=["attention", "without"])
def test_it_has_the_error_and_the_loss_of_cdae(
    make_model, tiny_clips, attention
):
    cdae = make_model(attention=attention)
    model = with_weights_of(cdae)
    np.testing.assert_allclose(
        model.score(tiny_clips)["error"],
        cdae.score(tiny_clips)["error"],
        rtol=1e-4,
    )
    losses = cdae.block_losses("autoencoders", tiny_clips)  # pretraining
    ours = model.compute_loss(tiny_clips, y_pred=model(tiny_clips))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(ours),
        keras.ops.convert_to_numpy(losses["loss"]),
        rtol=1e-5,
    )


def test_one_branch_scores_its_own_error(make_model, tiny_clips):
    outputs = make_model()(tiny_clips)
    last = tiny_clips[:, -1]
    targets = {
        "appearance": last,
        "motion": tiny_clips[:, :-1] - last[:, None],
    }
    for branch, target in targets.items():
        model = make(branches=[branch])
        assert set(model(tiny_clips)) == {branch}
        output = keras.ops.convert_to_numpy(model(tiny_clips)[branch])
        if branch == "motion":
            output = np.moveaxis(output, -1, 1)[..., None]
        assert output.shape == tuple(outputs[branch].shape)
        expected = np.square(target - output).reshape(12, -1).mean(axis=1)
        np.testing.assert_allclose(
            model.score(tiny_clips)["error"], expected, rtol=1e-4
        )


def test_the_learning_rate_falls_when_cdae_s_does(tiny_clips):
    rates = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    schedule = Schedule(
        pretrain_epochs=1,
        decay_after=2,
        learning_rate=1e-3,
        alternation_factor=0.5,
    )
    model = make(branches=["motion"], schedule=schedule)
    model.fit(
        tiny_clips[:2], epochs=4, batch_size=2, verbose=0, callbacks=[Watch()]
    )
    assert rates == pytest.approx([1e-3, 5e-4, 5e-4, 5e-5])


@pytest.mark.parametrize("branches", [[], ["motion", "sound"]])
def test_unknown_branches(branches):
    with pytest.raises(ValueError, match="branches must be some of"):
        PlainCDAE((16, 16), 1, branches=branches)
