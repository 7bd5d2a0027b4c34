import { expect, test } from "bun:test";
import { curlOf, quoted } from "./curl.ts";
import type { OperationObject } from "./documents.ts";

const origin = "http://127.0.0.1:8000";
const plain: OperationObject = { operationId: "o", tags: [], summary: "", responses: {}, security: [] };
const words = (changes: Partial<OperationObject>, method = "get", path = "/x") =>
  curlOf({ ...plain, ...changes }, { method, path, origin }).split(" \\\n  ");

test.each(["plain", "it's", "''", '$(id) `id` \\ "', "two\nlines", "-d @/etc/passwd", "★"])(
  "a shell parses %j as one unchanged word",
  async (text) => {
    const child = Bun.spawn(["sh", "-c", `printf '<%s>' ${quoted(text)}`], { stdout: "pipe" });
    expect(await child.stdout.text()).toBe(`<${text}>`);
  },
);

test.each<[string, string, Partial<OperationObject>, readonly string[]]>([
  ["curl's defaults are omitted", "get", {}, [`curl '${origin}/x'`]],
  ["a POST without a body is explicit", "post", {}, [`curl '${origin}/x'`, "-X POST"]],
  ["so is a DELETE", "delete", {}, [`curl '${origin}/x'`, "-X DELETE"]],
  [
    "a stream is not buffered",
    "get",
    { responses: { 200: { description: "", content: { "text/event-stream": { schema: {} } } } } },
    [`curl -N '${origin}/x'`],
  ],
  [
    "a key comes from API_KEY",
    "get",
    { security: [{ key: ["read"] }, { token: [] }] },
    [`curl '${origin}/x'`, '-H "Authorization: Bearer $API_KEY"'],
  ],
  ["and is omitted if it is optional", "get", { security: [{}, { key: ["read"] }] }, [`curl '${origin}/x'`]],
  [
    "text is sent unchanged",
    "post",
    { requestBody: { required: true, content: { "text/plain": { schema: {}, examples: { a: { value: "it's" } } } } } },
    [`curl '${origin}/x'`, "-d 'it'\\''s'"],
  ],
  [
    "JSON has its Content-Type",
    "post",
    {
      requestBody: { required: true, content: { "application/json": { schema: {}, examples: { a: { value: [1] } } } } },
    },
    [`curl '${origin}/x'`, "-H 'Content-Type: application/json'", "-d '[1]'"],
  ],
])("%s", (_, method, changes, expected) => {
  expect(words(changes, method)).toEqual([...expected]);
});

test("path and query contain the parameters with examples; user_id is omitted if a token is required", () => {
  const parameter = { in: "query", description: "", schema: {} } as const;
  const parameters = [
    { name: "channel", in: "path", description: "", schema: {}, example: "a/b c" } as const,
    { ...parameter, name: "since" },
    { ...parameter, name: "prefix", example: "room:&" },
    { ...parameter, name: "user_id", example: "alice" },
  ];
  const url = (security: OperationObject["security"]) => words({ parameters, security }, "get", "/c/{channel}")[0];
  expect(url([])).toBe(`curl '${origin}/c/a%2Fb%20c?prefix=room:%26&user_id=alice'`);
  expect(url([{ token: [] }])).toBe(`curl '${origin}/c/a%2Fb%20c?prefix=room:%26'`);
});
