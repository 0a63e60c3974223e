import { inNamespace } from "../../linux/namespace.ts";
import { findUser } from "../../linux/process.ts";
import { fitsText, type PlannedCommand, type TextTest } from "../plan.ts";
import type { RanProcess } from "../event.ts";
import { bounded, pause } from "./clock.ts";
import { StepError } from "./step_error.ts";

/** How much of each stream is kept, in UTF-16 units: the end of it. */
const KEPT = 64 * 1024;
/** How many lines are kept for those who wait for one. */
const LINES_MAX = 10_000;
/** How many lines are kept as its last words, and how much of each. */
const LAST_LINES = 20;
const LINE_LENGTH = 1000;

/** Where a process writes. */
export type Stream = "stdout" | "stderr";

/** What a process has written. */
export class Output {
  readonly #onLine?: (line: string, stream: Stream) => void;
  readonly #texts = { stdout: "", stderr: "" };
  readonly #unfinished = { stdout: "", stderr: "" };
  #lines: string[] = [];
  #last: string[] = [];
  #cut = false;
  #length = 0;

  /** `onLine` is given each line once all of it is there. */
  constructor(onLine?: (line: string, stream: Stream) => void) {
    this.#onLine = onLine;
  }

  /** Reads a stream to its end. */
  async read(stream: ReadableStream<Uint8Array<ArrayBuffer>>, name: Stream): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.#add(name, text);
    if (this.#unfinished[name] !== "") this.#add(name, "\n");
  }

