import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { internalNames } from "./internal-names.js";

const sources = [...new Bun.Glob("{client,protocol}/*.ts").scanSync(".")].filter((it) => !it.endsWith(".test.ts"));
const text = (path: string) => readFileSync(path, "utf8");

/** Objects that the SDK gets from the runtime: the names of their properties must not change. */
const runtime = [
  AbortController,
  Array,
  Error,
  Headers,
  Map,
  Math,
  Promise,
  ReadableStream,
  ReadableStreamDefaultReader,
  Response,
  Set,
  String,
  TextDecoder,
  TextEncoder,
  URL,
  URLSearchParams,
  WebSocket,
  globalThis,
  navigator,
  performance,
].flatMap((it) => [it, (it as { readonly prototype?: object }).prototype ?? {}]);

describe("a name that is shortened in the built SDK", () => {
  test.each([...internalNames])("%s: is used by it, and nobody else knows it", (name) => {
    const word = new RegExp(`\\b${name}\\b`);
    expect(sources.filter((it) => it.startsWith("client/")).some((path) => word.test(text(path)))).toBe(true);
    // Files that are loaded later are used by the names of their exports.
    const exported = new RegExp(`^export .*\\b(const|class|function|interface|type) ${name}\\b`, "m");
    expect(sources.filter((path) => exported.test(text(path)))).toEqual([]);
    // The wire: what a server sends and receives.
    const field = new RegExp(`^\\s+(readonly )?"?${name}"?\\??:`, "m");
    for (const path of ["frames", "client-codec", "position", "publication"])
      expect(text(`protocol/${path}.ts`)).not.toMatch(field);
    // The interface of the SDK, which programs and the tests of the guide use.
    for (const path of ["docs/client.md", "docs/presence.md"])
      expect(text(path)).not.toMatch(new RegExp(`\\.${name}\\b`));
    for (const it of runtime) expect(name in it).toBe(false);
  });
});
