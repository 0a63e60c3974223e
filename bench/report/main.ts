// Measures how fluid the ladder of a report with 20,000 packets is in Chromium: the time from one picture of the screen to
// the next while it is scrolled and zoomed. Prints a table and writes it to bench/RESULTS.md.
import type { ScenarioEvent } from "../../scenario/event.ts";
import { formatReport } from "../../scenario/report/report.ts";
import { Chromium, type Page } from "../../tests/runtimes/chromium.ts";
import { MADE_LOG, unixNsAt } from "../../tests/scenario/report/made_log.ts";
import { provideTools } from "../../tests/tools.ts";
import { median, printed } from "../processes.ts";
import { circumstances, table, writeSection } from "../results.ts";

const PACKETS = 20_000;
const SECONDS = Number(Deno.args[0] ?? 4);
const SIZE = { width: 1600, height: 1000 } as const;
/** A frame later than this is seen as a stutter: two pictures of a screen that shows sixty a second were left out. */
const STUTTER_MS = 50;

/** Works each of which changes what is seen with every frame. */
const WORKS: readonly (readonly [name: string, zoom: number, frame: string])[] = [
  ["scrolling, rows of 18 px", 0, "place.scrollTop += 90"],
  ["scrolling, rows of 36 px", 1, "place.scrollTop += 90"],
  ["scrolling, rows of 1 px", -4, "place.scrollTop += 15"],
  ["zooming in and out", 0, "zoom(Math.sin(frame / 40) * 2.5 - 1.5)"],
  ["jumping anywhere", -2, "place.scrollTop = (frame * 7919) % place.scrollHeight"],
];

await provideTools(["chromium"], {
  signal: new AbortController().signal,
  onDownload: (what) => console.error(`Downloading ${what}`),
});
const folder = await Deno.makeTempDir({ prefix: "plugctl-bench-" });
try {
  const file = `${folder}/report.html`;
  await Deno.writeTextFile(file, await formatReport(log()));
  const { size } = await Deno.stat(file);
  await using chromium = await Chromium.start();
  const page = await chromium.open(`file://${file}`);
  await page.look({ scheme: "light", ...SIZE });
  await page.evaluate(`document.getElementById("ladder").scrollIntoView()`);
  const rows = await measure(page);
  const lines = [
    ...await circumstances("deno task bench:report"),
    "",
    `The ladder of a report with ${PACKETS.toLocaleString("en")} packets, ${(size / 2 ** 20).toFixed(2)} MiB, in ` +
    `${await printed(
      "chromium",
      "--version",
    )} without a GPU, ${SIZE.width} by ${SIZE.height}. The time from one animation frame to ` +
    `the next, of ${SECONDS} s each.`,
    "",
    ...table([
      ["while", "frames a second", "median, ms", "99 of 100, ms", "longest, ms", `over ${STUTTER_MS} ms`],
      ...rows,
    ]),
  ];
  console.log(lines.join("\n"));
  await writeSection("Report", lines);
} finally {
  await Deno.remove(folder, { recursive: true });
}

/** A run with many packets of two gates, some of them held. */
function log(): ScenarioEvent[] {
  const [start, ...rest] = MADE_LOG;
  const packets = Array.from({ length: PACKETS }, (_, index): ScenarioEvent[] => {
    const queue = index % 3 === 0 ? "out" : "web";
    const held = index % 7 === 0 ? 40_000 : 80;
    const end = {
      queue,
      number: index + 1,
      length: 66 + index % 1448,
      from: `10.0.0.1:${40_000 + index % 50}`,
      to: "10.0.0.2:80",
      what: index % 5 === 0 ? `DATA ${index % 1448} HTTP GET /page/${index % 100}` : "ACK",
    };
    return [
      {
        event: "packet-in",
        t: index * 40,
        unixNs: unixNsAt(index * 40),
        ...end,
        bytes: "02706c00010002706c0000000800450000".repeat(4),
      },
      { event: "packet-out", t: index * 40 + held, unixNs: unixNsAt(index * 40 + held), ...end, waited: held },
    ];
  });
  return [start, ...packets.flat(), ...rest];
}

async function measure(page: Page): Promise<string[][]> {
  const rows: string[][] = [];
  for (const [name, zoom, frame] of WORKS) {
    const times = (await page.evaluate<number[]>(framesOf(zoom, frame))).sort((one, other) => one - other);
    const part = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
    rows.push([
      name,
      (1000 * times.length / times.reduce((sum, time) => sum + time, 0)).toFixed(0),
      median(times).toFixed(1),
      part(0.99).toFixed(1),
      part(1).toFixed(1),
      String(times.filter((time) => time > STUTTER_MS).length),
    ]);
  }
  return rows;
}

/** The times between frames while something is done in each. */
function framesOf(level: number, work: string): string {
  return `new Promise((done) => {
    const place = document.getElementById("ladder");
    const scale = document.getElementById("ladder-scale");
    const zoom = (level) => {
      scale.value = level;
      scale.dispatchEvent(new Event("input"));
    };
    zoom(${level});
    place.scrollTop = 0;
    const times = [];
    let before;
    let frame = 0;
    const step = (now) => {
      if (before !== undefined) times.push(now - before);
      before = now;
      frame++;
      ${work};
      const isOver = times.reduce((sum, time) => sum + time, 0) > ${SECONDS * 1000};
      if (isOver) done(times);
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  })`;
}
