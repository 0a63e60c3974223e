/**
 * A real broker for the tests: nats-server, at a port of its own, with certificates where it is asked for them.
 *
 * @module
 */

import type { NatsConnection } from "@nats-io/transport-node";
import { connectBroker } from "../../fleet/broker.ts";
import { inboxOf } from "../../fleet/subject.ts";
import { until } from "../kernel/until.ts";
import { provideTools } from "../tools.ts";

/** How a broker is set up. */
export interface BrokerSetUp {
  /** Its configuration, without where it listens. Default: JetStream and nothing else. */
  config?: string;
  /** What it is started with in its environment. */
  env?: Record<string, string>;
  port?: number;
  /** Done before it is started. */
  before?: () => Promise<void>;
}

/** A broker, which is ended when the block ends. */
export class TestBroker implements AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  readonly #setUp: BrokerSetUp;
  #child?: Deno.ChildProcess;

  private constructor(folder: string, setUp: BrokerSetUp) {
    this.folder = folder;
    this.#setUp = setUp;
    this.port = setUp.port ?? freePort();
  }

  static async start(setUp: BrokerSetUp | ((folder: string) => BrokerSetUp) = {}): Promise<TestBroker> {
    const options = { onDownload: () => {}, signal: new AbortController().signal };
    await provideTools(["nats-server"], options);
    const folder = await Deno.makeTempDir({ prefix: "plugctl-nats-" });
    const broker = new TestBroker(folder, typeof setUp === "function" ? setUp(folder) : setUp);
    await broker.#setUp.before?.();
    await broker.start();
    return broker;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Starts it, again where it was ended, with what it has kept. */
  async start(): Promise<void> {
    const { config = `jetstream { store_dir: "${this.folder}/js" }`, env } = this.#setUp;
    const file = `${this.folder}/nats.conf`;
    await Deno.writeTextFile(file, `${config}\nlisten: "127.0.0.1:${this.port}"\nlog_file: "${this.folder}/log"\n`);
    this.#child = new Deno.Command("nats-server", { args: ["-c", file], env, stdout: "null", stderr: "null" }).spawn();
    await until(() => isListening(this.port), { timeoutMs: 10_000, what: `nats-server at ${this.port}` });
  }

  /** Has it stand still, so that it takes connections and says nothing, or go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }

  /** Has it stand still, and returns when it does: a signal takes effect when it is its turn. */
  async standStill(): Promise<void> {
    this.signal("SIGSTOP");
    const isStill = () => / T /.test(Deno.readTextFileSync(`/proc/${this.#child?.pid}/stat`));
    await until(isStill, { timeoutMs: 10_000, what: "a broker that stands still" });
  }

  async stop(signal: Deno.Signal = "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    child?.kill(signal);
    await child?.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** A connection to a broker as some host, user or, without either, whoever. */
export async function connectAs(
  url: string,
  { kind = "users", name = "tester", ...options }: {
    kind?: "hosts" | "users";
    name?: string;
    ca?: string;
    creds?: string;
  } = {},
): Promise<NatsConnection> {
  return await connectBroker({ urls: [url], name, inbox: inboxOf(kind, name), ...options });
}

/** An authority and a certificate of 127.0.0.1 that it has signed, in a folder. */
export async function makeCertificates(folder: string): Promise<void> {
  const name = "subjectAltName=IP:127.0.0.1,IP:10.0.0.254,DNS:localhost";
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  await Deno.writeTextFile(`${folder}/name`, name);
  for (
    const args of [
      ["req", "-x509", ...ec, "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.crt"],
      ["req", ...ec, "-subj", "/CN=broker", "-keyout", "broker.key", "-out", "broker.csr"],
      ["x509", "-req", "-in", "broker.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"]
        .concat("-extfile", "name", "-out", "broker.crt"),
      ["req", "-x509", ...ec, "-subj", "/CN=other", "-keyout", "other.key", "-out", "other.crt"],
    ]
  ) {
    const { success, stderr } = await new Deno.Command("openssl", { args, cwd: folder }).output();
    if (!success) throw new Error(`openssl ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
