import type { QueueTotal } from "../event.ts";
import { type Column, formatCount, formatMoment, formatTime, type Markup, markup, tableHtml } from "./markup.ts";
import { everyStep, type Look, momentOf, type RunLog, type StepRecord } from "./run_log.ts";

/** A time in which a queue held packets: from the first `buffer` until it passed packets again. */
export interface Hold {
  queue: string;
  /** Microseconds since the scenario began. */
  from: number;
  /** Absent where the log breaks off before. */
  to?: number;
  /** How many packets it held: those released one epoch at a time, and those of the end. */
  packets: number;
  bytes: number;
  /** The most packets that were seen in it at once. */
  mostPackets: number;
  /** No packet waited longer, in microseconds: as the packets were seen, or else from the last look at which nothing waited. */
  longestWait: number;
  /** Whether its packets were seen, so that this is what one of them waited. */
  isSeen: boolean;
  /** Packets that it dropped meanwhile. */
  drops: number;
  /** How many epochs were released one at a time. */
  epochs: number;
}

/** A change of a queue that was done. */
interface Change {
  t: number;
  step: StepRecord;
}

/** The holds of every queue, by when they began. */
export function findHolds(log: RunLog): Hold[] {
  return [...log.looks.keys()].flatMap((queue) => holdsOf({ ...log, departures: departuresOf(log, queue) }, queue))
    .sort((one, other) => one.from - other.from);
}

/** What is done to a queue that holds, and goes on holding. */
const GOES_ON: readonly string[] = ["buffer", "release-one", "release-packets", "discard"];

/** A log, with the packets that were seen to leave a queue. */
interface QueueLog extends RunLog {
  departures: readonly Departure[];
}

/** When a packet left, and how long it had waited. */
interface Departure {
  t: number;
  waited: number;
}

/** Those of a queue, by when they left: since a plug lets packets go in order, also by when they came. */
function departuresOf({ packets }: RunLog, queue: string): Departure[] {
  return packets.flatMap((packet) =>
    packet.event === "packet-out" && packet.queue === queue && packet.waited !== undefined
      ? [{ t: packet.t, waited: packet.waited }]
      : []
  ).sort((one, other) => one.t - other.t);
}

/** Where the first is of those that are from a time on; they are in the order of their times. */
function firstFrom(list: readonly { t: number }[], time: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].t < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function holdsOf(log: QueueLog, queue: string): Hold[] {
  const holds: Hold[] = [];
  let changes: Change[] = [];
  for (const change of changesOf(log, queue)) {
    const { action } = change.step.start;
    if (changes.length === 0 && action !== "buffer") continue;
    changes.push(change);
    if (GOES_ON.includes(action)) continue;
    holds.push(hold(log, queue, { changes, to: change.t }));
    changes = [];
  }
  if (changes.length > 0) holds.push(hold(log, queue, { changes }));
  return holds;
}

function changesOf({ steps }: RunLog, queue: string): Change[] {
  const changing = [...GOES_ON, "release-indefinite", "detach"];
  return everyStep(steps)
    .filter(({ start, end }) =>
      changing.includes(start.action) && start.queues.includes(queue) && end?.outcome === "done"
    )
    .map((step) => ({ t: momentOf(step), step })).toArray()
    .sort((one, other) => one.t - other.t);
}

function hold(log: QueueLog, queue: string, { changes, to }: { changes: readonly Change[]; to?: number }): Hold {
  const [{ t: from, step: first }] = changes;
  const last = to === undefined ? undefined : changes.at(-1)?.step.end?.before[queue];
  const all = log.looks.get(queue) ?? [];
  // Times are whole microseconds.
  const looks = all.slice(firstFrom(all, from), to === undefined ? undefined : firstFrom(all, to + 1));
  const start = first.end?.after[queue] ?? looks[0]?.stats;
  const end = last ?? looks.at(-1)?.stats ?? start;
  const released = changes.filter(({ step }) => step.start.action === "release-one");
  const waits = waitsOf(log, { from, to });
  return {
    queue,
    from,
    to,
    packets: start && end ? end.packets - start.packets + end.backlogPackets : 0,
    bytes: start && end ? end.bytes - start.bytes + end.backlogBytes : 0,
    mostPackets: looks.reduce((most, { stats }) => Math.max(most, stats.backlogPackets), 0),
    longestWait: waits.length > 0 ? waits.reduce((most, wait) => Math.max(most, wait)) : longestWait(looks, changes),
    isSeen: waits.length > 0,
    drops: start && end ? end.drops - (first.end?.before[queue]?.drops ?? start.drops) : 0,
    epochs: released.length,
  };
}

