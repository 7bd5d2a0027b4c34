import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withSdkOfCheckout } from "../docs/sdk-of-checkout.ts";
import { startServer } from "./server.ts";

const root = join(import.meta.dir, "..", "..");

test("the snippets of the SDK guide form one program that runs", async () => {
  await using server = await startServer();
  const guide = await Bun.file(join(root, "docs/client.md")).text();
  const snippets = [...guide.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
  expect(snippets.length).toBeGreaterThan(5);
  const program = withSdkOfCheckout(snippets.join("\n"))
    .replaceAll("https://push.example.com", server.url)
    .replaceAll("port: 8000", `port: ${server.port}`)
    .replaceAll('"zod"', JSON.stringify(Bun.resolveSync("zod", root)));
  const folder = await mkdtemp(join(tmpdir(), "fanfare-guide-"));
  try {
    await Bun.write(join(folder, "guide.js"), program);
    const run = Bun.spawn([process.execPath, "--no-env-file", join(folder, "guide.js")], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [out, err, code] = await Promise.all([
      new Response(run.stdout).text(),
      new Response(run.stderr).text(),
      run.exited,
    ]);
    expect(err).toBe("");
    expect(code).toBe(0);
    const lines = ["1: alice says Hello", "stored as 1", "render 40", "apply 41", "got for the loop", "Bob: Hey Alice"];
    for (const line of lines) expect(out).toContain(line);
  } finally {
    await rm(folder, { recursive: true });
  }
});
