import { rmSync } from "node:fs";
import { buildSdk } from "./build/sdk.js";
import { writeTypes } from "./build/types.js";
import { installPackages, requireBun, runScript } from "./setup.js";

/**
 * `npm run build`: what the packages contain besides the sources. `npm pack` runs it. The SDK is built into client/dist, and the
 * types of the server's library into dist. The server itself runs from its sources, on Bun.
 */
await runScript(async () => {
  await installPackages({ forDevelopment: true });
  await buildSdk(requireBun(), "client/dist");
  rmSync("dist/types", { recursive: true, force: true });
  await writeTypes("tsconfig.json", ["server/index.ts"], "dist/types");
  return 0;
});
