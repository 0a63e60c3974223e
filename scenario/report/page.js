/* Draws the timeline from the page's data: the backlog as a chart, and below it a lane for each queue and process. */
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const COLOURS = 6;
  const LANE_HEIGHT = 32;
  const BAR_TOP = 16;
  const BAR_HEIGHT = 12;
  const LEAST_BAR_WIDTH = 2;
  const STEP_HEIGHT = 15;
  /** How many steps that go on at the same time stand below each other. */
  const STEP_ROWS_MOST = 6;
  const LETTER_WIDTH = 6.4;
  const AXIS_WIDTH = 44;
  const RIGHT_MARGIN = 28;
  const NARROW = 600;
  /** 1, 2, 5, 10, 20 and so on: there is no half packet. */
  const WHOLE_STEPS = Array.from({ length: 30 }, (_, index) => [1, 2, 5][index % 3] * 10 ** Math.floor(index / 3));

  const data = JSON.parse(document.getElementById("data").textContent);
  const place = document.getElementById("timeline");
  const seconds = (microseconds) => microseconds / 1e6;
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colour = (index) => style(`--queue-${index % COLOURS}`);

  /** A time in as many digits as tell it from another that is a step away. */
  function timeText(time, step) {
    const unit = step < 0.1 ? { name: "ms", factor: 1000 } : { name: "s", factor: 1 };
    const digits = Math.max(0, -Math.floor(Math.log10(step * unit.factor) + 1e-9));
    return `${(time * unit.factor).toFixed(digits)} ${unit.name}`;
  }

  function shadeHolds(chart) {
    const { ctx, bbox } = chart;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.globalAlpha = Number(style("--shade"));
    data.queues.forEach(({ holds }, index) => {
      ctx.fillStyle = colour(index);
      for (const { from, to } of holds) {
        const left = chart.valToPos(seconds(from), "x", true);
        const right = chart.valToPos(seconds(to), "x", true);
        ctx.fillRect(left, bbox.top, Math.max(right - left, 1), bbox.height);
      }
    });
    ctx.restore();
  }

  function element(name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function withTitle(made, text) {
    made.append(element("title", {}, text));
    return made;
  }

  /** What stands below the chart, from what the chart shows at this moment. */
  function drawLanes(chart, svg) {
    const left = chart.bbox.left / devicePixelRatio;
    const width = chart.bbox.width / devicePixelRatio;
    const x = (t) => left + chart.valToPos(seconds(t), "x");
    const lanes = [
      ...data.queues.map((queue, index) => queueLane(queue, index)),
      { name: "steps", rows: stepRows, parts: data.marks.map(stepPart) },
      ...data.processes.map(processLane),
    ];
    let next = 0;
    const made = lanes.flatMap(({ name, parts, rows = 1 }) => {
      const top = next;
      next += LANE_HEIGHT + (rows - 1) * STEP_HEIGHT;
      const height = BAR_HEIGHT + (rows - 1) * STEP_HEIGHT;
      const ground = element("rect", { class: "lane", x: left, y: top + BAR_TOP, width, height });
      const shown = parts.filter(({ from, to }) => x(to) >= left && x(from) <= left + width);
      return [ground, element("text", { x: left, y: top + 12 }, name), ...shown.flatMap((part) => draw(part, top))];
    });
    svg.setAttribute("height", next + 4);
    svg.replaceChildren(...made);

    function draw(part, top) {
      const { kind, from, to, fill, text } = part;
      const start = Math.max(x(from), left);
      const end = Math.min(x(to), left + width);
      const size = kind.startsWith("written")
        ? { x: start - 0.5, y: top + BAR_TOP + 2, width: 1.5, height: BAR_HEIGHT - 4 }
        : kind === "clock"
        ? {
          x: start,
          y: top + BAR_TOP + BAR_HEIGHT / 2 - 1.5,
          width: Math.max(end - start, LEAST_BAR_WIDTH),
          height: 3,
        }
        : kind === "mark"
        ? { x: start - 1, y: top + BAR_TOP - 2, width: 2, height: BAR_HEIGHT + 4 }
        : { x: start, y: top + BAR_TOP, width: Math.max(end - start, LEAST_BAR_WIDTH), height: BAR_HEIGHT };
      if (kind !== "step") return [withTitle(element("rect", { class: kind, fill, ...size }), text)];
      const y = size.y + part.row * STEP_HEIGHT;
      // A gap tells it from the next.
      const narrower = Math.max(size.width - 1, LEAST_BAR_WIDTH);
      const bar = withTitle(element("rect", { class: kind, fill, ...size, y, width: narrower }), text);
      bar.addEventListener("click", () => location.hash = `step-${part.step}`);
      // Inside where there is room, behind it where nothing stands there.
      const room = Math.max(x(part.free) - start, 0);
      const label = fitting(part.label, room - 6);
      return label === "" ? [bar] : [bar, element("text", { class: "label", x: start + 4, y: y + 10 }, label)];
    }
  }

  /** As much of a text as fits, and none where that would not say anything. */
  function fitting(text, room) {
    const letters = Math.floor(room / LETTER_WIDTH);
    if (text.length <= letters) return text;
    return letters < 10 ? "" : `${text.slice(0, letters - 1)}…`;
  }

  /** Steps that go on at the same time stand below each other; each has the room up to the next beside it. */
  const rowEnds = [];
  const stepParts = new Map(
    data.marks.toSorted((one, other) => one.from - other.from).map((mark) => {
      const free = rowEnds.findIndex((end) => end <= mark.from);
      const row = free >= 0 ? free : Math.min(rowEnds.length, STEP_ROWS_MOST - 1);
      rowEnds[row] = mark.to;
      return [mark, row];
    }),
  );
  const stepRows = Math.max(1, rowEnds.length);

  function stepPart(mark) {
    const { from, to, step, text, outcome, action } = mark;
    const row = stepParts.get(mark);
    const behind = data.marks.filter((other) => stepParts.get(other) === row && other.from >= to && other !== mark);
    const free = behind.reduce((least, other) => Math.min(least, other.from), data.duration);
    const label = action === "log" ? text.replace(/^log /, "") : `${step} ${text}`;
    const took = to - from < 1000 ? "" : ` (${timeText(seconds(to - from), 0.001)})`;
    const fill = style(outcome === "done" ? "--step" : "--step-bad");
    return { kind: "step", from, to, fill, row, free, step, label, text: `${step} ${text}${took}` };
  }

  function queueLane({ name, holds }, index) {
    const bars = holds.map((hold) => ({ kind: "hold", fill: colour(index), ...hold }));
    const marks = data.marks.filter(({ queues }) => queues.includes(name));
    return { name, parts: [...bars, ...marks.flatMap(clockPart), ...marks.map(markPart)] };
  }

  /** Within what a time is that another machine's clock tells. */
  function clockPart({ t, error }) {
    if (error === undefined) return [];
    const [from, to] = [t - error, t + error];
    return [{
      kind: "clock",
      from,
      to,
      fill: style("--mark"),
      text: `${timeText(seconds(t), 0.001)} ${withError(error)}`,
    }];
  }

  function withError(error) {
    return error === undefined ? "" : `± ${(error / 1000).toFixed(error < 1000 ? 3 : 1)} ms by another clock`;
  }

  function markPart({ t, step, text, action, outcome, error }) {
    // Red is for what starts a hold, and for a change that failed; a look that failed is red among the steps
    const change = MARKS[action];
    const fill = style(change === undefined ? "--mark" : outcome === "done" ? change : "--bad");
    return {
      kind: "mark",
      from: t,
      to: t,
      fill,
      text: `${timeText(seconds(t), 0.001)}${error === undefined ? "" : ` ${withError(error)}`}: ${step} ${text}`,
    };
  }
  const MARKS = {
    buffer: "--stop",
    "release-one": "--go",
    "release-packets": "--go",
    "release-indefinite": "--go",
    detach: "--go",
  };

  function processLane({ name, bars, lines }) {
    const written = lines.map(({ t, text, isError }) => ({
      kind: isError ? "written error" : "written",
      fill: style(isError ? "--bad" : "--text"),
      from: t,
      to: t,
      text: `${timeText(seconds(t), 0.001)}: ${text}`,
    }));
    const parts = bars.map(({ from, to, text, isRunning, isFailed }) => ({
      kind: isRunning ? "bar running" : "bar",
      fill: style(isFailed ? "--bad" : "--process"),
      from,
      to,
      text,
    }));
    return { name, parts: [...parts, ...written] };
  }

  function drawChart() {
    // A page that is loaded out of sight has no width at first.
    const width = Math.max(place.clientWidth, AXIS_WIDTH + RIGHT_MARGIN);
    const svg = element("svg", { class: "lanes", width: "100%", role: "img", "aria-label": "Holds, steps, processes" });
    const axis = { stroke: () => style("--muted"), font: "12px system-ui, sans-serif" };
    const lines = { stroke: () => style("--line"), width: 1 };
    const chart = new uPlot({
      width,
      height: width < NARROW ? 200 : 260,
      padding: [12, RIGHT_MARGIN, 0, 0],
      scales: {
        x: { time: false, range: (_, least, most) => [least, most > least ? most : least + 1e-6] },
        y: { range: (_, least, most) => [0, Math.max(1, most ?? least ?? 0) * 1.08] },
      },
      axes: [
        {
          ...axis,
          grid: lines,
          ticks: lines,
          space: 70,
          values: (_chart, splits, _axis, _space, step) => splits.map((time) => timeText(time, step)),
        },
        { ...axis, grid: lines, ticks: lines, size: AXIS_WIDTH, incrs: WHOLE_STEPS },
      ],
      series: [
        { label: "time", value: (_, time) => time === null ? "" : timeText(time, 0.001) },
        ...data.queues.map(({ name }, index) => ({
          label: name,
          stroke: () => colour(index),
          width: 2,
          paths: uPlot.paths.stepped({ align: 1 }),
          points: { show: false },
          value: (_, packets) => packets === null ? "" : `${packets} held`,
        })),
      ],
      hooks: { drawClear: [shadeHolds], draw: [(drawn) => drawLanes(drawn, svg)] },
    }, [data.times.map(seconds), ...data.queues.map(({ backlog }) => backlog)]);
    place.replaceChildren(chart.root, svg);
    drawLanes(chart, svg);
    return chart;
  }

  let chart = drawChart();
  const again = () => {
    chart.destroy();
    chart = drawChart();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  let width = place.clientWidth;
  new ResizeObserver(() => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    again();
  }).observe(place);
})();
