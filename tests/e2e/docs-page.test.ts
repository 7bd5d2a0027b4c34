import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { makeToken } from "../../server/auth/token.ts";
import { childEnv } from "../child-env.ts";
import { Shared } from "../shared.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

const secret = "a secret of thirty-two bytes or more";
const key = "a-key-5f3a9c1e7b2d4068";
let open: ServerUnderTest;
let secured: ServerUnderTest;
let token: string;

const shared = new Shared();
beforeAll(async () => {
  [open, secured] = await Promise.all([
    shared.use(startServer()),
    shared.use(startServer({ env: { API_KEY: key, JWT_SECRET: secret, WS_PATH: "/live" } })),
  ]);
  token = await makeToken({ sub: "alice", subscribe: ["*"], publish: ["*"], expiresInS: 60, secret });
});

afterAll(() => shared.close());

const pageOf = async (server: ServerUnderTest) => (await server.request("GET", "/docs")).text();
const all = (text: string, pattern: RegExp) => Array.from(text.matchAll(pattern), ([, found = ""]) => found);

describe("the server's own documentation", () => {
  test("is public, and has exact content types", async () => {
    for (const server of [open, secured]) {
      for (const [path, type] of [
        ["/openapi.json", "application/json; charset=utf-8"],
        ["/asyncapi.json", "application/json; charset=utf-8"],
        ["/docs", "text/html; charset=utf-8"],
      ] as const) {
        const { status, headers } = await server.request("GET", path);
        const [got, sniff] = [headers.get("Content-Type"), headers.get("X-Content-Type-Options")];
        expect([path, status, got, sniff]).toEqual([path, 200, type, "nosniff"]);
      }
    }
  });

  test("at /docs loads nothing, runs nothing, and has only the style that its policy allows", async () => {
    const response = await open.request("GET", "/docs");
    const policy = response.headers.get("Content-Security-Policy") ?? "";
    const page = await response.text();
    const styles = all(page, /<style>([\s\S]*?)<\/style>/g);
    const hashes = styles.map((it) => `'sha256-${createHash("sha256").update(it).digest("base64")}'`);
    expect(policy.split("; ").toSorted()).toEqual([
      "base-uri 'none'",
      "default-src 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src data:",
      `style-src ${hashes.join(" ")}`,
    ]);
    expect(styles).toHaveLength(1);
    expect(page).not.toMatch(/<script|<iframe|<object|<form|\sstyle=|\son\w+=|javascript:/i);
  });

  test("at /docs has only working links and unique ids", async () => {
    for (const server of [open, secured]) {
      const page = await pageOf(server);
      const ids = all(page, /\sid="([^"]*)"/g);
      expect([...new Set(ids)]).toEqual(ids);
      const links = all(page, /\shref="([^"]*)"/g).filter((it) => it !== "data:,");
      expect(links.length).toBeGreaterThan(50);
      expect(links.filter((it) => it.startsWith("#") && !ids.includes(it.slice(1)))).toEqual([]);
      const elsewhere = new Set(links.filter((it) => !it.startsWith("#")));
      expect([...elsewhere].toSorted()).toEqual(["/asyncapi.json", "/openapi.json"]);
    }
  });

  test("has every operation and every frame of the documents", async () => {
    const page = await pageOf(secured);
    const ids = new Set(all(page, /\sid="([^"]*)"/g));
    const api = (await (await secured.request("GET", "/openapi.json")).json()) as { paths: object };
    const events = (await (await secured.request("GET", "/asyncapi.json")).json()) as {
      components: { messages: object };
    };
    const operations = Object.values(api.paths).flatMap((it: object) => Object.values(it));
    const wanted = [
      ...operations.map(({ operationId }: { operationId: string }) => operationId),
      ...Object.keys(events.components.messages).map((it) => it.replace(".", "-")),
    ];
    expect(wanted.filter((it) => !ids.has(it))).toEqual([]);
  });

  test("never shows markup from a request", async () => {
    const host = "evil.example'$(id)";
    const headers = { Host: host, "X-Forwarded-Proto": "https<b>" };
    const response = await fetch(`${secured.url}/docs`, { headers });
    expect(response.status).toBe(200);
    const page = await response.text();
    expect(page).not.toMatch(/evil|\$\(id\)|<b>/);
    expect(page).toContain("curl -N 'https://localhost/sse'");
  });
});

