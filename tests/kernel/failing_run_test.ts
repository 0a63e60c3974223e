/**
 * Runs that fail, each in another way, as a person meets them: on a terminal of 80 columns, and in the report. What failed,
 * why, and the last words of whoever it is about are the last that the terminal shows and the first that the report does.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { PLUGCTL } from "./plugctl.ts";

const COLUMNS = 80;
/** What colours text on a terminal, or clears a line of it. */
const CODES = new RegExp("\x1b\\[[\\d;]*[mK]", "g");

/** A client that connects to a server whose answers, or whose hold, are the matter of each scenario. */
const scenario = (steps: string, top = "") =>
  `name: A run that fails
${top}
hosts:
  client: { devices: { eth0: { to: server, address: 10.0.0.1/24 } } }
  server: { devices: { eth0: { to: client, address: 10.0.0.2/24 } } }
defaults: { timeout: 60s }
gates:
  web: { host: server, dev: eth0, direction: in, match: udp dst port 5000 }
steps:
  - buffer: web
  - run: [bash, -c, "echo x >/dev/udp/10.0.0.2/5000"]
    host: client
  - wait: { gate: web, backlog: 1 }
${steps}`;

const GUARDIAN = 'for each in /proc/[0-9]*; do grep -q guardian_process $each/cmdline && grep -q "^PPid:.$PPID$" ' +
  "$each/status && kill -9 $(basename $each); done; sleep 1h";

interface Case {
  steps: string;
  top?: string;
  status: number;
  /** What is said last of all, and first in the report. */
  why: RegExp;
  /** The last lines that are shown right above that, and in the report. */
  words?: string;
  /** The step that the report names, and whether that was cut short from outside. */
  step: [label: "step" | "during", number: string];
  /** What waited then, by the report. */
  waiting: boolean;
  /** What else the report says. */
  more?: (report: string) => void;
}

const CASES: Record<string, Case> = {
  "a process that dies": {
    steps: `  - start: { name: daemon, command: "echo starting; echo 'no such file: server.conf' >&2; exit 1" }
    host: server
  - wait: { port: 80 }
    host: server`,
    status: 1,
    why: /daemon ended with exit status 1 by itself; it says: no such file: server\.conf/,
    words: "no such file: server.conf",
    step: ["step", "4"],
    waiting: true,
  },
  "an expectation that is not met": {
    steps: `  - expect: { command: "echo HTTP/1.1 503", stdout: 200 OK }
    host: client`,
    status: 3,
    why: /Expected that echo HTTP\/1\.1 503 ends with 200 OK in stdout: stdout was "HTTP\/1\.1 503"/,
    words: "HTTP/1.1 503",
    step: ["step", "4"],
    waiting: true,
  },
  "a wait that takes too long": {
    steps: `  - start: { name: daemon, command: "echo not yet; sleep 1h" }
    host: server
  - wait: { process: daemon, line: not yet }
  - wait: { process: daemon, line: ready, timeout: 1s }`,
    status: 1,
    why: /Timed out after 1s waiting until daemon has written ready: the last line of daemon is "not yet"/,
    words: "not yet",
    step: ["step", "6"],
    waiting: true,
  },
  "the scenario's timeout": {
    top: "timeout: 20s",
    steps: "  - sleep: 1h",
    status: 1,
    why: /Cannot go on: the scenario's timeout of 20s is over/,
    step: ["during", "4"],
    waiting: true,
  },
  "a hold that is longer than max-hold": {
    top: "max-hold: 10s",
    steps: "  - sleep: 1h",
    status: 1,
    why: /Cannot go on: web was held for 10s, the most that max-hold allows/,
    step: ["during", "4"],
    waiting: true,
    more: endsWithItsGuardian,
  },
  SIGINT: {
    steps: `  - run: "echo working; kill -INT $PPID; sleep 1h"`,
    status: 130,
    why: /[Ii]nterrupted by SIGINT/,
    words: "working",
    step: ["during", "4"],
    waiting: true,
  },
  "a guardian that is killed": {
    steps: `  - run: ${JSON.stringify(GUARDIAN)}`,
    status: 1,
    why: /Cannot go on: the guardian has ended, and nobody would release what is held if plugctl died/,
    step: ["during", "4"],
    waiting: true,
  },
  "a device that is taken away": {
    steps: `  - run: ip link delete eth0; sleep 1h
    host: server`,
    status: 1,
    why: /Cannot go on: web: a device that it is on is gone, and what it held of that is lost/,
    step: ["during", "4"],
    waiting: true,
  },
  "a device that the kernel refuses": {
    steps: `  - release: web
  - run: tc qdisc add dev eth0 root netem delay 1ms
    host: server
  - attach: { plug: up, dev: eth0 }
    host: server`,
    status: 1,
    why:
      /Cannot attach to eth0 \(root\): netem \w+: is there, which plugctl did not make; keep it, and hold packets with a gate/,
    step: ["step", "6"],
    waiting: false,
  },
};

