import { assertEquals, assertThrows } from "@std/assert";
import { namespacePath } from "../../linux/namespace.ts";

Deno.test("namespacePath() leads to /run/netns, when it is a name", () => {
  assertEquals(namespacePath("blue"), "/run/netns/blue");
  assertEquals(namespacePath("..."), "/run/netns/...");
  assertEquals(namespacePath("pid"), "/run/netns/pid");
  assertEquals(namespacePath("a b"), "/run/netns/a b");
});

Deno.test("namespacePath() keeps a path, when there is a slash in it", () => {
  for (const path of ["/proc/1/ns/net", "./here", "a/b"]) assertEquals(namespacePath(path), path);
});

Deno.test("namespacePath() leads to the process, when it is pid:N", () => {
  assertEquals(namespacePath("pid:1"), "/proc/1/ns/net");
  assertEquals(namespacePath("pid:4194304"), "/proc/4194304/ns/net");
});

Deno.test("namespacePath() throws a SyntaxError that quotes it, when it is none of these", () => {
  for (const bad of ["", ".", "..", "a\0b"]) {
    assertThrows(() => namespacePath(bad), SyntaxError, `invalid namespace ${JSON.stringify(bad)}: use NAME`);
  }
});

Deno.test("namespacePath() throws a SyntaxError that asks for a number, when pid: has none", () => {
  for (
    const bad of ["pid:", "pid:0", "pid:-1", "pid:01", "pid:1x", "pid: 1", "pid:1 ", "pid:1/ns", "pid:self", "pid:1.5"]
  ) {
    assertThrows(() => namespacePath(bad), SyntaxError, "use a process number after pid:");
  }
});

Deno.test("namespacePath() throws a SyntaxError, when a path has a NUL, which would end it", () => {
  assertThrows(() => namespacePath("/proc/1/ns/net\0"), SyntaxError);
});
