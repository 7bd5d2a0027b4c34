import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { ownText, textBytes } from "./own-text.ts";

const megabyte = 1024 * 1024;

/**
 * Runs code in its own process, so that nothing else is in its memory, and returns the growth of its resident
 * memory in bytes. The code calls `keep` for each text that it keeps.
 */
async function growthOf(body: string): Promise<number> {
  const code = `
    import { ownText } from ${JSON.stringify(join(import.meta.dir, "own-text.ts"))};
    const kept = [];
    const keep = (text) => kept.push(text);
    const parent = (at) => Buffer.alloc(${megabyte}, String(at)).toString();
    keep(parent(0).slice(0, 45)); Bun.gc(true);
    const before = process.memoryUsage.rss();
    for (let at = 1; at <= 100; at++) { ${body}; if (at % 10 === 0) { await undefined; Bun.gc(true); } }
    Bun.gc(true);
    console.log(process.memoryUsage.rss() - before, kept.length);`;
  const child = Bun.spawn([process.execPath, "--no-env-file", "-e", code], { stdout: "pipe", stderr: "inherit" });
  const [growth, count] = (await new Response(child.stdout).text()).split(" ").map(Number);
  expect(count).toBe(101);
  return growth ?? Number.NaN;
}

describe("a string that is kept", () => {
  test("keeps the string that it was cut from in memory, as the engine makes it", async () => {
    // If this fails, the engine copies, and ownText can be removed.
    expect(await growthOf("keep(parent(at).slice(0, 45))")).toBeGreaterThan(50 * megabyte);
  });

  test.each([
    ["a slice", "parent(at).slice(0, 45)"],
    ["a match", "/^(.{45})/.exec(parent(at))[1]"],
    ["a part of a split string", "(parent(at) + ',' + at).split(',')[0].slice(0, 45)"],
    ["a slice of a slice that was made well-formed", "parent(at).slice(0, 500000).toWellFormed().slice(7, 52)"],
    ["a slice of a string with two bytes per character", "('€' + parent(at)).slice(0, 45)"],
    ["one-byte characters from a string with two bytes per character", "('€' + parent(at)).slice(1, 46)"],
  ])("is a copy of %s afterwards", async (_, cut) => {
    expect(await growthOf(`keep(ownText(${cut}))`)).toBeLessThan(20 * megabyte);
  });

  test.each(["", "plain", "Grüße", "10 €", "💡", "half \ud800 of a pair \udc00", "\u0000\u00ff"])(
    "keeps its characters: %p",
    (text) => {
      expect(ownText(`${text}-${text}`.slice(0, text.length))).toBe(text);
    },
  );

  test.each([4095, 4096, 4097, 12_288])("keeps its characters if it has %i of them", (length) => {
    for (const character of ["x", "é", "€"]) {
      const text = character.repeat(length);
      expect(ownText(text)).toBe(text);
    }
  });

  test.each([
    ["", 64],
    ["plain", 69],
    ["Grüße", 69],
    ["10 €", 72],
    ["💡", 68],
  ])("%p is counted with one byte per character, or two if it needs them", (text, bytes) => {
    expect(textBytes(text)).toBe(bytes);
  });
});