/** The hold ends in the report when its guardian has released it. */
function endsWithItsGuardian(report: string): void {
  const [, row = ""] = /<section id="holds">.*?<tbody>(.*?)<\/tbody>/s.exec(report) ?? [];
  const [queue, , heldFor, packets] = [...row.matchAll(/<td[^>]*>(.*?)<\/td>/gs)].map(([, cell]) => textOf(cell));
  assertEquals([queue, packets], ["web", "1"], row);
  assert(parseFloat(heldFor) >= 9.9, heldFor);
  assertMatch(report, /id="step-guardian\.release\.web"/);
}

/** Runs a scenario on a terminal, and returns its exit status, what that showed, line by line, and the report. */
async function runOnTerminal(text: string): Promise<{ status: number; lines: string[]; report: string }> {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-failing-" });
  try {
    await Deno.writeTextFile(`${folder}/fails.yaml`, text);
    const run = [...PLUGCTL, "run", `${folder}/fails.yaml`, "--report", `${folder}/report.html`];
    const command = `stty columns ${COLUMNS} rows 40; exec ${run.map((word) => `'${word}'`).join(" ")}`;
    const { code, stdout } = await new Deno.Command("script", {
      args: ["-qefc", command, "/dev/null"],
      stdin: "null",
      env: { NO_COLOR: "", TERM: "xterm" },
    }).output();
    // What changes stands in one line, of which the last is what stays.
    const shown = new TextDecoder().decode(stdout).replaceAll(CODES, "").split("\n")
      .map((line) => line.replace(/\r$/, "").split("\r").at(-1) ?? "");
    return {
      status: code,
      lines: shown.filter((line) => line !== ""),
      report: await Deno.readTextFile(`${folder}/report.html`),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The text of a page, without its tags. */
function textOf(html: string): string {
  return html.replaceAll(/<[^>]*>/g, "").replaceAll("&#39;", "'").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
}

Deno.test("a run that fails says what failed, why, and with whose last words", async (t) => {
  for (
    const [name, { steps, top, status, why, words, step: [label, number], waiting, more }] of Object.entries(CASES)
  ) {
    await t.step(name, async () => {
      const { status: found, lines, report } = await runOnTerminal(scenario(steps, top));
      const shown = lines.join("\n");
      assertEquals(found, status, shown);
      const said = lines.findLastIndex((line) => line.startsWith(`plugctl: step ${number} (line `));
      assert(said >= lines.length - 2, shown);
      assertMatch(lines[said], why);
      // Right above, or as the end of the sentence, but not both.
      const near = words === undefined ? [] : lines.slice(said - 5, said + 1).filter((line) => line.endsWith(words));
      assertEquals(near.length, words === undefined ? 0 : 1, shown);
      // A line a step, none of which a terminal would break.
      const broken = lines.filter((line) => /^ *\d+\.\d{3} s [✓✗–] /.test(line) && line.length >= COLUMNS);
      assertEquals(broken, []);

      const [, failure = ""] = /<section class="failure \w+"[^>]*>(.*?)<\/section>/s.exec(report) ?? [];
      assert(report.indexOf('class="failure') < report.indexOf('class="figures"'));
      assertMatch(textOf(/<p class="why">(.*?)<\/p>/s.exec(failure)?.[1] ?? ""), why);
      assertMatch(failure, new RegExp(`<dt>${label}</dt><dd><a href="#step-${number}">`));
      assertEquals(failure.includes("1 packet in web"), waiting, failure);
      if (words !== undefined) assertMatch(textOf(failure), new RegExp(`${RegExp.escape(words)}\\n?$`, "m"));
      // What was held has waited for some time.
      const [, longest] = /waited at most<\/dt><dd>(.*?)<\/dd>/.exec(report) ?? [];
      assert(!longest.startsWith("0 "), longest);
      more?.(report);
    });
  }
});
