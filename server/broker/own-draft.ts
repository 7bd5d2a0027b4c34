import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Draft } from "../../protocol/publication.ts";
import { ownText } from "../lib/own-text.ts";

type Writable<T> = { -readonly [Field in keyof T]: T[Field] };

/**
 * Copies all texts of a draft, so that keeping it does not keep the request or frame that they are slices of in memory.
 * Called once for each draft, before it goes to a broker that does not copy texts itself.
 * @param known the channel's name if it is kept already: then it is shared
 */
export function ownDraft(draft: Draft, known?: ChannelName): Draft {
  const channel = known ?? (ownText(draft.channel) as ChannelName);
  // Fast path for pushes: without copying or checking absent fields.
  if (draft.data !== undefined && hasOnlyData(draft)) return { channel, data: ownText(draft.data) };
  const own: Writable<Draft> = { ...draft };
  own.channel = channel;
  if (own.message !== undefined) own.message = ownText(own.message);
  if (own.data !== undefined) own.data = ownText(own.data);
  if (own.id !== undefined) own.id = ownText(own.id);
  if (own.event !== undefined) own.event = ownText(own.event);
  if (own.sender !== undefined) own.sender = ownText(own.sender);
  if (own.key !== undefined) own.key = ownText(own.key);
  if (own.publisher !== undefined) own.publisher = ownText(own.publisher);
  if (own.excludeConnectionId !== undefined) own.excludeConnectionId = ownText(own.excludeConnectionId);
  // As entries, because a header may be called "__proto__".
  if (own.headers !== undefined) {
    own.headers = Object.fromEntries(Object.entries(own.headers).map(([name, text]) => [ownText(name), ownText(text)]));
  }
  return own;
}

/**
 * Whether a draft with data has nothing else but its channel. Hot path: it counts instead of naming the others, so that a new field of `Draft` cannot be forgotten by its
 * callers.
 */
export function hasOnlyData(draft: Draft): boolean {
  let count = 0;
  for (const _ in draft) count++;
  return count === 2;
}
