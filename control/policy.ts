import * as v from "valibot";
import { LineCounter, parseDocument } from "yaml";
import { checkExpression } from "../gate/match/meaning.ts";
import { parseDuration } from "../plug/quantity.ts";
import { mistakeIn, RequestError } from "./problem.ts";

/** Names or texts, in which a star stands for any characters. */
const PATTERNS = v.pipe(
  v.array(v.pipe(v.string("a text"), v.nonEmpty("a text that is not empty")), "a list: [eth0]"),
  v.nonEmpty("at least one"),
);
const DURATION = v.pipe(
  v.string("a duration with its unit: 10s"),
  v.check((text) => isDuration(text), "a duration with its unit: 10s"),
  v.transform(parseDuration),
);
const DIRECTIONS = v.pipe(
  v.array(v.picklist(["in", "out"], "in or out"), "a list: [out]"),
  v.nonEmpty("at least one"),
);
const EXPRESSIONS = v.array(
  v.pipe(v.string("a match"), v.nonEmpty("a match that is not empty")),
  "a list of matches: ['tcp port 5432']",
);
const POLICY = v.strictObject({
  who: v.optional(PATTERNS),
  devices: v.optional(PATTERNS),
  directions: v.optional(DIRECTIONS),
  matches: v.optional(PATTERNS),
  "max-hold": v.optional(DURATION),
  "always-pass": v.optional(EXPRESSIONS),
  runs: v.optional(v.boolean("true or false")),
});
type Key = keyof typeof POLICY.entries;

/** What is to be held. */
export interface Hold {
  devs: readonly string[];
  /** Packets that come in, that leave, or both. */
  direction?: "ingress" | "egress" | "both" | "in" | "out";
  /** What a gate matches; nothing where it is every packet. */
  match?: readonly string[];
  /** For how long, where that is said. */
  ms?: number;
}

/**
 * What the owner of a machine lets askers from elsewhere do, from a file: `who` may ask, which `devices` may be held, in
 * which `directions`, what gates may match (`matches`), for how long at most (`max-hold`), what passes every hold
 * (`always-pass`), and whether scenarios may be run (`runs`). What the file does not name is not limited, but for `runs`. A
 * release needs nobody's leave.
 */
export class Policy {
  readonly #file: string;
  readonly #lines: Readonly<Partial<Record<Key, number>>>;
  readonly #who?: Patterns;
  readonly #devices?: Patterns;
  readonly #directions?: readonly string[];
  readonly #matches?: Patterns;
  /** The longest that anything is held, in milliseconds. */
  readonly maxHoldMs?: number;
  /** What passes every hold: expressions of the match language. */
  readonly alwaysPass: readonly string[];
  readonly #mayRun: boolean;

