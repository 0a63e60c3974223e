import { IncapableError } from "../exit_status.ts";
import { listField, numberField, textField } from "./answer.ts";
import type { Listed, Network } from "./sandbox.ts";

/** Lists and shows the pods of a node, whatever runs them. */
const PROGRAM = "crictl";
/** How the pods that run are marked. */
const READY = "SANDBOX_READY";

/**
 * Lists the pods of this machine.
 *
 * @throws {IncapableError} where there is no crictl
 * @throws {Error} where it fails
 */
export async function listPods(): Promise<Listed[]> {
  const pods = listField(await ask("pods", "--output", "json"), "items");
  return pods.flatMap((pod): Listed[] => {
    const id = textField(pod, "id");
    const name = textField(pod, "metadata", "name");
    const space = textField(pod, "metadata", "namespace");
    const state = textField(pod, "state");
    if (id === undefined || name === undefined || space === undefined) return [];
    return [{
      id,
      name: `${space}/${name}`,
      isRunning: state === READY,
      state: state === READY ? "ready" : "not ready",
      by: PROGRAM,
      network: () => networkOf(id),
    }];
  });
}

/** The network namespace of a pod's sandbox, in which its containers come and go. */
async function networkOf(id: string): Promise<Network | undefined> {
  const pod = await ask("inspectp", "--output", "json", id);
  const pid = numberField(pod, "info", "pid") ?? 0;
  if (pid <= 0) return undefined;
  const spaces = listField(pod, "info", "runtimeSpec", "linux", "namespaces");
  const network = spaces.find((space) => textField(space, "type") === "network");
  const isHost = textField(pod, "status", "linux", "namespaces", "options", "network") === "NODE";
  return { pid, path: textField(network, "path"), isHost };
}

async function ask(...args: string[]): Promise<unknown> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(PROGRAM, { args, stdin: "null" }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new IncapableError(`Cannot find pods: there is no ${PROGRAM}; it comes with Kubernetes' cri-tools`, {
      cause: error,
    });
  }
  const [stdout, stderr] = [output.stdout, output.stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  if (!output.success) {
    throw new Error(
      `Cannot find pods: ${PROGRAM} ${args[0]} failed: ${stderr.split("\n").at(-1) || "it says nothing"}`,
    );
  }
  try {
    return JSON.parse(stdout);
  } catch (error) {
    throw new Error(`Cannot find pods: ${PROGRAM} ${args[0]} printed no JSON`, { cause: error });
  }
}
