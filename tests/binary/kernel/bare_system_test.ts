/** The binary alone in a system that has nothing but the C library does all that plugctl does. */

import { assertEquals } from "@std/assert";
import { HELD, HoldCase } from "../../kernel/hold_case.ts";
import { BareRoot } from "./bare_root.ts";
import { DEV, doesItsWork, DONE } from "./bare_steps.ts";

Deno.test("the binary alone in a bare system", async (t) => {
  using hold = new HoldCase();
  using bare = await BareRoot.ofBinary();
  const files = bare.files();

  await doesItsWork(t, bare, hold);

  await t.step("it takes no root, where its file has the capability", async () => {
    // Quietly: without CAP_SYS_NICE others can send while a plug comes and goes, of which a note tells.
    const asNobody = (...words: string[]) => bare.plugctl(hold.left, { user: "65534:65534" }, ...words, "--quiet");
    assertEquals((await asNobody("attach", ...DEV)).status, 4);
    bare.setCapability("cap_net_admin");
    assertEquals(await asNobody("attach", ...DEV, "--hold"), DONE);
    hold.send();
    assertEquals(hold.backlog, HELD);
    assertEquals(await asNobody("detach", ...DEV), DONE);
    await hold.isOver();
  });

  await t.step("it leaves no file behind", () => assertEquals(bare.files(), files));
});
