import { encodeServerFrame } from "../../../protocol/codec.ts";
import type { WireForm } from "../../session/wire-form.ts";

/** One JSON object per frame, for clients without a library. */
export const plainForm: WireForm = {
  carriesCursor: false,
  encode(items) {
    const [first] = items;
    if (first !== undefined && items.length === 1) return [first.json];
    return items.map(({ json }) => json);
  },
  frame: (frame) => [encodeServerFrame(frame)],
  join: (parts) => parts.flat(),
};
