// Plays the motions of this page. World: Z up, metres. One canvas; each motion has its panel of it and its own scene.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("motions").textContent);
  const element = (id) => document.getElementById(id);
  const [stage, panelBox, play, scrub, clock] = ["stage", "panels", "play", "time", "clock"].map(element);
  const canvas = stage.querySelector("canvas");
  const ASIDE = (44 * Math.PI) / 180; // the camera starts this far to the body's left of straight ahead
  const START = { turn: 0, tilt: (15 * Math.PI) / 180, zoom: 1 };
  const HALF_FIELD = Math.tan((14 * Math.PI) / 180);
  const HOLD = 0.7; // seconds at the end before it starts again
  const view = { ...START, time: 0, playing: false, last: 0, speed: 1, changed: true };

  // --- motions ----------------------------------------------------------------------------------------------------

  const unpack = (text, Kind) => new Kind(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);

  function prepare(motion) {
    const translation = unpack(motion.translation, Float32Array);
    const count = translation.length / 3;
    return { ...motion, body: data.bodies[motion.body], translation, count, last: (count - 1) / motion.fps,
      rotations: unpack(motion.rotations, Int16Array) };
  }

  function actionAt(motion, time) {
    const frame = Math.min(Math.floor(time * motion.fps + 1e-6), motion.count - 1);
    return Math.max(motion.starts.filter((start) => start <= frame).length - 1, 0);
  }

  const phraseOf = (motion, action) =>
    motion.captions.length ? motion.captions[action].phrase : motion.starts.length > 1 ? `action ${action + 1}` : "";

  // The ground under the camera's aim: a mean over half a second, so that it follows the walk and not the hips.
  function smoothPath(motion) {
    const radius = Math.min(Math.round(motion.fps / 4), (motion.count - 1) >> 1);
    const path = [];
    for (let frame = 0; frame < motion.count; frame += 1) {
      let [x, y] = [0, 0];
      for (let step = -radius; step <= radius; step += 1) {
        const at = 3 * Math.min(Math.max(frame + step, 0), motion.count - 1);
        x += motion.translation[at]; y += motion.translation[at + 1];
      }
      path.push([x / (2 * radius + 1), y / (2 * radius + 1)]);
    }
    return path;
  }

  const motions = data.motions.map(prepare);
  const longest = Math.max(...motions.map((motion) => motion.last));

  // --- captions ---------------------------------------------------------------------------------------------------

  function make(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  function caption(motion, action) {
    const seconds = (motion.starts[action] / motion.fps).toFixed(1);
    const button = make("button", { type: "button" }, make("span", {}, phraseOf(motion, action) || "motion"),
      make("small", {}, `from ${seconds} s`));
    button.addEventListener("click", () => seek(motion.starts[action] / motion.fps));
    const item = make("li", {}, button);
    const known = motion.captions[action];
    if (known && known.source !== "phrase") {
      const texts = known.texts.map((text) => make("li", {}, text));
      const title = `${texts.length} ${texts.length === 1 ? "description" : "descriptions"} (${known.source})`;
      item.append(make("details", {}, make("summary", {}, title), make("ul", {}, ...texts)));
    }
    return item;
  }

  function panel(motion, number) {
    const now = make("span");
    const name = motions.length > 1 ? `${number + 1}` : "";
    const box = make("div", {}, make("div", { className: "name" }, name), make("div", { className: "now" }, now));
    panelBox.append(box);
    const items = motion.starts.map((_, action) => caption(motion, action));
    const heading = motions.length > 1 ? [make("h2", {}, `${number + 1}: ${motion.name || "motion"}`)] : [];
    element("captions").append(...heading, make("ol", {}, ...items));
    return { motion, box, now, items, shown: -1 };
  }

  function showAction(item) {
    const action = actionAt(item.motion, view.time);
    if (action === item.shown) return;
    item.shown = action;
    item.now.textContent = phraseOf(item.motion, action);
    item.items.forEach((entry, number) => {
      if (number === action) entry.setAttribute("aria-current", "step"); else entry.removeAttribute("aria-current");
      const texts = entry.querySelector("details");
      if (texts && item.items.length > 1) texts.open = number === action; else if (texts) texts.open = true;
    });
  }

  const columns = Math.min(motions.length, window.innerWidth < 600 ? 2 : 4);
  stage.style.setProperty("--columns", columns);
  stage.style.setProperty("--rows", Math.ceil(motions.length / columns));
  stage.classList.toggle("many", motions.length > columns);
  const panels = motions.map(panel);

  // --- drawing ----------------------------------------------------------------------------------------------------

  const colour = (name) => new THREE.Color(getComputedStyle(document.documentElement).getPropertyValue(name).trim());

  function materials() {
    const all = {};
    for (const side of ["left", "right", "middle", "mark", "ground"]) {
      all[side] = new THREE.MeshLambertMaterial({ color: colour(`--${side}`) });
    }
    return all;
  }

  // Two by two tiles of half a metre, repeated over the ground.
  function tiles() {
    const picture = make("canvas", { width: 64, height: 64 });
    const pen = picture.getContext("2d");
    for (let i = 0; i < 4; i += 1) {
      pen.fillStyle = `#${colour((i + (i >> 1)) % 2 ? "--tile" : "--ground").getHexString()}`;
      pen.fillRect(32 * (i % 2), 32 * (i >> 1), 32, 32);
    }
    const texture = new THREE.CanvasTexture(picture);
    texture.wrapS = texture.wrapT = THREE.RepeatWrapping;
    texture.colorSpace = THREE.SRGBColorSpace;
    texture.anisotropy = 8;
    return texture;
  }

  function surface(part, material) {
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(unpack(part.vertices, Float32Array), 3));
    geometry.setIndex(new THREE.BufferAttribute(unpack(part.faces, Uint16Array), 1));
    geometry.computeVertexNormals();
    const mesh = new THREE.Mesh(geometry, material);
    mesh.matrixAutoUpdate = false;
    mesh.frustumCulled = false;
    mesh.castShadow = true;
    return mesh;
  }

  function ribbon(motion, material) {
    const positions = new Float32Array(6 * motion.count);
    const index = [];
    const point = (frame) => 3 * Math.min(Math.max(frame, 0), motion.count - 1);
    let across = [0, 0];
    for (let frame = 0; frame < motion.count; frame += 1) {
      const [before, after] = [point(frame - 2), point(frame + 2)];
      const [x, y] = [0, 1].map((axis) => motion.translation[after + axis] - motion.translation[before + axis]);
      const length = Math.hypot(x, y);
      if (length > 1e-4) across = [(-0.016 * y) / length, (0.016 * x) / length];
      const at = point(frame);
      for (const [side, sign] of [[0, 1], [3, -1]]) {
        positions[6 * frame + side] = motion.translation[at] + sign * across[0];
        positions[6 * frame + side + 1] = motion.translation[at + 1] + sign * across[1];
        positions[6 * frame + side + 2] = 0.006;
      }
      if (frame) index.push(2 * frame - 2, 2 * frame - 1, 2 * frame, 2 * frame, 2 * frame - 1, 2 * frame + 1);
    }
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(positions, 3));
    geometry.setAttribute("normal", new THREE.BufferAttribute(positions.map((_, i) => (i % 3 === 2 ? 1 : 0)), 3));
    geometry.setIndex(index);
    const mesh = new THREE.Mesh(geometry, material);
    mesh.frustumCulled = false;
    return mesh;
  }

  // Whoever stays on the spot sways, and leaves no path.
  function travels(motion) {
    const spans = [0, 1].map((axis) => {
      const values = motion.translation.filter((_, i) => i % 3 === axis);
      return values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b));
    });
    return Math.max(...spans) > 0.15;
  }

  function ground(motion, material) {
    const middle = [0, 1].map((axis) => Math.round(motion.translation[3 * (motion.count >> 1) + axis]));
    let reach = 0;
    for (let i = 0; i < motion.translation.length; i += 3) {
      reach = Math.max(reach, ...[0, 1].map((axis) => Math.abs(motion.translation[i + axis] - middle[axis])));
    }
    const size = 2 * Math.ceil(reach + 20);
    const geometry = new THREE.PlaneGeometry(size, size);
    const places = geometry.getAttribute("uv");
    for (let i = 0; i < places.count; i += 1) places.setXY(i, places.getX(i) * size, places.getY(i) * size);
    const mesh = new THREE.Mesh(geometry, material);
    mesh.position.set(middle[0], middle[1], 0);
    mesh.receiveShadow = true;
    return mesh;
  }

  function light(scene) {
    const sun = new THREE.DirectionalLight(0xffffff, 2.0);
    sun.castShadow = true;
    sun.shadow.mapSize.set(1024, 1024);
    Object.assign(sun.shadow.camera, { left: -2, right: 2, top: 2, bottom: -2, near: 1, far: 14 });
    sun.shadow.radius = 4;
    sun.shadow.normalBias = 0.02;
    const sky = new THREE.HemisphereLight(0xffffff, 0xd8d4d0, 1.7);
    sky.position.set(0, 0, 1);
    scene.add(sun, sun.target, sky);
    return sun;
  }

  function sceneOf({ motion }, shared, floor) {
    const scene = new THREE.Scene();
    const skin = {};
    for (const side of ["left", "right", "middle"]) skin[side] = shared[side].clone();
    const parts = motion.body.parts.map((part) => {
      const mesh = surface(part, skin[motion.body.sides[part.joint]]);
      mesh.userData.joint = part.joint;
      return mesh;
    });
    const { parents, sides } = motion.body;
    const bones = new THREE.InstancedMesh(new THREE.CylinderGeometry(0.011, 0.024, 1, 10), shared.white, parents.length);
    const knots = new THREE.InstancedMesh(new THREE.SphereGeometry(0.027, 14, 10), shared.white, parents.length);
    for (const set of [bones, knots]) {
      sides.forEach((side, joint) => set.setColorAt(joint, shared[side].color));
      set.castShadow = true;
      set.frustumCulled = false;
    }
    const path = ribbon(motion, shared.mark);
    scene.add(...parts, bones, knots, path, ground(motion, floor));
    const joints = parents.map(() => new THREE.Matrix4());
    return { scene, skin, parts, bones, knots, path, joints, sun: light(scene), camera: new THREE.PerspectiveCamera(28),
      aims: smoothPath(motion), travels: travels(motion) };
  }

  const [turnA, turnB] = [new THREE.Quaternion(), new THREE.Quaternion()];
  const [one, place, upwards] = [new THREE.Vector3(1, 1, 1), new THREE.Vector3(), new THREE.Vector3(0, 1, 0)];
  const [step, from, to] = [new THREE.Matrix4(), new THREE.Vector3(), new THREE.Vector3()];

  // World matrices of the joints at a time; between two frames it goes the short way.
  function pose({ motion, joints }, time) {
    const exact = Math.min(time * motion.fps, motion.count - 1);
    const frame = Math.floor(exact);
    const [next, weight] = [Math.min(frame + 1, motion.count - 1), exact - frame];
    const { parents, offsets } = motion.body;
    const read = (turn, at) => turn.fromArray(motion.rotations, at).normalize();
    parents.forEach((parent, joint) => {
      const [a, b] = [frame, next].map((index) => 4 * (index * parents.length + joint));
      read(turnA, a).slerp(read(turnB, b), weight);
      if (parent < 0) {
        place.fromArray(motion.translation, 3 * frame).lerp(to.fromArray(motion.translation, 3 * next), weight);
      } else place.set(...offsets[joint]);
      step.compose(place, turnA, one);
      if (parent < 0) joints[joint].copy(step); else joints[joint].multiplyMatrices(joints[parent], step);
    });
    return exact;
  }

  function placeSkeleton({ motion, joints, bones, knots }) {
    motion.body.parents.forEach((parent, joint) => {
      to.setFromMatrixPosition(joints[joint]);
      knots.setMatrixAt(joint, step.makeTranslation(to.x, to.y, to.z));
      from.setFromMatrixPosition(joints[Math.max(parent, 0)]);
      const length = from.distanceTo(to);
      place.copy(to).sub(from).normalize();
      turnA.setFromUnitVectors(upwards, length > 1e-6 ? place : upwards);
      step.compose(from.add(to).multiplyScalar(0.5), turnA, place.set(1, Math.max(length, 1e-6), 1));
      bones.setMatrixAt(joint, step);
    });
    for (const set of [bones, knots]) set.instanceMatrix.needsUpdate = true;
  }

  // How far joints reach from the aim, over all frames: nothing leaves the picture.
  function extent(item) {
    const found = { side: 0.6, low: 0, high: 0.5 };
    const stride = Math.max(1, Math.floor(item.motion.count / 300));
    for (let frame = 0; frame < item.motion.count; frame += stride) {
      pose(item, frame / item.motion.fps);
      const [x, y] = item.aims[frame];
      for (const joint of item.joints) {
        to.setFromMatrixPosition(joint);
        found.side = Math.max(found.side, Math.hypot(to.x - x, to.y - y) + 0.15);
        found.low = Math.min(found.low, to.z);
        found.high = Math.max(found.high, to.z + 0.25);
      }
    }
    return found;
  }

  function begin() {
    const renderer = new THREE.WebGLRenderer({ canvas, antialias: true });
    renderer.shadowMap.enabled = true;
    renderer.setScissorTest(true);
    const shared = materials();
    shared.white = new THREE.MeshLambertMaterial({ color: 0xffffff });
    const floor = new THREE.MeshLambertMaterial({ map: tiles() });
    panels.forEach((item) => Object.assign(item, sceneOf(item, shared, floor)));
    const reaches = panels.map(extent);
    const reach = { side: Math.max(...reaches.map((r) => r.side)), low: Math.min(...reaches.map((r) => r.low)),
      high: Math.max(...reaches.map((r) => r.high)) };
    const paint = () => {
      for (const side of ["left", "right", "middle", "mark"]) shared[side].color.copy(colour(`--${side}`));
      panels.forEach((item) => {
        for (const side of Object.keys(item.skin)) item.skin[side].color.copy(shared[side].color);
        item.motion.body.sides.forEach((side, joint) => {
          for (const set of [item.bones, item.knots]) {
            set.setColorAt(joint, shared[side].color);
            set.instanceColor.needsUpdate = true;
          }
        });
        item.scene.background = colour("--paper");
        item.scene.fog = new THREE.Fog(item.scene.background, 1, 2);
      });
      floor.map.dispose();
      floor.map = tiles();
      view.changed = true;
    };
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
    paint();
    return { renderer, reach };
  }

  function look(item, exact, reach, aspect) {
    const height = (reach.low + reach.high) / 2;
    const half = Math.max((reach.high - reach.low) / 2 + 0.12, reach.side / aspect);
    const distance = (half / HALF_FIELD + reach.side * 0.6) / view.zoom;
    const [x, y] = item.aims[Math.round(exact)];
    const angle = item.motion.facing + ASIDE + view.turn;
    const flat = distance * Math.cos(view.tilt);
    const { camera, sun, scene } = item;
    camera.up.set(0, 0, 1);
    camera.position.set(x + flat * Math.cos(angle), y + flat * Math.sin(angle), height + distance * Math.sin(view.tilt));
    camera.lookAt(x, y, height);
    Object.assign(camera, { aspect, near: 0.05, far: distance + 60 });
    camera.updateProjectionMatrix();
    sun.target.position.set(x, y, 0.6);
    const sunwards = item.motion.facing + ASIDE - 0.7; // over the viewer's left shoulder at first
    sun.position.set(x + 3 * Math.cos(sunwards), y + 3 * Math.sin(sunwards), 5.6);
    Object.assign(scene.fog, { near: distance + 1.5, far: distance + 11 });
  }

  function drawPanel(item, { renderer, reach }, frame) {
    const box = item.box.getBoundingClientRect();
    if (!box.width || !box.height) return;
    const exact = pose(item, view.time);
    const shown = element("show").value;
    for (const mesh of item.parts) {
      mesh.matrix.copy(item.joints[mesh.userData.joint]);
      mesh.matrixWorldNeedsUpdate = true;
      mesh.visible = shown !== "skeleton";
      mesh.castShadow = shown === "body";
    }
    for (const material of Object.values(item.skin)) {
      const isClear = shown === "both";
      if (material.transparent !== isClear) material.needsUpdate = true;
      Object.assign(material, { transparent: isClear, depthWrite: !isClear, opacity: isClear ? 0.4 : 1 });
    }
    item.bones.visible = item.knots.visible = shown !== "body";
    if (shown !== "body") placeSkeleton(item);
    item.path.visible = item.travels && element("path").checked;
    item.path.geometry.setDrawRange(0, 6 * Math.floor(exact));
    look(item, exact, reach, box.width / box.height);
    const area = [box.left - frame.left, frame.bottom - box.bottom, box.width, box.height];
    renderer.setViewport(...area);
    renderer.setScissor(...area);
    renderer.render(item.scene, item.camera);
  }

  let drawing = null;
  function draw() {
    panels.forEach(showAction);
    scrub.value = String(view.time);
    clock.textContent = `${view.time.toFixed(1)} / ${longest.toFixed(1)} s`;
    scrub.setAttribute("aria-valuetext", `${view.time.toFixed(1)} seconds ${panels[0].now.textContent}`.trim());
    if (!drawing) return;
    const frame = stage.getBoundingClientRect();
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    if (canvas.width !== Math.floor(frame.width * ratio) || canvas.height !== Math.floor(frame.height * ratio)) {
      drawing.renderer.setPixelRatio(ratio);
      drawing.renderer.setSize(frame.width, frame.height, false);
    }
    panels.forEach((item) => drawPanel(item, drawing, frame));
  }

  // --- time and hands ---------------------------------------------------------------------------------------------

  function tick(stamp) {
    if (view.playing) {
      view.time += (Math.min((stamp - view.last) / 1000, 0.25) * view.speed);
      if (view.time > longest + HOLD * view.speed) view.time = 0;
      view.changed = true;
    }
    view.last = stamp;
    if (view.changed) {
      view.changed = false;
      const shown = view.time;
      view.time = Math.min(view.time, longest);
      draw();
      view.time = shown;
    }
    requestAnimationFrame(tick);
  }

  function setPlaying(on) {
    if (on && view.time >= longest) view.time = 0;
    if (!on) view.time = Math.min(view.time, longest);
    view.playing = on;
    play.textContent = on ? "Pause" : "Play";
  }

  function seek(time) {
    view.time = Math.min(Math.max(time, 0), longest);
    view.changed = true;
  }

  function orbit(turn, tilt, zoom = 1) {
    view.turn += turn;
    view.tilt = Math.min(Math.max(view.tilt + tilt, -0.05), 1.5);
    view.zoom = Math.min(Math.max(view.zoom * zoom, 0.3), 6);
    view.changed = true;
  }

  const reset = () => { Object.assign(view, START); view.changed = true; };
  const touches = new Map();
  const spread = () => {
    const [a, b] = [...touches.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  stage.addEventListener("pointermove", (event) => {
    const last = touches.get(event.pointerId);
    if (!last) return;
    const before = touches.size === 2 ? spread() : 0;
    touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (touches.size === 2) orbit(0, 0, spread() / Math.max(before, 1));
    else orbit((last.x - event.clientX) * 0.008, (event.clientY - last.y) * 0.006);
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    stage.addEventListener(name, (event) => touches.delete(event.pointerId));
  }
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    orbit(0, 0, Math.exp(-event.deltaY * (event.deltaMode ? 0.03 : 0.001)));
  }, { passive: false });

  const onStage = { ArrowLeft: [-0.12, 0], ArrowRight: [0.12, 0], ArrowUp: [0, 0.08], ArrowDown: [0, -0.08] };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = event.target;
    if (at === stage && onStage[event.key]) orbit(...onStage[event.key]);
    else if (event.key === " " && !at.closest("button, select, summary, input[type=checkbox]")) setPlaying(!view.playing);
    else if (event.key === "," || event.key === ".") {
      setPlaying(false);
      seek(view.time + (event.key === "," ? -1 : 1) / motions[0].fps);
    } else if (event.key === "+" || event.key === "=") orbit(0, 0, 1.15);
    else if (event.key === "-") orbit(0, 0, 1 / 1.15);
    else if (event.key === "0") reset();
    else if (event.key === "b" && at.tagName !== "SELECT") {
      const show = element("show");
      show.selectedIndex = (show.selectedIndex + 1) % show.options.length;
      view.changed = true;
    } else return;
    event.preventDefault();
  });
  play.addEventListener("click", () => setPlaying(!view.playing));
  scrub.addEventListener("input", () => { setPlaying(false); seek(Number(scrub.value)); });
  element("speed").addEventListener("change", (event) => { view.speed = Number(event.target.value); });
  for (const id of ["show", "path"]) element(id).addEventListener("change", () => { view.changed = true; });
  element("reset").addEventListener("click", reset);
  new ResizeObserver(() => { view.changed = true; }).observe(stage);

  function missing(text) {
    element("missing").textContent = text;
    element("missing").hidden = false;
    stage.hidden = true;
  }

  scrub.max = String(Math.max(longest, 1e-6));
  try {
    drawing = begin();
    canvas.addEventListener("webglcontextlost", () => {
      missing("The browser took the 3D view away, as when its memory runs out. Load the page again.");
    });
  } catch {
    missing("This browser cannot draw in 3D here: WebGL is missing or switched off. Try another browser, or switch on "
      + "hardware acceleration. The texts below are whole; a GIF or a film of the motion needs no WebGL.");
  }
  setPlaying(!window.matchMedia("(prefers-reduced-motion: reduce)").matches);
  requestAnimationFrame(tick);
})();
