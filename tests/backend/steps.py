"""Print the losses of a few training steps, as JSON; run by test_parity."""

import json
import sys
from pathlib import Path

import keras
import numpy as np

from keras_cdae.models import CDAE


def main(folder: Path) -> None:
    """Make the weights if they are not there yet; train; print."""
    clips = np.random.default_rng(0).random((6, 4, 5, 32, 32, 1), "float32")
    keras.utils.set_random_seed(0)
    model = CDAE.from_preset("nano", image_size=(32, 32), channels=1)
    weights = folder / "start.weights.h5"
    if weights.exists():
        model.load_weights(weights)
    else:
        model.save_weights(weights)
    losses, scores = [], []
    for stage in ("pretraining", "alternation"):
        model.set_stage(stage)
        for batch in clips[:3] if stage == "pretraining" else clips[3:]:
            model.reset_metrics()
            logs = model.train_on_batch(batch, return_dict=True)
            losses.append({k: float(v) for k, v in logs.items()})
        scores.append(model.score(clips[0])["score"].tolist())
    result = {
        "backend": keras.backend.backend(),
        "losses": losses,
        "scores": scores,
    }
    print(json.dumps(result))  # noqa: T201 (its output is the result)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
