import { describe, expect, test } from "bun:test";
import { parsePageQuery, parsePageSettings } from "./settings.ts";

const word = {
  wsPath: "/ws",
  ssePath: "/sse/push",
  isSecured: false,
  trustUserId: true,
  anonymous: true,
  dashboard: true,
};

describe("the settings of the page", () => {
  test.each([
    ["http://127.0.0.1:8000/", "http://127.0.0.1:8000", "ws://127.0.0.1:8000/ws"],
    ["https://push.example.com/?user_id=a#x", "https://push.example.com", "wss://push.example.com/ws"],
    ["https://example.com/fanfare/", "https://example.com/fanfare", "wss://example.com/fanfare/ws"],
    ["http://[::1]:8000/?a=/b/", "http://[::1]:8000", "ws://[::1]:8000/ws"],
  ])("contain the server's address for a page loaded from %s", (asked, baseUrl, wsUrl) => {
    expect(parsePageSettings(JSON.stringify(word), new URL(asked))).toEqual({
      baseUrl,
      wsUrl,
      ssePath: "/sse/push",
      isSecured: false,
      trustUserId: true,
      anonymous: true,
      dashboard: true,
    });
  });

  test.each(["{}", "null", "7", '{"wsPath":"/ws","ssePath":7,"isSecured":false,"trustUserId":true,"anonymous":true}'])(
    "reject %s",
    (content) => {
      expect(() => parsePageSettings(content, new URL("http://localhost/"))).toThrow("reload the page");
    },
  );
});

describe("the URL of the page", () => {
  test("may name a user and channels", () => {
    const query = new URLSearchParams("user_id=alice&channel=room:1&channel=room:2");
    expect<unknown>(parsePageQuery(query)).toEqual({ userId: "alice", channels: ["room:1", "room:2"] });
  });

  test("is ignored where the server would reject it", () => {
    expect(parsePageQuery(new URLSearchParams("user_id=%00&channel=a%20b&channel="))).toEqual({
      userId: undefined,
      channels: [],
    });
  });
});
