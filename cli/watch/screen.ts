import { numberOf } from "../../plug/quantity.ts";
import { bytesText, countText, cut, pad, sparkline, timeText, visible, waitText, widthOf } from "./text.ts";
import type { Size } from "./terminal.ts";
import { HISTORY_MS, type OldestWait, type WatchedQueue } from "./watched_queue.ts";

/** A packet of the queue that is selected. */
export interface ShownPacket {
  /** Its number since the capture began; absent where it was not seen to come in. */
  number?: string;
  /** How many it stands for, of which no more is known. Default: 1. */
  count?: number;
  /** For how long it has waited, or had when it left; absent where that is not known. */
  waitMs?: number;
  /** Whether it may have waited longer. */
  isLonger?: boolean;
  /** Whether it has left. */
  hasLeft: boolean;
  from: string;
  to: string;
  what: string;
}

/** What is known of the packets of the queue that is selected. */
export interface ShownPackets {
  /** The first of those that wait, the oldest first, and the last of those that have left, the newest first. */
  packets: readonly ShownPacket[];
  /** How many wait. */
  waiting: number;
  /** What is not shown, and why. */
  remarks: readonly string[];
}

/** All that the screen shows. */
export interface ScreenContent {
  queues: readonly WatchedQueue[];
  selected?: WatchedQueue;
  packets?: ShownPackets;
  /** What came of the last key, or of the last change elsewhere. */
  message?: { text: string; isBad: boolean };
  /** What is asked for, and what was typed so far; it stands in the place of the message. */
  prompt?: string;
  isHelp: boolean;
  nowMs: number;
  /** ` --netns b`, for command lines. */
  where: string;
}

/** How the screen is drawn. */
export interface ScreenOptions extends Size {
  hasColours: boolean;
}

type Style = keyof typeof STYLES;
const STYLES = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33", cyan: "36", marked: "7" } as const;
const GAP = 2;
const KEYS: readonly (readonly [key: string, does: string])[] = [
  ["h", "hold"],
  ["r", "release"],
  ["1", "release one"],
  ["n", "release N"],
  ["↑↓", "select"],
  ["?", "help"],
  ["q", "quit"],
];
/** The fewest lines that the packets have. */
const PACKETS_LEAST = 5;

/** The lines of the screen, each of them no wider than it is. */
export function drawScreen(content: ScreenContent, options: ScreenOptions): string[] {
  const { rows, columns } = options;
  const paint = painter(options.hasColours);
  const message = messageLines(content, options);
  const body = rows - 2 - message.length;
  const lines = content.isHelp
    ? helpLines(content, options)
    : content.queues.length === 0
    ? emptyLines(content, options)
    : queueLines(content, options, body);
  const filled = [...lines.slice(0, body), ...new Array<string>(Math.max(0, body - lines.length)).fill("")];
  return [titleLine(content, options), ...filled, ...message, keysLine(columns, paint)].slice(-rows);
}

type Paint = (style: Style, text: string) => string;

function painter(hasColours: boolean): Paint {
  return (style, text) => hasColours && text !== "" ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text;
}

function titleLine({ queues, nowMs }: ScreenContent, { columns, hasColours }: ScreenOptions): string {
  const paint = painter(hasColours);
  const gates = queues.filter(({ facts }) => facts.gate).length;
  const held = queues.reduce((sum, { facts }) => sum + facts.stats.backlogPackets, 0);
  const counts = [
    ...gates > 0 ? [numberOf(gates, "gate")] : [],
    ...queues.length > gates ? [numberOf(queues.length - gates, "plug")] : [],
    ...queues.length > 0 ? [waitText(held)] : [],
  ].join(", ");
  const time = new Date(nowMs).toTimeString().slice(0, 8);
  const left = "plugctl watch";
  const right = columns >= left.length + counts.length + time.length + 2 * GAP + 2
    ? [counts, time].filter(Boolean).join("  ")
    : counts;
  const gap = Math.max(1, columns - left.length - widthOf(right));
  return `${paint("bold", left)}${" ".repeat(gap)}${cut(right, columns - left.length - 1)}`;
}

/** What is said, at least one line: as many as it takes, up to a third of the screen. */
function messageLines({ message, prompt }: ScreenContent, { rows, columns, hasColours }: ScreenOptions): string[] {
  const paint = painter(hasColours);
  if (prompt !== undefined) return [paint("bold", cut(`${visible(prompt)}_`, columns))];
  if (!message) return [""];
  const lines = wrap(visible(message.text), columns);
  const most = Math.max(1, Math.floor(rows / 3));
  const shown = lines.length > most ? [...lines.slice(0, most - 1), lines.slice(most - 1).join(" ")] : lines;
  return shown.map((line) => paint(message.isBad ? "red" : "green", cut(line, columns)));
}

