import { type ChannelName, everyone } from "../../protocol/channel-name.ts";

/** The page's own address with the channels that it is in, so that a reload, or a friend, is in the same ones. */
export function addressWith(url: URL, channels: readonly ChannelName[]): URL {
  const address = new URL(url);
  address.searchParams.delete("channel");
  for (const channel of channels) {
    if (channel !== everyone && !channel.startsWith("@")) address.searchParams.append("channel", channel);
  }
  return address;
}
