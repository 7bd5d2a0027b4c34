import type { Client, Position } from "../../client/index.ts";
import { parseChannelName } from "../../protocol/channel-name.ts";
import { limits } from "../../protocol/limits.ts";
import { type Cursor, formatCursor, parseCursor, parseSinceWord } from "../../protocol/position.ts";
import { checked } from "./flag-values.ts";

/** The parsed value of --since. */
export type Beginning =
  | { readonly from: "offset"; readonly offset: number }
  | { readonly from: "word"; readonly word: "earliest" | `last:${number}` }
  | { readonly from: "cursor"; readonly cursor: Cursor };

/** `17`, `earliest`, `last:10` or a cursor. */
export const parseBeginning = checked(
  "--since",
  `an offset such as 17, "earliest", "last:10" (up to ${limits.lastLimit}), or a cursor such as all~k3x9~17`,
  (text): Beginning | undefined => {
    if (/^[0-9]{1,15}$/.test(text)) return { from: "offset", offset: Number(text) };
    const word = parseSinceWord(text);
    if (word?.from === "earliest") return { from: "word", word: "earliest" };
    if (word?.from === "last") return { from: "word", word: `last:${word.count}` };
    const cursor = parseCursor(text);
    return cursor === undefined ? undefined : { from: "cursor", cursor };
  },
);

/**
 * The position to start from in one channel. A bare offset belongs to the channel's current epoch, which is fetched first.
 * @throws ClientError if the channel may not be read
 */
export async function beginningOf(
  client: Client,
  channel: string,
  beginning: Beginning | undefined,
): Promise<Position | "earliest" | `last:${number}` | undefined> {
  if (beginning === undefined) return undefined;
  if (beginning.from === "word") return beginning.word;
  if (beginning.from === "cursor") {
    const name = parseChannelName(channel);
    return name === undefined ? undefined : beginning.cursor.get(name);
  }
  const { epoch } = await client.channel(channel).history({ since: "last:1", limit: 1 });
  return { epoch, offset: beginning.offset };
}

/** The cursor after one message. Cursors of several channels can be joined with commas. */
export function cursorOf(channel: string, position: Position): string | undefined {
  const name = parseChannelName(channel);
  return name === undefined ? undefined : formatCursor(new Map([[name, position]]));
}