function keysLine(columns: number, paint: Paint): string {
  // Those at the beginning and at the end are told first.
  const shown = [...KEYS];
  const width = () => shown.reduce((sum, [key, does]) => sum + widthOf(key) + 1 + does.length + GAP, -GAP);
  while (width() > columns && shown.length > 2) shown.splice(shown.length - 3, 1);
  return shown.map(([key, does]) => `${paint("bold", key)} ${does}`).join(" ".repeat(GAP));
}

/** A column of the queues. */
interface Column {
  title: string;
  right?: boolean;
  /** What goes first where there is no room: the highest. */
  spare: number;
  cell: (queue: WatchedQueue, nowMs: number, oldest?: OldestWait) => string;
  style?: (queue: WatchedQueue) => Style | undefined;
}

const STATES = { holds: "holds", passes: "passes", unknown: "?" } as const;
const NONE = "–";

const COLUMNS: readonly Column[] = [
  {
    title: "NAME",
    spare: 0,
    cell: ({ name }) => visible(name),
    style: ({ facts }) => (facts.gate?.faults.length ?? 0) > 0 ? "red" : undefined,
  },
  {
    title: "STATE",
    spare: 0,
    cell: ({ state }) => STATES[state],
    style: ({ state }) => state === "holds" ? "yellow" : state === "passes" ? "green" : "dim",
  },
  {
    title: "HELD",
    right: true,
    spare: 0,
    cell: ({ facts }) => countText(facts.stats.backlogPackets),
    style: ({ facts }) => facts.stats.backlogPackets > 0 ? "yellow" : "dim",
  },
  { title: "BYTES", right: true, spare: 3, cell: ({ facts }) => bytesText(facts.stats.backlogBytes) },
  {
    title: "OLDEST",
    right: true,
    spare: 0,
    cell: (queue, nowMs, oldest) => {
      const seen = queue.oldestWait(nowMs);
      // Of what came before its packets were looked at, the longer is known better
      const wait = seen && oldest && (!oldest.isLonger || oldest.ms > seen.ms) ? oldest : seen;
      return wait === undefined ? NONE : `${wait.isLonger ? ">" : ""}${timeText(wait.ms)}`;
    },
  },
  {
    title: "DROPS",
    right: true,
    spare: 1,
    cell: ({ facts }) => countText(facts.stats.drops),
    style: ({ facts, droppedSince }) => droppedSince > 0 ? "red" : facts.stats.drops > 0 ? "yellow" : "dim",
  },
  {
    title: "ENDS IN",
    right: true,
    spare: 1,
    cell: ({ deadlineMs }, nowMs) => deadlineMs === undefined ? NONE : timeText(Math.max(0, deadlineMs - nowMs)),
  },
  { title: "SENT", right: true, spare: 4, cell: ({ facts }) => countText(facts.stats.packets) },
];
/** The least and the most that the sparkline is wide: a second a column. */
const SPARK = { least: 6, most: HISTORY_MS / 1000 } as const;
const SPARK_TITLES = ["LAST MINUTE", "1 MIN"] as const;
/** From which room on it is told what a queue sees. */
const SEES_LEAST = 20;

function queueLines(content: ScreenContent, options: ScreenOptions, room: number): string[] {
  const { queues, selected, nowMs } = content;
  // A few packets are always to be seen, and where there are few queues, many.
  const most = Math.max(1, room - PACKETS_LEAST - 3);
  const count = Math.min(queues.length, room < 12 ? Math.max(1, room - 1) : Math.max(most >> 1, Math.min(most, 6)));
  const at = selected ? Math.max(0, queues.indexOf(selected)) : 0;
  const from = Math.max(0, Math.min(at - (count >> 1), queues.length - count));
  const shown = queues.slice(from, from + count);
  const table = tableLines(shown, { selected, packets: content.packets, nowMs, ...options });
  const hidden = queues.length - count;
  const more = hidden > 0
    ? [painter(options.hasColours)("dim", `  ${from + 1} to ${from + count} of ${queues.length}`)]
    : [];
  const rest = room - table.length - more.length - 1;
  return [...table, ...more, "", ...rest >= 2 ? packetLines(content, options, rest) : []];
}

/** For how long the oldest of the packets that are shown has waited: the table says of it what the list says. */
function oldestOf(packets: ShownPackets | undefined): OldestWait | undefined {
  const [first] = packets?.packets ?? [];
  if (!first || first.hasLeft || first.waitMs === undefined) return undefined;
  return { ms: first.waitMs, isLonger: first.isLonger ?? false };
}

