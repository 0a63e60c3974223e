/** The report in a browser: what is drawn, in light and in dark, wide and narrow. */

import axe from "axe-core/axe.min.js" with { type: "text" };
import { assert, assertEquals, assertMatch } from "@std/assert";
import { formatReport } from "../../../scenario/report/report.ts";
import type { OutputLine } from "../../../scenario/run/processes.ts";
import { isThere } from "../../runtimes/availability.ts";
import { CHROMIUM, Chromium, type Look, type Page } from "../../runtimes/chromium.ts";
import { checkLadder, checkLinks, checkWindow } from "./ladder_page.ts";
import { HOSTILE, MADE_LOG, openedMachine, PACKETS } from "./made_log.ts";

const LOOKS: readonly Look[] = [400, 900, 1600].flatMap((width) =>
  (["light", "dark"] as const).map((scheme) => ({ scheme, width, height: 1000 }))
);
/** What WCAG asks for, between text and what it stands on. */
const CONTRAST_MIN = 4.5;

/** A file with as many lines as steps of the log name. */
const SOURCE = Array.from({ length: 40 }, (_, index) => `line ${index + 1}: {}`).join("\n");

const OUTPUT: readonly OutputLine[] = [
  { t: 200_000, process: "load", stream: "stdout", text: "<b>200 requests" },
  { t: 300_000, process: "load", stream: "stderr", text: "one was reset" },
];

/** Opens a report, and returns once it is drawn. */
async function openReport(chromium: Chromium, folder: string): Promise<Page> {
  await Deno.writeTextFile(
    `${folder}/report.html`,
    await formatReport([...MADE_LOG.slice(0, 1), ...PACKETS, ...MADE_LOG.slice(1)], { source: SOURCE, output: OUTPUT }),
  );
  const page = await chromium.open(`file://${folder}/report.html`);
  await page.drawn();
  return page;
}

/** How the chart is drawn: of points of the timeline, how many pixels above them have a colour. */
const CHART = `(() => {
  const canvas = document.querySelector("#timeline canvas");
  const over = document.querySelector("#timeline .u-over");
  const box = canvas.getBoundingClientRect();
  const plot = over.getBoundingClientRect();
  // Of a copy, since a canvas that is read slows down
  const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const style = getComputedStyle(document.documentElement);
  const rgb = (name) => style.getPropertyValue(name).trim().match(/[0-9a-f]{2}/g).map((hex) => parseInt(hex, 16));
  const near = (pixels, at, colour) => colour.every((part, index) => Math.abs(pixels[at + index] - part) < 12);
  const column = (seconds) => {
    const x = Math.round(plot.left - box.left + seconds / 0.8 * plot.width);
    return context.getImageData(x, plot.top - box.top, 1, plot.height).data;
  };
  const isShaded = (seconds) => {
    const pixels = column(seconds);
    let shaded = 0;
    for (let at = 0; at < pixels.length; at += 4) shaded += pixels[at + 3] > 0 ? 1 : 0;
    return shaded > pixels.length / 4 * 0.9;
  };
  const heightOf = (seconds, queue) => {
    const pixels = column(seconds);
    const colour = rgb("--queue-" + queue);
    for (let at = 0; at < pixels.length; at += 4) {
      if (pixels[at + 3] > 200 && near(pixels, at, colour)) return 1 - at / pixels.length;
    }
    return -1;
  };
  return {
    shaded: [0.075, 0.2, 0.38, 0.58, 0.72].map(isShaded),
    web: [0.03, 0.13, 0.18, 0.25, 0.38, 0.6].map((t) => heightOf(t, 0)),
    out: [0.03, 0.575, 0.63].map((t) => heightOf(t, 1)),
  };
})()`;

/** What the legend shows while nobody points at the chart: names, without a colon that nothing follows. */
const LEGEND = `[...document.querySelectorAll("#timeline .u-legend tr")]
  .filter((row) => row.checkVisibility({ visibilityProperty: true }))
  .map((row) => row.textContent + getComputedStyle(row.querySelector("th"), "::after").content.replace("none", ""))`;

/** What is drawn below the chart, as parts of its width. */
const LANES = `(() => {
  const svg = document.querySelector("#timeline svg");
  const plot = document.querySelector("#timeline .u-over").getBoundingClientRect();
  const part = (rect) => {
    const { left, width } = rect.getBoundingClientRect();
    return [(left - plot.left) / plot.width, width / plot.width];
  };
  return {
    names: [...svg.querySelectorAll("text:not(.label)")].map((text) => text.textContent),
    holds: [...svg.querySelectorAll(".hold")].map(part),
    bars: [...svg.querySelectorAll(".bar")].map(part),
    marks: svg.querySelectorAll(".mark").length,
    steps: [...svg.querySelectorAll(".step title")].map((title) => title.textContent),
    labels: [...svg.querySelectorAll(".label")].map((label) => label.textContent),
    written: [...svg.querySelectorAll(".written title")].map((title) => title.textContent),
    titles: [...svg.querySelectorAll(".bar title")].map((title) => title.textContent),
  };
})()`;

