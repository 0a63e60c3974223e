import { rounds } from "./rounds.ts";

const HOW = "run it by tests/kernel/run.ts, which fetches HAProxy";

/**
 * A test that needs HAProxy, done as often as `PLUGCTL_ROUNDS` says. Where that is not there, it says so by name, and fails
 * if `CI` is `true`.
 */
export function testWithHaproxy(name: string, body: () => Promise<void>): void {
  if (hasHaproxy()) Deno.test(name, () => rounds(body));
  else if (Deno.env.get("CI") !== "true") Deno.test({ name: `${name}: NOT RUN, ${HOW}`, ignore: true, fn: body });
  else {
    Deno.test(`${name}: NOT RUN`, () => {
      throw new Error(`Cannot run this test: there is no haproxy; ${HOW}`);
    });
  }
}

function hasHaproxy(): boolean {
  try {
    return new Deno.Command("haproxy", { args: ["-v"], stdout: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