function tableLines(
  queues: readonly WatchedQueue[],
  { selected, packets, nowMs, columns, hasColours }:
    & ScreenOptions
    & Pick<ScreenContent, "selected" | "packets" | "nowMs">,
): string[] {
  const paint = painter(hasColours);
  const oldest = oldestOf(packets);
  const all = COLUMNS.map((column) => {
    const cells = queues.map((queue) => column.cell(queue, nowMs, queue === selected ? oldest : undefined));
    return { ...column, cells, width: Math.max(widthOf(column.title), ...cells.map(widthOf)) };
  });
  const widthWith = (most: number) =>
    all.filter(({ spare }) => spare <= most).reduce((sum, { width }) => sum + width + GAP, 0);
  const spare = [4, 3, 1].find((most) => widthWith(most) + GAP + SPARK.least <= columns) ?? 0;
  const chosen = all.filter((column) => column.spare <= spare);
  const free = columns - 2 - widthWith(spare) + GAP - GAP;
  const spark = free < SPARK.least ? 0 : Math.min(
    SPARK.most,
    free >= SPARK.most / 2 + SEES_LEAST + GAP ? Math.max(SPARK.most / 2, free - SEES_LEAST - GAP - 30) : free,
  );
  const sees = free - spark - GAP >= SEES_LEAST ? free - spark - GAP : 0;
  const line = (cell: (column: typeof chosen[number]) => string, sparked: string, seen: string) =>
    [
      ...chosen.map((column) => cell(column)),
      ...spark > 0 ? [sparked] : [],
      ...sees > 0 ? [seen] : [],
    ].join(" ".repeat(GAP));
  const title = SPARK_TITLES.find(({ length }) => length <= spark) ?? "";
  const header = line(
    ({ title, width, right }) => pad(title, width, right ? "left" : "right"),
    pad(title, spark),
    sees > 0 ? "SEES" : "",
  );
  const rows = queues.map((queue, index) => {
    const isSelected = queue === selected;
    const styled = (style: Style | undefined, text: string) =>
      isSelected || style === undefined ? text : paint(style, text);
    const text = line(
      ({ cells, width, right, style }) => styled(style?.(queue), pad(cells[index], width, right ? "left" : "right")),
      styled("cyan", sparkline(queue.history(nowMs, spark || 1))),
      cut(visible(queue.sees), sees),
    );
    const whole = `${isSelected ? ">" : " "} ${text}`;
    return isSelected ? paint("marked", pad(whole, columns)) : whole;
  });
  return [paint("dim", `  ${header}`.trimEnd()), ...rows];
}

/** The queue that is selected, in words, and its packets. */
function packetLines(content: ScreenContent, options: ScreenOptions, room: number): string[] {
  const { selected, packets } = content;
  if (!selected) return [];
  const { columns, hasColours } = options;
  const paint = painter(hasColours);
  const { facts: { gate, stats: { backlogPackets } }, name } = selected;
  const title = cut(`${visible(name)}: ${visible(selected.sees)}`, columns);
  const faults = (gate?.faults.length ?? 0) > 0
    ? [paint("red", cut(`not whole: ${gate?.faults.join(", ")}`, columns))]
    : [];
  const remarks = (packets?.remarks ?? []).flatMap((remark) => wrap(remark, columns)).map((text) => paint("dim", text));
  const head = [paint("bold", title), ...faults, ...remarks].slice(0, room);
  const left = room - head.length;
  if (!packets || left < 2) return head;
  if (packets.packets.length === 0) {
    const nothing = backlogPackets > 0 ? "" : "no packet waits";
    return [...head, ...nothing ? [paint("dim", nothing)] : []];
  }
  const waiting = packets.packets.filter(({ hasLeft }) => !hasLeft);
  const gone = packets.packets.filter(({ hasLeft }) => hasLeft);
  const rows = left - 1;
  const isCut = waiting.length > rows || countOf(waiting) < packets.waiting;
  const shown = isCut ? waiting.slice(0, Math.max(1, rows - 1)) : waiting;
  const hidden = packets.waiting - countOf(shown);
  const more = hidden > 0 ? [paint("dim", `  and ${countText(hidden)} more`)] : [];
  const after = gone.slice(0, Math.max(0, rows - shown.length - more.length));
  return [...head, ...packetTable([...shown, ...after], options, shown.length, more)];
}

function countOf(packets: readonly ShownPacket[]): number {
  return packets.reduce((sum, { count = 1 }) => sum + count, 0);
}

