"""TensorFlow SavedModel."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from keras_cdae.export.graph import quiet, score_graph
from keras_cdae.models.clip_scorer import ClipScorer
from keras_cdae.runtime.interpreters import Run
from keras_cdae.runtime.metadata import ASSETS, FILE_NAME


def write(
    model: ClipScorer,
    path: Path,
    *,
    quantize: str,
    clips: np.ndarray | None,
    offset: float = 0.0,
    lean: bool = False,
) -> None:
    """Write the scorer, its signature `serving_default`, to a folder."""
    del quantize, clips  # offers none
    import tensorflow as tf

    with quiet("tf.saved_model.save"):
        module, _ = score_graph(model, batch=None, offset=offset, lean=lean)
        if path.exists():
            shutil.rmtree(path)
        tf.saved_model.save(
            module, str(path), signatures={"serving_default": module.score}
        )


def embed(path: Path, metadata: dict[str, Any]) -> None:
    """Put the metadata into the folder's extra assets."""
    target = path / ASSETS / FILE_NAME
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(metadata, indent=2), encoding="utf-8")


def open_saved_model(path: Path) -> Run:
    """Return a function from clips to the outputs by name."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    serve = loaded.signatures["serving_default"]

    def run(clips: np.ndarray) -> dict[str, np.ndarray]:
        outputs = serve(tf.constant(clips))
        return {name: value.numpy() for name, value in outputs.items()}

    run.loaded = loaded  # type: ignore[attr-defined] # keeps it alive
    return run
