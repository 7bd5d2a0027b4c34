import { describe, expect, test } from "bun:test";
import { ServiceError } from "../../protocol/errors.ts";
import { Page, type PageSettings } from "./page.ts";

const settings: PageSettings = {
  page: true,
  wsPath: "/ws",
  ssePath: "/sse/push",
  isSecured: false,
  trustUserId: true,
  anonymous: true,
  dashboard: true,
};

/** Small texts are sent as they are. */
const responses = { make: (text: string, init: ResponseInit) => new Response(text, init) };
const origin = "http://127.0.0.1:8000";

function ask(page: Page, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return page.answer(new Request(origin + path, { headers }));
}

describe("the page", () => {
  const page = new Page(settings, responses);

  test.each([
    ["/", "text/html; charset=utf-8"],
    ["/page/app.js", "text/javascript; charset=utf-8"],
    ["/page/style.css", "text/css; charset=utf-8"],
    ["/page/icon.svg", "image/svg+xml; charset=utf-8"],
  ])("serves %s as %s, and its policy allows nothing from other hosts", async (path, type) => {
    const { status, headers } = await ask(page, path);
    expect(status).toBe(200);
    expect(headers.get("Content-Type")).toBe(type);
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    const policy = headers.get("Content-Security-Policy") ?? "";
    expect(policy).toStartWith("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).not.toContain("unsafe");
    // No framing by other sites, no forms, no <base>.
    for (const rule of ["frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"]) {
      expect(policy.split("; ")).toContain(rule);
    }
    expect(headers.get("Referrer-Policy")).toBe("no-referrer");
  });

  test("loads only files of the server, and has no inline scripts or styles", async () => {
    const html = await (await ask(page, "/")).text();
    const loaded = Array.from(html.matchAll(/<(?!a )[^>]*(?:src|href)="([^"]+)"/g), ([, path = ""]) => path);
    expect(new Set(loaded)).toEqual(new Set(["page/icon.svg", "page/style.css", "page/app.js"]));
    for (const path of loaded) expect((await ask(page, `/${path}`)).status).toBe(200);
    expect(html).not.toMatch(/<style|<script(?![^>]*src=)|\son\w+=|\sstyle=/);
  });

  test("is not sent again to a browser that has it cached", async () => {
    const first = await ask(page, "/page/app.js");
    const tag = first.headers.get("ETag") ?? "";
    expect(tag).toMatch(/^"[0-9a-f]{22}"$/);
    const again = await ask(page, "/page/app.js", { "If-None-Match": `"other", W/${tag}` });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe("");
    expect(again.headers.get("ETag")).toBe(tag);
    expect((await ask(page, "/page/app.js", { "If-None-Match": '"other"' })).status).toBe(200);
  });

  test("has a script that does not show where the server is installed", async () => {
    const script = await (await ask(page, "/page/app.js")).text();
    const sources = script.match(/^\/\/ .*\.ts$/gm) ?? [];
    expect(sources).toContain("// client/client.ts");
    expect(sources.filter((it) => !/^\/\/ (client|protocol|web)\//.test(it))).toEqual([]);
  });

  test("has a script without imports", async () => {
    const script = await (await ask(page, "/page/app.js")).text();
    expect(new Bun.Transpiler({ loader: "js" }).scanImports(script)).toEqual([]);
  });

  test("contains the server's settings, escaped", async () => {
    const special = { ...settings, wsPath: `/a&quot;"'><b>`, isSecured: true };
    const html = await (await ask(new Page(special, responses), "/")).text();
    const contents: (string | null)[] = [];
    new HTMLRewriter()
      .on('meta[name="fanfare"]', { element: (meta) => void contents.push(meta.getAttribute("content")) })
      .transform(html);
    const [content] = contents.map((it) => it?.replaceAll("&quot;", '"').replaceAll("&amp;", "&"));
    const { page: _, ...rest } = special;
    expect(JSON.parse(content ?? "")).toEqual(rest);
  });

  test.each(["/page/", "/page/page.ts", "/page/..%2f..%2fpackage.json", "/page/constructor"])(
    "has nothing at %s",
    async (path) => {
      const refusal = await ask(page, path).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(ServiceError);
      expect(refusal).toMatchObject({ code: "not-found" });
    },
  );
});

describe("with the page off", () => {
  test.each(["/", "/page/app.js"])("%s is not found", async (path) => {
    const refusal = await ask(new Page({ ...settings, page: false }, responses), path).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "not-found" });
  });

  test("/ says how to turn it on, and where WebSockets connect", async () => {
    const refusal = await ask(new Page({ ...settings, page: false, wsPath: "/live" }, responses), "/").catch(
      (it: unknown) => it,
    );
    expect(refusal).toMatchObject({ message: expect.stringMatching(/PAGE=on.*\/live$/) });
  });
});
