import { existsSync } from "node:fs";
import { join } from "node:path";

const client = join(import.meta.dir, "..", "..", "client");

/** Makes a program use the SDK of this checkout, as it would use the installed package. */
export function withSdkOfCheckout(code: string): string {
  return code.replaceAll(/"@fanfare\/client(?:\/([a-z-]+))?"/g, (_, entry = "index") => {
    const file = join(client, `${entry}.ts`);
    return JSON.stringify(existsSync(file) ? file : join(client, entry, "index.ts"));
  });
}