function packetTable(
  packets: readonly ShownPacket[],
  { columns, hasColours }: ScreenOptions,
  waiting: number,
  more: readonly string[],
): string[] {
  const paint = painter(hasColours);
  const digits = Math.max(1, ...packets.map(({ number = "?" }) => number.length));
  const cells = packets.map(({ number = "?", waitMs, isLonger, hasLeft, from, to, what }) => [
    `${hasLeft ? "→" : " "} ${pad(number, digits, "left")}`,
    waitMs === undefined ? "?" : `${isLonger ? ">" : ""}${timeText(waitMs)}`,
    ...[from, to, what].map(visible),
  ]);
  const titles = [`  ${pad("#", digits, "left")}`, "WAIT", "FROM", "TO", "PACKET"];
  // What has no address goes from the first of them on.
  const isWhole = ([, , from, to]: readonly string[]) => from !== "" || to !== "";
  const widths = titles.map((title, column) =>
    Math.max(widthOf(title), ...cells.filter((row) => column < 2 || isWhole(row)).map((row) => widthOf(row[column])))
  );
  const room = columns - widths.slice(0, 4).reduce((sum, width) => sum + width + GAP, 0);
  // Where addresses leave no room, they and the packet follow each other.
  const isNarrow = room < 12;
  const line = ([number, wait, from, to, what]: readonly string[], arrow = " > ") => {
    const start = `${pad(number, widths[0])}${" ".repeat(GAP)}${pad(wait, widths[1], "left")}${" ".repeat(GAP)}`;
    const rest = !isWhole([number, wait, from, to])
      ? what
      : isNarrow
      ? `${from}${arrow}${to} ${what}`
      : `${pad(from, widths[2])}${" ".repeat(GAP)}${pad(to, widths[3])}${" ".repeat(GAP)}${what}`;
    return (start + cut(rest, columns - widthOf(start))).trimEnd();
  };
  const rows = cells.map((row, index) => packets[index].hasLeft ? paint("dim", line(row)) : line(row));
  return [paint("dim", line(titles, " > ")), ...rows.slice(0, waiting), ...more, ...rows.slice(waiting)];
}

function emptyLines({ where }: ScreenContent, { columns }: ScreenOptions): string[] {
  const lines = [
    "No plug and no gate here. Make one, and it appears:",
    "",
    ...wrap(`  plugctl gate add web eth0 --direction out --match 'tcp dst port 80'${where}`, columns),
    ...wrap(`  plugctl attach eth0${where}`, columns),
  ];
  return ["", ...lines.flatMap((line) => wrap(line, columns))];
}

const HELP: readonly (readonly [key: string, does: string])[] = [
  [
    "h",
    "hold: packets wait from now on; pressed again, it ends the epoch and begins the next. A guardian releases them " +
    "at the deadline, also when plugctl is killed",
  ],
  ["r", "release everything, and pass packets from here on"],
  ["1", "release the epoch that the last hold ended"],
  ["n", "release so many packets of a gate, those that have waited longest: type the number, and Enter"],
  ["↑ ↓ k j", "select a gate or plug; PgUp, PgDn, Home and End go further"],
  ["?", "this help"],
  ["q Ctrl-C", "quit; what holds goes on until its deadline"],
];
const NOTES: readonly string[] = [
  "STATE is ? until it is known: the kernel does not tell whether a plug holds. HELD is read twice a second, and OLDEST is " +
  "as exact as that. ENDS IN is when a guardian releases at the latest. The bars are what waited in the last minute.",
  "→ marks packets that have left. What packets are is seen from the moment on at which a gate is selected; those of a " +
  "plug on a device are seen as they leave.",
];

function helpLines(_content: ScreenContent, { columns, hasColours }: ScreenOptions): string[] {
  const paint = painter(hasColours);
  const width = Math.min(columns, 100);
  const indent = 12;
  const keys = HELP.flatMap(([key, does]) =>
    wrap(does, width - indent).map((text, index) =>
      `  ${index === 0 ? paint("bold", pad(key, indent - 2)) : " ".repeat(indent - 2)}${text}`
    )
  );
  return ["", ...keys, "", ...NOTES.flatMap((note) => [...wrap(note, width - 2).map((text) => `  ${text}`), ""])];
}

/** Breaks a text into lines behind words; what a line begins with stays in front of those after it. */
function wrap(text: string, columns: number): string[] {
  const [indent = ""] = /^ */.exec(text) ?? [];
  const lines: string[] = [];
  let line = indent;
  for (const word of text.trim().split(/ +/)) {
    const longer = line.trim() === "" ? line + word : `${line} ${word}`;
    if (widthOf(longer) > columns && line.trim() !== "") {
      lines.push(line);
      line = `${indent}${indent === "" ? "" : "  "}${word}`;
    } else line = longer;
  }
  return [...lines, line];
}
