"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const video = byId("video"), canvas = byId("heat"), slider = byId("slider");
  const SVG = "http://www.w3.org/2000/svg";
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const state = { place: -1, frame: 0, kind: "absolute", heat: true };
  const media = new Map();  // id -> object URL of a clip, or bytes of maps
  let maps = null, ready = false;

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const current = () => data.videos[state.place];

  function bytes(id) {
    const text = atob(byId(id).textContent);
    const array = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) array[i] = text.charCodeAt(i);
    return array;
  }

  function kept(id, make) {
    if (!media.has(id)) media.set(id, make(bytes(id)));
    return media.get(id);
  }

  // Values of the curve

  function valueAt(frame, name) {
    const curve = current().curve, values = curve[name];
    if (!values || frame < curve.first) return null;
    return values[Math.floor((frame - curve.first) / curve.step)] ?? null;
  }

  function column() {
    return state.kind === "regularity" ? "regularity" : data.absolute;
  }

  function range() {
    return state.kind === "regularity" ? [-0.04, 1.04] : [data.low, data.high];
  }

  function height(value) {  // from the top, in percent
    const [low, high] = range();
    return (100 * (high - value)) / (high - low);
  }

  // Drawing

  function shape(parent, name, attributes) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) {
      element.setAttribute(key, value);
    }
    parent.append(element);
  }

  function bars(parent, spans, kinds) {
    parent.replaceChildren();
    for (const [start, end] of spans) {
      for (const [style, y, tall] of kinds) {
        shape(parent, "rect", {
          class: style, x: start, width: end - start, y: y, height: tall,
        });
      }
    }
  }

  function line() {
    const curve = current().curve, values = curve[column()];
    let text = "", drawing = false;
    values.forEach((value, i) => {
      if (value === null) { drawing = false; return; }
      const x = curve.first + i * curve.step + 0.5;
      const point = `${x} ${height(value).toFixed(2)}`;
      text += drawing ? `L${point}` : `M${point}L${point}`;
      drawing = true;
    });
    return text;
  }

  function tick(parent, side, percent, text) {
    const label = document.createElement("span");
    label.style[side] = `${percent}%`;
    label.textContent = text;
    parent.append(label);
  }

  function ticks() {
    const one = current(), end = one.last + 1;
    const x = byId("ticks-x"), y = byId("ticks-y");
    x.replaceChildren();
    y.replaceChildren();
    const step = nice(end / 4);
    for (let at = 0; at < end - step / 2; at += step) {
      tick(x, "left", (100 * at) / end, at === 0 ? "frame 0" : String(at));
    }
    x.firstChild.style.transform = "none";
    tick(x, "left", 100, String(one.last));
    if (state.kind === "regularity") {
      for (const at of [0, 0.5, 1]) tick(y, "top", height(at), at.toFixed(1));
    } else {
      const [low, high] = range(), gap = nice((high - low) / 4);
      for (let at = Math.ceil(low / gap) * gap; at <= high; at += gap) {
        tick(y, "top", height(at), String(Number(at.toFixed(2))));
      }
    }
  }

  function nice(rough) {
    const power = 10 ** Math.floor(Math.log10(rough));
    return power * [1, 2, 5, 10].find((times) => times * power >= rough);
  }

  function drawCurve() {
    const one = current(), end = one.last + 1;
    byId("curve").setAttribute("viewBox", `0 0 ${end} 100`);
    bars(byId("curve-events"), one.events, [["event", 0, 100], ["event-bar", 0, 2.5]]);
    bars(byId("curve-alarms"), one.alarms, [["alarm", 97, 3]]);
    byId("curve-path").setAttribute("d", line());
    const limit = byId("curve-threshold");
    const shown = state.kind === "absolute" && data.threshold !== null;
    limit.style.display = shown ? "" : "none";
    if (shown) {
      const y = height(data.threshold);
      for (const [key, value] of [["x1", 0], ["x2", end], ["y1", y], ["y2", y]]) {
        limit.setAttribute(key, value);
      }
    }
    const clip = one.clip, part = byId("curve-clip");
    const whole = !clip || (clip.start === 0 && clip.stop >= end - 1);
    part.style.display = whole ? "none" : "";
    if (!whole) {
      part.setAttribute("x", clip.start);
      part.setAttribute("width", clip.stop - clip.start);
    }
    byId("legend-events").hidden = one.events.length === 0;
    byId("legend-alarms").hidden = one.alarms.length === 0;
    byId("legend-curve").textContent = state.kind === "regularity"
      ? "regularity: low is odd"
      : (data.absolute === "z" ? "z: high is odd" : "score: high is odd");
    ticks();
    drawPeaks();
  }

  function drawPeaks() {
    const one = current(), box = byId("peaks");
    box.replaceChildren();
    for (const peak of one.peaks) {
      const button = document.createElement("button");
      const down = state.kind === "regularity";
      const above = peak.above === null ? "" : peak.above ? ", above the threshold" : ", below the threshold";
      button.type = "button";
      button.className = `peak-button${peak.highest ? " highest" : ""}${down ? " below" : ""}`;
      button.textContent = down ? "▲" : "▼";
      button.title = `frame ${peak.frame}, ${peak.value}${above}`;
      button.setAttribute("aria-label", `Jump to the ${peak.highest ? "highest " : ""}peak at ${button.title}`);
      const y = height(valueAt(peak.frame, column()) ?? 0);
      button.style.left = `${(100 * (peak.frame + 0.5)) / (one.last + 1)}%`;
      // Inside the frame of the plot, however high the peak is.
      button.style.top = down ? `min(${y}%, 100% - 1.75rem)` : `max(${y}%, 1.5rem)`;
      button.addEventListener("click", () => go(peak.frame));
      box.append(button);
    }
    document.querySelector(".legend .peak").textContent = state.kind === "regularity" ? "▲" : "▼";
  }

  // Heat map: the low-resolution map of this frame, stretched over the picture

  function color(heat) {
    const place = (heat / 255) * (data.stops.length - 1);
    const below = Math.min(Math.floor(place), data.stops.length - 2);
    const part = place - below;
    return data.stops[below].map((v, i) => v * (1 - part) + data.stops[below + 1][i] * part);
  }

  const palette = Array.from({ length: 256 }, (_, heat) => color(heat));
  const small = document.createElement("canvas");

  function placeCanvas() {
    const clip = current().clip;
    if (!clip) return;
    const box = video.getBoundingClientRect(), stage = byId("stage").getBoundingClientRect();
    const scale = Math.min(box.width / clip.width, box.height / clip.height);
    const wide = clip.width * scale, tall = clip.height * scale;
    canvas.style.left = `${box.left - stage.left + (box.width - wide) / 2}px`;
    canvas.style.top = `${box.top - stage.top + (box.height - tall) / 2}px`;
    canvas.style.width = `${wide}px`;
    canvas.style.height = `${tall}px`;
    canvas.width = Math.max(1, Math.round(wide));
    canvas.height = Math.max(1, Math.round(tall));
  }

  function drawHeat() {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    const facts = current().maps;
    canvas.dataset.frame = "";
    if (!state.heat || !facts || !maps || !inClip(state.frame)) return;
    const cells = facts.rows * facts.columns, place = state.frame - facts.start;
    if (place < 0 || (place + 1) * cells > maps.length) return;
    small.width = facts.columns;
    small.height = facts.rows;
    const inner = small.getContext("2d"), image = inner.createImageData(facts.columns, facts.rows);
    for (let i = 0; i < cells; i++) {
      const heat = maps[place * cells + i];
      image.data.set([...palette[heat], data.strength * heat], 4 * i);
    }
    inner.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
    canvas.dataset.frame = state.frame;
  }

  // Frames and times

  function inClip(frame) {
    const clip = current().clip;
    return Boolean(clip) && frame >= clip.start && frame < clip.stop;
  }

  function timeOf(frame) {
    const clip = current().clip;
    return (frame - clip.start + 0.5) / clip.fps;
  }

  function frameOf(time) {
    const clip = current().clip;
    const frame = clip.start + Math.floor(time * clip.fps + 1e-3);
    return clamp(frame, clip.start, clip.stop - 1);
  }

  function clock(seconds) {
    if (seconds < 60) return `${seconds.toFixed(1)} s`;
    const rest = (seconds % 60).toFixed(1).padStart(4, "0");
    return `${Math.floor(seconds / 60)}:${rest}`;
  }

  function inSpans(spans, frame) {
    return spans.some(([start, end]) => frame >= start && frame < end);
  }

  function show() {
    const one = current(), frame = state.frame;
    const absolute = valueAt(frame, data.absolute), regularity = valueAt(frame, "regularity");
    const p = valueAt(frame, "p");
    const label = !one.labelled ? "unknown" : inSpans(one.events, frame) ? "event" : "normal";
    const scored = absolute !== null;
    byId("playhead").style.left = `${(100 * (frame + 0.5)) / (one.last + 1)}%`;
    byId("read-frame").textContent = `${frame} / ${one.last}`;
    byId("read-time").textContent = one.fps ? clock(frame / one.fps) : "-";
    byId("read-absolute").textContent = scored ? absolute.toFixed(2) : "none";
    byId("read-absolute").classList.toggle("odd", inSpans(one.alarms, frame));
    byId("read-regularity").textContent = regularity === null ? "none" : regularity.toFixed(2);
    byId("read-p").textContent = p === null ? "-" : `1 in ${Math.max(1, Math.round(1 / p)).toLocaleString("en")}`;
    byId("read-label").textContent = scored ? label : "not scored";
    slider.setAttribute("aria-valuenow", frame);
    const words = [`frame ${frame} of ${one.last}`];
    if (scored) {
      words.push(`${data.absolute} ${absolute.toFixed(2)}`, `regularity ${regularity.toFixed(2)}`);
      if (one.labelled) words.push(label);
    } else {
      words.push("not scored");
    }
    slider.setAttribute("aria-valuetext", words.join(", "));
    note();
    drawHeat();
  }

  function note() {
    const clip = current().clip, element = byId("stage-note");
    const outside = clip && !inClip(state.frame);
    byId("stage").classList.toggle("empty", !clip);
    video.style.display = clip ? "" : "none";
    canvas.style.display = clip ? "" : "none";
    element.hidden = Boolean(clip) && !outside;
    element.textContent = outside
      ? `The embedded clip holds frames ${clip.start} to ${clip.stop - 1}; there is no picture of this one.`
      : "There is no picture of this video in the page; see the notes at its top.";
    byId("play").disabled = !clip;
  }

  function go(frame) {
    state.frame = clamp(Math.round(frame), 0, current().last);
    const clip = current().clip;
    if (clip) {
      if (!inClip(state.frame)) video.pause();
      video.currentTime = timeOf(clamp(state.frame, clip.start, clip.stop - 1));
    }
    show();
    remember();
  }

  function follow(time) {  // the picture moved: the curve follows
    const frame = frameOf(time);
    if (frame === state.frame) return;
    state.frame = Math.min(frame, current().last);
    show();
  }

  function watch() {
    if (video.requestVideoFrameCallback) {
      const shown = (_, facts) => {
        if (!video.paused) follow(facts.mediaTime + 0.5 / current().clip.fps);
        video.requestVideoFrameCallback(shown);
      };
      video.requestVideoFrameCallback(shown);
    } else {
      video.addEventListener("timeupdate", () => {
        if (!video.paused) follow(video.currentTime);
      });
    }
    video.addEventListener("seeked", () => {
      if (current().clip && inClip(state.frame)) follow(video.currentTime);
    });
    for (const name of ["play", "pause", "ended"]) {
      video.addEventListener(name, () => {
        byId("play-text").textContent = video.paused || video.ended ? "Play" : "Pause";
        if (video.paused) remember();
      });
    }
    video.addEventListener("loadeddata", () => { placeCanvas(); drawHeat(); });
  }

  function toggle() {
    const clip = current().clip;
    if (!clip) return;
    if (!video.paused) { video.pause(); return; }
    if (!inClip(state.frame) || state.frame >= clip.stop - 1) go(clip.start);
    video.play().catch(() => {});
  }

  // Choosing

  function select(place, frame) {
    if (place !== state.place) {
      video.pause();
      state.place = place;
      const one = current();
      byId("video-choice").value = String(place);
      byId("video-before").disabled = place === 0;
      byId("video-after").disabled = place === data.videos.length - 1;
      slider.setAttribute("aria-valuemax", one.last);
      slider.setAttribute("aria-label", `Frame of video ${one.name}`);
      maps = one.maps ? kept(one.maps.id, (content) => content) : null;
      if (one.clip) {
        video.width = one.clip.width;
        video.height = one.clip.height;
        // So high that the curve below it fits on the screen, too.
        byId("stage").style.width = `min(100%, ${(48 * one.clip.width) / one.clip.height}vh)`;
        video.src = kept(one.clip.id, (content) => URL.createObjectURL(new Blob([content], { type: "video/mp4" })));
        video.playbackRate = Number(byId("speed").value);
      } else {
        byId("stage").style.width = "";
        video.removeAttribute("src");
        video.load();
      }
      drawCurve();
    }
    go(frame);
    placeCanvas();
    drawHeat();
  }

  function highest(place) {
    return data.videos[place].peaks.find((peak) => peak.highest).frame;
  }

  function nextPeak(direction) {
    const ahead = current().peaks.map((peak) => peak.frame)
      .filter((frame) => direction * (frame - state.frame) > 0);
    if (ahead.length) go(direction > 0 ? Math.min(...ahead) : Math.max(...ahead));
  }

  function setHeat(on) {
    state.heat = on;
    byId("heat-toggle")?.setAttribute("aria-pressed", String(on));
    drawHeat();
  }

  function remember() {
    if (!ready) return;
    const words = new URLSearchParams({ video: current().name, frame: state.frame });
    try { history.replaceState(null, "", `#${words}`); } catch { /* not allowed here */ }
  }

  function recall() {
    const words = new URLSearchParams(location.hash.slice(1));
    const place = data.videos.findIndex((one) => one.name === words.get("video"));
    const frame = Number(words.get("frame"));
    return place >= 0 && Number.isInteger(frame) ? [place, frame] : null;
  }

  function fromPointer(event) {
    const box = slider.getBoundingClientRect();
    go(Math.floor(((event.clientX - box.left) / box.width) * (current().last + 1)));
  }

  const KEYS = {
    ArrowLeft: () => go(state.frame - 1),
    ArrowRight: () => go(state.frame + 1),
    ArrowDown: () => go(state.frame - 1),
    ArrowUp: () => go(state.frame + 1),
    PageDown: () => go(state.frame - 10),
    PageUp: () => go(state.frame + 10),
    Home: () => go(0),
    End: () => go(current().last),
    " ": toggle,
    n: () => nextPeak(1),
    p: () => nextPeak(-1),
    h: () => setHeat(!state.heat),
  };

  function listen() {
    const click = (id, action) => byId(id)?.addEventListener("click", action);
    click("play", toggle);
    click("stage", toggle);
    click("frame-before", () => go(state.frame - 1));
    click("frame-after", () => go(state.frame + 1));
    click("peak-before", () => nextPeak(-1));
    click("peak-after", () => nextPeak(1));
    click("heat-toggle", () => setHeat(!state.heat));
    click("video-before", () => select(state.place - 1, highest(state.place - 1)));
    click("video-after", () => select(state.place + 1, highest(state.place + 1)));
    byId("video-choice").addEventListener("change", (event) => {
      const place = Number(event.target.value);
      select(place, highest(place));
    });
    byId("speed").addEventListener("change", (event) => {
      video.playbackRate = Number(event.target.value);
    });
    byId("curve-choice").addEventListener("change", (event) => {
      state.kind = event.target.value;
      drawCurve();
      show();
    });
    slider.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      slider.setPointerCapture(event.pointerId);
      slider.focus({ preventScroll: true });
      fromPointer(event);
    });
    slider.addEventListener("pointermove", (event) => {
      if (slider.hasPointerCapture(event.pointerId)) fromPointer(event);
    });
    byId("viewer").addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.target.matches("select, input")) return;
      // Space presses the button that has the focus.
      if (event.key === " " && event.target.matches("button")) return;
      const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!action) return;
      event.preventDefault();
      action();
    });
    for (const card of document.querySelectorAll("button.card")) {
      card.addEventListener("click", (event) => openCard(card, event));
    }
    new ResizeObserver(() => { placeCanvas(); drawHeat(); }).observe(video);
    addEventListener("hashchange", () => {
      const found = recall();
      if (found) select(...found);
    });
  }

  function openCard(card, event) {
    let frame = Number(card.dataset.frame);
    const box = card.querySelector(".spark")?.getBoundingClientRect();
    // A click on a curve means that place; a key press, its oddest frame.
    if (box && event.detail > 0 && event.clientY >= box.top) {
      frame = Math.floor(((event.clientX - box.left) / box.width) * Number(card.dataset.end));
    }
    select(Number(card.dataset.video), frame);
    byId("player").scrollIntoView({ behavior: calm.matches ? "auto" : "smooth" });
    slider.focus({ preventScroll: true });
  }

  byId("viewer").hidden = false;
  byId("read-absolute-name").textContent = data.absolute;
  watch();
  listen();
  const values = data.videos.map((one) => one.curve.score.reduce((a, b) => Math.max(a, b ?? -Infinity), -Infinity));
  const worst = values.indexOf(Math.max(...values));
  select(...(recall() ?? [worst, highest(worst)]));
  ready = true;
})();
