"""Every option and argument of the commands, declared once."""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from keras_cdae.cores import usable_cores

# As the library has them; a test holds them equal. Importing the library's
# would import keras, and help must answer at once.
BACKENDS = ("tensorflow", "jax", "torch")
DATASETS = ("ped1", "ped2", "avenue", "shanghaitech", "folder", "synthetic")
PRESETS = ("paper", "edge", "nano")
MODELS = (
    "cdae",
    "conv2d-ae",
    "memae",
    "convlstm-ae",
    "frame-prediction",
    "plain-cdae",
    "flow-cdae",
)
MOTION_TARGETS = ("difference", "flow-dis", "flow-tvl1")
AUGMENTATIONS = ("flip", "crop", "brightness")  # a test holds it to the data's
COMPARED = MODELS[:5]  # by `benchmark compare`
DTYPES = ("float32", "mixed_bfloat16", "mixed_float16")

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Size(click.ParamType):
    """A picture's size: `256`, or `HEIGHTxWIDTH`."""

    name = "size"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[int, int]:
        """Return (height, width)."""
        if isinstance(value, tuple):
            return value
        parts = str(value).lower().split("x")
        try:
            numbers = [int(part) for part in parts]
        except ValueError:
            numbers = []
        if len(numbers) not in (1, 2) or any(n < 8 or n % 8 for n in numbers):
            self.fail(
                f"{value!r} is no size: give 256 or HEIGHTxWIDTH, in multiples "
                "of 8.",
                param,
                ctx,
            )
        return numbers[0], numbers[-1]


class Names(click.ParamType):
    """Names with commas between, each one of some choices.

    Args:
        choices: what a name may be.
    """

    name = "names"

    def __init__(self, choices: tuple[str, ...]) -> None:
        self.choices = choices

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, ...]:
        """Return the names, each once, in the order of the choices."""
        if isinstance(value, tuple):
            return value
        given = [part.strip() for part in str(value).split(",")]
        for part in given:
            if part not in self.choices:
                known = ", ".join(self.choices)
                self.fail(f"{part!r} is none of {known}.", param, ctx)
        return tuple(name for name in self.choices if name in given)


class Seeds(click.ParamType):
    """Seeds with commas between: `0,1,2`."""

    name = "seeds"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[int, ...]:
        """Return the seeds, each once, in the order given."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        seeds = [int(part) for part in parts if part.isdecimal()]
        if len(seeds) < len(parts) or max(seeds) > 2**32 - 1:
            self.fail(f"{value!r}: give seeds as 0,1,2.", param, ctx)
        return tuple(dict.fromkeys(seeds))


class Augmentations(click.ParamType):
    """`auto`, kinds of augmentation, or both: `flip,crop`, `auto,crop`."""

    name = "kinds"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, ...]:
        """Return what is named, each once, in one order."""
        if isinstance(value, (tuple, list)):
            return tuple(value)
        given = {part.strip() for part in str(value).split(",")} - {""}
        if not given or given - {"auto", *AUGMENTATIONS}:
            self.fail(
                f"{value!r}: give auto, or some of "
                f"{', '.join(AUGMENTATIONS)}, with commas between.",
                param,
                ctx,
            )
        return tuple(k for k in ("auto", *AUGMENTATIONS) if k in given)


class Argument(click.ParamType):
    """An argument of a model: `NAME=VALUE`, the value in JSON or plain text."""

    name = "argument"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, Any]:
        """Return (name, value)."""
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not equals or not name.isidentifier() or not text:
            self.fail(f"{value!r}: give NAME=VALUE, such as width=16.", param)
        try:
            found = json.loads(text, parse_constant=_no_number)
        except ValueError:
            found = text  # a word: skips=none
        return name, found


class Model(click.ParamType):
    """A trained model: a path, or the name of a shipped one."""

    name = "model"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the shipped names that begin so, and else paths."""
        from keras_cdae.runs.find import shipped_models

        # bash forgets the words before it when it is told to list paths.
        paths = CompletionItem(incomplete, type="file")
        names = [n for n in shipped_models() if n.startswith(incomplete)]
        return [paths, *map(CompletionItem, names)]


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not a finite number")


class Finite(click.FloatRange):
    """A range of numbers without NaN, which click lets through."""

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number

    def _describe_range(self) -> str:
        """Return the range for the help; nothing where there is none."""
        bounded = self.min is not None or self.max is not None
        return super()._describe_range() if bounded else ""


