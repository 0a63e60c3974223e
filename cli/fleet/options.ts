import type { BrokerOptions } from "../../fleet/broker.ts";
import { type Context, valueOf } from "../context.ts";
import { UsageError } from "../exit_status.ts";

/** The environment variable that names the broker where no option does. */
const VARIABLE = "PLUGCTL_NATS";

/**
 * How the broker of a fleet is reached.
 *
 * @throws {UsageError} where none is named, or a certificate has no key
 */
export function brokerOptions(context: Context, name: string): Omit<BrokerOptions, "inbox"> {
  const urls = context.arguments.values.get("nats") ?? [];
  const named = urls.length > 0 ? urls : (Deno.env.get(VARIABLE) ?? "").split(",").filter((url) => url !== "");
  if (named.length === 0) throw new UsageError(`no broker: give --nats URL, or set ${VARIABLE}`);
  const [cert, key] = [valueOf(context, "cert"), valueOf(context, "key")];
  if ((cert === undefined) !== (key === undefined)) throw new UsageError("--cert and --key go together");
  const wrong = named.find((url) => !URL.canParse(url) || !/^(nats|tls):\/\/./.test(url));
  if (wrong !== undefined) {
    throw new UsageError(`invalid --nats ${JSON.stringify(wrong)}: use nats://HOST:4222 or tls://HOST:4222`);
  }
  return { urls: named, creds: valueOf(context, "creds"), ca: valueOf(context, "ca"), cert, key, name };
}

/** The group of hosts that is meant. */
export function groupOf(context: Context): string {
  return valueOf(context, "group") ?? "default";
}
