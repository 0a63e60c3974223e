import type {
  HostLayout,
  OpenedHost,
  ProcessEnd,
  QueueLayout,
  RanProcess,
  ScenarioEnd,
  ScenarioStart,
  StepStart,
} from "../event.ts";
import type { Hold } from "./holds.ts";
import {
  cellLines,
  type Column,
  formatBytes,
  formatCount,
  formatMoment,
  formatNumberOf,
  formatTime,
  type Markup,
  markup,
  tableHtml,
} from "./markup.ts";
import { everyStep, type RunLog, type StepRecord } from "./run_log.ts";
import { lineLink } from "./steps.ts";
import { howEnded } from "./timeline.ts";

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

function verdictHtml(log: RunLog): Markup {
  const { end } = log;
  if (!end) return markup`<p><span class="badge">the log breaks off</span></p>`;
  return markup`<p><span class="badge ${end.outcome}">${VERDICTS[end.outcome]}</span></p>
${end.outcome === "done" ? undefined : failureHtml(log, end)}
${end.undone ? undefined : markup`<p class="sentence">Not all of it could be undone; run: plugctl recover</p>`}`;
}

/** What failed, why, and with whose last words: all that one wants to know of a run that failed. */
function failureHtml(log: RunLog, end: ScenarioEnd): Markup {
  const steps = everyStep(log.steps).toArray();
  const found = steps.find(({ start }) => start.step === end.step);
  const failed = found?.start;
  // It is not what failed where something else has ended it.
  const label = found?.end?.outcome === "aborted" ? "during" : "step";
  const ended = steps.filter(({ start }) => start.phase === "steps" && !start.outer)
    .find((step) => step.end?.outcome === "aborted" && step.start.step !== end.step)?.start;
  const words = lastWords(log, failed);
  const written = failed?.line === undefined ? undefined : log.source?.[failed.line - 1]?.trim();
  return markup`<section class="failure ${end.outcome}" aria-label="What failed">
<p class="why">${end.sentence}</p>
<dl class="facts">${failed && markup`<dt>${label}</dt><dd>${stepLink(failed, log)}</dd>\n`}${
    written === undefined ? undefined : markup`<dt>in the file</dt><dd><code>${written}</code></dd>\n`
  }${ended && markup`<dt>during</dt><dd>${stepLink(ended, log)}</dd>\n`}${
    heldAt(log, end).map((text) => markup`<dt>then waiting</dt><dd>${text}</dd>\n`)
  }</dl>
${words.map(({ ran, isAbout }) => wordsHtml(ran, isAbout))}</section>`;
}

function stepLink({ step, text, name, line }: StepStart, log: RunLog): Markup {
  const place = lineLink(line, log);
  return markup`<a href="#step-${step}">${step}</a> ${name ?? text}${place && markup`, ${place}`}`;
}

/**
 * What was held when the steps ended. A step that something else has ended may have taken a while to end, in which a signal,
 * the guardian or others have let go what it still saw held.
 */
function heldAt({ looks, steps }: RunLog, end: ScenarioEnd): string[] {
  const done = everyStep(steps).filter(({ start, end }) =>
    start.phase === "steps" && !start.outer && end !== undefined
  );
  const last = done.reduce<StepRecord | undefined>(
    (latest, step) => (step.end?.t ?? 0) >= (latest?.end?.t ?? 0) ? step : latest,
    undefined,
  );
  const until = last?.end?.t ?? 0;
  const since = last?.end?.outcome === "aborted" ? last.end.beforeAt ?? last.start.t : until;
  return Object.keys(end.queues).flatMap((name) => {
    const seen = looks.get(name)?.filter(({ t }) => t <= until) ?? [];
    const held = seen.findLast(({ t, stats }) => t >= since && stats.backlogPackets > 0) ?? seen.at(-1);
    const packets = held?.stats.backlogPackets ?? 0;
    return packets > 0 ? `${formatNumberOf(packets, "packet")} in ${name}` : [];
  });
}

/** The processes that have written something, those that the failure is about first. */
function lastWords(
  { processes, steps }: RunLog,
  failed: StepStart | undefined,
): { ran: RanProcess; isAbout: boolean }[] {
  const isAbout = ({ step, process, isExpected }: ProcessEnd) =>
    !isExpected || step === failed?.step || process === failed?.process;
  const command = everyStep(steps).find(({ start }) => start.step === failed?.step)?.end?.ran;
  const started = [...processes.values()].map((process) => ({ ran: process.ran, isAbout: isAbout(process) }));
  return [...command && command.name === undefined ? [{ ran: command, isAbout: true }] : [], ...started]
    .filter(({ ran }) => ran.last !== undefined)
    .sort((one, other) => Number(other.isAbout) - Number(one.isAbout));
}

