/** A key for sessions, as docs/SESSION.md has it, gets a session of plugctl, and nothing else: here one tries to. */

import { assertEquals } from "@std/assert";
import { Conversation } from "./conversation.ts";
import { HoldCase } from "./hold_case.ts";
import type { Host } from "./host.ts";
import { processTable } from "./process_table.ts";
import { SshPlace } from "./ssh_server.ts";
import { until } from "./until.ts";

const WAIT = { timeoutMs: 60_000 };
const DOCUMENT = Deno.readTextFileSync(new URL("../../docs/SESSION.md", import.meta.url));
/** What the document has before a key. */
const [, RESTRICTED = ""] = /^(restrict,.*) ssh-ed25519 /m.exec(DOCUMENT) ?? [];
const SERVER = "10.0.0.1";

Deno.test("a key for sessions of plugctl", async (t) => {
  using hold = new HoldCase();
  using place = new SshPlace();
  const { left, right } = hold;
  const keys = { any: place.makeKey("any", ""), session: place.makeKey("session", RESTRICTED) };
  await place.serve(left, SERVER);
  /** Runs a client of this family, with a key, and tells what it said. */
  const run = async (key: string, words: string[], { program = "ssh", input = "" } = {}) => {
    const child = right.spawn([program, ...place.clientOptions(key), ...words], {
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    const writer = child.stdin.getWriter();
    // One that takes no input has ended by then
    await writer.write(new TextEncoder().encode(input)).catch(() => {});
    await writer.close().catch(() => {});
    const { stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return { stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  };
  const trace = `${place.folder}/was_here`;
  /** Whether what was tried has left a file. */
  const hasLeftTrace = () => {
    try {
      Deno.removeSync(trace);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  };

  assertEquals(RESTRICTED, 'restrict,command="plugctl session"');

  await t.step("gets a session, whatever command it asks for", async () => {
    for (const asked of [[], ["plugctl", "session"], ["sh"]]) {
      const input = '{"id":1,"op":"gate-list"}\n';
      const { stdout } = await run(keys.session, [SERVER, ...asked], { input });
      const [ready, answer, ...more] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
      assertEquals([ready.event, answer, more], ["ready", { id: 1, result: [] }, []]);
    }
  });

  await t.step("holds, and what it holds is released when the connection ends", async () => {
    await using session = new Conversation(right, {
      command: ["ssh", ...place.clientOptions(keys.session), SERVER],
    });
    const gate = { op: "gate-add", name: "web", dev: "eth0", direction: "out", match: "udp dst port 5000" };
    assertEquals(await session.ask(gate), { name: "web", made: true, warnings: [] });
    await session.ask({ op: "buffer", on: "web" });
    hold.send();
    await session.ask({ op: "wait", on: "web", until: "backlog>0" });
    session.child.kill("SIGKILL");
    await hold.allArrived();
    const isLeft = () => processTable().some((line) => /guardian_process|main\.ts session/.test(line));
    await until(() => !isLeft() && gatesOf(left) === "", { ...WAIT, what: "the end of the session" });
  });

  /** What is tried, and whether it has got in: with a key without restrictions it does. */
  const attempts: Record<string, (key: string) => Promise<boolean>> = {
    "a command": async (key) => {
      await run(key, [SERVER, "touch", trace]);
      return hasLeftTrace();
    },
    "another command of plugctl": async (key) =>
      (await run(key, [SERVER, "plugctl", "version"])).stdout.startsWith("plugctl "),
    "a shell": async (key) => {
      await run(key, [SERVER, "sh"], { input: `touch ${trace}\n` });
      return hasLeftTrace();
    },
    "a terminal": async (key) => (await run(key, ["-tt", SERVER, "tty"])).stdout.includes("/dev/pts/"),
    "a connection from there": async (key) =>
      (await run(key, ["-W", `${SERVER}:22`, SERVER])).stdout.startsWith("SSH-2.0-"),
    "a port there": (key) => listens(key, "127.0.0.1:7001"),
    "a socket there": (key) => listens(key, `${place.folder}/socket`),
    "sftp": async (key) => {
      const input = `put ${place.folder}/any.pub ${trace}\n`;
      // Where no ssh is installed, the one of PATH.
      await run(key, ["-S", "ssh", "-b", "-", SERVER], { program: "sftp", input });
      return hasLeftTrace();
    },
    "its own ~/.ssh/rc": async (key) => {
      Deno.mkdirSync(`${place.folder}/home/.ssh`, { recursive: true });
      Deno.writeTextFileSync(`${place.folder}/home/.ssh/rc`, `touch ${trace}\n`);
      await run(key, [SERVER, "true"]);
      Deno.removeSync(`${place.folder}/home/.ssh/rc`);
      return hasLeftTrace();
    },
  };

  /** Whether a client gets the server to listen for it. */
  const listens = async (key: string, at: string) => {
    const options = ["-v", "-N", "-o", "ExitOnForwardFailure=yes", "-R", `${at}:127.0.0.1:22`];
    const child = right.spawn(["ssh", ...place.clientOptions(key), ...options, SERVER], {
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    let ended = false;
    const status = child.status.then(() => ended = true);
    const isThere = () => left.run("ss", "-Hlnx", "-A", "tcp,unix").includes(at);
    await until(() => ended || isThere(), { ...WAIT, what: "the end of a client, or what it wants" });
    const got = isThere();
    if (!ended) child.kill();
    await status;
    return got;
  };

  for (const [what, attempt] of Object.entries(attempts)) {
    await t.step(`does not get ${what}`, async () => {
      assertEquals({ any: await attempt(keys.any), session: await attempt(keys.session) }, {
        any: true,
        session: false,
      });
    });
  }
  assertEquals(gatesOf(left), "");
});

/** The devices of gates. */
function gatesOf(host: Host): string {
  return host.run("ip", "-o", "link", "show", "type", "ifb");
}
