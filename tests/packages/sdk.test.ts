import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { startServer } from "../e2e/server.ts";
import { testIf } from "../test-if.ts";
import { FreshProject } from "./fresh-project.ts";
import { packSdk, root, unpack } from "./packed.ts";
import { bun, deno, nodes } from "./runtimes.ts";

/** Subscribes, shows the presence, publishes, and prints what came. */
const program = `
const [, , url] = process.argv;
try {
  createClient(url, { userid: "alice" });
} catch ({ message }) {
  console.log(message);
}
const client = createClient(url, { userId: "alice", ...options });
const room = client.channel("room:1");
const next = (name) => new Promise((resolve) => room.on(name, resolve));
const [message, presence] = [next("message"), next("presence")];
const { count, members } = await presence;
const { offset } = await room.publish({ text: "Hello" }, { event: "greeting" });
const { data, event, sender } = await message;
const { messages } = await room.history({ since: "earliest" });
client.close();
await client.say("too late").catch(({ name, code }) => console.log(name, code));
console.log(JSON.stringify({ count, user: members[0].user_id, offset, data, event, sender, messages: messages.length }));
`;

/** Publishes to a channel and to a user, both of which it follows as that user. */
const backend = `
import { createPublisher, createToken, PublishError } from "@fanfare/client/publisher";
import { createClient } from "@fanfare/client";
const [, , url, apiKey, secret] = process.argv;
const publisher = createPublisher({ url, apiKey });
const token = await createToken({ userId: "alice", secret, subscribe: ["room:*"] });
const client = createClient(url, { token, transports: ["sse"] });
const got = [];
const all = new Promise((resolve) => {
  for (const name of ["room:1", "@alice"])
    client.channel(name, { since: "earliest" }).on("message", ({ data }) => got.push(data.n) === 4 && resolve());
});
const first = await publisher.publish("room:1", { n: 1 }, { id: "m-1" });
const again = await publisher.publish("room:1", { n: 1 }, { id: "m-1" });
await publisher.push("alice", { n: 2 });
const batch = await publisher.batch([
  { channel: "room:1", data: { n: 3 } },
  { userId: "alice", data: { n: 4 } },
  { channel: "", data: 5 },
]);
await all;
client.close();
const errorOf = (promise) => promise.then(() => ({}), (error) => error);
const wrong = await errorOf(createPublisher({ url, apiKey: "another" }).publish("room:1", 1));
const nobody = await errorOf(createPublisher({ url: "http://127.0.0.1:1", retryMs: 600 }).publish("a", 1));
console.log(JSON.stringify({
  first: [first.offset, first.duplicate],
  again: [again.offset, again.duplicate],
  batch: batch.map((it) => it.error?.code ?? it.receipt.offset),
  got: got.sort(),
  wrong: [wrong instanceof PublishError, wrong.code, wrong.status],
  nobody: nobody.code,
}));
`;

const outcome = {
  count: 1,
  user: "alice",
  offset: 1,
  data: { text: "Hello" },
  event: "greeting",
  sender: "alice",
  messages: 1,
};

let project: FreshProject;

beforeAll(async () => {
  project = new FreshProject({ "package.json": '{ "type": "module" }' });
  await unpack(project, await packSdk(project), "@fanfare/client");
  symlinkSync(join(root, "node_modules/ws"), project.path("node_modules/ws"));
});
afterAll(() => project[Symbol.dispose]());

/** How each runtime connects: with its own WebSocket, with the class of a package, or without. */
const ways = [
  { way: "without a WebSocket, over an event stream", options: "delete globalThis.WebSocket;\nconst options = {};" },
  {
    way: "with a WebSocket class that is handed in",
    options: 'import { WebSocket } from "ws";\nconst options = { WebSocket, transports: ["websocket"] };',
  },
];
const ownWebSocket = { way: "with its own WebSocket", options: 'const options = { transports: ["websocket"] };' };

