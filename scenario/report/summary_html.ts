import type { Hold } from "./holds.ts";
import { type Markup, markup } from "./markup.ts";
import { formatCount, formatTime } from "./quantity.ts";
import { everyStep, type RunLog } from "./run_log.ts";

const VERDICTS = { done: "passed", unmet: "expectation not met", failed: "failed", aborted: "ended early" };

/** What it was, how it ended, and what matters most. */
export function summaryHtml(log: RunLog, holds: readonly Hold[]): Markup {
  const { name, file, time, description } = log.start;
  return markup`<header>
<p class="kind">plugctl scenario</p>
<h1>${name}</h1>
${verdictHtml(log)}
<p class="source">${file} ${time}</p>
${description === undefined ? undefined : markup`<p class="description">${description}</p>`}
<dl class="figures">${
    figures(log, holds).map(([what, figure]) => markup`<div><dt>${what}</dt><dd>${figure}</dd></div>\n`)
  }</dl>
</header>\n`;
}

function verdictHtml({ end, steps }: RunLog): Markup {
  if (!end) return markup`<p><span class="badge">the log breaks off</span></p>`;
  const amiss = everyStep(steps).find(({ start }) => start.step === end.step)?.start;
  return markup`<p><span class="badge ${end.outcome}">${VERDICTS[end.outcome]}</span> ${end.sentence}</p>
${amiss && markup`<p>At <a href="#step-${amiss.step}">step ${amiss.step}, ${amiss.text}</a></p>`}
${end.undone ? undefined : markup`<p class="sentence">Not all of it could be undone; run: plugctl recover</p>`}`;
}

function figures({ end }: RunLog, holds: readonly Hold[]): [string, string][] {
  const longest = holds.reduce((most, { longestWait }) => Math.max(most, longestWait), 0);
  const held = holds.reduce((total, { packets }) => total + packets, 0);
  const drops = Object.values(end?.queues ?? {}).reduce((total, queue) => total + queue.drops, 0);
  return [
    ["took", end ? formatTime(end.t) : "unknown"],
    ["steps done", end ? formatCount(end.steps) : "unknown"],
    ["holds", formatCount(holds.length)],
    ["packets held", formatCount(held)],
    ["longest wait", formatTime(longest)],
    ["dropped", end ? formatCount(drops) : "unknown"],
  ];
}
