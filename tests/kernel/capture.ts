/**
 * What programs say to the kernel over netlink, captured on an nlmon device by tcpdump.
 *
 * @module
 */

import type { Host } from "./host.ts";
import { until } from "./until.ts";

const FILE_HEADER_LEN = 24;
const PACKET_HEADER_LEN = 16;
/** `struct sockaddr_ll` in the place of a link header, as libpcap writes it for netlink. */
const COOKED_LEN = 16;
const NETLINK_ROUTE = 0;

/** Captures while `work` runs, and returns every datagram of `NETLINK_ROUTE`, in either direction. */
export async function capture(host: Host, work: () => Promise<void>): Promise<Uint8Array[]> {
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
  return datagrams(await Deno.readFile(file));
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

function datagrams(file: Uint8Array<ArrayBuffer>): Uint8Array[] {
  const view = new DataView(file.buffer);
  const found: Uint8Array[] = [];
  for (let at = FILE_HEADER_LEN; at < file.length;) {
    const length = view.getUint32(at + 8, true);
    const start = at + PACKET_HEADER_LEN;
    // The last two bytes of the cooked header are the netlink protocol, in network order.
    const protocol = view.getUint16(start + COOKED_LEN - 2);
    if (protocol === NETLINK_ROUTE) found.push(file.slice(start + COOKED_LEN, start + length));
    at = start + length;
  }
  return found;
}
