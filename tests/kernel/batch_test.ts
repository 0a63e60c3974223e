/** `plugctl batch` on a real kernel: lines that belong together go out in one send, and what fails says where. */

import { assertEquals, assertMatch } from "@std/assert";
import { HELD, HoldCase } from "./hold_case.ts";
import { PLUGCTL, plugctl, plugctlDone } from "./plugctl.ts";

/** A file with lines. */
function fileOf(...lines: string[]): string {
  const file = Deno.makeTempFileSync();
  Deno.writeTextFileSync(file, lines.join("\n"));
  return file;
}

Deno.test("batch makes gates, holds, lets go and takes away", async () => {
  using hold = new HoldCase();
  const lines = [
    "gate add web eth0 --direction out --match 'udp dst port 5000'",
    "gate add other eth0 --direction out --match 'udp dst port 5001' # never met",
    "buffer web",
    "buffer other",
  ];
  assertEquals(await plugctl(hold.left, "batch", fileOf(...lines)), { status: 0, stdout: "", stderr: "" });
  hold.send();
  const [web, other] = ["web", "other"];
  const { status, stdout, stderr } = await plugctl(hold.left, "batch", fileOf(`release ${web}`, `release ${other}`));
  assertEquals([status, stdout, stderr], [0, "", "plugctl: nothing was held at gate other\n"]);
  await hold.allArrived();
  await plugctlDone(hold.left, "batch", fileOf("gate delete web other"));
  await hold.isOver();
});

Deno.test("batch sends lines that ask the same of different queues at once", async () => {
  using hold = new HoldCase();
  const names = Array.from({ length: 8 }, (_, index) => `g${index}`);
  const add = names.map((name, index) =>
    `gate add ${name} eth0 --direction out --match 'udp dst port ${6000 + index}'`
  );
  await plugctlDone(hold.left, "batch", fileOf(...add));
  const trace = Deno.makeTempFileSync();
  const strace = ["strace", "-qq", "-e", "trace=sendto", "-e", "write=none", "-o", trace];
  hold.left.run(...strace, ...PLUGCTL, "batch", fileOf(...names.map((name) => `buffer ${name}`)));
  const sizes = Array.from(Deno.readTextFileSync(trace).matchAll(/= (\d+)$/gm), ([, size]) => Number(size));
  // A message that buffers has 60 bytes.
  assertEquals(sizes.filter((size) => size === 60 * names.length).length, 1, `${sizes}`);
  await plugctlDone(hold.left, "batch", fileOf(`gate delete ${names.join(" ")}`));
  await hold.isOver();
});

Deno.test("batch ends at the line that the kernel refuses, and says which", async () => {
  using hold = new HoldCase();
  const lines = ["attach eth0 --limit 16m", "", "buffer nosuch", "buffer eth0"];
  const { status, stderr } = await plugctl(hold.left, "batch", fileOf(...lines));
  assertEquals(status, 1);
  assertMatch(stderr, /^plugctl: lines 3 to 4: cannot find nosuch: there is no gate or device of this name/);
  hold.send();
  await hold.allArrived();
  const goesOn = await plugctl(hold.left, "batch", "--continue", fileOf(...lines.slice(1)));
  assertEquals(goesOn.status, 1);
  assertMatch(goesOn.stderr, /^plugctl: line 2: cannot find nosuch/);
  hold.send();
  assertEquals(hold.backlog, HELD);
  await plugctlDone(hold.left, "batch", fileOf("detach eth0"));
  await hold.isOver();
});
