import { existsSync, readdirSync } from "node:fs";
import { run } from "./run.js";
import { installPackages, requireBun, runScript } from "./setup.js";

/** `npm run bench -- fanout --clients 1000` runs bench/fanout.ts with the rest of the arguments. */
await runScript(async () => {
  const [name, ...args] = process.argv.slice(2);
  const file = `bench/${name}.ts`;
  if (name === undefined || !existsSync(file)) {
    const names = existsSync("bench") ? readdirSync("bench").filter(isBench) : [];
    console.error(
      `Choose a benchmark: npm run bench -- NAME\n${names.map((it) => `  ${it.replace(/\.ts$/, "")}`).join("\n")}`,
    );
    return 1;
  }
  await installPackages({ forDevelopment: false });
  const { code } = await run(requireBun(), ["--no-env-file", file, ...args]);
  return code ?? 1;
});

/** @param {string} file */
function isBench(file) {
  return file.endsWith(".ts") && !file.endsWith(".test.ts");
}
