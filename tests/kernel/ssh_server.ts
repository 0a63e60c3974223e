/**
 * OpenSSH for the kernel tests: servers on hosts, with keys of their own, and a user root whose home is a test's.
 *
 * @module
 */

import { type Host, runCommand } from "./host.ts";
import { PLUGCTL } from "./plugctl.ts";
import { until } from "./until.ts";

const START_MS = 60_000;
/** What plugctl needs to know of where Deno keeps what it has compiled: a session begins without any variable. */
const PASSED_ON = ["DENO_DIR", "HOME", "XDG_CACHE_HOME", "LD_LIBRARY_PATH"];

/** A folder with keys and programs for servers and their clients, which is removed when the block ends. */
export class SshPlace implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "plugctl-ssh-" });
  /** Programs that a session finds before all others. */
  readonly programs = `${this.folder}/bin`;
  readonly #hostKey = `${this.folder}/host_key`;

  constructor() {
    Deno.mkdirSync(this.programs);
    Deno.mkdirSync(`${this.folder}/home`);
    Deno.mkdirSync("/run/sshd", { recursive: true });
    this.#replaceAccounts();
    this.makeKey("host_key");
    const variables = PASSED_ON.flatMap((name) => Deno.env.has(name) ? [`${name}='${Deno.env.get(name)}'`] : []);
    const words = PLUGCTL.map((word) => `'${word}'`).join(" ");
    const script = `#!/bin/sh\n${variables.map((one) => `export ${one}\n`).join("")}exec ${words} "$@"\n`;
    Deno.writeTextFileSync(`${this.programs}/plugctl`, script, { mode: 0o755 });
  }

  /** A new key, `NAME` and `NAME.pub` in the folder; with options before it in the list of those that may log in. */
  makeKey(name: string, options?: string): string {
    const path = `${this.folder}/${name}`;
    runCommand(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path]);
    if (options === undefined) return path;
    const line = `${options} ${Deno.readTextFileSync(`${path}.pub`)}`.trimStart();
    Deno.writeTextFileSync(this.#authorized, line, { append: true, create: true });
    return path;
  }

  /** The options of a client that trusts these servers and uses a key. */
  clientOptions(key: string): string[] {
    const settings = ["StrictHostKeyChecking=yes", `UserKnownHostsFile=${this.folder}/known_hosts`, "BatchMode=yes"];
    return ["-F", "none", "-i", key, ...[...settings, "IdentitiesOnly=yes"].flatMap((each) => ["-o", each])];
  }

  /** Starts a server on a host, at an address of it, and waits until it answers. */
  async serve(host: Host, address: string): Promise<void> {
    const settings = [
      `ListenAddress ${address}`,
      `HostKey ${this.#hostKey}`,
      `AuthorizedKeysFile ${this.#authorized}`,
      "StrictModes no",
      "UsePAM no",
      "UseDNS no",
      "PasswordAuthentication no",
      "PermitUserRC yes",
      "AllowAgentForwarding yes",
      "PidFile none",
      "Subsystem sftp internal-sftp",
      `SetEnv PATH=${this.programs}:${Deno.env.get("PATH")}`,
    ];
    const file = `${this.folder}/${host.name}.conf`;
    Deno.writeTextFileSync(file, `${settings.join("\n")}\n`);
    const known = `${address} ${Deno.readTextFileSync(`${this.#hostKey}.pub`)}`;
    Deno.writeTextFileSync(`${this.folder}/known_hosts`, known, { append: true, create: true });
    const log = `${this.folder}/${host.name}.log`;
    const server = host.spawn(["sh", "-c", `exec sshd -D -e -f '${file}' 2>'${log}'`], { stdin: "null" });
    server.unref();
    // By its name it says that it listens, which is the last that it does before
    const isReady = () => Deno.readTextFileSync(`/proc/${server.pid}/cmdline`).includes("[listener] 0 of");
    await until(isReady, { timeoutMs: START_MS, what: "a server for SSH" });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }

  get #authorized(): string {
    return `${this.folder}/authorized_keys`;
  }

  /** In the mounts of this test: a user root with a home in the folder, and the one that the server steps down to. */
  #replaceAccounts(): void {
    const others = (path: string) =>
      Deno.readTextFileSync(path).split("\n").filter((line) => line && !/^(root|sshd):/.test(line));
    const accounts = {
      "/etc/passwd": [`root:*:0:0:root:${this.folder}/home:/bin/sh`, "sshd:*:1:65534::/run/sshd:/bin/false"],
      "/etc/shadow": ["root:*:19000:0:99999:7:::", "sshd:*:19000:0:99999:7:::"],
    };
    for (const [path, lines] of Object.entries(accounts)) {
      const own = `${this.folder}/${path.slice("/etc/".length)}`;
      Deno.writeTextFileSync(own, [...lines, ...others(path), ""].join("\n"));
      runCommand(["mount", "--bind", own, path]);
    }
  }
}
