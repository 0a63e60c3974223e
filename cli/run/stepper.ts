// @ts-types="../colors.d.ts"
import { bold, dim, red } from "@std/fmt/colors";
import { numberOf } from "../../plug/quantity.ts";
import type { OnStop, Sight, Stop, StopBefore } from "../../scenario/run/stops.ts";
import { type Context, textTable } from "../context.ts";
import { describeFailure } from "../failure.ts";
import { cut, timeText, visible } from "../watch/text.ts";
import { type Key, keysIn } from "../watch/keys.ts";
import { runShell } from "./shell.ts";
import type { RunView } from "./view.ts";

/** How many packets of each gate are listed. */
const PACKETS_MOST = 10;

const KEYS: readonly (readonly [key: string, does: string])[] = [
  ["Enter", "do this step, and stop before the next"],
  ["c", "go on to the next break: true, to a failure, or to the end"],
  ["r", "release everything that is held"],
  ["s", "open a shell on a host; in another terminal: plugctl shell HOST"],
  ["l", "look again"],
  ["q", "end the scenario, and undo everything"],
];

/** Lets a person look at a scenario each time that it stops, and says what it is to do. */
export class Stepper {
  readonly #context: Context;
  readonly #view: RunView;
  readonly #quit: () => void;
  readonly #keys: Key[] = [];
  #reading?: Promise<void>;

  /** `quit` ends the scenario. */
  constructor(context: Context, { view, quit }: { view: RunView; quit: () => void }) {
    this.#context = context;
    this.#view = view;
    this.#quit = quit;
  }

  /** Shows what there is, and does what keys say until one of them has the scenario go on. */
  readonly onStop: OnStop = async (stop) => {
    using _prompt = this.#view.prompting();
    this.#show(stop);
    for (;;) {
      const next = await this.#ask(stop);
      if (next) return next;
    }
  };

  /** Does what one key says; returns before what to stop next where it is to go on. */
  async #ask(stop: Stop): Promise<StopBefore | undefined> {
    const isEnd = stop.why === "end";
    this.#view.prompt = isEnd
      ? "Enter undo and end, r release, s shell, l look, ? help: "
      : "Enter step, c go on, r release, s shell, l look, q quit, ? help: ";
    const key = await this.#key(stop.signal);
    this.#view.prompt = "";
    if (key === undefined || isEnd && (key === "q" || key === "c")) return "step";
    switch (key) {
      case "enter":
      case "n":
        return "step";
      case "c":
        return "break";
      case "q":
        this.#quit();
        return "step";
      case "r":
        return void await this.#release(stop);
      case "s":
        return void await this.#shell(stop);
      case "l":
        return void this.#show(stop);
      case "?":
        return void this.#print(KEYS.map(([key, does]) => `  ${key.padEnd(6)} ${does}`));
      default:
        return undefined;
    }
  }

  #show(stop: Stop): void {
    const { columns, hasColours } = this.#view;
    this.#print(stopLines(stop, stop.look(), { columns, hasColours }));
  }

  async #release(stop: Stop): Promise<void> {
    try {
      const held = await stop.release();
      this.#print([held.length === 0 ? "nothing was held" : `released ${held.join(", ")}`]);
    } catch (error) {
      this.#print([describeFailure(error).message]);
    }
  }

  async #shell({ hosts, env, signal }: Stop): Promise<void> {
    const host = hosts.length > 1 ? await this.#choose(hosts, signal) : hosts[0] ?? { name: "here" };
    if (!host) return;
    this.#print([`a shell on ${host.name === "here" ? "this machine" : host.name}: exit comes back`]);
    try {
      await runShell({ host: host.name, netns: host.netns, env, signal });
    } catch (error) {
      this.#print([describeFailure(error).message]);
    }
  }

  async #choose(hosts: Stop["hosts"], signal: AbortSignal): Promise<Stop["hosts"][number] | undefined> {
    this.#print(hosts.map(({ name }, index) => `  ${index + 1}  ${name}`));
    this.#view.prompt = `a shell on which host? 1 to ${hosts.length}${hosts.length > 9 ? ", then Enter" : ""}: `;
    let digits = "";
    // Of more than nine, Enter ends the number. Letters are passed over: a name that is typed here asks for no steps.
    for (let key = await this.#key(signal); !isEnd(key); key = await this.#key(signal)) {
      if (!/^[0-9]$/.test(key)) continue;
      digits += key;
      if (hosts.length <= 9) break;
    }
    this.#view.prompt = "";
    return hosts[Number(digits) - 1];
  }

  /** The next key; nothing where the scenario is to end, or the terminal is closed. */
  async #key(signal: AbortSignal): Promise<Key | undefined> {
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const abort = () => resolve();
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    try {
      while (this.#keys.length === 0 && !signal.aborted) {
        // What waits for a key goes on waiting where it was ended: the next asks it.
        this.#reading ??= this.#read();
        await Promise.race([this.#reading, ended]);
      }
    } finally {
      signal.removeEventListener("abort", abort);
    }
    const key = this.#keys.shift();
    return key === "end" ? undefined : key;
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(64);
    // Ctrl-C and Ctrl-Z do what they do elsewhere.
    Deno.stdin.setRaw(true, { cbreak: true });
    const length = await Deno.stdin.read(buffer).catch(() => null);
    this.#reading = undefined;
    try {
      Deno.stdin.setRaw(false);
    } catch {
      // The terminal is closed.
    }
    if (length === null) {
      this.#quit();
      this.#keys.push("end");
    } else this.#keys.push(...keysIn(new TextDecoder().decode(buffer.subarray(0, length))));
  }

  /** Gives the terminal back as it was. */
  [Symbol.dispose](): void {
    if (!this.#reading) return;
    try {
      Deno.stdin.setRaw(false);
    } catch {
      // It is closed.
    }
  }

  #print(lines: readonly string[]): void {
    for (const line of lines) this.#context.print(`${line}\n`);
  }
}

