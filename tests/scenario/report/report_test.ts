import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ScenarioEvent } from "../../../scenario/event.ts";
import { formatReport } from "../../../scenario/report/report.ts";
import { counters, END, HOSTILE, LOAD, MADE_LOG, sample, START, stepEvents } from "./made_log.ts";
import { figuresOf, tableOf } from "./tables.ts";

const report = await formatReport(MADE_LOG);

Deno.test("formatReport() has the numbers of the event log", () => {
  const totals = Object.entries(END.queues).map(([name, { packets, bytes, holds, mostHeld, drops }]) => ({
    Queue: name,
    "Packets let through": packets,
    Bytes: bytes,
    Holds: holds,
    "Longest hold": "200 ms",
    "Most at once": mostHeld,
    Drops: drops,
  }));
  assertEquals(tableOf(report, "totals").map(numbers), totals);
  const { took, dropped, ...figures } = figuresOf(report);
  assertEquals([took, dropped], ["800 ms", "2"]);
  assertEquals([figures["steps done"], figures.holds, figures["packets held"]], ["8", "3", "33"]);
  assertEquals(tableOf(report, "holds").map(({ Queue, Packets, Bytes, Drops }) => [Queue, Packets, Bytes, Drops]), [
    ["web", "8", "592", "0"],
    ["web", "20", "1,480", "2"],
    ["out", "5", "370", "0"],
  ]);
});

/** A row with its numbers as numbers. */
function numbers(row: Record<string, string>): Record<string, string | number> {
  const entries = Object.entries(row).map(([title, text]) => [title, /^[\d,]+$/.test(text) ? whole(text) : text]);
  return Object.fromEntries(entries);
}

function whole(text: string): number {
  return Number(text.replaceAll(",", ""));
}

Deno.test("formatReport() says what it ran on, which step was not done, and why", () => {
  const { kernel, Deno: deno, seed, "variable rounds": rounds } = figuresOf(report);
  assertEquals([kernel, deno, seed, rounds], ["Linux 6.1.0, x86_64", "2.9.6", "7", "2"]);
  assertMatch(report, /<p class="why">web has drops 2, expected 0<\/p>/);
  assertMatch(report, /<dd><a href="#step-3">3<\/a> expect web to have drops = 0, line 1<\/dd>/);
  assertMatch(report, /<li class="step unmet" id="step-3">/);
  assertMatch(report, /eth0 10\.0\.0\.1\/24 fd00::1\/64 → server\.eth0/);
});

Deno.test("formatReport() begins with the process that died, its last words, what that ended, and what waited then", async () => {
  const died = { pid: 7, name: "web", command: ["nginx"], from: 60_000, to: 300_000, exit: 1 };
  const mark = { phase: "steps" as const, queues: [] };
  const page = await formatReport([
    START,
    ...stepEvents({
      step: "1",
      action: "start",
      text: "start web: nginx",
      from: 60_000,
      to: 65_000,
      process: "web",
      ran: LOAD,
    }),
    sample(200_000, { web: counters(0, 3) }),
    { event: "step-start", t: 70_000, ...mark, step: "2", action: "wait", text: "wait until port 80 answers", line: 9 },
    {
      event: "process-end",
      t: 300_000,
      process: "web",
      step: "1",
      isExpected: false,
      ran: { ...died, stdout: "", stderr: `bad ${HOSTILE}`, last: ["starting", `bad ${HOSTILE}`] },
    },
    ...stepEvents({ step: "2", action: "wait", from: 70_000, to: 301_000, outcome: "aborted", sentence: "web died" })
      .slice(1),
    { ...END, outcome: "failed", sentence: "web ended with exit status 1 by itself", step: "1" },
  ]);
  const [, failure] = /<section class="failure failed"[^>]*>(.*?)<\/section>/s.exec(page) ?? [];
  assertMatch(failure, /<p class="why">web ended with exit status 1 by itself<\/p>/);
  assertMatch(failure, /<dt>step<\/dt><dd><a href="#step-1">1<\/a> start web: nginx, line 1<\/dd>/);
  assertMatch(failure, /<dt>during<\/dt><dd><a href="#step-2">2<\/a> wait until port 80 answers, line 9<\/dd>/);
  assertMatch(failure, /<dt>then waiting<\/dt><dd>3 packets in web<\/dd>/);
  assertMatch(
    failure,
    /<details class="words" open>\n<summary>last lines of web, exit status 1 at 0\.300 s<\/summary>/,
  );
  assertMatch(failure, /starting\nbad &lt;\/pre&gt;/);
  assertEquals(page.includes(HOSTILE), false);
  // It stands before all figures, and its process is told of where it was started, too.
  assert(page.indexOf('class="failure') < page.indexOf('class="figures"'));
  assertMatch(page, /process 7: exit status 1/);
});

