/** The page of a server, in a browser, on the real kernel: what waits is shown, and keys and buttons let it go. */

import axe from "axe-core/axe.min.js" with { type: "text" };
import { assert, assertEquals, assertMatch } from "@std/assert";
import { readLines } from "../../linux/incoming.ts";
import { Chromium, type Page } from "../runtimes/chromium.ts";
import { PLUGCTL } from "./plugctl.ts";
import { until } from "./until.ts";

const WAIT = { timeoutMs: 120_000 };
const COUNT = 3;
const SEND = `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(${COUNT}): s.sendto(b"x" * 48, ("127.0.0.1", 9000))`;

/** Runs a command in the kernel's first namespace, and returns what it printed. */
function runHere(...[program, ...args]: string[]): string {
  assertEquals(Deno.env.get("PLUGCTL_KERNEL_TESTS"), "1", "run this by tests/kernel/run.ts");
  const { success, stdout, stderr } = new Deno.Command(program, { args }).outputSync();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Waits until an expression is true in the page. */
async function shows(page: Page, expression: string): Promise<void> {
  await until(() => page.evaluate<boolean>(expression), { ...WAIT, what: expression });
}

function press(page: Page, key: string): Promise<void> {
  return page.evaluate(
    `void document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "${key}", bubbles: true }))`,
  );
}

const SCENARIO = `name: Three held
hosts:
  one: { devices: { eth0: { to: two, address: 10.9.0.1/24 } } }
  two: { devices: { eth0: { to: one, address: 10.9.0.2/24 } } }
gates: { web: { host: one, dev: eth0, direction: out, match: udp dst port 9000 } }
steps:
  - buffer: web
  - run: |
      python3 -c '${SEND.replaceAll("\n", "\n      ").replace("127.0.0.1", "10.9.0.2")}'
    host: one
  - wait: { gate: web, backlog: ${COUNT} }
  - release: web
`;
/** Chooses the scenario as a file, and sends the form. */
const RUN = `{
  const files = new DataTransfer();
  files.items.add(new File([${JSON.stringify(SCENARIO)}], "three.yaml"));
  document.getElementById("scenario").files = files.files;
  document.getElementById("run").requestSubmit();
}`;
const STEPS = `[...document.querySelectorAll("#steps li")].map(({ textContent }) => textContent)`;
const ROWS =
  `[...document.querySelectorAll("#packets tr")].map(({ cells }) => [...cells].map((cell) => cell.textContent))`;

Deno.test("the page shows what waits, and keys and buttons hold it and let it go", async () => {
  // The browser and what drives it reach each other here alone
  runHere("ip", "link", "set", "lo", "up");
  runHere(...PLUGCTL, "gate", "add", "web", "lo", "--direction", "out", "--match", "udp dst port 9000");
  const [deno, ...words] = PLUGCTL;
  const args = [...words, "serve", "--listen", "7070", "--allow-run"];
  const server = new Deno.Command(deno, { args, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
  const lines = readLines(server.stderr)[Symbol.asyncIterator]();
  const [url] = /http:\S+/.exec((await lines.next()).value) ?? [""];
  {
    await using chromium = await Chromium.start();
    const page = await chromium.open(url);
    await shows(page, `document.querySelector('[aria-label="Hold web"]') !== null`);
    assertEquals(await page.evaluate("location.hash"), "", "the token does not stay in the address");
    await page.evaluate(`document.querySelector('[aria-label="Hold web"]').click()`);
    await shows(page, `document.querySelector("#queues .held")?.textContent === "held"`);
    await shows(page, `document.getElementById("packets-title").textContent === "Packets of web"`);
    // What comes before the tap is in is told by its number alone, once it leaves
    await until(() => runHere("tc", "filter", "show", "dev", "lo", "egress").includes("sample"), {
      ...WAIT,
      what: "the tap",
    });
    runHere("python3", "-c", SEND);
    await shows(page, `${ROWS}.length === ${COUNT}`);
    const rows = await page.evaluate<string[][]>(ROWS);
    assertEquals(
      rows.map(([number, , to, what, waited]) => [number, to, what, waited]),
      [3, 2, 1].map((number) => [String(number), "127.0.0.1:9000", "UDP 48", "waits"]),
    );
    for (const [scheme, width] of [["dark", 400], ["light", 1200]] as const) {
      await page.look({ scheme, width, height: 800 });
      await page.drawn();
      assertEquals(await page.evaluate("document.documentElement.scrollWidth"), width, `${scheme} at ${width} px`);
      await page.evaluate(axe);
      const found = "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes[0].html))";
      assertEquals(await page.evaluate(found), [], `${scheme} at ${width} px`);
    }
    // axe may have kept the page from renewing its hold
    await page.evaluate(`document.querySelector('[aria-label="Release web"]').click()`);
    await shows(page, `${ROWS}.every(([, , , , waited]) => waited !== "waits")`);
    await shows(page, `document.querySelector("#queues .passes") !== null`);

    await press(page, "h");
    await shows(page, `document.querySelector("#queues .held")?.textContent === "held"`);
    runHere("python3", "-c", SEND);
    await shows(page, `${ROWS}.filter(([, , , , waited]) => waited === "waits").length === ${COUNT}`);
    await press(page, "n");
    await shows(page, `${ROWS}.filter(([, , , , waited]) => waited === "waits").length === ${COUNT - 1}`);
    await press(page, "r");
    await shows(page, `${ROWS}.every(([, , , , waited]) => waited !== "waits")`);
    for (const [, , , , waited] of await page.evaluate<string[][]>(ROWS)) {
      assertMatch(waited, /^\d+(\.\d+)? (µs|ms|s)$/);
    }
    // A scenario is run from its file, told step by step, and shown with its ladder
    await page.evaluate(
      `document.getElementById("report").addEventListener("load", ({ target }) => target.dataset.loaded = target.src)`,
    );
    await page.evaluate(RUN);
    await shows(page, `document.getElementById("report").dataset.loaded?.includes("/v1/runs/") === true`);
    const steps = await page.evaluate<string[]>(STEPS);
    assert(steps.length >= 4 && steps.every((step) => step.startsWith("✓ ")), steps.join("\n"));
    assertEquals(
      await page.evaluate(`document.querySelector("#run-list li").textContent`),
      "Three helddone",
    );
    const report = await chromium.frame("/v1/runs/");
    await shows(report, `document.getElementById("ladder-count")?.textContent === "${COUNT} of ${COUNT} packets"`);
    for (const [scheme, width] of [["dark", 400], ["light", 1200]] as const) {
      await page.look({ scheme, width, height: 800 });
      await page.drawn();
      assertEquals(await page.evaluate("document.documentElement.scrollWidth"), width, `${scheme} at ${width} px`);
      await page.evaluate(axe);
      const found =
        "axe.run({ exclude: ['#report'] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes[0].html))";
      assertEquals(await page.evaluate(found), [], `with a run, ${scheme} at ${width} px`);
    }
    // Another page may show this one in no frame, and nothing of another host is loaded
    assertEquals(
      await page.evaluate("performance.getEntriesByType('resource').every(({ name }) => name.startsWith(origin))"),
      true,
    );
    assertEquals(chromium.complaints, []);
  }
  server.kill("SIGTERM");
  assertEquals((await server.status).code, 143);
  // It was there before the server
  assertMatch(runHere(...PLUGCTL, "gate", "list"), /^web /m);
  assertEquals(runHere("tc", "filter", "show", "dev", "lo", "egress").includes("sample"), false);
  runHere(...PLUGCTL, "gate", "delete", "web");
});
