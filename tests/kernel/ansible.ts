/**
 * Ansible for the kernel tests: a host that has it, three that it manages over SSH, and a cable to each.
 *
 * @module
 */

import { readLines } from "../../linux/incoming.ts";
import { Host } from "./host.ts";
import { SshPlace } from "./ssh_server.ts";

const HERE = import.meta.dirname;
const COLLECTIONS = `${HERE}/../../clients/ansible`;

/** What came of a task on a host. */
export interface TaskEvent {
  host: string;
  task: string;
  outcome: "ok" | "failed" | "unreachable" | "skipped";
  result: { changed?: boolean; msg?: string; rc?: number; [word: string]: unknown };
}

/** A host that is managed, and its ends of the cable. */
export interface Managed {
  /** As the inventory names it. */
  name: string;
  host: Host;
  address: string;
  /** The address of the host that manages it, at the other end. */
  peer: string;
}

/** What managing hosts takes, all of which is gone when the block ends. */
export class Ansible implements Disposable {
  readonly control = new Host();
  readonly managed: readonly Managed[];
  readonly place = new SshPlace();

  private constructor(names: readonly string[]) {
    this.managed = names.map((name, index) => ({
      name,
      host: new Host(),
      address: `10.0.${index}.1`,
      peer: `10.0.${index}.2`,
    }));
  }

  /** Starts servers on hosts of these names. */
  static async start(...names: string[]): Promise<Ansible> {
    const ansible = new Ansible(names);
    const { place, control } = ansible;
    const key = place.makeKey("key", "");
    for (const [index, { host, address, peer }] of ansible.managed.entries()) {
      control.configure([
        `link add to${index} type veth peer name eth0 netns ${host.name}`,
        `address add ${peer}/24 dev to${index}`,
        `link set to${index} up`,
      ]);
      host.configure([`address add ${address}/24 dev eth0`, "link set eth0 up"]);
      await place.serve(host, address);
    }
    const lines = ansible.managed.map(({ name, address }) => `${name} ansible_host=${address}`);
    const options = place.clientOptions(key).map((word) => word.replaceAll(" ", "\\ ")).join(" ");
    const python = "ansible_python_interpreter=python3";
    const shared = ["[all:vars]", "ansible_user=root", python, `ansible_ssh_common_args='${options}'`];
    Deno.writeTextFileSync(`${place.folder}/inventory`, [...lines, ...shared, ""].join("\n"));
    return ansible;
  }

  /** Runs a playbook, and returns what came of each task on each host; each is also told at once. */
  async play(
    playbook: string,
    { words = [], onEvent = () => {} }: { words?: string[]; onEvent?: (event: TaskEvent) => void } = {},
  ): Promise<{ events: TaskEvent[]; status: number }> {
    const { folder } = this.place;
    const file = `${folder}/playbook.yaml`;
    // Else it reads those of this machine
    Deno.writeTextFileSync(`${folder}/ansible.cfg`, "");
    Deno.writeTextFileSync(file, playbook);
    const child = this.control.spawn(["ansible-playbook", "-i", `${folder}/inventory`, file, ...words], {
      env: {
        ANSIBLE_CALLBACK_PLUGINS: HERE ?? "",
        ANSIBLE_COLLECTIONS_PATH: COLLECTIONS,
        ANSIBLE_CONFIG: `${folder}/ansible.cfg`,
        ANSIBLE_HOME: `${folder}/ansible`,
        ANSIBLE_LOCAL_TEMP: `${folder}/ansible/tmp`,
        ANSIBLE_PIPELINING: "1",
        ANSIBLE_SSH_CONTROL_PATH_DIR: `${folder}/cp`,
        ANSIBLE_STDOUT_CALLBACK: "ansible_events",
        // What is compiled is kept until the end, and not beside what is compiled
        PYTHONPYCACHEPREFIX: `${folder}/pycache`,
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
    const complaint = new Response(child.stderr).text();
    const events: TaskEvent[] = [];
    for await (const line of readLines(child.stdout)) {
      if (!line.startsWith("{")) continue;
      const event: TaskEvent = JSON.parse(line);
      events.push(event);
      onEvent(event);
    }
    const { code } = await child.status;
    if (events.length === 0) throw new Error(`Cannot run a playbook: ${await complaint}`);
    return { events, status: code };
  }

  [Symbol.dispose](): void {
    for (const { host } of this.managed) host[Symbol.dispose]();
    this.control[Symbol.dispose]();
    this.place[Symbol.dispose]();
  }
}
