"""The data sets: where to get them, how to load them, whether they are whole.

Example:
    >>> DATASETS["ped2"].test_videos
    12
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from keras_cdae.data.benchmarks import avenue, folder, ped, shanghaitech
from keras_cdae.data.benchmarks.base import (
    Dataset,
    DatasetInfo,
    DatasetVideo,
    Finding,
    Loader,
)
from keras_cdae.data.benchmarks.verify import findings_of
from keras_cdae.errors import DataError

__all__ = [
    "DATASETS",
    "Dataset",
    "DatasetInfo",
    "DatasetVideo",
    "Finding",
    "load_dataset",
    "verify_dataset",
]

_LOADERS: tuple[tuple[DatasetInfo, Loader], ...] = (
    (ped.PED1, ped.load),
    (ped.PED2, ped.load),
    (avenue.AVENUE, avenue.load),
    (shanghaitech.SHANGHAITECH, shanghaitech.load),
    (folder.FOLDER, folder.load),
    (folder.SYNTHETIC, folder.load),
)

DATASETS: Mapping[str, DatasetInfo] = MappingProxyType(
    {info.name: info for info, _ in _LOADERS}
)
"""What is known of every data set, by its name."""


def load_dataset(
    name: str,
    data_dir: str | Path | None,
    *,
    labels: str | Path | None = None,
) -> Dataset:
    """Find a data set on disk.

    Args:
        name: one of `DATASETS`.
        data_dir: its folder, in any of the known layouts, or a folder around
            it.
        labels: "intervals", "masks" or the path of a label file or folder;
            None: what the data set's results are published with.

    Returns:
        The videos, and the labels and masks that are read when asked for. A
        data set with missing videos is called "(part)" and warns.

    Raises:
        ValueError: for an unknown name.
        DataError: where there is no such data; says how to get it.
        LabelError: where the labels are absent or do not fit.
    """
    info, loader = _find(name)
    if data_dir is None:
        raise DataError(f"No folder was given.\n{info.how_to_get}")
    return loader(info, Path(data_dir).expanduser(), labels)


def verify_dataset(
    name: str,
    data_dir: str | Path | None,
    *,
    labels: str | Path | None = None,
) -> list[Finding]:
    """Check layout, number of videos, their lengths, and labels.

    Args:
        name: one of `DATASETS`.
        data_dir: as in `load_dataset`.
        labels: as in `load_dataset`.

    Returns:
        What is right, doubtful and wrong. A data set that cannot be loaded
        at all is one finding of level "error".

    Raises:
        ValueError: for an unknown name.
    """
    info, _ = _find(name)
    try:
        dataset = load_dataset(name, data_dir, labels=labels)
    except DataError as error:
        return [Finding("error", str(error))]
    return list(findings_of(info, dataset))


def _find(name: str) -> tuple[DatasetInfo, Loader]:
    for info, loader in _LOADERS:
        if info.name == name:
            return info, loader
    raise ValueError(
        f"Unknown data set; expected one of {', '.join(DATASETS)}. "
        f"Received: name={name!r}"
    )
