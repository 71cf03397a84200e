"""Video in: files, frame folders and benchmarks as batches of clips.

The names load on first use, so that `keras_cdae.data.video` can be imported
without Keras or TensorFlow.
"""

import importlib
import os
from typing import Any

# FFmpeg inside OpenCV complains on stderr, past Python's logging. All three
# are read when OpenCV loads; whoever wants the chatter can set them first.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
# A damaged header may claim any size; OpenCV's own limit means gigabytes.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))

_HOMES = {
    "Address": "address",
    "Augmentation": "augmentation",
    "CLIP_LENGTH": "clips",
    "CachedVideo": "frames",
    "Camera": "camera",
    "ClipBatches": "pipelines",
    "Clips": "clips",
    "DATASETS": "benchmarks",
    "Dataset": "benchmarks",
    "DatasetVideo": "benchmarks",
    "EpochCounter": "pipelines",
    "H264Writer": "h264",
    "PseudoAnomalies": "pseudo_anomalies",
    "VideoInfo": "video",
    "align_labels": "clips",
    "as_roi": "roi",
    "cache_flow": "flow",
    "cache_video": "frames",
    "cache_videos": "frames",
    "clip_count": "clips",
    "clip_dataset": "pipelines",
    "clip_view": "clips",
    "decode_roi": "roi",
    "default_cache_dir": "frames",
    "encode_image": "images",
    "encode_roi": "roi",
    "find_videos": "finding",
    "from_videos": "pipelines",
    "hold_out": "clips",
    "is_video": "finding",
    "last_frame_index": "clips",
    "load_dataset": "benchmarks",
    "make_synthetic": "synthetic",
    "pad_scores": "clips",
    "prepare_frame": "images",
    "read_frame_views": "video",
    "read_frames": "video",
    "read_image": "images",
    "read_labels": "labels",
    "read_roi": "roi",
    "resize_map": "images",
    "training_batches": "pipelines",
    "verify_dataset": "benchmarks",
    "video_info": "video",
    "with_flow": "flow",
    "write_image": "images",
    "write_video": "video",
}

__all__ = [
    "Address",
    "Augmentation",
    "CLIP_LENGTH",
    "CachedVideo",
    "Camera",
    "ClipBatches",
    "Clips",
    "DATASETS",
    "Dataset",
    "DatasetVideo",
    "EpochCounter",
    "H264Writer",
    "PseudoAnomalies",
    "VideoInfo",
    "align_labels",
    "as_roi",
    "cache_flow",
    "cache_video",
    "cache_videos",
    "clip_count",
    "clip_dataset",
    "clip_view",
    "decode_roi",
    "default_cache_dir",
    "encode_image",
    "encode_roi",
    "find_videos",
    "from_videos",
    "hold_out",
    "is_video",
    "last_frame_index",
    "load_dataset",
    "make_synthetic",
    "pad_scores",
    "prepare_frame",
    "read_frame_views",
    "read_frames",
    "read_image",
    "read_labels",
    "read_roi",
    "resize_map",
    "training_batches",
    "verify_dataset",
    "video_info",
    "with_flow",
    "write_image",
    "write_video",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
