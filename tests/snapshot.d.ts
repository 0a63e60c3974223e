/** What the tests use of `@std/testing/snapshot`, which carries no types on npm. */
export function assertSnapshot(context: Deno.TestContext, actual: unknown): Promise<void>;
