"""What a run was asked to do, as data that `config.json` keeps."""

import dataclasses
import importlib.metadata
import json
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keras_cdae.data.augmentation import augmentation_kinds
from keras_cdae.data.roi import decode_roi
from keras_cdae.errors import RunFolderError, shown
from keras_cdae.training.division import require_divisible
from keras_cdae.version import __version__

PACKAGES = (
    "keras",
    "tensorflow",
    "jax",
    "torch",
    "numpy",
    "scikit-learn",
    "opencv-python-headless",
)
AUTO = "auto"  # augment: where held-out video asks for it
FORMAT = 1  # of config.json; without a number: 1
_KINDS: dict[str, type | tuple[type, ...]] = {
    "dataset": str,
    "data_dir": str,
    "preset": str,
    "epochs": int,
    "batch_size": int,
    "seed": int,
    "image_size": tuple,
    "channels": int,
    "clip_step": int,
    "hold_out": (int, float),
    "pretrain_epochs": int,
    "pseudo_anomalies": (int, float),
    "augment": tuple,
    "dtype": str,
    "overrides": dict,
    "model": str,
    "devices": int,
    "roi": dict,
}


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """Everything that decides the outcome of a training.

    Args:
        dataset: name of the data set.
        data_dir: its folder.
        preset: name of the preset.
        epochs: epochs in all; None: the preset's for this data set.
        batch_size: clips a batch; None: the preset's.
        seed: of weights, order of clips, held-out videos and k-means.
        image_size: `(height, width)`; None: the preset's.
        channels: 3 or 1; None: what the data set's camera gives.
        clip_step: frames from one training clip's start to the next's; None:
            the preset's.
        hold_out: share of the training videos that is kept from training, for
            validation and calibration.
        pretrain_epochs: epochs without clusters; None: the schedule's.
        pseudo_anomalies: share of the training clips that is replaced by ones
            that are not normal, see `PseudoAnomalies`.
        augment: kinds of `keras_cdae.data.Augmentation` by which the training
            clips are changed, each epoch anew. With `"auto"` among them: from
            a third of the epochs on, if held-out video is reconstructed far
            worse than the training clips by then; alone it stands for all
            kinds (with a roi: brightness).
        dtype: dtype policy of the training, such as `"mixed_bfloat16"`; the
            model that is kept computes in float32.
        overrides: further arguments of the model.
        model: what is trained: `"cdae"`, or a baseline's name in
            `baselines.MODELS`.
        devices: how many share each batch, see
            `keras_cdae.backend.devices`; a run may go on with another number.
        roi: the part of the picture that counts, as
            `keras_cdae.data.encode_roi` describes it; None: all of it.

    Raises:
        ValueError: for a number out of range, or what is no region.
        DeviceError: if the devices do not divide a batch.
    """

    dataset: str
    data_dir: str
    preset: str = "edge"
    epochs: int | None = None
    batch_size: int | None = None
    seed: int = 0
    image_size: tuple[int, int] | None = None
    channels: int | None = None
    clip_step: int | None = None
    hold_out: float = 0.1
    pretrain_epochs: int | None = None
    pseudo_anomalies: float = 0.0
    augment: tuple[str, ...] = ()
    dtype: str = "float32"
    overrides: dict[str, Any] = dataclasses.field(default_factory=dict)
    model: str = "cdae"  # that of every run from before there was a choice
    devices: int = 1
    roi: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "clip_step", "devices"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(
                    f"{name} must be at least 1. Received: {name}={value!r}"
                )
        if self.batch_size is not None:
            require_divisible(self.batch_size, self.devices)
        if not 0 <= self.seed < 2**32:
            raise ValueError(
                f"seed must lie in [0, 2**32). Received: seed={self.seed!r}"
            )
        if not 0 < self.hold_out < 1:
            raise ValueError(
                "hold_out must lie in (0, 1). Received: "
                f"hold_out={self.hold_out!r}"
            )
        if self.pseudo_anomalies and self.model != "cdae":
            raise ValueError(
                "pseudo_anomalies are for the model cdae alone. Received: "
                f"pseudo_anomalies={self.pseudo_anomalies!r}, "
                f"model={self.model!r}"
            )
        # In one order, whatever names they were given by: a run goes on with
        # the same settings only.
        object.__setattr__(self, "augment", _augment(self.augment))
        if self.augment and self.model == "flow-cdae":
            raise ValueError(
                "flow-cdae takes no augment: optical flow is of the frames as "
                f"they are. Received: augment={self.augment!r}"
            )
        if self.roi is not None:
            decode_roi(self.roi)
            if self.model == "flow-cdae":
                raise ValueError(
                    "flow-cdae takes no roi: optical flow is of whole frames."
                )
            if set(self.augment) - {"brightness", AUTO}:
                raise ValueError(
                    "With a roi, augment can be brightness alone: flip and "
                    "crop would move into it what lies outside. Received: "
                    f"augment={self.augment!r}"
                )
        if not 0 <= self.pseudo_anomalies <= 1:
            raise ValueError(
                "pseudo_anomalies must lie in [0, 1]. Received: "
                f"pseudo_anomalies={self.pseudo_anomalies!r}"
            )

    @property
    def auto_augment(self) -> bool:
        """Whether held-out video decides if the clips are changed."""
        return AUTO in self.augment

    def resolved(self, channels: int) -> "RunSettings":
        """Return the settings with the preset's values filled in.

        Args:
            channels: what the data set's camera gives.

        Raises:
            ValueError: for an unknown preset.
        """
        from keras_cdae.models.presets import preset  # imports keras

        chosen = preset(self.preset)
        # Absolute: an evaluation may be started from another folder.
        data_dir = Path(self.data_dir).expanduser().absolute()
        epochs = chosen.epochs_by_dataset.get(self.dataset, chosen.epochs)
        return dataclasses.replace(
            self,
            data_dir=str(data_dir),
            epochs=self.epochs or epochs,
            batch_size=self.batch_size or chosen.batch_size,
            image_size=tuple(self.image_size or chosen.model["image_size"]),
            channels=self.channels or channels,
            clip_step=self.clip_step or chosen.clip_step,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def read(cls, run: Path) -> "RunSettings":
        """Return the settings in a run folder's `config.json`.

        Raises:
            RunFolderError: if the file is absent or not ours.
        """
        try:
            values = _read_config(run)["settings"]
            if values["image_size"] is not None:
                height, width = values["image_size"]
                values["image_size"] = (int(height), int(width))
            if isinstance(values.get("augment"), list):
                values["augment"] = tuple(values["augment"])
            _check_kinds(values)
            return cls(**values)
        except RunFolderError:
            raise
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise _foreign(run, error) from error

    @staticmethod
    def read_model(run: Path) -> dict[str, Any]:
        """Return the arguments that a run's model was made with.

        Returns:
            As `keras_cdae.runs.models.model_config` gave them; empty for a
            run from before they were kept.

        Raises:
            RunFolderError: if `config.json` is absent or not ours.
        """
        values = _read_config(run)
        model = values.get("model", {}) if isinstance(values, dict) else None
        if not isinstance(model, dict):
            raise _foreign(run, TypeError(f"model is {model!r}"))
        if not isinstance(schedule := model.get("schedule", {}), dict):
            raise _foreign(run, TypeError(f"schedule is {schedule!r}"))
        return model

    @staticmethod
    def read_backend(run: Path) -> str:
        """Return the Keras backend that a run was trained under.

        Raises:
            RunFolderError: if `config.json` is absent or not ours.
        """
        try:
            return _text(_read_config(run)["environment"]["backend"])
        except RunFolderError:
            raise
        except (ValueError, KeyError, TypeError) as error:
            raise _foreign(run, error) from error


def _augment(value: Any) -> tuple[str, ...]:
    """Return kinds in their one order, after AUTO where it is among them."""
    if not isinstance(value, Iterable):
        return augmentation_kinds(value)
    names = value.split(",") if isinstance(value, str) else value
    given = [str(name).strip() for name in names]
    kinds = augmentation_kinds([name for name in given if name != AUTO])
    return (AUTO, *kinds) if AUTO in given else kinds


def _read_config(run: Path) -> dict[str, Any]:
    try:
        text = (run / "config.json").read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunFolderError(
            f"{run}: not a run folder: it has no config.json. Name the "
            "folder that `keras-cdae train --output` wrote."
        ) from error
    except UnicodeDecodeError as error:
        raise _foreign(run, error) from error
    try:
        values = json.loads(text)
    except RecursionError as error:
        raise _foreign(run, error) from error
    found = values.get("format", FORMAT) if isinstance(values, dict) else FORMAT
    if isinstance(found, int) and found > FORMAT:
        raise RunFolderError(
            f"{run / 'config.json'}: has format {shown(found, 20)}, and this "
            f"package reads formats up to {FORMAT}. Install a newer one: pip "
            "install --upgrade keras-cdae"
        )
    return values


def _check_kinds(values: dict[str, Any]) -> None:
    """Raise TypeError where a value is of another type than its setting."""
    defaults = {f.name: f.default for f in dataclasses.fields(RunSettings)}
    for name, value in values.items():
        if value is None and defaults.get(name, "") is None:
            continue
        if isinstance(value, bool) or not isinstance(
            value, _KINDS.get(name, object)
        ):
            raise TypeError(f"{name} is {value!r}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"backend is {value!r}")
    return value


def _foreign(run: Path, error: Exception) -> RunFolderError:
    return RunFolderError(
        f"{run / 'config.json'}: not a configuration of this version: "
        f"{shown(error, 200)}. Train again with --overwrite."
    )


def environment() -> dict[str, Any]:
    """Return the versions and the machine that a result was made with."""
    import keras

    versions = {"keras_cdae": __version__}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "backend": keras.backend.backend(),
        "versions": versions,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