/** The command lines of the page, as a user copies them. */
function commandsOf(page: string): readonly string[] {
  const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', amp: "&" };
  return all(page, /<pre[^>]*><code>(curl [\s\S]*?)<\/code><\/pre>/g).map((it) =>
    it.replaceAll(/&(lt|gt|quot|amp);/g, (_, name: string) => entities[name] ?? ""),
  );
}

/** The beginning of a stream: the welcome, or the first comment of a tail. */
const streamBegins = /"welcome"|^: what happens/;

/** The output of a command line. If it never ends, its output up to the beginning of the stream. */
async function run(command: string): Promise<string> {
  const env = childEnv({ API_KEY: key, TOKEN: token });
  // In its own session it would outlive a failed test, so curl replaces the shell.
  const child = Bun.spawn(["sh", "-c", `exec ${command}`], { env, stdout: "pipe", stderr: "ignore" });
  const decoder = new TextDecoder();
  let printed = "";
  for await (const chunk of child.stdout) {
    printed += decoder.decode(chunk, { stream: true });
    if (command.includes("-N") && streamBegins.test(printed)) child.kill();
  }
  const code = await child.exited;
  if (!command.includes("-N")) expect([command, code]).toEqual([command, 0]);
  return printed;
}

describe("every command works as it is shown", () => {
  test.each([
    ["on an open server", () => open, ""],
    ["on a secured server, with API_KEY and TOKEN set", () => secured, "token="],
  ] as const)("%s", async (_, serverOf, query) => {
    const server = serverOf();
    const wsUrl = `${server.url.replace(/^http/, "ws")}/${server === secured ? "live" : "ws"}`;
    const user = query === "" ? "user_id=alice" : `${query}${token}`;
    using alice = await SocketUnderTest.open(`${wsUrl}?${user}`);
    const commands = commandsOf(await pageOf(server));
    expect(commands.length).toBeGreaterThan(15);
    const isLast = (it: string) => it.includes("/v1/drain") && it.includes("POST");
    const isKick = (it: string) => it.includes("/v1/users/") && it.includes("/connections");
    const isReload = (it: string) => /v1\/(reload|upgrade)/.test(it); // they need workers
    const [kick = "", ...noOther] = commands.filter(isKick);
    expect([await run(kick), noOther]).toEqual(['{"closed":1}', []]);
    expect(await alice.untilClosed()).toMatchObject({ code: 4504 });
    const needsToken = (it: string) => it.includes("POST") && it.includes("/v1/session"); // an open server accepts none
    const others = commands.filter(
      (it) => !isLast(it) && !isKick(it) && !isReload(it) && !(server === open && needsToken(it)),
    );
    // Requests that delete something, or block the user of the other examples, come last.
    const turnOf = (it: string) => (it.includes("DELETE") ? 2 : it.includes("/block'") ? 1 : 0);
    for (const command of others.toSorted((a, b) => turnOf(a) - turnOf(b))) {
      const printed = await run(command);
      const isNobody = command.includes("/c_8fK2nQ"); // The connection ID of the example does not exist.
      expect([command, /"code":"([^"]+)"/.exec(printed)?.[1]]).toEqual([command, isNobody ? "not-found" : undefined]);
      expect(printed).not.toBe("");
    }
    const [drain = ""] = commands.filter(isLast);
    expect(await run(drain)).toBe('{"status":"draining"}');
    expect(await server.exited).toBe(0);
  });
});
