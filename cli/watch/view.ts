import type { Connection } from "../../netlink/connection.ts";
import type { Context } from "../context.ts";
import { interruptible } from "../exit_status.ts";
import { describeFailure } from "../failure.ts";
import { carryOut, type Deed } from "./deeds.ts";
import type { Key } from "./keys.ts";
import { drawScreen } from "./screen.ts";
import { SelectedPackets } from "./selected_packets.ts";
import { Terminal } from "./terminal.ts";
import { timeText, waitText } from "./text.ts";
import type { WatchedMachine, WatchEvent } from "./watched_machine.ts";
import type { WatchedQueue } from "./watched_queue.ts";

/** What is shown on a terminal. */
export interface ViewOptions {
  machine: WatchedMachine;
  connection: Connection;
  netns?: string;
  /** ` --netns b`, for command lines. */
  where: string;
  /** How long what a key holds is held at the most. */
  maxHoldMs: number;
}

const DEEDS: Readonly<Record<Key, Deed>> = { h: "hold", r: "release", "1": "release-one" };
/** How many digits a number of packets has at the most. */
const DIGITS_MOST = 10;
/** How far each key goes in the list. */
const STEPS: Readonly<Record<Key, number>> = {
  up: -1,
  k: -1,
  down: 1,
  j: 1,
  "page-up": -10,
  "page-down": 10,
  home: -Infinity,
  end: Infinity,
};
/** For how long a message is shown. */
const MESSAGE_MS = 10_000;
/** How often ages are drawn anew, and how soon after a change at the earliest. */
const DRAW_MS = 500;
const PAUSE_MS = 40;

/** What was told to hold by a key, and until when it does at the latest, in milliseconds since 1970. */
type Holds = Map<WatchedQueue, number>;

/** The live view: shows until it is told to quit, the terminal is closed or a signal comes. */
export async function view(context: Context, options: ViewOptions): Promise<void> {
  const own: Holds = new Map();
  await interruptible(async (signal) => {
    await using shown = new View(options, own);
    signal.addEventListener("abort", () => shown.quit(), { once: true });
    await shown.run();
    signal.throwIfAborted();
  }).finally(() => tellHolds(context, own, options.where));
}

/** Says what goes on holding by a key. */
function tellHolds(context: Context, own: Readonly<Holds>, where: string): void {
  for (const [{ name, state, facts }, untilMs] of own) {
    const leftMs = untilMs - Date.now();
    if (state === "passes" || leftMs <= 0) continue;
    const left = timeText(leftMs);
    context.note(
      `${name} goes on holding, and ${waitText(facts.stats.backlogPackets)}: its guardian releases it in ${left}; ` +
        `release it now with: plugctl release ${name}${where}`,
    );
  }
}

class View implements AsyncDisposable {
  readonly #options: ViewOptions;
  readonly #own: Holds;
  readonly #terminal: Terminal;
  readonly #packets: SelectedPackets;
  #selected?: WatchedQueue;
  #isHelp = false;
  /** What was typed so far of a number of packets that are to be released, and of which queue. */
  #asked?: { queue: WatchedQueue; digits: string };
  #isOver = false;
  #message?: { text: string; isBad: boolean; untilMs: number };
  #busy: Promise<void> = Promise.resolve();
  #woken = Promise.withResolvers<void>();

  constructor(options: ViewOptions, own: Holds) {
    this.#options = options;
    this.#own = own;
    const { connection, netns } = options;
    this.#packets = new SelectedPackets(connection, { netns, onPackets: () => this.#wake() });
    this.#terminal = new Terminal({ onResize: () => this.#wake() });
  }

  /** Ends `run`. */
  quit(): void {
    this.#isOver = true;
    this.#wake();
  }

