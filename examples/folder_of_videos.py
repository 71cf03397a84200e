"""From a folder of ordinary video to a calibrated model file.

    python folder_of_videos.py my_videos/ --output camera.keras

The videos (.mp4, .avi, ..., or folders of images) show what is normal. Without
a folder, a small one is drawn.
"""

import argparse
import tempfile
from pathlib import Path

import keras

import keras_cdae
from keras_cdae.data import (
    cache_videos,
    find_videos,
    from_videos,
    make_synthetic,
)
from keras_cdae.runs.trainer import calibrate

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("folder", nargs="?", type=Path, help="default: drawn")
parser.add_argument("--output", type=Path, default=Path("camera.keras"))
parser.add_argument("--preset", default="nano")
parser.add_argument("--epochs", type=int, default=2)
arguments = parser.parse_args()

with tempfile.TemporaryDirectory() as scratch:
    folder = arguments.folder
    if folder is None:
        made = make_synthetic(
            Path(scratch, "made"), train_videos=2, test_videos=1, frames=60
        )
        folder = made / "train"
    videos = find_videos(folder)
    if len(videos) < 2:
        parser.error(f"{folder}: needs two videos: one is held out")
    train, held_out = videos[:-1], videos[-1:]

    keras.utils.set_random_seed(0)
    model = keras_cdae.CDAE.from_preset(arguments.preset)
    options = {
        "image_size": model.image_size,
        "channels": model.channels,
        # Videos are decoded once, into this folder; keep one for real data.
        "cache_dir": Path(scratch, "cache"),
    }
    clips = from_videos(train, **options, batch_size=8, dtype="uint8")
    model.fit(clips, epochs=arguments.epochs, verbose=2)

    # What do scores mean on this camera? Ask video that was not trained on.
    normal = cache_videos(held_out, **options)
    calibrate(model, normal, source="my camera", fps=normal[0].fps)

# The calibration travels inside the file. With an hour of held-out video or
# more, `calibration.threshold(1.0)` is the score that normal video passes once
# an hour; `z` and `p` of a score are meaningful with much less.
model.save(arguments.output)
calibration = keras_cdae.load(arguments.output).calibration
print(
    f"Wrote {arguments.output}: {calibration.clips} held-out normal clips "
    f"score {calibration.location['score']:.2f} +- "
    f"{calibration.scale['score']:.2f}."
)
