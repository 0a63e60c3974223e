import { assertEquals } from "@std/assert";
import { deno, ROOT } from "./sources.ts";

const ENTRY_POINTS = ["mod.ts", "codec/mod.ts", "codec/family.ts"];

for (const entry of ENTRY_POINTS) {
  Deno.test(`importing ${entry} has no effect: it takes no permission, prints nothing and ends`, async () => {
    const program = `data:text/typescript,import "${new URL(entry, ROOT)}";`;
    const outcome = await deno("run", "--quiet", "--no-prompt", "--no-check", program);
    assertEquals(outcome, { status: 0, stdout: "", stderr: "" });
  });
}

Deno.test("every exported symbol has a doc comment, and refers to exported types", async () => {
  const { status, stderr } = await deno("doc", "--lint", ...ENTRY_POINTS);
  assertEquals(status, 0, stderr);
});

Deno.test("codec/wasm.ts is what codec/assembly compiles to", async () => {
  const { status, stderr } = await deno("run", "-A", "--quiet", "codec_build/wasm.ts", "--check");
  assertEquals(status, 0, stderr);
});

Deno.test("docs/messages.md lists what the codec's tables know", async () => {
  const { status, stderr } = await deno("run", "-A", "--quiet", "--no-check", "codec_build/messages.ts", "--check");
  assertEquals(status, 0, stderr);
});

Deno.test("the JSON Schemas of scenarios are what the sources make of them", async () => {
  const { status, stderr } = await deno("run", "-A", "--quiet", "--no-check", "scenario/build.ts", "--check");
  assertEquals(status, 0, stderr);
});
