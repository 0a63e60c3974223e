import type { QdiscStats } from "../../codec/message.ts";
import { formatRanges, type Phase, type RanProcess, type StepEnd } from "../event.ts";
import { formatBytes, formatCount, formatMoment, formatNumberOf, formatTime, type Markup, markup } from "./markup.ts";
import { everyStep, momentOf, type RunLog, type StepRecord } from "./run_log.ts";
import { howEnded } from "./timeline.ts";

const PHASES: Readonly<Record<Phase, string>> = {
  setup: "Made before the steps",
  steps: "Steps",
  cleanup: "Cleanup",
  undo: "Undone",
};
/** More steps than this below one are shown when they are asked for. */
const MANY = 12;
/** So are those of rounds in a run of more steps than this. */
const MANY_IN_ALL = 200;

/** All steps, those of each phase by themselves, with what their processes have written. */
export function stepsHtml(log: RunLog): Markup {
  const { steps } = log;
  const phases = (Object.keys(PHASES) as Phase[]).map((phase) => steps.filter(({ start }) => start.phase === phase));
  const shown = phases.filter((each) => each.length > 0);
  return markup`${shown.map((each) => markup`<h3>${PHASES[each[0].start.phase]}</h3>${listHtml(each, log)}`)}`;
}

function listHtml(steps: readonly StepRecord[], log: RunLog): Markup {
  return markup`<ol class="steps">${steps.map((step) => stepHtml(step, log))}</ol>\n`;
}

function stepHtml(step: StepRecord, log: RunLog): Markup {
  const { start, end } = step;
  const outcome = end?.outcome ?? "aborted";
  const process = log.processes.get(start.step);
  return markup`<li class="step ${outcome}" id="step-${start.step}">
<div class="line">
<span class="t">${formatMoment(momentOf(step))}</span>
<span class="id">${start.step}</span>
<span class="text">${start.text}${optional(start.name, (name) => markup` <q>${name}</q>`)}</span>
${optional(start.host, (host) => markup`<span class="host">on ${host}</span>`)}
<span class="place">${lineLink(start.line, log)}</span>
${end && markup`<span class="took">${formatTime(end.duration)}</span>`}
${outcome === "done" ? undefined : markup`<span class="badge ${outcome}">${outcome}</span>`}
${end?.skipped ? markup`<span class="badge skipped">skipped</span>` : undefined}
</div>
${end && endHtml({ ...end, ran: process?.ran ?? end.ran }, { isShown: process?.isExpected === false })}${
    below(step, log)
  }</li>\n`;
}

/** Where a step stands in the file: a link, where the file is in the report. */
export function lineLink(line: number | undefined, { source }: Pick<RunLog, "source">): Markup | undefined {
  if (line === undefined) return undefined;
  return source ? markup`<a href="#line-${line}">line ${line}</a>` : markup`line ${line}`;
}

/** The scenario's file, line by line. */
export function sourceHtml({ source, start }: RunLog): Markup | undefined {
  return source && markup`<section id="source"><h2>${start.file ?? "The scenario"}</h2>
<ol class="source-lines scroll" tabindex="0">${
    source.map((line, index) => markup`<li id="line-${index + 1}"><code>${line}</code></li>\n`)
  }</ol></section>\n`;
}

function endHtml(end: StepEnd, { isShown }: { isShown: boolean }): Markup {
  const { outcome, sentence, errnoName, ran } = end;
  const reason = errnoName === "" ? sentence : `${sentence} (${errnoName})`;
  return markup`${reason === "" ? undefined : markup`<p class="sentence">${reason}</p>\n`}${queuesHtml(end)}${
    ran && ranHtml(ran, { isShown: isShown || outcome !== "done" })
  }`;
}

function queuesHtml({ before, after, left, queues }: StepEnd): Markup | undefined {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const shown = names.filter((name) => queues.includes(name) || !isSame(before[name], after[name]));
  if (shown.length === 0) return undefined;
  const changes = shown.map((name) =>
    markup`<li><b>${name}</b> ${change(before[name], after[name])}${
      left?.[name] ? `: ${formatRanges(left[name])}` : ""
    }</li>`
  );
  return markup`<ul class="queues">${changes}</ul>\n`;
}

function isSame(one: QdiscStats | undefined, other: QdiscStats | undefined): boolean {
  return one?.packets === other?.packets && one?.backlogPackets === other?.backlogPackets &&
    one?.drops === other?.drops;
}

function change(before: QdiscStats | undefined, after: QdiscStats | undefined): string {
  const held = [before, after].filter((stats) => stats !== undefined)
    .map(({ backlogPackets, backlogBytes }) => `${formatCount(backlogPackets)} (${formatBytes(backlogBytes)})`);
  const words = [`backlog ${[...new Set(held)].join(" → ")}`];
  const sent = before && after ? after.packets - before.packets : 0;
  if (sent > 0) words.push(`${formatNumberOf(sent, "packet")} sent`);
  const drops = (after ?? before)?.drops ?? 0;
  if (drops > 0) words.push(formatNumberOf(drops, "drop"));
  return words.join(", ");
}

function ranHtml(ran: RanProcess, { isShown }: { isShown: boolean }): Markup {
  const outputs = [["standard output", ran.stdout], ["standard error", ran.stderr]] as const;
  const written = outputs.filter(([, text]) => text !== undefined && text !== "");
  // A line's end that follows the tag of a `pre` is not part of it
  return markup`<details class="ran"${isShown ? markup` open` : undefined}>
<summary>process ${ran.pid}: ${howEnded(ran)}${written.length === 0 ? ", no output" : undefined}</summary>
<pre class="command">\n${ran.command.join(" ")}</pre>
${
    written.map(([name, text]) =>
      markup`<p class="stream">${name}${
        ran.cut ? ", the end of it" : undefined
      }</p><pre class="output">\n${text}</pre>\n`
    )
  }</details>\n`;
}

function below({ steps, start }: StepRecord, log: RunLog): Markup | undefined {
  if (steps.length === 0) return undefined;
  const isAmiss = everyStep(steps).some(({ end }) => end?.outcome !== "done");
  const isShown = isAmiss || steps.length <= MANY && (start.action !== "round" || isShort(log));
  return markup`<details class="below"${isShown ? markup` open` : undefined}>
<summary>${formatNumberOf(steps.length, start.action === "repeat" ? "round" : "part")}</summary>
${listHtml(steps, log)}</details>\n`;
}

function isShort({ steps }: RunLog): boolean {
  return everyStep(steps).drop(MANY_IN_ALL).next().done === true;
}

function optional(text: string | undefined, made: (text: string) => Markup): Markup | undefined {
  return text === undefined ? undefined : made(text);
}
