/**
 * Two hosts of which one holds what it sends to the other, and what is asserted when that has ended, however it did.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { readLines } from "../../linux/incoming.ts";
import { witness } from "./gate_pair.ts";
import { connect, type End, Host } from "./host.ts";
import { receiveNumbers, sendNumbered } from "./numbered.ts";
import { type Outcome, PLUGCTL, plugctl, plugctlDone } from "./plugctl.ts";
import { plugOf, qdiscs } from "./queue.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

/** How long anything may take on a machine that is slow and has other work. */
const PATIENCE_MS = 60_000;
const PORT = 5000;
/** How many datagrams are held. */
export const HELD = 50;

/** Two hosts with a cable between them, and how they and the processes were at first. */
export class HoldCase implements Disposable {
  readonly left = new Host();
  readonly right = new Host();
  readonly ends: [End, End] = connect([this.left, this.right]);
  readonly #sender = new UdpSocket(this.left, { address: this.ends[0].ipv4, port: 0 });
  readonly #receiver = new UdpSocket(this.right, { address: this.ends[1].ipv4, port: PORT });
  #devices = witness(this.left);
  readonly #processes = processes();
  #sent = 0;
  #received = 0;

  /** Takes what the devices are now for how they are to be afterwards. */
  isAsItShouldBe(): void {
    this.#devices = witness(this.left);
  }

  /** Deletes the cable, with all that waits there, and joins the hosts again once `work` is done and all is clean. */
  async withoutCable(work: () => Promise<void>): Promise<void> {
    this.left.run("ip", "link", "delete", "eth0");
    this.isAsItShouldBe();
    await work();
    await this.isClean();
    connect([this.left, this.right]);
    this.isAsItShouldBe();
    this.#received = this.#sent;
  }

  /**
   * Runs `plugctl hold` in this process with a command that goes on until it is told to end, and returns when the command
   * runs, so that all is held.
   */
  async hold(words: string[], { then = "true" } = {}): Promise<Holding> {
    const folder = Deno.makeTempDirSync({ prefix: "plugctl-hold-" });
    const script = `touch ${folder}/began; until [ -e ${folder}/end ]; do sleep 0.05; done; ${then}`;
    const outcome = plugctl(this.left, "hold", ...words, "--", "sh", "-c", script);
    await until(() => isFile(`${folder}/began`), { timeoutMs: PATIENCE_MS, what: "the command" });
    return { outcome, endCommand: () => Deno.writeTextFileSync(`${folder}/end`, "") };
  }

  /** Starts `plugctl hold`, and returns once it holds: the command says so. */
  async startHold(...words: string[]): Promise<Deno.ChildProcess> {
    // It starts another, and ends by any signal: a shell that waits for a command minds no SIGINT.
    const command = ["--", "sh", "-c", "sleep 600 & echo holding; exec sleep 600"];
    const child = this.left.spawn([...PLUGCTL, "hold", ...words, ...command], { stdin: "null", stdout: "piped" });
    assertEquals((await readLines(child.stdout).next()).value, "holding");
    return child;
  }

  /** Sends datagrams. */
  send(count = HELD): void {
    sendNumbered(this.#sender, { address: this.ends[1].ipv4, port: PORT }, { from: this.#sent, count });
    this.#sent += count;
  }

  /** What was sent till now is lost, and not waited for. */
  forgetSent(): void {
    this.#received = this.#sent;
  }

  /** Waits until there is a plug at `eth0`. */
  async isAttached(): Promise<void> {
    await until(() => qdiscs(this.left).some(({ kind }) => kind === "plug"), {
      timeoutMs: PATIENCE_MS,
      what: "a plug",
    });
  }

  /** How many packets wait at `eth0`. */
  get backlog(): number {
    return plugOf(this.left).qlen;
  }

  /** Waits until all that was sent has arrived, each datagram once and in order. */
  async whatWasSentArrived(): Promise<void> {
    const expected = Array.from({ length: this.#sent - this.#received }, (_, index) => this.#received + index);
    const bound = { count: expected.length, timeoutMs: PATIENCE_MS };
    assertEquals(await receiveNumbers(this.#receiver, bound), expected);
    this.#received = this.#sent;
  }

  /** Waits until all that was sent has arrived, each datagram once and in order, and another one passes. */
  async allArrived(): Promise<void> {
    await this.allArrivedBut(0);
  }

  /** As `allArrived`, where some of the last ones that were sent were dropped. */
  async allArrivedBut(dropped: number): Promise<void> {
    const sent = Array.from({ length: this.#sent - this.#received - dropped }, (_, index) => this.#received + index);
    const next = this.#sent;
    this.send(1);
    const expected = [...sent, next];
    const numbers = await receiveNumbers(this.#receiver, { count: expected.length, timeoutMs: PATIENCE_MS });
    // A test that sends all the time may have sent more meanwhile.
    assertEquals(numbers.slice(0, expected.length), expected);
    this.#received = next + 1 + numbers.length - expected.length;
  }

  /** Runs command lines that take away what a test has made, and takes what is then for how it is to be afterwards. */
  async without(...lines: string[][]): Promise<void> {
    for (const words of lines) await plugctlDone(this.left, ...words);
    this.isAsItShouldBe();
  }

  /** Waits until all has arrived and all is as it was. Returns after how many milliseconds traffic passed. */
  async isOver(): Promise<number> {
    const start = performance.now();
    await this.allArrived();
    const passedMs = performance.now() - start;
    await this.isClean();
    return passedMs;
  }

  /** Waits until the devices and the processes are as they were. */
  async isClean(): Promise<void> {
    const bound = { timeoutMs: PATIENCE_MS };
    await until(() => witness(this.left) === this.#devices, { ...bound, what: "the devices as they were" });
    await until(() => others(this.#processes).length === 0, { ...bound, what: "the processes as they were" });
  }

  [Symbol.dispose](): void {
    this.#sender[Symbol.dispose]();
    this.#receiver[Symbol.dispose]();
    this.left[Symbol.dispose]();
    this.right[Symbol.dispose]();
  }
}

/** A hold that runs in this process. */
export interface Holding {
  outcome: Promise<Outcome>;
  endCommand(): void;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The processes that were not there before, by their command lines. */
function others(before: readonly string[]): string[] {
  return processes().filter((process) => !before.includes(process));
}

/** Numbers and command lines of the processes that have not ended; the kernel's own threads have none. */
function processes(): string[] {
  return [...Deno.readDirSync("/proc")].flatMap(({ name }) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const command = Deno.readTextFileSync(`/proc/${name}/cmdline`).replaceAll("\0", " ");
      return command === "" ? [] : [`${name} ${command}`];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || String(error).includes("os error 3")) return [];
      throw error;
    }
  });
}
