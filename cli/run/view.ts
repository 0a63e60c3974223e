// @ts-types="../colors.d.ts"
import { dim, green, red } from "@std/fmt/colors";
import type { QdiscStats } from "../../codec/message.ts";
import { numberOf } from "../../plug/quantity.ts";
import {
  formatRanges,
  type NumberRange,
  type ProcessEnd,
  type QueueTotal,
  type RanProcess,
  type ScenarioEnd,
  type ScenarioEvent,
  type StepEnd,
  type StepStart,
} from "../../scenario/event.ts";
import type { OutputLine } from "../../scenario/run/processes.ts";
import { type Context, isGiven } from "../context.ts";

const SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const TURN_MS = 100;
const CLEAR_LINE = "\r\x1b[K";
/** The width where the terminal does not tell its own. */
const COLUMNS = 80;
/** What stands before a step, by how it has ended. */
const SIGNS = { done: "✓", failed: "✗", unmet: "✗", aborted: "–" } as const;
/** What cannot be seen, or moves the cursor. */
const CONTROL = /(?!\t)\p{Cc}/gu;

/** Shows a scenario's events: one line a step, and on a terminal another that says what is waited for at the moment. */
export class RunView implements Disposable {
  /** Whether there is a line that changes. */
  readonly isTerminal: boolean;
  readonly #context: Context;
  readonly #isQuiet: boolean;
  readonly #isVerbose: boolean;
  readonly #colours: boolean;
  /** The steps that have begun and not ended, the innermost last. */
  readonly #open = new Map<string, StepStart>();
  readonly #lines = new Map<string, number>();
  readonly #held = new Map<string, number>();
  /** The last lines that each process has written, by what it is called. */
  readonly #last = new Map<string, readonly string[]>();
  /** Which process each step is about. */
  readonly #processOf = new Map<string, string>();
  readonly #timer?: ReturnType<typeof setInterval>;
  /** The first step that something else has ended, in words. */
  #endedEarly?: StepStart;
  /** Whether there were more packets than the events tell of. */
  hasMorePackets = false;
  /** Whether something has failed: what did so first is said in the end, and not here too. */
  #hasFailed = false;
  #turns = 0;
  /** What is asked of a person at the moment; `undefined` where nothing is. */
  #prompt?: string;

  constructor(context: Context, { isTerminal }: { isTerminal: boolean }) {
    this.#context = context;
    this.#isQuiet = isGiven(context, "quiet");
    this.#isVerbose = isGiven(context, "verbose");
    this.isTerminal = isTerminal && !this.#isQuiet;
    this.#colours = this.isTerminal && !Deno.noColor;
    if (this.isTerminal) this.#timer = setInterval(() => this.#spin(), TURN_MS);
  }

  /** Keeps in mind what is said of it in the end, and shows nothing. */
  readonly follow = (event: ScenarioEvent): void => {
    if (event.event === "step-start" && event.line !== undefined) this.#lines.set(event.step, event.line);
    if (event.event === "process-end") this.#keep(event.process, event.ran);
    if (event.event === "scenario-end") {
      this.hasMorePackets = Object.values(event.unseen ?? {}).some(({ untold }) => untold > 0);
    }
    if (event.event !== "step-end") return;
    const { step, outcome, ran } = event;
    const isCommand = ran !== undefined && ran.name === undefined;
    if (isCommand && outcome !== "done") this.#keep(`step ${step}`, ran);
  };

  /** Shows an event. */
  readonly show = (event: ScenarioEvent): void => {
    this.follow(event);
    switch (event.event) {
      case "scenario-start":
        return this.#line(`${event.name} (seed ${event.seed})`);
      case "step-start":
        return this.#begin(event);
      case "step-end":
        return this.#end(event);
      case "process-end":
        return this.#died(event);
      case "sample":
        return this.#note(event.queues);
      case "packet-in":
      case "packet-out":
        return;
      case "scenario-end":
        return this.#sum(event);
      default:
        return event satisfies never;
    }
  };

  /** Shows a line that a process has written, with `--verbose`. */
  readonly showOutput = ({ t, process = "command", text }: OutputLine): void => {
    this.#line(`${this.#paint(dim, `${seconds(t).padStart(10)}   ${process} |`)} ${text.replaceAll(CONTROL, "�")}`);
  };