describe.each([...nodes, bun, deno])("the packed SDK in $name", ({ name, command, isThere, reason, hasWebSocket }) => {
  const run = testIf(isThere, reason);

  run.each(hasWebSocket ? [...ways, ownWebSocket] : ways)(
    "subscribes, publishes and shows presence: $way",
    async ({ way, options }) => {
      await using server = await startServer();
      const file = `${name}-${way.length}.js`.replaceAll(" ", "-");
      project.write(file, `import { createClient } from "@fanfare/client";\n${options}\n${program}`);
      const out = await project.expect([...command, file, server.url], { DENO_DIR: project.path("deno") });
      const [unknown = "", error = "", result = ""] = out.trim().split("\n");
      expect(unknown).toBe('createClient: unknown option "userid". Did you mean "userId"?');
      expect(error).toBe("ClientError closed");
      expect(JSON.parse(result)).toEqual(outcome);
    },
  );

  run("publishes from a backend, and makes tokens", async () => {
    const secret = "a-secret-of-the-test-that-is-long-enough";
    const apiKey = "key-of-the-test-that-is-long";
    await using server = await startServer({ env: { API_KEY: apiKey, JWT_SECRET: secret } });
    project.write("backend.js", backend);
    const args = ["backend.js", server.url, apiKey, secret];
    expect(JSON.parse(await project.expect([...command, ...args], { DENO_DIR: project.path("deno") }))).toEqual({
      first: [1, false],
      again: [1, true],
      batch: [2, 2, "invalid-field"],
      got: [1, 2, 3, 4],
      wrong: [true, "unauthorized", 401],
      nobody: "unreachable",
    });
  });

  run("can be required by CommonJS, all entries of it", async () => {
    const entries = ["", "/react", "/broadcast-client", "/publisher"].map((it) => `@fanfare/client${it}`);
    project.write(
      "main.cjs",
      `console.log(${JSON.stringify(entries)}.map((it) => Object.keys(require(it)).sort().join()).join(" "));`,
    );
    const out = await project.expect([...command, "main.cjs"], {
      NODE_NO_WARNINGS: "1",
      DENO_DIR: project.path("deno"),
    });
    expect(out).toBe("ClientError,createClient makeHooks BroadcastClient PublishError,createPublisher,createToken\n");
  });
});

describe("the packed SDK", () => {
  test.each([
    ["a browser's", "bundler", "esnext", ["ES2022", "DOM"], []],
    ["Node's", "nodenext", "nodenext", ["ES2022"], ["node"]],
    ["Node 16's", "node16", "node16", ["ES2022"], ["node"]],
  ])("has types that are strict, also its own, with %s globals", async (_, moduleResolution, module, lib, types) => {
    const compilerOptions = {
      ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false },
      ...{ target: "es2022", noEmit: true, moduleResolution, module, lib, types },
      typeRoots: [join(root, "node_modules/@types")],
    };
    project.write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["typed.ts"] }));
    project.write(
      "typed.ts",
      `import { type Client, ClientError, createClient, type Message } from "@fanfare/client";
       import { BroadcastClient } from "@fanfare/client/broadcast-client";
       import { makeHooks } from "@fanfare/client/react";
       import { createPublisher, createToken, type Receipt } from "@fanfare/client/publisher";
       const maybe: string | undefined = [][0];
       export const receipt: Promise<Receipt> = createPublisher({ url: "http://a", apiKey: maybe }).publish("room", 1, { event: maybe });
       createClient("/", { userId: maybe, token: maybe }).channel("room", { since: undefined }).publish(1, { id: maybe });
       export const token: Promise<string> = createToken({ userId: "u", secret: "s" });
       export const client: Client = createClient("/", { token: async () => "t" });
       client.channel<{ text: string }>("room").on("message", ({ data }: Message<{ text: string }>) => data.text.length);
       export const position: number | undefined = client.channel("room").position?.offset;
       // @ts-expect-error: text is not a number
       client.channel<{ text: number }>("room").publish({ text: "no" });
       export const fails = (error: unknown) => error instanceof ClientError && error.code === "queue-full";
       export const chat: Promise<void> = new BroadcastClient({ port: 1 }).connect();
       export type Hook = ReturnType<typeof makeHooks>["useChannel"];`,
    );
    expect(await project.run([join(root, "node_modules/.bin/tsc"), "-p", "."])).toEqual({ code: 0, out: "", err: "" });
  });

  test("can be bundled for a browser, and loads the parts that few pages need later", async () => {
    project.write("page.js", 'import { createClient } from "@fanfare/client";\ncreateClient("/");\n');
    const { outputs } = await Bun.build({
      entrypoints: [project.path("page.js")],
      target: "browser",
      splitting: true,
      minify: true,
    });
    const texts = await Promise.all(outputs.map((it) => it.text()));
    expect(texts.map((it) => it.includes("Authorization")).indexOf(true)).toBeGreaterThan(0);
    expect(outputs).toHaveLength(3);
  });

  test("has source maps that contain the sources", async () => {
    const maps = [...new Bun.Glob("*.js.map").scanSync(project.path("node_modules/@fanfare/client/dist"))];
    const all = await Promise.all(
      maps.map((it) => Bun.file(project.path("node_modules/@fanfare/client/dist", it)).json()),
    );
    const sources = all.flatMap((it) => it.sources as string[]);
    for (const it of ["client/client.ts", "client/sse.ts", "client/react.ts", "protocol/close-codes.ts"])
      expect(sources).toContain(it);
    expect(all.flatMap((it) => it.sourcesContent ?? []).join("")).toContain("export function createClient");
    expect(sources.filter((it) => !/^(client|protocol)\/[\w/-]+\.ts$/.test(it))).toEqual([]);
  });
});
