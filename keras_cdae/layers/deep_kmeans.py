"""The deep k-means cluster (section 3.4 of the paper)."""

import logging
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_cdae.backend import precise_matmul
from keras_cdae.serialization import register
from keras_cdae.types import Shape, Tensor

logger = logging.getLogger(__name__)

# Smallest squared distance whose square root is taken: the gradient of the
# root at exactly 0 is infinite, and float32 resolves nothing below this.
SMALLEST_SQUARE = 1e-12


@register
class DeepKMeans(keras.layers.Layer):
    """Distance of codes to a set of learned centroids, differentiable in both.

    Codes `r` are first divided by their l2 norm over channels. At every
    location (Eq. 10):

    ```
    D(r) = sum_k softmax_k(-alpha * ||r - c_k||) * ||r - c_k|| ** 2
    ```

    Centroids start random; `initialize` sets them by k-means. All distances
    are computed in float32 under every dtype policy.

    Args:
        num_clusters: integer, K. The paper uses 32.
        alpha: positive float, sharpness of the soft assignment; the larger,
            the closer `D` is to the distance of the closest centroid.
        normalize: whether codes are l2-normalised over channels.
        **kwargs: arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        codes: `(batch, height, width, dim)`.

    Input shape:
        `(..., dim)`, channels last.

    Output shape:
        `(...)`: one distance a location, float32.

    Raises:
        ValueError: for an argument out of range, or codes of unknown depth.

    Example:
        >>> import numpy as np
        >>> layer = DeepKMeans(num_clusters=4)
        >>> codes = np.random.default_rng(0).random((2, 8, 8, 16), "float32")
        >>> tuple(layer(codes).shape), tuple(layer.centroids.shape)
        ((2, 8, 8), (4, 16))

    Reference:
        Chang et al., Clustering Driven Deep Autoencoder for Video Anomaly
        Detection, ECCV 2020, section 3.4.
    """

    def __init__(
        self,
        num_clusters: int = 32,
        alpha: float = 25.0,
        normalize: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_clusters < 1:
            raise ValueError(
                "num_clusters must be a positive integer. "
                f"Received: num_clusters={num_clusters!r}"
            )
        if not alpha > 0:
            raise ValueError(
                f"alpha must be positive. Received: alpha={alpha!r}"
            )
        self.num_clusters = num_clusters
        self.alpha = alpha
        self.normalize = normalize

    def build(self, input_shape: Shape) -> None:
        """Create the centroids, `(num_clusters, dim)`."""
        dim = input_shape[-1]
        if dim is None:
            raise ValueError(
                "DeepKMeans needs codes of known depth. "
                f"Received: input_shape={input_shape!r}"
            )
        self.centroids = self.add_weight(
            name="centroids",
            shape=(self.num_clusters, dim),
            # Norm about 1, as the normalised codes have.
            initializer=keras.initializers.RandomNormal(stddev=dim**-0.5),
            dtype="float32",
            autocast=False,
        )

    def call(self, codes: Tensor) -> Tensor:
        """Return Eq. 10 at every location."""
        squares = self._squared_distances(codes)  # ..., K
        distances = ops.sqrt(ops.maximum(squares, SMALLEST_SQUARE))
        weights = ops.softmax(-self.alpha * distances, axis=-1)
        return ops.sum(weights * squares, axis=-1)

    def nearest(self, codes: Tensor) -> Tensor:
        """Return the squared distance to the closest centroid (section 3.6).

        Args:
            codes: `(batch, height, width, dim)`.

        Returns:
            `(batch, height, width)`, float32, not negative.
        """
        return ops.min(self._squared_distances(codes), axis=-1)

    def assignments(self, codes: Tensor) -> Tensor:
        """Return the index of the closest centroid.

        Args:
            codes: `(batch, height, width, dim)`.

        Returns:
            `(batch, height, width)`, int32, from 0 to `num_clusters - 1`.
        """
        return ops.argmin(self._squared_distances(codes), axis=-1)

    def redundancy(self) -> Tensor:
        """Return `||C C^T - I||_F` (Eq. 11), a scalar."""
        centroids = ops.convert_to_tensor(self.centroids)
        gram = precise_matmul(centroids, ops.transpose(centroids))
        excess = gram - ops.eye(self.num_clusters, dtype="float32")
        return ops.sqrt(
            ops.maximum(ops.sum(ops.square(excess)), SMALLEST_SQUARE)
        )

    def initialize(self, codes: Any, seed: int = 0) -> None:
        """Set the centroids by k-means (scikit-learn).

        Args:
            codes: embeddings, `(count, dim)` or `(..., dim)`, at least as many
                as there are clusters. They are normalised first if the layer
                normalises.
            seed: integer, seed of k-means.

        Raises:
            ValueError: for too few codes, or codes that are not finite.
        """
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning

        codes = ops.convert_to_numpy(codes).astype("float32")
        codes = codes.reshape(-1, codes.shape[-1])
        if len(codes) < self.num_clusters:
            raise ValueError(
                f"k-means needs at least num_clusters={self.num_clusters} "
                f"codes. Received: codes of shape {codes.shape}"
            )
        if not np.isfinite(codes).all():
            raise ValueError(
                "k-means needs finite codes, and these hold NaN or infinity: "
                "train the autoencoders with a lower learning rate first."
            )
        if not self.built:  # type: ignore[has-type]
            self.build((None, codes.shape[-1]))
            self.built = True
        if self.normalize:
            norms = np.linalg.norm(codes, axis=1, keepdims=True)
            codes = codes / np.maximum(norms, SMALLEST_SQUARE**0.5)
        kmeans = KMeans(self.num_clusters, random_state=seed, n_init=1)
        import warnings

        with warnings.catch_warnings():
            # Fewer distinct codes than clusters: said below, in our words.
            warnings.simplefilter("ignore", ConvergenceWarning)
            centroids = kmeans.fit(codes).cluster_centers_
        distinct = len(np.unique(centroids.round(6), axis=0))
        if distinct < self.num_clusters:
            logger.warning(
                "k-means found only %d distinct codes for %d clusters: the "
                "encoder maps nearly everything to the same code.",
                distinct,
                self.num_clusters,
            )
        self.centroids.assign(centroids.astype("float32"))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the input without its last axis."""
        return input_shape[:-1]

    def compute_output_spec(
        self, codes: keras.KerasTensor
    ) -> keras.KerasTensor:
        """Return the shape, and float32 under every dtype policy.

        Args:
            codes: as for `call`.
        """
        return keras.KerasTensor(codes.shape[:-1], dtype="float32")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "num_clusters": self.num_clusters,
            "alpha": self.alpha,
            "normalize": self.normalize,
        }

    def _squared_distances(self, codes: Tensor) -> Tensor:
        """Return the squared distances to all centroids, `(..., K)`."""
        if not self.built:
            self.build(tuple(codes.shape))
            self.built = True
        codes = ops.cast(ops.convert_to_tensor(codes), "float32")
        if self.normalize:
            square = ops.sum(ops.square(codes), axis=-1, keepdims=True)
            codes = codes * ops.rsqrt(ops.maximum(square, SMALLEST_SQUARE))
        centroids = ops.convert_to_tensor(self.centroids)
        # ||r - c||^2 without the (..., K, dim) tensor of differences. What is
        # near a centroid is the difference of numbers about 1.
        products = precise_matmul(codes, ops.transpose(centroids))  # ..., K
        squares = (
            ops.sum(ops.square(codes), axis=-1, keepdims=True)
            - 2.0 * products
            + ops.sum(ops.square(centroids), axis=-1)
        )
        return ops.maximum(squares, 0.0)  # rounding may leave it below