def apply(*decorators: Decorator) -> Decorator:
    """Return one decorator for several options, shown in this order."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def as_usage(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function; a value that it refuses is wrong usage."""
    try:
        return function(*args, **kwargs)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def set_backend(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> str | None:
    """Choose the Keras backend while keras is not imported yet."""
    if value is not None:
        os.environ["KERAS_BACKEND"] = value
    return value


def within_cores(
    ctx: click.Context, param: click.Parameter, value: tuple[int, ...]
) -> tuple[int, ...]:
    """Refuse more threads than cores; a default has no more of them."""
    cores = usable_cores()
    source = ctx.get_parameter_source(param.name or "")
    if source is click.core.ParameterSource.DEFAULT:
        return tuple(count for count in value if count <= cores)
    if max(value) > cores:
        raise click.BadParameter(
            f"{max(value)} threads need as many cores, and this process may "
            f"use {cores}. Give at most {cores}."
        )
    return value


alarms_per_hour = click.option(
    "--alarms-per-hour",
    type=Finite(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="False alarms that the threshold allows, counted in clips.",
)
backend = click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    callback=set_backend,
    help="Keras backend.  [default: $KERAS_BACKEND or tensorflow]",
)
batch_size = click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help="Clips a batch.  [default: the preset's]",
)
cache_dir = click.option(
    "--cache-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="KERAS_CDAE_CACHE",
    show_envvar=True,
    help="Folder for decoded frames.  [default: ~/.cache/keras_cdae]",
)
data_dir = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Folder of the data set, in any of its usual layouts.",
)
dataset = click.option(
    "--dataset",
    type=click.Choice(DATASETS),
    help="Which data set; `folder` is any folder with train/ and test/.  "
    "[required, except to resume]",
)
dataset_required = click.option(
    "--dataset",
    type=click.Choice(DATASETS),
    required=True,
    help="Which data set; `folder` is any folder with train/ and test/.",
)
dataset_or_runs = click.option(
    "--dataset",
    type=click.Choice(DATASETS),
    help="Which data set.  [default: that of the run]",
)
devices = click.option(
    "--devices",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Devices that share each batch, under tensorflow and jax.",
)
timed_video = click.option(
    "--video",
    type=click.Path(path_type=Path),
    required=True,
    help="Video to score.",
)
timed_threads = click.option(
    "--threads",
    type=click.IntRange(min=1),
    multiple=True,
    default=(1, 2),
    show_default=True,
    callback=within_cores,
    help="Cores and threads, at most the cores of this machine; may be "
    "repeated.",
)
timed_frames = click.option(
    "--frames",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Frames to measure over.",
)
repeats = click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Runs to take the median of.",
)
lean = click.option(
    "--lean",
    is_flag=True,
    help="Leave out of exports the terms that neither score nor map needs: "
    "faster.",
)
dtype = click.option(
    "--dtype",
    type=click.Choice(DTYPES),
    default="float32",
    show_default=True,
    help="Precision of the training. Half of it is faster on hardware that "
    "has the instructions, and slower elsewhere.",
)
epochs = click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="Epochs in all, over all stages.  [default: the preset's]",
)
augment = click.option(
    "--augment",
    type=Augmentations(),
    default=(),
    metavar="KINDS",
    help="Change the training clips anew each epoch: some of flip, crop, "
    "brightness, with commas between. auto: only if held-out video asks for "
    "it after a third of the epochs; all of them, or those beside it "
    "(auto,crop).  [default: none]",
)
clip_step = click.option(
    "--clip-step",
    type=click.IntRange(min=1),
    help="Frames from one training clip to the next.  [default: the preset's]",
)
fps = click.option(
    "--fps",
    type=Finite(min=0, min_open=True),
    help="Frames a second.  [default: what the video says]",
)
image_size = click.option(
    "--image-size",
    type=Size(),
    help="Frame size, 256 or HEIGHTxWIDTH.  [default: the preset's]",
)
roi = click.option(
    "--roi",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PICTURE",
    help="Region of interest: an image of the camera's view, white where it "
    "counts and black where it does not. Kept in the model.",
)
json_output = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON to stdout."
)
labels = click.option(
    "--labels",
    help="Ground truth: intervals, masks, or a file.  "
    "[default: the data set's own]",
)
minutes = click.option(
    "--minutes",
    type=Finite(min=0, min_open=True),
    help="Train each model for about so long, instead of --epochs: how many "
    "epochs that is is measured first.",
)
overrides = click.option(
    "--set",
    "overrides",
    type=Argument(),
    multiple=True,
    metavar="NAME=VALUE",
    callback=lambda ctx, param, value: dict(value),
    help="An argument of the model, instead of the preset's; may be repeated. "
    "VALUE is JSON, or a word: width=16, skips=none, attention=null.",
)
overwrite = click.option(
    "--overwrite", is_flag=True, help="Replace what lies there."
)
preset = click.option(
    "--preset",
    type=click.Choice(PRESETS),
    default="edge",
    show_default=True,
    help="Network and schedule.",
)
SEED = click.IntRange(min=0, max=2**32 - 1)
seed = click.option(
    "--seed",
    type=SEED,
    default=0,
    show_default=True,
    help="Of weights, order of clips, held-out videos, k-means.",
)
seed_of_training = click.option(
    "--seed",
    type=SEED,
    help="Of the training of MODEL.  [default: the run's, or 0]",
)
seeds = click.option(
    "--seeds",
    type=Seeds(),
    default="0",
    show_default=True,
    help="Seeds, such as 0,1,2: each model is trained with each.",
)
smoothing = click.option(
    "--smoothing",
    type=Finite(min=0, min_open=True),
    help="Smooth each video's scores, sigma in frames.  [default: off]",
)
