import { describe, expect, test } from "bun:test";
import { HookSecrets } from "./signature.ts";

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const content = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1614265330, body: '{"test": 2432232314}' };

describe("a signature", () => {
  test("is the one of the Standard Webhooks specification", () => {
    expect(new HookSecrets([secret]).headersFor(content)).toEqual({
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
  });

  test("is made with each secret, so that one can be replaced", () => {
    const other = "whsec_2He8X6Id9/IuzfsxdWr/hAh+JckY5jlFESCoV+z8xWg=";
    const both = new HookSecrets([secret, other]).headersFor(content)["webhook-signature"]?.split(" ");
    expect(both).toHaveLength(2);
    expect(both?.[1]).toBe(new HookSecrets([other]).headersFor(content)["webhook-signature"] ?? "");
  });

  test("depends on the id, the time and the body", () => {
    const secrets = new HookSecrets([secret]);
    const all = [content, { ...content, id: "b" }, { ...content, timestamp: 1 }, { ...content, body: "" }];
    expect(new Set(all.map((it) => secrets.headersFor(it)["webhook-signature"])).size).toBe(4);
  });
});

test.each([
  ["zero bytes", Buffer.alloc(32)],
  ["a repeated word", Buffer.from("changemechangemechangeme")],
  ["a repeated word as base64", Buffer.from("passwordpasswordpasswordpassword", "base64")],
  ["ascending bytes", Buffer.from(Array.from({ length: 32 }, (_, at) => at))],
  ["ascending letters as base64", Buffer.from("abcdefghijklmnopqrstuvwxyz0123456789", "base64")],
])("a secret of %s is refused with a way to make a good one", (_, bytes) => {
  const attempt = () => new HookSecrets([`whsec_${bytes.toString("base64")}`]);
  expect(attempt).toThrow(/^HOOK_SECRET: expected random bytes, got .*create one with: echo "whsec_\$\(openssl/);
});

test.each([
  ["without the prefix", Buffer.alloc(32).toString("base64")],
  ["that is too short", `whsec_${Buffer.alloc(23).toString("base64")}`],
  ["that is too long", `whsec_${Buffer.alloc(65).toString("base64")}`],
  ["that is not base64", "whsec_not base64 at all, but long enough"],
])("a secret %s is refused, and not shown", (_, wrong) => {
  expect(() => new HookSecrets([wrong])).toThrow("HOOK_SECRET: expected whsec_ and 24 to 64 bytes in base64");
  expect(() => new HookSecrets([wrong])).not.toThrow(wrong);
});
