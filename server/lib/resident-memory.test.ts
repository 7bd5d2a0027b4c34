import { expect } from "bun:test";
import { join } from "node:path";
import { testIf } from "../../tests/test-if.ts";

const program = `
  import { openSync } from "node:fs";
  import { residentBytes } from ${JSON.stringify(join(import.meta.dir, "resident-memory.ts"))};
  const before = residentBytes();
  let opened = 0;
  try {
    for (;;) opened += Math.sign(openSync("/dev/null"));
  } catch ({ code }) {
    console.log(JSON.stringify({ code, isSame: residentBytes() === before, isKnown: before > 1_000_000 }));
  }
`;

testIf(process.platform === "linux", "elsewhere the runtime needs no file for it")(
  "a process without free file descriptors still knows its memory",
  () => {
    const command = ["sh", "-c", 'ulimit -n 100; exec "$0" -e "$1"', process.execPath, program];
    const { stdout, stderr } = Bun.spawnSync(command);
    expect([stdout.toString(), stderr.toString()]).toEqual(['{"code":"EMFILE","isSame":true,"isKnown":true}\n', ""]);
  },
);
