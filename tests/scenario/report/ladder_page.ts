/**
 * The ladder of a report in a browser: what is drawn of the packets, and what keys, links and the window do to it.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Page } from "../../runtimes/chromium.ts";

/** The ladder: how many pixels of its canvas have the colours of the gates, and what is said of the packet that was chosen. */
const LADDER = `(() => {
  const canvas = document.querySelector(".ladder canvas");
  const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const { data } = context.getImageData(0, 0, copy.width, copy.height);
  const style = getComputedStyle(document.documentElement);
  const rgb = (name) => style.getPropertyValue(name).trim().match(/[0-9a-f]{2}/g).map((hex) => parseInt(hex, 16));
  const count = (colour) => {
    let pixels = 0;
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] > 200 && colour.every((part, index) => Math.abs(data[at + index] - part) < 12)) pixels++;
    }
    return pixels;
  };
  return {
    colours: ["--queue-0", "--queue-1"].map((name) => count(rgb(name))),
    count: document.getElementById("ladder-count").textContent,
    detail: document.getElementById("ladder-detail").textContent,
    rows: [...document.querySelectorAll("#ladder-table tr")].map((row) => [...row.children].map((cell) => cell.textContent)),
    hash: location.hash,
    images: document.querySelectorAll("#packets b").length,
  };
})()`;

interface Ladder {
  colours: number[];
  count: string;
  detail: string;
  rows: string[][];
  hash: string;
  images: number;
}

/** Types a text into an input, as a person does. */
function type(id: string, text: string): string {
  return `(() => {
    const input = document.getElementById("${id}");
    input.value = "${text}";
    input.dispatchEvent(new Event("input"));
  })()`;
}

/** Shows packets that are looked for, and what one holds that is chosen by keys. */
export async function checkLadder(page: Page): Promise<void> {
  await page.look({ scheme: "light", width: 1000, height: 1000 });
  await page.drawn();
  const whole = await page.evaluate<Ladder>(LADDER);
  assert(whole.colours.every((pixels) => pixels > 15), `${whole.colours} pixels of the gates`);
  assertEquals([whole.count, whole.detail, whole.rows, whole.hash], ["4 of 4 packets", "", [], ""]);

  await page.evaluate(`document.getElementById("ladder-table").open = true`);
  await page.evaluate(type("ladder-text", "http"));
  await page.drawn();
  const found = await page.evaluate<Ladder>(LADDER);
  assertEquals([found.count, found.colours[1], found.images], ["1 of 4 packets", 0, 0]);
  assertEquals(found.rows[1], [
    "0.121 000 s",
    "web",
    "2",
    "10.0.0.1:40000",
    "10.0.0.2:80",
    "DATA 77 HTTP GET /<b>",
    "74",
    "180 ms",
  ]);

  const key = (name: string) =>
    `document.getElementById("ladder").dispatchEvent(new KeyboardEvent("keydown", { key: "${name}", cancelable: true }))`;
  await page.evaluate(type("ladder-text", ""));
  await page.evaluate(key("ArrowRight"));
  await page.evaluate(key("ArrowRight"));
  const { detail, hash } = await page.evaluate<Ladder>(LADDER);
  assertEquals(hash, "#t=121000");
  for (
    const fact of [
      "10.0.0.1:40000 > 10.0.0.2:80",
      "DATA 77 HTTP GET /<b>",
      "left at 0.300 950 s, after 180 ms",
      "0000  02 70",
    ]
  ) {
    assert(detail.includes(fact), detail);
  }
  await page.evaluate(`history.replaceState(null, "", location.pathname)`);
}

/** Zooms about what is looked at, and goes to the moment that the address names. */
export async function checkLinks(page: Page): Promise<void> {
  const state = "[document.getElementById('ladder').scrollTop, document.getElementById('ladder-detail').textContent]";
  await page.evaluate(`location.hash = "#t=120000"`);
  await page.drawn();
  const [, detail] = await page.evaluate<[number, string]>(state);
  assertMatch(detail, /^10\.0\.0\.1:40000 > 10\.0\.0\.2:80 · SYN · .* · link to this moment/);
  const href = await page.evaluate<string>(`document.querySelector("#ladder-detail a").getAttribute("href")`);
  assertEquals(href, "#t=120000");
  const zoomed = await page.evaluate<number[]>(`(async () => {
    const place = document.getElementById("ladder");
    place.style.height = "120px";
    const scale = document.getElementById("ladder-scale");
    const middle = () => (place.scrollTop + place.clientHeight / 2 - 26) / 2 ** Number(scale.value);
    place.scrollTop = 60;
    const before = middle();
    place.dispatchEvent(new KeyboardEvent("keydown", { key: "+" }));
    place.dispatchEvent(new KeyboardEvent("keydown", { key: "+" }));
    const after = middle();
    place.dispatchEvent(new WheelEvent("wheel", { deltaY: 100, ctrlKey: true, cancelable: true }));
    const level = Number(scale.value);
    scale.value = 0;
    scale.dispatchEvent(new Event("input"));
    place.style.height = "";
    return [before, after, level];
  })()`);
  assert(Math.abs(zoomed[0] - zoomed[1]) < 2, zoomed.join(" and "));
  assertEquals(zoomed[2], 0.25);
  const options = `[...document.querySelectorAll("#ladder-connection option")].map(({ textContent }) => textContent)`;
  assertEquals(await page.evaluate(options), [
    "all",
    "10.0.0.1:40000 – 10.0.0.2:80 (3)",
    "192.0.2.1 – [fd00::9]:53 (1)",
  ]);
  await page.evaluate(`(() => {
    const connection = document.getElementById("ladder-connection");
    connection.value = "192.0.2.1 – [fd00::9]:53";
    connection.dispatchEvent(new Event("input"));
  })()`);
  const count = `document.getElementById("ladder-count").textContent`;
  assertEquals(await page.evaluate(count), "1 of 4 packets");
  // A link to what is filtered away shows it all the same
  await page.evaluate(`location.hash = "#t=121000"`);
  await page.drawn();
  assertEquals(await page.evaluate(count), "4 of 4 packets");
  await page.evaluate(`history.replaceState(null, "", location.pathname)`);
}

/** Shows the same packets whatever the height of the window is. */
export async function checkWindow(page: Page): Promise<void> {
  const place = `document.getElementById("ladder")`;
  const at = () => page.evaluate<number[]>(`[${place}.scrollTop, ${place}.scrollHeight]`);
  await page.evaluate(type("ladder-scale", "1"));
  await page.evaluate(`${place}.scrollTop = 40`);
  const before = await at();
  for (const height of [300, 1000]) {
    await page.look({ scheme: "light", width: 1000, height });
    await page.drawn();
    assertEquals(await at(), before);
  }
  await page.evaluate(type("ladder-scale", "0"));
}
