import { expect, test } from "bun:test";
import { childEnv } from "../child-env.ts";

test.each([
  ["--help", 0],
  ["-h", 0],
  ["nothing", 2],
  ["--minutes=0", 2],
])("fuzz %s prints the usage instead of a stack", async (argument, expected) => {
  const child = Bun.spawn([process.execPath, "--no-env-file", `${import.meta.dir}/run.ts`, argument], {
    env: childEnv({}),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  expect(await child.exited).toBe(expected);
  expect(texts.join("")).toMatch(/Usage: npm run fuzz -- \[target\.\.\.\] \[--minutes N\]/);
  expect(texts.join("")).not.toMatch(/^ +at /m);
});
