import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { slotOf } from "../../lib/redis/slots.ts";
import { KeyNames } from "./keys.ts";

const keys = new KeyNames("fanfare", 0);
const named = (name: string) => keys.of(name as ChannelName);

describe("the names of a channel's keys", () => {
  test("contain the name of the channel", () => {
    expect(named("room:1")).toMatchObject({
      record: "fanfare:{room:1}:record",
      messages: "fanfare:{room:1}:messages",
      topic: "fanfare:{room:1}",
    });
    expect(named("room:1").id("o-42")).toBe("fanfare:{room:1}:id:o-42");
  });

  test.each(["room:1", "}", "{", "{}", "a}b{c", "%7D", "ä 💡"])("of %j are in one hash slot", (name) => {
    const { record, messages, topic, id } = named(name);
    expect(new Set([record, messages, topic, id("x"), id("}{")].map(slotOf)).size).toBe(1);
  });

  test("are different for different channels, whatever their names", () => {
    const names = ["a", "a}", "a%7D", "a%257D", "{a", "}a", "a:record", "a}:record"];
    expect(new Set(names.map((it) => named(it).record)).size).toBe(names.length);
  });

  test("never equal those of the server itself", () => {
    expect(named("watch").topic).not.toBe(keys.ownTopic("watch"));
    expect(keys.ownTopic("watch").startsWith("fanfare:")).toBe(false);
  });
});
