/**
 * Hold packets of a real machine in a test, and let them go: a client of `plugctl session` for Node.
 *
 * ```js
 * import { Session } from "./plugctl.mjs";
 *
 * const session = await Session.start();
 * const answers = await session.gate("lo", "out", "tcp src port 8000");
 * await answers.holding(async () => {
 *   // what the server answers waits
 * }); // and goes on
 * await session.close();
 * ```
 *
 * One file without dependencies, for Node 18 and later, with node:test, Jest, Vitest and others; copy it. What a session
 * has made or holds ends with it, also when Node is killed. Times are in milliseconds, sizes in bytes.
 */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const PROTOCOL = 1;

/** What plugctl or the kernel refused: `code` for a program, the message for a person. */
export class PlugctlError extends Error {
  name = "PlugctlError";

  /**
   * @param {string} message
   * @param {{ code?: string, errno?: number }} [more]
   */
  constructor(message, { code = "failed", errno } = {}) {
    super(message);
    this.code = code;
    this.errno = errno;
  }
}

/** A conversation with `plugctl session`. */
export class Session {
  /** What was let go without being asked for: a deadline was reached, or somebody else has changed it. */
  events = [];
  #child;
  #ended;
  #last = 0;
  #stderr = "";
  #pending = new Map();
  #ready = withResolvers();

  /**
   * Starts one, and returns when it is ready.
   *
   * @param {{ command?: string[], netns?: string, maxHoldMs?: number }} [options] `command` starts it: give
   *   `["ssh", "root@host", "plugctl"]` to have it elsewhere; `maxHoldMs` is the longest that anything is held before
   *   plugctl lets it go by itself, 30 seconds where nothing is said.
   * @returns {Promise<Session>}
   */
  static async start({ command = ["plugctl"], netns, maxHoldMs } = {}) {
    const words = [...command, "session"];
    if (netns !== undefined) words.push("--netns", netns);
    if (maxHoldMs !== undefined) words.push("--max-hold", `${maxHoldMs}ms`);
    const session = new Session(words);
    const { protocol } = await session.#ready.promise;
    if (protocol === PROTOCOL) return session;
    await session.close();
    throw new PlugctlError(`plugctl speaks protocol ${protocol}, this client ${PROTOCOL}`);
  }

