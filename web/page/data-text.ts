import { decodeServerFrames, type IncomingFrame } from "../../protocol/client-codec.ts";
import { elementTexts, memberTexts } from "../../protocol/json-text.ts";

/** The `data` of a message as the JSON text that the server sent. Parsed, 64-bit numbers would lose digits. */
export class DataText {
  readonly json: string;

  constructor(json: string) {
    this.json = json;
  }
}

/** Decodes frames like `decodeServerFrames`, except that `data` of a message is a `DataText`. Never throws. */
export function decodeWithDataText(text: string): readonly IncomingFrame[] {
  const frames = decodeServerFrames(text);
  if (!frames.some(hasData)) return frames;
  const texts = text.trimStart().startsWith("[") ? elementTexts(text) : [text];
  return texts.flatMap((frameText) =>
    decodeServerFrames(frameText).map((frame) =>
      hasData(frame) ? { ...frame, data: new DataText(memberTexts(frameText).get("data") ?? "null") } : frame,
    ),
  );
}

function hasData(frame: IncomingFrame): boolean {
  return frame.type === "message" && "data" in frame;
}

type ReviverContext = { readonly source?: string } | undefined;
/** Newer browsers have it: an object that `JSON.stringify` writes as exactly this text. */
const { rawJSON } = JSON as { readonly rawJSON?: (text: string) => unknown };

/**
 * Parses JSON that a person entered. `JSON.stringify` of the result has the same numbers, digit by digit.
 *
 * @throws Error if the text is not JSON, or has a number that this browser can only send rounded
 */
export function parseExactly(text: string): unknown {
  // An older browser passes no context. Then only numbers beyond the safe integers are known to be rounded.
  return JSON.parse(text, (_, value: unknown, context?: ReviverContext) => {
    if (typeof value !== "number") return value;
    const isRounded =
      context?.source === undefined ? Math.abs(value) > Number.MAX_SAFE_INTEGER : isChanged(value, context.source);
    if (!isRounded) return value;
    if (context?.source === undefined || rawJSON === undefined) {
      throw new Error(`this browser would round the number ${value}: send it as a string, or with curl`);
    }
    return rawJSON(context.source);
  });
}

function isChanged(value: number, source: string): boolean {
  return String(value) !== source;
}
