/**
 * What is expected where a value is wrong, in the words that several of the files beside this one need.
 *
 * @module
 */

export const DURATION = "a duration with its unit, up to 24 days: 200ms, 1.5s, 1m";
export const NAME = "a name: a letter, then letters, digits, - and _, up to 32";
export const SIZE = "a size from 1 byte to 4 GiB - 1: a number of bytes, 64k, 1m, 1MiB";
export const TEXT_TEST =
  "a text, or a regular expression that JavaScript understands, between slashes: /^ready [0-9]+$/m";
export const COMMAND = "a line for the shell, or a list of a program and its arguments";
export const NEW_DEVICE = "a device's name: up to 15 letters, no space, / or :";
export const DEVICE = "a device's name or altname: up to 127 letters, no space, / or :";
export const STEPS = "a list of steps: - buffer: web";
export const RANGE = "a duration with its unit, 200ms, or a range of them, 10ms..50ms";