/** Whether nothing more is to be asked. */
function isEnd(key: Key | undefined): key is undefined | "enter" | "escape" {
  return key === undefined || key === "enter" || key === "escape";
}

/** What is shown of a scenario that stands still. */
export function stopLines(
  { why, step, failure, maxHoldMs }: Pick<Stop, "why" | "step" | "failure" | "maxHoldMs">,
  { queues, processes }: Sight,
  { columns, hasColours }: { columns: number; hasColours: boolean },
): string[] {
  const paint = (colour: (text: string) => string, text: string) => hasColours ? colour(text) : text;
  const line = (text: string) => cut(visible(text), columns - 3);
  const rule = (text: string) => paint(bold, `── ${line(text)} `.padEnd(columns, "─"));
  const head = step
    ? `${why === "break" ? "break" : "stopped"} before step ${step.path}${at(step.line)}`
    : failure
    ? `failed${failure.step === undefined ? "" : ` in step ${failure.step}`}; nothing is undone yet`
    : "all steps are done; nothing is undone yet";
  const next = step && `${step.host === undefined ? "" : `${step.host}: `}${step.text}`;
  const isHeld = queues.some(({ heldMs }) => heldMs !== undefined);
  return [
    rule(head),
    ...next === undefined ? [] : [`   ${line(next)}`],
    ...failure ? failure.sentence.split("\n").map((text) => paint(red, `   ${visible(text)}`)) : [],
    ...queueLines(queues).map((text) => `   ${line(text)}`),
    ...isHeld
      ? [
        paint(
          dim,
          `   ${line(`held until ${timeText(maxHoldMs)} after you go on at the most, or until plugctl is killed`)}`,
        ),
      ]
      : [],
    ...processLines(processes).map((text) => `   ${line(text)}`),
  ];
}

function at(line: number | undefined): string {
  return line === undefined ? "" : ` (line ${line})`;
}

function queueLines(queues: Sight["queues"]): string[] {
  if (queues.length === 0) return ["no gate and no plug is there"];
  const rows = queues.map(({ name, kind, host = "", heldMs, stats }) => [
    `${kind} ${name}`,
    host,
    !stats ? "is gone" : heldMs === undefined ? "passes" : `holds ${timeText(heldMs)}`,
    stats ? `${numberOf(stats.backlogPackets, "packet")} waiting` : "",
    stats ? `${stats.packets} sent, ${stats.drops} dropped` : "",
  ]);
  const lines = textTable(rows).split("\n");
  return queues.flatMap(({ packets }, index) => [lines[index], ...packetLines(packets ?? [])]);
}

function packetLines(packets: NonNullable<Sight["queues"][number]["packets"]>): string[] {
  if (packets.length === 0) return [];
  const rows = packets.slice(0, PACKETS_MOST).map(({ number, waitedMs, from = "", to = "", what }) => [
    `  ${number}`,
    timeText(waitedMs),
    `${from} > ${to}`,
    what,
  ]);
  const more = packets.length - rows.length;
  return [...textTable(rows).split("\n"), ...more > 0 ? [`  and ${more} more`] : []];
}

function processLines(processes: Sight["processes"]): string[] {
  if (processes.length === 0) return [];
  const rows = processes.map(({ name, host = "", pid, ended, last = "" }) => [
    `process ${name}`,
    host,
    ended ?? `runs, ${pid}`,
    last && `| ${last.trim()}`,
  ]);
  return textTable(rows).split("\n");
}
