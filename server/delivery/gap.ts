import type { ChannelName } from "../../protocol/channel-name.ts";
import type { GapFrame, GapReason } from "../../protocol/frames.ts";
import { texts } from "../../protocol/texts.ts";

/** Announces a gap, both ends included. With `epoch-changed` it covers the new epoch up to `to`. */
export function gapFrame(
  channel: ChannelName,
  reason: GapReason,
  gap: { readonly epoch: string; readonly from: number; readonly to: number },
): GapFrame {
  const message = reason === "epoch-changed" ? texts.gapEpoch : texts.gap(gap.from, gap.to);
  return { type: "system", event: "gap", channel, reason, ...gap, message };
}
