/** Kernels that each lack one of the parts of a gate: what plugctl says there, and that it leaves no trace. */

import { assertEquals } from "@std/assert";
import { boot, prepareBoot } from "../../uml/boot.ts";

const PROJECT = new URL("../..", import.meta.url).pathname;

/** Every part, and the step of the set-up that takes it. */
const PARTS = [
  ["ifb", "create plug-web"],
  ["sch_plug", "create the plug of plug-web"],
  ["sch_ingress", "create clsact"],
  ["cls_flower", "create a filter"],
  ["act_mirred", "create a filter"],
  ["act_gact", "create a filter for an exception"],
  ["cls_bpf", "create a filter"],
  ["sch_prio", "create prio on plug-web"],
];

/** What takes a part that others do not. */
const WORDS: Readonly<Record<string, string>> = {
  act_gact: "--except=syn",
  sch_prio: "--first=syn",
  cls_bpf: "--match=udp[4:2]=30",
};

const WITNESS = `ip -details link show; tc qdisc show; tc filter show dev lo egress`;
const SCRIPT = `
  (${WITNESS}) >/run/before 2>&1
  $PLUGCTL gate add web --dev lo --direction egress --match 'tcp dst port 80' $WORDS 2>&1; echo status $?
  (${WITNESS}) >/run/after 2>&1
  cmp /run/before /run/after && echo the same
`;

for (const [module, step] of PARTS) {
  Deno.test(`gate add says that the kernel has no ${module}, where it has none, and leaves nothing behind`, async () => {
    await prepareBoot();
    const lines: string[] = [];
    const plugctl = `${Deno.execPath()} run -A --no-check ${PROJECT}cli/main.ts`;
    await boot(["/bin/sh", "-c", SCRIPT], {
      cwd: PROJECT,
      env: {
        ...Deno.env.toObject(),
        PLUGCTL: plugctl,
        WORDS: WORDS[module] ?? "",
        NO_COLOR: "1",
      },
      withoutModules: [module],
      onLine: (line) => void lines.push(line),
      timeoutMs: 300_000,
    });
    assertEquals(lines, [
      `plugctl: cannot add gate web: this kernel has no ${module}, needed to ${step}; load it with: ` +
      `modprobe ${module}; if that fails, plugctl doctor says what to do`,
      "status 4",
      "the same",
    ]);
  });
}
