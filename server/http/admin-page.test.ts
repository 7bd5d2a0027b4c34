import { describe, expect, test } from "bun:test";
import { AdminPage } from "./admin-page.ts";

/** Small texts are sent as they are. */
const responses = { make: (text: string, init: ResponseInit) => new Response(text, init) };
const page = new AdminPage({ dashboard: true, isSecured: true }, responses);
const ask = (path: string) => page.answer(new Request(`http://127.0.0.1:8000${path}`));

describe("the dashboard", () => {
  test.each([
    ["/admin", "text/html; charset=utf-8"],
    ["/admin/app.js", "text/javascript; charset=utf-8"],
    ["/admin/style.css", "text/css; charset=utf-8"],
    ["/admin/icon.svg", "image/svg+xml; charset=utf-8"],
  ])("serves %s as %s, and its policy allows nothing from other hosts", async (path, type) => {
    const { status, headers } = await ask(path);
    expect(status).toBe(200);
    expect(headers.get("Content-Type")).toBe(type);
    const policy = headers.get("Content-Security-Policy") ?? "";
    expect(policy).toStartWith("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).not.toContain("unsafe");
  });

  test("loads only files of the server, and has no inline scripts or styles", async () => {
    const html = await (await ask("/admin")).text();
    const loaded = Array.from(html.matchAll(/(?:src|href)="([^"]+)"/g), ([, path = ""]) => path);
    for (const path of loaded) expect((await ask(`/${path}`)).status).toBe(200);
    expect(html).not.toMatch(/<style|<script(?![^>]*src=)|\son\w+=|\sstyle=/);
  });

  test("is told whether the server requires a key, so that it sends no request that would be refused", async () => {
    const open = new AdminPage({ dashboard: true, isSecured: false }, responses);
    const [secured, unsecured] = await Promise.all([
      ask("/admin"),
      open.answer(new Request("http://127.0.0.1:8000/admin")),
    ]);
    expect(await secured.text()).toContain('<div id="app" data-needs-key></div>');
    expect(await unsecured.text()).toContain('<div id="app"></div>');
  });

  test("is one small script, without paths of the installation", async () => {
    const script = await (await ask("/admin/app.js")).text();
    expect(Bun.gzipSync(script).length).toBeLessThan(20_000);
    expect(script).not.toContain("node_modules");
    expect(script).not.toContain(process.cwd());
  });

  test("can be turned off, and then says how to turn it on", async () => {
    const off = new AdminPage({ dashboard: false, isSecured: true }, responses);
    for (const path of ["/admin", "/admin/app.js"]) {
      const refusal = off.answer(new Request(`http://127.0.0.1:8000${path}`));
      await expect(refusal).rejects.toMatchObject({
        code: "not-found",
        message: expect.stringContaining("DASHBOARD=on"),
      });
    }
  });

  test("has nothing at other paths", async () => {
    await expect(ask("/admin/secret")).rejects.toThrow("there is nothing at /admin/secret");
  });
});
