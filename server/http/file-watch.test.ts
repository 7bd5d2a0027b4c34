import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MovedClock } from "../lib/moved-clock.ts";
import { FileWatch } from "./file-watch.ts";

const folder = mkdtempSync(join(tmpdir(), "fanfare-watch-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function watched() {
  const paths = [join(folder, `${files++}`), join(folder, `${files++}`)] as const;
  for (const path of paths) writeFileSync(path, "old");
  const clock = new MovedClock();
  const seen = { changes: 0 };
  const watch = new FileWatch(paths, () => seen.changes++, clock);
  return { paths, clock, seen, watch };
}

describe("a change of watched files", () => {
  test("is reported once, when the files have stayed the same for an interval", () => {
    const { paths, clock, seen } = watched();
    clock.move(10_000);
    expect(seen.changes).toBe(0);
    writeFileSync(paths[0], "first half");
    clock.move(500);
    expect(seen.changes).toBe(0);
    writeFileSync(paths[1], "second half");
    clock.move(500);
    expect(seen.changes).toBe(0);
    clock.move(500);
    expect(seen.changes).toBe(1);
    clock.move(20_000);
    expect(seen.changes).toBe(1);
  });

  test("can be another target of a link, and a file that is missing for a while", () => {
    const { paths, clock, seen } = watched();
    const target = join(folder, "target");
    writeFileSync(target, "new");
    symlinkSync(target, `${paths[0]}.new`);
    renameSync(`${paths[0]}.new`, paths[0]);
    clock.move(1000);
    expect(seen.changes).toBe(1);
    rmSync(paths[1]);
    clock.move(1000);
    writeFileSync(paths[1], "back");
    clock.move(1000);
    expect(seen.changes).toBe(3);
  });

  test("can be a link that leads to itself for a while", () => {
    const { paths, clock, seen } = watched();
    rmSync(paths[0]);
    symlinkSync(paths[0], paths[0]);
    clock.move(1000);
    expect(seen.changes).toBe(1);
    rmSync(paths[0]);
    writeFileSync(paths[0], "back");
    clock.move(1000);
    expect(seen.changes).toBe(2);
  });

  test("is not reported any more once the watch is closed", () => {
    const { paths, clock, seen, watch } = watched();
    watch.close();
    writeFileSync(paths[0], "new!");
    clock.move(10_000);
    expect(seen.changes).toBe(0);
  });
});
