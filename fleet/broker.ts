import {
  type Authenticator,
  credsAuthenticator,
  type NatsConnection,
  usernamePasswordAuthenticator,
} from "@nats-io/nats-core";
import { createRequire } from "node:module";
import { findUser } from "../linux/process.ts";

/** How to reach a broker. */
export interface BrokerOptions {
  /** `nats://host:4222`, with a user and a password where it takes one, or `tls://host:4222`; several of one cluster. */
  urls: readonly string[];
  /** A file of credentials, as `nsc` writes it. */
  creds?: string;
  /** The authority that signs the broker's certificate, where the machine does not know it, */
  ca?: string;
  /** and the certificate and key of this end, where the broker asks for one. */
  cert?: string;
  key?: string;
  /** What the broker calls this end in its list of connections. */
  name: string;
  /** What the subjects begin with to which this end is answered. */
  inbox: string;
}

/** The port where none is said. */
const PORT = 4222;
/** After how many milliseconds without an answer a connection is taken for lost; it is then tried again for ever. */
const PING_MS = 5000;
const PINGS_MAX = 1;
/** How long what was said has to leave when a connection is closed, in milliseconds. */
const CLOSING_MS = 1000;

/**
 * Connects to a broker, and again whenever the connection is lost.
 *
 * @throws {Error} where it cannot be reached, or lets nobody in
 */
export async function connectBroker(options: BrokerOptions, { waits = false } = {}): Promise<NatsConnection> {
  const { urls, ca, cert, key, name, inbox } = options;
  const parsed = urls.map(parseUrl);
  const { connect } = await transport();
  const authenticator = await authenticatorFor(options, parsed[0]);
  hushResets();
  const isTls = parsed.some(({ protocol }) => protocol === "tls:") || ca !== undefined || cert !== undefined;
  try {
    const connection = await connect({
      servers: parsed.map(({ hostname, port }) => `${hostname}:${port || PORT}`),
      name,
      authenticator,
      tls: isTls ? { caFile: ca, certFile: cert, keyFile: key } : undefined,
      inboxPrefix: inbox,
      waitOnFirstConnect: waits,
      // One that waits goes on when the broker is told of its user, or told again.
      ignoreAuthErrorAbort: waits,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 500,
      reconnectJitter: 500,
      pingInterval: PING_MS,
      maxPingOut: PINGS_MAX,
      noAsyncTraces: true,
    });
    void endStale(connection);
    return connection;
  } catch (error) {
    const where = parsed.map(({ host }) => host).join(", ");
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot connect to the broker at ${where}: ${reason}`, { cause: error });
  }
}

/** Closes a connection, when what was said has left, or after a while where the broker takes nothing. */
export async function closeConnection(connection: NatsConnection): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, CLOSING_MS);
  await Promise.race([connection.drain().catch(() => connection.close()), promise]);
  clearTimeout(timer);
  if (connection.isClosed()) return;
  const closed = connection.close();
  destroySocket(connection);
  await closed;
}

/**
 * Sees to it that a connection on which the broker is silent is made anew. transport-node 3.4.0 first waits until an empty
 * write has ended, which with TLS never does (in Deno 2.9.6, with a broker that is stopped): the connection would be lost
 * for good, and nothing would say so.
 */
async function endStale(connection: NatsConnection): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type === "staleConnection" || type === "forceReconnect") destroySocket(connection);
  }
}

function destroySocket(connection: NatsConnection): void {
  const { protocol } = connection as { protocol?: { transport?: { socket?: { destroy(): void } } } };
  protocol?.transport?.socket?.destroy();
}

/** What has made a request fail, by its name in the library, which wraps it. A bundle may have the class twice. */
export function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  return error.name === "RequestError" && error.cause instanceof Error ? error.cause.name : error.name;
}

/** The ports at which the brokers of a connection can be reached. */
export function brokerPorts(connection: NatsConnection, urls: readonly string[]): Set<number> {
  const known = [connection.getServer(), ...connection.info?.connect_urls ?? []];
  return new Set([
    ...known.map((host) => Number(/:(\d+)$/.exec(host)?.[1] ?? PORT)),
    ...urls.map((url) => Number(parseUrl(url).port || PORT)),
  ]);
}

/** By what name a user asks: that of the credentials, of the URL, or of the user of this process. */
export async function askerOf({ urls, creds }: Pick<BrokerOptions, "urls" | "creds">): Promise<string> {
  if (creds !== undefined) return nameInCreds(new TextDecoder().decode(await readCreds(creds)), creds);
  const { username } = parseUrl(urls[0]);
  return decodeURIComponent(username) || findUser(String(Deno.uid()))?.name || "nobody";
}

let hearsResets = false;

/**
 * A socket that the library has done with, as where the broker lets nobody in, may yet hear that the other end has reset it:
 * nobody waits for that word, and it is to end no process.
 */
function hushResets(): void {
  if (hearsResets) return;
  hearsResets = true;
  globalThis.addEventListener("error", (event) => {
    if ((event.error as { code?: unknown } | undefined)?.code === "ECONNRESET") event.preventDefault();
  });
}

/** Is written for Node's `require`, which the files of a bundle do not have of themselves. */
async function transport(): Promise<Transport> {
  const scope: { require?: NodeJS.Require } = globalThis;
  scope.require ??= createRequire(import.meta.url);
  const loaded: Transport & { default?: Transport } = await import("@nats-io/transport-node");
  // In a bundle it has no names of its own.
  return loaded.default ?? loaded;
}

type Transport = typeof import("@nats-io/transport-node");

function parseUrl(text: string): URL {
  const url = URL.canParse(text) && /^(nats|tls):\/\//.test(text) ? new URL(text) : undefined;
  if (url?.hostname) return url;
  throw new SyntaxError(`invalid address of a broker ${JSON.stringify(text)}: use nats://HOST:PORT or tls://HOST:PORT`);
}

async function authenticatorFor({ creds }: BrokerOptions, url: URL): Promise<Authenticator | undefined> {
  if (creds !== undefined) return credsAuthenticator(await readSecret(creds));
  if (url.username === "") return undefined;
  return usernamePasswordAuthenticator(decodeURIComponent(url.username), decodeURIComponent(url.password));
}

/** @throws {Error} where others can read it */
async function readSecret(file: string): Promise<Uint8Array> {
  const bytes = await readCreds(file);
  const { mode } = await Deno.stat(file);
  if ((mode ?? 0) & 0o077) throw new Error(`others can read the credentials in ${file}: chmod 600 ${file}`);
  return bytes;
}

async function readCreds(file: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(file);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : (error as Error).message;
    throw new Error(`Cannot read the credentials in ${file}: ${reason}`, { cause: error });
  }
}

/** The name in the user's token that credentials begin with. */
function nameInCreds(text: string, file: string): string {
  const [, payload] = /-----BEGIN NATS USER JWT-----\s+[^.\s]+\.([^.\s]+)\./.exec(text) ?? [];
  if (payload === undefined) throw new SyntaxError(`${file} has no credentials of a user of NATS`);
  const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (byte) => byte.charCodeAt(0));
  const { name } = JSON.parse(new TextDecoder().decode(bytes));
  return String(name);
}
