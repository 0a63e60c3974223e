import type { PacketIn, PacketOut, UnseenPackets } from "../event.ts";
import { formatNumberOf, type Markup, markup } from "./markup.ts";
import { everyStep, hostsOfQueues, momentOf, type RunLog } from "./run_log.ts";

/** A packet of a gate, from when it came in until it left. */
export interface LadderPacket {
  queue: string;
  /** Its number among those of the gate; 0 where it was not seen to come in. */
  number: number;
  /** Microseconds since the scenario began. */
  in: number;
  /** Absent where it was not seen to leave. */
  out?: number;
  from: string;
  to: string;
  what: string;
  length: number;
  /** Its beginning, in hexadecimal. */
  bytes: string;
}

/** What the page draws of packets: numbers that stand for texts, since many packets have the same. */
export interface Ladder {
  /** Hosts of the scenario and other addresses, from the left on. */
  lanes: readonly string[];
  texts: readonly string[];
  /**
   * Of each packet: the gate, its number, when it came in and left (or -1), the lanes from and to, from, to and what as texts, the length, the
   * bytes.
   */
  packets:
    readonly (readonly [number, number, number, number, number, number, number, number, number, number, string])[];
  /** By how many microseconds the times of a gate's packets may be wrong, where another machine's clock tells them. */
  errors: Readonly<Record<string, number>>;
  /** Steps that hold or release, and others, at the moment when they took effect. */
  marks: readonly { t: number; kind: "hold" | "release" | "step"; text: string }[];
}

/** How many bytes of each packet the page has, so that one with many packets stays small. */
const BYTES_MOST = 128;
const BYTES_OF_MANY = 40;
const MANY = 5000;
const HOLDS = new Set(["buffer", "hold"]);
const RELEASES = new Set(["release-one", "release-packets", "release-indefinite", "detach"]);

/** Each packet once, by when it came in. */
export function pairPackets(events: readonly (PacketIn | PacketOut)[]): LadderPacket[] {
  const packets: LadderPacket[] = [];
  const inside = new Map<string, LadderPacket>();
  for (const one of events) {
    const { event, t, queue, number = 0, from = "", to = "", what, length, bytes = "" } = one;
    const key = `${queue} ${number}`;
    const known = event === "packet-out" ? inside.get(key) : undefined;
    if (known) {
      known.out = t;
      // It was counted in nanoseconds: the difference of two rounded moments may be a microsecond more or less.
      if (one.event === "packet-out" && one.waited !== undefined) known.in = t - one.waited;
    } else {
      const packet = {
        queue,
        number,
        in: t,
        out: event === "packet-out" ? t : undefined,
        from,
        to,
        what,
        length,
        bytes,
      };
      packets.push(packet);
      if (number > 0) inside.set(key, packet);
    }
  }
  return packets.sort((one, other) => one.in - other.in);
}

/** What the page draws of a run's packets. */
export function makeLadder(log: RunLog): Ladder {
  const packets = pairPackets(log.packets);
  const names = hostsByAddress(log);
  const laneOf = (end: string) => names.get(addressOf(end)) ?? addressOf(end);
  const used = new Set(packets.flatMap(({ from, to }) => [laneOf(from), laneOf(to)]));
  const hosts = log.start.hosts.map(({ name }) => name).filter((name) => used.has(name));
  const lanes = [...hosts, ...[...used].filter((lane) => !hosts.includes(lane))];
  const texts = new Map<string, number>();
  const text = (given: string) => {
    const index = texts.get(given) ?? texts.size;
    texts.set(given, index);
    return index;
  };
  const digits = 2 * (packets.length > MANY ? BYTES_OF_MANY : BYTES_MOST);
  const rows = packets.map((packet) =>
    [
      text(packet.queue),
      packet.number,
      packet.in,
      packet.out ?? -1,
      lanes.indexOf(laneOf(packet.from)),
      lanes.indexOf(laneOf(packet.to)),
      text(packet.from),
      text(packet.to),
      text(packet.what),
      packet.length,
      packet.bytes.slice(0, digits),
    ] as const
  );
  const errors = Object.fromEntries(
    hostsOfQueues(log).entries().flatMap(([queue, host]) => {
      const machine = log.machines.get(host ?? "");
      return machine ? [[queue, machine.clock.error] as const] : [];
    }),
  );
  return { lanes, texts: [...texts.keys()], packets: rows, errors, marks: packets.length === 0 ? [] : marksOf(log) };
}

