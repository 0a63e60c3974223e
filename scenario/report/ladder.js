/* Draws packets as a ladder: a lane for each host, an arrow for each packet, from the top down in order of time. */
(() => {
  const { ladder, queues } = JSON.parse(document.getElementById("data").textContent);
  const place = document.getElementById("ladder");
  const ROW = 18;
  const ROW_MOST = 90;
  const TEXT_LEAST = 11;
  const GUTTER = 92;
  const HEAD = 26;
  const FEW_MICROSECONDS = 1000;
  const TABLE_MOST = 2000;
  const [canvas, spacer] = place.children;
  const [gate, text, scale, count, detail, table] = ["gate", "text", "scale", "count", "detail", "table"]
    .map((name) => document.getElementById(`ladder-${name}`));
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const milliseconds = (micros) =>
    micros < 1000 ? `${micros} µs` : `${(micros / 1000).toFixed(micros < 10000 ? 1 : 0)} ms`;
  const moment = (micros) => `${(micros / 1e6).toFixed(6).replace(/(\d{3})$/, " $1")} s`;
  const all = ladder.packets.map((
    [queue, number, from, out, source, target, fromText, toText, what, length, bytes],
  ) => ({
    queue: ladder.texts[queue],
    colour: `--queue-${queues.findIndex(({ name }) => name === ladder.texts[queue]) % 6}`,
    number,
    in: from,
    out: out < 0 ? undefined : out,
    source,
    target,
    from: ladder.texts[fromText],
    to: ladder.texts[toText],
    what: ladder.texts[what],
    length,
    bytes,
  }));
  const wait = ({ in: from, out }) => out === undefined ? undefined : out - from;
  const label = (packet) => {
    const waited = wait(packet);
    if (waited === undefined) return `${packet.what}, did not leave`;
    return waited < FEW_MICROSECONDS ? packet.what : `${packet.what}, held ${milliseconds(waited)}`;
  };

  let shown = all;
  /** The moments of the packets that are shown and of the steps, and where each stands without the scale. */
  let moments = [];
  let tops = [];
  let chosen;

  function layOut() {
    const wanted = text.value.toLowerCase();
    shown = all.filter((packet) =>
      (gate.value === "" || packet.queue === gate.value) &&
      (wanted === "" || `${packet.from} > ${packet.to} ${packet.what}`.toLowerCase().includes(wanted))
    );
    // One that passed is a row, one that was held has another for when it came.
    const packets = shown.flatMap((packet) => {
      const { in: from, out } = packet;
      return out === undefined ? [from] : wait(packet) < FEW_MICROSECONDS ? [out] : [from, out];
    });
    moments = [...new Set([...packets, ...ladder.marks.map(({ t }) => t)])].sort((one, other) => one - other);
    let top = ROW;
    tops = moments.map((t, index) => {
      const gap = index === 0 ? 0 : t - moments[index - 1];
      // A moment later is a row further down; a thousand times as long is three rows more.
      top += gap === 0 ? 0 : Math.min(ROW_MOST, ROW + 6 * Math.max(0, Math.log2(gap / FEW_MICROSECONDS)));
      return top;
    });
    count.textContent = `${shown.length.toLocaleString("en-US")} of ${all.length.toLocaleString("en-US")} packets`;
    spacer.style.height = `${(top + 3 * ROW) * factor()}px`;
    if (table.open) fillTable();
    draw();
  }

  const factor = () => 2 ** Number(scale.value);
  const indexOf = (t) => {
    let [low, high] = [0, moments.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (moments[middle] < t) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const topOf = (t) => tops[Math.min(indexOf(t), tops.length - 1)] * factor() + HEAD;

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
    const [muted, line, ink] = ["--muted", "--line", "--text"].map(style);
    const isSpacious = ROW * factor() >= TEXT_LEAST;

    context.strokeStyle = line;
    ladder.lanes.forEach((_, index) => stroke(context, [[laneX(index), HEAD], [laneX(index), height]]));
    let free = -Infinity;
    for (const { t, kind, text } of ladder.marks) {
      const y = topOf(t);
      if (!isIn(y, y)) continue;
      context.strokeStyle = style({ hold: "--stop", release: "--go", step: "--line" }[kind]);
      context.setLineDash(kind === "step" ? [2, 4] : []);
      stroke(context, [[GUTTER, y - first], [width - 8, y - first]]);
      context.setLineDash([]);
      if (kind === "step" && !isSpacious || y < free + TEXT_LEAST) continue;
      context.fillStyle = kind === "step" ? muted : context.strokeStyle;
      context.textAlign = "right";
      context.fillText(cut(context, text, width / 2), width - 10, y - first - 3);
      free = y;
    }
    let lastTime = -Infinity;
    context.textAlign = "right";
    for (let index = Math.max(0, firstVisible(first)); index < moments.length; index++) {
      const y = tops[index] * factor() + HEAD;
      if (y > first + height + 20) break;
      if (y - lastTime < TEXT_LEAST + 2) continue;
      context.fillStyle = muted;
      context.fillText(moment(moments[index]), GUTTER - 8, y - first + 4);
      lastTime = y;
    }
    for (const packet of shown) {
      const top = topOf(packet.in);
      const bottom = packet.out === undefined ? top : topOf(packet.out);
      if (isIn(top, bottom)) drawPacket(context, packet, { top: top - first, bottom: bottom - first, isSpacious, ink });
    }
    context.fillStyle = style("--ground");
    context.fillRect(0, 0, width, HEAD);
    context.fillStyle = ink;
    context.textAlign = "center";
    const room = (width - GUTTER) / Math.max(1, ladder.lanes.length) - 8;
    ladder.lanes.forEach((name, index) => context.fillText(cut(context, name || "?", room), laneX(index), 17));
  }

  /** The first moment that is seen, but for some above it. */
  function firstVisible(first) {
    let [low, high] = [0, tops.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tops[middle] * factor() + HEAD < first) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  function drawPacket(context, packet, { top, bottom, isSpacious, ink }) {
    const isSelf = packet.source === packet.target;
    const from = laneX(packet.source);
    const to = isSelf ? from + 60 : laneX(packet.target);
    const colour = style(packet.colour);
    const side = Math.sign(to - from);
    const isChosen = packet === chosen;
    if (packet.out === undefined || wait(packet) >= FEW_MICROSECONDS) {
      context.fillStyle = colour;
      context.globalAlpha = isChosen ? 0.6 : 0.3;
      context.fillRect(from - 4, top, 8, Math.max(2, bottom - top));
      context.globalAlpha = 1;
    }
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = isChosen ? 3 : 1.5;
    if (packet.out === undefined) stroke(context, [[from, top], [from + side * 24, top]]);
    else {
      stroke(context, [[from, bottom], [to, bottom]]);
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
    context.fillText(cut(context, label(packet), Math.max(120, Math.abs(to - from) - 24)), middle, bottom - 4);
  }

  function stroke(context, [[x, y], ...rest]) {
    context.beginPath();
    context.moveTo(x, y);
    for (const [nextX, nextY] of rest) context.lineTo(nextX, nextY);
    context.stroke();
  }

  function cut(context, given, room) {
    if (context.measureText(given).width <= room) return given;
    let end = given.length;
    while (end > 1 && context.measureText(`${given.slice(0, end)}…`).width > room) end--;
    return `${given.slice(0, end)}…`;
  }

  /** Shows what a packet holds, and puts its moment into the page's address. */
  function choose(packet, { isScrolled = false } = {}) {
    chosen = packet;
    const waited = wait(packet);
    const facts = [
      `${packet.from} > ${packet.to}`,
      packet.what,
      `${packet.length} bytes`,
      `gate ${packet.queue}${packet.number > 0 ? `, number ${packet.number}` : ""}`,
      `came in at ${moment(packet.in)}`,
      waited === undefined ? "was not seen to leave" : `left at ${moment(packet.out)}, after ${milliseconds(waited)}`,
    ];
    const bytes = packet.bytes.match(/.{1,32}/g) ?? [];
    const lines = bytes.map((row, index) =>
      `${(index * 16).toString(16).padStart(4, "0")}  ${row.match(/../g).join(" ")}`
    );
    const heading = Object.assign(document.createElement("p"), { textContent: facts.join(" · ") });
    const dump = Object.assign(document.createElement("pre"), { textContent: lines.join("\n") });
    detail.replaceChildren(heading, dump);
    history.replaceState(null, "", `#t=${packet.in}`);
    if (isScrolled) place.scrollTop = topOf(packet.in) - HEAD - place.clientHeight / 3;
    draw();
  }

  function fillTable() {
    const made = document.createElement("table");
    const row = (name, texts) => {
      const line = document.createElement("tr");
      line.append(...texts.map((content) => Object.assign(document.createElement(name), { textContent: content })));
      return line;
    };
    made.append(row("th", ["Came in", "Gate", "Number", "From", "To", "What", "Bytes", "Waited"]));
    for (const packet of shown.slice(0, TABLE_MOST)) {
      const waited = wait(packet);
      const { queue, number, from, to, what, length } = packet;
      const waits = waited === undefined ? "did not leave" : milliseconds(waited);
      made.append(row("td", [moment(packet.in), queue, number || "", from, to, what, length, waits]));
    }
    const rest = shown.length - TABLE_MOST;
    const more = Object.assign(document.createElement("p"), { textContent: rest > 0 ? `and ${rest} more` : "" });
    table.lastElementChild.replaceChildren(made, more);
  }

  place.addEventListener("scroll", draw);
  place.addEventListener("click", ({ clientY }) => {
    const y = clientY - place.getBoundingClientRect().top + place.scrollTop;
    const distance = (packet) => {
      const [top, bottom] = [topOf(packet.in), topOf(packet.out ?? packet.in)];
      return y >= top && y <= bottom ? (bottom - y) / 1000 + 4 : Math.min(Math.abs(y - top), Math.abs(y - bottom));
    };
    const nearest = shown.reduce(
      (best, packet) => !best || distance(packet) < distance(best) ? packet : best,
      undefined,
    );
    if (nearest) choose(nearest);
  });
  place.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || shown.length === 0) return;
    event.preventDefault();
    const at = shown.indexOf(chosen) + step;
    choose(shown[Math.max(0, Math.min(shown.length - 1, at))], { isScrolled: true });
  });
  for (const input of [gate, text, scale]) input.addEventListener("input", layOut);
  table.addEventListener("toggle", () => table.open && fillTable());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(draw).observe(place);
  layOut();
  const linked = /^#t=(\d+)$/.exec(location.hash);
  if (linked) {
    const packet = all.find(({ in: from }) => from >= Number(linked[1]));
    if (packet) choose(packet, { isScrolled: true });
  } else if (shown.length > 0) {
    place.scrollTop = Math.max(0, topOf(shown[0].in) - HEAD - 3 * ROW);
  }
})();
