/** `plugctl batch` on a real kernel: lines that belong together go out in one send, and what fails says where. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { HELD, HoldCase } from "./hold_case.ts";
import { PLUGCTL, plugctl, plugctlDone } from "./plugctl.ts";
import { plugOf } from "./queue.ts";

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

Deno.test("batch means the device that has a name when its line is due", async () => {
  using hold = new HoldCase();
  const make = (dev: string) =>
    `ip link add ${dev} type dummy && ip link set ${dev} up && tc qdisc add dev ${dev} root handle 504c: plug limit 1000000`;
  hold.left.run("sh", "-c", `${make("d0")} && ${make("d1")}`);
  // What a name leads to is looked up once, and from then on where something is said of devices
  const rounds = Array.from({ length: 4 }, () => ["buffer d1 --force", "release d1"]).flat();
  const anew = `hold d0 -- ip netns exec ${hold.left.name} sh -c "ip link delete d1 && ip link add d2 type dummy && ${
    make("d1")
  }"`;
  const { status, stderr } = await plugctl(hold.left, "batch", fileOf(...rounds, anew, "buffer d1 --force"));
  assertEquals(status, 0, stderr);
  hold.left.run("bash", "-c", "ip address add 10.99.0.1/24 dev d1 && echo held > /dev/udp/10.99.0.2/9");
  assert(plugOf(hold.left, "d1").qlen > 0);
  hold.left.run("sh", "-c", "ip link delete d0 && ip link delete d1 && ip link delete d2");
});
