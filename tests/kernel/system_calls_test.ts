/** What a command asks of the kernel: no system call more than its socket and its messages need. */

import { assertEquals } from "@std/assert";
import { Host } from "./host.ts";
import { PLUGCTL, plugctlDone } from "./plugctl.ts";

/** What would betray a thread, a process or a file. */
const OTHERS = ["clone", "clone3", "fork", "vfork", "execve", "creat", "openat"];
const SOCKET = ["socket", "setsockopt", "ioctl", "sendto", "recvfrom", "recvmmsg", "poll"];
const DEV = ["--dev", "eth0"];

/** A line of strace: the process, the call, its arguments and result. */
const LINE = /^(?:\[pid +(\d+)\] )?(\w+)\((.*)$/;

/** The calls of plugctl from its netlink socket on, until it exits, in their order. */
async function callsOf(host: Host, ...words: string[]): Promise<string[]> {
  const trace = ["strace", "-f", "-qq", "-e", `trace=${[...SOCKET, ...OTHERS].join(",")}`];
  const child = host.spawn([...trace, ...PLUGCTL, ...words], { stdout: "null", stderr: "piped" });
  const { code, stderr } = await child.output();
  assertEquals(code, 0);
  const lines = new TextDecoder().decode(stderr).split("\n").map((line) => LINE.exec(line));
  const first = lines.findIndex((line) => line?.[2] === "socket" && line[3].includes("AF_NETLINK"));
  const process = lines[first]?.[1];
  const calls = lines.slice(first).flatMap((line) => {
    if (!line) return [];
    const [, pid, call, rest] = line;
    if (OTHERS.includes(call)) return isWriting(call, rest) ? [`${call}(${rest}`] : [];
    return pid === process ? [call] : [];
  });
  return calls.join(" ").replaceAll(/recvfrom( recvfrom)*/g, "recvfrom…").split(" ");
}

/** Opening a file to read it, as the runtime does for the modules of a command, is no trace left behind. */
function isWriting(call: string, rest: string): boolean {
  return call !== "openat" || /O_WRONLY|O_RDWR|O_CREAT/.test(rest);
}

const OPEN = ["socket", "setsockopt"];
/** The index of a device by its name. */
const INDEX = ["ioctl"];
/** Its turn among the processes of plugctl in this namespace: the namespace of the socket, and a name bound. */
const TURN = ["ioctl", "socket"];
/** One message and its answer, or a dump, which is read until it says that it is done. */
const ASK = ["sendto", "recvfrom…"];
/** Several messages in one send, and their answers. */
const EXCHANGE = ["sendto", "recvmmsg"];

/** Calls without the last looks, of which there are several where what was released has not left at once. */
function lookedOnce(calls: string[], length: number): string[] {
  const isLook = calls.length > length && calls.slice(-2).join() === ASK.join();
  return isLook ? lookedOnce(calls.slice(0, -2), length) : calls;
}

Deno.test("attach, buffer, release and detach make no system call but those that the socket and its messages need", async () => {
  using host = new Host();
  host.run("ip", "link", "add", "eth0", "type", "dummy");
  host.configure(["addr add 10.0.0.1/24 dev eth0", "link set eth0 up"]);
  // Behind a release of nothing it is not looked.
  const send = () => host.run("bash", "-c", "echo x >/dev/udp/10.0.0.2/9");

  // The device and its qdiscs are looked at before anything is created.
  assertEquals(await callsOf(host, "attach", ...DEV), [...OPEN, ...TURN, ...INDEX, ...ASK, ...ASK, ...EXCHANGE]);
  // The routes are looked at before anything is held, and devices only where there is a default route or an SSH session.
  assertEquals(await callsOf(host, "buffer", ...DEV), [...OPEN, ...INDEX, ...TURN, ...ASK, ...ASK]);
  send();
  assertEquals(await callsOf(host, "buffer", "--force", ...DEV), [...OPEN, ...INDEX, ...TURN, ...ASK]);
  // What lets packets go waits for nobody; what it has let go is told by a look before it and another behind it.
  const RELEASE = [...OPEN, ...INDEX, ...ASK, ...ASK, ...ASK];
  assertEquals(lookedOnce(await callsOf(host, "release-one", ...DEV), RELEASE.length), RELEASE);
  assertEquals(await callsOf(host, "limit", "1m", ...DEV), [...OPEN, ...INDEX, ...ASK]);
  send();
  assertEquals(lookedOnce(await callsOf(host, "release", ...DEV), RELEASE.length), RELEASE);
  await plugctlDone(host, "detach", ...DEV);
});
