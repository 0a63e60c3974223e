import config from "../../deno.json" with { type: "json" };
import { formatHex } from "../../codec/text.ts";
import { policyFor } from "../policy.ts";
import { Service } from "../../control/serve/service.ts";
import type { Admission } from "../../control/serve/visitor.ts";
import { giveUpCapabilities } from "../../linux/process.ts";
import { become } from "../../linux/spawned.ts";
import { DEFAULT_MAX_HOLD_MS } from "../../plug/hold.ts";
import { type Context, isGiven, ownProgram, valueOf } from "../context.ts";
import { interruptible, UsageError, whenAborted } from "../exit_status.ts";
import { namespaceOf } from "../targets.ts";
import { positiveDuration } from "../values.ts";

/** Where a server listens. */
type Place = { path: string } | { hostname: string; port: number };

/** `plugctl serve` */
export async function run(context: Context): Promise<void> {
  const maxHoldMs = positiveDuration(context, "max-hold") ?? DEFAULT_MAX_HOLD_MS;
  const netns = namespaceOf(context);
  const place = placeOf(context);
  const given = valueOf(context, "token-file");
  const isOnTcp = "port" in place;
  if (!isOnTcp && given !== undefined) {
    throw new UsageError("--token-file is for --listen: a socket is its owner's alone");
  }
  if (isOnTcp && !isLoopback(place.hostname) && given === undefined) {
    throw new UsageError(`${place.hostname} can be reached by others: --listen needs --token-file FILE there`);
  }
  const token = isOnTcp ? given === undefined ? newToken() : await readToken(given) : undefined;
  const policy = await policyFor(context);
  const mayRun = isGiven(context, "allow-run");
  // Another namespace is entered again and again; a scenario makes hosts, and runs what it likes.
  if (netns === undefined && !mayRun && giveUpCapabilities(["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_NICE"])) {
    becomeAgain();
  }
  const { makeApp } = await import("../../control/serve/app.ts");
  await import("../failure.ts");
  const over = Promise.withResolvers<never>();
  over.promise.catch(() => {});
  const service = new Service({
    netns,
    maxHoldMs,
    policy,
    program: mayRun ? ownProgram() : undefined,
    version: config.version,
    onEnd: over.reject,
  });
  const failures: unknown[] = [];
  await interruptible(async (signal) => {
    try {
      service.desk.connect();
      using listener = listen(context, { place, service, token, makeApp });
      await Promise.race([listener.finished, over.promise, whenAborted(signal)]);
    } catch (error) {
      failures.push(error);
    }
    failures.push(...await service.close());
  });
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, "Several things failed");
}

/** Starts anew with what was given up, which a process has until then in its other threads. */
function becomeAgain(): void {
  const [program, ...args] = [...ownProgram(), ...Deno.args];
  become(program, args);
}

function listen(
  context: Context,
  { place, service, token, makeApp }: {
    place: Place;
    service: Service;
    token?: string;
    makeApp: typeof import("../../control/serve/app.ts").makeApp;
  },
): Disposable & { finished: Promise<void> } {
  const admission: { -readonly [K in keyof Admission]: Admission[K] } = { token };
  const app = makeApp(service, admission);
  const answer = (request: Request) => app(request);
  if (!("port" in place)) {
    clearOld(place.path);
    // What is made from here on is this user's alone, and the socket is from its first moment on.
    const before = Deno.umask(0o177);
    try {
      const server = Deno.serve({ ...place, onListen: () => context.note(`listening on ${place.path}`) }, answer);
      const end = () => {
        void server.shutdown();
        Deno.removeSync(place.path);
      };
      return { finished: server.finished, [Symbol.dispose]: end };
    } finally {
      Deno.umask(before);
    }
  }
  const onListen = ({ hostname, port }: Deno.NetAddr) => {
    const name = hostname.includes(":") ? `[${hostname}]` : hostname;
    admission.hosts = new Set([...hostsOf(hostname)].map((host) => `${host}:${port}`));
    context.note(`listening on http://${name}:${port}/${valueOf(context, "token-file") ? "" : `#token=${token}`}`);
  };
  const server = Deno.serve({ ...place, onListen }, answer);
  return { finished: server.finished, [Symbol.dispose]: () => void server.shutdown() };
}

/** The names by which a server is asked that listens there. */
function hostsOf(hostname: string): string[] {
  const inUrl = (address: string) => address.includes(":") ? `[${address}]` : address;
  if (isLoopback(hostname)) return ["localhost", inUrl(hostname)];
  if (hostname !== "0.0.0.0" && hostname !== "::") return [inUrl(hostname)];
  return ["localhost", Deno.hostname().toLowerCase(), ...Deno.networkInterfaces().map(({ address }) => inUrl(address))];
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

function isLoopback(hostname: string): boolean {
  return LOOPBACK.test(hostname);
}

/** @throws {UsageError} where it is no place */
function placeOf(context: Context): Place {
  const listen = valueOf(context, "listen");
  const socket = valueOf(context, "socket");
  if (listen === undefined) return { path: socket ?? defaultSocket() };
  if (socket !== undefined) throw new UsageError("--listen and --socket cannot be given together");
  const [, address, port] =
    /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d+)$/.exec(listen)?.flatMap((part, index, parts) =>
      index === 2 ? [] : index === 1 ? [part ?? parts[2]] : [part]
    ) ?? [];
  if (port === undefined || Number(port) > 0xffff) {
    throw new UsageError(`invalid place to listen "${listen}": use a port, ADDRESS:PORT or [ADDRESS]:PORT`);
  }
  return { hostname: address === undefined || address === "localhost" ? "127.0.0.1" : address, port: Number(port) };
}

function defaultSocket(): string {
  const folder = Deno.uid() === 0 ? "/run" : Deno.env.get("XDG_RUNTIME_DIR");
  if (folder) return `${folder}/plugctl.sock`;
  throw new UsageError("there is no XDG_RUNTIME_DIR to make the socket in: give --socket FILE or --listen PORT");
}

/** Removes a socket on which nobody listens any more. */
function clearOld(path: string): void {
  const there = statOf(path);
  if (!there) return;
  if (!there.isSocket) throw new Error(`Cannot listen on ${path}: it is a file, not a socket`);
  if (isListenedOn(path)) throw new Error(`Cannot listen on ${path}: another process does`);
  Deno.removeSync(path);
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The kernel lists the sockets that are bound. */
function isListenedOn(path: string): boolean {
  const [, ...lines] = Deno.readTextFileSync("/proc/net/unix").trimEnd().split("\n");
  const full = Deno.realPathSync(path);
  return lines.some((line) => line.endsWith(` ${full}`) || line.endsWith(` ${path}`));
}

const TOKEN_BYTES = 32;
const TOKEN_LEAST = 16;

function newToken(): string {
  return formatHex(crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)));
}

/** @throws {UsageError} where it is no token, or others can read it */
async function readToken(file: string): Promise<string> {
  let text: string;
  try {
    text = (await Deno.readTextFile(file)).trim();
  } catch (error) {
    throw new UsageError(`cannot read the token: ${(error as Error).message}`, { cause: error });
  }
  const { mode } = await Deno.stat(file);
  if ((mode ?? 0) & 0o077) throw new UsageError(`others can read the token in ${file}: chmod 600 ${file}`);
  if (!/^[!-~]+$/.test(text) || text.length < TOKEN_LEAST) {
    throw new UsageError(`${file} holds no token: a line of ${TOKEN_LEAST} letters, digits or signs at the least`);
  }
  return text;
}
