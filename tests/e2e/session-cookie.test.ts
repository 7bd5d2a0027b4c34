import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { EventSource } from "eventsource3";
import { SignJWT } from "jose";
import { Shared } from "../shared.ts";
import { eventually } from "../waiting.ts";
import { BrowserUnderTest, TabUnderTest } from "./browser.ts";
import { apiKey, jwtSecret, publish, tokenOf } from "./healthy-users.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import type { Frame } from "./socket.ts";
import { SocketUnderTest } from "./socket.ts";
import { StreamUnderTest } from "./stream.ts";

const env = { API_KEY: apiKey, JWT_SECRET: jwtSecret };
const app = "https://app.example.com";

let server: ServerUnderTest;
let site: Bun.Server<undefined>;

const shared = new Shared();
beforeAll(async () => {
  // An empty page of another origin, but of the same site.
  site = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("<!doctype html>", html) });
  server = await shared.use(
    startServer({ env: { ...env, CORS_ORIGINS: `${app},${origin()}`, TRUSTED_PROXIES: "127.0.0.1" } }),
  );
});
afterAll(async () => {
  await shared.close();
  await site.stop(true);
});

const html = { headers: { "Content-Type": "text/html" } };
const origin = () => `http://127.0.0.1:${site.port}`;

/** A token that the server accepts for this much longer: clocks may differ by five seconds. */
function tokenFor(leftS: number, sub = "alice", jti = "t1"): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) - 5 + leftS;
  const claims = { subscribe: ["*"], publish: ["*"], jti };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(sub)
    .setExpirationTime(exp)
    .sign(new TextEncoder().encode(jwtSecret));
}

const start = (headers: Record<string, string>, to = server) => to.request("POST", "/v1/session", undefined, headers);
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

/** `name=value` and the attributes. */
function cookieOf(response: Response): { readonly pair: string; readonly attributes: readonly string[] } {
  const [pair = "", ...attributes] = (response.headers.get("Set-Cookie") ?? "").split("; ");
  return { pair, attributes };
}

describe("POST /v1/session", () => {
  test("sets a cookie that lives no longer than the token", async () => {
    const before = Date.now();
    const response = await start(bearer(await tokenFor(3600)));
    const { user, cookie, max_age_s, expires_at } = (await response.json()) as Frame;
    expect([response.status, user, cookie]).toEqual([200, "alice", "fanfare"]);
    expect(max_age_s).toBeGreaterThan(3500);
    expect(before + Number(max_age_s) * 1000).toBeLessThanOrEqual(Date.parse(String(expires_at)));
    const { attributes } = cookieOf(response);
    expect(attributes).toEqual(["Path=/", `Max-Age=${max_age_s}`, "HttpOnly", "SameSite=Strict"]);
  });

  test("with a token that never expires sets a cookie for a day", async () => {
    const claims = new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setSubject("alice");
    const token = await claims.sign(new TextEncoder().encode(jwtSecret));
    const response = await start(bearer(token));
    expect(await response.json()).toMatchObject({ expires_at: null, max_age_s: 86_400 });
  });

  test("behind a proxy that speaks https sets a Secure cookie, which is then the only one that counts", async () => {
    const token = await tokenFor(3600);
    const https = { "X-Forwarded-Proto": "https" };
    const response = await start({ ...bearer(token), ...https });
    const { pair, attributes } = cookieOf(response);
    expect([pair, attributes.includes("Secure")]).toEqual([`__Host-fanfare=${token}`, true]);
    const status = async (headers: Record<string, string>) => (await start({ Origin: app, ...headers })).status;
    expect(await status({ Cookie: pair, ...https })).toBe(200);
    expect(await status({ Cookie: pair })).toBe(401);
    expect(await status({ Cookie: `fanfare=${token}`, ...https })).toBe(401);
  });

  test("is renewed by its own cookie, or by a new token, and DELETE removes it", async () => {
    const { pair } = cookieOf(await start(bearer(await tokenFor(60))));
    const renewed = await start({ Cookie: pair, Origin: app });
    expect([renewed.status, cookieOf(renewed).pair]).toEqual([200, pair]);
    const longer = await tokenFor(3600);
    expect(cookieOf(await start({ Cookie: pair, Origin: app, ...bearer(longer) })).pair).toBe(`fanfare=${longer}`);
    const ended = await server.request("DELETE", "/v1/session", undefined, { Cookie: pair, Origin: app });
    expect([await ended.json(), cookieOf(ended)]).toEqual([
      { ended: true },
      { pair: "fanfare=", attributes: ["Path=/", "Max-Age=0", "HttpOnly", "SameSite=Strict"] },
    ]);
  });

  test.each([
    ["nothing", {}, 401, "unauthorized"],
    ["an API key", bearer(apiKey), 401, "unauthorized"],
    ["no JWT", bearer("a.b.c"), 401, "unauthorized"],
  ])("with %s is refused", async (_, headers, status, code) => {
    const response = await start(headers as Record<string, string>);
    expect([response.status, await response.json(), response.headers.has("Set-Cookie")]).toMatchObject([
      status,
      { code },
      false,
    ]);
  });

  test("with an expired token, or one that is too long for a cookie, is refused", async () => {
    expect(await (await start(bearer(await tokenFor(-1)))).json()).toMatchObject({ code: "token-expired" });
    const long = await tokenFor(60, "alice", "x".repeat(200));
    const padded = await new SignJWT({ subscribe: Array.from({ length: 900 }, (_, at) => `r${at}`) })
      .setProtectedHeader({ alg: "HS256" })
      .setSubject("alice")
      .sign(new TextEncoder().encode(jwtSecret));
    expect((await start(bearer(long))).status).toBe(200);
    const response = await start(bearer(padded));
    expect([response.status, await response.json()]).toMatchObject([400, { code: "bad-request" }]);
  });
});

