import type { FuzzTarget } from "./target.ts";
import { bodyTarget } from "./targets/body.ts";
import { configTarget, dotenvTarget } from "./targets/config.ts";
import { cursorTarget } from "./targets/cursor.ts";
import { frameTarget } from "./targets/frame.ts";
import { handshakeTarget } from "./targets/handshake.ts";
import { tokenTarget } from "./targets/token.ts";

/** Everything that parses text from clients or operators. Created for each run, because some start a server. */
export const targets: readonly { readonly name: string; readonly make: () => FuzzTarget | Promise<FuzzTarget> }[] = [
  { name: "frame", make: frameTarget },
  { name: "body", make: bodyTarget },
  { name: "handshake", make: handshakeTarget },
  { name: "cursor", make: cursorTarget },
  { name: "token", make: tokenTarget },
  { name: "config", make: configTarget },
  { name: "dotenv", make: dotenvTarget },
];
