/**
 * The report of a scenario: one page of HTML that needs nothing else, made from the event log.
 *
 * @module
 */

import chartLicence from "uplot/LICENSE" with { type: "text" };
import chartScript from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import chartStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import type { ScenarioEvent } from "../event.ts";
import type { OutputLine } from "../run/processes.ts";
import { findHolds, holdsHtml, totalsHtml } from "./holds.ts";
import { ladderHtml, makeLadder } from "./ladder.ts";
import drawingsStyle from "./drawings.css" with { type: "text" };
import ladderScript from "./ladder.js" with { type: "text" };
import { formatTime, type Markup, markup, scriptJson } from "./markup.ts";
import { outputHtml } from "./output.ts";
import packetsScript from "./packets.js" with { type: "text" };
import pageStyle from "./page.css" with { type: "text" };
import pageScript from "./page.js" with { type: "text" };
import paperStyle from "./paper.css" with { type: "text" };
import { everyStep, readRunLog, type RunLog } from "./run_log.ts";
import { sourceHtml, stepsHtml } from "./steps.ts";
import { layoutHtml, summaryHtml } from "./summary.ts";
import { makeTimeline } from "./timeline.ts";

/** What a report has beside the event log, where it is known. */
export interface ReportSources {
  /** The scenario's file, to whose lines the steps then lead. */
  source?: string;
  /** What processes have written, in the order in which they did. */
  output?: readonly OutputLine[];
}

/**
 * Makes the report of a run: the timeline, the holds, the steps with what they have written, and what it ran on.
 *
 * What a process has written, and every other text of the log, stays text. Should it be HTML all the same, the page
 * runs no script but its own, whose hashes it names, and loads nothing.
 *
 * @throws {SyntaxError} where the events do not begin with a scenario's start
 */
export async function formatReport(
  events: Iterable<ScenarioEvent>,
  { source, output }: ReportSources = {},
): Promise<string> {
  const log = { ...readRunLog(events), source: source?.replace(/\n$/, "").split("\n"), output };
  const holds = findHolds(log);
  const scripts = [
    `/*\n${chartLicence}*/\n${chartScript}`,
    pageScript,
    ...log.packets.length > 0 ? [packetsScript, ladderScript] : [],
  ];
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${await contentPolicy(scripts)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${log.start.name}: plugctl</title>
<style>${own(chartStyle)}</style>
<style>${own(`${pageStyle}${drawingsStyle}${paperStyle}`)}</style>
</head>
<body>
<main>
${summaryHtml(log, holds)}
${TIMELINE}
${clocksHtml(log)}
${ladderHtml(log)}
${holdsHtml(holds)}
${log.end && totalsHtml(log.end.queues)}
<section id="steps"${isLong(log) ? markup` class="very-many"` : undefined}><h2>What happened</h2>
${stepsHtml(log)}</section>
${outputHtml(log)}
${sourceHtml(log)}
${layoutHtml(log)}
</main>
<script type="application/json" id="data">${
    scriptJson({ ...makeTimeline(log, holds), ladder: makeLadder(log) })
  }</script>
${scripts.map((script) => markup`<script>${own(script)}</script>\n`)}</body>
</html>
`.html;
}

const TIMELINE = markup`<section><h2>Timeline</h2>
<p class="hint">Packets held in each queue. Times of holding are shaded; a red mark starts a hold, a green one releases. Click a step to
go to it. A tick on a process is a line that it wrote. Drag over the chart to look closer, click twice to see all of it again.</p>
<div id="timeline"></div>
<noscript><p>The timeline is drawn by this page's own script, which does not run here.</p></noscript>
</section>\n`;

/** That times of other machines are known only so well. */
function clocksHtml({ machines }: RunLog): Markup | undefined {
  if (machines.size === 0) return undefined;
  const each = [...machines].map(([name, { clock: { error, by } }]) => `${name} ± ${formatTime(error)} (${by})`);
  return markup`<p class="hint" id="clocks">Times of other machines are by their clocks, and drawn with bars, within which they are:
${each.join(", ")}.</p>\n`;
}

/** Above so many steps only those that are seen are laid out. */
const STEPS_MANY = 1000;

function isLong({ steps }: RunLog): boolean {
  return everyStep(steps).drop(STEPS_MANY).next().done !== true;
}

/** A file of this program, as it is. */
function own(text: string): Markup {
  return { html: text };
}

async function contentPolicy(scripts: readonly string[]): Promise<string> {
  const hashes = await Promise.all(scripts.map(async (script) => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script));
    return `'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'`;
  }));
  return `default-src 'none'; style-src 'unsafe-inline'; script-src ${hashes.join(" ")}`;
}