Deno.test("formatReport() says which step was cut short from outside, and what waited then, though that was let go at once", async () => {
  const page = await formatReport([
    START,
    ...stepEvents({ step: "1", action: "buffer", from: 60_000, to: 65_000, queues: ["web"] }),
    ...stepEvents({
      step: "2",
      action: "run",
      text: "run sleep 1h",
      from: 70_000,
      to: 900_000,
      outcome: "aborted",
      sentence: "interrupted by SIGINT",
      before: { web: counters(0, 0) },
      after: { web: counters(3, 0) },
    }),
    sample(200_000, { web: counters(0, 3) }),
    sample(220_000, { web: counters(3, 0) }),
    { ...END, outcome: "aborted", sentence: "interrupted by SIGINT", step: "2" },
  ]);
  const [, failure] = /<section class="failure aborted"[^>]*>(.*?)<\/section>/s.exec(page) ?? [];
  assertMatch(failure, /<dt>during<\/dt><dd><a href="#step-2">2<\/a> run sleep 1h, line 1<\/dd>/);
  assertMatch(failure, /<dt>then waiting<\/dt><dd>3 packets in web<\/dd>/);
  assertEquals(failure.includes("<dt>step</dt>"), false);
});

Deno.test("formatReport() loads nothing, and lets no text of the log become HTML", () => {
  const [, policy] = /http-equiv="Content-Security-Policy" content="(.*?)"/.exec(report) ?? [];
  assertMatch(policy, /^default-src &#39;none&#39;;/);
  assertEquals(/<(?:link|img|iframe|script [^>]*src|base)\b/i.exec(report), null);
  assertEquals(report.includes(HOSTILE), false);
  assertEquals(report.match(/<script>/g)?.length, 2);
});

Deno.test("formatReport() makes a page of a log that breaks off, at whatever event", async () => {
  assert(MADE_LOG.length > 30);
  for (let count = 1; count < MADE_LOG.length; count++) {
    assertMatch(await formatReport(MADE_LOG.slice(0, count)), /the log breaks off/);
  }
});

Deno.test("formatReport() makes a page of a scenario without queues and steps", async () => {
  const page = await formatReport([{ ...START, hosts: [], queues: [], description: undefined, file: undefined }]);
  assertMatch(page, /Nothing was held\./);
});

Deno.test("formatReport() has the scenario's file, to whose lines the steps lead, and quotes that of the failure", async () => {
  const source = "name: x\nsteps:\n  - sleep: 1 <b>\n  - wait: { gate: web, backlog: 3 }\n";
  const start = {
    event: "step-start",
    t: 10,
    phase: "steps",
    step: "1",
    action: "wait",
    queues: [],
    text: "wait",
    line: 4,
  };
  const end = {
    ...start,
    event: "step-end",
    t: 20,
    outcome: "unmet",
    duration: 10,
    sentence: "Expected 3, not 2",
    errno: 0,
  };
  const rest = { errnoName: "", before: {}, after: {} };
  const events = [START, start, { ...end, ...rest }, {
    ...END,
    outcome: "unmet",
    step: "1",
    sentence: "Expected 3, not 2",
  }];
  const page = await formatReport(events as ScenarioEvent[], { source });
  assertEquals([...page.matchAll(/<li id="line-(\d+)"><code>(.*?)<\/code>/g)].map(([, line, text]) => [line, text]), [
    ["1", "name: x"],
    ["2", "steps:"],
    ["3", "  - sleep: 1 &lt;b&gt;"],
    ["4", "  - wait: { gate: web, backlog: 3 }"],
  ]);
  assertMatch(page, /<dt>in the file<\/dt><dd><code>- wait: \{ gate: web, backlog: 3 \}<\/code><\/dd>/);
  assertEquals(page.match(/href="#line-4"/g)?.length, 2);
  const without = await formatReport(events as ScenarioEvent[]);
  assert(!without.includes("#line-") && without.includes("line 4"));
});

Deno.test("formatReport() has what processes wrote with the time of each line, beside their bars and by themselves", async () => {
  const output = [
    { t: 200_000, process: "load", stream: "stdout", text: "<b>200 requests" },
    { t: 300_000, process: "load", stream: "stderr", text: "one was reset" },
  ] as const;
  const page = await formatReport(MADE_LOG, { output });
  const [, section] = /<section id="output">(.*?)<\/section>/s.exec(page) ?? [];
  assertMatch(section, /<summary>load: 2 lines<\/summary>/);
  assertMatch(section, /<span class="t">0\.200 s<\/span> {2}&lt;b&gt;200 requests/);
  assertMatch(section, /0\.300 s<\/span> {2}<span class="sentence">one was reset<\/span>/);
  assert(page.includes('"lines":[{"t":200000,"text":"\\u003cb>200 requests","isError":false}'));
  assert(!report.includes('id="output"'));
});
