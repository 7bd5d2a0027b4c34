import { describe, expect, test } from "bun:test";
import { ServiceError } from "../../protocol/errors.ts";
import { OriginCheck } from "./origin-check.ts";
import { type SessionCookieSettings, SessionCookies } from "./session-cookie.ts";

const app = "https://app.example.com";

const checkOf = (corsOrigins: readonly string[]) =>
  new OriginCheck({ host: "push.example.com", corsOrigins, allowedHosts: undefined, isSecured: true, insecure: false });

function cookiesOf({
  isHttps = false,
  corsOrigins = [app],
  cookieSameSite = "strict",
}: { isHttps?: boolean; corsOrigins?: string[] } & Partial<SessionCookieSettings> = {}) {
  const check = checkOf(corsOrigins);
  return new SessionCookies(
    { cookieSameSite },
    { isHttps: () => isHttps, trustsCookie: (request) => check.trustsCookie(request) },
  );
}

const requestWith = (headers: Record<string, string>, method = "GET") =>
  new Request("http://push.example.com/sse", { method, headers: { Host: "push.example.com", ...headers } });
const plain = requestWith({});

describe("the cookie", () => {
  test("has all attributes that protect it, and over https a prefix that browsers enforce", () => {
    expect(cookiesOf({ isHttps: true }).make(plain, "a.b.c", 60)).toBe(
      "__Host-fanfare=a.b.c; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Strict",
    );
    expect(cookiesOf().make(plain, "a.b.c", 60)).toBe("fanfare=a.b.c; Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
    expect(cookiesOf({ isHttps: true }).clear(plain)).toBe(
      "__Host-fanfare=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict",
    );
  });

  test("for pages of other sites requires https, without which browsers would drop it", () => {
    const secure = cookiesOf({ cookieSameSite: "none", isHttps: true });
    secure.check(plain, "a.b.c");
    expect(secure.make(plain, "a.b.c", 60)).toEndWith("; Secure; SameSite=None");
    expect(() => cookiesOf({ cookieSameSite: "none" }).check(plain, "a.b.c")).toThrow("only over https");
  });

  test("has room for as much as browsers keep, and not for more", () => {
    const room = 4096 - "fanfare".length;
    cookiesOf().check(plain, "x".repeat(room));
    expect(() => cookiesOf().check(plain, "x".repeat(room + 1))).toThrow(`a cookie can hold only ${room}`);
  });

  test.each([
    ["fanfare=a.b.c", "a.b.c"],
    ["other=1; fanfare=a.b.c ; more=2", "a.b.c"],
    ["fanfare=first; fanfare=second", "first"],
    ["fanfare=", undefined],
    ["fanfare", undefined],
    ["xfanfare=a; fanfarex=b", undefined],
    ["__Host-fanfare=a.b.c", undefined],
    ["", undefined],
  ])("is found by its name in %p", (header, token) => {
    expect(cookiesOf().tokenOf(requestWith({ Cookie: header }))).toBe(token);
  });

  test("without the prefix counts for nothing over https, since another host could have set it", () => {
    const cookies = cookiesOf({ isHttps: true });
    expect(cookies.tokenOf(requestWith({ Cookie: "fanfare=a.b.c" }))).toBeUndefined();
    expect(cookies.tokenOf(requestWith({ Cookie: "__Host-fanfare=a.b.c" }))).toBe("a.b.c");
  });
});

describe("a page may read what its cookie fetched", () => {
  test.each([
    [app, [app], "true"],
    [app, ["*", app], "true"],
    ["https://evil.example.com", ["*", app], null],
    ["http://push.example.com", ["*"], "true"],
    ["null", ["*"], null],
    ["*", ["*"], null],
  ])("%s, with CORS_ORIGINS %j: %p", (origin, corsOrigins, credentials) => {
    const response = new Response();
    checkOf(corsOrigins).allowReading(requestWith({ Origin: origin }), response);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe(origin);
    expect(response.headers.get("Access-Control-Allow-Credentials")).toBe(credentials);
  });
});

describe("a request may use the cookie if it is", () => {
  const own = "http://push.example.com";
  const evil = "https://evil.example.com";
  const upgrade = { Upgrade: "websocket" };
  const outcome = (headers: Record<string, string>, method: string, corsOrigins: string[]) => {
    try {
      const cookies = cookiesOf({ corsOrigins });
      return cookies.tokenOf(requestWith({ Cookie: "fanfare=a.b.c", ...headers }, method)) === "a.b.c";
    } catch (error) {
      return error instanceof ServiceError && error.code;
    }
  };

  test.each<[string, Record<string, string>, string, string[], true | "forbidden"]>([
    ["a GET of a page of this server", {}, "GET", [app], true],
    ["a GET of a page of this server, as browsers say", { "Sec-Fetch-Site": "same-origin" }, "GET", [app], true],
    ["not a GET by an image of another website", { "Sec-Fetch-Site": "cross-site" }, "GET", [app], "forbidden"],
    ["not a GET by an image of a neighbour", { "Sec-Fetch-Site": "same-site" }, "GET", [app], "forbidden"],
    ["a GET of a named page", { Origin: app, "Sec-Fetch-Site": "cross-site" }, "GET", [app], true],
    ["not a GET of a page that only * allows", { Origin: evil }, "GET", ["*"], "forbidden"],
    ["a GET of a named page beside *", { Origin: app }, "GET", ["*", app], true],
    ["not a POST without Origin", {}, "POST", [app], "forbidden"],
    ["a POST of this server's own page", { Origin: own }, "POST", [app], true],
    ["not a POST of another server on the same host", { Origin: `${own}:8080` }, "POST", [app], "forbidden"],
    ["a POST of a named page", { Origin: app }, "POST", [app], true],
    ["not a POST of another page", { Origin: evil }, "POST", ["*"], "forbidden"],
    ["not a POST of a page without an origin", { Origin: "null" }, "POST", ["*"], "forbidden"],
    ["not a DELETE without Origin", {}, "DELETE", [app], "forbidden"],
    ["not a WebSocket handshake without Origin", upgrade, "GET", [app], "forbidden"],
    ["a WebSocket handshake of a named page", { ...upgrade, Origin: app }, "GET", [app], true],
    ["not a WebSocket handshake of another page", { ...upgrade, Origin: evil }, "GET", ["*"], "forbidden"],
  ])("%s", (_, headers, method, corsOrigins, expected) => {
    expect(outcome(headers, method, corsOrigins)).toBe(expected);
  });
});
