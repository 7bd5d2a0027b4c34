import type { Keys } from "./keys.ts";

/** The context of a script. */
export interface ScriptContext {
  readonly keys: Keys;
  /** The server's wall clock. */
  now(): number;
  /** @returns how many connections it was sent to */
  send(topic: string, text: string): number;
}

export type Answer = string | number | null | readonly Answer[];
export type Script = (context: ScriptContext, keys: readonly string[], args: readonly string[]) => Answer;
