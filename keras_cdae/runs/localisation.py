"""Where in the picture: maps of scored videos against the pixel masks."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_cdae.baselines.trivial import frame_difference_maps
from keras_cdae.data.benchmarks import Dataset
from keras_cdae.errors import LabelError
from keras_cdae.metrics.frame import micro_auc
from keras_cdae.metrics.pixel import pixel_scores
from keras_cdae.metrics.region import region_metrics
from keras_cdae.metrics.tracks import Region, draw_regions, mask_regions
from keras_cdae.runs.frames import Progress

MODEL = "model"
DIFFERENCE = "frame_difference"


class Localisation:
    """Keeps the maps of the videos that have masks, and measures them.

    Masks are read at once, so that what does not fit is found before hours of
    scoring, and kept as the outlines of their regions. Maps are kept as small
    as the model makes them: 1 kB a frame at 128 x 128, 4 kB at 256 x 256.

    Args:
        dataset: the data set; videos without masks are left out.
        frames: number of frames of each test video.
        clip_length: frames of a clip, T: the first T - 1 have no map.
        progress: called after each video whose masks were read.
        roi: what of the pictures counts for the plain difference; None: all.

    Raises:
        LabelError: if masks cannot be read or do not fit their video.
    """

    def __init__(
        self,
        dataset: Dataset,
        frames: Mapping[str, int],
        clip_length: int,
        progress: Progress | None = None,
        *,
        roi: np.ndarray | None = None,
    ) -> None:
        self.clip_length = clip_length
        self.roi = roi
        self.source = dataset.masks.title if dataset.masks else None
        self.regions: dict[str, list[Region]] = {}
        self.sizes: dict[str, tuple[int, ...]] = {}
        self.maps: dict[str, dict[str, np.ndarray]] = {
            MODEL: {},
            DIFFERENCE: {},
        }
        known = dataset.masks.videos if dataset.masks else frozenset()
        wanted = [name for name in frames if name in known]
        for done, name in enumerate(wanted, start=1):
            masks = _read(dataset, name, frames[name])[clip_length - 1 :]
            self.regions[name] = mask_regions(masks)
            self.sizes[name] = masks.shape[1:]
            if progress is not None:
                progress(done, len(wanted), name)

    def add(
        self, name: str, frames: np.ndarray, maps: Sequence[np.ndarray]
    ) -> None:
        """Keep one video's maps, and those of the plain frame difference.

        Args:
            name: the video; one without masks is left out.
            frames: its frames, (N, height, width, channels).
            maps: the model's, (count, h, w) each, in order: N - T + 1 in all.
        """
        if name in self.regions:
            model = np.concatenate(maps)
            self.maps[MODEL][name] = model
            self.maps[DIFFERENCE][name] = frame_difference_maps(
                frames,
                model.shape[1:],
                clip_length=self.clip_length,
                roi=self.roi,
            )

    def measure(
        self, progress: Progress | None = None
    ) -> dict[str, dict[str, Any]] | None:
        """Compare the maps with the masks.

        Args:
            progress: called after each kind of maps.

        Returns:
            `auc_pixel`, `rbdc` and `tbdc` of the `"model"` and of
            `"frame_difference"`; under `"facts"` what they were measured on.
            None where no video has masks.
        """
        if not self.regions:
            return None
        found: dict[str, dict[str, Any]] = {}
        for done, (kind, maps) in enumerate(self.maps.items(), start=1):
            result = region_metrics(
                list(maps.values()),
                [self.regions[name] for name in maps],
                [self.sizes[name] for name in maps],
            )
            found[kind] = {
                "auc_pixel": self._pixel_auc(maps),
                "rbdc": result["rbdc"],
                "tbdc": result["tbdc"],
            }
            if progress is not None:
                progress(done, len(self.maps), kind.replace("_", " "))
        found["facts"] = {
            "mask_source": self.source,
            "videos": len(self.regions),
            "frames": sum(map(len, self.maps[MODEL].values())),
            "regions": result["regions"],
            "tracks": result["tracks"],
        }
        return found

    def _pixel_auc(self, maps: Mapping[str, np.ndarray]) -> float | None:
        values, labels = [], []
        for name, video in maps.items():  # one video's masks at a time
            shape = (len(video), *self.sizes[name])
            masks = draw_regions(self.regions[name], shape)
            values.append(pixel_scores(video, masks))
            labels.append(masks.any(axis=(1, 2)))
        return micro_auc(values, labels)


def _read(dataset: Dataset, name: str, frames: int) -> np.ndarray:
    masks = dataset.masks_for(name)
    if masks is None or len(masks) != frames:
        raise LabelError(
            f"{dataset.masks.files[name]}: "  # type: ignore[union-attr]
            f"{0 if masks is None else len(masks)} masks, but video {name} "
            f"has {frames} frames; complete the masks, or leave them out with "
            "--no-localisation"
        )
    return masks
