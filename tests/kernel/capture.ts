/**
 * What programs say to the kernel over netlink, captured on an nlmon device by tcpdump.
 *
 * @module
 */

import type { Host } from "./host.ts";
import { until } from "./until.ts";

/** What tcpdump writes at once: it is capturing. */
const FILE_HEADER_LEN = 24;
/** What is said when there is no more to be captured. */
const LAST_WORDS = "end-of-capture";

/** Captures while `work` runs, and returns the file that tcpdump wrote. */
export async function capture(host: Host, work: () => Promise<void>): Promise<Uint8Array> {
  const file = await Deno.makeTempFile({ prefix: "plugctl-capture-" });
  host.configure(["link add nlmon0 type nlmon", "link set nlmon0 up"]);
  const command = ["tcpdump", "-Z", "root", "-i", "nlmon0", "-U", "-B", "8192", "-w", file];
  const child = host.spawn(command, { stdin: "null", stdout: "null", stderr: "null" });
  try {
    await until(() => Deno.statSync(file).size >= FILE_HEADER_LEN, { timeoutMs: 20_000, what: "tcpdump capturing" });
    await work();
    await caughtUp(host, file);
  } finally {
    child.kill("SIGINT");
    await child.status;
  }
  return await Deno.readFile(file);
}

/** Says something, and waits until that is in the file: then all that was said before it is. */
async function caughtUp(host: Host, file: string): Promise<void> {
  host.configure([`link set nlmon0 alias ${LAST_WORDS}`]);
  await until(() => new TextDecoder("latin1").decode(Deno.readFileSync(file)).includes(LAST_WORDS), {
    timeoutMs: 20_000,
    what: "the end of the capture",
  });
}
