import { sessionOf, type SshSession } from "../plug/ssh_session.ts";

const SSH_PORT = 22;
/** `TCP_ESTABLISHED` of `net/tcp_states.h`, as /proc writes it. */
const ESTABLISHED = "01";

/** A TCP connection of this machine, as /proc lists it. */
interface TcpConnection {
  local: string;
  localPort: number;
  remote: string;
  remotePort: number;
  inode: string;
}

/** What an agent must not cut off. */
export interface Needed {
  /** Expressions for what passes each gate that is made. */
  passing: string[];
  /** What no gate may hold that is there already. */
  connections: SshSession[];
}

/**
 * What must go on whatever is held: the connections of this process to ports of a broker, at whatever port of its own it
 * connects to it anew, SSH, ARP and neighbour discovery, and what the owner of the machine has named.
 */
export function neededNow(brokerPorts: ReadonlySet<number>, alwaysPass: readonly string[]): Needed {
  const own = ownSockets();
  const there = ["/proc/self/net/tcp", "/proc/self/net/tcp6"].flatMap(connectionsIn);
  const control = there.filter(({ inode, remotePort }) => own.has(inode) && brokerPorts.has(remotePort));
  const ssh = there.filter(({ localPort }) => localPort === SSH_PORT);
  const named = control.map(({ remote, remotePort }) => `host ${remote} and tcp port ${remotePort}`);
  const session = ({ local, localPort, remote, remotePort }: TcpConnection, called: string) =>
    sessionOf([remote, String(remotePort), local, String(localPort)], called);
  return {
    passing: [...new Set([...named, `tcp port ${SSH_PORT}`, "arp", "nd", ...alwaysPass])],
    connections: [
      ...control.map((connection) => session(connection, "the connection by which this machine is controlled")),
      ...ssh.map((connection) => session(connection, "an SSH session")),
    ],
  };
}

/** The inodes of this process's sockets. */
function ownSockets(): Set<string> {
  const inodes = new Set<string>();
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`/proc/self/fd/${name}`)) ?? [];
      if (inode !== undefined) inodes.add(inode);
    } catch (error) {
      // It may have been closed this moment.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return inodes;
}

/** The established connections of a file of /proc; none where the kernel has no such protocol. */
function connectionsIn(path: string): TcpConnection[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return text.split("\n").slice(1).map((line) => line.trim().split(/\s+/)).filter(([, , , state]) =>
    state === ESTABLISHED
  ).map(([, local, remote, , , , , , , inode]) => ({
    local: addressIn(local),
    localPort: portIn(local),
    remote: addressIn(remote),
    remotePort: portIn(remote),
    inode,
  }));
}

/** `0100007F:1F90`: words of 32 bits, each in the machine's own order, which is little-endian wherever plugctl runs. */
function addressIn(text: string): string {
  const [hex] = text.split(":");
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).toReversed());
  const isMapped = bytes.length === 16 && bytes.slice(0, 12).join("") === "00000000000000000000ffff".toUpperCase();
  if (bytes.length === 4 || isMapped) return bytes.slice(-4).map((byte) => parseInt(byte, 16)).join(".");
  const groups = bytes.join("").match(/.{4}/g) ?? [];
  return groups.map((group) => parseInt(group, 16).toString(16)).join(":");
}

function portIn(text: string): number {
  return parseInt(text.split(":")[1], 16);
}
