import type { ChannelName } from "../../protocol/channel-name.ts";
import type { GapFrame, GapReason } from "../../protocol/frames.ts";
import { texts } from "../../protocol/texts.ts";

/** The announcement of a hole, both ends included; with `epoch-changed` what lies before `to` in the new epoch. */
export function gapFrame(
  channel: ChannelName,
  reason: GapReason,
  hole: { readonly epoch: string; readonly from: number; readonly to: number },
): GapFrame {
  const message = reason === "epoch-changed" ? texts.gapEpoch : texts.gap(hole.from, hole.to);
  return { type: "system", event: "gap", channel, reason, ...hole, message };
}
