"""The page: what it says, what it escapes, what it weighs."""

import json
import re
import zipfile
from html.parser import HTMLParser

import numpy as np
import pytest

from keras_cdae.data.video import video_info
from keras_cdae.errors import MissingDependencyError, VideoError
from keras_cdae.reports import media
from keras_cdae.reports.gather import read_results
from keras_cdae.reports.page import write_report
from keras_cdae.reports.words import PROTOCOLS, protocol_rows
from keras_cdae.scoring import write_scores_csv

pytest.importorskip("jinja2")
pytest.importorskip("av")
pytest.importorskip("matplotlib")

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&\"'"


class Page(HTMLParser):
    """The elements of a page, and the text of each kind."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data):
        if not set(self.open) & {"script", "style"}:
            self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def data_of(text):
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</sc', text
    )
    return json.loads(found[1])


@pytest.fixture
def paths(footage_folder):
    return {name: footage_folder / f"{name}.avi" for name in ("01", "02")}


def test_a_run_with_its_videos(run_folder, paths, tmp_path, videos):
    output = tmp_path / "report.html"
    facts = write_report(read_results(run_folder), output, paths=paths)
    text = output.read_text(encoding="utf-8")
    page, data = Page(text), data_of(text)

    assert (facts.clips, facts.videos) == (2, 2)
    assert facts.size == output.stat().st_size
    assert "112 scored frames of 2 videos; 20 of them are labelled" in page.text
    assert "frame 26 of video 02, at 2.6 s" in page.text
    assert "AUC of 75.00 %" in page.text
    assert "labels.csv (intervals)" in page.text
    assert "seed 7" in page.text  # the configuration
    assert "3.15.1" in page.text  # the versions
    for video, shown in zip(videos, data["videos"], strict=True):
        assert shown["name"] == video.name
        assert np.allclose(shown["curve"]["z"], video.z, atol=1e-4)
        assert video.worst_frame in [peak["frame"] for peak in shown["peaks"]]
        assert shown["fps"] == 10
        clip = shown["clip"]
        assert (clip["start"], clip["stop"]) == (0, 60)
        assert (clip["width"], clip["height"]) == (64, 48)
    assert data["videos"][1]["events"] == [[20, 30]]
    ids = [attrs.get("id") for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {"clip0", "clip1"} <= set(ids)


def test_nothing_in_it_points_elsewhere(run_folder, paths, tmp_path):
    output = tmp_path / "report.html"
    write_report(read_results(run_folder), output, paths=paths)
    page = Page(output.read_text(encoding="utf-8"))
    for tag, attrs in page.tags:
        for name in ("src", "href", "action", "poster"):
            value = attrs.get(name) or "#"
            assert value.startswith(("#", "data:")), (tag, value)
    policy = page.all("meta")[1]["content"]
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "connect-src" not in policy


def test_without_videos_it_says_how_to_add_them(run_folder, tmp_path):
    output = tmp_path / "report.html"
    facts = write_report(read_results(run_folder), output)
    page = Page(output.read_text(encoding="utf-8"))
    assert facts.clips == 0
    assert "--videos DIR" in facts.notes[0]
    for note in facts.notes:
        assert note in page.text
    assert len(page.all("svg")) >= 3  # curves and the training


def test_a_score_file_of_an_uncalibrated_model(tmp_path, scored):
    """The least there can be: no z, no labels, no metrics."""
    import dataclasses

    video = dataclasses.replace(scored(labels=False), z=None, p=None)
    write_scores_csv(tmp_path / "a.csv", [video])
    output = tmp_path / "report.html"
    facts = write_report(read_results(tmp_path / "a.csv"), output)
    text = output.read_text(encoding="utf-8")
    assert "with a score of" in Page(text).text
    assert data_of(text)["absolute"] == "score"
    assert data_of(text)["threshold"] is None
    assert any("metrics.json" in note for note in facts.notes)
    assert any("no threshold" in note for note in facts.notes)


def test_a_calibrated_model_on_video_without_labels(
    tmp_path, scored, calibration
):
    run = tmp_path / "run"
    run.mkdir()
    write_scores_csv(run / "scores.csv", [scored(labels=False)])
    with zipfile.ZipFile(run / "model.keras", "w") as archive:
        config = {"config": {"calibration": calibration.to_dict()}}
        archive.writestr("config.json", json.dumps(config))
    output = tmp_path / "report.html"
    write_report(read_results(run), output, alarms_per_hour=3600)
    text = Page(output.read_text(encoding="utf-8")).text
    assert "The threshold for 3600 alarms an hour of normal video" in text
    assert re.search(r"Above it lie [\d.]+\s%+ of the scored frames", text)


def test_the_names_of_videos_stay_text(tmp_path, scored):
    write_scores_csv(tmp_path / "a.csv", [scored(EVIL)])
    output = tmp_path / "report.html"
    write_report(read_results(tmp_path / "a.csv"), output)
    text = output.read_text(encoding="utf-8")
    page = Page(text)
    assert data_of(text)["videos"][0]["name"] == EVIL
    assert len(page.all("script")) == 2  # the data, and our own
    assert not [a for _, a in page.tags if any(k.startswith("on") for k in a)]
    assert EVIL in "".join(page.texts)


def test_the_limit_holds_and_the_highest_stay(run_folder, paths, tmp_path):
    output = tmp_path / "report.html"
    results = read_results(run_folder)
    whole = write_report(results, output, paths=paths)
    # One clip of two fits: room for half of what is above the reserve.
    clip = media.encode_clip(
        paths["02"], video_info(paths["02"]), start=0, stop=60, fps=10
    )
    limit = (whole.size - len(clip.mp4)) / 2**20
    facts = write_report(results, output, paths=paths, max_mib=limit)
    assert facts.size <= limit * 2**20
    assert facts.clips < 2
    assert any("--max-mib raises the limit" in note for note in facts.notes)
    data = data_of(output.read_text(encoding="utf-8"))
    assert data["videos"][0]["clip"] is None  # 02 scores higher


def test_a_clip_too_many_is_taken_out(run_folder, paths, tmp_path, monkeypatch):
    output = tmp_path / "report.html"
    results = read_results(run_folder)
    whole = write_report(results, output, paths=paths)
    monkeypatch.setattr("keras_cdae.reports.page.RESERVE", -(2**20))
    limit = (whole.size - 1) / 2**20
    facts = write_report(results, output, paths=paths, max_mib=limit)
    assert (facts.clips, facts.size < whole.size) == (1, True)
    shown = data_of(output.read_text(encoding="utf-8"))["videos"]
    assert [video["clip"] is None for video in shown] == [True, False]
    with pytest.raises(ValueError, match="max_mib must be positive"):
        write_report(results, output, max_mib=0)


def test_a_damaged_video_is_left_out(run_folder, paths, tmp_path, caplog):
    broken = tmp_path / "01.avi"
    broken.write_text("no video")
    output = tmp_path / "report.html"
    results = read_results(run_folder)
    facts = write_report(results, output, paths={**paths, "01": broken})
    assert facts.clips == 1
    assert "01.avi: cannot be opened as video" in caplog.text


def test_a_video_that_is_too_short_is_another_one(
    run_folder, paths, tmp_path, footage_folder, caplog
):
    from keras_cdae.data.video import read_frames, write_video

    short = tmp_path / "01.avi"
    write_video(short, read_frames(paths["01"], stop=20), fps=10)
    facts = write_report(
        read_results(run_folder),
        tmp_path / "report.html",
        paths={**paths, "01": short},
    )
    assert facts.clips == 1
    assert "01.avi: has 20 frames, and there is a score of frame 59" in (
        caplog.text
    )
    assert any("No video file was found for 01" in n for n in facts.notes)


def test_a_missing_package_names_the_extra(run_folder, tmp_path, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "av" else find(name, *rest),
    )
    with pytest.raises(
        MissingDependencyError,
        match=r"needs PyAV, .*pip install 'keras-cdae\[report\]'",
    ):
        write_report(read_results(run_folder), tmp_path / "report.html")


def test_the_margin_is_over_the_best_that_needs_no_model(run_folder):
    rows = protocol_rows(read_results(run_folder).metrics)
    by_title = {row["title"]: row for row in rows}
    raw = by_title["micro AUC, raw"]
    assert (raw["value"], raw["others"]) == ("75.00", ["80.00", "50.00"])
    assert (raw["margin"], raw["ahead"]) == ("-5.00", False)
    eer = by_title["EER, raw"]
    assert (eer["margin"], eer["ahead"]) == ("+10.00", True)
    assert by_title["macro AUC, one-class skipped"]["value"] == "-"
    assert "metrics.json" in by_title["auc pixel of tomorrow"]["meaning"]


def test_every_protocol_that_eval_prints_is_explained():
    from keras_cdae_cli.output import PROTOCOLS as PRINTED

    explained = {protocol.key: protocol.title for protocol in PROTOCOLS}
    assert PRINTED.items() <= explained.items()


# With a model


def test_a_model_adds_maps_centroids_and_calibration(
    run_folder, paths, tmp_path, make_model, calibration
):
    model = make_model(channels=3, calibration=calibration)
    centroids = model.motion_clusters.centroids
    centroids.assign(np.ones(centroids.shape))  # all in one spot
    model.save(run_folder / "model.keras")
    output = tmp_path / "report.html"
    facts = write_report(
        read_results(run_folder), output, paths=paths, model=model
    )
    text = output.read_text(encoding="utf-8")
    page, data = Page(text), data_of(text)
    assert "differently from the score file" in " ".join(facts.notes)
    assert data["videos"][0]["maps"] == {
        "id": "maps0",
        "start": 4,
        "rows": 4,
        "columns": 4,
    }
    assert "Counted over 112 clips of 2 videos" in page.text
    assert page.text.count("of those in use lie where another one does") == 1
    assert "1 of those in use lie" in page.text.split("Motion: ")[1]
    assert "Measured on made video: 500 clips" in page.text
    assert data["threshold"] == pytest.approx(
        calibration.z(calibration.quantiles[-1]), abs=1e-3
    )


def test_maps_belong_to_their_frames(footage_folder, make_model):
    from keras_cdae.scoring import score_video

    model = make_model(channels=3)
    path = footage_folder / "01.avi"
    parts = [maps for _, maps in media.see(model, path, start=20, stop=30)]
    seen = media.join(parts)
    assert (seen.start, len(seen.logs)) == (20, 10)
    blocks = []
    scores = score_video(model, path, each=blocks.append)
    assert np.allclose(seen.score, scores.score[16:26], atol=1e-3)
    expected = np.concatenate([block.map for block in blocks])[16:26]
    assert np.allclose(np.exp(seen.logs), expected, rtol=1e-2)
    assert seen.at(19) is None
    assert np.array_equal(seen.at(29), seen.logs[-1])


def test_quantized_maps_reach_from_nothing_to_everything():
    logs = np.linspace(-5, 5, 11).reshape(11, 1, 1)
    maps = media.Maps(4, logs, np.zeros(11))
    small = media.quantize(maps, (-2.0, 2.0))
    assert small.dtype == np.uint8
    assert small.ravel().tolist() == [
        0,
        0,
        0,
        0,
        64,
        128,
        191,
        255,
        255,
        255,
        255,
    ]


def test_a_still_beyond_the_end(footage_folder):
    path = footage_folder / "01.avi"
    with pytest.raises(VideoError, match="ends before frame 99"):
        media.still(path, video_info(path), 99)


def test_large_video_becomes_small(tmp_path):
    from keras_cdae.data.video import write_video

    path = tmp_path / "big.avi"
    frames = [np.full((270, 961, 3), 50 * i, np.uint8) for i in range(4)]
    write_video(path, frames, fps=25)
    info = video_info(path)
    clip = media.encode_clip(path, info, start=1, stop=9, fps=25)
    assert (clip.start, clip.stop) == (1, 4)
    assert clip.width <= media.MAX_WIDTH
    assert clip.width % 2 == clip.height % 2 == 0
    assert clip.mp4[4:8] == b"ftyp"
