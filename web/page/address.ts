import { type ChannelName, everyone } from "../../protocol/channel-name.ts";

/** The URL of the page with the current channels, so that a reload, or somebody else who opens it, joins the same ones. */
export function addressWith(url: URL, channels: readonly ChannelName[]): URL {
  const address = new URL(url);
  address.searchParams.delete("channel");
  for (const channel of channels) {
    if (channel !== everyone && !channel.startsWith("@")) address.searchParams.append("channel", channel);
  }
  return address;
}
