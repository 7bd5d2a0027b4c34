import { expect, test } from "bun:test";
import { everyone, parseChannelName, userChannel } from "../../protocol/channel-name.ts";
import { addressWith } from "./address.ts";
import { parsePageQuery } from "./settings.ts";

const rooms = ["room:1", "a,b/c=d"].map(parseChannelName).filter((it) => it !== undefined);
const url = new URL("http://127.0.0.1:8000/?channel=old&user_id=alice");

test("the URL lists the channels, and the page reads the same ones from it", () => {
  const address = addressWith(url, [everyone, userChannel("alice"), ...rooms]);
  expect(parsePageQuery(address.searchParams)).toEqual({ userId: "alice", channels: rooms });
});

test("the URL lists no channels if there are none", () => {
  expect(addressWith(url, [everyone]).href).toBe("http://127.0.0.1:8000/?user_id=alice");
});