interface Lanes {
  names: string[];
  holds: number[][];
  bars: number[][];
  marks: number;
  steps: string[];
  labels: string[];
  written: string[];
  titles: string[];
}

/** The least contrast between a text that is shown and what it stands on, and which that is. */
const LEAST_CONTRAST = `(() => {
  const parts = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const light = (part) => part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4;
  const luminance = ([red, green, blue]) => 0.2126 * light(red) + 0.7152 * light(green) + 0.0722 * light(blue);
  const groundOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  let least = { contrast: Infinity, text: "" };
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (text === "" || !element.checkVisibility() || element.closest("title, noscript")) continue;
    const style = getComputedStyle(element);
    const ink = parts(element instanceof SVGElement ? style.fill : style.color);
    const both = [luminance(ink), luminance(groundOf(element))].sort((one, other) => other - one);
    const contrast = (both[0] + 0.05) / (both[1] + 0.05);
    if (contrast < least.contrast) least = { contrast, text };
  }
  return least;
})()`;

/** Drags over the chart from one part of its width to another, as a mouse does. */
function drag(from: number, to: number): string {
  return `(() => {
    const over = document.querySelector("#timeline .u-over");
    const { left, top, width } = over.getBoundingClientRect();
    const send = (target, type, at) => target.dispatchEvent(new MouseEvent(type, {
      bubbles: true, button: 0, buttons: type === "mouseup" ? 0 : 1, clientX: left + at * width, clientY: top + 20, movementX: 1,
    }));
    send(over, "mouseenter", ${from});
    send(over, "mousemove", ${from});
    send(over, "mousedown", ${from});
    send(document, "mousemove", ${to});
    send(over, "mousemove", ${to});
    send(document, "mouseup", ${to});
  })()`;
}

