import { wireRules } from "./wire/rules.ts";
import { WireServer } from "./wire/wire-server.ts";

const answerMs = 10_000;

/**
 * Checks a running server and prints which rules of the protocol hold:
 * `npm run check-wire -- ws://127.0.0.1:8000 [words of a rule's name]`. See docs/wire-check.md.
 * Exits with 0 if all hold, 1 if one does not, 2 if the check could not run.
 */
async function main([address, ...words]: readonly string[]): Promise<number> {
  if (address === undefined || !/^(ws|http)s?:\/\//.test(address)) {
    console.error("expected the address of a server, such as ws://127.0.0.1:8000");
    return 2;
  }
  if (!(await isAnswered(address))) {
    console.error(`no server answers at ${address}`);
    return 2;
  }
  const wanted = wireRules.filter(({ name }) => words.every((word) => name.includes(word)));
  let failed = 0;
  for (const { name, holds } of wanted) {
    using server = new WireServer(address, process.env.FANFARE_API_KEY);
    try {
      await holds(server);
      console.log(`holds        ${name}`);
    } catch (error) {
      failed++;
      console.log(`DOES NOT     ${name}\n${indented(error instanceof Error ? error.message : String(error))}`);
    }
  }
  console.log(`${wanted.length - failed} hold, ${failed} do not`);
  return failed === 0 ? 0 : 1;
}

/** Whether the server answers at all. */
async function isAnswered(address: string): Promise<boolean> {
  try {
    await fetch(address.replace(/^ws/, "http"), { signal: AbortSignal.timeout(answerMs) });
    return true;
  } catch {
    return false;
  }
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, "             ");
}

process.exitCode = await main(process.argv.slice(2));
