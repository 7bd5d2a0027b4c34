import { ServiceError } from "../../protocol/errors.ts";
import { keepAsset, makeAsset, sendAsset } from "./asset.ts";
import { bundleScript } from "./browser-files.ts";
import { commonHeaders } from "./respond.ts";
import type { TextResponses } from "./text-responses.ts";

/**
 * The SDK for pages without a bundler: `<script src="https://push.example.com/client.js"></script>` defines `Fanfare`.
 *
 * `/client.js` is revalidated after five minutes. Its `Content-Location` is a path with the hash of the file. A page that
 * uses that path never asks again, and gets a 404 if the server has another version.
 */
export class ClientScript {
  readonly #responses: Pick<TextResponses, "make">;
  readonly #asset = keepAsset(async () =>
    makeAsset(await bundleScript("client/browser.ts", { format: "iife", minify: true }), {
      ...commonHeaders,
      // Any page may load it: it contains no secrets, and the server checks the Origin of the connections that it opens.
      "Cross-Origin-Resource-Policy": "cross-origin",
      "Content-Type": "text/javascript; charset=utf-8",
    }),
  );

  constructor(responses: Pick<TextResponses, "make">) {
    this.#responses = responses;
  }

  /** @throws ServiceError "not-found" for the hash of another version */
  async answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const asset = await this.#asset();
    const versioned = `/client.${asset.hash}.js`;
    if (pathname !== "/client.js" && pathname !== versioned) {
      throw new ServiceError("not-found", `this server has another version of the SDK: use /client.js or ${versioned}`);
    }
    const caching =
      pathname === versioned
        ? { "Cache-Control": "public, max-age=31536000, immutable" }
        : { "Cache-Control": "public, max-age=300", "Content-Location": versioned };
    return sendAsset({ ...asset, headers: { ...asset.headers, ...caching } }, request, this.#responses);
  }
}
