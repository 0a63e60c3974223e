/**
 * The demo itself, as root in a network namespace that nobody else uses: `main.ts` sees to that.
 *
 * Fails at the first step that does not do what it says.
 *
 * @module
 */

import type { Answer } from "./client.ts";
import { connectHosts, Program, rootQdisc } from "./host.ts";

/** Says in words what comes next. */
export function explain(text: string): void {
  console.log(`\n${paint("1", text)}`);
}

/** Shows a command as it is typed. */
export function showCommand(command: string): void {
  console.log(`${paint("32", "$")} ${command}`);
}

/** Shows what happened that no command printed. */
export function observe(text: string): void {
  console.log(paint("36", text));
}

function paint(code: string, text: string): string {
  return Deno.noColor ? text : `\x1b[${code}m${text}\x1b[0m`;
}

const ADDRESSES = { client: [10, 0, 0, 1], server: [10, 0, 0, 2] };
const PORT = "8000";
const SERVER = ADDRESSES.server.join(".");
const PAGE = `http://${SERVER}:${PORT}/`;
const COMMAND_LINE = `${import.meta.dirname}/../cli/main.ts`;
const HELD_MS = 10_000;
const POLL_MS = 20;

/** A request that was sent, and may not have been answered yet. */
interface Pending {
  answered: boolean;
  answer: Promise<Answer>;
}

async function main(): Promise<void> {
  connectHosts(ADDRESSES);
  const before = rootQdisc("client").kind;
  await using server = new Program("server", "server.ts", SERVER, PORT);
  await using client = new Program("client", "client.ts", PAGE);
  await Promise.all([server.hear(), client.hear()]);

  explain("Two hosts, client and server, are joined by a cable. A plug goes on the client's end");
  await plugctl("attach");

  explain("It lets everything pass");
  report(await request(client).answer);

  explain("From now on it holds what the client sends");
  await plugctl("buffer");

  explain("The same request waits in the kernel: it is in the backlog");
  const held = request(client);
  await packetsHeld();
  const heldSince = performance.now();
  const table = await plugctl("show");
  check(readColumn(table, "BACKLOG") > 0, "plugctl shows no packets in the backlog");
  check(!held.answered, "The request was answered while it was held");

  explain("Released, it is answered");
  const heldMs = performance.now() - heldSince;
  await plugctl("release");
  const answer = await held.answer;
  report(answer);
  check(answer.ms >= heldMs, `It took less than the ${heldMs} ms that it was held`);

  explain("Without the plug the client is as it was");
  await plugctl("detach");
  const after = rootQdisc("client").kind;
  observe(`client: the queueing discipline of eth0 is ${after}`);
  check(after === before, `It was ${before}`);
}

/** Runs this checkout's command line on the client's `eth0`, as a user would, and returns what it printed. */
async function plugctl(action: string): Promise<string> {
  const args = [action, "eth0", "--netns", "client"];
  showCommand(`plugctl ${args.join(" ")}`);
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", COMMAND_LINE, ...args],
    stderr: "inherit",
  }).output();
  const text = new TextDecoder().decode(stdout).trimEnd();
  if (text) console.log(text);
  check(success, `plugctl ${action} failed`);
  return text;
}

/** Reads a number from the first row of a table with headings. */
function readColumn(table: string, heading: string): number {
  const [headings, row] = table.split("\n").map((line) => line.trim().split(/\s+/));
  return Number(row[headings.indexOf(heading)]);
}

function request(client: Program): Pending {
  observe(`client: GET ${PAGE}`);
  const pending = { answered: false, answer: ask(client) };
  const settle = () => pending.answered = true;
  pending.answer.then(settle, settle);
  return pending;
}

async function ask(client: Program): Promise<Answer> {
  await client.tell("GET /");
  return JSON.parse(await client.hear());
}

/** Waits until the plug holds a packet. */
async function packetsHeld(): Promise<void> {
  const deadline = performance.now() + HELD_MS;
  while (rootQdisc("client").qlen === 0) {
    check(performance.now() < deadline, `Nothing is held after ${HELD_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function report({ status, body, ms }: Answer): void {
  observe(`client: ${status} ${body}, after ${ms} ms`);
  check(status === 200, `The server answered with status ${status}`);
}

function check(condition: boolean, complaint: string): void {
  if (!condition) throw new Error(complaint);
}

await main().catch((error) => {
  console.error(`plugctl demo: ${error.message}`);
  Deno.exit(1);
});
