import type { CliEnvironment } from "./cli-environment.ts";

/** Colours parts of a line. Without colour support it returns the text unchanged. */
export interface Paint {
  /** For less important text. */
  dim(text: string): string;
  /** For notices of the program and the server. */
  notice(text: string): string;
  /** For errors. */
  error(text: string): string;
  /** For the sender: the same name always has the same colour. */
  name(name: string): string;
}

const plain = (text: string): string => text;
const code = (number: number) => (text: string) => `\u001b[${number}m${text}\u001b[0m`;

/** Green, blue, magenta, cyan and their bright variants: readable on dark and light backgrounds. Yellow and red are taken. */
const nameColors = [32, 34, 35, 36, 92, 94, 95, 96] as const;

/** Uses colours in a terminal that supports them, unless the user turned them off (`NO_COLOR`, see no-color.org). */
export function makePaint({ env, stdout }: Pick<CliEnvironment, "env" | "stdout">): Paint {
  const hasColors = stdout.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
  if (!hasColors) return { dim: plain, notice: plain, error: plain, name: plain };
  return {
    dim: code(2),
    notice: code(33),
    error: code(31),
    name: (name) => code(nameColors[Bun.hash.crc32(name) % nameColors.length] ?? 32)(name),
  };
}
