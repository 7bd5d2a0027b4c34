import { expect, test } from "bun:test";
import { ServiceError } from "../../protocol/errors.ts";
import { ClientScript } from "./client-script.ts";

const script = new ClientScript({ make: (text, init) => new Response(text, init) });
const ask = (path: string, headers: Record<string, string> = {}) =>
  script.answer(new Request(`http://127.0.0.1:8000${path}`, { headers }));

test("the SDK's script defines `Fanfare` in a page without modules", async () => {
  const response = await ask("/client.js");
  expect(response.headers.get("Content-Type")).toBe("text/javascript; charset=utf-8");
  expect(response.headers.get("Cross-Origin-Resource-Policy")).toBe("cross-origin");
  const text = await response.text();
  expect(new Bun.Transpiler({ loader: "js" }).scanImports(text)).toEqual([]);
  const page: { Fanfare?: Record<string, unknown> } = {};
  new Function("globalThis", text)(page);
  expect(Object.keys(page.Fanfare ?? {})).toEqual(["createClient", "ClientError", "BroadcastClient"]);
});

test("the script is revalidated, and the path with its hash is cached permanently", async () => {
  const first = await ask("/client.js");
  expect(first.headers.get("Cache-Control")).toBe("public, max-age=300");
  const tag = first.headers.get("ETag") ?? "";
  expect((await ask("/client.js", { "If-None-Match": tag })).status).toBe(304);
  const location = first.headers.get("Content-Location") ?? "";
  expect(location).toBe(`/client.${tag.slice(1, -1)}.js`);
  const versioned = await ask(location);
  expect(versioned.headers.get("Cache-Control")).toBe("public, max-age=31536000, immutable");
  expect(await versioned.text()).toBe(await first.text());
});

test("the hash of another version is not found", async () => {
  const refusal = await ask("/client.0123456789abcdef012345.js").catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(ServiceError);
  expect(refusal).toMatchObject({ code: "not-found", message: expect.stringContaining("/client.js") });
});
