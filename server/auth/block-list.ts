import type { Identity } from "./identity.ts";

/** The target of a block: a user with all tokens, or one token by its `jti`. */
export type BlockKind = "user" | "token";

/** A user or token that may not connect and may not send requests. */
export interface Block {
  readonly kind: BlockKind;
  /** The user's id, or the token's `jti`. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly blockedAtMs: number;
  /** When it ends; undefined: when it is lifted. */
  readonly untilMs: number | undefined;
  /** For operators; never shown to clients. */
  readonly reason: string | undefined;
}

/** With more blocks than this, those that are over are forgotten. */
const mostKept = 10_000;

/**
 * The blocks, of which those that are not over are in force.
 *
 * Blocks that are over are kept for a while: a wall clock that was set forward by mistake is set back, and then they are in force
 * again.
 */
export class BlockList {
  readonly #blocks = new Map<string, Block>();

  /** Adds a block, or replaces the one with the same kind and name. */
  set(block: Block): void {
    this.#blocks.set(keyOf(block.kind, block.name), block);
  }

  /** @returns whether there was one */
  lift(kind: BlockKind, name: string): boolean {
    return this.#blocks.delete(keyOf(kind, name));
  }

  /** The block, if it is in force. */
  get(kind: BlockKind, name: string, nowMs: number): Block | undefined {
    const block = this.#blocks.get(keyOf(kind, name));
    return block === undefined || isOver(block, nowMs) ? undefined : block;
  }

  /** Those in force, by kind and name. */
  all(nowMs: number): readonly Block[] {
    const inForce = Array.from(this.#blocks).filter(([, block]) => !isOver(block, nowMs));
    if (this.#blocks.size > mostKept) {
      this.#blocks.clear();
      for (const [key, block] of inForce) this.#blocks.set(key, block);
    }
    return inForce.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, block]) => block);
  }

  /** A sentence for the client if its user or its token is blocked. */
  whyBlocked({ userId, token }: Identity, nowMs: number): string | undefined {
    if (this.#blocks.size === 0) return undefined;
    const byUser = userId === undefined ? undefined : this.get("user", userId, nowMs);
    if (byUser !== undefined) return "this user is blocked by an operator";
    const byToken = token?.id === undefined ? undefined : this.get("token", token.id, nowMs);
    return byToken === undefined ? undefined : "this token is blocked by an operator";
  }
}

/** Whether a block of this kind and name concerns the client. */
export function concerns(kind: BlockKind, name: string, { userId, token }: Identity): boolean {
  return kind === "user" ? userId === name : token?.id === name;
}

function keyOf(kind: BlockKind, name: string): string {
  return `${kind}:${name}`;
}

function isOver({ untilMs }: Block, nowMs: number): boolean {
  return untilMs !== undefined && untilMs <= nowMs;
}
