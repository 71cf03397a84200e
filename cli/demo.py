"""`keras-cdae demo`."""

from pathlib import Path

import click

from . import options, output


@click.command("demo")
@options.apply(
    click.option(
        "--output",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("demo"),
        show_default=True,
        help="Folder for the video and the run.",
    ),
    click.option(
        "--epochs", type=click.IntRange(min=1), help="Epochs in all."
    ),
    click.option(
        "--frames", type=click.IntRange(min=60), default=200,
        show_default=True, help="Frames a video.",
    ),
    options.seed,
    options.backend,
)  # fmt: skip
@click.pass_context
def command(
    ctx: click.Context,
    folder: Path,
    epochs: int | None,
    frames: int,
    seed: int,
    backend: str | None,
) -> None:
    """Make a data set, train a small model, evaluate it, draw: a first run.

    A few minutes on two cores; nothing is downloaded. A second call starts
    the training anew on the video that is there.
    """
    del backend  # has taken effect
    from keras_cdae.data.synthetic import make_synthetic

    from .evaluate import evaluate
    from .train import train

    video, run = folder / "video", folder / "run"
    if not (video / "labels.csv").is_file():
        output.say(f"Making a camera's video in {video}")
        make_synthetic(video, frames=frames, seed=seed, overwrite=True)
    train(
        run,
        data_dir=video,
        overwrite=True,
        dataset="synthetic",
        preset="nano",
        epochs=epochs,
        seed=seed,
    )
    evaluate(str(run))
