import type { KnownHost } from "../../fleet/caller.ts";
import { isMeant } from "../../fleet/subject.ts";

/** After how many milliseconds without a word a host is told as lost, and how often that is looked for. */
const LOST_MS = 15_000;
const LOOK_MS = 1000;

/** What a host has told. */
export interface Told {
  host: string;
  kind: "log" | "here";
  data: unknown;
}

/** Tells what happens on hosts, and which of them are lost and back. */
export class FleetWatch implements Disposable {
  readonly #patterns: readonly string[];
  readonly #print: (line: string, data: Record<string, unknown>) => void;
  readonly #hosts = new Map<string, { heardMs: number; labels: readonly string[]; isLost: boolean }>();
  /** The last entry of each host's log that was shown. */
  readonly #last = new Map<string, { log: unknown; seq: number }>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(patterns: readonly string[], print: (line: string, data: Record<string, unknown>) => void) {
    this.#patterns = patterns;
    this.#print = print;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** A host that was found. */
  know({ host, status }: KnownHost): void {
    const isLost = status === undefined;
    this.#hosts.set(host, { heardMs: isLost ? 0 : performance.now(), labels: status?.labels ?? [], isLost });
    this.#say(host, isLost ? "does not answer" : "is there");
  }

  take({ host, kind, data }: Told): void {
    const fields = data as Record<string, unknown>;
    const known = this.#hosts.get(host);
    const labels = kind === "here" ? fields.labels as string[] : known?.labels ?? [];
    if (this.#patterns.length > 0 && !isMeant(this.#patterns, host, labels)) return;
    this.#hosts.set(host, { heardMs: performance.now(), labels, isLost: false });
    if (!known) this.#say(host, "is there");
    else if (known.isLost) this.#say(host, "is back");
    if (kind === "log" && this.#isNew(host, fields)) this.#print(lineOf(host, fields), { host, ...fields });
  }

  /** What the stream keeps once was sent more than once, where an answer of the broker was lost. */
  #isNew(host: string, { log, seq }: { log?: unknown; seq?: unknown }): boolean {
    const last = this.#last.get(host);
    if (last !== undefined && last.log === log && Number(seq) <= last.seq) return false;
    this.#last.set(host, { log, seq: Number(seq) });
    return true;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const [host, known] of this.#hosts) {
      if (known.isLost || performance.now() - known.heardMs < LOST_MS) continue;
      known.isLost = true;
      this.#say(host, "is not heard of");
    }
  }

  #say(host: string, text: string): void {
    const time = new Date().toISOString();
    this.#print(`${time} ${host}: ${text}`, { host, time, event: text.replaceAll(" ", "-") });
  }
}

/** An entry of a host's log as a line. */
function lineOf(host: string, { time, event, ...fields }: Record<string, unknown>): string {
  const hold = fields.hold as Record<string, unknown> | undefined;
  const parts: unknown[] = [fields.who === undefined ? undefined : `by ${fields.who}`, fields.operation];
  if (hold) {
    const { names, at, lateMs, ended, heldMs } = hold;
    parts.push(
      (names as string[] | undefined)?.join(", ") ?? hold.name,
      at === undefined || event !== "armed" ? undefined : `at ${at}`,
      lateMs === undefined || event !== "holding" ? undefined : `${Number(lateMs).toFixed(1)} ms after the moment`,
      ended ?? hold.why,
      heldMs === undefined ? undefined : `held ${Number(heldMs).toFixed(1)} ms`,
    );
  }
  const problem = (fields.problem ?? hold?.problem) as { message?: string } | undefined;
  const text = [...parts, problem?.message].filter((part) => part !== undefined).join(", ");
  return `${time} ${host}: ${event}${text === "" ? "" : `: ${text}`}`;
}
