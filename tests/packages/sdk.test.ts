import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { startServer } from "../e2e/server.ts";
import { FreshProject } from "./fresh-project.ts";
import { installPackedSdk, root } from "./packed-sdk.ts";

/** Subscribes, shows the presence, publishes, and prints what came. */
const program = `
const [, , url] = process.argv;
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
  await installPackedSdk(project);
  symlinkSync(join(root, "node_modules/undici"), project.path("node_modules/undici"));
});
afterAll(() => project[Symbol.dispose]());

describe("the packed SDK", () => {
  test.each([
    // Node 20 has none. Later versions lose theirs.
    ["without a WebSocket, over an event stream", "node", "delete globalThis.WebSocket;\nconst options = {};"],
    [
      "with a WebSocket class that is handed in",
      "node",
      'import { WebSocket } from "undici";\nconst options = { WebSocket, transports: ["websocket"] };',
    ],
    ["with the WebSocket of Bun", process.execPath, 'const options = { transports: ["websocket"] };'],
  ])("subscribes, publishes and shows presence: %s", async (_, runtime, options) => {
    await using server = await startServer();
    project.write("main.js", `import { createClient } from "@fanfare/client";\n${options}\n${program}`);
    const out = await project.expect([runtime, "main.js", server.url]);
    const [error = "", result = ""] = out.trim().split("\n");
    expect(error).toBe("ClientError closed");
    expect(JSON.parse(result)).toEqual(outcome);
  });

  test("can be required by CommonJS", async () => {
    project.write(
      "main.cjs",
      'const { createClient } = require("@fanfare/client");\nconsole.log(typeof createClient);',
    );
    expect(await project.expect(["node", "--no-warnings", "main.cjs"])).toBe("function\n");
  });

  test.each([
    ["a browser's", "bundler", "esnext", ["ES2022", "DOM"], []],
    ["Node's", "nodenext", "nodenext", ["ES2022"], ["node"]],
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
       export const client: Client = createClient("/", { token: async () => "t" });
       client.channel<{ text: string }>("room").on("message", ({ data }: Message<{ text: string }>) => data.text.length);
       export const position: number | undefined = client.channel("room").position?.offset;
       // @ts-expect-error: text is no number
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
    expect(sources.filter((it) => !/^(client|protocol)\/[\w-]+\.ts$/.test(it))).toEqual([]);
  });
});
