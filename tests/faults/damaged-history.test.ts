import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeRandom, replayable } from "../seed.ts";
import { damages } from "./damages.ts";
import { HistoryImage, type ImageFile } from "./history-image.ts";
import { judge } from "./history-judge.ts";

const perFile = process.env.FANFARE_LONG === "1" ? 5000 : 200;

/** In memory if possible, since a disk would only add waiting. */
const parent = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const images = new Map<"killed" | "stopped", HistoryImage>();

beforeAll(() => {
  for (const end of ["killed", "stopped"] as const) {
    images.set(end, HistoryImage.make(mkdtempSync(join(parent, "fanfare-damage-")), end, makeRandom()));
  }
});

afterAll(() => {
  for (const image of images.values()) image.close();
});

describe("a history with one damaged file", () => {
  test.each(["killed", "stopped"] as const)("is intact if nothing was damaged: %s", (end) => {
    const image = imageOf(end);
    image.restore();
    expect(judge(image)).toEqual({ outcome: "served", faults: [], isRenewed: false, gaps: 0 });
  });

  test.each([
    [1, "stopped", "history.sqlite"],
    [2, "killed", "history.sqlite"],
    [3, "killed", "history.sqlite-wal"],
    [4, "killed", "witness"],
  ] as const)(
    `serves only what was stored and assigns no offset twice (${perFile} damages): %p, %s, %s`,
    (stream, end, file) => replayable(() => damageAgainAndAgain(imageOf(end), file, makeRandom(stream))),
    600_000,
  );
});

function imageOf(end: "killed" | "stopped"): HistoryImage {
  const image = images.get(end);
  if (image === undefined) throw new Error(`there is no image of a history that was ${end}`);
  return image;
}

function damageAgainAndAgain(image: HistoryImage, file: ImageFile, random: () => number): void {
  const counts = { refused: 0, served: 0, renewed: 0, withGaps: 0 };
  const faults: string[] = [];
  for (let number = 0; number < perFile; number++) {
    const damage = damages[number % damages.length];
    if (damage === undefined) throw new Error("there are no damages");
    image.restore();
    const where = image.damage(file, (bytes) => damage.apply(bytes, random));
    const verdict = judge(image);
    counts[verdict.outcome]++;
    if (verdict.isRenewed) counts.renewed++;
    if (verdict.gaps > 0) counts.withGaps++;
    faults.push(...verdict.faults.map((fault) => `${number}, ${damage.name} ${where}: ${fault}`));
  }
  if (process.env.FANFARE_LONG === "1") console.log(file, counts);
  expect(faults.slice(0, 10)).toEqual([]);
  // Damages without an effect would prove nothing. (What is also in the write-ahead log is not read from the file.)
  expect(counts.refused + counts.renewed + counts.withGaps).toBeGreaterThan(perFile / 10);
}