  async run(): Promise<void> {
    const failed = Promise.all([this.#readKeys(), this.#listen()]);
    failed.catch(() => this.quit());
    while (!this.#isOver) {
      const nowMs = Date.now();
      this.#heed(this.#options.machine.update(nowMs));
      this.#draw(nowMs);
      await this.#pause();
    }
    await this.#busy;
    // What has failed aside is told, what still waits is not waited for.
    await Promise.race([failed, Promise.resolve()]);
  }

  #wake(): void {
    this.#woken.resolve();
  }

  /** Waits until there is something to do, and a little: what comes together is drawn together. */
  async #pause(): Promise<void> {
    const dueMs = Math.min(DRAW_MS, this.#options.machine.dueMs(Date.now()));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const due = new Promise<void>((resolve) => timer = setTimeout(resolve, dueMs));
    await Promise.race([due, this.#woken.promise]);
    clearTimeout(timer);
    if (!this.#isOver) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    this.#woken = Promise.withResolvers<void>();
    if (this.#isOver) this.#wake();
  }

  async #listen(): Promise<void> {
    while (!this.#isOver) {
      await this.#options.machine.announced();
      this.#wake();
      // It is taken by `update`; until then it would be announced again and again.
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async #readKeys(): Promise<void> {
    for await (const keys of this.#terminal.keys()) {
      for (const key of keys) this.#press(key);
      this.#wake();
      if (this.#isOver) return;
    }
    // The terminal was closed.
    this.quit();
  }

  #press(key: Key): void {
    if (key === "q" || key === "ctrl-c") this.quit();
    else if (key === "ctrl-z") this.#terminal.suspend();
    else if (key === "ctrl-l") this.#terminal.forget();
    else if (this.#asked) this.#answer(key, this.#asked);
    else if (key === "?") this.#isHelp = !this.#isHelp;
    else if (this.#isHelp) this.#isHelp = false;
    else if (Object.hasOwn(DEEDS, key)) this.#do({ deed: DEEDS[key] });
    else if (key === "n" && this.#selected) this.#asked = { queue: this.#selected, digits: "" };
    else if (Object.hasOwn(STEPS, key)) this.#step(STEPS[key]);
  }

  #step(by: number): void {
    const { queues } = this.#options.machine;
    const at = this.#selected ? queues.indexOf(this.#selected) : 0;
    this.#select(queues[Math.max(0, Math.min(queues.length - 1, at + by))]);
  }

  #select(queue: WatchedQueue | undefined): void {
    this.#selected = queue;
    this.#packets.select(queue);
  }

  /** A key while it is asked how many packets are to be released: one that is no part of a number calls it off. */
  #answer(key: Key, { queue, digits }: { queue: WatchedQueue; digits: string }): void {
    this.#asked = undefined;
    if (/^\d$/.test(key)) this.#asked = { queue, digits: `${digits}${key}`.slice(0, DIGITS_MOST) };
    else if (key === "backspace") this.#asked = { queue, digits: digits.slice(0, -1) };
    else if (key === "enter" && digits !== "") this.#do({ deed: "release-packets", packets: Number(digits) }, queue);
  }

  /** Does something to a queue, one thing after the other. Default: the one that is selected. */
  #do({ deed, packets }: { deed: Deed; packets?: number }, queue = this.#selected): void {
    if (!queue) return this.#say("there is no gate and no plug here", true);
    this.#busy = this.#busy.then(async () => {
      const { connection, maxHoldMs: maxMs } = this.#options;
      this.#say(await carryOut(connection, queue, { deed, packets, maxMs }));
      if (deed === "hold") this.#own.set(queue, Date.now() + maxMs);
      if (deed === "release") this.#own.delete(queue);
    }).catch((error) => this.#say(describeFailure(error).message, true)).then(() => this.#wake());
  }

  #say(text: string, isBad = false): void {
    this.#message = { text, isBad, untilMs: Date.now() + MESSAGE_MS };
  }

  /** What has happened: the selection stays where it is, and goes on to another where that has vanished. */
  #heed(events: readonly WatchEvent[]): void {
    const { queues } = this.#options.machine;
    for (const { event, queue } of events) {
      if (event === "vanished") this.#say(`${queue.name} is gone`, queue.facts.stats.backlogPackets > 0);
    }
    if (this.#selected && queues.includes(this.#selected)) return;
    this.#select(queues[0]);
  }

  #draw(nowMs: number): void {
    const { machine, where } = this.#options;
    if (this.#message && this.#message.untilMs < nowMs) this.#message = undefined;
    this.#terminal.draw(drawScreen({
      queues: machine.queues,
      selected: this.#selected,
      packets: this.#packets.shown(nowMs),
      message: this.#message,
      prompt: this.#asked && `release how many packets of ${this.#asked.queue.name}? ${this.#asked.digits}`,
      isHelp: this.#isHelp,
      nowMs,
      where,
    }, { ...this.#terminal.size, hasColours: !Deno.noColor }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    // First, whatever becomes of the rest.
    this.#terminal[Symbol.dispose]();
    await this.#packets.end();
  }
}
