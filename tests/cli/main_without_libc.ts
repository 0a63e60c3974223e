// plugctl on a machine where no C library can be opened.
const dlopen = (name: string) => {
  throw new Error(`Could not open library: ${name}`);
};
Object.assign(Deno, { dlopen });
const { runCommandLine } = await import("../../cli/main.ts");
Deno.exit(await runCommandLine(Deno.args, Deno));
