import type { Block, BlockKind } from "../auth/block-list.ts";

/** A change of the list of blocks, as it is stored and sent to the other workers. */
export type BlockChange =
  | ({ readonly verb: "block" } & Block)
  | { readonly verb: "lift"; readonly kind: BlockKind; readonly name: string };

/** JSON has no `undefined`: absent fields are left out. */
export function formatChange(change: BlockChange): string {
  return JSON.stringify(change);
}

/** @returns undefined for a record that another version of this program may have stored */
export function parseChange(text: string | undefined): BlockChange | undefined {
  const value: unknown = text === undefined ? undefined : JSON.parse(text);
  if (typeof value !== "object" || value === null) return undefined;
  const { verb, kind, name, blockedAtMs, untilMs, reason } = value as Record<string, unknown>;
  if ((kind !== "user" && kind !== "token") || typeof name !== "string") return undefined;
  if (verb === "lift") return { verb, kind, name };
  if (verb !== "block" || typeof blockedAtMs !== "number") return undefined;
  return {
    verb,
    kind,
    name,
    blockedAtMs,
    untilMs: typeof untilMs === "number" ? untilMs : undefined,
    reason: typeof reason === "string" ? reason : undefined,
  };
}
