/**
 * Two hosts with a cable between them and servers on either, for tests of gates.
 *
 * @module
 */

import { readLines } from "../../linux/incoming.ts";
import { connect, type End, Host } from "./host.ts";
import { plugctlDone } from "./plugctl.ts";
import { until } from "./until.ts";

/** How long any of it may take. */
export const WAIT = { timeoutMs: 120_000 };

/** What `plugctl gate list --json` says of a gate, as far as the tests look. */
export interface Listed {
  name: string;
  direction: string;
  devs: string[];
  match: string[];
  limitBytes: number;
  priority: number;
  faults: string[];
  hitPackets: number;
  stats?: { backlogPackets: number; drops: number; packets: number };
}

/** Two hosts and the ends of the cable between them; gates are made on `left`. */
export class GatePair implements Disposable {
  readonly left = new Host();
  readonly right = new Host();
  readonly ends: [End, End];

  constructor() {
    this.ends = connect([this.left, this.right]);
  }

  /** The gates of `left`. */
  async gates(): Promise<Listed[]> {
    return JSON.parse(await plugctlDone(this.left, "gate", "list", "--json"));
  }

  /** How many packets the gate of this name holds. */
  async held(name: string): Promise<number> {
    const gate = (await this.gates()).find((listed) => listed.name === name);
    return gate?.stats?.backlogPackets ?? 0;
  }

  /** Waits until this gate holds so many packets: some may be on their way in a softirq, after a send or a release. */
  async holds(name: string, packets: number): Promise<void> {
    await until(async () => await this.held(name) === packets, { ...WAIT, what: `${packets} packets held by ${name}` });
  }

  [Symbol.dispose](): void {
    this.left[Symbol.dispose]();
    this.right[Symbol.dispose]();
  }
}

/**
 * What `ip` and `tc` say of a host: the same before and after where nothing was left behind. A clsact with nothing in it is
 * not shown on a machine with several processors, where it stays behind the last gate.
 */
export function witness(host: Host, devices: readonly string[] = ["lo", "eth0"]): string {
  const hooks = devices.flatMap((dev) => ["ingress", "egress"].map((hook) => `filter show dev ${dev} ${hook}\\n`));
  // In one process, as starting each takes long in User-Mode Linux; of a device that is not there it says so, and goes on.
  const tc = `printf 'qdisc show\\n${hooks.join("")}' | tc -force -batch - 2>&1`;
  const text = host.run("sh", "-c", `set -e; ip -details link show; ${tc} || true`)
    // The kernel says that a new cable is up a moment later, whatever happens to its queues; UP is what it is set to.
    .replaceAll(/ state (UP|UNKNOWN|DOWN|LOWERLAYERDOWN) /g, " state … ")
    .replaceAll(/\bNO-CARRIER,|,LOWER_UP\b/g, "");
  return navigator.hardwareConcurrency === 1 ? text : text.replaceAll(/^qdisc clsact .*\n/gm, "");
}

/** What `tc` says without the numbers of actions, which a replaced filter keeps. */
export function withoutCounters(text: string): string {
  return text.replaceAll(/index \d+ ref \d+ bind \d+/g, "index");
}

const HTTP_SERVER = `
import http.server, socket, sys
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")
    def log_message(self, *_):
        pass
servers = [Server(("::", int(port)), Handler) for port in sys.argv[1:]]
print("listening", flush=True)
import threading
for server in servers: threading.Thread(target=server.serve_forever).start()
`;

/** Starts an HTTP server on each of these ports of a host, for IPv4 and IPv6, and returns when they listen. */
export async function serveHttp(host: Host, ...ports: number[]): Promise<void> {
  const command = ["python3", "-c", HTTP_SERVER, ...ports.map(String)];
  await readLines(host.spawn(command, { stdin: "null", stdout: "piped" }).stdout).next();
}

/** A request by curl that runs, and its end. */
export interface HttpRequest {
  /** What the server answered. */
  answer: Promise<string>;
  /** Whether it has been answered yet. */
  isDone: () => boolean;
}

/** Asks for a page from a host; `address` is in brackets where it is of IPv6. */
export function getHttp(host: Host, url: string): HttpRequest {
  const child = host.spawn(["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "60", url], {
    stdin: "null",
    stdout: "piped",
  });
  let done = false;
  const answer = child.output().then(({ stdout }) => {
    done = true;
    return new TextDecoder().decode(stdout);
  });
  return { answer, isDone: () => done };
}

/** Whether a host answers to a ping of another. */
export function pings(from: Host, address: string): boolean {
  return from.run("busybox", "ping", "-c", "1", "-W", "10", address).includes("1 packets received");
}