  /** The end of what it has written, and whether there was more before that. */
  get kept(): { stdout: string; stderr: string; cut: boolean } {
    return { ...this.#texts, cut: this.#cut };
  }

  /** The last lines that it has written to either, in the order in which they were read. */
  get last(): string[] {
    const open = Object.values(this.#unfinished).filter((text) => text !== "");
    return [...this.#last, ...open].map((line) => line.slice(0, LINE_LENGTH)).slice(-LAST_LINES);
  }

  /** How much it has written, in UTF-16 units. */
  get length(): number {
    return this.#length;
  }

  /** Looks for a line that no earlier look has found or passed over; where it is found, those up to it are used up. */
  takeLine(test: TextTest): boolean {
    const index = this.#lines.findIndex((line) => fitsText(line, test));
    if (index >= 0) this.#lines.splice(0, index + 1);
    return index >= 0;
  }

  #add(name: Stream, text: string): void {
    this.#length += text.length;
    const whole = this.#texts[name] + text;
    this.#cut ||= whole.length > KEPT;
    this.#texts[name] = whole.slice(-KEPT);
    const lines = (this.#unfinished[name] + text).split("\n");
    this.#unfinished[name] = (lines.pop() ?? "").slice(-KEPT);
    this.#lines = [...this.#lines, ...lines].slice(-LINES_MAX);
    this.#last = [...this.#last, ...lines.slice(-LAST_LINES)].slice(-LAST_LINES);
    for (const line of lines) this.#onLine?.(line, name);
  }
}

/** How long after the end of a process its output is read while another process keeps it open, in milliseconds. */
const LINGER_MS = 50;
/** How long that may go on where it keeps writing. */
const LINGER_MAX_MS = 500;

/** Where a process runs. */
export interface ProcessPlace {
  /** What the scenario calls it. */
  name?: string;
  /** The network namespace; absent for this process's own. */
  netns?: string;
  /** The folder of the scenario's file. */
  folder: string;
  /** What it has in its environment besides what the scenario says. */
  env: Readonly<Record<string, string>>;
  /** Microseconds since the scenario began. */
  now: () => number;
  /** Whether its input stays open for what is written to it later. */
  keepsInput?: boolean;
  /** Is given each line that it writes. */
  onLine?: (line: string, stream: Stream) => void;
}

/** The signals that are meant to end a process. */
const ENDING: readonly Deno.Signal[] = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGKILL", "SIGABRT"];

/** A process of a scenario: the leader of a group, which no signal of a terminal reaches. */
export class ScenarioProcess {
  readonly name?: string;
  readonly output: Output;
  /** Resolves when it has ended and its output has been read. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #words: readonly string[];
  readonly #from: number;
  readonly #input?: WritableStreamDefaultWriter<Uint8Array>;
  #to?: number;
  #status?: Deno.CommandStatus;
  #isTold = false;

  private constructor(
    child: Deno.ChildProcess,
    { words, place, from, input, fed }: {
      words: readonly string[];
      place: ProcessPlace;
      from: number;
      input?: WritableStreamDefaultWriter<Uint8Array>;
      fed?: Promise<void>;
    },
  ) {
    this.#input = input;
    this.#child = child;
    this.#words = words;
    this.name = place.name;
    this.output = new Output(place.onLine);
    this.#from = from;
    this.ended = this.#end(place.now, fed);
  }

  /**
   * Starts a command.
   *
   * @throws {StepError} where there is no such program or folder, or it may not be run
   */
  static start({ command, env, cwd, user, stdin }: PlannedCommand, place: ProcessPlace): ScenarioProcess {
    const words = typeof command === "string" ? ["/bin/sh", "-c", command] : command;
    const [program, ...args] = words;
    const starting = place.name === undefined ? `run ${program}` : `start ${place.name}`;
    const runsAs = user === undefined ? undefined : userOf(user, starting);
    const options: Deno.CommandOptions = {
      args,
      cwd: cwd === undefined ? place.folder : cwd.startsWith("/") ? cwd : `${place.folder}/${cwd}`,
      env: { ...runsAs?.env, ...env, ...place.env },
      ...runsAs?.ids,
      stdin: stdin === undefined && !place.keepsInput ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    };
    // Before, as a busy machine runs it for a while before it says that it does.
    const from = place.now();
    const child = spawn(() => new Deno.Command(program, options).spawn(), {
      program,
      folder: String(options.cwd),
      starting,
      user,
      netns: place.netns,
    });
    const input = stdin === undefined && !place.keepsInput ? undefined : child.stdin.getWriter();
    const fed = stdin === undefined ? undefined : feed(input, { text: stdin, isLast: !place.keepsInput });
    return new ScenarioProcess(child, { words, place, from, input, fed });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** How it has ended; `undefined` while it runs. */
  get status(): Deno.CommandStatus | undefined {
    return this.#status;
  }

  /** Whether it was sent a signal that is meant to end it. */
  get isTold(): boolean {
    return this.#isTold;
  }

  /** Sends a signal to it and to what it has started in its group; none where it has ended. */
  signal(name: Deno.Signal, { isToEnd = ENDING.includes(name) } = {}): void {
    if (this.#status) return;
    this.#isTold ||= isToEnd;
    signalGroup(this.pid, name);
  }

  /**
   * Writes to its input, and returns when it has been taken.
   *
   * @throws {StepError} where nothing more can be written to it
   */
  async write(text: string, { isLast, signal }: { isLast: boolean; signal: AbortSignal }): Promise<void> {
    try {
      await bounded(feed(this.#input, { text, isLast }), { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw new StepError(`Cannot send to ${this.name}: its input is closed`, { cause: error });
    }
  }

  /** What is known of it now. */
  describe(): RanProcess {
    const { stdout, stderr, cut } = this.output.kept;
    const ran: RanProcess = { name: this.name, pid: this.pid, command: [...this.#words], from: this.#from };
    if (!this.#status) return ran;
    const { code, signal } = this.#status;
    const how = signal ? { signal } : { exit: code };
    const { last } = this.output;
    return { ...ran, to: this.#to, ...how, stdout, stderr, ...cut ? { cut } : {}, ...last.length > 0 ? { last } : {} };
  }

  async #end(now: () => number, fed: Promise<void> | undefined): Promise<Deno.CommandStatus> {
    const { stdout, stderr, status } = this.#child;
    // What cannot be read or written any more is no reason not to see how it ends.
    const read = Promise.allSettled([this.output.read(stdout, "stdout"), this.output.read(stderr, "stderr"), fed]);
    const how = await status;
    this.#to = now();
    await Promise.race([read, this.#quiet()]);
    this.#status = how;
    return how;
  }

  /** Resolves when nothing more is written for a while: a daemon may keep the output open for ever. */
  async #quiet(): Promise<void> {
    const latest = performance.now() + LINGER_MAX_MS;
    let before: number;
    do {
      before = this.output.length;
      await pause(LINGER_MS);
    } while (this.output.length > before && performance.now() < latest);
  }
}

/** What a process of a user has. */
function userOf(name: string, starting: string): { ids: { uid: number; gid: number }; env: Record<string, string> } {
  const user = findUser(name);
  if (!user) throw new StepError(`Cannot ${starting}: there is no user ${name}`);
  const { uid, gid, home, name: known } = user;
  return { ids: { uid, gid }, env: { HOME: home, USER: known, LOGNAME: known } };
}

/** Starts a program where it is to run. */
function spawn(
  start: () => Deno.ChildProcess,
  { netns, ...what }: { netns?: string; starting: string } & Spawned,
): Deno.ChildProcess {
  try {
    return netns === undefined ? start() : inNamespace(netns, start);
  } catch (error) {
    const why = error instanceof Deno.errors.PermissionDenied
      ? whyForbidden(what)
      : error instanceof Deno.errors.NotFound
      ? whyMissing(what)
      : undefined;
    if (why === undefined) throw error;
    throw new StepError(`Cannot ${what.starting}: ${why}`, { cause: error });
  }
}

/** What is to be started, where, and as whom. */
interface Spawned {
  program: string;
  folder: string;
  user?: string;
}

function whyForbidden({ program, folder, user }: Spawned): string {
  if (user !== undefined && Deno.uid() !== 0) return `only root may run a program as another user, ${user}`;
  return `${user ?? "this user"} may not run ${program}, or not enter the folder ${folder}`;
}

function whyMissing({ program, folder }: Spawned): string {
  try {
    Deno.statSync(folder);
    return `there is no program ${program}`;
  } catch {
    return `there is no folder ${folder}`;
  }
}

/** Sends a signal to all processes of a group; to none where it has ended. */
function signalGroup(leader: number, signal: Deno.Signal): void {
  try {
    Deno.kill(-leader, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Writes what a process is to read.
 *
 * @throws where it does not read it
 */
async function feed(
  input: WritableStreamDefaultWriter<Uint8Array> | undefined,
  { text, isLast }: { text: string; isLast: boolean },
): Promise<void> {
  if (!input) throw new TypeError("it has no input");
  if (text !== "") await input.write(new TextEncoder().encode(text));
  if (isLast) await input.close();
}
