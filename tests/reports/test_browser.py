"""The page in a real browser, with no network behind it."""

import dataclasses

import browser as browsers
import numpy as np
import pytest

from keras_cdae.reports import media
from keras_cdae.reports import page as page_module
from keras_cdae.reports.gather import read_results
from keras_cdae.reports.page import write_report

pytest.importorskip("jinja2")
pytest.importorskip("av")
pytest.importorskip("matplotlib")

TIME = "return document.getElementById('video').currentTime"
SHOWN = "return Number(document.getElementById('slider').ariaValueNow)"
READY = "return document.getElementById('video').readyState >= 2"


@pytest.fixture(scope="module")
def chromium():
    """A browser for all these tests; skips loudly without one."""
    if not browsers.is_installed():
        pytest.skip(browsers.ABSENT)
    with browsers.chromium() as browser:
        browser.size(1280, 900)
        yield browser


@pytest.fixture(scope="module")
def report(chromium, make_run, footage_folder, calibration, tmp_path_factory):
    """The page of a run; its maps are made, so that no model is needed."""
    folder = make_run(tmp_path_factory.mktemp("report"))
    results = dataclasses.replace(read_results(folder), calibration=calibration)

    def embed(*arguments, **settings):
        embedded = real(*arguments, **settings)
        logs = np.random.default_rng(0).uniform(-20, -8, (56, 4, 4))
        embedded.maps = {
            place: media.Maps(4, logs, np.zeros(56)) for place in (0, 1)
        }
        embedded.scale = (-20.0, -8.0)
        return embedded

    real = page_module.embed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_module, "embed", embed)
        paths = {name: footage_folder / f"{name}.avi" for name in ("01", "02")}
        write_report(results, folder / "report.html", paths=paths)
    return folder / "report.html"


@pytest.fixture
def page(chromium, report):
    """The page, open at its oddest frame."""
    chromium.size(1280, 900)
    chromium.messages()  # and requests: those of the page before are gone
    chromium.requests()
    chromium.open(report)
    chromium.run("history.replaceState(null, '', location.pathname)")
    chromium.open(report)
    chromium.wait(READY)
    return chromium


def at(page, frame):
    """Wait until curve and picture both show a frame; 10 frames a second."""
    page.wait(f"{SHOWN} === arguments[0]", frame)
    page.wait(
        f"const time = (function() {{ {TIME} }})();"
        "return !document.getElementById('video').seeking"
        " && Math.floor(time * 10) === arguments[0]",
        frame,
    )


def heat_is_drawn(page):
    """Tell whether the canvas over the picture has any colour."""
    return page.run(
        "const heat = document.getElementById('heat');"
        "const copy = new OffscreenCanvas(heat.width, heat.height)"
        ".getContext('2d', { willReadFrequently: true });"
        "copy.drawImage(heat, 0, 0);"
        "const all = copy.getImageData(0, 0, heat.width, heat.height).data;"
        "return all.some((value, i) => i % 4 === 3 && value > 0)"
    )


