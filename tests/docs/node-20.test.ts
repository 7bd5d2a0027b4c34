import { expect, test } from "bun:test";
import { readPages } from "./page.ts";

/** Bun runs the programs of the pages, so what Node 20 lacks would not be noticed. */
const newer =
  /Promise\.(withResolvers|try)|Array\.fromAsync|(Object|Map)\.groupBy|import\.meta\.(dirname|filename)|await using/;

test("programs that use the SDK run in Node 20, the oldest version that it supports", async () => {
  const pages = await readPages();
  const programs = pages.flatMap(({ path, blocks }) =>
    blocks.map(({ code, line }) => ({ code, place: `${path}:${line}` })),
  );
  const ofSdk = programs.filter(({ code }) => code.includes('from "@fanfare/client'));
  expect(ofSdk.length).toBeGreaterThan(10);
  expect(ofSdk.filter(({ code }) => newer.test(code)).map(({ place }) => place)).toEqual([]);
});
