import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { TC_H_ROOT } from "../../codec/mod.ts";
import { isGiven, valueOf } from "../../cli/context.ts";
import { deviceName, isRoot, openConnection, queuePlaces } from "../../cli/targets.ts";
import { UsageError } from "../../cli/exit_status.ts";
import { FakeContext } from "./fake_context.ts";

Deno.test("deviceName() takes what the kernel takes for one", () => {
  for (
    const name of [
      "lo",
      "eth0",
      "eth0.100",
      "...",
      "-5",
      "a$b",
      "if-_@\"'",
      "0x10",
      "fifteen-bytes-.",
      "ééééééé",
      "an-altname-of-more-than-15-bytes",
      "x".repeat(127),
    ]
  ) {
    assertEquals(deviceName(name), name);
  }
});

Deno.test("deviceName() refuses what the kernel refuses", () => {
  for (const name of [".", "..", "a b", "a\tb", "a\n", "a/b", "/", "eth0:1", "a\0", "x".repeat(128), "é".repeat(64)]) {
    const rule = "a name has up to 15 bytes, an altname up to 127, without space, / and :";
    const message = `invalid device name ${JSON.stringify(name)}: ${rule}`;
    assertEquals(assertThrows(() => deviceName(name), UsageError).message, message);
  }
});

Deno.test("queuePlaces() gives a place for each device, with the parent and the handle that are given", () => {
  for (
    const [options, parent, handle] of [
      ["", undefined, undefined],
      ["--parent root", TC_H_ROOT, undefined],
      ["--parent 1:4", 0x10004, undefined],
      ["--handle 40:", undefined, 0x400000],
      ["--parent 1:4 --handle 40: --netns pid:1", 0x10004, 0x400000],
    ] as const
  ) {
    const context = new FakeContext(`buffer --dev a --dev b ${options}`.trim());
    assertEquals(queuePlaces(context), [{ dev: "a", parent, handle }, { dev: "b", parent, handle }]);
  }
});

Deno.test("queuePlaces() refuses a command without a device", () => {
  const error = assertThrows(() => queuePlaces(new FakeContext("buffer")), UsageError);
  assertEquals(error.message, "buffer needs a gate or a device: plugctl buffer NAME");
});

Deno.test("queuePlaces() refuses a wrong value, names it, and keeps the cause", () => {
  for (
    const [option, value, rest, cause] of [
      ["parent", "rooot", "use root, ingress, clsact, or MAJOR:MINOR in hexadecimal", SyntaxError],
      ["parent", "1:10000", "use root, ingress, clsact, or MAJOR:MINOR in hexadecimal", SyntaxError],
      ["handle", "40", "use MAJOR:, in hexadecimal, from 1: to fffe:", SyntaxError],
      ["handle", "0:", "use MAJOR:, in hexadecimal, from 1: to fffe:", SyntaxError],
      ["handle", "1:1", "use MAJOR:, in hexadecimal, from 1: to fffe:", SyntaxError],
      ["netns", "pid:x", "use a process number after pid:", SyntaxError],
      ["netns", "..", "use NAME, a path, or pid:N", SyntaxError],
    ] as const
  ) {
    const line = `buffer --dev a --${option}=${value}`;
    const error = assertThrows(() => queuePlaces(new FakeContext(line)), UsageError);
    const what = option === "netns" ? "namespace" : option;
    assertEquals([error.message, error.cause?.constructor], [`invalid ${what} "${value}": ${rest}`, cause]);
  }
});

Deno.test("queuePlaces() refuses a parent that holds no packets", () => {
  for (const parent of ["ingress", "clsact", "ffff:fff1"]) {
    const context = new FakeContext(`buffer --dev a --parent ${parent}`);
    const error = assertThrows(() => queuePlaces(context), UsageError);
    assertEquals(error.message, `a plug cannot hang at ${parent}, which holds no packets`);
  }
});

Deno.test("openConnection() refuses a namespace that is none, before it opens anything", async () => {
  const error = await assertRejects(() => openConnection(new FakeContext("show --netns pid:0")), UsageError);
  assertEquals(error.message, 'invalid namespace "pid:0": use a process number after pid:');
});

Deno.test("isRoot() tells a device's root, by name or because nothing else is said", () => {
  assertEquals(isRoot({ dev: "a" }), true);
  assertEquals(isRoot({ dev: "a", parent: TC_H_ROOT }), true);
  assertEquals(isRoot({ dev: "a", parent: TC_H_ROOT, handle: 0x10000 }), true);
  assertEquals(isRoot({ dev: "a", handle: 0x10000 }), false);
  assertEquals(isRoot({ dev: "a", parent: 0x10004 }), false);
});

Deno.test("valueOf() and isGiven() tell what is given", () => {
  const context = new FakeContext("attach --dev a --limit 12 --hold");
  assertEquals([valueOf(context, "limit"), valueOf(context, "handle")], ["12", undefined]);
  assertEquals([isGiven(context, "hold"), isGiven(context, "force")], [true, false]);
});
