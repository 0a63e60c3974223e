import * as v from "valibot";
import type { CutShortEvent, Desk } from "./desk.ts";
import { Holds } from "./holds.ts";
import { LINE_MAX } from "../linux/incoming.ts";
import { checked, type Id, type Operation, perform } from "./operation.ts";
import { OPERATIONS } from "./operations/list.ts";
import { mistakeIn, type Problem, problemOf, RequestError } from "./problem.ts";

/** The version of what is said: it grows where words of it change their meaning, not where some are added. */
export const PROTOCOL = 1;
/** How many requests a line may have. */
const REQUESTS_MAX = 1000;
/** How many may hold or wait at a time. */
const LONG_MAX = 1000;

/** What answers a request. */
export type Answer = { id: Id | null } & ({ result: unknown } | { error: Problem });

/** A request that was understood, before its operation has looked at what it takes. */
interface Request {
  id: Id;
  operation: Operation;
  input: unknown;
}

/** The word that ends a `hold` or a `wait` before its time, which then answers. */
const CANCEL = v.strictObject({ request: v.union([v.string(), v.number()], "the id of a hold or a wait") });

/**
 * One asker's requests, a line of JSON each, or several in a list, and the answers to them.
 *
 * `{"id":1,"op":"buffer","on":"web"}` is answered by `{"id":1,"result":[…]}` or `{"id":1,"error":{"code":…,"message":…}}`.
 * What stands in the list of one line is answered in one line; requests in it that follow each other and ask the same of
 * different queues go to the kernel in one send.
 */
export class Session {
  readonly #desk: Desk;
  readonly #say: (line: unknown) => void;
  readonly #holds: Holds;
  /** Whether nobody else asks for holds of the desk. */
  readonly #isAlone: boolean;
  readonly #long = new Map<Id, { controller: AbortController; done: Promise<void> }>();

  /** `holds` are those of the desk, where it has others that ask; its changes are then told there. */
  constructor(desk: Desk, say: (line: unknown) => void, holds?: Holds) {
    this.#desk = desk;
    this.#say = say;
    this.#isAlone = !holds;
    this.#holds = holds ?? new Holds(desk, (event, hold) => say({ event, hold }));
  }

  /** Says who is there, and what can be asked. */
  greet({ version }: { version: string }): void {
    const operations = [...OPERATIONS.keys(), "cancel"];
    this.#say({ event: "ready", protocol: PROTOCOL, version, maxHoldMs: this.#desk.maxHoldMs, operations });
  }

  /** Says what was let go that the asker has not let go. */
  tell(event: CutShortEvent): void {
    this.#say(event);
  }

  /** Does what a line asks; returns when the next may come. What holds or waits goes on meanwhile. */
  async take(line: string): Promise<void> {
    if (line.trim() === "") return;
    const asked = parse(line);
    if (asked instanceof RequestError) return this.#say({ id: null, error: problemOf(asked) });
    if (!Array.isArray(asked)) {
      const answer = await this.#takeOne(asked);
      if (answer) this.#say(answer);
      return;
    }
    this.#say(await this.#takeSeveral(asked));
  }

