import bash from "../completions/plugctl.bash" with { type: "text" };
import fish from "../completions/plugctl.fish" with { type: "text" };
import zsh from "../completions/plugctl.zsh" with { type: "text" };
import type { Context } from "../context.ts";
import { UsageError } from "../exit_status.ts";

const SCRIPTS: Readonly<Record<string, string>> = { bash, zsh, fish };

/** `plugctl completions` */
export function run(context: Context): void {
  const [shell] = context.arguments.operands;
  if (!Object.hasOwn(SCRIPTS, shell)) {
    throw new UsageError(`unknown shell ${JSON.stringify(shell)}: use ${Object.keys(SCRIPTS).join(", ")}`);
  }
  context.print(SCRIPTS[shell]);
}
