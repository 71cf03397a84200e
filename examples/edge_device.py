"""Score a video or a camera with an exported file, without Keras.

On the device: pip install keras-cdae --no-deps, numpy,
opencv-python-headless and ai-edge-litert (or onnxruntime). Then

    python edge_device.py model.tflite entrance.mp4
    python edge_device.py model.tflite 0  # the first camera, or rtsp://...

An alarm ends when the score has been below the threshold for a second.
"""

import argparse
from collections.abc import Iterator

from keras_cdae.errors import CDAEError
from keras_cdae.runtime import EdgeScorer, Score

QUIET_FRAMES = 25  # below the threshold for so long ends an alarm


def alarms(scores: Iterator[Score]) -> Iterator[tuple[int, int, Score]]:
    """Yield first frame, last frame and highest score of each alarm."""
    first, last, peak = 0, 0, None
    for score in scores:
        if score.alarm:
            if peak is None:
                first, peak = score.frame, score
            last = score.frame
            peak = max(peak, score, key=lambda one: one.score)
        elif peak is not None and score.frame - last >= QUIET_FRAMES:
            yield first, last, peak
            peak = None
    if peak is not None:
        yield first, last, peak


def main() -> None:
    """Print a line for each alarm."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help=".tflite or .onnx file")
    parser.add_argument("source", help="video, camera number or address")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    source = arguments.source
    with EdgeScorer(arguments.model, threads=arguments.threads) as scorer:
        is_live = source.isdigit() or "://" in source
        score = scorer.score_camera if is_live else scorer.score_video
        scores = score(int(source) if source.isdigit() else source)
        for first, last, peak in alarms(scores):
            row, column = divmod(int(peak.map.argmax()), peak.map.shape[1])
            where = f"row {row}, column {column} of {peak.map.shape}"
            print(f"frames {first}-{last}: z up to {peak.z:.1f} at {where}")


if __name__ == "__main__":
    try:
        main()
    except CDAEError as error:  # its text says what to do
        raise SystemExit(f"Error: {error}") from None
