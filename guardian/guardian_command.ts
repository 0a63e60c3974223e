const PROGRAM = new URL("main.ts", import.meta.url).href;
/** The main module of plugctl where it is bundled, as in its binary: this module is then beside it. */
const PLUGCTL = new URL("plugctl.js", import.meta.url).href;

/** The first word by which plugctl becomes a guardian where it is bundled. */
const GUARDIAN_WORD = "guardian:";

const DENO = ["run", "--quiet", "--no-check", "--no-config", "--no-lock", "--no-prompt", "-A"];

/**
 * The words that start a guardian: Deno and a small program, or where plugctl is bundled plugctl itself.
 *
 * It is given all permissions. Deno asks for all of them to look into `/proc`, where the processes to be ended are
 * found; and FFI, by which it speaks to the kernel, is as much.
 *
 * @throws {TypeError} in another program made by `deno compile`, which would start itself anew
 */
export function guardianCommand(): string[] {
  const bundled = Deno.mainModule === PLUGCTL;
  if (!Deno.build.standalone) {
    const program = bundled ? ["--unstable-lazy-dynamic-imports", PLUGCTL, GUARDIAN_WORD] : [PROGRAM];
    return [Deno.execPath(), ...DENO, ...program];
  }
  if (bundled) return [Deno.execPath(), GUARDIAN_WORD];
  throw new TypeError(
    "Cannot start a guardian from a program made by deno compile: say by `command` what starts one, for instance " +
      `["/usr/bin/plugctl", "${GUARDIAN_WORD}"]`,
  );
}
