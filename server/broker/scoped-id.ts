import type { Draft } from "../../protocol/publication.ts";

/**
 * The publisher's id with its owner, so that nobody can take another one's id in advance. Ids of different users, and of
 * API keys, never collide; clients without a user share theirs. Ids contain no control characters, so this is unambiguous.
 * `{ id: "7", publisher: "user:alice" }` → `user:alice\n7`; without a publisher `7`.
 */
export function scopedId({ id, publisher }: Pick<Draft, "id" | "publisher">): string | undefined {
  if (id === undefined || publisher === undefined) return id;
  return publisher.startsWith("user:") ? `${publisher}\n${id}` : `\n${id}`;
}