def test_mouse_keys_and_heat_map(page):
    at(page, 26)  # the oddest frame of the oddest video
    assert page.run("return document.getElementById('video-choice').value") == (
        "1"
    )

    # A click on the curve moves the picture; the picture moves the curve.
    box = page.run(
        "const box = document.getElementById('slider').getBoundingClientRect();"
        "return [box.width, box.height]"
    )
    aim = round((45.5 / 60 - 0.5) * box[0])
    page.click("#slider", x=aim, y=round(box[1] / 4))
    at(page, 45)
    page.run("document.getElementById('video').currentTime = 1.25")
    at(page, 12)

    # A click on a peak.
    page.click(".peak-button.highest")
    at(page, 26)

    # The keys, from the curve that the mouse has left.
    page.run("document.getElementById('slider').focus()")
    page.press("ArrowRight", "ArrowRight", "ArrowLeft")
    at(page, 27)
    page.press("PageDown")
    at(page, 17)
    page.press("Home")
    at(page, 0)
    page.press("n")
    peaks = page.run(
        "return JSON.parse(document.getElementById('data').textContent)"
        ".videos[1].peaks.map(peak => peak.frame)"
    )
    at(page, peaks[0])

    # It plays, and the curve comes with it; at its end it rests.
    page.press("End", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft")
    at(page, 55)
    page.press(" ")
    page.wait("return document.getElementById('video').ended")
    page.wait(f"{SHOWN} === 59")
    assert page.run("return document.getElementById('play').innerText") == (
        "Play"
    )

    # The heat map, by mouse and by key; the first frames have none.
    page.click(".peak-button.highest")
    at(page, 26)
    assert heat_is_drawn(page)
    page.click("#heat-toggle")
    assert not heat_is_drawn(page)
    page.press("h")
    assert heat_is_drawn(page)
    page.run("document.getElementById('slider').focus()")
    page.press("Home")
    at(page, 0)
    assert not heat_is_drawn(page)

    # Nothing was complained of, and nothing was asked of the network.
    assert page.messages() == []
    asked = {url.partition(":")[0] for url in page.requests()}
    assert asked <= {"file", "data", "blob"}


def test_without_a_mouse_at_the_width_of_a_phone(page):
    page.size(360, 740)
    # Every step of the tabulator shows where it is, and the whole page comes.
    page.run("document.body.focus()")
    seen = []
    for _ in range(60):
        page.press("Tab")
        where, outline, name = page.run(
            "const one = document.activeElement;"
            "return [one.id || one.className, getComputedStyle(one)"
            ".outlineStyle, one.ariaLabel || one.innerText || one.labels"
            " && one.labels[0].innerText]"
        )
        assert outline == "solid", where
        assert name, f"{where} has no name"
        seen.append(where)
        if where == "card" and seen.count("card") > 2:
            break
    assert {"skip", "video-choice", "play", "heat-toggle", "slider"} <= set(
        seen
    )
    # A card opens the player and gives it the focus.
    page.run("document.querySelector('#videos .card').focus()")
    page.press("Enter")
    at(page, 35)
    assert page.run("return document.activeElement.id") == "slider"
    assert page.run("return location.hash") == "#video=01&frame=35"

    # Nothing sticks out to the right, and no text is too small to read.
    assert page.run("return document.documentElement.scrollWidth") == 360
    smallest = page.run(
        "return Math.min(...[...document.querySelectorAll('body *')]"
        ".filter(e => [...e.childNodes].some(n => n.nodeType === 3"
        " && n.data.trim()) && e.getClientRects().length"
        " && !e.closest('script, style, option, title'))"
        ".map(e => parseFloat(getComputedStyle(e).fontSize)"
        " * (e.ownerSVGElement"
        " ? Math.hypot(e.getScreenCTM().a, e.getScreenCTM().b) : 1)))"
    )
    assert smallest >= 9.5
    assert page.messages() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(page, scheme):
    """Contrast of the colours of text on both backgrounds: 4.5 (WCAG AA)."""
    page.devtools(
        "Emulation.setEmulatedMedia",
        features=[{"name": "prefers-color-scheme", "value": scheme}],
    )
    names = ["paper", "panel", "ink", "muted", "link", "mark", "good"]
    colors = page.run(
        "const style = getComputedStyle(document.documentElement);"
        "return arguments[0].map(n => style.getPropertyValue('--' + n).trim())",
        names,
    )
    light = dict(zip(names, map(luminance, colors), strict=True))
    assert (light["paper"] > 0.5) == (scheme == "light")
    for back in ("paper", "panel"):
        for text in names[2:]:
            pair = sorted((light[back], light[text]))
            contrast = (pair[1] + 0.05) / (pair[0] + 0.05)
            assert contrast >= 4.5, (back, text, contrast)


def luminance(color):
    """Return the relative luminance of `#rrggbb`, as WCAG defines it."""
    values = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(
        values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4
    )
    return float(linear @ (0.2126, 0.7152, 0.0722))
