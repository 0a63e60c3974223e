import { nearest } from "../../plug/nearest.ts";
import { shellText } from "../near_miss.ts";

/** What has a network namespace that is found by a name: a container of Docker or Podman, or a pod of Kubernetes. */
export type SandboxKind = "container" | "pod";

/** A container or a pod, as whoever runs it lists it. */
export interface Listed {
  /** `web`; of a pod `default/web-7d4b9` */
  name: string;
  id: string;
  isRunning: boolean;
  /** What it is called if it does not run: `exited` */
  state: string;
  /** Who lists it, for words: `Docker (/run/docker.sock)` */
  by: string;
  /** Looks for its network namespace; `undefined` where it has ended or was removed meanwhile. */
  network(): Promise<Network | undefined>;
}

/** How to reach a network namespace. */
export interface Network {
  /** A process in it: the first one of whatever the namespace was made for. */
  pid: number;
  /** A file of it, where there is one: it stays if the process ends and another begins. */
  path?: string;
  /** Whether it is said to be the machine's own. */
  isHost: boolean;
}

/** A container or a pod that runs in a network namespace of its own. */
export interface Sandbox {
  kind: SandboxKind;
  name: string;
  /** As `--netns` takes it. */
  netns: string;
  /** What tells the namespace from every other: `net:[4026531840]`; `undefined` where this process may not look at it. */
  identity: string | undefined;
}

/** How many names are listed at the most. */
const LISTED_MAX = 12;

/**
 * Picks those that a name, an ID, the beginning of an ID or a pattern means.
 *
 * @throws {Error} where there is none, where a name means several, or where it does not run
 */
export function pick(kind: SandboxKind, text: string, listed: readonly Listed[]): Listed[] {
  if (isPattern(text)) return matching(kind, text, listed);
  const found = named(text, listed);
  const running = found.filter(({ isRunning }) => isRunning);
  if (running.length === 1) return running;
  if (running.length > 1) {
    const all = running.map(({ name, id, by }) => `${name} of ${by}, ${shortId(id)}`).join("; ");
    throw new Error(`Cannot tell which ${kind} ${text} is: ${all}; use the ID`);
  }
  if (found.length > 0) {
    const [{ name, state }] = found;
    throw new Error(`Cannot enter ${kind} ${name}: it is not running (${state}); start it first`);
  }
  throw new Error(`Cannot find ${kind} ${text}: there is none of that name or ID${adviceOn(kind, text, listed)}`);
}

function matching(kind: SandboxKind, text: string, listed: readonly Listed[]): Listed[] {
  const pattern = patternOf(text);
  const found = listed.filter(({ name }) => pattern.test(name));
  const running = found.filter(({ isRunning }) => isRunning);
  if (running.length > 0) return running;
  const stopped = found.map(({ name }) => name);
  if (stopped.length > 0) {
    throw new Error(`Cannot enter ${kind} ${text}: none of these is running: ${stopped.join(", ")}`);
  }
  throw new Error(`Cannot find ${kind} ${text}: none has such a name${adviceOn(kind, "", listed)}`);
}

/** Those of a name, or else of an ID that begins so. */
function named(text: string, listed: readonly Listed[]): Listed[] {
  const byName = listed.filter(({ name }) => name === text);
  return byName.length > 0 ? byName : listed.filter(({ id }) => /^[0-9a-f]{2,}$/.test(text) && id.startsWith(text));
}

function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}

/** `*` stands for anything, also for nothing, `?` for one letter. */
function patternOf(text: string): RegExp {
  const parts = [...text].map((letter) =>
    letter === "*" ? ".*" : letter === "?" ? "." : letter.replace(/[^\w]/, String.raw`\$&`)
  );
  return new RegExp(`^${parts.join("")}$`);
}

function adviceOn(kind: SandboxKind, text: string, listed: readonly Listed[]): string {
  const names = [...new Set(listed.map(({ name }) => name))];
  // A pod of that name may be in another namespace of Kubernetes.
  const near = nearest(text, names) ?? names.find((name) => name.split("/")[1] === (text.split("/")[1] ?? text));
  if (near !== undefined) return `; did you mean ${near}`;
  if (names.length === 0) return `; there is no ${kind} at all`;
  const running = listed.filter(({ isRunning }) => isRunning).map(({ name }) => name);
  if (running.length === 0) return `; no ${kind} is running`;
  return running.length > LISTED_MAX ? "" : `; these are running: ${running.join(", ")}`;
}

const SHORT_ID = 12;

function shortId(id: string): string {
  return id.slice(0, SHORT_ID);
}

/**
 * Finds the network namespace of one that runs.
 *
 * @throws {Error} where it has ended meanwhile, where its processes are not on this machine, or where it has no network of
 * its own
 */
export async function enter(kind: SandboxKind, listed: Listed): Promise<Sandbox> {
  const { name, by } = listed;
  const found = await listed.network();
  if (!found) throw new Error(`Cannot enter ${kind} ${name}: it has just ended`);
  const identity = identityAt(`/proc/${found.pid}/ns/net`);
  if (identity === "none") {
    throw new Error(
      `Cannot enter ${kind} ${name}: its process ${found.pid} is not on this machine, or not to be seen from here; ` +
        `run plugctl where ${by} runs its processes, with the machine's own /proc`,
    );
  }
  if (found.isHost || identity === identityAt("/proc/self/ns/net")) {
    const why = found.isHost
      ? "it uses the machine's own network"
      : "it is in the network namespace that plugctl is in";
    throw new Error(
      `Cannot enter ${kind} ${name}: ${why}, where the packets of others are, too; ` +
        `without ${shellText([`--${kind}`, name])} a gate holds those that its --match means`,
    );
  }
  const { path } = found;
  const stays = path !== undefined && identity !== undefined && identityAt(path) === identity;
  return { kind, name, netns: stays ? path : `pid:${found.pid}`, identity };
}

/** What tells the namespace of a file from others; `undefined` where this process may not look. */
export function identityAt(path: string): string | "none" | undefined {
  try {
    return `net:[${Deno.statSync(path).ino}]`;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return "none";
    // A file of a process that ends while it is looked at is met with ESRCH, or with EINVAL.
    if (error instanceof Error && /os error (3|22)\b/.test(error.message)) return "none";
    throw error;
  }
}
