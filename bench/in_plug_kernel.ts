// Runs a command on a kernel that has sch_plug: in_plug_kernel.ts COMMAND...
import { findPlugKernel } from "../demo/plug_kernel.ts";
import { runProgram } from "../package/program.ts";

await runProgram("bench", async (signal) => {
  const kernel = findPlugKernel({ asUser: false });
  await kernel.prepare({ signal });
  console.log(`place|${kernel.place}|`);
  return await kernel.run([...Deno.args], { signal, cwd: Deno.cwd() });
});
