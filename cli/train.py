"""`keras-cdae train`."""

from pathlib import Path
from typing import Any

import click

from . import backend, options, output


@click.command("train")
@options.apply(
    options.dataset,
    options.data_dir,
    options.preset,
    options.epochs,
    options.seed,
    click.option(
        "--output",
        type=click.Path(file_okay=False, path_type=Path),
        help="Run folder.  [default: runs/DATASET-PRESET-seedN]",
    ),
    click.option(
        "--resume",
        is_flag=True,
        help="Go on with the interrupted run in --output.",
    ),
    options.overwrite,
    options.batch_size,
    options.image_size,
    click.option(
        "--channels",
        type=click.Choice(["1", "3"]),
        help="1 grey, 3 colour.  [default: the camera's]",
    ),
    click.option(
        "--clip-step",
        type=click.IntRange(min=1),
        help="Frames from one training clip to the next.  "
        "[default: the preset's]",
    ),
    click.option(
        "--pretrain-epochs",
        type=click.IntRange(min=0),
        help="Epochs before k-means.  [default: a third]",
    ),
    click.option(
        "--hold-out",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        default=0.1,
        show_default=True,
        help="Share of the training videos kept for validation and "
        "calibration.",
    ),
    options.dtype,
    options.cache_dir,
    options.backend,
)
def command(**arguments: Any) -> None:
    """Train a model on a data set's normal video.

    Leaves a run folder: configuration, history, the calibrated model. Ctrl-C
    keeps the last epoch; go on with --resume.
    """
    del arguments["backend"]  # has taken effect
    folder = arguments.pop("output") or Path(
        f"runs/{arguments['dataset']}-{arguments['preset']}"
        f"-seed{arguments['seed']}"
    )
    train(folder, **arguments)
    output.say(f"Wrote {folder}. Next: keras-cdae eval {folder}")


def train(
    folder: Path,
    *,
    resume: bool,
    overwrite: bool,
    cache_dir: Path | None,
    data_dir: Path | None,
    channels: str | None,
    **settings: Any,
) -> Any:
    """Train with progress bars; return the model."""
    from keras_cdae.data.benchmarks import load_dataset

    load_dataset(settings["dataset"], data_dir)  # before the slow imports
    backend.require()
    from keras_cdae.runs.settings import RunSettings
    from keras_cdae.runs.train import train as train_run

    bar = output.training_bar()
    try:
        with output.steps("Decoding") as decoding:
            return train_run(
                RunSettings(
                    data_dir=str(data_dir),
                    channels=None if channels is None else int(channels),
                    **settings,
                ),
                folder,
                resume=resume,
                overwrite=overwrite,
                cache_dir=cache_dir,
                progress=decoding,
                callbacks=[bar],
            )
    except KeyboardInterrupt:
        output.say(
            "Stopped. Every finished epoch is kept: repeat the command with "
            f"--resume --output {folder}"
        )
        raise
    finally:
        bar.close()
