import { wireRules } from "./wire/rules.ts";
import { WireServer } from "./wire/wire-server.ts";

/**
 * Puts a running server to the proof and prints which rules of the protocol hold:
 * `bun tests/conformance/wire-check.ts ws://127.0.0.1:8000 [words of a rule's name]`.
 * The server must be an open one, or believe `user_id` and have its key in FANFARE_API_KEY. Ends with 1 where one does not hold.
 */
async function main([address, ...words]: readonly string[]): Promise<number> {
  if (address === undefined || !/^(ws|http)s?:\/\//.test(address)) {
    console.error("expected the address of a server, such as ws://127.0.0.1:8000");
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

function indented(text: string): string {
  return text.replaceAll(/^/gm, "             ");
}

process.exitCode = await main(process.argv.slice(2));