describe("the cookie authenticates", () => {
  test("streams, WebSockets and the clients' part of the HTTP API, but no operator", async () => {
    const cookie = { Cookie: `fanfare=${await tokenFor(3600)}` };
    const named = { ...cookie, Origin: app };
    using stream = await StreamUnderTest.open(`${server.url}/sse`, cookie);
    using socket = await SocketUnderTest.open(server.wsUrl, { headers: named });
    expect([stream.welcome.user_id, socket.welcome.user_id]).toEqual(["alice", "alice"]);
    const post = (headers: Record<string, string>) =>
      server.request("POST", "/v1/publish", { channel: "room", message: "hi" }, headers);
    expect((await post(named)).status).toBe(200);
    expect((await server.request("GET", "/v1/channels/room/history", undefined, cookie)).status).toBe(200);
    expect((await server.request("GET", "/v1/connections", undefined, named)).status).toBe(401);
    expect((await server.request("POST", "/v1/drain", undefined, named)).status).toBe(401);
  });

  test("no request that another website may have caused", async () => {
    const cookie = { Cookie: `fanfare=${await tokenFor(3600)}` };
    const posted = await server.request("POST", "/v1/publish", { channel: "room", message: "hi" }, cookie);
    expect([posted.status, await posted.json()]).toMatchObject([403, { code: "forbidden" }]);
    expect((await start(cookie)).status).toBe(403);
    expect((await server.request("DELETE", "/v1/session", undefined, cookie)).status).toBe(403);
    const image = { ...cookie, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image" };
    expect((await server.request("GET", "/sse", undefined, image)).status).toBe(403);
    const upgrade = { Upgrade: "websocket", Connection: "Upgrade" };
    expect((await server.request("GET", "/ws", undefined, { ...cookie, ...upgrade })).status).toBe(403);
    const explicit = await server.request(
      "POST",
      "/v1/publish",
      { channel: "room", message: "hi" },
      {
        ...cookie,
        ...bearer(await tokenFor(60)),
      },
    );
    expect(explicit.status).toBe(200); // the token was sent on purpose
  });

  test("nobody whose user or token id is blocked", async () => {
    const blocked = await tokenFor(3600, "mallory", "t-mallory");
    const { pair } = cookieOf(await start(bearer(blocked)));
    await server.request("POST", "/v1/tokens/t-mallory/block", undefined, bearer(apiKey));
    expect((await server.request("GET", "/sse", undefined, { Cookie: pair })).status).toBe(403);
    expect((await start({ Cookie: pair, Origin: app })).status).toBe(403);
  });
});

describe("a page may send its cookie", () => {
  const headersOf = ({ headers }: Response) => [
    headers.get("Access-Control-Allow-Origin"),
    headers.get("Access-Control-Allow-Credentials"),
  ];

  test("if its origin is named, and is told so, also before the request", async () => {
    const asked = { Origin: app, "Access-Control-Request-Method": "POST" };
    expect(headersOf(await server.request("OPTIONS", "/v1/session", undefined, asked))).toEqual([app, "true"]);
    expect(headersOf(await start({ Origin: app, ...bearer(await tokenOf("alice")) }))).toEqual([app, "true"]);
  });
});

/** A page with an EventSource. It renews its session when it is told that the token expires. */
const script = `
const log = [];
const renew = (jwt) => fetch(url + "/v1/session", {
  method: "POST",
  credentials: "include",
  headers: { Authorization: "Bearer " + jwt },
});
let source;
async function follow(jwt) {
  await renew(jwt);
  source = new EventSource(url + "/sse?channel=browser", { withCredentials: true });
  source.onmessage = ({ data }) => log.push(JSON.parse(data).message);
  source.addEventListener("system", async ({ data }) => {
    const frame = JSON.parse(data);
    log.push(frame.event);
    if (frame.event === "token-expiring") await renew(await newToken());
  });
}`;

describe("an EventSource outlives its token:", () => {
  /** Acts like a page that renews the session when it is told that the token expires. */
  const events = (frames: readonly Frame[]) =>
    frames.flatMap((it) => (it.type === "system" ? [it.event] : [it.message]));

  test("that of a library", async () => {
    const channel = "library";
    let cookie = cookieOf(await start(bearer(await tokenFor(2)))).pair;
    const source = new EventSource(`${server.url}/sse?channel=${channel}`, {
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, Cookie: cookie } }),
    });
    const frames: Frame[] = [];
    source.addEventListener("message", ({ data }) => frames.push(JSON.parse(data)));
    source.addEventListener("system", async ({ data }) => {
      const frame = JSON.parse(data) as Frame;
      frames.push(frame);
      if (frame.event === "token-expiring") cookie = cookieOf(await start(bearer(await tokenFor(600)))).pair;
    });
    await publishUntilSeen(channel, frames, "before");
    await eventually(() => expect(events(frames)).toContain("closing"));
    await publish(server, undefined, { channel, message: "meanwhile" });
    await eventually(() => expect(events(frames).filter((it) => it === "welcome").length).toBe(2));
    await publishUntilSeen(channel, frames, "after");
    source.close();
    expect(frames.find((it) => it.event === "closing")).toMatchObject({ code: 4010 });
    expect(events(frames).filter((it) => ["before", "meanwhile", "after"].includes(String(it)))).toEqual([
      "before",
      "meanwhile",
      "after",
    ]);
  });

  test("the browser's own, on a page of another origin", async () => {
    await using browser = await BrowserUnderTest.start();
    await using context = await browser.context();
    const { page } = await TabUnderTest.open(context, origin());
    await page.exposeFunction("newToken", () => tokenFor(600));
    await page.addScriptTag({ content: `const url = "${server.url}";${script}` });
    await page.evaluate(`follow("${await tokenFor(3)}")`);
    const logged = () => page.evaluate("log") as Promise<string[]>;
    await eventually(async () => expect(await logged()).toContain("closing"));
    await publish(server, undefined, { channel: "browser", message: "meanwhile" });
    await eventually(async () => expect((await logged()).filter((it) => it === "welcome").length).toBe(2));
    await eventually(async () => expect(await logged()).toContain("meanwhile"));
    expect(await page.evaluate("source.readyState")).toBe(1);
    expect(await page.evaluate("document.cookie")).toBe(""); // scripts cannot read it
  });

  async function publishUntilSeen(channel: string, frames: readonly Frame[], message: string): Promise<void> {
    await eventually(() => expect(events(frames)).toContain("welcome"));
    await publish(server, undefined, { channel, message });
    await eventually(() => expect(events(frames)).toContain(message));
  }
});
