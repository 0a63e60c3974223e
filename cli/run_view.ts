// @ts-types="./colors.d.ts"
import { dim, green, red } from "@std/fmt/colors";
import type { QdiscStats } from "../codec/message.ts";
import { numberOf } from "../plug/quantity.ts";
import type { Action, QueueTotal, ScenarioEnd, ScenarioEvent, StepEnd, StepStart } from "../scenario/event.ts";
import { type Context, isGiven } from "./context.ts";

/** The steps in which others stand: a line says that they begin. */
const OUTER: readonly Action[] = ["repeat", "round", "parallel", "branch"];
const SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const TURN_MS = 100;
/** How much of a failed command's output is shown, in lines. */
const OUTPUT_LINES = 10;
const CLEAR_LINE = "\r\x1b[K";
/** The width where the terminal does not tell its own. */
const COLUMNS = 80;

/** Shows a scenario's events: one line a step, and on a terminal another that says what is waited for at the moment. */
export class RunView implements Disposable {
  /** Whether there is a line that changes. */
  readonly isTerminal: boolean;
  readonly #context: Context;
  readonly #isQuiet: boolean;
  readonly #colours: boolean;
  /** The steps that have begun and not ended, the innermost last. */
  readonly #open = new Map<string, StepStart>();
  readonly #lines = new Map<string, number>();
  readonly #held = new Map<string, number>();
  readonly #timer?: ReturnType<typeof setInterval>;
  #turns = 0;

  constructor(context: Context, { isTerminal }: { isTerminal: boolean }) {
    this.#context = context;
    this.#isQuiet = isGiven(context, "quiet");
    this.isTerminal = isTerminal && !this.#isQuiet;
    this.#colours = this.isTerminal && !Deno.noColor;
    if (this.isTerminal) this.#timer = setInterval(() => this.#spin(), TURN_MS);
  }

  /** Keeps in mind where steps stand, and shows nothing. */
  readonly follow = (event: ScenarioEvent): void => {
    if (event.event === "step-start" && event.line !== undefined) this.#lines.set(event.step, event.line);
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
      case "sample":
        return this.#note(event.queues);
      case "scenario-end":
        return this.#sum(event);
    }
  };

  /** Where a step stands in the file, in words to put behind it: ` (line 12)`. */
  lineOf(step: string): string {
    const line = this.#lines.get(step);
    return line === undefined ? "" : ` (line ${line})`;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #begin(start: StepStart): void {
    this.#open.set(start.step, start);
    if (OUTER.includes(start.action)) this.#line(this.#describe(start, ""));
  }

  #end(end: StepEnd): void {
    const start = this.#open.get(end.step) as StepStart;
    this.#open.delete(end.step);
    this.#note(end.after);
    if (OUTER.includes(end.action)) return;
    const counters = end.queues.map((name) => end.after[name] && `${name} holds ${end.after[name].backlogPackets}`);
    const result = [milliseconds(end.duration), ...counters.filter(Boolean)].join(", ");
    this.#line(
      this.#describe(start, end.outcome === "done" ? this.#paint(dim, result) : this.#paint(red, end.outcome)),
    );
    for (const note of end.notes ?? []) this.#context.note(note);
    if (end.outcome === "done") return;
    for (const line of [end.sentence, ...outputOf(end)]) this.#line(`${" ".repeat(14)}${line}`);
  }

  #note(queues: Record<string, QdiscStats>): void {
    for (const [name, { backlogPackets }] of Object.entries(queues)) this.#held.set(name, backlogPackets);
  }

  #sum({ outcome, t, steps, queues }: ScenarioEnd): void {
    clearInterval(this.#timer);
    const word = outcome === "done" ? this.#paint(green, outcome) : this.#paint(red, outcome);
    this.#line(`${word}: ${numberOf(steps, "step")} in ${seconds(t)}`);
    for (const [name, total] of Object.entries(queues)) this.#line(`  ${totalText(name, total)}`);
  }

  #describe({ t, step, host, name, text }: StepStart, result: string): string {
    const what = `${host === undefined ? "" : `${host}: `}${name ?? text}`;
    return `${this.#paint(dim, seconds(t).padStart(12))}  ${step.padEnd(8)}  ${what}${result && `  ${result}`}`;
  }

  /** Writes a line above the one that changes. */
  #line(text: string): void {
    if (!this.#isQuiet) this.#context.print(`${this.isTerminal ? CLEAR_LINE : ""}${text}\n`);
  }

  /** Shows what is being waited for, and how much is held. */
  #spin(): void {
    const current = this.#open.values().toArray().at(-1);
    if (!current) return;
    const held = this.#held.entries().map(([name, packets]) => `${name} holds ${packets}`).toArray().join(", ");
    const sign = SPINNER[this.#turns++ % SPINNER.length];
    const text = `${sign} ${current.step}  ${current.name ?? current.text}${held && `  ${held}`}`;
    this.#context.print(`${CLEAR_LINE}${text.slice(0, columns() - 1)}`);
  }

  #paint(colour: (text: string) => string, text: string): string {
    return this.#colours ? colour(text) : text;
  }
}

function columns(): number {
  try {
    return Deno.consoleSize().columns || COLUMNS;
  } catch {
    return COLUMNS; // The terminal was closed meanwhile.
  }
}

/** The last lines that the command of a failed step has written. */
function outputOf({ ran }: StepEnd): string[] {
  return [ran?.stdout, ran?.stderr].flatMap((text) => text?.trim() ? text.trim().split("\n").slice(-OUTPUT_LINES) : []);
}

function totalText(name: string, { packets, drops, holds, longestHold, mostHeld }: QueueTotal): string {
  const held = holds === 0
    ? "never held"
    : `held ${numberOf(holds, "time")}, longest ${milliseconds(longestHold)}, most ${numberOf(mostHeld, "packet")}`;
  return `${name}: ${numberOf(packets, "packet")}, ${drops} dropped, ${held}`;
}

function seconds(micros: number): string {
  return `${(micros / 1e6).toFixed(6)} s`;
}

function milliseconds(micros: number): string {
  if (micros >= 10_000_000) return `${(micros / 1e6).toFixed(1)} s`;
  return `${(micros / 1000).toFixed(micros < 10_000 ? 2 : 0)} ms`;
}
