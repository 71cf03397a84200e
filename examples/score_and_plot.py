"""Score a video and draw what is unusual in it.

    python score_and_plot.py camera.mp4 --model camera.keras --output day.png

Without a video, a small one is drawn, in which somebody rides a bicycle where
people walk; without a model, a tiny one is trained first.
"""

import argparse
import tempfile
from pathlib import Path

import keras

import keras_cdae
from keras_cdae.data import from_videos, make_synthetic, read_frames
from keras_cdae.reports import plots
from keras_cdae.scoring import score_video

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("video", nargs="?", type=Path, help="default: drawn")
parser.add_argument("--model", help="file, run folder, or shipped model")
parser.add_argument("--output", type=Path, default=Path("unusual.png"))
parser.add_argument("--epochs", type=int, default=2, help="without --model")
arguments = parser.parse_args()

with tempfile.TemporaryDirectory() as scratch:
    made = Path(scratch, "made")
    if arguments.video is None or arguments.model is None:
        make_synthetic(made, train_videos=1, test_videos=1, frames=80)
    video = arguments.video or made / "test" / "01.mp4"
    if arguments.model is None:
        keras.utils.set_random_seed(0)
        model = keras_cdae.CDAE.from_preset("nano")
        clips = from_videos(
            made / "train",
            image_size=model.image_size,
            channels=model.channels,
            cache_dir=Path(scratch, "cache"),
        )
        model.fit(clips, epochs=arguments.epochs, verbose=2)
    else:
        model = keras_cdae.load(arguments.model)

    # One score a frame from the fifth on; each belongs to its clip's last.
    scores = score_video(model, video)
    frame = next(read_frames(video, start=scores.worst_frame))  # full size
    figure = plots.summary_picture(scores, frame, scores.peak_map)
    figure.savefig(arguments.output)

print(
    f"{len(scores)} scores; frame {scores.worst_frame} is the least regular: "
    f"see {arguments.output}."
)
