"""What all baselines share: one network, one error, one plain `fit`."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import keras
from keras import ops

from keras_cdae.backend import loss_share
from keras_cdae.models.clip_scorer import TINY, ClipScorer, pooled
from keras_cdae.scoring.calibration import Calibration
from keras_cdae.training.losses import reconstruction_loss
from keras_cdae.training.order import Order
from keras_cdae.training.stages import Watch
from keras_cdae.types import Shape, Tensor


class BaselineModel(ClipScorer, keras.Model):
    """A model that reconstructs or predicts frames, scored by its error.

    The score is the log of the mean squared error over the frames that it
    outputs: a log-score as `CDAE`'s, so that the same calibration, protocols
    and exports apply. It is trained by `keras.Model.fit` on clips alone.

    A subclass offers `make_network`, and where they differ from the defaults
    `network_input`, `target` and `objective`.

    Args:
        image_size: `(height, width)`, multiples of 8.
        channels: 3 for RGB, 1 for grey.
        clip_length: frames of a clip, T.
        width: channels of the first features; the others are multiples.
        learning_rate: Adam's, where `compile` is given no optimizer.
        beta_2: Adam's. 0.99, as CDAE's small presets: gradients of small
            networks jump.
        calibration: a `Calibration` on normal video, or its dictionary.
        roi: region of interest, as for `CDAE`.
        own: further arguments of the subclass by name, which become
            attributes and part of `get_config`.
        **kwargs: arguments of `keras.Model`, such as `name` and `dtype`.

    Call arguments:
        clips: `(batch, T, height, width, channels)`, float in [0, 1] or uint8.

    Raises:
        ValueError: for an argument out of range.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType({})
    stage = "training"  # its only one; shown beside CDAE's three

    def __init__(
        self,
        image_size: Sequence[int] = (128, 128),
        channels: int = 3,
        *,
        clip_length: int = 5,
        width: int = 16,
        learning_rate: float = 1e-3,
        beta_2: float = 0.99,
        calibration: Calibration | dict[str, Any] | None = None,
        roi: Any = None,
        own: Mapping[str, Any] = MappingProxyType({}),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._prepare_scoring(
            image_size, channels, clip_length, calibration, roi
        )
        if width < 1:
            raise ValueError(
                f"width must be a positive integer. Received: width={width!r}"
            )
        if not learning_rate > 0:
            raise ValueError(
                "learning_rate must be positive. "
                f"Received: learning_rate={learning_rate!r}"
            )
        self.width = width
        self.learning_rate = learning_rate
        self.beta_2 = beta_2
        self._own = tuple(own)
        for name, value in own.items():
            setattr(self, name, value)
        self.network = self.make_network()
        self.build((None, clip_length, *self.image_size, channels))

    @classmethod
    def from_preset(
        cls,
        name: str,
        image_size: Sequence[int] | None = None,
        channels: int | None = None,
        **overrides: Any,
    ) -> "BaselineModel":
        """Return a new, compiled model with the settings of a preset.

        Args:
            name: `"edge"` or `"nano"`: about as many operations as the preset
                of that name of CDAE has.
            image_size: `(height, width)`; None: the preset's.
            channels: 3 or 1; None: 3.
            **overrides: any other argument of the class.

        Raises:
            ValueError: for an unknown preset.
        """
        if name not in cls.presets:
            raise ValueError(
                f"Unknown preset of {cls.__name__}: expected one of "
                f"{', '.join(cls.presets)}. Received: name={name!r}"
            )
        settings = {**cls.presets[name], **overrides}
        if image_size is not None:
            settings["image_size"] = image_size
        if channels is not None:
            settings["channels"] = channels
        model = cls(**settings)
        model.compile()
        return model

    # What a subclass gives

    def make_network(self) -> keras.Model:
        """Return the network, from `network_input` to the output."""
        raise NotImplementedError

    def network_input(self, clips: Tensor) -> Tensor:
        """Return what the network takes: all frames, stacked on channels."""
        return self._stack(clips)

    def target(self, clips: Tensor) -> Tensor:
        """Return what the network's output should be: its input."""
        return self.network_input(clips)

    def objective(
        self, target: Tensor, outputs: Mapping[str, Tensor]
    ) -> Tensor:
        """Return the loss of a batch, a scalar: the mean squared error.

        Args:
            target: as `target` gave it.
            outputs: as `call` gave them.
        """
        return reconstruction_loss(target, outputs["output"])

    # Calling and scoring

    def build(self, input_shape: Shape) -> None:
        """Do nothing more: the network has its weights."""
        self.built = True

    def call(self, clips: Tensor) -> dict[str, Tensor]:
        """Return the output, as `target` has its axes, and what else there is.

        Args:
            clips: `(batch, T, height, width, channels)`, float or uint8.
        """
        outputs = self.network(self.network_input(self._in_floats(clips)))
        return outputs if isinstance(outputs, dict) else {"output": outputs}

    def error(self, clips: Tensor) -> Tensor:
        """Return the squared error, `(batch, height, width, n)`.

        Args:
            clips: `(batch, T, height, width, channels)`, float or uint8.
        """
        clips = self._in_floats(clips)
        output = ops.cast(self(clips)["output"], "float32")
        error = ops.square(self.target(clips) - output)
        return self._stack(error) if len(error.shape) == 5 else error

    def score_tensors(self, clips: Tensor) -> dict[str, Tensor]:
        """Return the score of each clip as tensors, inside any graph.

        Args:
            clips: `(batch, T, height, width, channels)`, float or uint8.

        Returns:
            `"score"`, the log of `"error"`, the mean squared error, both
            `(batch,)`, and `"map"`, the squared error at each location,
            `(batch, height / 8, width / 8)`. All float32.
        """
        maps = pooled(self.error(self._in_floats(clips)))
        maps = self._where_it_counts(maps)
        error = self._mean_where_it_counts(maps)
        return {"score": ops.log(error + TINY), "error": error, "map": maps}

    # Training and saving

    def compile(
        self,
        optimizer: Any = None,
        *,
        jit_compile: bool | str = "auto",
        **kwargs: Any,
    ) -> None:
        """Prepare the model for `fit`.

        Args:
            optimizer: a Keras optimizer or its name; None: Adam at the
                model's learning rate.
            jit_compile: `"auto"` compiles by XLA under jax only, as CDAE does.
            **kwargs: other arguments of `keras.Model.compile`.

        Raises:
            ValueError: for `loss=` or `metrics=`; both belong to the method.
        """
        for name in ("loss", "metrics", "weighted_metrics", "loss_weights"):
            if kwargs.pop(name, None) is not None:
                raise ValueError(
                    f"{type(self).__name__} has its own {name}: leave {name}= "
                    "out."
                )
        if optimizer is None:
            optimizer = keras.optimizers.Adam(
                self.learning_rate, beta_2=self.beta_2
            )
        if jit_compile == "auto":
            jit_compile = keras.backend.backend() == "jax"
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)
        self.optimizer.build(self.trainable_variables)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as the saved model was."""
        if config:
            self.compile(
                keras.saving.deserialize_keras_object(config["optimizer"])
            )

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """Return `objective` of a batch of clips; there are no labels.

        Args:
            x: the clips.
            y: not used.
            y_pred: what `call` gave for them.
            sample_weight: not used.
            training: not used.
        """
        del y, sample_weight, training
        loss = self.objective(self.target(self._in_floats(x)), y_pred)
        return loss_share(self, loss)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Train on clips of normal video.

        Args:
            x: a `tf.data.Dataset` or `PyDataset` of batches of clips, or an
                array `(count, T, height, width, channels)`; float in [0, 1]
                or uint8.
            y: not used: training needs no labels.
            batch_size: clips a batch, for an array.
            epochs: epochs in all.
            verbose: as in `keras.Model.fit`.
            callbacks: as in `keras.Model.fit`.
            **kwargs: other arguments of `keras.Model.fit`.

        Returns:
            The history: `loss` an epoch.

        Raises:
            NonFiniteError: if the loss becomes NaN or infinite.
        """
        given = callbacks if isinstance(callbacks, (list, tuple)) else None
        if given is None:
            given = [] if callbacks is None else [callbacks]
        own = self.own_callbacks(x)
        x = self.divisible(x, batch_size, kwargs)
        return super().fit(
            x,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=[Watch(), *given, *own],
            **kwargs,
        )

    def own_callbacks(self, data: Any) -> list[keras.callbacks.Callback]:
        """Return the callbacks that `fit` brings along.

        Args:
            data: what `fit` was given.
        """
        return [Order(data)]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal model."""
        calibration = self.calibration
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "channels": self.channels,
            "clip_length": self.clip_length,
            "width": self.width,
            "learning_rate": self.learning_rate,
            "beta_2": self.beta_2,
            "calibration": None
            if calibration is None
            else calibration.to_dict(),
            "roi": self.roi_description,
            **{name: getattr(self, name) for name in self._own},
        }
