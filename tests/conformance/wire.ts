import { describe } from "bun:test";
import { declareSuite, type Skip } from "./skip.ts";
import { wireRules } from "./wire/rules.ts";
import { WireServer } from "./wire/wire-server.ts";

/**
 * The contract of every server of this protocol. @param makeAddress called once per rule, returns an address such as
 * `ws://127.0.0.1:8000`
 */
export function wireConformance(
  name: string,
  makeAddress: () => string | Promise<string>,
  options: { readonly skip?: readonly Skip[] } = {},
): void {
  describe(`${name} keeps the wire protocol`, () => {
    declareSuite(options.skip ?? [], (test) => {
      for (const { name, holds } of wireRules) {
        test(name, async () => {
          using server = new WireServer(await makeAddress());
          await holds(server);
        });
      }
    });
  });
}
