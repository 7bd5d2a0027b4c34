import { describe, expect, test } from "bun:test";
import { Deadlines } from "../lib/deadlines.ts";
import { readBody } from "./body.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A request without Content-Length, as with chunked encoding. */
function chunked(chunks: readonly string[]): Request {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(bytesOf(chunk));
      controller.close();
    },
  });
  return new Request("http://localhost/", { method: "POST", body });
}

describe("a body", () => {
  test.each([
    ["chunked, at the limit", () => chunked(["12345", "67890"]), "1234567890"],
    [
      "declared, at the limit",
      () => new Request("http://localhost/", { method: "POST", body: "1234567890" }),
      "1234567890",
    ],
    ["absent", () => new Request("http://localhost/", { method: "POST" }), ""],
  ])("that is %s is read", async (_, make, text) => {
    expect(await readBody(make(), 10)).toBe(text);
  });

  test.each([
    ["chunked, one byte over the limit", () => chunked(["12345", "678901"])],
    [
      "declared, one byte over the limit",
      () => new Request("http://localhost/", { method: "POST", headers: { "Content-Length": "11" } }),
    ],
    ["over the limit in bytes, not in characters", () => chunked(["123456789é"])],
  ])("that is %s is rejected", async (_, make) => {
    await expect(readBody(make(), 10)).rejects.toMatchObject({
      code: "too-large",
      message: "body: expected at most 10 bytes",
    });
  });

  test.each(["gzip", "br", "deflate, gzip", "aes128gcm", "x".repeat(100)])(
    "that is encoded with %s is rejected, and not read",
    async (encoding) => {
      const headers = { "Content-Encoding": encoding };
      const request = new Request("http://localhost/", { method: "POST", body: "{}", headers });
      await expect(readBody(request, 10)).rejects.toMatchObject({
        code: "unsupported-media-type",
        message: `Content-Encoding: expected a body without an encoding, got "${encoding.slice(0, 60)}"`,
        field: "Content-Encoding",
      });
      expect(request.bodyUsed).toBe(false);
    },
  );

  test.each(["identity", "Identity", ""])("with the encoding %p is read", async (encoding) => {
    const headers = { "Content-Encoding": encoding };
    expect(await readBody(new Request("http://localhost/", { method: "POST", body: "{}", headers }), 10)).toBe("{}");
  });

  test("that is not UTF-8 is rejected", async () => {
    const request = new Request("http://localhost/", { method: "POST", body: new Uint8Array([0xff]) });
    await expect(readBody(request, 10)).rejects.toMatchObject({ code: "bad-request" });
  });

  test("that does not end is refused when it times out", async () => {
    const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(bytesOf("a")) });
    const request = new Request("http://localhost/", { method: "POST", body });
    await expect(readBody(request, 10, new Deadlines(20))).rejects.toMatchObject({ code: "request-timeout" });
  });
});