function marksOf({ steps }: RunLog): Ladder["marks"] {
  return everyStep(steps).filter(({ steps, end }) => steps.length === 0 && end !== undefined && !end.skipped)
    .map((step) => ({
      t: momentOf(step),
      kind: HOLDS.has(step.start.action) ? "hold" : RELEASES.has(step.start.action) ? "release" : "step",
      text: `${step.start.step} ${step.start.name ?? step.start.text}`,
    } as const)).toArray()
    .sort((one, other) => one.t - other.t);
}

/** The host that has each address, where it is of the scenario's. */
function hostsByAddress({ start, machines }: Pick<RunLog, "start" | "machines">): Map<string, string> {
  return new Map([
    ...machines.entries().flatMap(([name, { addresses }]) => addresses.map((address) => [address, name] as const)),
    ...start.hosts.flatMap(({ name, devices }) =>
      devices.flatMap(({ addresses }) => addresses.map((address) => [address.replace(/\/\d+$/, ""), name] as const))
    ),
  ]);
}

/** Without the port: `10.0.0.1` of `10.0.0.1:80`, `fd00::1` of `[fd00::1]:80`. */
function addressOf(end: string): string {
  return /^\[(.*)\]:\d+$/.exec(end)?.[1] ?? /^([^:]+):\d+$/.exec(end)?.[1] ?? end;
}

/** The place for the ladder, and what it does not show; nothing where no packets were captured. */
export function ladderHtml(log: RunLog): Markup | undefined {
  const { unseen } = log.end ?? {};
  if (log.packets.length === 0) {
    const hasGate = log.start.queues.some(({ kind }) => kind === "gate");
    return unseen && hasGate
      ? markup`<section><h2>Packets</h2>
<p>No packet came into a gate.</p>${Object.entries(unseen).map(unseenHtml)}</section>\n`
      : undefined;
  }
  const gates = [...new Set(log.packets.map(({ queue }) => queue))];
  return markup`<section id="packets"><h2>Packets</h2>
<p class="hint">From the top down, in order of time; gaps without packets are shortened. A packet waits where its bar is, and goes where
its arrow is. Click one, or choose it with ← and →, to see what it holds; + and −, or the wheel with Ctrl, zoom.</p>
<div class="tools">
<label>Gate <select id="ladder-gate"><option value="">all</option>
${gates.map((gate) => markup`<option>${gate}</option>`)}</select></label>
<label>Connection <select id="ladder-connection"><option value="">all</option></select></label>
<label>Text <input id="ladder-text" type="search" size="16" placeholder="SYN, 10.0.0.1"></label>
<label>Rows <input id="ladder-scale" type="range" min="-4" max="1" step="0.25" value="0"></label>
<output id="ladder-count"></output>
</div>
<div class="ladder"><canvas></canvas>
<div id="ladder" tabindex="0" role="group" aria-label="Packets in order of time"><div></div></div></div>
<div id="ladder-detail" aria-live="polite"></div>
<details id="ladder-table"><summary>As a table</summary><div></div></details>
${Object.entries(unseen ?? {}).map(unseenHtml)}</section>\n`;
}

function unseenHtml([gate, { arrivals, departures, untold }]: [string, UnseenPackets]): Markup {
  const parts = [
    ...arrivals > 0 ? [`${formatNumberOf(arrivals, "packet")} that came in`] : [],
    ...departures > 0 ? [`${formatNumberOf(departures, "packet")} that left`] : [],
    ...untold > 0 ? [`${formatNumberOf(untold, "packet")} behind the first 20,000`] : [],
  ];
  return markup`<p class="hint">Not shown of ${gate}: ${parts.join(", ")}.</p>\n`;
}
