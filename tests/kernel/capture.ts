/**
 * What programs say to the kernel over netlink, captured on an nlmon device by tcpdump.
 *
 * @module
 */

import type { Host } from "./host.ts";
import { until } from "./until.ts";

/** What tcpdump writes at once: it is capturing. */
const FILE_HEADER_LEN = 24;

/** Captures while `work` runs, and returns the file that tcpdump wrote. */
export async function capture(host: Host, work: () => Promise<void>): Promise<Uint8Array> {
  const file = await Deno.makeTempFile({ prefix: "plugctl-capture-" });
  host.configure(["link add nlmon0 type nlmon", "link set nlmon0 up"]);
  const command = ["tcpdump", "-Z", "root", "-i", "nlmon0", "-U", "-B", "8192", "-w", file];
  const child = host.spawn(command, { stdin: "null", stdout: "null", stderr: "null" });
  try {
    await until(() => Deno.statSync(file).size >= FILE_HEADER_LEN, { timeoutMs: 20_000, what: "tcpdump capturing" });
    await work();
    await quiet(file);
  } finally {
    child.kill("SIGINT");
    await child.status;
  }
  return await Deno.readFile(file);
}

/** Waits until the file has not grown for a while. */
async function quiet(file: string): Promise<void> {
  let size = -1;
  const since = { now: performance.now() };
  await until(() => {
    const now = Deno.statSync(file).size;
    if (now !== size) [size, since.now] = [now, performance.now()];
    return performance.now() - since.now > 1000;
  }, { timeoutMs: 20_000, what: "the end of the capture" });
}