Deno.test({
  name: "the report's page",
  ignore: !await isThere("tests/scenario/report", [CHROMIUM], "deno task test --level runtimes, which fetches it"),
  fn: async (t) => {
    const folder = await Deno.makeTempDir({ prefix: "plugctl-page-" });
    try {
      await using chromium = await Chromium.start();
      const page = await openReport(chromium, folder);
      for (const look of LOOKS) {
        await t.step(`is drawn at ${look.width} px, ${look.scheme}`, () => checkLook(page, look));
      }
      await t.step("has the packets as a ladder", () => checkLadder(page));
      await t.step("zooms the ladder about what is looked at, and follows links to a moment", () => checkLinks(page));
      await t.step("leaves the ladder where it is when the window changes", () => checkWindow(page));
      await t.step("leads from a step on the axis to the step, and from there to the file", () => checkSteps(page));
      await t.step("prints what is folded away, and the packets as a table", () => checkPrint(page));
      await t.step("leaves what processes have written text", () => checkHostile(page));
      await t.step("shows a part of the time, and all of it again", () => checkZoom(page));
      await t.step("is drawn where it has no width yet", () => checkWidth(page));
      await t.step("draws within what the times of another machine are", () => checkClocks(chromium, folder));
      assertEquals(chromium.complaints, []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** As where it is loaded out of sight: what a browser complains of is looked at in the end. */
async function checkWidth(page: Page): Promise<void> {
  for (const width of ["0", ""]) {
    await page.evaluate(`document.querySelector("#timeline").style.width = "${width}"`);
    await page.drawn();
  }
}

async function checkLook(page: Page, look: Look): Promise<void> {
  await page.look(look);
  await page.drawn();
  assertEquals(await page.evaluate(`matchMedia("(prefers-color-scheme: dark)").matches`), look.scheme === "dark");
  const shown = await page.evaluate<number>("document.documentElement.scrollWidth");
  assert(shown <= look.width, `the page is ${shown} px wide`);

  const chart = await page.evaluate<{ shaded: boolean[]; web: number[]; out: number[] }>(CHART);
  assertEquals(chart.shaded, [false, true, false, true, false]);
  const [absent, none, three, eight, released, twenty] = chart.web;
  assertEquals(absent, -1);
  assert(none >= 0 && none < three && three < eight && eight < twenty, JSON.stringify(chart));
  assert(Math.abs(released - none) < 0.02, JSON.stringify(chart));
  const [missing, held, left] = chart.out;
  assert(missing === -1 && held > left && left > none && held < eight, JSON.stringify(chart));

  assertEquals(await page.evaluate(LEGEND), ["web", "out"]);

  const lanes = await page.evaluate<Lanes>(LANES);
  assertEquals(lanes.names, ["web", "out", "steps", "load", "commands"]);
  assertNear(lanes.holds, [[0.126, 0.25], [0.563, 0.25], [0.563, 0.25]]);
  assertNear(lanes.bars, [[0.075, 0.844], [0.139, 0.173]]);
  assert(lanes.marks >= 11, `${lanes.marks} marks`);

  await page.evaluate(`{ if (!globalThis.axe) { ${axe} } }; undefined`);
  const violations = await page.evaluate<string[]>(
    `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html).join(" ")))`,
  );
  assertEquals(violations, []);

  const { contrast, text } = await page.evaluate<{ contrast: number; text: string }>(LEAST_CONTRAST);
  assert(contrast >= CONTRAST_MIN, `${text} has a contrast of ${contrast}`);
}

/** That bars are where they should be, to within a pixel or two. */
function assertNear(bars: number[][], expected: number[][]): void {
  assertEquals(bars.length, expected.length);
  const off = bars.flat().map((part, index) => Math.abs(part - expected.flat()[index]));
  assert(Math.max(...off) < 0.01, JSON.stringify(bars));
}

async function checkSteps(page: Page): Promise<void> {
  const { steps, written } = await page.evaluate<Lanes>(LANES);
  assertEquals(written, ["200 ms: <b>200 requests", "300 ms: one was reset"]);
  assert(steps.length >= 8, `${steps.length} steps`);
  const [hash, line] = await page.evaluate<string[]>(`(() => {
    const step = [...document.querySelectorAll("#timeline .step")].find(({ textContent }) => / buffer web/.test(textContent));
    step.dispatchEvent(new MouseEvent("click"));
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    return [location.hash, target.querySelector(".place a")?.getAttribute("href")];
  })()`);
  assertMatch(hash, /^#step-/);
  assertMatch(line ?? "", /^#line-\d+$/);
  assert(await page.evaluate(`document.querySelector("${line}") !== null`));
  await page.evaluate(`history.replaceState(null, "", location.pathname)`);
}

async function checkPrint(page: Page): Promise<void> {
  const rows = `document.querySelectorAll("#ladder-table tr").length`;
  await page.evaluate(`document.getElementById("ladder-table").open = false`);
  await page.evaluate(`document.querySelector("#ladder-table > div").replaceChildren()`);
  assert(await page.print() > 10_000);
  assertEquals(await page.evaluate(rows), 5);
}

/** The bars of a clock, as parts of the chart's width, and how many points of the ladder have the colour of the gate. */
const CLOCKS = `(() => {
  const plot = document.querySelector("#timeline .u-over").getBoundingClientRect();
  return [...document.querySelectorAll("#timeline .clock")].map((bar) => {
    const { left, width } = bar.getBoundingClientRect();
    return { middle: (left + width / 2 - plot.left) / plot.width * 0.8, width: width / plot.width * 0.8, text: bar.textContent };
  });
})()`;

async function checkClocks(chromium: Chromium, folder: string): Promise<void> {
  const [start, ...rest] = MADE_LOG;
  const file = `${folder}/machines.html`;
  await Deno.writeTextFile(file, await formatReport([start, ...openedMachine("client", 20_000), ...PACKETS, ...rest]));
  const page = await chromium.open(`file://${file}`);
  await page.drawn();
  const bars = await page.evaluate(CLOCKS) as { middle: number; width: number; text: string }[];
  assert(bars.length > 0);
  for (const { width, text } of bars) {
    assert(width < 0.0401, `${width} s`);
    assertMatch(text, /± 20\.0 ms by another clock/);
  }
  // Of one that is not cut off at an end of the axis: as wide as it may be wrong both ways.
  assert(bars.some(({ width }) => Math.abs(width - 0.04) < 0.002), JSON.stringify(bars));
}

async function checkHostile(page: Page): Promise<void> {
  assertEquals(await page.evaluate("document.title"), "Two gates and a plug: plugctl");
  assertEquals(await page.evaluate("document.images.length"), 0);
  const written = await page.evaluate(`document.querySelector("#steps pre.output").textContent`);
  assertEquals(written, HOSTILE.replace("\x1b", "␛").replace("\u202e", "\\u{202e}"));
  const { titles } = await page.evaluate<Lanes>(LANES);
  assert(titles.some((title) => title.includes("<img src=x")));
}

async function checkZoom(page: Page): Promise<void> {
  await page.evaluate(drag(0.1, 0.4));
  await page.drawn();
  const { holds } = await page.evaluate<Lanes>(LANES);
  assertEquals(holds.length, 1);
  assert(holds[0][1] > 0.8 && holds[0][1] < 0.86, `the hold takes ${holds[0][1]} of the width`);
  await page.evaluate(`document.querySelector("#timeline .u-over").dispatchEvent(new MouseEvent("dblclick"))`);
  await page.drawn();
  assertEquals((await page.evaluate<Lanes>(LANES)).holds.length, 3);
}