/** How long each packet waited that was seen to be in a queue in that time. */
function waitsOf({ departures }: QueueLog, { from, to = Infinity }: { from: number; to?: number }): number[] {
  const waits: number[] = [];
  for (let index = firstFrom(departures, from); index < departures.length; index++) {
    const { t, waited } = departures[index];
    if (t - waited > to) break;
    waits.push(waited);
  }
  return waits;
}

/** The longest time between a look at which nothing waited, or the last epoch's end, and the next release. */
function longestWait(looks: readonly Look[], changes: readonly Change[]): number {
  let [{ t: empty }] = changes;
  let epoch = empty;
  let longest = 0;
  let waiting = false;
  const moments = [
    ...looks.map(({ t, stats }) => ({ t, backlog: stats.backlogPackets })),
    ...changes.map(({ t, step }) => ({ t, action: step.start.action })),
  ].sort((one, other) => one.t - other.t);
  for (const moment of moments) {
    if ("action" in moment) {
      if (moment.action === "buffer") epoch = moment.t;
      else {
        if (waiting) longest = Math.max(longest, moment.t - empty);
        empty = Math.max(empty, epoch);
        waiting = false;
      }
    } else {
      // Let go by nobody's step: by the guardian, a signal or others, at this moment at the latest.
      if (waiting && moment.backlog === 0) longest = Math.max(longest, moment.t - empty);
      waiting = moment.backlog > 0;
      if (!waiting) empty = moment.t;
    }
  }
  const end = changes.at(-1)?.step.start.action;
  const last = looks.at(-1);
  // Still held where the log breaks off
  if (waiting && last && end !== undefined && GOES_ON.includes(end)) longest = Math.max(longest, last.t - empty);
  return longest;
}

const HOLD_COLUMNS: readonly Column<Hold>[] = [
  { title: "Queue", cell: ({ queue }) => queue },
  { title: "From", isNumber: true, cell: ({ from }) => formatMoment(from) },
  {
    title: "Held for",
    isNumber: true,
    cell: ({ from, to }) => to === undefined ? "to the end" : formatTime(to - from),
  },
  { title: "Packets", isNumber: true, cell: ({ packets }) => formatCount(packets) },
  { title: "Bytes", isNumber: true, cell: ({ bytes }) => formatCount(bytes) },
  { title: "Most at once", isNumber: true, cell: ({ mostPackets }) => formatCount(mostPackets) },
  { title: "Waited at most", isNumber: true, cell: ({ longestWait }) => formatTime(longestWait) },
  { title: "Epochs released", isNumber: true, cell: ({ epochs }) => formatCount(epochs) },
  { title: "Drops", isNumber: true, cell: ({ drops }) => formatCount(drops) },
];

const TOTAL_COLUMNS: readonly Column<[string, QueueTotal]>[] = [
  { title: "Queue", cell: ([name]) => name },
  { title: "Packets let through", isNumber: true, cell: ([, { packets }]) => formatCount(packets) },
  { title: "Bytes", isNumber: true, cell: ([, { bytes }]) => formatCount(bytes) },
  { title: "Holds", isNumber: true, cell: ([, { holds }]) => formatCount(holds) },
  { title: "Longest hold", isNumber: true, cell: ([, { longestHold }]) => formatTime(longestHold) },
  { title: "Most at once", isNumber: true, cell: ([, { mostHeld }]) => formatCount(mostHeld) },
  { title: "Drops", isNumber: true, cell: ([, { drops }]) => formatCount(drops) },
];

/** Every time in which a queue held packets. */
export function holdsHtml(holds: readonly Hold[]): Markup {
  return markup`<section id="holds"><h2>Holds</h2>
${tableHtml(HOLD_COLUMNS, holds, { label: "Holds", none: "Nothing was held." })}
${
    holds.every(({ isSeen }) => isSeen)
      ? undefined
      : markup`<p class="hint">Where packets were not seen, “waited at most” is an upper bound: it counts from the last look at the queue at which nothing
waited, so the longest wait may have been a little shorter.</p>`
  }
</section>\n`;
}

/** What each queue has seen from its beginning to its end. */
export function totalsHtml(totals: Readonly<Record<string, QueueTotal>>): Markup {
  return markup`<section id="totals"><h2>Queues</h2>
${tableHtml(TOTAL_COLUMNS, Object.entries(totals), { label: "Queues", none: "There was none." })}
</section>\n`;
}
