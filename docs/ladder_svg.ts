import type { ScenarioEvent } from "../scenario/event.ts";
import { type Ladder, makeLadder } from "../scenario/report/ladder.ts";
import { formatMoment, formatTime, type Markup, markup } from "../scenario/report/markup.ts";
import { everyStep, readRunLog, type RunLog } from "../scenario/report/run_log.ts";

const WIDTH = 760;
const GUTTER = 72;
const HEAD = 24;
const ROW = 18;
const LETTER_WIDTH = 5.8;
const PLACE_WIDTH = 10;
const PLACES = 5;
const PASSING_US = 1000;
/** How many packets are drawn between two steps, of which the last is one. */
const PACKETS_MOST = 5;
/** How many packets that had passed before the first hold. */
const BEFORE_MOST = 3;
const ROWS_MOST = 40;

/** The colours of reports, on light and on dark ground. */
const STYLE =
  `svg { --ground: #fff; --text: #1b1f24; --muted: #57606a; --line: #dde1e6; --stop: #c62828; --go: #1a7f37; --packet: #0067a8 }
@media (prefers-color-scheme: dark) {
svg { --ground: #14171a; --text: #e6e9ec; --muted: #a0a8b1; --line: #343a41; --stop: #ff7b72; --go: #4cc38a; --packet: #58b4f5 }
}
rect { fill: var(--ground) }
text { font: 11px system-ui, sans-serif; fill: var(--text); stroke: var(--ground); stroke-width: 3px; paint-order: stroke; text-anchor: middle }
.end { text-anchor: end }
.muted { fill: var(--muted) }
.hold { fill: var(--stop); stroke: var(--stop) }
.release { fill: var(--go); stroke: var(--go) }
text.hold, text.release { stroke: var(--ground) }
line { stroke: var(--line) }
.packet { fill: var(--packet); stroke: var(--packet) }
.waits { fill: var(--packet); opacity: 0.3 }
`;

interface Packet {
  in: number;
  out?: number;
  /** The lanes that it comes from and goes to. */
  from: number;
  to: number;
  what: string;
}

/** A line of the picture: a step, a packet that comes or leaves, or packets that are not drawn. */
type Row =
  | { t: number; step: string; kind: Ladder["marks"][number]["kind"] }
  | { t: number; packet: Packet; comes: boolean }
  | { t: number; more: number };

