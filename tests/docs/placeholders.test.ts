import { expect, test } from "bun:test";
import { Glob } from "bun";
import { weaknessOf } from "../../protocol/weak-secret.ts";

const root = `${import.meta.dir}/../..`;
const patterns = ["*.md", "*.yaml", ".env.example", "deploy/**/*", "docs/**/*.md", "examples/**/*", "client/*.md"];
/** `API_KEY: value`, `JWT_SECRET=value`, `"HOOK_SECRET": "value"`, `apiKey: "value"`, `secret="value"`. */
const assignment =
  /\b(?:API_KEY|JWT_SECRET|HOOK_SECRET|apiKey|api_key|jwtSecret|jwt_secret|hookSecret|hook_secret|secret)["']?\s*[:=]\s*["']?([\x21-\x7e]{16,})/g;
/** Taken from somewhere else, or left out. */
const isReference = (value: string) => /^(?:whsec_)?[$<{/]|^process\.env|^env\(|^os\.environ|…/.test(value);

/** Secrets that the file contains literally. */
function secretsIn(text: string): readonly string[] {
  return Array.from(text.matchAll(assignment), ([, value = ""]) => value.replace(/["',;)`|\\]+$/, "")).filter(
    (it) => !isReference(it),
  );
}

test("every secret in an example is one that the server refuses", async () => {
  const accepted: string[] = [];
  let refused = 0;
  const files = patterns.flatMap((it) => [...new Glob(it).scanSync({ cwd: root, dot: true })]);
  for (const path of files.filter((it) => !it.includes("node_modules"))) {
    for (const secret of secretsIn(await Bun.file(`${root}/${path}`).text())) {
      if (weaknessOf(secret.replace(/^(?:[a-z+]+@|whsec_)/, "")) === undefined) accepted.push(`${path}: ${secret}`);
      else refused++;
    }
  }
  expect(accepted).toEqual([]);
  expect(refused).toBeGreaterThan(0);
});

test("control: a secret that would be accepted is found", () => {
  const text =
    'API_KEY=77b2c0de93a14f6508e1\nsecret: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",\nJWT_SECRET: $SECRET_OF_SHELL';
  expect(secretsIn(text)).toEqual(["77b2c0de93a14f6508e1", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
});
