import type { World } from "./world.ts";

/** Colours a piece of a line, or leaves it as it is. */
export interface Paint {
  /** What is there to be overlooked. */
  dim(text: string): string;
  /** What the program or the server says. */
  notice(text: string): string;
  /** What went wrong. */
  alarm(text: string): string;
  /** Who speaks: the same name always has the same colour. */
  name(name: string): string;
}

const plain = (text: string): string => text;
const code = (number: number) => (text: string) => `\u001b[${number}m${text}\u001b[0m`;

/** Green, blue, magenta, cyan and their bright kin: readable on dark and light grounds, and neither yellow nor red. */
const nameColors = [32, 34, 35, 36, 92, 94, 95, 96] as const;

/** Colours for a terminal, unless its person wants none (`NO_COLOR`, see no-color.org) or it has none. */
export function makePaint({ env, stdout }: Pick<World, "env" | "stdout">): Paint {
  const hasColors = stdout.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
  if (!hasColors) return { dim: plain, notice: plain, alarm: plain, name: plain };
  return {
    dim: code(2),
    notice: code(33),
    alarm: code(31),
    name: (name) => code(nameColors[Bun.hash.crc32(name) % nameColors.length] ?? 32)(name),
  };
}
