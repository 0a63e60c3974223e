/** Each scenario in `examples/` shows what it says, with real programs, and leaves nothing behind. */

import { Ajv } from "ajv";
import { assert, assertEquals } from "@std/assert";
import { type Course, type Edit, EXAMPLE_NAMES, IPXE, POSTGRESQL_OF_ROOT, runExample } from "./example.ts";
import { packetsOfLadder } from "../scenario/report/ladder_file.ts";
import { testWithHaproxy } from "./haproxy.ts";
import { assertNumbers } from "./report_numbers.ts";

const SCHEMA = JSON.parse(Deno.readTextFileSync(new URL("../../scenario/event.schema.json", import.meta.url)));
/** A validator that is not the one that the schema comes from. */
const isEvent = new Ajv({ strict: false, validateFormats: false }).compile(SCHEMA);

/** With what each is run, where it says more than its name: a few are enough to show it, or each row of its matrix. */
const OPTIONS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  haproxy_reload: [["--set", "reloads=5"]],
  postgres_sync: [["--set", "user=root"]],
  postgres_timeouts: [["--set", "user=root"]],
  redis_failover: [["--set", "replicas=0"]],
  redis_lost_job: [["--set", "keepalive=0"], ["--set", "keepalive=1"]],
  vm_failover: [["--set", IPXE]],
  node_keep_alive: [["--set", "client=plain"], ["--set", "client=retry"]],
};
const EDITS: Readonly<Record<string, readonly Edit[]>> = {
  postgres_sync: [POSTGRESQL_OF_ROOT],
  postgres_timeouts: [POSTGRESQL_OF_ROOT],
};
const COURSES = EXAMPLE_NAMES.flatMap((name) => (OPTIONS[name] ?? [[]]).map((options) => ({ name, options })));
/** The one whose report's numbers are compared: it holds twice, each time until a release. */
const WITH_NUMBERS = "half_close";

/** The machine's own namespaces and devices. */
function machine(): string {
  const run = (...args: string[]) => new TextDecoder().decode(new Deno.Command("ip", { args }).outputSync().stdout);
  return run("netns") + run("-o", "link");
}

function assertPassed({ status, end, failure, stderr }: Course): void {
  assertEquals({ status, failure, stderr }, { status: 0, failure: "", stderr: "" });
  assertEquals([end.outcome, end.undone], ["done", true]);
}

for (const { name, options } of COURSES) {
  testWithHaproxy(
    `${[`examples/${name}`, ...options].join(" ")} shows what it says, and leaves nothing behind`,
    async () => {
      const before = machine();
      const course = await runExample(name, { options, edits: EDITS[name], withReport: true });
      assertPassed(course);
      assertEquals(packetsOfLadder(course.report ?? ""), course.packets);
      const [start] = course.events;
      const hasGate = start.event === "scenario-start" && start.queues.some(({ kind }) => kind === "gate");
      assertEquals((course.packets?.length ?? 0) > 0, hasGate);
      for (const event of course.events) assert(isEvent(event), JSON.stringify([event, isEvent.errors]));
      if (name === WITH_NUMBERS) assertNumbers(course.report ?? "", course.events);
      assertEquals(machine(), before);
    },
  );
}
