import type { Arguments } from "../arguments.ts";
import type { Stream, Streams } from "../context.ts";
import { UsageError } from "../exit_status.ts";
import type { CommandName, OptionName } from "../table.ts";
import { enter, type Listed, pick, type Sandbox, type SandboxKind } from "./sandbox.ts";

/** What carries out a command line whose network namespace is known. */
type RunThere = (given: Arguments, streams: Streams) => Promise<number>;

/** Commands that go on until something ends them: they have one network namespace. */
const LASTING: readonly CommandName[] = [
  "hold",
  "arm",
  "packets",
  "capture",
  "watch",
  "record",
  "batch",
  "session",
  "serve",
];

/**
 * Runs a command line that names containers or pods in the network namespace of each.
 *
 * @throws {UsageError} where it names a namespace besides, or several for a command that takes one
 * @throws {Error} where one cannot be found or entered; nothing was done then
 */
export async function runInside(
  given: Arguments,
  { streams, run }: { streams: Streams; run: RunThere },
): Promise<number> {
  const kind = kindIn(given);
  // What opens no socket asks nobody.
  if (given.values.has("dry-run") && given.command !== "recover") return await run(given, streams);
  const sandboxes = await findSandboxes(kind, given.values.get(kind) ?? []);
  if (sandboxes.length === 1) return await run(placed(given, sandboxes[0]), streams);
  const names = sandboxes.map(({ name }) => name);
  if (LASTING.includes(given.command)) {
    throw new UsageError(`${given.command} takes one ${kind}, and these are meant: ${names.join(", ")}`);
  }
  return await runInEach(sandboxes, { given, streams, run });
}

function kindIn({ values }: Arguments): SandboxKind {
  const given = (["netns", "container", "pod", "all"] as const).filter((name) => values.has(name));
  if (given.length > 1) {
    throw new UsageError(`${given.map((name) => `--${name}`).join(" and ")} cannot be given together`);
  }
  return values.has("pod") ? "pod" : "container";
}

/**
 * Finds those that names, IDs and patterns mean, each once.
 *
 * @throws {Error} where one is not there, is not running or has no network of its own
 */
export async function findSandboxes(kind: SandboxKind, texts: readonly string[]): Promise<Sandbox[]> {
  if (kind === "pod") texts.forEach(checkPod);
  const listed = await listSandboxes(kind);
  const picked = new Map(texts.flatMap((text) => pick(kind, text, listed)).map((one) => [one.id, one]));
  const sandboxes: Sandbox[] = [];
  for (const one of picked.values()) sandboxes.push(await enter(kind, one));
  return sandboxes;
}

/** Lists all of a kind. */
export async function listSandboxes(kind: SandboxKind): Promise<Listed[]> {
  return kind === "pod"
    ? await (await import("./pods.ts")).listPods()
    : await (await import("./engines.ts")).listContainers();
}

function checkPod(text: string): void {
  if (/^[^/]+\/[^/]+$/.test(text)) return;
  throw new UsageError(`invalid pod ${JSON.stringify(text)}: use NAMESPACE/NAME, such as default/web`);
}

/** A command line with the namespace that was found. */
function placed(given: Arguments, { kind, name, netns }: Sandbox): Arguments {
  const where: [OptionName, string[]][] = [[kind, [name]], ["netns", [netns]]];
  return { ...given, values: new Map([...given.values, ...where]) };
}

/** Does it in one after the other, though it fails in some, and says what is whose. */
async function runInEach(
  sandboxes: readonly Sandbox[],
  { given, streams, run }: { given: Arguments; streams: Streams; run: RunThere },
): Promise<number> {
  const isJson = given.values.has("json");
  const results: Record<string, unknown> = {};
  let status = 0;
  for (const sandbox of sandboxes) {
    const printed = new Printed();
    const stderr = labelled(streams.stderr, sandbox.name);
    const ended = await run(placed(given, sandbox), { stdout: printed, stderr });
    status ||= ended;
    const { text } = printed;
    if (isJson) results[sandbox.name] = text === "" ? null : JSON.parse(text);
    else if (text !== "") writeAll(streams.stdout, `${sandbox.name}:\n${text}`);
  }
  if (isJson) writeAll(streams.stdout, `${JSON.stringify(results, null, 2)}\n`);
  return status;
}

/** What a command has printed. */
class Printed {
  #text = "";
  readonly #decoder = new TextDecoder();

  writeSync(bytes: Uint8Array): number {
    this.#text += this.#decoder.decode(bytes, { stream: true });
    return bytes.length;
  }

  get text(): string {
    return this.#text;
  }
}

/** Says in each line of plugctl's to whom it belongs. */
function labelled(stderr: Stream, name: string): Stream {
  return {
    writeSync(bytes) {
      writeAll(stderr, new TextDecoder().decode(bytes).replaceAll(/^plugctl: /gm, `plugctl: ${name}: `));
      return bytes.length;
    },
  };
}

function writeAll(to: Stream, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}
