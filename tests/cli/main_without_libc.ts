// plugctl on a machine where no C library can be opened.
const dlopen = (name: string) => {
  throw new Error(`Could not open library: ${name}`);
};
Object.assign(Deno, { dlopen });
await import("../../cli/main.ts");
