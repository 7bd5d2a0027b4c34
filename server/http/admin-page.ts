import { ServiceError } from "../../protocol/errors.ts";
import { keepAsset, sendAsset } from "./asset.ts";
import { bundleScript, readBrowserFile } from "./browser-files.ts";
import { pageAsset } from "./page-asset.ts";
import { readStyles } from "./styles.ts";
import type { TextResponses } from "./text-responses.ts";

/** Whether the dashboard is served, and whether its requests need a key. */
export interface AdminPageSettings {
  readonly dashboard: boolean;
  readonly isSecured: boolean;
}

/**
 * Serves the dashboard at `/admin` and the files that it loads. They contain nothing of this server but whether it requires an API
 * key, so they need none: the dashboard sends one with its requests to the HTTP API. It is told, because a request without a key is
 * a refusal, which the log, the metrics and the audit trail would have each time that somebody opens the page.
 */
export class AdminPage {
  readonly #settings: AdminPageSettings;
  readonly #responses: Pick<TextResponses, "make">;

  constructor(settings: AdminPageSettings, responses: Pick<TextResponses, "make">) {
    this.#settings = settings;
    this.#responses = responses;
  }

  /** @throws ServiceError "not-found"; if the dashboard is off, the message says how to turn it on */
  async answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (!this.#settings.dashboard) {
      throw new ServiceError("not-found", "the dashboard is turned off: set DASHBOARD=on to serve it");
    }
    const asset = this.#assets.get(pathname);
    if (asset === undefined) throw new ServiceError("not-found", `there is nothing at ${pathname.slice(0, 200)}`);
    return sendAsset(await asset(), request, this.#responses);
  }

  readonly #assets = new Map([
    ["/admin", keep("text/html", () => this.#html())],
    [
      "/admin/app.js",
      keep("text/javascript", () => bundleScript("web/admin/admin.tsx", { format: "esm", minify: true })),
    ],
    ["/admin/style.css", keep("text/css", () => readStyles("web/admin/admin.css"))],
    ["/admin/icon.svg", keep("image/svg+xml", () => readBrowserFile("web/page/icon.svg"))],
  ]);

  async #html(): Promise<string> {
    const html = await readBrowserFile("web/admin/admin.html");
    return this.#settings.isSecured ? html.replace('<div id="app">', '<div id="app" data-needs-key>') : html;
  }
}

function keep(contentType: string, read: () => Promise<string>) {
  return keepAsset(async () => pageAsset(`${contentType}; charset=utf-8`, await read()));
}