  /** Ends what holds or waits, and returns once that has answered. */
  async close(): Promise<void> {
    const long = [...this.#long.values()];
    if (this.#isAlone) this.#holds.releaseAll("client");
    for (const { controller } of long) controller.abort(new RequestError("cancelled", "the session has ended"));
    await Promise.all(long.map(({ done }) => done));
  }

  async #takeOne(asked: unknown): Promise<Answer | undefined> {
    try {
      const request = understand(asked);
      if (typeof request === "function") return request(this.#long);
      if (!request.operation.isLong) return { id: request.id, result: await this.#run(request) };
      this.#start(request);
    } catch (error) {
      return { id: idOf(asked), error: problemOf(error) };
    }
  }

  async #takeSeveral(asked: readonly unknown[]): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (const group of groups(asked)) answers.push(...await this.#takeGroup(group));
    return answers;
  }

  /** Requests that are alike are made one, whose answer has a part for each. */
  async #takeGroup(group: readonly unknown[]): Promise<Answer[]> {
    try {
      const requests = group.map((asked) => {
        const request = understand(asked);
        const isPlain = typeof request !== "function" && !request.operation.isLong;
        if (!isPlain) throw new RequestError("invalid", "what holds or waits stands in a line of its own");
        return request;
      });
      const [first] = requests;
      if (requests.length === 1) return [{ id: first.id, result: await this.#run(first) }];
      const parts = requests.map(({ operation, input }) => checked(operation, input) as Shared);
      const results = await this.#run({ ...first, input: joined(parts) }) as unknown[];
      let at = 0;
      return requests.map(({ id }, index) => ({ id, result: results.slice(at, at += parts[index].on.length) }));
    } catch (error) {
      return group.map((asked) => ({ id: idOf(asked), error: problemOf(error) }));
    }
  }

  async #run({ id, operation, input }: Request, controller = new AbortController()): Promise<unknown> {
    const understood = checked(operation, input);
    using _turn = this.#desk.begin((understood as { netns?: string }).netns, controller);
    const tell = (event: Record<string, unknown>) => this.#say({ id, ...event });
    return await perform(operation, understood, {
      desk: this.#desk,
      holds: this.#holds,
      id,
      signal: controller.signal,
      tell,
    });
  }

  #start(request: Request): void {
    const { id } = request;
    if (this.#long.has(id)) throw new RequestError("invalid", `request ${JSON.stringify(id)} is not answered yet`);
    if (this.#long.size >= LONG_MAX) throw new RequestError("busy", `${LONG_MAX} hold or wait already`);
    const controller = new AbortController();
    const done = (async () => {
      const answer = await this.#end(request, controller);
      this.#long.delete(id);
      this.#say(answer);
    })();
    this.#long.set(id, { controller, done });
  }

  async #end(request: Request, controller: AbortController): Promise<Answer> {
    try {
      return { id: request.id, result: await this.#run(request, controller) };
    } catch (error) {
      return { id: request.id, error: problemOf(error) };
    }
  }
}

/** What a request that can be joined with others takes. */
interface Shared {
  on: readonly string[];
}

function joined(parts: readonly Shared[]): Shared {
  return { ...parts[0], on: parts.flatMap(({ on }) => on) };
}

/** Requests that follow each other, are of the same operation, and differ only in what they are `on`. */
function groups(asked: readonly unknown[]): unknown[][] {
  const groups: unknown[][] = [];
  let last: string | undefined;
  for (const one of asked) {
    const sign = signOf(one);
    if (sign !== undefined && sign === last) groups.at(-1)?.push(one);
    else groups.push([one]);
    last = sign;
  }
  return groups;
}

function signOf(asked: unknown): string | undefined {
  if (!isObject(asked) || asked.on === undefined || !OPERATIONS.get(String(asked.op))?.isShared) return undefined;
  const { id: _id, on: _on, ...rest } = asked;
  return JSON.stringify(Object.entries(rest).sort(([one], [other]) => one < other ? -1 : 1));
}

function parse(line: string): unknown {
  if (line.length > LINE_MAX) return new RequestError("invalid", `a line has up to ${LINE_MAX} characters`);
  let asked: unknown;
  try {
    asked = JSON.parse(line);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return new RequestError("invalid", `a line must be JSON: ${reason}`, { cause: error });
  }
  if (!Array.isArray(asked)) return asked;
  if (asked.length > 0 && asked.length <= REQUESTS_MAX) return asked;
  return new RequestError("invalid", `a list has ${asked.length} requests, must have from 1 to ${REQUESTS_MAX}`);
}

type Cancel = (long: ReadonlyMap<Id, { controller: AbortController }>) => Answer;

/** @throws {RequestError} where it has no id, or no operation that there is */
function understand(asked: unknown): Request | Cancel {
  if (!isObject(asked)) throw new RequestError("invalid", 'a request is an object: {"id":1,"op":"show"}');
  const { id, op, ...input } = asked;
  if (typeof id !== "string" && typeof id !== "number") {
    throw new RequestError("invalid", "a request needs an id, a number or a text, which its answer has too", {
      field: "id",
    });
  }
  if (op === "cancel") return cancel(id, input);
  const operation = OPERATIONS.get(SYNONYMS[String(op)] ?? String(op));
  if (operation && typeof op === "string") return { id, operation, input };
  const names = [...OPERATIONS.keys(), "cancel"].join(", ");
  if (op === undefined) throw new RequestError("invalid", `a request needs an op: ${names}`, { field: "op" });
  throw new RequestError("unknown-operation", `there is no operation ${JSON.stringify(op)}: ${names}`, { field: "op" });
}

/** What tc and before it plugctl call operations. */
const SYNONYMS: Readonly<Record<string, string>> = {
  "block": "buffer",
  "release-indefinite": "release",
  "release_indefinite": "release",
};

function cancel(id: Id, input: unknown): Cancel {
  const result = v.safeParse(CANCEL, input);
  if (!result.success) throw mistakeIn("cancel", result.issues);
  const { request } = result.output;
  return (long) => {
    const task = long.get(request);
    // It may have answered by itself a moment before.
    task?.controller.abort(new RequestError("cancelled", "it was cancelled"));
    return { id, result: { cancelled: task !== undefined } };
  };
}

function idOf(asked: unknown): Id | null {
  const id = isObject(asked) ? asked.id : undefined;
  return typeof id === "string" || typeof id === "number" ? id : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