function wordsHtml(ran: RanProcess, isOpen: boolean): Markup {
  const name = ran.name ?? "the command";
  return markup`<details class="words"${isOpen ? markup` open` : undefined}>
<summary>last lines of ${name}, ${howEnded(ran)}${
    ran.to === undefined ? undefined : ` at ${formatMoment(ran.to)}`
  }</summary>
<pre class="output">\n${ran.last?.join("\n")}</pre></details>\n`;
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
    ["waited at most", formatTime(longest)],
    ["dropped", end ? formatCount(drops) : "unknown"],
  ];
}

const HOST_COLUMNS: readonly Column<HostLayout>[] = [
  { title: "Host", cell: ({ name }) => name },
  { title: "Where", cell: ({ netns, on }) => on === undefined ? netns : `machine ${on}` },
  { title: "Devices", cell: ({ devices }) => cellLines(devices.map(deviceText)) },
  { title: "Routes", cell: ({ routes }) => cellLines(routes.map(({ to, via }) => `${to} via ${via}`)) },
];

const MACHINE_COLUMNS: readonly Column<[string, OpenedHost]>[] = [
  { title: "Host", cell: ([name]) => name },
  { title: "Machine", cell: ([, { environment }]) => environment.hostname },
  { title: "Kernel", cell: ([, { environment }]) => `Linux ${environment.kernel}, ${environment.architecture}` },
  { title: "Addresses", cell: ([, { addresses }]) => cellLines(addresses) },
  { title: "Times wrong by at most", isNumber: true, cell: ([, { clock }]) => formatTime(clock.error) },
  { title: "As told by", cell: ([, { clock }]) => clock.by },
];

const QUEUE_COLUMNS: readonly Column<QueueLayout>[] = [
  { title: "Name", cell: ({ name }) => name },
  { title: "Kind", cell: ({ kind, direction }) => [kind, direction].filter(Boolean).join(", ") },
  { title: "Where", cell: ({ host, devs }) => [devs.join(", "), host && `on ${host}`].filter(Boolean).join(" ") },
  { title: "Match", cell: (queue) => cellLines(matchLines(queue)) },
  { title: "Limit", cell: ({ limitBytes }) => limitBytes === undefined ? "default" : formatBytes(limitBytes) },
];

function matchLines({ match = [], except = [], first = [] }: QueueLayout): string[] {
  return [
    ...match.length === 0 ? ["all packets"] : match,
    ...except.map((text) => `except ${text}`),
    ...first.map((text) => `first ${text}`),
  ];
}

/** What it ran on and with: the machine, the hosts, the gates and plugs. */
export function layoutHtml({ start, machines }: RunLog): Markup {
  const { hosts, queues } = start;
  return markup`<section id="environment"><h2>Environment</h2>
<dl class="facts">${facts(start).map(([what, value]) => markup`<dt>${what}</dt><dd>${value}</dd>\n`)}</dl>
${hosts.length > 0 ? markup`<h3>Hosts</h3>${tableHtml(HOST_COLUMNS, hosts, { label: "Hosts" })}` : undefined}
${
    machines.size > 0
      ? markup`<h3>Other machines</h3>${tableHtml(MACHINE_COLUMNS, [...machines], { label: "Other machines" })}`
      : undefined
  }
${
    queues.length > 0
      ? markup`<h3>Gates and plugs</h3>${tableHtml(QUEUE_COLUMNS, queues, { label: "Gates and plugs" })}`
      : undefined
  }
</section>\n`;
}

function facts({ environment, seed, vars, timeoutMs, maxHoldMs }: ScenarioStart): [string, string][] {
  return [
    ["kernel", `Linux ${environment.kernel}, ${environment.architecture}`],
    ["machine", environment.hostname],
    ["plugctl", environment.plugctl],
    ["Deno", environment.deno],
    ["seed", String(seed)],
    ["time allowed", formatTime(timeoutMs * 1000)],
    ["longest hold allowed", formatTime(maxHoldMs * 1000)],
    ...Object.entries(vars).map(([name, value]): [string, string] => [`variable ${name}`, String(value)]),
  ];
}

function deviceText({ name, addresses, to }: HostLayout["devices"][number]): string {
  return `${[name, ...addresses].join(" ")} → ${to.host}.${to.device}`;
}
