import * as v from "valibot";
import { parse } from "yaml";
import { parseDuration } from "../plug/quantity.ts";
import { mistakeIn, RequestError } from "./problem.ts";

/** Where the machine's own policy stands. */
export const POLICY_FILE = "/etc/plugctl/policy.yaml";

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
const POLICY = v.strictObject({
  devices: v.optional(PATTERNS),
  matches: v.optional(PATTERNS),
  "max-hold": v.optional(DURATION),
  runs: v.optional(v.boolean("true or false")),
});

/** What is to be held. */
export interface Hold {
  devs: readonly string[];
  /** What a gate matches; nothing where it is every packet. */
  match?: readonly string[];
  /** For how long, where that is said. */
  ms?: number;
}

/**
 * What the owner of a machine lets askers from elsewhere do, from a file: `devices` that may be held, `matches` that gates
 * may have, for how long at most (`max-hold`), and whether scenarios may be run (`runs`). What the file does not name is
 * not limited, but for `runs`. A release needs nobody's leave.
 */
export class Policy {
  readonly #file: string;
  readonly #devices?: Patterns;
  readonly #matches?: Patterns;
  /** The longest that anything is held, in milliseconds. */
  readonly maxHoldMs?: number;
  readonly #mayRun: boolean;

  /** @throws {SyntaxError} where the text is no policy, with what is wrong in it */
  constructor(text: string, file: string) {
    let given: unknown;
    try {
      given = parse(text) ?? {};
    } catch (error) {
      throw new SyntaxError(`${file} is not YAML: ${(error as Error).message}`, { cause: error });
    }
    if (typeof given !== "object" || Array.isArray(given)) {
      throw new SyntaxError(`${file} has no keys: ${Object.keys(POLICY.entries).join(", ")}`);
    }
    const result = v.safeParse(POLICY, given, { abortEarly: true });
    if (!result.success) throw new SyntaxError(mistakeIn(file, result.issues).message);
    const { devices, matches, "max-hold": maxHoldMs, runs = false } = result.output;
    this.#file = file;
    this.#devices = devices && new Patterns(devices);
    this.#matches = matches && new Patterns(matches);
    this.maxHoldMs = maxHoldMs;
    this.#mayRun = runs;
  }

  /** @throws {RequestError} `policy` where it may not be held, or not for as long */
  checkHold({ devs, match = [], ms }: Hold): void {
    const other = this.#devices && devs.find((dev) => !this.#devices?.has(dev));
    if (other !== undefined) throw this.#refusal(`${other} may not be held, only ${this.#devices}`);
    if (this.#matches && match.length === 0) {
      throw this.#refusal(`a gate must match one of ${this.#matches}, and this is every packet`);
    }
    const wrong = match.find((text) => this.#matches?.has(text) === false);
    if (wrong !== undefined) throw this.#refusal(`gates may not match ${JSON.stringify(wrong)}, only ${this.#matches}`);
    const { maxHoldMs = Infinity } = this;
    if ((ms ?? 0) > maxHoldMs) throw this.#refusal(`nothing may be held for ${ms} ms, up to ${maxHoldMs} ms may be`);
  }

  /** @throws {RequestError} `policy` where no scenario may be run */
  checkRun(): void {
    if (!this.#mayRun) throw this.#refusal("no scenario may be run: it says nothing of runs: true");
  }

  #refusal(why: string): RequestError {
    return new RequestError("policy", `The policy of this machine, ${this.#file}, forbids it: ${why}`);
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
