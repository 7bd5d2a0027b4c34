import { expect, test } from "bun:test";
import type { About, Operation } from "../../api/about/about.ts";
import { type DocumentSettings, errorsOf, openApi } from "./openapi.ts";

const settings: DocumentSettings = {
  isSecured: true,
  anonymous: false,
  trustUserId: false,
  maxBodyBytes: 2048,
  maxMessageBytes: 1024,
  version: "1.2.3",
};
const about: About = { tag: "push", answers: { 200: { description: "Done." } } };
const operation = (changes: Partial<Operation> = {}): Operation => ({
  method: "GET",
  path: "/x",
  summary: "X.",
  about,
  ...changes,
});
const operationOf = (it: Operation, changes: Partial<DocumentSettings> = {}) =>
  openApi([it], { ...settings, ...changes }).paths["/x"]?.[it.method.toLowerCase()];

test("the methods of a path are grouped", () => {
  const { paths } = openApi([operation(), operation({ path: "/y" }), operation({ method: "DELETE" })], settings);
  expect(Object.entries(paths).map(([path, methods]) => [path, Object.keys(methods)])).toEqual([
    ["/x", ["get", "delete"]],
    ["/y", ["get"]],
  ]);
});

test("operation ids are unique, even for similar configured paths", () => {
  const paths = ["/in-one", "/in_one", "/in.one/", "/", "/.", "/a/{id}", "/a/id"];
  const document = openApi(
    paths.map((path) => operation({ path })),
    settings,
  );
  const names = Object.values(document.paths).flatMap((it) => Object.values(it).map(({ operationId }) => operationId));
  expect([...new Set(names)]).toEqual(names);
  expect(names).toHaveLength(paths.length);
  for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
});

test("the errors of an operation include those of its kind", () => {
  const request = { "text/plain": { schema: {} } };
  const all = ["forbidden", "internal"] as const;
  expect(errorsOf(operation())).toEqual([...all]);
  expect(errorsOf(operation({ scope: "read" }))).toEqual([...all, "unauthorized"]);
  expect(errorsOf(operation({ scope: "read", about: { ...about, credential: "optional" } }))).toEqual([...all]);
  expect(
    errorsOf(operation({ scope: "read", about: { ...about, request, errors: ["bad-request", "conflict"] } })),
  ).toEqual([
    ...all,
    "unauthorized",
    "bad-request",
    "unsupported-media-type",
    "too-large",
    "request-timeout",
    "conflict",
  ]);
});

test("errors with the same status are one response with an example for each", () => {
  const it = operationOf(operation({ about: { ...about, errors: ["draining", "full"] } }));
  expect(it?.responses[503]?.content?.["application/problem+json"]?.examples).toMatchObject({
    draining: { value: { code: "draining", status: 503, type: "urn:fanfare:error:draining" } },
    full: { value: { code: "full", status: 503 } },
  });
});

test.each<[string, Partial<Operation>, Partial<DocumentSettings>, readonly object[]]>([
  ["no authentication", {}, {}, []],
  ["a scope", { scope: "read" }, {}, [{ key: ["read"] }, { keyHeader: ["read"] }]],
  ["a scope, open", { scope: "read" }, { isSecured: false }, [{}, { key: ["read"] }, { keyHeader: ["read"] }]],
  [
    "an optional scope",
    { scope: "read", about: { ...about, credential: "optional" } },
    {},
    [{}, { key: ["read"] }, { keyHeader: ["read"] }],
  ],
  ["a token", { about: { ...about, credential: "token" } }, {}, [{ token: [] }, { tokenQuery: [] }, { session: [] }]],
  [
    "a token, ANONYMOUS",
    { about: { ...about, credential: "token" } },
    { anonymous: true },
    [{}, { token: [] }, { tokenQuery: [] }, { session: [] }],
  ],
  [
    "a token, TRUST_USER_ID",
    { about: { ...about, credential: "token" } },
    { trustUserId: true },
    [{}, { token: [] }, { tokenQuery: [] }, { session: [] }],
  ],
  ["a token, open", { about: { ...about, credential: "token" } }, { isSecured: false, anonymous: true }, [{}]],
])("security: %s", (_, changes, mode, expected) => {
  expect(operationOf(operation(changes), mode)?.security).toEqual([...expected] as never);
});

test("the document contains the mode and limits of the server", () => {
  const { info } = openApi([], settings);
  expect(info.version).toBe("1.2.3");
  expect(info.description).toContain("secured");
  expect(info.description).toMatch(/2048 bytes.*1024/);
});
