/** What plugctl uses of `@std/fmt/colors`, which carries no types on npm. */
export function bold(text: string): string;
export function dim(text: string): string;
export function green(text: string): string;
export function red(text: string): string;
