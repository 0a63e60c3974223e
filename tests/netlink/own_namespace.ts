import { inNewNamespace } from "../../linux/namespace.ts";
import { NetlinkError } from "../../linux/netlink_error.ts";

const HOW = "run it as root on Linux: sudo deno test -A tests/netlink";

/**
 * A test whose body runs in a network namespace of its own, where it may do what it likes to `lo`. Where that
 * cannot be had it says so by name; with `CI=true` it fails instead.
 */
export function namespaceTest(name: string, body: () => void): void {
  const missing = whatIsMissing();
  if (missing === undefined) return Deno.test(name, () => inNewNamespace(body));
  const notRun = `${name}: NOT RUN, ${missing}; ${HOW}`;
  if (Deno.env.get("CI") !== "true") return Deno.test({ name: notRun, ignore: true, fn: body });
  Deno.test(notRun, () => {
    throw new Error(`Cannot run this test: ${missing}; ${HOW}`);
  });
}

/** Why there can be no such namespace, or `undefined`. */
function whatIsMissing(): string | undefined {
  if (Deno.build.os !== "linux") return `this is ${Deno.build.os}`;
  try {
    return inNewNamespace(() => undefined);
  } catch (error) {
    if (error instanceof NetlinkError) return error.message;
    throw error;
  }
}
