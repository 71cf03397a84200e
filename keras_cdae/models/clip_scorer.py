"""What every model that scores clips shares, whatever it computes."""

import logging
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_cdae.backend import compile_forward, replica_count
from keras_cdae.backend.even import even_batches
from keras_cdae.data.roi import as_roi, encode_roi
from keras_cdae.errors import ModelFileError
from keras_cdae.models.autoencoder import STRIDE
from keras_cdae.scoring.calibration import Calibration
from keras_cdae.training.fit_input import warn_of_range
from keras_cdae.types import Array, Mixin, Shape, Tensor

logger = logging.getLogger(__name__)

TINY = 1e-12  # under a logarithm
LAST = "channels_last"


class ClipScorer(Mixin):
    """Mixin of a `keras.Model`: clips of one size in, calibrated scores out.

    The model calls `_prepare_scoring` when it is made and offers
    `score_tensors`. What works with this class alone, such as scoring of
    videos, calibration, evaluation and export, works with every such model.

    Attributes:
        terms: what `score_tensors` gives beside the score and the map.
        output_notes: what the score and the map are, in words, for exports.
        roi: the region of interest, bool `(height, width)`; None: the whole
            picture.
        flow: the optical flow that it reads beside each frame, see
            `data.flow`; None: it reads frames alone.
        extra_channels: of a frame, beside the picture's `channels`.
    """

    flow: str | None = None
    extra_channels = 0
    terms: tuple[str, ...] = ("error",)
    output_notes: Mapping[str, str] = MappingProxyType(
        {
            "score": "log of the mean squared error, higher = more anomalous; "
            "belongs to the clip's last frame",
            "error": "mean squared error",
            "map": "(h, w), squared error at each location",
        }
    )

    def _prepare_scoring(
        self,
        image_size: Sequence[int],
        channels: int,
        clip_length: int,
        calibration: Calibration | dict[str, Any] | None,
        roi: Any = None,
    ) -> None:
        """Check and keep the size of clips; called when the model is made."""
        for name, size in (
            ("channels", channels),
            ("clip_length", clip_length),
        ):
            require_integer(name, size)
        if (
            not hasattr(image_size, "__len__")
            or len(image_size) != 2
            or any(side < STRIDE or side % STRIDE for side in image_size)
        ):
            raise ValueError(
                f"image_size must be (height, width), multiples of {STRIDE}. "
                f"Received: image_size={image_size!r}"
            )
        if clip_length < 2:
            raise ValueError(
                "clip_length must be at least 2. "
                f"Received: clip_length={clip_length!r}"
            )
        if channels < 1:
            raise ValueError(
                "channels must be a positive integer. "
                f"Received: channels={channels!r}"
            )
        self.image_size = (int(image_size[0]), int(image_size[1]))
        self.channels = channels
        self.clip_length = clip_length
        self.roi = as_roi(roi, self.image_size)
        self.calibration = as_calibration(calibration)
        self._forward_functions: dict[str, Any] = {}
        self._told: dict[str, bool] = {}  # what was warned of, once

    @property
    def clip_shape(self) -> tuple[int, int, int, int]:
        """Shape of one clip as the model reads it: frames, sides, channels."""
        channels = self.channels + self.extra_channels
        return (self.clip_length, *self.image_size, channels)

    def require_frames_alone(self, purpose: str) -> None:
        """Refuse a purpose that has no optical flow to offer.

        Args:
            purpose: in words, such as `"exported"`.

        Raises:
            ModelFileError: if the model reads flow.
        """
        if self.flow is not None:
            raise ModelFileError(
                f"A {type(self).__name__} reads optical flow beside the frames "
                f"and cannot be {purpose}. Train a model cdae for that."
            )

    def compute_output_spec(self, clips: Any) -> dict[str, keras.KerasTensor]:
        """Return shape and dtype of everything that a call gives.

        Args:
            clips: a `keras.KerasTensor`, `(batch, T, height, width,
                channels)`; the batch may be None.

        Returns:
            by the names of what a call gives.
        """
        spec: dict[str, keras.KerasTensor] = (
            keras.Operation.compute_output_spec(self, clips)
        )
        return spec

    def compute_output_shape(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shape of everything that a call gives, without a call.

        Args:
            input_shape: `(batch, T, height, width, channels)`; the batch may
                be None.

        Raises:
            ValueError: if the model takes no clips of this shape.
        """
        self._check_clips(input_shape)
        spec = self.compute_output_spec(keras.KerasTensor(input_shape))
        return {name: tuple(each.shape) for name, each in spec.items()}

    def score_tensors(self, clips: Tensor) -> dict[str, Tensor]:
        """Return the score of each clip as tensors, inside any graph.

        Args:
            clips: `(batch, T, height, width, channels)`, float or uint8.

        Returns:
            `"score"`, a log-score, higher = more anomalous, and the terms that
            it is made of, `"error"` (the mean squared error) always among
            them, all `(batch,)`; `"map"`, `(batch, h, w)`. All float32.
        """
        raise NotImplementedError

    def score(self, clips: Any, batch_size: int = 16) -> dict[str, Array]:
        """Return the anomaly score of each clip; it belongs to its last frame.

        Args:
            clips: `(batch, T, height, width, channels)`, float in [0, 1] or
                uint8.
            batch_size: clips that are computed at a time.

        Returns:
            NumPy arrays as `score_tensors` names them and, once the model is
            calibrated, `"z"` (standardised score) and `"p"` (share of normal
            clips that score as high), both `(batch,)`.

        Raises:
            ValueError: if clips have another shape than the model's.
        """
        self._warn_of_clusters()
        if "range" not in self._told and warn_of_range(clips):
            self._told["range"] = True
        result = self._in_batches(
            "score", self.score_tensors, clips, batch_size
        )
        odd = np.count_nonzero(~np.isfinite(result["score"]))
        if odd:
            logger.warning(
                "%d of %d scores are not finite: the clips hold NaN or "
                "infinity.",
                odd,
                len(result["score"]),
            )
        if self.calibration is not None:
            result["z"] = self.calibration.z(result["score"])
            result["p"] = self.calibration.p(result["score"])
        return result

    def export(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """Export what the model calls, by `keras.Model.export`.

        Also of a model that was never called, as one that was just loaded.
        Scores and calibration are not in such a file: `keras_cdae.export` has
        them.

        Args:
            filepath: as in `keras.Model.export`, as are all others.
            *args: `format`, `verbose`, `input_signature`.
            **kwargs: the same, and those of the format.
        """
        if len(args) < 3 and kwargs.get("input_signature") is None:
            shape = (None, *self.clip_shape)
            kwargs["input_signature"] = [keras.InputSpec("float32", shape)]
        super().export(filepath, *args, **kwargs)

    def _warn_of_clusters(self) -> None:
        """Warn of a score that would mean nothing; of a `CDAE` alone."""

    def _in_batches(
        self,
        name: str,
        function: Callable[[Tensor], dict[str, Tensor]],
        clips: Any,
        batch_size: int,
    ) -> dict[str, Array]:
        """Run a function of clips with one graph, made for `batch_size`."""
        clips = clips if hasattr(clips, "shape") else np.asarray(clips)
        self._check_clips(clips.shape)
        if batch_size < 1:
            raise ValueError(
                "batch_size must be at least 1. "
                f"Received: batch_size={batch_size!r}"
            )
        size = min(batch_size, len(clips))
        if not size:
            raise ValueError("score needs at least one clip. Received: none")
        run = self._forward(name, function)
        parts = []
        for start in range(0, len(clips), batch_size):
            part = clips[start : start + batch_size]
            count = len(part)
            if count < size:  # the last batch: a new shape would compile anew
                part = ops.convert_to_numpy(part)
                fill = np.repeat(part[-1:], size - count, axis=0)
                part = np.concatenate([part, fill])
            parts.append(
                {
                    k: ops.convert_to_numpy(v)[:count].astype("float32")
                    for k, v in run(part).items()
                }
            )
        return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}

    def _forward(
        self, name: str, function: Callable[[Tensor], Any]
    ) -> Callable[[Tensor], Any]:
        if name not in self._forward_functions:
            self._forward_functions[name] = compile_forward(self, function)
        return self._forward_functions[name]

    def divisible(
        self, x: Any, batch_size: int | None, options: dict[str, Any]
    ) -> Any:
        """Return what `fit` was given, as the model's devices can divide it.

        Args:
            x: the training data.
            batch_size: clips a batch, for an array.
            options: other arguments of `fit`; `validation_data` is replaced.

        Raises:
            DeviceError: see `even_batches`.
        """
        devices = replica_count(self)
        options["validation_data"] = even_batches(
            options.get("validation_data"),
            devices,
            batch_size=options.get("validation_batch_size") or batch_size,
        )
        return even_batches(x, devices, batch_size=batch_size)

    def _in_floats(self, clips: Tensor) -> Tensor:
        """Return checked clips as float32 in [0, 1], black outside the roi."""
        clips = ops.convert_to_tensor(clips)
        self._check_clips(clips.shape)
        dtype = keras.backend.standardize_dtype(clips.dtype)
        if keras.backend.is_float_dtype(dtype):
            return self._inside(ops.cast(clips, "float32"))
        if dtype in ("bool", "uint16", "uint32"):
            raise ValueError(
                "Clips are float in [0, 1] or uint8, 0 to 255: divide others "
                f"by the brightest value there may be. Received: {dtype}"
            )
        return self._inside(ops.cast(clips, "float32") / 255.0)

    def _inside(self, clips: Tensor) -> Tensor:
        """Return clips that are black outside the region of interest."""
        if self.roi is None:
            return clips
        # As long rows: onnxruntime multiplies one last axis at a time, and
        # that of grey frames is a single channel.
        channels = clips.shape[-1]
        inside = np.repeat(self.roi.ravel(), channels).astype("float32")
        rows = ops.reshape(clips, (-1, self.clip_length, len(inside)))
        whole = (-1, self.clip_length, *self.image_size, channels)
        return ops.reshape(rows * ops.convert_to_tensor(inside), whole)

    @property
    def roi_description(self) -> dict[str, Any] | None:
        """The region of interest as plain data; None without one."""
        return None if self.roi is None else encode_roi(self.roi)

    @property
    def map_share(self) -> float:
        """Share of the locations of a map that count; 1 without a region."""
        inside = self._inside_cells()
        return 1.0 if inside is None else float(np.mean(inside))

    def _inside_cells(self) -> Array | None:
        """Return 1 for each location that has a pixel that counts, else 0.

        `(h, w)`; None where the whole picture counts.
        """
        if self.roi is None:
            return None
        rows = self.image_size[0] // STRIDE
        blocks = self.roi.reshape(rows, STRIDE, -1, STRIDE)
        return blocks.any(axis=(1, 3)).astype("float32")

    def _where_it_counts(self, maps: Tensor) -> Tensor:
        """Return maps `(batch, h, w)` that are 0 outside the region."""
        inside = self._inside_cells()
        return maps if inside is None else maps * ops.convert_to_tensor(inside)

    def _mean_where_it_counts(self, maps: Tensor) -> Tensor:
        """Return the means `(batch,)` of maps that are 0 outside the region."""
        mean = ops.mean(maps, axis=(1, 2))
        return mean if self.roi is None else mean / self.map_share

    def _stack(self, frames: Tensor) -> Tensor:
        """Put frames `(batch, n, height, width, channels)` on channels."""
        height, width = self.image_size
        count = frames.shape[1]
        channels = count * frames.shape[-1]
        stack = ops.transpose(frames, (0, 2, 3, 1, 4))
        return ops.reshape(stack, (-1, height, width, channels))

    def _unstack(self, stack: Tensor, count: int) -> Tensor:
        """Return `(batch, count, height, width, channels)`."""
        height, width = self.image_size
        shape = (-1, height, width, count, stack.shape[-1] // count)
        return ops.transpose(ops.reshape(stack, shape), (0, 3, 1, 2, 4))

    def _check_clips(self, shape: Sequence[int | None]) -> None:
        expected = self.clip_shape
        if len(shape) != 5 or any(
            got is not None and got != want
            for got, want in zip(shape[1:], expected, strict=True)
        ):
            sizes = ", ".join(map(str, expected))
            raise ValueError(
                f"Expected clips of shape (batch, {sizes}): frames, height, "
                f"width, channels. Received: shape {tuple(shape)}. Resize the "
                "video, or make the model with another image_size or channels."
            )


def require_integer(name: str, value: Any) -> None:
    """Raise `ValueError` for what is no integer.

    Args:
        name: of the argument, for the message.
        value: what was given.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ValueError(
            f"{name} must be a positive integer. Received: {name}={value!r}"
        )


def in_float32(model: ClipScorer) -> ClipScorer:
    """Return the model, or its copy that computes in float32.

    Mixed precision is for training: scores are small differences.

    Args:
        model: of any dtype policy; a copy is not compiled.
    """
    if model.dtype_policy.compute_dtype == "float32":
        return model
    policy = keras.saving.serialize_keras_object(keras.DTypePolicy("float32"))
    copy = type(model).from_config({**model.get_config(), "dtype": policy})
    copy.set_weights(model.get_weights())
    return copy


def pooled(error: Tensor) -> Tensor:
    """Return the mean of each 8 x 8 square, `(batch, h, w)`.

    Args:
        error: `(batch, height, width, channels)`; channels are averaged.
    """
    error = ops.mean(error, axis=-1, keepdims=True)
    sides = (STRIDE, STRIDE)
    return ops.average_pool(error, sides, sides, data_format=LAST)[..., 0]


def as_calibration(
    value: Calibration | dict[str, Any] | None,
) -> Calibration | None:
    """Return a calibration, from its dictionary if need be.

    Args:
        value: a calibration, its dictionary, or None.
    """
    if value is None or isinstance(value, Calibration):
        return value
    return Calibration.from_dict(value)