  /** The line of the file where a step stands, where it does. */
  lineOf(step: string | undefined): number | undefined {
    return step === undefined ? undefined : this.#lines.get(step);
  }

  /** A step by its number and its place in the file: `step 3 (line 12)`. */
  nameOf(step: string): string {
    const line = this.lineOf(step);
    return `step ${step}${line === undefined ? "" : ` (line ${line})`}`;
  }

  /** The last lines that each process has written, those of the one that the failure is about at the end. */
  lastLines(step: string | undefined): string[] {
    if (this.#isVerbose) return [];
    const about = this.#processOf.get(step ?? "") ?? `step ${step}`;
    const names = [...this.#last.keys()].sort((one, other) => Number(one === about) - Number(other === about));
    const width = names.reduce((most, name) => Math.max(most, name.length), 0);
    return names.flatMap((name) =>
      (this.#last.get(name) ?? []).map((line) => `${name.padEnd(width)} | ${line.replaceAll(CONTROL, "�")}`)
    );
  }

  /** The step that the failure of another has ended, in words: `step 2 (line 9), wait until port 80 answers`. */
  endedBy(failed: string | undefined): string | undefined {
    if (!this.#endedEarly) return undefined;
    const { step, text, name } = this.#endedEarly;
    // One that has others in it says itself which of these it has ended.
    const isSaid = step === failed || step.startsWith(`${failed}.`) || step.startsWith(`${failed}[`);
    return isSaid ? undefined : `${this.nameOf(step)}, ${name ?? text}`;
  }

  /** Has no line change while a person is asked something, until the result is disposed of. */
  prompting(): Disposable {
    this.#prompt = "";
    this.#context.print(CLEAR_LINE);
    return { [Symbol.dispose]: () => void (this.#prompt = undefined) };
  }

  /** What is asked, below all else; nothing where that is answered. */
  set prompt(text: string) {
    this.#prompt = text;
    this.#context.print(`${CLEAR_LINE}${cut(text, columns() - 1)}`);
  }

  /** How wide the terminal is, in characters. */
  get columns(): number {
    return columns();
  }

  get hasColours(): boolean {
    return this.#colours;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #keep(name: string, { last = [] }: RanProcess): void {
    if (last.length > 0) this.#last.set(name, last);
  }

  #begin(start: StepStart): void {
    this.#open.set(start.step, start);
    if (start.process !== undefined) this.#processOf.set(start.step, start.process);
    if (start.outer) this.#line(this.#describe(start, { sign: " " }));
  }

  #end(end: StepEnd): void {
    const start = this.#open.get(end.step) as StepStart;
    const { outcome, phase } = end;
    this.#open.delete(end.step);
    this.#note(end.after);
    for (const note of end.notes ?? []) this.#context.note(note);
    if (end.skipped) return this.#line(this.#describe(start, { sign: "–", result: "skipped" }));
    if (start.outer) return;
    if (outcome === "aborted") this.#endedEarly ??= start;
    // How all is undone is of interest where it is not.
    if (phase === "undo" && outcome === "done" && !this.#isVerbose) return;
    const counters = end.queues.flatMap((name) =>
      end.after[name] ? `${name} holds ${end.after[name].backlogPackets}${leftText(end.left?.[name])}` : []
    );
    const result = outcome === "done" ? [milliseconds(end.duration), ...counters].join(", ") : outcome;
    const colour = outcome === "done" ? green : outcome === "aborted" ? dim : red;
    this.#line(this.#describe(start, { sign: SIGNS[outcome], colour, result }));
    if (outcome !== "failed" && outcome !== "unmet") return;
    if (this.#hasFailed) this.#line(`${" ".repeat(13)}${end.sentence}`);
    this.#hasFailed = true;
  }

  #died({ t, process, isExpected, ran }: ProcessEnd): void {
    if (isExpected) return;
    this.#hasFailed = true;
    const how = ran.signal === undefined ? `exit status ${ran.exit}` : `ended by ${ran.signal}`;
    this.#line(`${this.#paint(dim, seconds(t).padStart(10))} ${this.#paint(red, "✗")} ${process}: ${how}`);
  }

  #note(queues: Record<string, QdiscStats>): void {
    for (const [name, { backlogPackets }] of Object.entries(queues)) this.#held.set(name, backlogPackets);
  }

  #sum({ outcome, t, steps, queues, unseen = {} }: ScenarioEnd): void {
    clearInterval(this.#timer);
    const word = this.#paint(outcome === "done" ? green : red, `${SIGNS[outcome]} ${outcome}`);
    this.#line(`${word}: ${numberOf(steps, "step")} in ${seconds(t)}`);
    for (const [name, total] of Object.entries(queues)) this.#line(`  ${totalText(name, total)}`);
    for (const [name, { arrivals, departures }] of Object.entries(unseen)) {
      const parts = [
        ...arrivals > 0 ? [`${numberOf(arrivals, "packet")} came in`] : [],
        ...departures > 0 ? [`${numberOf(departures, "packet")} left`] : [],
      ];
      if (parts.length > 0) this.#line(`  ${name}: ${parts.join(" and ")} that the capture did not see`);
    }
  }

  /** A step in a line, which on a terminal is no longer than that is wide. */
  #describe(
    { t, step, phase, host, name, text }: StepStart,
    { sign, colour = dim, result }: { sign: string; colour?: (text: string) => string; result?: string },
  ): string {
    const depth = phase === "undo" ? 0 : step.replace(/^cleanup\./, "").split(/[.[]/).length - 1;
    const place = `${"  ".repeat(Math.min(depth, 8))}${step}`.padEnd(4);
    const head = `${seconds(t).padStart(10)} ${sign} ${place}`;
    const what = `${host === undefined ? "" : `${host}: `}${name ?? text}`;
    const room = this.isTerminal
      ? columns() - head.length - 3 - (result === undefined ? 0 : result.length + 2)
      : Infinity;
    const oneLine = what.trimEnd().replaceAll("\n", "\\n").replaceAll(CONTROL, "�");
    const shown = cut(oneLine, Math.max(room, 10));
    const painted = this.#colours
      ? head.replace(/^( *\S+ s) (.)/, (_, time, sign) => `${dim(time)} ${colour(sign)}`)
      : head;
    return `${painted}  ${shown}${result === undefined ? "" : `  ${this.#paint(sign === "✓" ? dim : colour, result)}`}`;
  }

  /** Writes a line above the one that changes. */
  #line(text: string): void {
    if (this.#isQuiet) return;
    this.#context.print(`${this.isTerminal ? CLEAR_LINE : ""}${text}\n${this.#prompt ?? ""}`);
  }

  /** Shows what is being waited for, and how much is held. */
  #spin(): void {
    const current = this.#open.values().toArray().at(-1);
    if (!current || this.#prompt !== undefined) return;
    const held = this.#held.entries().map(([name, packets]) => `${name} holds ${packets}`).toArray().join(", ");
    const sign = SPINNER[this.#turns++ % SPINNER.length];
    const text = `${sign} ${current.step}  ${current.name ?? current.text}${held && `  ${held}`}`;
    this.#context.print(`${CLEAR_LINE}${cut(text.replaceAll(CONTROL, "�"), columns() - 1)}`);
  }

  #paint(colour: (text: string) => string, text: string): string {
    return this.#colours ? colour(text) : text;
  }
}

/** The last lines of processes but those that are quoted at the end of what is said below them. */
export function linesAbove(said: readonly string[], lines: readonly string[]): string[] {
  return lines.filter((line) => {
    const text = line.slice(line.indexOf(" | ") + 3).trim();
    return text === "" || !said.some((sentence) => sentence.endsWith(`: ${text}`));
  });
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function columns(): number {
  try {
    return Deno.consoleSize().columns || COLUMNS;
  } catch {
    return COLUMNS; // The terminal was closed meanwhile.
  }
}

/** Which packets have left: `, let go 1–10`. */
function leftText(ranges: readonly NumberRange[] | undefined): string {
  return ranges ? `, let go ${formatRanges(ranges)}` : "";
}

function totalText(name: string, { packets, drops, holds, longestHold, mostHeld }: QueueTotal): string {
  const held = holds === 0
    ? "never held"
    : `held ${numberOf(holds, "time")}, longest ${milliseconds(longestHold)}, most ${numberOf(mostHeld, "packet")}`;
  return `${name}: ${numberOf(packets, "packet")}, ${drops} dropped, ${held}`;
}

function seconds(micros: number): string {
  return `${(micros / 1e6).toFixed(3)} s`;
}

function milliseconds(micros: number): string {
  if (micros >= 10_000_000) return seconds(micros);
  return micros < 1000 ? "<1 ms" : `${Math.round(micros / 1000)} ms`;
}
