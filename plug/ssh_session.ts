import { variableOfAncestors } from "../guardian/processes.ts";

/** A connection that somebody needs: the SSH session that this process is part of, or another one. */
export interface SshSession {
  /** What it is called, where it is another: `the control connection`. */
  called?: string;
  /** The words of `SSH_CONNECTION`: the client, its port, the server, its port. */
  words: readonly string[];
  /** Addresses of 4 or 16 bytes, as far as they can be understood. */
  client?: Uint8Array;
  /** The address at this end. */
  server?: Uint8Array;
  /** The port of the other end. */
  clientPort?: number;
  /** The port at this end. */
  serverPort?: number;
  /** The device on which the client's link-local address is. */
  scope?: string;
}

/**
 * The session by `SSH_CONNECTION`, where this process may read that and is in one: its own, or that of a process that it
 * descends from, since sudo keeps it from others. Empty, it is none.
 */
export function sshSession(): SshSession | undefined {
  const name = "SSH_CONNECTION";
  if (Deno.permissions.querySync({ name: "env", variable: name }).state !== "granted") return undefined;
  const text = Deno.env.get(name) ?? variableOfAncestors(name);
  if (!text) return undefined;
  return sessionOf(text.split(" "));
}

/** A connection by the words of `SSH_CONNECTION`, as far as they can be understood. */
export function sessionOf(words: readonly string[], called?: string): SshSession {
  const [client = "", clientPort, server = "", serverPort] = words;
  const [from, scope] = client.split("%");
  return {
    called,
    words,
    client: parseAddress(from),
    clientPort: Number(clientPort) || undefined,
    server: parseAddress(server.split("%")[0]),
    serverPort: Number(serverPort) || undefined,
    scope,
  };
}

/** The bytes of an IP address as sshd writes it; of an IPv4 address in IPv6 those of the IPv4 address. */
function parseAddress(text: string): Uint8Array | undefined {
  const dotted = /(?:^|:)((?:\d{1,3}\.){3}\d{1,3})$/.exec(text);
  if (dotted) return Uint8Array.from(dotted[1].split("."), Number);
  if (!URL.canParse(`http://[${text}]/`)) return undefined;
  const [head, tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split("::");
  const left = head ? head.split(":") : [];
  const right = tail ? tail.split(":") : [];
  const groups = [...left, ...new Array(8 - left.length - right.length).fill("0"), ...right];
  return new Uint8Array(groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]));
}
