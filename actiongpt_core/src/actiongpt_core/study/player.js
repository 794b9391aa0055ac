"use strict";
(() => {
  const place = document.getElementById("player");
  if (!place) return;
  const data = JSON.parse(document.getElementById("motions").textContent);
  const byId = (id) => document.getElementById(id);
  const [model, clip, teller] = ["model", "clip", "teller"].map(byId);
  const [button, scrub, time] = ["play", "scrub", "time"].map(byId);
  const panels = ["real", "phrase", "told"].map((id, index) => ({
    index, canvas: byId(`canvas-${id}`), caption: byId(`caption-${id}`), motion: null,
  })).filter(({ canvas }) => canvas);
  const view = { turn: 0.75, tilt: 0.3, now: 0.8, playing: false, last: 0 };
  const decoded = new WeakMap();

  function decode(motion) {
    if (!motion) return null;
    if (!decoded.has(motion)) {
      const bytes = Uint8Array.from(atob(motion.joints), (letter) => letter.charCodeAt(0));
      const numbers = new DataView(bytes.buffer);
      const joints = new Float32Array(bytes.length / 2);
      for (let i = 0; i < joints.length; i += 1) joints[i] = numbers.getInt16(2 * i, true) / 1000;
      decoded.set(motion, { frames: motion.frames, joints, seconds: (motion.frames - 1) / data.fps });
    }
    return decoded.get(motion);
  }

  const option = (text, value) => Object.assign(document.createElement("option"), { textContent: text, value });
  const chosen = () => data.models[model.value];
  const longest = () => Math.max(0.01, ...panels.map(({ motion }) => (motion ? motion.seconds : 0)));

  function refill() {
    const before = teller.selectedOptions[0] && teller.selectedOptions[0].textContent;
    teller.replaceChildren(...chosen().tellers.map((one, index) => option(one.name, index)));
    const kept = chosen().tellers.findIndex((one) => one.name === before);
    teller.value = String(Math.max(kept, 0));
  }

  function show() {
    const key = data.clips[clip.value].key;
    const one = chosen().tellers[teller.value];
    const shown = [data.real[key], (chosen().phrase || {})[key], one && one.motions[key]];
    const names = ["Real clip", "Phrase alone", one ? one.name : "Descriptions"];
    panels.forEach((panel) => {
      const { index } = panel;
      panel.motion = decode(shown[index]);
      const error = shown[index] && shown[index].error;
      const number = error === undefined || error === null ? "" : `, ${data.measure} ${error.toFixed(3)} m`;
      panel.caption.textContent = shown[index] ? `${names[index]}${number}` : `${names[index]}: none`;
    });
    const list = byId("texts");
    const told = (shown[2] && shown[2].told) || [];
    list.replaceChildren(...told.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    byId("source").textContent = shown[2] ? shown[2].note : "";
    view.now = Math.min(view.now, longest());
    draw();
  }

  function pose(motion) {
    const at = Math.min(view.now * data.fps, motion.frames - 1);
    const before = Math.floor(at);
    const after = Math.min(before + 1, motion.frames - 1);
    const share = at - before;
    const size = data.parents.length * 3;
    return Array.from({ length: size }, (_, i) =>
      motion.joints[before * size + i] * (1 - share) + motion.joints[after * size + i] * share);
  }

  // The camera looks at the body's place on the ground; x to the right, z up, y away from it.
  function project(point, centre, scale, width, height) {
    const [x, y] = [point[0] - centre[0], point[1] - centre[1]];
    const [sin, cos] = [Math.sin(view.turn), Math.cos(view.turn)];
    const across = x * cos - y * sin;
    const away = x * sin + y * cos;
    const up = point[2] * Math.cos(view.tilt) + away * Math.sin(view.tilt);
    return [width / 2 + across * scale, height * 0.86 - up * scale];
  }

  function drawPanel({ canvas, motion }) {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (!motion) return;
    const colours = getComputedStyle(document.documentElement);
    const colour = (name) => colours.getPropertyValue(name).trim();
    const joints = pose(motion);
    const centre = [joints[0], joints[1]];
    const scale = Math.min(height / 2.5, width / 1.9);
    const to = (point) => project(point, centre, scale, width, height);
    const line = (from, end, width_, style) => {
      pen.beginPath(); pen.moveTo(...to(from)); pen.lineTo(...to(end));
      pen.lineWidth = width_; pen.strokeStyle = style; pen.stroke();
    };
    pen.lineCap = "round";
    const [left, near] = centre.map((value) => Math.floor(value * 2) / 2);
    for (let i = -4; i <= 5; i += 1) {
      line([left + i / 2, near - 2, 0], [left + i / 2, near + 2.5, 0], 1, colour("--rule"));
      line([left - 2, near + i / 2, 0], [left + 2.5, near + i / 2, 0], 1, colour("--rule"));
    }
    pen.beginPath();
    const size = data.parents.length * 3;
    const until = Math.min(Math.floor(view.now * data.fps), motion.frames - 1);
    for (let i = 0; i <= until; i += 1) pen.lineTo(...to([motion.joints[i * size], motion.joints[i * size + 1], 0]));
    pen.lineWidth = 2; pen.strokeStyle = colour("--hurt"); pen.globalAlpha = 0.6; pen.stroke(); pen.globalAlpha = 1;
    const joint = (index) => joints.slice(3 * index, 3 * index + 3);
    data.parents.forEach((parent, index) => {
      if (parent < 0) return;
      const [a, b] = [joint(parent), joint(index)];
      line([a[0], a[1], 0], [b[0], b[1], 0], 5, colour("--rule"));
    });
    data.parents.forEach((parent, index) => {
      if (parent >= 0) line(joint(parent), joint(index), Math.max(scale * 0.045, 3), colour(`--${data.sides[index]}`));
    });
    const [x, y] = to(joint(data.head));
    pen.beginPath(); pen.arc(x, y - scale * 0.05, scale * 0.1, 0, 2 * Math.PI);
    pen.fillStyle = colour("--middle"); pen.fill();
  }

  function draw() {
    panels.forEach(drawPanel);
    scrub.max = String(longest());
    scrub.value = String(view.now);
    time.textContent = `${view.now.toFixed(1)} s`;
  }

  function step(stamp) {
    if (!view.playing) return;
    view.now += Math.min((stamp - view.last) / 1000, 0.1);
    view.last = stamp;
    if (view.now > longest() + 0.4) view.now = 0;
    draw();
    requestAnimationFrame(step);
  }

  function play(on) {
    view.playing = on;
    button.textContent = on ? "Pause" : "Play";
    button.setAttribute("aria-pressed", String(on));
    if (on) requestAnimationFrame((stamp) => { view.last = stamp; requestAnimationFrame(step); });
  }

  panels.forEach(({ canvas }) => {
    canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointermove", (event) => {
      if (!canvas.hasPointerCapture(event.pointerId)) return;
      view.turn += event.movementX * 0.01;
      view.tilt = Math.min(Math.max(view.tilt + event.movementY * 0.006, 0), 1.4);
      draw();
    });
  });
  model.append(...data.models.map((one, index) => option(one.name, index)));
  clip.append(...data.clips.map((one, index) => option(one.text, index)));
  model.addEventListener("change", () => { refill(); show(); });
  clip.addEventListener("change", show);
  teller.addEventListener("change", show);
  button.addEventListener("click", () => play(!view.playing));
  scrub.addEventListener("input", () => { play(false); view.now = Number(scrub.value); draw(); });
  window.addEventListener("resize", draw);
  refill();
  show();
  window.studyPlayer = { view, panels, play, draw };
})();
