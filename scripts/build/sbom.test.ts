import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { makeSbom } from "./sbom.js";

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const manifest = JSON.parse(readFileSync("package.json", "utf8"));

test("the bill of materials lists what a production install has, each once, with license and hash", () => {
  const { components, dependencies } = makeSbom(lock, "@oven/bun-linux-x64");
  const names = components.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies)));
  expect(names.filter((it) => it.startsWith("@oven/"))).toEqual(["@oven/bun-linux-x64"]);
  for (const name of Object.keys(manifest.devDependencies)) expect(names).not.toContain(name);
  const references = components.map((it) => it["bom-ref"]);
  expect(new Set(references).size).toBe(references.length);
  expect(dependencies[0]?.dependsOn).toEqual(references);
  for (const { licenses, hashes, purl } of components) {
    expect(licenses).toBeDefined();
    expect(hashes?.[0]).toMatchObject({ alg: "SHA-512", content: expect.stringMatching(/^[0-9a-f]{128}$/) });
    expect(purl).toMatch(/^pkg:npm\/(%40[\w-]+\/)?[\w.-]+@\d/);
  }
});

test("without a platform, it lists the runtimes of all of them", () => {
  const runtimes = makeSbom(lock).components.filter(({ name }) => name.startsWith("@oven/"));
  expect(runtimes).toHaveLength(Object.keys(manifest.optionalDependencies).length);
});