/** Draws the packets of a run as a picture in a few kilobytes: from the first hold on, those that tell what happened. */
export function ladderSvg(events: Iterable<ScenarioEvent>): string {
  const log = readRunLog(events);
  const ladder = makeLadder(log);
  if (ladder.packets.length === 0) throw new Error(`Cannot draw ${log.start.name}: no packet came into a gate`);
  const rows = rowsOf(ladder, logged(log));
  const height = HEAD + (rows.length + 1) * ROW;
  const x = (lane: number) => Math.round(GUTTER + (WIDTH - GUTTER) / ladder.lanes.length * (lane + 0.5));
  const sides = sidesOf(rows);
  const lanes = ladder.lanes.map((name, lane) =>
    markup`<line x1="${x(lane)}" x2="${x(lane)}" y1="${HEAD}" y2="${height}"/><text x="${
      x(lane)
    }" y="16">${name}</text>\n`
  );
  const drawn = rows.map((row, index) => {
    const y = HEAD + (index + 1) * ROW;
    const time = rows[index - 1]?.t === row.t || "more" in row
      ? undefined
      : markup`<text class="end muted" x="${GUTTER - 8}" y="${y + 4}">${formatMoment(row.t)}</text>`;
    if ("more" in row) {
      return markup`<text class="muted" x="${(WIDTH + GUTTER) / 2}" y="${y}">… ${row.more} more …</text>\n`;
    }
    if ("step" in row) return markup`${time}${stepMarkup(row, y)}\n`;
    const { packet, comes } = row;
    const first = rows.findIndex((other) => "packet" in other && other.packet === packet);
    const last = rows.findLastIndex((other) => "packet" in other && other.packet === packet && !other.comes);
    const gone = last < 0 ? rows.findIndex((other, at) => at > index && isDiscard(other)) : last;
    const ends = gone < 0 ? height : HEAD + (gone + 1) * ROW;
    const place = { from: x(packet.from), to: x(packet.to), side: sides.get(packet) ?? 0 };
    if (comes) return markup`${time}${barMarkup(place, { top: y, height: ends - y })}\n`;
    return markup`${time}${arrowMarkup(packet, place, { y, isHeld: first !== index })}\n`;
  });
  return markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">
<style>
${{ html: STYLE }}</style>
<rect width="${WIDTH}" height="${height}"/>
${lanes}${drawn}</svg>
`.html;
}

/** Whether what was held is lost there. */
function isDiscard(row: Row): boolean {
  return "step" in row && / discard /.test(row.step);
}

/** What the scenario has printed by `log`, and what it has discarded. */
function logged({ steps }: RunLog): Set<string> {
  return new Set(
    everyStep(steps).filter(({ start }) => start.action === "log" || start.action === "discard").map(({ start }) =>
      start.step
    ),
  );
}

function rowsOf({ packets, texts, marks }: Ladder, logged: ReadonlySet<string>): Row[] {
  const steps: Row[] = marks.filter(({ kind, text }) =>
    kind === "step" ? logged.has(text.split(" ")[0]) : !text.startsWith("undo.")
  )
    .map(({ t, kind, text }) => ({ t, kind, step: text }));
  const all: Packet[] = packets.map(([, , came, out, from, to, , , what]) => ({
    in: came,
    out: out < 0 ? undefined : out,
    from,
    to,
    what: texts[what],
  }));
  const begun = Math.min(...marks.filter(({ kind }) => kind === "hold").map(({ t }) => t));
  const before = all.filter((packet) => packet.in < begun && !isHeld(packet)).slice(-BEFORE_MOST);
  const shown = new Set([...before, ...all.filter((packet) => packet.in >= begun || isHeld(packet))]);
  const since = before[0]?.in ?? begun;
  const inTime = (rows: Row[]) => rows.toSorted((one, other) => one.t - other.t);
  const begins = inTime([
    ...steps.filter(({ t }) => t >= since),
    ...[...shown].map((packet) => ({
      t: isHeld(packet) ? packet.in : packet.out ?? packet.in,
      packet,
      comes: isHeld(packet),
    })),
  ]);
  const kept = fewer(begins);
  const leave = kept.flatMap((row) =>
    "packet" in row && row.comes && row.packet.out !== undefined ? [{ ...row, t: row.packet.out, comes: false }] : []
  );
  const rows = inTime([...kept, ...leave]);
  return rows.length <= ROWS_MOST
    ? rows
    : [...rows.slice(0, ROWS_MOST), { t: rows[ROWS_MOST].t, more: rows.length - ROWS_MOST }];
}

function isHeld({ in: came, out }: Packet): boolean {
  return out === undefined || out - came >= PASSING_US;
}

/** Of many packets between two steps only the first and the last. */
function fewer(rows: readonly Row[]): Row[] {
  const parts: Row[][] = [[]];
  for (const row of rows) {
    if ("step" in row) parts.push([row], []);
    else parts.at(-1)?.push(row);
  }
  return parts.flatMap((part) =>
    part.length <= PACKETS_MOST + 1 ? part : [
      ...part.slice(0, PACKETS_MOST - 1),
      { t: part[PACKETS_MOST - 1].t, more: part.length - PACKETS_MOST },
      ...part.slice(-1),
    ]
  );
}

/** Those that wait at the same time stand side by side. */
function sidesOf(rows: readonly Row[]): Map<Packet, number> {
  const sides = new Map<Packet, number>();
  const free: (Packet | undefined)[] = [];
  for (const row of rows) {
    if (!("packet" in row)) continue;
    const at = free.indexOf(row.packet);
    if (row.comes) {
      const place = Array.from({ length: PLACES }, (_, index) => index).find((index) => !free[index]) ?? PLACES - 1;
      free[place] = row.packet;
      sides.set(row.packet, place);
    } else if (at >= 0) free[at] = undefined;
  }
  return sides;
}

function stepMarkup({ step, kind }: Extract<Row, { step: string }>, y: number): Markup {
  const style = kind === "step" ? "muted" : kind;
  const text = cut(step, WIDTH - GUTTER - 16);
  return markup`<line class="${style}" x1="${GUTTER}" x2="${WIDTH - 8}" y1="${y}" y2="${y}"${
    kind === "step" ? markup` stroke-dasharray="2 4"` : undefined
  }/><text class="end ${style}" x="${WIDTH - 10}" y="${y - 3}">${text}</text>`;
}

interface Place {
  from: number;
  to: number;
  /** How many wait beside it already. */
  side: number;
}

function barMarkup({ from, to, side }: Place, { top, height }: { top: number; height: number }): Markup {
  const x = from - Math.sign(to - from) * side * PLACE_WIDTH - 4;
  return markup`<rect class="waits" x="${x}" y="${top}" width="8" height="${height}"/>`;
}

function arrowMarkup(
  packet: Packet,
  { from, to, side }: Place,
  { y, isHeld }: { y: number; isHeld: boolean },
): Markup {
  const end = from === to ? from + 60 : to;
  const way = Math.sign(end - from);
  const held = isHeld && packet.out !== undefined ? `, held ${formatTime(packet.out - packet.in)}` : "";
  const text = cut(`${packet.what}${held}`, Math.max(140, Math.abs(end - from) - 16));
  return markup`<line class="packet" x1="${
    from - way * side * PLACE_WIDTH
  }" x2="${end}" y1="${y}" y2="${y}"/><path class="packet" d="M${end} ${y}l${-8 * way} -4v8z"/><text x="${
    Math.round((from + end) / 2)
  }" y="${y - 4}">${text}</text>`;
}

function cut(text: string, room: number): string {
  const most = Math.floor(room / LETTER_WIDTH);
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