  /** @throws {SyntaxError} where the text is no policy, with what is wrong in it */
  constructor(text: string, file: string) {
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines });
    const [error] = document.errors;
    if (error) throw new SyntaxError(`${file} is not YAML: ${error.message}`, { cause: error });
    const given: unknown = document.toJS() ?? {};
    if (typeof given !== "object" || given === null || Array.isArray(given)) {
      throw new SyntaxError(`${file} has no keys: ${Object.keys(POLICY.entries).join(", ")}`);
    }
    const result = v.safeParse(POLICY, given, { abortEarly: true });
    if (!result.success) throw new SyntaxError(mistakeIn(file, result.issues).message);
    const { who, devices, directions, matches, "max-hold": maxHoldMs, "always-pass": alwaysPass = [], runs = false } =
      result.output;
    for (const expression of alwaysPass) checkPassing(expression, file);
    const lineOf = (key: string) => {
      const { range } = document.get(key, true) as { range?: [number, number, number] };
      return lines.linePos(range?.[0] ?? 0).line;
    };
    this.#lines = Object.fromEntries(Object.keys(given).map((key) => [key, lineOf(key)]));
    this.#file = file;
    this.#who = who && new Patterns(who);
    this.#devices = devices && new Patterns(devices);
    this.#directions = directions;
    this.#matches = matches && new Patterns(matches);
    this.maxHoldMs = maxHoldMs;
    this.alwaysPass = alwaysPass;
    this.#mayRun = runs;
  }

  /** @throws {RequestError} `policy` where somebody may not ask for anything but a release */
  checkWho(who: string): void {
    if (this.#who?.has(who) === false) throw this.#refusal("who", `${who} may not ask, only ${this.#who}`);
  }

  /** @throws {RequestError} `policy` where it may not be held, or not for as long */
  checkHold({ devs, direction, match = [], ms }: Hold): void {
    const other = this.#devices && devs.find((dev) => !this.#devices?.has(dev));
    if (other !== undefined) throw this.#refusal("devices", `${other} may not be held, only ${this.#devices}`);
    const directions = this.#directions ?? ["in", "out"];
    const wrongWay = waysOf(direction).find((way) => !directions.includes(way));
    if (wrongWay) {
      const what = wrongWay === "in" ? "what comes in" : "what leaves";
      throw this.#refusal("directions", `${what} may not be held, only: ${directions}`);
    }
    if (this.#matches && match.length === 0) {
      throw this.#refusal("matches", `a gate must match one of ${this.#matches}, and this is every packet`);
    }
    const wrong = match.find((text) => this.#matches?.has(text) === false);
    if (wrong !== undefined) {
      throw this.#refusal("matches", `gates may not match ${JSON.stringify(wrong)}, only ${this.#matches}`);
    }
    const { maxHoldMs = Infinity } = this;
    if ((ms ?? 0) > maxHoldMs) {
      throw this.#refusal("max-hold", `nothing may be held for ${ms} ms, up to ${maxHoldMs} ms may be`);
    }
  }

  /** @throws {RequestError} `policy` where no scenario may be run */
  checkRun(): void {
    if (!this.#mayRun) throw this.#refusal("runs", "no scenario may be run: it says nothing of runs: true");
  }

  #refusal(key: Key, why: string): RequestError {
    const line = this.#lines[key];
    const where = line === undefined ? this.#file : `${this.#file} line ${line}`;
    return new RequestError("policy", `The policy of this machine, ${where}, forbids it: ${why}`);
  }
}

/**
 * Reads the policy of a machine.
 *
 * @throws {Error} where it cannot be read, is wrong, belongs to somebody who is neither root nor this user, or others can
 * change it
 */
export async function readPolicy(file: string): Promise<Policy> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    throw new Error(`cannot read the policy: ${(error as Error).message}`, { cause: error });
  }
  const { mode, uid } = await Deno.stat(file);
  if ((mode ?? 0) & 0o022) throw new Error(`others can change the policy in ${file}: chmod go-w ${file}`);
  if (uid !== 0 && uid !== Deno.uid()) throw new Error(`the policy in ${file} is not root's: chown root ${file}`);
  try {
    return new Policy(text, file);
  } catch (error) {
    throw new Error(`the policy is wrong: ${(error as Error).message}`, { cause: error });
  }
}

/** @throws {SyntaxError} where it is no match */
function checkPassing(expression: string, file: string): void {
  try {
    checkExpression(expression);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SyntaxError(`always-pass of ${file} has ${JSON.stringify(expression)}: ${reason}`, { cause: error });
  }
}

function waysOf(direction: Hold["direction"] = "egress"): ("in" | "out")[] {
  switch (direction) {
    case "both":
      return ["in", "out"];
    case "in":
    case "ingress":
      return ["in"];
    case "out":
    case "egress":
      return ["out"];
    default:
      throw new TypeError(`Cannot hold what goes ${direction satisfies never}`);
  }
}

class Patterns {
  readonly #texts: readonly string[];
  readonly #expressions: readonly RegExp[];

  constructor(texts: readonly string[]) {
    this.#texts = texts;
    this.#expressions = texts.map((text) => new RegExp(`^${text.split("*").map(RegExp.escape).join(".*")}$`, "s"));
  }

  has(text: string): boolean {
    return this.#expressions.some((expression) => expression.test(text));
  }

  toString(): string {
    return this.#texts.map((text) => JSON.stringify(text)).join(", ");
  }
}

function isDuration(text: string): boolean {
  try {
    return parseDuration(text) > 0;
  } catch {
    return false;
  }
}
