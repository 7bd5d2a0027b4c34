import { parseChannelName } from "../../../protocol/channel-name.ts";
import { formatCursor, parseCursor, parseSince } from "../../../protocol/position.ts";
import { type FuzzTarget, must } from "../target.ts";
import { isWellFormed } from "../texts.ts";

/** Cursors, which clients keep and send back. */
export function cursorTarget(): FuzzTarget {
  return {
    name: "cursor",
    seeds: ["all~k3x9~1", "room:1~abc~7,@u1~d~9", "a%2Cb~e~1", "earliest", "last:5", ""],
    words: ["all", "~", ",", "%2C", "%7E", "last:", "earliest", "~e~1"],
    run(input) {
      const cursor = parseCursor(input);
      const word = parseSince(input);
      if (cursor === undefined) return `no cursor, ${word === undefined ? "no word" : word.from}`;
      for (const [channel, { offset }] of cursor) {
        must(parseChannelName(channel) === channel || /^[@#$]/.test(channel), "a cursor has valid channels only");
        must(isWellFormed(channel), "a channel has no lone surrogates");
        must(Number.isSafeInteger(offset) && offset >= 0, "offsets are safe integers");
      }
      const again = parseCursor(formatCursor(cursor));
      must(
        JSON.stringify([...(again ?? [])]) === JSON.stringify([...cursor]),
        "a cursor is the same after it was written",
      );
      return `${Math.min(cursor.size, 3)} channels${/[%]/.test(input) ? ", escaped" : ""}${/[^\0-\x7f]/.test(input) ? ", not ASCII" : ""}`;
    },
  };
}
