/** A match that the kernel takes for every packet: each way in says what to write, before anything is touched. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Desk } from "../../control/desk.ts";
import { Session } from "../../control/session.ts";
import { Gate } from "../../gate/gate.ts";
import { MatchError } from "../../gate/match/reader.ts";
import { FakeKernel } from "../plug/fake_kernel.ts";
import { runHere } from "./run_here.ts";

/** Matches, what is wrong with each, and what to write. */
const MATCHES = [
  ["ip dst host 0.0.0.0/0", "every IPv4 address fits 0.0.0.0/0", "a longer prefix, or for every address: ip"],
  ["dst net ::/0", "every IPv6 address fits ::/0", "a longer prefix, or for every address: ip6"],
  ["src net 0.0.0.0 mask 0.0.0.0", "every IPv4 address fits 0.0.0.0 mask 0.0.0.0", "or for every address: ip"],
  ["tcp port 0-65535", "every port fits 0-65535", "a narrower range, or for every port: tcp"],
  ["any", "any", "for every packet: no match at all"],
] as const;

/** No machine has it: what reached the kernel would be told so. */
const DEV = "plugctl-none";

/** Does something with a file of this text. */
async function withFile<T>(text: string, work: (file: string) => Promise<T>, suffix = ".yaml"): Promise<T> {
  const file = await Deno.makeTempFile({ suffix });
  try {
    await Deno.writeTextFile(file, text);
    return await work(file);
  } finally {
    await Deno.remove(file);
  }
}

async function askSession(request: Record<string, unknown>): Promise<string> {
  const said: { error?: { code: string; message: string } }[] = [];
  const desk = new Desk({ maxHoldMs: 1000, onCutShort: () => {} });
  const session = new Session(desk, (line) => void said.push(line as typeof said[number]));
  await session.take(JSON.stringify({ id: 1, ...request }));
  await session.close();
  assertEquals(await desk.close(), []);
  assertEquals(said[0].error?.code, "invalid");
  return said[0].error?.message ?? "";
}

/** What is said of a match by each way in. */
const WAYS: Record<string, (match: string) => Promise<string> | string> = {
  "gate add": (match) => commandLine("gate", "add", "web", DEV, "--direction", "out", "--match", match),
  "gate add --dry-run": (match) =>
    commandLine("gate", "add", "web", DEV, "--direction", "out", "--match", match, "--dry-run"),
  "batch": (match) =>
    withFile(`gate add web ${DEV} --direction out --match '${match}'\n`, (file) => commandLine("batch", file), ""),
  "session": (match) => askSession({ op: "gate-add", name: "web", dev: DEV, direction: "out", match }),
  "run": (match) =>
    withFile(
      `name: x\ngates: { web: { dev: ${DEV}, direction: out, match: "${match}" } }\nsteps:\n  - buffer: web\n`,
      (file) => commandLine("run", file),
    ),
  "the API": (match) => {
    const { connection, sends } = new FakeKernel();
    const open = () => Gate.open({ name: "web", dev: DEV, direction: "out", match, connection });
    const { message } = assertThrows(open, MatchError);
    assertEquals(sends, []);
    return message;
  },
};

async function commandLine(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await runHere(...words);
  assertEquals([status, stdout], [2, ""], stderr);
  return stderr;
}

for (const [way, ask] of Object.entries(WAYS)) {
  Deno.test(`${way} says of a match that every packet fits what to write`, async () => {
    for (const [match, problem, expected] of MATCHES) {
      const said = await ask(match);
      assert(said.includes(problem) && said.includes(expected), `${match}: ${said}`);
    }
  });
}
