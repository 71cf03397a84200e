"""The clustering-driven deep autoencoder."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from keras_cdae.backend import AlternatingStep
from keras_cdae.errors import ModelFileError
from keras_cdae.layers.deep_kmeans import DeepKMeans
from keras_cdae.models import presets
from keras_cdae.models.autoencoder import Decoder, Encoder
from keras_cdae.models.clip_scorer import require_integer
from keras_cdae.models.fusion import EQUATION_14, ScoreTerms
from keras_cdae.models.map_scorer import MapScorer, check_score
from keras_cdae.models.motion_input import MOTION_INPUTS, motion_input
from keras_cdae.scoring.calibration import Calibration
from keras_cdae.serialization import register
from keras_cdae.training.losses import LOSSES
from keras_cdae.training.objective import Objective
from keras_cdae.training.schedule import Schedule, as_schedule
from keras_cdae.training.staged import StagedTraining, check_choice
from keras_cdae.types import Shape, Tensor

logger = logging.getLogger(__name__)

SKIPS = ("motion", "none")
FORMAT_VERSION = 1  # of what `get_config` returns, and so of `.keras` files


@register
class CDAE(MapScorer, AlternatingStep, StagedTraining, Objective, keras.Model):
    """Clustering-driven deep autoencoder for video anomaly detection.

    The appearance autoencoder reconstructs the last frame of a clip; the
    motion autoencoder takes the frames before it and gives their difference to
    it. Two deep k-means layers measure how far both codes lie from the codes
    of normal video. The anomaly score is `log(1 / s)` with (Eq. 14)

    ```
    s = 1 / (D_m * D_a * ||x_clips - (x_a_hat + x_diff_hat)||^2)
    ```

    `fit` runs the three stages of training (see `Schedule`) on clips alone:
    `model.fit(clips, epochs=150)`.

    Args:
        image_size: `(height, width)`, multiples of 8.
        channels: 3 for RGB, 1 for grey.
        clip_length: frames of a clip, T.
        width: channels of the encoders' stem; codes have 8 times as many.
        decoder_multipliers: channels after the three up-blocks, times `width`.
        skips: `"motion"`: the motion decoder sees its encoder's features;
            `"none"`: it sees its code alone. The appearance decoder never has
            skip connections.
        motion_input: `"frames"`: the motion encoder is given the frames before
            the last as they are (Eq. 4); `"changes"`: what sets them apart,
            amplified, beside a faint picture (see
            `models.motion_input.motion_input`).
        attention: arguments of the `VarianceAttention` after each stage of the
            motion encoder, `pooled=True` among them for one grid; None: no
            attention.
        num_clusters: K of each of the two deep k-means layers.
        alpha: sharpness of the soft assignment in Eq. 10.
        cluster_weight: lambda_r of Eq. 13.
        redundancy_weight: lambda of Eq. 12.
        loss_type: `"mse"`, or `"l2"` for Eq. 3 and 6 to the letter.
        gradient_weight: weight of the gradient term on motion.
        fusion: `"product"` (Eq. 14) multiplies the averages of error and
            distances, `"pixelwise"` multiplies their maps and averages then.
        distance: what enters the score: `"nearest"` (section 3.6) or `"soft"`
            (Eq. 10).
        score_terms: what is multiplied: some of `"error"` (of the clip, from
            both reconstructions), `"motion_error"` (of the motion target
            alone), `"unexplained_motion"` (that, as a share of the motion
            there was), `"appearance_distance"` and `"motion_distance"`; and
            for each None, to average it over the picture, or the side of a
            square in pixels, a multiple of 8, to average it over the square
            where that is highest. The default is Eq. 14.
        schedule: a `Schedule`, or its arguments as a dictionary.
        calibration: a `Calibration` on normal video, or its dictionary.
        roi: region of interest, an array `(H, W)` of any size over the same
            view that is not 0 where the picture counts, such as
            `keras_cdae.data.read_roi` gives; None: everywhere. Outside, every
            frame is black for the model, and nothing there has a part in a
            score or a map.
        seed: seed of k-means.
        **kwargs: arguments of `keras.Model`, such as `name` and `dtype`.

    Call arguments:
        clips: `(batch, T, height, width, channels)`, float in [0, 1] or uint8.

    Output shape:
        A dictionary: `"appearance"` `(batch, height, width, channels)`,
        `"motion"` `(batch, T - 1, height, width, channels)`, and the distances
        `"appearance_distance"` and `"motion_distance"`, both
        `(batch, height / 8, width / 8)`.

    Raises:
        ValueError: for an argument out of range.

    Example:
        >>> import numpy as np
        >>> model = CDAE.from_preset("nano", image_size=(32, 32), channels=1)
        >>> clips = np.zeros((2, 5, 32, 32, 1), "float32")
        >>> {k: tuple(v.shape) for k, v in model(clips).items()}["motion"]
        (2, 4, 32, 32, 1)
        >>> model.score(clips)["score"].shape
        (2,)

    Reference:
        Chang, Tu, Xie, Yuan: Clustering Driven Deep Autoencoder for Video
        Anomaly Detection, ECCV 2020.
    """

    # Channels of a step of the motion target; None: as many as a picture has.
    motion_channels: int | None = None

    def __init__(
        self,
        image_size: Sequence[int] = (256, 256),
        channels: int = 3,
        *,
        clip_length: int = 5,
        width: int = 32,
        decoder_multipliers: Sequence[int] = (4, 4, 2),
        skips: str = "motion",
        motion_input: str = "frames",
        attention: Mapping[str, Any] | None = {},
        num_clusters: int = 32,
        alpha: float = 25.0,
        cluster_weight: float = 0.1,
        redundancy_weight: float = 0.01,
        loss_type: str = "mse",
        gradient_weight: float = 0.0,
        fusion: str = "product",
        distance: str = "nearest",
        score_terms: ScoreTerms | Sequence[str] = EQUATION_14,
        schedule: Schedule | dict[str, Any] | None = None,
        calibration: Calibration | dict[str, Any] | None = None,
        roi: Any = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("skips", skips, SKIPS)
        check_choice("motion_input", motion_input, MOTION_INPUTS)
        check_choice("loss_type", loss_type, LOSSES)
        require_integer("width", width)
        require_integer("num_clusters", num_clusters)
        if attention is not None and not isinstance(attention, Mapping):
            raise ValueError(
                "attention must be a dictionary of VarianceAttention's "
                "arguments ({} for its defaults) or None. "
                f"Received: attention={attention!r}"
            )
        self._prepare_scoring(
            image_size, channels, clip_length, calibration, roi
        )
        for name, weight in (
            ("cluster_weight", cluster_weight),
            ("redundancy_weight", redundancy_weight),
            ("gradient_weight", gradient_weight),
        ):
            if not weight >= 0:  # NaN, too
                raise ValueError(
                    f"{name} must not be negative. Received: {name}={weight!r}"
                )
        self.width = width
        self.decoder_multipliers = tuple(decoder_multipliers)
        self.skips = skips
        self.motion_input = motion_input
        self.attention = None if attention is None else dict(attention)
        self.num_clusters = num_clusters
        self.alpha = alpha
        self.cluster_weight = cluster_weight
        self.redundancy_weight = redundancy_weight
        self.loss_type = loss_type
        self.gradient_weight = gradient_weight
        self.fusion = fusion
        self.distance = distance
        self.score_terms = check_score(
            score_terms, fusion, distance, self.image_size
        )
        self.schedule = as_schedule(schedule)
        self.seed = seed

        policy = self.dtype_policy
        widths = tuple(times * width for times in self.decoder_multipliers)
        depth = self.motion_channels or channels
        motion_channels = depth * (clip_length - 1)
        self.appearance_encoder = Encoder(
            width, dtype=policy, name="appearance_encoder"
        )
        self.appearance_decoder = Decoder(
            channels, widths, dtype=policy, name="appearance_decoder"
        )
        self.motion_encoder = Encoder(
            width, self.attention, dtype=policy, name="motion_encoder"
        )
        self.motion_decoder = Decoder(
            motion_channels, widths, dtype=policy, name="motion_decoder"
        )
        self.appearance_clusters = DeepKMeans(
            num_clusters, alpha, dtype=policy, name="appearance_clusters"
        )
        self.motion_clusters = DeepKMeans(
            num_clusters, alpha, dtype=policy, name="motion_clusters"
        )
        self._prepare_objective()
        self._prepare_training()
        self.build((None, clip_length, *self.image_size, channels))

    @classmethod
    def from_preset(
        cls,
        name: str,
        image_size: Sequence[int] | None = None,
        channels: int | None = None,
        **overrides: Any,
    ) -> "CDAE":
        """Return a new, compiled model with the settings of a preset.

        Args:
            name: `"paper"`, `"edge"` or `"nano"`.
            image_size: `(height, width)`; None: the preset's.
            channels: 3 or 1; None: the preset's.
            **overrides: any other argument of `CDAE`.

        Raises:
            ValueError: for an unknown preset.
        """
        chosen = presets.preset(name)
        settings = {**chosen.model, "schedule": chosen.schedule, **overrides}
        if image_size is not None:
            settings["image_size"] = image_size
        if channels is not None:
            settings["channels"] = channels
        model = cls(**settings)
        model.compile()
        return model

    # Building and calling

    def build(self, input_shape: Shape) -> None:
        """Create all weights."""
        height, width = self.image_size
        frame = (None, height, width, self.channels)
        stack = (None, height, width, self.channels * (self.clip_length - 1))
        for encoder, decoder, clusters, shape, with_skips in (
            (
                self.appearance_encoder,
                self.appearance_decoder,
                self.appearance_clusters,
                frame,
                False,
            ),
            (
                self.motion_encoder,
                self.motion_decoder,
                self.motion_clusters,
                stack,
                self.skips == "motion",
            ),
        ):
            encoder.build(shape)
            code, skips = encoder.compute_output_shape(shape)
            decoder.build(code, skips if with_skips else None)
            clusters.build(code)
        self.clusters_flag = self.add_weight(
            name="clusters_ready",
            shape=(),
            initializer="zeros",
            trainable=False,
            dtype="float32",
            autocast=False,
        )

    def call(self, clips: Tensor) -> dict[str, Tensor]:
        """Return both reconstructions and both maps of distances."""
        last, stack = self._split(clips)
        appearance_code, motion_code, skips = self._encode(last, stack)
        appearance, motion = self._decode(appearance_code, motion_code, skips)
        return {
            "appearance": appearance,
            "motion": self._unstack(motion, self.clip_length - 1),
            "appearance_distance": self._distance_map(
                self.appearance_clusters, appearance_code
            ),
            "motion_distance": self._distance_map(
                self.motion_clusters, motion_code
            ),
        }

    def encode(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Return both codes, each `(batch, h, w, 8 * width)`, unnormalised."""
        appearance, motion, _ = self._encode(*self._split(clips))
        return appearance, motion

    def attention_maps(self, clips: Tensor) -> list[Tensor]:
        """Return Eq. 9's map after each motion stage, `(batch, h, w, 1)`."""
        _, stack = self._split(clips)
        return self.motion_encoder.attention_maps(self._motion_input(stack))

    # Saving

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal model."""
        calibration = self.calibration
        return {
            **super().get_config(),
            "format_version": FORMAT_VERSION,
            "image_size": self.image_size,
            "channels": self.channels,
            "clip_length": self.clip_length,
            "width": self.width,
            "decoder_multipliers": self.decoder_multipliers,
            "skips": self.skips,
            "motion_input": self.motion_input,
            "attention": None
            if self.attention is None
            else dict(self.attention),
            "num_clusters": self.num_clusters,
            "alpha": self.alpha,
            "cluster_weight": self.cluster_weight,
            "redundancy_weight": self.redundancy_weight,
            "loss_type": self.loss_type,
            "gradient_weight": self.gradient_weight,
            "fusion": self.fusion,
            "distance": self.distance,
            "score_terms": dict(self.score_terms),
            "schedule": self.schedule.get_config(),
            "calibration": None
            if calibration is None
            else calibration.to_dict(),
            "roi": self.roi_description,
            "seed": self.seed,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> "CDAE":
        """Return the model that `get_config` described.

        Args:
            config: the description, of this format version or an older one.
            custom_objects: as in `keras.Model.from_config`.

        Raises:
            ModelFileError: if a later version of the package wrote it.
        """
        config = dict(config)
        version = config.pop("format_version", FORMAT_VERSION)
        if version > FORMAT_VERSION:
            raise ModelFileError(
                f"The model has format version {version}, and this package "
                f"reads versions up to {FORMAT_VERSION}. Install a newer one: "
                "pip install --upgrade keras-cdae"
            )
        return super().from_config(config, custom_objects)

    # Helpers

    def _warn_of_clusters(self) -> None:
        """Warn once of distances to centroids that are still random."""
        if "clusters" not in self._told and not self.clusters_ready:
            self._told["clusters"] = True
            logger.warning(
                "The centroids are random: no k-means has set them, and no "
                "distance to them means anything. A file that ModelCheckpoint "
                "wrote in stage 1 is such a model: take one of stage 3, or end "
                "with `fit`, which ends with k-means."
            )

    def _split(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Return the last frame and the frames before it, stacked."""
        clips = self._in_floats(clips)
        before = self.clip_length - 1
        return clips[:, before], self._stack(clips[:, :before])

    def _encode(
        self, last: Tensor, stack: Tensor
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        appearance_code, _ = self.appearance_encoder(last)
        motion_code, skips = self.motion_encoder(self._motion_input(stack))
        return appearance_code, motion_code, skips

    def _motion_input(self, stack: Tensor) -> Tensor:
        """Return what the motion encoder is given of the stacked frames."""
        return motion_input(stack, self.clip_length - 1, self.motion_input)

    def _decode(
        self,
        appearance_code: Tensor,
        motion_code: Tensor,
        skips: list[Tensor],
    ) -> tuple[Tensor, Tensor]:
        """Return the last frame and the stacked differences, rebuilt."""
        appearance = self.appearance_decoder(appearance_code)
        if self.skips == "motion":
            return appearance, self.motion_decoder(motion_code, skips)
        return appearance, self.motion_decoder(motion_code)

    def _motion_target(
        self, clips: Tensor, last: Tensor, stack: Tensor
    ) -> Tensor:
        """Return x_diff, the frames' difference to the last, stacked."""
        return stack - ops.tile(last, (1, 1, 1, self.clip_length - 1))
