"""The encoder and the decoder that both branches are made of."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_cdae.layers.blocks import DownBlock, UpBlock, convolution
from keras_cdae.layers.convolution import Convolution
from keras_cdae.layers.variance_attention import VarianceAttention
from keras_cdae.serialization import register
from keras_cdae.types import Shape, Tensor

STAGE_WIDTHS = (2, 4, 8)  # times the width of the stem
STRIDE = 2 ** len(STAGE_WIDTHS)  # pixels of the input a code stands for


@register
class Encoder(keras.layers.Layer):
    """Stem, three residual stages at stride 2, head (Eq. 1 and 4).

    Args:
        width: integer, channels of the stem. The stages have 2, 4 and 8 times
            as many, and so has the code of the last.
        attention: None, or the arguments of a `VarianceAttention` that follows
            each stage; `pooled=True` among them makes all stages attend on
            the grid of the last.
        **kwargs: arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        x: `(batch, height, width, channels)`; the sides are multiples of 8.

    Output shape:
        The code, `(batch, height / 8, width / 8, 8 * width)`, and a list with
        the output of the first two stages, for skip connections.

    Example:
        >>> import numpy as np
        >>> code, skips = Encoder(4)(np.zeros((1, 16, 16, 3), "float32"))
        >>> tuple(code.shape), [tuple(s.shape) for s in skips]
        ((1, 2, 2, 32), [(1, 8, 8, 8), (1, 4, 4, 16)])
    """

    def __init__(
        self,
        width: int,
        attention: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.width = width
        self.attention = None if attention is None else dict(attention)
        policy = self.dtype_policy
        self.stem = convolution(width, "stem", policy)
        self.stages = [
            DownBlock(times * width, dtype=policy, name=f"stage{index}")
            for index, times in enumerate(STAGE_WIDTHS)
        ]
        self.attentions = self._make_attentions()
        self.head = convolution(STAGE_WIDTHS[-1] * width, "head", policy)

    def build(self, input_shape: Shape) -> None:
        """Create the weights."""
        self.stem.build(input_shape)
        shape = self.stem.compute_output_shape(input_shape)
        for index, stage in enumerate(self.stages):
            stage.build(shape)
            shape = stage.compute_output_shape(shape)
            if self.attentions:
                self.attentions[index].build(shape)
        self.head.build(shape)

    def call(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the code and the features for skip connections."""
        code, skips, _ = self._run(x)
        return code, skips

    def attention_maps(self, x: Tensor) -> list[Tensor]:
        """Return Eq. 9's map after each stage, for plots.

        Args:
            x: the encoder's input, `(batch, height, width, channels)`.

        Returns:
            One `(batch, h, w, 1)` tensor a stage; empty without attention.
        """
        return self._run(x, with_maps=True)[2]

    def compute_output_shape(
        self, input_shape: Shape
    ) -> tuple[Shape, list[Shape]]:
        """Return the shapes of the code and of the skip features."""
        shape = self.stem.compute_output_shape(input_shape)
        shapes = []
        for stage in self.stages:
            shape = stage.compute_output_shape(shape)
            shapes.append(shape)
        return shapes[-1], shapes[:-1]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "width": self.width,
            "attention": self.attention,
        }

    def _run(
        self, x: Tensor, with_maps: bool = False
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        x = ops.relu(self.stem(x))
        features, maps = [], []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if self.attentions:
                if with_maps:
                    maps.append(self.attentions[index].attention_map(x))
                x = self.attentions[index](x)
            features.append(x)
        return self.head(x), features[:-1], maps

    def _make_attentions(self) -> list[VarianceAttention]:
        if self.attention is None:
            return []
        options = dict(self.attention)
        pooled = options.pop("pooled", False)
        last = len(STAGE_WIDTHS) - 1
        return [
            VarianceAttention(
                pool_size=2 ** (last - index) if pooled else 1,
                dtype=self.dtype_policy,
                name=f"attention{index}",
                **options,
            )
            for index in range(len(STAGE_WIDTHS))
        ]


@register
class Decoder(keras.layers.Layer):
    """Three up-blocks and a linear 3x3 convolution (Eq. 2 and 5).

    Args:
        channels: integer, channels of the output.
        widths: three integers, channels after each up-block; the first two
            are multiples of 4.
        **kwargs: arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        code: `(batch, h, w, dim)`.
        skips: optional list of two features of the encoder, of 4 and 2 times
            lower resolution than the output, the finer first.

    Output shape:
        `(batch, 8 * h, 8 * w, channels)`.

    Example:
        >>> import numpy as np
        >>> code = np.zeros((1, 2, 2, 32), "float32")
        >>> tuple(Decoder(3, (16, 16, 8))(code).shape)
        (1, 16, 16, 3)
    """

    def __init__(
        self, channels: int, widths: Sequence[int], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if len(widths) != len(STAGE_WIDTHS):
            raise ValueError(
                f"widths must hold {len(STAGE_WIDTHS)} integers. "
                f"Received: widths={widths!r}"
            )
        self.channels = channels
        self.widths = tuple(widths)
        policy = self.dtype_policy
        self.stages = [
            UpBlock(width, dtype=policy, name=f"stage{index}")
            for index, width in enumerate(self.widths)
        ]
        self.output_layer = Convolution(
            channels,
            # Small at first: differences of frames are near zero, and a
            # decoder that starts far above them may fall dead on its way.
            kernel_initializer=keras.initializers.VarianceScaling(0.01),
            dtype=policy,
            name="output",
        )

    def build(
        self, code_shape: Shape, skips_shape: Sequence[Shape] | None = None
    ) -> None:
        """Create the weights."""
        shape = code_shape
        for stage, skip in zip(
            self.stages, _coarse_first(skips_shape), strict=True
        ):
            stage.build(shape, skip)
            shape = stage.compute_output_shape(shape)
        self.output_layer.build(shape)

    def call(
        self, code: Tensor, skips: Sequence[Tensor] | None = None
    ) -> Tensor:
        """Return the reconstruction, without an activation."""
        x = code
        for stage, skip in zip(self.stages, _coarse_first(skips), strict=True):
            x = stage(x, skip) if skip is not None else stage(x)
        return self.output_layer(x)

    def compute_output_shape(
        self, code_shape: Shape, skips_shape: Sequence[Shape] | None = None
    ) -> Shape:
        """Return the shape of the reconstruction."""
        batch, height, width, _ = code_shape
        return (
            batch,
            None if height is None else STRIDE * height,
            None if width is None else STRIDE * width,
            self.channels,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "channels": self.channels,
            "widths": self.widths,
        }


def _coarse_first(skips: Sequence[Any] | None) -> list[Any]:
    """Return one entry an up-block; the last has no skip connection."""
    if skips is None:
        return [None] * len(STAGE_WIDTHS)
    return [*reversed(list(skips)), None]
