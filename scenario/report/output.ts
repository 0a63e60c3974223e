import { formatMoment, formatNumberOf, type Markup, markup } from "./markup.ts";
import { everyStep, type RunLog } from "./run_log.ts";

/** A line that a process has written, and when. */
export interface WrittenLine {
  /** Microseconds since the scenario began. */
  t: number;
  text: string;
  isError: boolean;
}

/** How many lines the page has at the most, and how much of each. */
const LINES_MOST = 2000;
const LETTERS_MOST = 300;

/** The lines of all processes by the lane that each has on the axis, in the order in which they were written. */
export function linesByLane(log: RunLog): Map<string, WrittenLine[]> {
  const lanes = new Map<string, WrittenLine[]>();
  const runs = runsOf(log);
  for (const { t, process, stream, text } of (log.output ?? []).slice(0, LINES_MOST)) {
    const lane = runs.find((run) => run.name === process && t >= run.from && t <= run.to)?.lane ?? process ?? COMMANDS;
    const lines = lanes.get(lane) ?? [];
    lanes.set(lane, lines);
    const cut = text.length > LETTERS_MOST ? `${text.slice(0, LETTERS_MOST)}…` : text;
    lines.push({ t, text: cut, isError: stream === "stderr" });
  }
  return lanes;
}

const COMMANDS = "commands";

/** The lane of a process: one each that was started by name, and one for all commands of a host. */
export function laneName(host: string | undefined, process: string | undefined): string {
  return [host, process ?? COMMANDS].filter(Boolean).join(": ");
}

/** Each time that a process ran. */
function runsOf({ steps, processes }: RunLog): { lane: string; name?: string; from: number; to: number }[] {
  return everyStep(steps).flatMap(({ start, end }) => {
    if (!end?.ran) return [];
    const { name, from, to = Infinity } = processes.get(start.step)?.ran ?? end.ran;
    return [{ lane: laneName(start.host, name), name, from, to }];
  }).toArray();
}

/** What each process has written, with the time of each line; nothing where no line is known. */
export function outputHtml(log: RunLog): Markup | undefined {
  const lanes = linesByLane(log);
  if (lanes.size === 0) return undefined;
  const isCut = (log.output?.length ?? 0) > LINES_MOST;
  return markup`<section id="output"><h2>What processes wrote</h2>
${[...lanes].map(([lane, lines]) => laneHtml(lane, lines))}
${
    isCut
      ? markup`<p class="hint">More was written; these are the first ${formatNumberOf(LINES_MOST, "line")}.</p>`
      : undefined
  }</section>\n`;
}

function laneHtml(lane: string, lines: readonly WrittenLine[]): Markup {
  const shown = lines.map(({ t, text, isError }) =>
    markup`<span class="t">${formatMoment(t)}</span>  ${
      isError ? markup`<span class="sentence">${text}</span>` : text
    }\n`
  );
  return markup`<details class="ran"><summary>${lane}: ${formatNumberOf(lines.length, "line")}</summary>
<pre class="output">\n${shown}</pre></details>\n`;
}
