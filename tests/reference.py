"""The method in plain NumPy, from the paper's equations. Imports no keras."""

import numpy as np


def variance_attention(x, kernel, *, deviation="squared", pool_size=1):
    """Eq. 7 to 9. x (B, H, W, C), kernel (C, D) -> map (B, h, w, 1)."""
    batch, height, width, channels = x.shape
    h, w = height // pool_size, width // pool_size
    x = x.reshape(batch, h, pool_size, w, pool_size, channels).mean((2, 4))
    f = np.einsum("bhwc,cd->bhwd", x, kernel)  # Eq. 7
    difference = f - f.mean(-1, keepdims=True)
    if deviation == "squared":
        v = (difference**2).mean(-1)  # Eq. 8 as a variance
    else:
        v = np.abs(difference).mean(-1)  # Eq. 8 to the letter
    flat = v.reshape(batch, -1)
    softmax = np.exp(flat) / np.exp(flat).sum(-1, keepdims=True)
    attention = softmax / np.sqrt((softmax**2).sum(-1, keepdims=True))  # Eq. 9
    return attention.reshape(batch, h, w, 1)


def attend(x, kernel, **options):
    """x * exp(att), the map repeated to the size of x."""
    attention = variance_attention(x, kernel, **options)
    times = options.get("pool_size", 1)
    attention = attention.repeat(times, axis=1).repeat(times, axis=2)
    return x * np.exp(attention)


def squared_distances(codes, centroids, *, normalize=True):
    """||r - c_k||^2, codes (..., D), centroids (K, D) -> (..., K)."""
    if normalize:
        norms = np.linalg.norm(codes, axis=-1, keepdims=True)
        codes = codes / np.maximum(norms, 1e-6)
    return ((codes[..., None, :] - centroids) ** 2).sum(-1)


def soft_distance(codes, centroids, *, alpha=25.0, normalize=True):
    """Eq. 10 at every location."""
    squares = squared_distances(codes, centroids, normalize=normalize)
    exponent = -alpha * np.sqrt(squares)
    weights = np.exp(exponent - exponent.max(-1, keepdims=True))
    weights = weights / weights.sum(-1, keepdims=True)
    return (weights * squares).sum(-1)


def nearest_distance(codes, centroids, *, normalize=True):
    """The squared distance to the closest centroid, section 3.6."""
    return squared_distances(codes, centroids, normalize=normalize).min(-1)


def redundancy(centroids):
    """Eq. 11."""
    gram = centroids @ centroids.T
    return np.sqrt(((gram - np.eye(len(centroids))) ** 2).sum())


def motion_target(clips):
    """x_diff[t] = x[t] - x_a for t = 0..T-2; clips (B, T, H, W, C)."""
    return clips[:, :-1] - clips[:, -1:]


def clip_terms(clips, appearance, motion, appearance_map, motion_map):
    """The three terms of Eq. 14, averaged over locations: each (B,)."""
    rebuilt = appearance[:, None] + motion  # x_a_hat + x_diff_hat
    error = ((clips[:, :-1] - rebuilt) ** 2).mean((1, 2, 3, 4))
    return appearance_map.mean((1, 2)), motion_map.mean((1, 2)), error


def anomaly_score(clips, appearance, motion, appearance_map, motion_map):
    """log(1 / s) of Eq. 14, (B,)."""
    terms = clip_terms(clips, appearance, motion, appearance_map, motion_map)
    return np.log(np.prod(terms, axis=0))


def cluster_loss(codes_a, codes_m, centroids_a, centroids_m, *, alpha, weight):
    """Eq. 12, averaged over locations and batch."""
    return (
        soft_distance(codes_a, centroids_a, alpha=alpha).mean()
        + soft_distance(codes_m, centroids_m, alpha=alpha).mean()
        + weight * (redundancy(centroids_a) + redundancy(centroids_m))
    )
