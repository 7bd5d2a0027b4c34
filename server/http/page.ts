import { ServiceError } from "../../protocol/errors.ts";
import { type Asset, keepAsset, sendAsset } from "./asset.ts";
import { bundleScript, readBrowserFile } from "./browser-files.ts";
import { pageAsset } from "./page-asset.ts";
import { readStyles } from "./styles.ts";
import type { TextResponses } from "./text-responses.ts";

/** Whether the page is served, and the settings that it needs. */
export interface PageSettings {
  readonly page: boolean;
  readonly wsPath: string;
  readonly ssePath: string;
  readonly isSecured: boolean;
  readonly trustUserId: boolean;
  readonly anonymous: boolean;
  /** Whether there is a dashboard to link to. */
  readonly dashboard: boolean;
}

/** Serves the page at `/` and the three files that it loads. They are made on the first request, and kept. */
export class Page {
  readonly #settings: PageSettings;
  readonly #responses: Pick<TextResponses, "make">;

  constructor(settings: PageSettings, responses: Pick<TextResponses, "make">) {
    this.#settings = settings;
    this.#responses = responses;
  }

  /** @throws ServiceError "not-found"; at `/` the message says how to turn the page on */
  async answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const asset = this.#settings.page ? this.#assets.get(pathname) : undefined;
    if (asset === undefined) throw this.#nothingAt(pathname);
    return sendAsset(await asset(), request, this.#responses);
  }

  readonly #assets = new Map([
    [
      "/",
      this.#keep("text/html; charset=utf-8", async () =>
        this.#withSettings(await readBrowserFile("web/page/page.html")),
      ),
    ],
    // Not minified, so that it is readable in the browser's developer tools.
    [
      "/page/app.js",
      this.#keep("text/javascript; charset=utf-8", () =>
        bundleScript("web/page/page.ts", { format: "esm", minify: false }),
      ),
    ],
    ["/page/style.css", this.#keep("text/css; charset=utf-8", () => readStyles("web/page/page.css"))],
    ["/page/icon.svg", this.#keep("image/svg+xml; charset=utf-8", () => readBrowserFile("web/page/icon.svg"))],
  ]);

  #keep(contentType: string, read: () => Promise<string>): () => Promise<Asset> {
    return keepAsset(async () => pageAsset(contentType, await read()));
  }

  /** The page has no inline script, so its settings are in an attribute. */
  #withSettings(html: string): string {
    const { wsPath, ssePath, isSecured, trustUserId, anonymous, dashboard } = this.#settings;
    const content = JSON.stringify({ wsPath, ssePath, isSecured, trustUserId, anonymous, dashboard });
    const rewriter = new HTMLRewriter().on('meta[name="fanfare"]', {
      element: (meta) => void meta.setAttribute("content", content.replaceAll("&", "&amp;")),
    });
    return rewriter.transform(html);
  }

  #nothingAt(pathname: string): ServiceError {
    if (pathname !== "/") return new ServiceError("not-found", `there is nothing at ${pathname.slice(0, 200)}`);
    const { wsPath } = this.#settings;
    const message = `the page is turned off: set PAGE=on to serve it; WebSockets connect to ${wsPath}`;
    return new ServiceError("not-found", message);
  }
}