  /** @param {string[]} words */
  constructor([program, ...args]) {
    this.#child = spawn(program, args, { stdio: "pipe" });
    this.#child.stderr.setEncoding("utf8").on("data", (text) => this.#stderr += text);
    // A request that cannot be written is answered by the end of the process.
    this.#child.stdin.on("error", () => {});
    this.#ended = new Promise((resolve) => {
      this.#child.on("error", (error) => resolve(new PlugctlError(`Cannot run ${program}: ${error.message}`)));
      this.#child.on("close", (status) => resolve(status === 0 ? undefined : this.#lastWords(status)));
    });
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#hear(JSON.parse(line)));
    this.#ended.then((error = new PlugctlError("plugctl session has ended")) => {
      this.#ready.reject(error);
      for (const { answer, begun } of this.#pending.values()) {
        answer.reject(error);
        begun.reject(error);
      }
      this.#pending.clear();
    });
    // Whoever waits for it is told; nobody has to.
    this.#ready.promise.catch(() => {});
  }

  /**
   * Makes a gate, which holds only the packets meant.
   *
   * @param {string | string[]} dev
   * @param {"in" | "out" | "both"} direction
   * @param {string | string[]} [match] Which packets, as for tcpdump; all where nothing is said.
   * @param {Record<string, unknown>} [options] More that `gate-add` takes.
   * @returns {Promise<Plug>}
   */
  async gate(dev, direction, match, options = {}) {
    const { name } = await this.request("gate-add", { dev, direction, match, ...options });
    return new Plug(this, name);
  }

  /** Attaches a plug, which holds all that leaves a device. */
  async attach(dev, options = {}) {
    await this.request("attach", { dev, ...options });
    return new Plug(this, dev);
  }

  /** A gate or a plug that is there already, by its name or its device's. */
  named(name) {
    return new Plug(this, name);
  }

  /**
   * Asks for any operation.
   *
   * @param {string} op
   * @param {Record<string, unknown>} [fields] What it takes; what is `undefined` is not sent.
   * @returns {Promise<any>} Its result.
   */
  request(op, fields = {}) {
    return this.begin(op, fields).answer;
  }

  /** As `request`, of one that holds: `begun` resolves once it does. */
  begin(op, fields = {}) {
    const id = ++this.#last;
    const [answer, begun] = [withResolvers(), withResolvers()];
    begun.promise.catch(() => {});
    this.#pending.set(id, { answer, begun });
    this.#child.stdin.write(`${JSON.stringify({ id, op, ...fields })}\n`);
    if (this.#child.exitCode !== null) this.#ended.then((error) => answer.reject(error));
    return { id, answer: answer.promise, begun: begun.promise };
  }

  /** Ends the session: what it holds is released, and what it has made is taken away. */
  async close() {
    this.#child.stdin.end();
    const error = await this.#ended;
    if (error) throw error;
  }

  async [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    await this.close();
  }

  #hear(said) {
    if (said.event === "ready") return this.#ready.resolve(said);
    const pending = this.#pending.get(said.id);
    if (said.event === "holding") return pending?.begun.resolve(said);
    if (said.event !== undefined) return this.events.push(said);
    this.#pending.delete(said.id);
    if (said.error) {
      const error = new PlugctlError(said.error.message, said.error);
      pending?.begun.reject(error);
      return pending?.answer.reject(error);
    }
    pending?.answer.resolve(said.result);
  }

  #lastWords(status) {
    return new PlugctlError(this.#stderr.trim() || `plugctl session ended with exit status ${status}`);
  }
}

/** A gate or a plug: it holds packets and lets them go. */
export class Plug {
  #session;

  /**
   * @param {Session} session
   * @param {string} name
   */
  constructor(session, name) {
    this.#session = session;
    this.name = name;
  }

  /** Holds from here on, for `maxMs` at the most; again, it ends the epoch and begins the next. */
  async buffer({ maxMs } = {}) {
    await this.#ask("buffer", { maxMs });
  }

  /** Releases everything, and returns how many packets were held. */
  async release() {
    return (await this.#ask("release"))[0].releasedPackets;
  }

  /** Releases the epoch that the last `buffer` ended, and returns how many packets that were. */
  async releaseOne() {
    return (await this.#ask("release-one"))[0].releasedPackets;
  }

  /** What waits (backlogPackets, backlogBytes), has left (sentPackets, sentBytes) and was dropped (drops). */
  async counts() {
    return (await this.#ask("counts"))[0];
  }

  /** Waits until a condition is met, `backlog>=1`, `sent>=3`, `drops>0`; returns the counts, and throws at the timeout. */
  async wait(until, { timeoutMs } = {}) {
    return (await this.#ask("wait", { until, timeoutMs }))[0];
  }

  /** Holds while `work` is done, and returns what that returns. */
  async holding(work, { maxMs } = {}) {
    await this.buffer({ maxMs });
    try {
      return await work();
    } finally {
      await this.release();
    }
  }

  /** Holds for a time, and returns what was held. */
  holdFor(forMs) {
    return this.#ask("hold", { forMs });
  }

  /** Sets the queue limit. */
  async limit(limitBytes) {
    await this.#ask("limit", { limitBytes });
  }

  /** Releases it and takes it away, without losing a packet. */
  async close() {
    await this.#ask("detach");
  }

  async [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    await this.close();
  }

  #ask(op, fields = {}) {
    return this.#session.request(op, { on: this.name, ...fields });
  }
}

function withResolvers() {
  const all = {};
  all.promise = new Promise((resolve, reject) => Object.assign(all, { resolve, reject }));
  return all;
}
