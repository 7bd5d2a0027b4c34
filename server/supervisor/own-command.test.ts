import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandOnDisk } from "./own-command.ts";

const own = realpathSync(join(import.meta.dir, "..", ".."));
const started = {
  execPath: "/old/node_modules/@oven/bun-linux-x64/bin/bun",
  execArgv: [`--config=${own}/bin/bunfig.toml`, "--no-env-file"],
  args: [join(own, "server/main.ts"), "start", "--data-dir", join(own, "data")],
};

test("a program that was started without links is started again at the same path", () => {
  expect(commandOnDisk({ ...started, linkedFolder: undefined })).toEqual([
    started.execPath,
    ...started.execArgv,
    ...started.args,
  ]);
});

test("a program that was started by a link is started at the path where the link leads now, with its own runtime", () => {
  const place = realpathSync(mkdtempSync(join(tmpdir(), "fanfare-releases-")));
  try {
    const [release, link] = [join(place, "2"), join(place, "current")];
    mkdirSync(join(release, "node_modules/@oven/bun-linux-x64/bin"), { recursive: true });
    symlinkSync(release, link);
    const found = () => commandOnDisk({ ...started, linkedFolder: link });
    // The data directory stays where it is: only the program has moved.
    const program = [
      `--config=${release}/bin/bunfig.toml`,
      "--no-env-file",
      join(release, "server/main.ts"),
      ...started.args.slice(1),
    ];
    expect(found()).toEqual([started.execPath, ...program]);
    writeFileSync(join(release, "node_modules/@oven/bun-linux-x64/bin/bun"), "");
    expect(found()).toEqual([join(release, "node_modules/@oven/bun-linux-x64/bin/bun"), ...program]);
    expect(commandOnDisk({ ...started, execPath: "/usr/bin/bun", linkedFolder: link })[0]).toBe("/usr/bin/bun");
    rmSync(release, { recursive: true });
    expect(found).toThrow("ENOENT");
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
});
