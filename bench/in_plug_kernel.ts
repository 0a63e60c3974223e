// Runs a command on a kernel that has sch_plug: in_plug_kernel.ts COMMAND... Where that is started for it, it has 2 GiB of memory, or
// what PLUGCTL_KERNEL_MIB says.
import { findPlugKernel } from "../demo/plug_kernel.ts";
import { runProgram } from "../package/program.ts";

await runProgram("bench", async (signal) => {
  const kernel = findPlugKernel({ asUser: false });
  await kernel.prepare({ signal });
  console.log(`place|${kernel.place}|`);
  const memoryBytes = Number(Deno.env.get("PLUGCTL_KERNEL_MIB") ?? 2048) * 2 ** 20;
  return await kernel.run([...Deno.args], { signal, cwd: Deno.cwd(), memoryBytes });
});
