import { describe, expect, test } from "bun:test";
import { ServiceError } from "../../protocol/errors.ts";
import { offeredSubprotocols, parseHandshake } from "./handshake.ts";

const peer = { ip: "10.0.0.1", remote: "10.0.0.1:52341" };

function arrive(query: string, headers: Record<string, string> = {}) {
  return parseHandshake(new Request(`http://localhost:8000/ws${query}`, { headers }), peer);
}

function refusalOf(query: string, headers: Record<string, string> = {}): ServiceError {
  let refusal: unknown;
  try {
    arrive(query, headers);
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toMatchObject({ code: "bad-request" });
  return refusal as ServiceError;
}

describe("a handshake", () => {
  test("without parameters requests nothing", () => {
    expect(arrive("")).toEqual({
      userId: undefined,
      token: undefined,
      channels: [],
      since: undefined,
      takesOver: undefined,
      warnings: [],
      ...peer,
    });
  });

  test("whose cookie may not be used is refused for that, unless it brings another token", () => {
    const session = new ServiceError("forbidden", "the cookie may not be used from there");
    const from = (query: string) =>
      parseHandshake(new Request(`http://localhost:8000/ws${query}`), { ...peer, session });
    expect(() => from("")).toThrow(session);
    expect(from("?token=t").token).toBe("t");
  });

  test("with an unknown parameter is accepted, and the welcome warns about it", () => {
    expect(arrive("?chanel=a&_=1").warnings).toEqual([
      'unknown parameter "chanel". Did you mean "channel"?',
      expect.stringContaining('unknown parameter "_". Allowed here: user_id, token'),
    ]);
    const all = "?user_id=u&token=t&channel=a&channels=b&since=2m&takes_over=k";
    expect(arrive(all).warnings).toEqual([]);
  });

  test.each<[string, readonly string[]]>([
    ["?channel=a&channel=b", ["a", "b"]],
    ["?channels=a,b", ["a", "b"]],
    ["?channels=a,b&channel=c", ["c", "a", "b"]],
    ["?channel=a,b", ["a,b"]],
    ["?channel=a&channels=a,,b,", ["a", "b"]],
    ["?channel=room%2F1%3Ax", ["room/1:x"]],
    ["?channel=%40u1", ["@u1"]],
    [`?channel=${"x".repeat(200)}`, ["x".repeat(200)]],
  ])("%s requests its channels, each once", (query, channels) => {
    expect([...arrive(query).channels] as string[]).toEqual([...channels]);
  });

  test.each([
    ["?channel=a%20b", "channel"],
    ["?channels=a,b%23", "channel"],
    ["?channel=*", "channel"],
    [`?channel=${"x".repeat(201)}`, "channel"],
    ["?since=yesterday", "since"],
    ["?since=room~e1", "since"],
    ["?since=room~e1~-1", "since"],
    ["?since=last:10001", "since"],
    [`?since=${`${"r".repeat(100)}~e1~1,`.repeat(50)}`, "since"],
    [`?takes_over=${"x".repeat(65)}`, "takes_over"],
    ["?since=2m&since=last:10", "since"],
    ["?token=a&token=b", "token"],
    ["?user_id=a&channel=a&user_id=a", "user_id"],
    ["?takes_over=&takes_over=a", "takes_over"],
  ])("%s is refused with the name of the parameter and its rule", (query, field) => {
    const { message, ...refusal } = refusalOf(query);
    expect(refusal.field).toBe(field);
    expect(message).toStartWith(`${field}: expected `);
    expect(refusalOf(query).message.length).toBeLessThan(400);
  });

  test("the error about an offset shows what a cursor looks like", () => {
    expect(refusalOf("?since=4").message).toContain("expected a cursor such as room:1~k3x9~17 ");
  });

  test("a cursor contains positions, a word applies to all channels, and without either the connection is live", () => {
    const since = arrive("?since=room%252F1~e1~17,all~e2~3").since;
    expect([...(since instanceof Map ? since : [])] as unknown[]).toEqual([
      ["room/1", { epoch: "e1", offset: 17 }],
      ["all", { epoch: "e2", offset: 3 }],
    ]);
    expect(arrive("?since=earliest").since).toEqual({ from: "earliest" });
    expect(arrive("?since=2m").since).toEqual({ from: "age", ms: 120_000 });
    expect(arrive("?since=last:10").since).toEqual({ from: "last", count: 10 });
    expect(arrive("?since=").since).toBeUndefined();
  });

  test("Last-Event-ID overrides lastEventId, which overrides since; an empty one is skipped; one from another server is not an error", () => {
    const since = arrive("?since=earliest", { "Last-Event-ID": "all~e1~3" }).since;
    expect([...(since instanceof Map ? since.keys() : [])] as string[]).toEqual(["all"]);
    expect(arrive("?since=earliest", { "Last-Event-ID": "" }).since).toEqual({ from: "earliest" });
    const byQuery = arrive("?since=earliest&lastEventId=b~e1~3").since;
    expect([...(byQuery instanceof Map ? byQuery.keys() : [])] as string[]).toEqual(["b"]);
    const byHeader = arrive("?lastEventId=b~e1~3", { "Last-Event-ID": "all~e1~3" }).since;
    expect([...(byHeader instanceof Map ? byHeader.keys() : [])] as string[]).toEqual(["all"]);
    const unknown = { from: "position", position: { epoch: "", offset: 0 } } as const;
    expect(arrive("", { "Last-Event-ID": "earliest" }).since).toEqual(unknown);
  });

  test("of several lastEventId the last one counts, because a polyfill may add one with each reconnect", () => {
    const { since } = arrive("?lastEventId=b~e1~3&lastEventId=b~e1~4");
    expect([...(since instanceof Map ? since.values() : [])]).toEqual([{ epoch: "e1", offset: 4 }]);
  });

  test("a token is read from the URL, from a header or from the subprotocol", () => {
    expect(arrive("?token=t").token).toBe("t");
    expect(arrive("", { Authorization: "Bearer t" }).token).toBe("t");
    expect(arrive("", { "Sec-WebSocket-Protocol": "fanfare.v1, fanfare.token.t" }).token).toBe("t");
  });

  test("user and resume key are passed on unchanged", () => {
    expect(arrive("?user_id=J%C3%B6&takes_over=c_1.abc")).toMatchObject({ userId: "Jö", takesOver: "c_1.abc" });
    expect(arrive("?takes_over=").takesOver).toBeUndefined();
  });

  test("rejects a user ID that is not valid UTF-8", () => {
    expect(refusalOf("?user_id=%ff")).toMatchObject({ code: "bad-request", field: "user_id" });
  });

  test("subprotocols are listed in the order in which they were offered", () => {
    const request = new Request("http://localhost/", { headers: { "Sec-WebSocket-Protocol": "b,  a ,c" } });
    expect(offeredSubprotocols(request)).toEqual(["b", "a", "c"]);
    expect(offeredSubprotocols(new Request("http://localhost/"))).toEqual([]);
  });
});
