import type { Where } from "../plug/queue_error.ts";
import type { Arguments } from "./arguments.ts";
import { shellText } from "./near_miss.ts";

/** How commands reach the network namespace that `--netns` names. */
export function whereOf(netns: string | undefined): Where {
  return {
    netns: netns === undefined ? "" : ` ${shellText(["--netns", netns])}`,
    there: (command) => inNamespace(command, netns),
  };
}

/** How commands reach the network namespace that a command line means, by a container or a pod where it names one. */
export function whereGiven(values: Arguments["values"] | undefined): Where {
  const where = whereOf(values?.get("netns")?.[0]);
  const names = (["container", "pod"] as const).flatMap((option) =>
    (values?.get(option) ?? []).flatMap((name) => [`--${option}`, name])
  );
  return names.length === 0 ? where : { ...where, netns: ` ${shellText(names)}` };
}

/** `ip` and `tc` take a name of `ip netns`; a path or a process takes `nsenter`. */
function inNamespace(command: string, netns: string | undefined): string {
  if (netns === undefined) return command;
  const isName = !netns.startsWith("pid:") && !netns.includes("/");
  if (isName) return command.replace(/^(?:ip|tc)\b/, `$& -netns ${shellText([netns])}`);
  const path = netns.startsWith("pid:") ? `/proc/${netns.slice(4)}/ns/net` : netns;
  return `nsenter ${shellText([`--net=${path}`])} ${command}`;
}
