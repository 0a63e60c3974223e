import type { Where } from "../plug/queue_error.ts";
import { shellText } from "./near_miss.ts";

/** How commands reach the network namespace that `--netns` names. */
export function whereOf(netns: string | undefined): Where {
  return {
    netns: netns === undefined ? "" : ` ${shellText(["--netns", netns])}`,
    there: (command) => inNamespace(command, netns),
  };
}

/** `ip` and `tc` take a name of `ip netns`; a path or a process takes `nsenter`. */
function inNamespace(command: string, netns: string | undefined): string {
  if (netns === undefined) return command;
  const isName = !netns.startsWith("pid:") && !netns.includes("/");
  if (isName) return command.replace(/^(?:ip|tc)\b/, `$& -netns ${shellText([netns])}`);
  const path = netns.startsWith("pid:") ? `/proc/${netns.slice(4)}/ns/net` : netns;
  return `nsenter ${shellText([`--net=${path}`])} ${command}`;
}
