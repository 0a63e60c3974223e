/* Draws packets as a ladder: a lane for each host, an arrow for each packet, from the top down in order of time. */
(() => {
  const { ladder } = JSON.parse(document.getElementById("data").textContent);
  const { all, detailsOf, labelOf, moment, tableOf, waitOf } = globalThis.packets;
  const place = document.getElementById("ladder");
  const ROW = 18;
  const ROW_MOST = 90;
  const TEXT_LEAST = 11;
  const GUTTER = 92;
  const HEAD = 26;
  const FEW_MICROSECONDS = 1000;
  const CONNECTIONS_MOST = 200;
  const PLACES = 6;
  const PLACE_WIDTH = 10;
  const canvas = place.previousElementSibling;
  const [spacer] = place.children;
  const [gate, connection, text, scale, count, detail, table] = [
    "gate",
    "connection",
    "text",
    "scale",
    "count",
    "detail",
    "table",
  ].map((name) => document.getElementById(`ladder-${name}`));
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let shown = all;
  /** The moments of the packets that are shown and of the steps, and where each stands without the scale. */
  let moments = [];
  let tops = [];
  /** Where each packet that is shown comes in and leaves, without the scale; and the lowest place that those reach that are above one. */
  let entries = [];
  let exits = [];
  let reaches = [];
  /** The packets that are shown, from the top down. */
  let order = [];
  /** At which place beside the lane each waits. */
  let sides = [];
  let chosen;
  let ground;

  function layOut() {
    const wanted = text.value.toLowerCase();
    shown = all.filter((packet) =>
      (gate.value === "" || packet.queue === gate.value) &&
      (connection.value === "" || packet.connection === connection.value) &&
      (wanted === "" || `${packet.from} > ${packet.to} ${packet.what}`.toLowerCase().includes(wanted))
    );
    // One that passed is a row, one that was held has another for when it came; those that left together have a row each.
    const rows = ladder.marks.map(({ t }) => ({ t }));
    shown.forEach((packet, index) => {
      const { in: from, out } = packet;
      if (out === undefined || waitOf(packet) >= FEW_MICROSECONDS) rows.push({ t: from, entry: index });
      if (out !== undefined) rows.push({ t: out, exit: index });
    });
    rows.sort((one, other) => one.t - other.t);
    let top = ROW;
    moments = rows.map(({ t }) => t);
    entries = new Array(shown.length);
    exits = new Array(shown.length);
    const isPacket = ({ entry, exit }) => entry !== undefined || exit !== undefined;
    const [first, last] = [rows.findIndex(isPacket), rows.findLastIndex(isPacket)];
    tops = rows.map(({ t, entry, exit }, index) => {
      const gap = index === 0 ? 0 : t - moments[index - 1];
      // A moment later is a row further down; a thousand times as long, while there are packets, is three rows more.
      const more = index > first && index <= last ? 6 * Math.max(0, Math.log2(gap / FEW_MICROSECONDS)) : 0;
      if (gap > 0) top += Math.min(ROW_MOST, ROW + more);
      else if (index > 0 && exit !== undefined) top += ROW;
      if (entry !== undefined) entries[entry] = top;
      if (exit !== undefined) exits[exit] = top;
      return top;
    });
    shown.forEach((_, index) => {
      entries[index] ??= exits[index];
      exits[index] ??= entries[index];
    });
    placeSideBySide();
    let reach = 0;
    order = shown.map((_, index) => index).sort((one, other) => entries[one] - entries[other]);
    reaches = order.map((index) => reach = Math.max(reach, exits[index]));
    count.textContent = `${shown.length.toLocaleString("en-US")} of ${all.length.toLocaleString("en-US")} packets`;
    stretch();
    if (table.open) fillTable();
    drawSoon();
  }

  /** Those that wait at the same time stand side by side, as far as there are places. */
  function placeSideBySide() {
    const free = new Array(PLACES).fill(-Infinity);
    sides = shown.map((_, index) => {
      if (exits[index] === entries[index]) return 0;
      const place = free.findIndex((until) => until <= entries[index]);
      const taken = place < 0 ? PLACES - 1 : place;
      free[taken] = Math.max(free[taken], exits[index]);
      return taken;
    });
  }

  const factor = () => 2 ** Number(scale.value);
  /** The scale by which the ladder is as high as it is. */
  let drawnFactor = factor();

  function stretch() {
    drawnFactor = factor();
    spacer.style.height = `${((tops.at(-1) ?? 0) + 3 * ROW) * factor()}px`;
  }

  /** Zooms, and leaves what is at a height of the ladder where it is. */
  function zoom(level, at = place.clientHeight / 2) {
    const before = (place.scrollTop + at - HEAD) / drawnFactor;
    scale.value = level;
    stretch();
    place.scrollTop = before * factor() + HEAD - at;
    drawSoon();
  }
  /** Draws with the next picture of the screen: what comes together is drawn once. */
  let isAwaited = false;
  function drawSoon() {
    if (isAwaited) return;
    isAwaited = true;
    requestAnimationFrame(() => {
      isAwaited = false;
      draw();
    });
  }

  const indexOf = (t) => firstFrom(moments, t);
  const topOf = (t) => tops[Math.min(indexOf(t), tops.length - 1)] * factor() + HEAD;
  /** The first of rising numbers that is not below one. */
  const firstFrom = (numbers, least) => {
    let [low, high] = [0, numbers.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (numbers[middle] < least) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  function laneX(index) {
    const room = place.clientWidth - GUTTER - 24;
    const step = room / Math.max(1, ladder.lanes.length);
    return GUTTER + step * (index + 0.5);
  }

  function draw() {
    const [width, height] = [place.clientWidth, place.clientHeight];
    canvas.width = width * devicePixelRatio;
    canvas.height = height * devicePixelRatio;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.scale(devicePixelRatio, devicePixelRatio);
    context.font = "12px system-ui, sans-serif";
    const first = place.scrollTop;
    const isIn = (from, to) => to >= first - 100 && from <= first + height + 100;
    const [muted, line, ink, stop, go] = ["--muted", "--line", "--text", "--stop", "--go"].map(style);
    ground = style("--ground");
    const colours = new Map([...new Set(all.map(({ colour }) => colour))].map((name) => [name, style(name)]));
    const isSpacious = ROW * factor() >= TEXT_LEAST;

    context.strokeStyle = line;
    ladder.lanes.forEach((_, index) => stroke(context, [[laneX(index), HEAD], [laneX(index), height]]));
    let free = -Infinity;
    for (const { t, kind, text } of ladder.marks) {
      const y = topOf(t);
      if (!isIn(y, y)) continue;
      context.strokeStyle = { hold: stop, release: go, step: line }[kind];
      context.setLineDash(kind === "step" ? [2, 4] : []);
      stroke(context, [[GUTTER, y - first], [width - 8, y - first]]);
      context.setLineDash([]);
      if (kind === "step" && !isSpacious || y < free + TEXT_LEAST) continue;
      context.fillStyle = kind === "step" ? muted : context.strokeStyle;
      context.textAlign = "right";
      write(context, cut(context, text, width / 2), [width - 10, y - first - 3]);
      free = y;
    }
    let lastTime = -Infinity;
    context.textAlign = "right";
    for (let index = Math.max(0, firstFrom(tops, (first - HEAD) / drawnFactor) - 1); index < moments.length; index++) {
      const y = tops[index] * factor() + HEAD;
      if (y > first + height + 20) break;
      if (y - lastTime < TEXT_LEAST + 2 || moments[index] === moments[index - 1]) continue;
      context.fillStyle = muted;
      context.fillText(moment(moments[index]), GUTTER - 8, y - first + 4);
      lastTime = y;
    }
    // Those that came before what is seen, and are still there, reach into it.
    const last = (first + height + 100 - HEAD) / drawnFactor;
    let taken = -Infinity;
    for (let at = firstFrom(reaches, (first - 100 - HEAD) / drawnFactor); at < order.length; at++) {
      const index = order[at];
      if (entries[index] > last) break;
      const [top, bottom] = [entries, exits].map((places) => places[index] * drawnFactor + HEAD);
      if (!isIn(top, bottom)) continue;
      // Where rows are thinner than a line, one that stands where another was drawn would not be seen.
      const packet = shown[index];
      if (!isSpacious && packet !== chosen && bottom < taken + 0.5 && bottom - top < 1) continue;
      if (bottom - top < 1) taken = bottom;
      drawPacket(context, packet, {
        top: top - first,
        bottom: bottom - first,
        isSpacious,
        ink,
        colour: colours.get(packet.colour),
        side: sides[index],
        clock: ladder.errors[packet.queue] === undefined ? undefined : clockBars(packet, first),
      });
    }
    context.fillStyle = ground;
    context.fillRect(0, 0, width, HEAD);
    context.fillStyle = ink;
    context.textAlign = "center";
    const room = (width - GUTTER) / Math.max(1, ladder.lanes.length) - 8;
    ladder.lanes.forEach((name, index) => context.fillText(cut(context, name || "?", room), laneX(index), 17));
  }

  /** Within what heights a packet came in and left, where another machine's clock tells when. */
  function clockBars(packet, first) {
    const error = ladder.errors[packet.queue];
    return [packet.in, packet.out].filter((t) => t !== undefined).map((t) =>
      [t - error, t + error].map((each) => topBetween(each) - first)
    );
  }

  /** Where a moment stands that is between those of two rows. */
  function topBetween(t) {
    const next = indexOf(t);
    if (next === 0) return topOf(t);
    const above = tops[next - 1];
    if (next >= tops.length) return above * factor() + HEAD;
    const part = (t - moments[next - 1]) / (moments[next] - moments[next - 1] || 1);
    return (above + (tops[next] - above) * part) * factor() + HEAD;
  }

  function drawPacket(context, packet, { top, bottom, isSpacious, ink, colour, side: place, clock = [] }) {
    const isSelf = packet.source === packet.target;
    const from = laneX(packet.source);
    const to = isSelf ? from + 60 : laneX(packet.target);
    const side = Math.sign(to - from);
    const start = from - side * place * PLACE_WIDTH;
    const isChosen = packet === chosen;
    if (packet.out === undefined || waitOf(packet) >= FEW_MICROSECONDS) {
      context.fillStyle = colour;
      context.globalAlpha = isChosen ? 0.6 : 0.3;
      context.fillRect(start - 4, top, 8, Math.max(2, bottom - top));
      context.globalAlpha = 1;
    }
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = 1;
    for (const [upper, lower] of clock) {
      const x = start - side * 7;
      stroke(context, [[x, upper], [x, lower]]);
      for (const y of [upper, lower]) stroke(context, [[x - 3, y], [x + 3, y]]);
    }
    context.lineWidth = isChosen ? 3 : 1.5;
    if (packet.out === undefined) stroke(context, [[start, top], [start + side * 24, top]]);
    else {
      stroke(context, [[start, bottom], [to, bottom]]);
      context.beginPath();
      context.moveTo(to, bottom);
      context.lineTo(to - side * 8, bottom - 4);
      context.lineTo(to - side * 8, bottom + 4);
      context.fill();
    }
    context.lineWidth = 1;
    if (!isSpacious && !isChosen) return;
    context.fillStyle = ink;
    context.textAlign = "center";
    const middle = isSelf ? from + 30 : (from + to) / 2;
    write(context, cut(context, labelOf(packet), Math.max(120, Math.abs(to - from) - 24)), [middle, bottom - 4]);
  }

  /** Writes a text so that it can be read on what is drawn below it. */
  function write(context, given, [x, y]) {
    context.strokeStyle = ground;
    context.lineWidth = 3;
    context.strokeText(given, x, y);
    context.lineWidth = 1;
    context.fillText(given, x, y);
  }

  function stroke(context, [[x, y], ...rest]) {
    context.beginPath();
    context.moveTo(x, y);
    for (const [nextX, nextY] of rest) context.lineTo(nextX, nextY);
    context.stroke();
  }

  /** Texts that were cut, since the same are drawn again and again. */
  const cuts = new Map();
  function cut(context, given, room) {
    const key = `${Math.round(room)} ${given}`;
    const known = cuts.get(key);
    if (known !== undefined) return known;
    let end = given.length;
    if (context.measureText(given).width > room) {
      while (end > 1 && context.measureText(`${given.slice(0, end)}…`).width > room) end--;
    }
    const text = end < given.length ? `${given.slice(0, end)}…` : given;
    if (cuts.size > 20_000) cuts.clear();
    cuts.set(key, text);
    return text;
  }

  /** Shows what a packet holds, and puts its moment into the page's address. */
  function choose(packet, { isScrolled = false } = {}) {
    chosen = packet;
    const hash = `#t=${packet.in}`;
    detail.replaceChildren(...detailsOf(packet, hash));
    history.replaceState(null, "", hash);
    if (isScrolled) place.scrollTop = topOf(packet.in) - HEAD - place.clientHeight / 3;
    drawSoon();
  }

  /** Goes to the moment that the page's address names. */
  function follow() {
    const [, t] = /^#t=(\d+)$/.exec(location.hash) ?? [];
    const packet = t === undefined ? undefined : all.find(({ in: from }) => from >= Number(t)) ?? all.at(-1);
    if (!packet) return false;
    if (!shown.includes(packet)) {
      gate.value = connection.value = text.value = "";
      layOut();
    }
    choose(packet, { isScrolled: true });
    return true;
  }

  const fillTable = () => table.lastElementChild.replaceChildren(...tableOf(shown));

  place.addEventListener("scroll", drawSoon);
  place.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(Number(scale.value) - Math.sign(event.deltaY) * 0.25, event.clientY - place.getBoundingClientRect().top);
  }, { passive: false });
  place.addEventListener("click", ({ clientY }) => {
    const y = (clientY - place.getBoundingClientRect().top + place.scrollTop - HEAD) / drawnFactor;
    const distance = (index) => {
      const [top, bottom] = [entries[index], exits[index]];
      return y >= top && y <= bottom ? (bottom - y) / 1000 + 4 : Math.min(Math.abs(y - top), Math.abs(y - bottom));
    };
    let nearest = 0;
    for (let index = 1; index < shown.length; index++) if (distance(index) < distance(nearest)) nearest = index;
    if (shown.length > 0) choose(shown[nearest]);
  });
  place.addEventListener("keydown", (event) => {
    const level = { "+": 0.25, "=": 0.25, "-": -0.25 }[event.key];
    if (level && !event.ctrlKey && !event.metaKey) return zoom(Number(scale.value) + level);
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || shown.length === 0) return;
    event.preventDefault();
    const at = shown.indexOf(chosen) + step;
    choose(shown[Math.max(0, Math.min(shown.length - 1, at))], { isScrolled: true });
  });
  const connections = new Map();
  for (const packet of all) connections.set(packet.connection, (connections.get(packet.connection) ?? 0) + 1);
  const names = [...connections].sort(([, one], [, other]) => other - one).slice(0, CONNECTIONS_MOST);
  connection.append(
    ...names.map(([name, packets]) =>
      Object.assign(document.createElement("option"), { value: name, textContent: `${name} (${packets})` })
    ),
  );
  for (const input of [gate, connection, text]) input.addEventListener("input", layOut);
  scale.addEventListener("input", () => zoom(scale.value));
  table.addEventListener("toggle", () => table.open && fillTable());
  // What is folded away on a screen is read on paper.
  addEventListener("beforeprint", fillTable);
  addEventListener("hashchange", follow);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawSoon);
  // Within a frame: one that asked for another would be told of as a loop.
  new ResizeObserver(drawSoon).observe(place);
  layOut();
  if (!follow() && shown.length > 0) {
    place.scrollTop = Math.max(0, topOf(shown[0].in) - HEAD - 3 * ROW);
  }
})();
